"""Files that somebody hands over: each is an acquisition, and so is each message of an mbox.

| file | becomes |
|---|---|
| `.eml`, a file of a Maildir | one mail: `file:<sha256>#0` |
| `.mbox` | the file itself (`#0`), and each message at its byte offset (`#<offset>`), exactly the bytes between |
| `.zip` | the file itself, and each mail or mailbox in it as the file that it was (zips in it too) |
| `.msg`, `.xml`, any other | the file itself, with its media type |

The file itself is kept even where its messages are: so every byte of what was handed over is in the vault, the lines
between messages too. The same file twice, under whatever name, is a repeat: its digest is its source id.
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Engine, func, select

from archive.accession import Archive, Belonging
from archive.acquisition import Acquisition, Channel, file_source_id, rendered
from archive.tables import acquisition
from intake.errors import UnreadableFileError
from intake.mbox import messages_in
from intake.reading.bundles import Entry, entries_in, entry_bytes
from intake.reading.limits import NESTING
from intake.reading.pieces import UnopenableError

MAIL, MBOX = "message/rfc822", "application/mbox"
MEDIA_TYPES = {
    ".eml": MAIL,
    ".mbox": MBOX,
    ".mbx": MBOX,
    ".msg": "application/vnd.ms-outlook",
    ".xml": "application/xml",
    ".zip": "application/zip",
}
ZIP = "application/zip"
UNKNOWN = "application/octet-stream"
MOST_FILE_BYTES = 1024**3
"""Of a file, and of all that is unpacked from it."""
MOST_TOLD = 10
"""Reasons of one file."""
UNPACKED = (".eml", ".mbox", ".mbx", ".msg", ".zip")
"""What is taken out of a zip. Everything else in it stays in it, and so in the vault."""
BATCH_ITEMS, BATCH_BYTES = 50, 16 * 1024**2
# The table Python ships, not this machine's: the same file has the same type everywhere.
_SHIPPED = mimetypes.MimeTypes(filenames=())

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file.

    Attributes:
        path: The file.
        ids: The exhibits it became, itself first; some may have been there before.
        repeats: How many of them were.
        refused: Why the file, or part of it, is not in the archive; None where all of it is.
    """

    path: Path
    ids: tuple[UUID, ...]
    repeats: int = 0
    refused: str | None = None


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files to import: folders stand for every file in them, at any depth, but for hidden ones; in name order.

    Links to folders are not followed. A path that is not there is kept, so that its import says so.
    """
    found: list[Path] = []
    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112 - unlike Path.is_dir, never raises
            found.append(path)
            continue
        # A folder that cannot be opened is kept too: its import says so.
        for folder, folders, names in os.walk(path, onerror=lambda error: found.append(Path(error.filename))):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found.extend(Path(folder, name) for name in sorted(names) if not name.startswith("."))
    return found


def import_files(
    archive: Archive, files: Sequence[Path], belonging: Belonging, *, now: Callable[[], datetime]
) -> Iterator[Imported]:
    """Archive files, one after the other.

    Args:
        archive: Where their bytes go.
        files: From `files_of`.
        belonging: The case they are for, and the contributor who handed them over.
        now: The clock.

    Yields:
        One result for each file, as soon as all of it is archived.

    Raises:
        VaultUnavailableError: The vault is away; importing the same files again goes on where it stopped.
    """
    for path in files:
        try:
            yield _import(archive, path, belonging, now)
        except UnreadableFileError as error:
            log.warning("import.refused")
            yield Imported(path, (), refused=error.because)


def _import(archive: Archive, path: Path, belonging: Belonging, now: Callable[[], datetime]) -> Imported:
    whole, facts = _read(path)
    media_type = media_type_of(path)
    ids: list[UUID] = []
    source = _Source(now())
    faults = source.faults
    repeats = 0
    for batch in _batches(source.items(whole, media_type, facts)):
        repeats += _already_there(archive.engine, batch)
        for answer in archive.accession_now([(item, belonging) for item in batch], now=now()):
            if isinstance(answer, UUID):
                ids.append(answer)
            else:
                faults.append(str(answer))
    if media_type == MBOX and len(ids) + len(faults) == 1:
        faults.append("no message was found in it; the file itself is kept")
    return Imported(path, tuple(ids), repeats, _told(faults))


def _told(faults: list[str]) -> str | None:
    told = "; ".join(faults[:MOST_TOLD])
    more = len(faults) - MOST_TOLD
    return f"{told}; and {more} more" if more > 0 else told or None


def _read(path: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        if not path.is_file():
            raise UnreadableFileError(path.name, _why_not(path))
        status = path.stat()
        if status.st_size > MOST_FILE_BYTES:
            raise UnreadableFileError(path.name, f"it has more than {MOST_FILE_BYTES} bytes")
        whole = path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(path.name, error.strerror or type(error).__name__) from error
    # A name may be in any encoding; it is shown, and finds nothing again.
    name = os.fsencode(path.name).decode("utf-8", "replace")
    return whole, {"filename": name, "modified_at": rendered(datetime.fromtimestamp(status.st_mtime, UTC))}


def _why_not(path: Path) -> str:
    if path.is_dir():
        return "the folder cannot be opened"
    return "it is not a file" if path.exists() else "there is no such file"


def media_type_of(path: Path) -> str:
    """What a file is, by its name alone: its content may be anything, and a reader finds out."""
    if path.parent.name in {"cur", "new"} and (path.parent.parent / "tmp").is_dir():
        return MAIL
    known = MEDIA_TYPES.get(path.suffix.lower())
    return known or _SHIPPED.guess_type(path.name)[0] or UNKNOWN


@dataclass(slots=True)
class _Source:
    """One file on its way in: what it becomes, once each, and what of it could not be taken out."""

    at: datetime
    faults: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    unpacked: int = 0

    def items(self, whole: bytes, media_type: str, facts: dict[str, Any], depth: int = 0) -> Iterator[Acquisition]:
        """The file, then its messages. The same file twice in a zip is one."""
        container = hashlib.sha256(whole).hexdigest()
        if container in self.seen:
            return
        self.seen.add(container)
        entries = self._entries(whole, depth) if media_type == ZIP else ()
        own = facts | ({"unpacked": len(entries)} if entries else {})
        yield self._item(whole, container, 0, media_type, own)
        if media_type == MBOX:
            for found in messages_in(whole):
                line = found.line.decode("utf-8", "backslashreplace")
                more = {"container_sha256": container, "offset": found.start, "mbox_line": line}
                yield self._item(whole[found.start : found.end], container, found.start, MAIL, facts | more)
        for name, entry in entries:
            more = {"filename": name, "modified_at": facts["modified_at"], "container_sha256": container}
            data = self._unpacked(whole, name, entry)
            if data is not None:
                yield from self.items(data, media_type_of(Path(name)), more, depth + 1)

    def _item(self, raw: bytes, container: str, offset: int, kind: str, door: dict[str, Any]) -> Acquisition:
        source_id = file_source_id(container, offset)
        return Acquisition.of(raw, channel=Channel.UPLOAD, source_id=source_id, at=self.at, media_type=kind, door=door)

    def _entries(self, whole: bytes, depth: int) -> list[tuple[str, Entry]]:
        """The mails and mailboxes in a zip, by their names without folders."""
        if depth >= NESTING:
            self.faults.append("zips lie in one another deeper than is opened; they are kept as they are")
            return []
        try:
            entries = entries_in(whole)
        except UnopenableError as error:
            self.faults.append(f"it was not unpacked: {error.because}; the file itself is kept")
            return []
        named = [(each.name.replace("\\", "/").rpartition("/")[2], each) for each in entries]
        return [(name, each) for name, each in named if Path(name).suffix.lower() in UNPACKED]

    def _unpacked(self, whole: bytes, name: str, entry: Entry) -> bytes | None:
        # Counted before it is tried: thousands of damaged entries may share the same packed bytes.
        if entry.why_not is None and self.unpacked + entry.size_bytes > MOST_FILE_BYTES:
            self.faults.append(f"{name} was not taken out of it: together they are too large; the zip itself is kept")
            return None
        self.unpacked += entry.size_bytes if entry.why_not is None else 0
        try:
            return entry_bytes(whole, entry)
        except UnopenableError as error:
            self.faults.append(f"{name} was not taken out of it: {error.because}; the zip itself is kept")
            return None


def _batches(items: Iterator[Acquisition]) -> Iterator[list[Acquisition]]:
    batch: list[Acquisition] = []
    for item in items:
        together = item.size_bytes + sum(other.size_bytes for other in batch)
        if batch and (len(batch) >= BATCH_ITEMS or together > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _already_there(engine: Engine, batch: Sequence[Acquisition]) -> int:
    sources = [item.source_id for item in batch]
    with engine.connect() as connection:
        query = select(func.count()).where(acquisition.c.source_id == func.any(sources))
        return int(connection.execute(query).scalar_one())
