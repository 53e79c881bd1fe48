"""The ledger's own proofs under audit: checkpoints, cosignatures and tokens, beside their locked copies in the vault.

Somebody with the database and the signing key can make a history in which everything fits everything else. He cannot
change what was published before: there the first entry that he changed is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Final

from sqlalchemy import Connection, or_, select

from archive.audit_scope import Fault, Ground, Page, Scope
from archive.errors import IntegrityFault
from archive.late import name_of
from archive.sequencer import tree_size
from archive.tables import checkpoint, cosignature, custody_leaf, published, timestamp_token
from archive.tiles import WIDTH, Tile, leaves_of

AT_ONCE = 512
FOLDERS: Final = ("checkpoint", "cosignature", "timestamp_token")


def copies(ground: Ground, scope: Scope, cursor: str) -> Iterator[Page]:
    """Every published proof: its row is there, and says what the vault's copy says."""
    after, told = cursor, False
    while True:
        key = published.c.name.collate("C")
        query = select(published.c.name, published.c.sha256).where(
            key > after, or_(*(published.c.name.startswith(f"{folder}/") for folder in FOLDERS))
        )
        if scope.since is not None:
            query = query.where(published.c.at >= scope.since)
        with ground.engine.connect() as connection:
            rows = [(row.name, row.sha256) for row in connection.execute(query.order_by(key).limit(AT_ONCE))]
            if not rows:
                return
            faults = _faults(connection, rows)
        if not told and any(each.place.startswith("checkpoint ") for each in faults):
            faults, told = [*faults, *_first_difference(ground)], True
        after = rows[-1][0]
        yield Page(after, len(rows), faults)


def _faults(connection: Connection, copied: Sequence[tuple[str, str]]) -> list[Fault]:
    held = _held(connection, {_size_of(name) for name, _ in copied})
    faults = []
    for name, expected in copied:
        folder, over = name.partition("/")[0], f"over checkpoint {_size_of(name)}"
        sha256, whose = held.get(name, (None, ""))
        if sha256 == expected:
            continue
        says = f"the vault's locked copy, {name}, is another" if sha256 else f"{name} has no row any more"
        if folder == "checkpoint":
            place = f"checkpoint {_size_of(name)}"
            faults.append(Fault("history_changed", place, says) if sha256 else Fault("checkpoint_missing", place, says))
        elif folder == "cosignature":
            place = f"cosignature {whose}{over}"
            known = Fault("cosignature_changed", place, says)
            faults.append(known if sha256 else Fault("cosignature_missing", place, says))
        else:
            place = f"token {whose}{over}"
            faults.append(Fault("token_changed", place, says) if sha256 else Fault("token_missing", place, says))
    return faults


def _held(connection: Connection, sizes: set[int]) -> dict[str, tuple[str, str]]:
    """What the database has over checkpoints of these sizes: by the name of its copy, its digest and whose it is."""
    notes = connection.execute(select(checkpoint.c.size, checkpoint.c.note).where(checkpoint.c.size.in_(sizes)))
    held = {f"checkpoint/{row.size:012d}": (_sha256(bytes(row.note)), "") for row in notes}
    lines = select(cosignature).where(cosignature.c.checkpoint_size.in_(sizes))
    for row in connection.execute(lines):
        name = name_of(cosignature, row.checkpoint_size, row.witness)
        held[name] = (_sha256(row.line.encode()), f"of {row.witness} ")
    responses = select(timestamp_token).where(timestamp_token.c.checkpoint_size.in_(sizes))
    for row in connection.execute(responses):
        name = name_of(timestamp_token, row.checkpoint_size, row.authority)
        held[name] = (_sha256(bytes(row.response)), f"of {row.authority} ")
    return held


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _size_of(name: str) -> int:
    return int(name.split("/")[1])


def _first_difference(ground: Ground) -> list[Fault]:
    """The first entry whose leaf is not the one that was published; what follows from it is not worth naming."""
    with ground.engine.connect() as connection:
        size = tree_size(connection)
        for start in range(0, size, WIDTH):
            copied = _bundle(connection, ground, start // WIDTH)
            query = (
                select(custody_leaf.c.leaf)
                .where(custody_leaf.c.leaf_index >= start, custody_leaf.c.leaf_index < start + len(copied))
                .order_by(custody_leaf.c.leaf_index)
            )
            stored = [bytes(leaf) for leaf in connection.execute(query).scalars()]
            for place, (mine, other) in enumerate(zip_longest(stored, copied)):
                if mine != other:
                    says = "the first whose leaf is not the one in the vault's locked bundle"
                    return [Fault("history_changed", f"entry {start + place}", says)]
    return []


def _bundle(connection: Connection, ground: Ground, number: int) -> list[bytes]:
    """The leaves of the widest published bundle of that number; none where it is not to be had.

    An object that is missing or rotten is named by the step that reads every object.
    """
    widths = {Tile(None, number, width).path: width for width in range(1, WIDTH + 1)}
    found = connection.execute(select(published).where(published.c.name.in_(list(widths)))).all()
    for row in sorted(found, key=lambda row: -widths[row.name]):
        with suppress(IntegrityFault):
            body = b"".join(ground.vault.fetch(row.vault_key, row.vault_version)[1])
            if _sha256(body) == row.sha256:
                return leaves_of(body)
    return []
