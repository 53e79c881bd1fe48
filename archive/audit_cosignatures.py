"""Cosignatures under audit: each is of a witness whose key counts, over the very checkpoint it stands beside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, select, tuple_

from archive.audit_scope import Fault, Ground, Page, Scope
from archive.errors import NoteRejectedError, PolicyError
from archive.signed_note import Checkpoint, Note, VerifierKey
from archive.tables import checkpoint, cosignature
from archive.witnessing import LATEST_TIME

AT_ONCE = 512


def cosignatures(ground: Ground, scope: Scope, cursor: str) -> Iterator[Page]:
    """Every cosignature, by the key it names; where keys are known from outside, that key must be among them."""
    size, _, witness = cursor.partition(" ")
    place = (int(size or 0), witness)
    while True:
        query = (
            select(cosignature, checkpoint.c.note)
            .join(checkpoint, checkpoint.c.size == cosignature.c.checkpoint_size)
            .where(tuple_(cosignature.c.checkpoint_size, cosignature.c.witness) > tuple_(*place))
            .order_by(cosignature.c.checkpoint_size, cosignature.c.witness)
            .limit(AT_ONCE)
        )
        if scope.since is not None:
            query = query.where(cosignature.c.cosigned_at >= scope.since)
        with ground.engine.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        place = (rows[-1].checkpoint_size, rows[-1].witness)
        yield Page(f"{place[0]} {place[1]}", len(rows), [fault for row in rows for fault in _faults(ground, row)])


def _faults(ground: Ground, row: Row[Any]) -> Iterator[Fault]:
    place = f"cosignature of {row.witness} over checkpoint {row.checkpoint_size}"
    try:
        key = VerifierKey.parse(row.witness)
        text = Note.parse(bytes(row.note)).text
        # Behind the text alone: what else the note has says nothing of this line.
        time = Note.parse(text.encode() + b"\n" + row.line.encode() + b"\n").signers([key])[key]
        size = Checkpoint.parse(text).size
    except (NoteRejectedError, PolicyError) as error:
        yield Fault("cosignature_refused", place, str(error))
        return
    if ground.witnesses and key not in ground.witnesses:
        yield Fault("cosignature_refused", place, "it is of no witness whose key is known from outside the database")
    said = min(time or 0, LATEST_TIME)
    if (said, size) != (int(row.cosigned_at.timestamp()), row.checkpoint_size):
        yield Fault("cosignature_changed", place, "the row says another time or size than was cosigned")
