"""Files that somebody hands over: each is an acquisition, and so is each message of an mbox, a backup or a chat.

| file | becomes |
|---|---|
| `.eml`, a file of a Maildir | one mail: `file:<sha256>#0` |
| `.mbox` | the file itself (`#0`), and each message at its byte offset (`#<offset>`), exactly the bytes between |
| `.xml` of SMS Backup & Restore, by its content | the file itself, and each text, picture message and call, likewise |
| `.txt` of WhatsApp, by its content | the file itself, and each message; lines of WhatsApp's own are only counted |
| `.zip` | the file itself, and each mail, mailbox and backup in it as the file that it was (zips in it too) |
| `.zip` of WhatsApp | the chat as above, and each file with it, tied to the message that names it |
| `.msg`, any other | the file itself, with its media type |

The file itself is kept even where its messages are: so every byte of what was handed over is in the vault, the lines
between messages too. The same file twice, under whatever name, is a repeat: its digest is its source id.
A chat's first message may begin where the file does: its source id is then `file:<sha256>#0+<end>`; that of a file in
a chat's zip is where its packed bytes begin.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast
from uuid import UUID

import structlog
from sqlalchemy import Engine, func, select

from archive.accession import Archive, Belonging
from archive.acquisition import Acquisition, acquisition_id
from archive.errors import IntegrityFault
from archive.tables import acquisition, exhibit
from intake.errors import UnreadableFileError
from intake.handed import opened
from intake.reading.chats import CHAT_TYPE
from intake.unpacking import Item, Unpacking, is_maildir, media_type_of

MOST_TOLD = 10
"""Reasons of one file."""
BATCH_ITEMS, BATCH_BYTES = 50, 16 * 1024**2

Answer: TypeAlias = UUID | IntegrityFault
Arrived: TypeAlias = dict[UUID, bytes | None]
"""Exhibits of one batch, and the bytes that went into the vault; None for those too large to hold."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file.

    Attributes:
        path: The file.
        ids: The exhibits it became, itself first; some may have been there before.
        repeats: How many of them were.
        refused: Why the file, or part of it, is not in the archive or not among the messages; None where all of it is.
        taken: How many messages of each kind were found in it.
        parked: How many stretches of it are no message, by reason; they are in the archive as part of the file.
    """

    path: Path
    ids: tuple[UUID, ...]
    repeats: int = 0
    refused: str | None = None
    taken: Mapping[str, int] = field(default_factory=dict)
    parked: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """One batch that is in the archive.

    Attributes:
        arrived: The exhibits it became; some may have been there before.
        faults: Why others are not in the archive.
        repeats: How many items were there before.
        items: How many items it was.
    """

    arrived: Arrived
    faults: tuple[str, ...] = ()
    repeats: int = 0
    items: int = 0


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files to import: folders stand for every file in them, at any depth, but for hidden ones; in name order.

    A hidden folder that is a Maildir is none of those: that is how one lies within another.
    Links to folders are not followed. A path that is not there is kept, so that its import says so.
    """
    found: list[Path] = []
    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112 - unlike Path.is_dir, never raises
            found.append(path)
            continue
        # A folder that cannot be opened is kept too: its import says so.
        for folder, folders, names in os.walk(path, onerror=lambda error: found.append(Path(error.filename))):
            folders[:] = sorted(name for name in folders if not name.startswith(".") or is_maildir(Path(folder, name)))
            found.extend(Path(folder, name) for name in sorted(names) if not name.startswith("."))
    return found


def import_files(
    archive: Archive,
    files: Sequence[Path],
    belonging: Belonging,
    *,
    now: Callable[[], datetime],
    then: Callable[[Arrived], None] = lambda _: None,
) -> Iterator[Imported]:
    """Archive files, one after the other.

    Args:
        archive: Where their bytes go.
        files: From `files_of`.
        belonging: The case they are for, and the contributor who handed them over.
        now: The clock.
        then: Told of each batch as soon as it is archived; what it keeps of it, it keeps in memory.

    Yields:
        One result for each file, as soon as all of it is archived.

    Raises:
        VaultUnavailableError: The vault is away; importing the same files again goes on where it stopped.
    """
    for path in files:
        try:
            yield _import(archive, path, belonging, now, then)
        except UnreadableFileError as error:
            log.warning("import.refused")
            yield Imported(path, (), refused=error.because)


def _import(
    archive: Archive,
    path: Path,
    belonging: Belonging,
    now: Callable[[], datetime],
    then: Callable[[Arrived], None],
) -> Imported:
    source = Unpacking(now())
    ids: list[UUID] = []
    faults: list[str] = []
    repeats = 0
    with opened(path) as handed:
        for taken in take_in(archive, source.items(handed, media_type_of(path)), belonging, now=now):
            ids += taken.arrived
            faults += taken.faults
            repeats += taken.repeats
            then(taken.arrived)
    account = source.account
    told = in_short([*faults, *account.told()])
    return Imported(path, tuple(ids), repeats, told, dict(account.taken), dict(account.parked))


