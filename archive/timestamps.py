"""Timestamp tokens that were received and hold: which there are, what was stamped, and the bound each gives.

A token says that the stamped bytes existed at its `gen_time`: whatever lies under that checkpoint is *not later* than
that. Its digest goes back into the ledger, and whatever stands after that entry is *not earlier*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

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
