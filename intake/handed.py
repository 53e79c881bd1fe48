"""One file that is handed over, opened: its bytes as they are now, whatever becomes of it meanwhile.

A small file is in memory. Of a larger one a private copy is made while its digests are computed, a nameless file that
is gone with this process: its messages are cut out of the very bytes that go into the vault, in constant memory.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from archive.acquisition import rendered
from intake.errors import UnreadableFileError

MOST_FILE_BYTES: Final = 1024**3
"""Of a file, and of all that is unpacked from it."""
HELD_BYTES: Final = 16 * 1024**2
"""A file with more is not held in memory."""
_CHUNK: Final = 1024**2


@dataclass(frozen=True, slots=True)
class Handed:
    """One file.

    Attributes:
        whole: Its bytes; to slice and to search, and nothing else.
        sha256: Lower-case hex, computed while it was read; `sha512` likewise.
        facts: Its name and when it was last changed, as the door tells them.
        copy: The private copy, where it has more than `HELD_BYTES`.
    """

    whole: bytes | mmap.mmap
    sha256: str
    sha512: str
    facts: Mapping[str, Any]
    copy: IO[bytes] | None = None


@contextmanager
def opened(path: Path) -> Iterator[Handed]:
    """Read a file.

    Raises:
        UnreadableFileError: There is none, it cannot be read, or it is too large.
    """
    with ExitStack() as stack:
        try:
            handed = _read(path, stack)
        except OSError as error:
            raise UnreadableFileError(path.name, error.strerror or type(error).__name__) from error
        yield handed


@contextmanager
def gathered(pieces: Iterator[bytes], facts: Mapping[str, Any]) -> Iterator[Handed]:
    """Bytes that come piece by piece, as a file.

    Raises:
        UnreadableFileError: They are too many.
    """
    with ExitStack() as stack:
        yield _gathered(pieces, facts, stack)


def forget(whole: bytes | mmap.mmap, start: int, end: int) -> None:
    """Let go of the memory that a stretch took, once it was passed; it is read anew where it is asked for again."""
    first = start // mmap.PAGESIZE * mmap.PAGESIZE
    if isinstance(whole, mmap.mmap) and (length := end // mmap.PAGESIZE * mmap.PAGESIZE - first) > 0:
        whole.madvise(mmap.MADV_DONTNEED, first, length)


def _read(path: Path, stack: ExitStack) -> Handed:
    if not path.is_file():
        raise UnreadableFileError(path.name, _why_not(path))
    # Not to wait for ever at a pipe that took the file's place.
    source = stack.enter_context(os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb"))
    status = os.fstat(source.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFileError(path.name, "it is not a file")
    # A name may be in any encoding; it is shown, and finds nothing again.
    name = os.fsencode(path.name).decode("utf-8", "replace")
    facts = {"filename": name, "modified_at": rendered(datetime.fromtimestamp(status.st_mtime, UTC))}
    if status.st_size > MOST_FILE_BYTES:
        raise _too_large(name)
    return _gathered(iter(lambda: source.read(_CHUNK), b""), facts, stack)


def _gathered(pieces: Iterator[bytes], facts: Mapping[str, Any], stack: ExitStack) -> Handed:
    sha256, sha512, size = hashlib.sha256(), hashlib.sha512(), 0
    spool = stack.enter_context(tempfile.SpooledTemporaryFile(HELD_BYTES))  # noqa: SIM115 - the stack closes it
    for piece in pieces:
        size += len(piece)
        if size > MOST_FILE_BYTES:
            raise _too_large(str(facts["filename"]))
        sha256.update(piece)
        sha512.update(piece)
        spool.write(piece)
    spool.seek(0)
    digests = sha256.hexdigest(), sha512.hexdigest()
    if size <= HELD_BYTES:
        return Handed(spool.read(), *digests, facts)
    spool.flush()
    whole = stack.enter_context(mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ))
    return Handed(whole, *digests, facts, spool)


def _too_large(name: str) -> UnreadableFileError:
    return UnreadableFileError(name, f"it has more than {MOST_FILE_BYTES} bytes")


def _why_not(path: Path) -> str:
    if path.is_dir():
        return "the folder cannot be opened"
    return "it is not a file" if path.exists() else "there is no such file"