def take_in(
    archive: Archive, items: Iterator[Item], belonging: Belonging, *, now: Callable[[], datetime]
) -> Iterator[Taken]:
    """Archive items, a batch at a time; done again with the same, it finds repeats.

    What another case has already comes into this one as well, under source ids of its own (`_for_case`).

    Raises:
        VaultUnavailableError: The vault is away; the same items again go on where it stopped.
    """
    own: dict[UUID, UUID] = {}
    for batch in _batches(items):
        there = _cases_of(archive.engine, batch)
        ours = _for_case(batch, there, belonging.case_id, own)
        known = there if ours == batch else _cases_of(archive.engine, ours)
        taken = replace(_taken(archive, ours, belonging, now()), repeats=len(known), items=len(batch))
        # Another case may have been quicker since.
        again = _for_case(ours, _cases_of(archive.engine, ours), belonging.case_id, own)
        if changed := [new for old, new in zip(ours, again, strict=True) if new is not old]:
            lost = {old.acquisition.id for old, new in zip(ours, again, strict=True) if new is not old}
            kept = {each: raw for each, raw in taken.arrived.items() if each not in lost}
            more = _taken(archive, changed, belonging, now())
            taken = replace(taken, arrived=kept | more.arrived, faults=(*taken.faults, *more.faults))
        yield taken


def _taken(archive: Archive, batch: Sequence[Item], belonging: Belonging, now: datetime) -> Taken:
    arrived: Arrived = {}
    faults: list[str] = []
    for item, answer in zip(batch, _archived(archive, batch, belonging, now), strict=True):
        if isinstance(answer, UUID):
            arrived[answer] = item.acquisition.raw if isinstance(item.acquisition, Acquisition) else None
        else:
            faults.append(str(answer))
    return Taken(arrived, tuple(faults))


def _for_case(
    batch: Sequence[Item], there: Mapping[str, UUID | None], case_id: UUID | None, own: dict[UUID, UUID]
) -> list[Item]:
    """The items; under another source id each that is archived elsewhere: evidence of two cases is in both.

    Args:
        batch: Items on their way in.
        there: From `_cases_of`.
        case_id: The case they are for; without one, what is anywhere is there.
        own: Filled with the new ids of a chat's messages by their old ones: files of the chat name them as parents.
    """
    found = []
    for item in batch:
        moved = item
        if item.parent_id in own:
            moved = replace(moved, parent_id=own[item.parent_id])
        source_id = item.acquisition.source_id
        if case_id is not None and there.get(source_id, case_id) != case_id:
            of_case = f"{source_id}@{case_id}"
            new_id = acquisition_id(item.acquisition.channel, of_case)
            moved = replace(moved, acquisition=replace(item.acquisition, id=new_id, source_id=of_case))
            if item.acquisition.media_type == CHAT_TYPE:
                own[item.acquisition.id] = new_id
        found.append(moved)
    return found


def _archived(archive: Archive, batch: Sequence[Item], belonging: Belonging, now: datetime) -> Sequence[Answer]:
    first = batch[0]
    if first.body is not None and not isinstance(first.acquisition, Acquisition):
        return [
            archive.accession_file(
                first.acquisition, cast("BinaryIO", first.body), _belonging(first, belonging), now=now
            )
        ]
    small = [
        (item.acquisition, _belonging(item, belonging)) for item in batch if isinstance(item.acquisition, Acquisition)
    ]
    return archive.accession_now(small, now=now)


def _belonging(item: Item, belonging: Belonging) -> Belonging:
    return replace(belonging, parent_id=item.parent_id) if item.parent_id else belonging


def in_short(faults: Sequence[str]) -> str | None:
    """Reasons as one sentence, the first of them; None where there is none."""
    told = "; ".join(faults[:MOST_TOLD])
    more = len(faults) - MOST_TOLD
    return f"{told}; and {more} more" if more > 0 else told or None


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    """Items to archive together; one too large to hold alone, and before the next is asked for."""
    batch: list[Item] = []
    together = 0
    for item in items:
        size = item.acquisition.size_bytes
        if batch and (item.body or len(batch) >= BATCH_ITEMS or together + size > BATCH_BYTES):
            yield batch
            batch, together = [], 0
        if item.body:
            yield [item]
            continue
        batch.append(item)
        together += size
    if batch:
        yield batch


def _cases_of(engine: Engine, batch: Sequence[Item]) -> dict[str, UUID | None]:
    """The source ids of these that are archived already, each with its case."""
    sources = [item.acquisition.source_id for item in batch]
    query = select(acquisition.c.source_id, exhibit.c.case_id).outerjoin(exhibit, exhibit.c.id == acquisition.c.id)
    with engine.connect() as connection:
        rows = connection.execute(query.where(acquisition.c.source_id == func.any(sources))).all()
    return {row.source_id: row.case_id for row in rows}
