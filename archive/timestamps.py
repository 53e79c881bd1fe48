"""Timestamp tokens that were received and hold: which there are, what was stamped, and the bound each gives.

A token says that the stamped bytes existed at its `gen_time`: whatever lies under that checkpoint is *not later* than
that. Its digest goes back into the ledger, and whatever stands after that entry is *not earlier*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, literal, select
from sqlalchemy.sql.selectable import LateralFromClause

from archive.signed_note import Note
from archive.tables import timestamp_token


@dataclass(frozen=True, slots=True)
class Token:
    """One timestamp token over one checkpoint.

    Attributes:
        checkpoint_size: Of the checkpoint whose stamped bytes it is over.
        authority: The authority's address, without credentials.
        signer: Subject of the certificate that signed it, as the token names it.
        response: The whole TimeStampResp as it was received, DER.
        sha256: Of the response, lower-case hex; what `timestamp.received` has in the ledger.
        gen_time: When, by the token itself; never our clock.
        accuracy: How far from `gen_time` the authority allows itself to be; nought where it states nothing.
        demonstration: Whether it is the demonstration authority's, and so proves nothing to anyone outside.
    """

    checkpoint_size: int
    authority: str
    signer: str
    response: bytes = field(repr=False)
    sha256: str
    gen_time: datetime
    accuracy: timedelta
    demonstration: bool

    @property
    def not_later_than(self) -> datetime:
        """The latest moment at which what it covers can have come into being."""
        return self.gen_time + self.accuracy


@dataclass(frozen=True, slots=True)
class Bound:
    """Until when at the latest something existed, and who vouches for it.

    Attributes:
        not_later_than: The token's time and what accuracy its authority states.
        signer: Subject of the certificate that signed the token.
        authority: The authority's address.
        demonstration: Whether it is the demonstration authority, who vouches for nothing.
    """

    not_later_than: datetime
    signer: str
    authority: str
    demonstration: bool


def bounding(leaf_index: ColumnElement[int]) -> LateralFromClause:
    """The token that bounds the entry at a leaf index: over the smallest checkpoint that covers it, the earliest.

    To be joined; `bound_of` reads what a row has of it. Its columns are null where no token covers the entry yet.
    """
    late = (timestamp_token.c.gen_time + timestamp_token.c.accuracy_ms * literal(timedelta(milliseconds=1))).label(
        "not_later_than"
    )
    return (
        select(
            late,
            timestamp_token.c.signer.label("token_signer"),
            timestamp_token.c.authority.label("token_authority"),
            timestamp_token.c.demonstration.label("token_demonstration"),
        )
        .where(timestamp_token.c.checkpoint_size > leaf_index)
        .order_by(timestamp_token.c.checkpoint_size, late)
        .limit(1)
        .lateral("bound")
    )


def bound_of(row: Row[Any]) -> Bound | None:
    """The bound in a row that `bounding` was joined to; None where no token covers the entry yet."""
    if row.not_later_than is None:
        return None
    return Bound(row.not_later_than, row.token_signer, row.token_authority, row.token_demonstration)


def stamped_bytes(note: bytes) -> bytes:
    """The bytes that are stamped of a checkpoint's note: its text and the log's own signature lines, in their order.

    Whatever witnesses add later is left out, so that the note as the sequencer stored it and the same note with
    cosignatures give the same bytes. The log's lines are those under the checkpoint's origin (docs/package.md).

    Raises:
        NoteRejectedError: It is not a signed note.
    """
    parsed = Note.parse(note)
    origin = parsed.text.partition("\n")[0]
    return Note(parsed.text, tuple(line for line in parsed.signatures if line.name == origin)).encode()


def tokens_of(connection: Connection, size: int) -> list[Token]:
    """The tokens over the checkpoint of that size, by authority."""
    query = (
        select(timestamp_token).where(timestamp_token.c.checkpoint_size == size).order_by(timestamp_token.c.authority)
    )
    return [token_of(row) for row in connection.execute(query)]


def token_of(row: Row[Any]) -> Token:
    """A token from its row."""
    return Token(
        checkpoint_size=row.checkpoint_size,
        authority=row.authority,
        signer=row.signer,
        response=bytes(row.response),
        sha256=row.sha256,
        gen_time=row.gen_time,
        accuracy=timedelta(milliseconds=row.accuracy_ms),
        demonstration=row.demonstration,
    )
