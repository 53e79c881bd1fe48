"""A file that is handed over, as the items it becomes: itself, its messages, and what a zip of it holds.

Every item is in the vault as its own bytes, and the file as its own too: nothing is taken apart without being kept.
"""

from __future__ import annotations

import mimetypes
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from archive.acquisition import Acquisition, Channel, LargeAcquisition, acquisition_id, file_source_id
from intake import handed as handing
from intake.chat_export import SNIFFED_BYTES, is_chat
from intake.containers import CHAT, MAIL, MBOX, PLAIN, Account, held_in, messages_of
from intake.errors import UnreadableFileError
from intake.handed import Handed, gathered
from intake.mbox import looks_like_mbox
from intake.reading.bundles import Entry, entries_in, entry_beginning, entry_pieces
from intake.reading.limits import NESTING
from intake.reading.parts import looks_like_mail
from intake.reading.pieces import UnopenableError

ZIP: Final = "application/zip"
UNKNOWN: Final = "application/octet-stream"
MEDIA_TYPES: Final = {
    ".amr": "audio/amr",
    ".caf": "audio/x-caf",
    ".eml": MAIL,
    ".m4a": "audio/mp4",
    ".mbox": MBOX,
    ".mbx": MBOX,
    ".msg": "application/vnd.ms-outlook",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".txt": PLAIN,
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".zip": ZIP,
}
UNPACKED: Final = (".eml", ".mbox", ".mbx", ".msg", ".xml", ".zip")
"""What is taken out of a zip; out of a chat's zip everything is. Everything else stays in it, and so in the vault."""
_SNIFFED_BYTES: Final = 64 * 1024
MAILDIR: Final = ("cur", "new")
_UNIQUE: Final = re.compile(r"[0-9]{9,11}\.[^.]")
# The table Python ships, not this machine's: the same file has the same type everywhere.
_SHIPPED = mimetypes.MimeTypes(filenames=())


@dataclass(frozen=True, slots=True)
class Item:
    """One item on its way in.

    Attributes:
        acquisition: What is received; without its bytes where they are too many to hold.
        body: A file of them then, open at its start, until the next item is asked for.
        parent_id: The message that names it, for a file of a chat.
    """

    acquisition: Acquisition | LargeAcquisition
    body: IO[bytes] | None = None
    parent_id: UUID | None = None


def media_type_of(path: Path) -> str:
    """What a file is, by its name alone: its content may be anything, and a reader finds out."""
    if path.parent.name in MAILDIR and (_is_unique(path.name) or _has_maildir(path.parent.parent)):
        return MAIL
    return _media_type_named(path.name)


def is_maildir(folder: Path) -> bool:
    """Whether a folder is a Maildir, or one within another (`.Sent`), by the folders in it."""
    return any(os.path.isdir(folder / name) for name in MAILDIR)  # noqa: PTH112 - unlike Path.is_dir, never raises


def _has_maildir(folder: Path) -> bool:
    # Copies and archives leave empty folders out.
    return sum(os.path.isdir(folder / name) for name in ("tmp", *MAILDIR)) > 1  # noqa: PTH112 - as above


def _is_unique(name: str) -> bool:
    """Whether a name is one that a Maildir gives: seconds since 1970, something unique, a host."""
    return _UNIQUE.match(name) is not None


def _media_type_named(name: str) -> str:
    known = MEDIA_TYPES.get(Path(name).suffix.lower())
    return known or _SHIPPED.guess_type(name)[0] or UNKNOWN


def _sniffed(handed: Handed) -> str:
    """What a file without a name that tells is: mail programs name mailboxes as they like (`Inbox`)."""
    beginning = handed.whole[:_SNIFFED_BYTES]
    if looks_like_mbox(beginning):
        return MBOX
    return MAIL if looks_like_mail(beginning, stated=False) else UNKNOWN


