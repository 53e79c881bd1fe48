"""Bytes that arrive in pieces: kept as rows until the vault has the whole.

A large file is never in memory at once: each piece is committed as it comes, the digests of the whole are computed over
the pieces, and the vault reads them as one file. Pieces are added and let go, never changed (migration 0003).
"""

from __future__ import annotations

import bisect
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update

from archive.errors import DigestMismatchError, IntegrityFault, PieceMissingError
from archive.tables import upload, upload_piece

if TYPE_CHECKING:  # the standard library has this for type checkers alone
    from _typeshed import WriteableBuffer

PIECE_BYTES: Final = 4 * 1024 * 1024
"""The most that is read from a door before it is committed, and the most of one file that is in memory."""


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of a whole, lower-case hex."""

    sha256: str
    sha512: str


def add_piece(connection: Connection, upload_id: UUID, start: int, body: bytes) -> None:
    """Keep one piece, in the caller's transaction.

    Raises:
        IntegrityError: A piece begins there already.
    """
    values = {"upload_id": upload_id, "start": start, "body": body, "sha256": hashlib.sha256(body).hexdigest()}
    connection.execute(insert(upload_piece).values(values))


def digests_of(connection: Connection, upload_id: UUID, size_bytes: int) -> Digests:
    """Digests of the whole, read piece by piece.

    Raises:
        PieceMissingError: The pieces do not make up `size_bytes`.
        DigestMismatchError: A piece is not what was received.
    """
    sha256, sha512 = hashlib.sha256(), hashlib.sha512()
    for piece in PiecesFile(connection, upload_id, size_bytes):
        sha256.update(piece)
        sha512.update(piece)
    return Digests(sha256.hexdigest(), sha512.hexdigest())


def let_go(connection: Connection, upload_id: UUID, *, at: datetime) -> None:
    """Remove the pieces of an upload that is in the vault, or was given up.

    Raises:
        DBAPIError: Its acquisition is not in the vault: the database refuses.
    """
    connection.execute(delete(upload_piece).where(upload_piece.c.upload_id == upload_id))
    connection.execute(update(upload).where(upload.c.id == upload_id).values(let_go_at=at))


class PiecesFile(io.RawIOBase):
    """The pieces of one upload as a file to read and seek in; holds one piece at a time.

    A piece that is not what was received ends reading with its fault, which stays in `fault`: whoever reads for us may
    wrap what is raised.
    """

    def __init__(self, connection: Connection, upload_id: UUID, size_bytes: int) -> None:
        super().__init__()
        self._connection, self._upload_id, self._size = connection, upload_id, size_bytes
        self._starts = _starts(connection, upload_id, size_bytes)
        self._at = 0
        self._held: tuple[int, bytes] = (0, b"")
        self.fault: IntegrityFault | None = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes: a vault that is asked again starts again."""
        return True

    def tell(self) -> int:
        """Where the next byte is read from."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place in the whole."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read some bytes; 0 at the end.

        Raises:
            DigestMismatchError: A piece is not what was received.
        """
        view = memoryview(buffer).cast("B")
        if self._at >= self._size:
            return 0
        start, body = self._piece_at(self._at)
        found = body[self._at - start : self._at - start + len(view)]
        view[: len(found)] = found
        self._at += len(found)
        return len(found)

    def __iter__(self) -> Iterator[bytes]:
        """The pieces from the first on, whatever was read before."""
        for start in self._starts:
            yield self._piece_at(start)[1]

    def _piece_at(self, place: int) -> tuple[int, bytes]:
        start = self._starts[bisect.bisect_right(self._starts, place) - 1]
        if self._held[0] != start or not self._held[1]:
            self._held = (start, self._read(start))
        return self._held

    def _read(self, start: int) -> bytes:
        mine = (upload_piece.c.upload_id == self._upload_id) & (upload_piece.c.start == start)
        row = self._connection.execute(select(upload_piece.c.body, upload_piece.c.sha256).where(mine)).one()
        body = bytes(row.body)
        actual = hashlib.sha256(body).hexdigest()
        if actual != row.sha256:
            self.fault = DigestMismatchError(f"{self._upload_id} at {start}", row.sha256, actual)
            raise self.fault
        return body


def _starts(connection: Connection, upload_id: UUID, size_bytes: int) -> list[int]:
    """Where each piece begins: from the first byte to the last, without a gap."""
    query = select(upload_piece.c.start, func.octet_length(upload_piece.c.body).label("size")).where(
        upload_piece.c.upload_id == upload_id
    )
    rows = connection.execute(query.order_by(upload_piece.c.start)).all()
    ends = [0, *(row.start + row.size for row in rows)]
    starts = [*(row.start for row in rows), size_bytes]
    for end, start in zip(ends, starts, strict=True):
        if end != start:
            raise PieceMissingError(str(upload_id), min(end, start))
    return starts[:-1]
