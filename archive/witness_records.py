"""What a witness remembers, in plain files: for each log the last checkpoint it cosigned, and what contradicted it.

    FOLDER/<sha256 of the origin>/checkpoint                         the note, with the log's lines and our own
    FOLDER/<sha256 of the origin>/contradictions/<size>-<root>/      `submitted` as it came, `cosigned` as we knew it

Promise: a log's record is looked at and replaced under one lock, across threads and processes, and a replaced record is
on disk before anybody learns of it. So whatever crashes, and whenever: no second root of one size, and no way back.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from archive.durable import replace_durably, sync_folder
from archive.errors import NoteRejectedError
from archive.signed_note import Checkpoint, Note

# Anybody may send what contradicts; a disk is finite. The first ones tell the story.
MOST_CONTRADICTIONS = 100


@dataclass(frozen=True, slots=True)
class Records:
    """The records of every log a witness knows."""

    folder: Path

    @contextmanager
    def of(self, origin: str) -> Iterator[LogRecord]:
        """One log's record, held for this caller alone as long as the block runs."""
        folder = self.folder / name_of(origin)
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            sync_folder(self.folder)
        with (folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield LogRecord(folder, origin)

    def contradictions(self) -> list[Path]:
        """Where everything lies that a log signed against itself, oldest size first."""
        return sorted(self.folder.glob("*/contradictions/*"), key=lambda path: (path.parts[-3], path.name))


@dataclass(frozen=True, slots=True)
class LogRecord:
    """What is remembered of one log. Only inside `Records.of`."""

    folder: Path
    origin: str

    def latest(self) -> Note | None:
        """The last checkpoint that was cosigned, with our cosignature on it; None before the first.

        Raises:
            NoteRejectedError: The file is damaged, or is another log's: it must be put back, not started anew.
        """
        try:
            note = Note.parse((self.folder / "checkpoint").read_bytes())
        except FileNotFoundError:
            return None
        if Checkpoint.parse(note.text).origin != self.origin:
            raise NoteRejectedError(f"the record of {self.origin} is another log's")
        return note

    def replace(self, note: Note) -> None:
        """Remember a checkpoint as the last; on return it is on disk."""
        replace_durably(self.folder / "checkpoint", note.encode())

    def keep_contradiction(self, asked: Checkpoint, submitted: bytes, cosigned: Note) -> None:
        """Keep a validly signed checkpoint that does not continue the one we cosigned, beside that one."""
        kept = self.folder / "contradictions"
        place = kept / f"{asked.size:019d}-{asked.root.hex()}"
        if (place / "submitted").exists() or (kept.is_dir() and len(list(kept.iterdir())) >= MOST_CONTRADICTIONS):
            return
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_durably(place / "cosigned", cosigned.encode())
        replace_durably(place / "submitted", submitted)
        sync_folder(kept)
        sync_folder(self.folder)


def name_of(origin: str) -> str:
    """The folder of a log: its origin may hold anything, a digest is plain."""
    return hashlib.sha256(origin.encode()).hexdigest()