class Unpacking:
    """One file on its way in: what it becomes, once each, and what of it could not be taken out."""

    def __init__(self, at: datetime) -> None:
        self.account = Account()
        self._at = at
        self._seen: set[str] = set()
        self._unpacked = 0

    def items(self, handed: Handed, media_type: str, depth: int = 0) -> Iterator[Item]:
        """The file, then its messages, then what is in it. The same file twice in a zip is one."""
        if handed.sha256 in self._seen:
            return
        self._seen.add(handed.sha256)
        media_type = _sniffed(handed) if media_type == UNKNOWN else media_type
        entries = self._entries(handed, depth) if media_type == ZIP else []
        chats = [each for each in entries if each.is_chat]
        wanted = [each for each in entries if chats or each.is_unpacked]
        kind = CHAT if chats else held_in(handed, media_type)
        facts = {**handed.facts, **({"unpacked": len(wanted)} if wanted else {}), **({"holds": kind} if kind else {})}
        yield self._item(handed, file_source_id(handed.sha256, 0), media_type, facts)
        if not chats:
            yield from self._messages(handed, kind, {})
        beside: dict[str, UUID | None] = {name: None for each in wanted if chats for name in each.names}
        for chat in chats:
            yield from self._taken_out(handed, chat, beside, depth)
        for each in wanted:
            if not each.is_chat:
                yield from self._taken_out(handed, each, beside, depth)

    def _messages(self, handed: Handed, kind: str | None, beside: dict[str, UUID | None]) -> Iterator[Item]:
        for found in messages_of(handed, kind, self.account, self._at, beside):
            yield Item(found)

    def _entries(self, handed: Handed, depth: int) -> list[_Entry]:
        if depth >= NESTING:
            self.account.faults.append("zips lie in one another deeper than is opened; they are kept as they are")
            return []
        try:
            found = entries_in(handed.whole, handing.MOST_FILE_BYTES)
        except UnopenableError as error:
            self.account.faults.append(f"it was not unpacked: {error.because}; the file itself is kept")
            return []
        return [_entry(handed, each) for each in found]

    def _taken_out(self, handed: Handed, inside: _Entry, beside: dict[str, UUID | None], depth: int) -> Iterator[Item]:
        entry, name = inside.entry, inside.name
        # Counted before it is tried: thousands of damaged entries may share the same packed bytes.
        if entry.why_not is None and self._unpacked + entry.size_bytes > handing.MOST_FILE_BYTES:
            self._left(name, "together they are too large")
            return
        self._unpacked += entry.size_bytes if entry.why_not is None else 0
        facts = {"filename": name, "modified_at": handed.facts["modified_at"], "container_sha256": handed.sha256}
        try:
            with gathered(entry_pieces(handed.whole, entry), facts) as unpacked:
                yield from self._as_found(handed, inside, unpacked, beside, depth)
        except (UnopenableError, UnreadableFileError) as error:
            self._left(name, error.because)

    def _as_found(
        self, handed: Handed, inside: _Entry, unpacked: Handed, beside: dict[str, UUID | None], depth: int
    ) -> Iterator[Item]:
        media_type = inside.media_type
        named_by = next((parent for name in inside.names if (parent := beside.get(name))), None)
        if inside.is_chat:
            yield from self._chat(unpacked, beside)
        elif beside and (named_by or not inside.is_unpacked):
            self.account.taken["file of a chat"] += 1
            at = {"offset": inside.entry.place.offset, "part_of": CHAT}
            source_id = file_source_id(handed.sha256, inside.entry.place.offset)
            item = self._item(unpacked, source_id, media_type, {**unpacked.facts, **at})
            yield replace(item, parent_id=named_by)
        else:
            yield from self.items(unpacked, media_type, depth + 1)

    def _chat(self, unpacked: Handed, beside: dict[str, UUID | None]) -> Iterator[Item]:
        if unpacked.sha256 not in self._seen:
            self._seen.add(unpacked.sha256)
            yield self._item(unpacked, file_source_id(unpacked.sha256, 0), PLAIN, {**unpacked.facts, "holds": CHAT})
            yield from self._messages(unpacked, CHAT, beside)

    def _item(self, handed: Handed, source_id: str, media_type: str, facts: Mapping[str, Any]) -> Item:
        about: dict[str, Any] = {"channel": Channel.UPLOAD, "source_id": source_id, "media_type": media_type}
        if handed.copy is None:
            return Item(Acquisition.of(handed.whole[:], at=self._at, door=facts, **about))
        large = LargeAcquisition(
            id=acquisition_id(Channel.UPLOAD, source_id),
            sha256=handed.sha256,
            sha512=handed.sha512,
            size_bytes=len(handed.whole),
            received_at=self._at,
            door=dict(facts),
            **about,
        )
        return Item(large, handed.copy)

    def _left(self, name: str, because: str) -> None:
        self.account.faults.append(f"{name} was not taken out of it: {because}; the zip itself is kept")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file in a zip: its name without folders, what a chat may call it, and what is to be made of it."""

    entry: Entry
    name: str
    names: Sequence[str]
    is_chat: bool

    @property
    def is_unpacked(self) -> bool:
        return Path(self.name).suffix.lower() in UNPACKED or self.is_of_maildir

    @property
    def is_of_maildir(self) -> bool:
        """Whether it lies as a mail of a Maildir does."""
        folder = self.entry.name.replace("\\", "/").rpartition("/")[0].rpartition("/")[2]
        return folder in MAILDIR and _is_unique(self.name)

    @property
    def media_type(self) -> str:
        """What it is, by its name."""
        return MAIL if self.is_of_maildir else _media_type_named(self.name)


def _entry(handed: Handed, entry: Entry) -> _Entry:
    name = entry.name.replace("\\", "/").rpartition("/")[2]
    is_text = Path(name).suffix.lower() == ".txt"
    sniffed = is_text and is_chat(entry_beginning(handed.whole, entry, SNIFFED_BYTES), name)
    return _Entry(entry, name, _names(name), sniffed)


def _names(name: str) -> tuple[str, ...]:
    """What a chat may call a file: as the zip says, and as it says where its maker forgot to say "this is UTF-8"."""
    try:
        meant = name.encode("cp437").decode("utf-8")
    except UnicodeError:
        meant = name
    return tuple(dict.fromkeys(unicodedata.normalize("NFC", each) for each in (name, meant)))
