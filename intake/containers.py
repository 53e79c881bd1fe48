"""What is in a file that was handed over: each message as an acquisition, its bytes a slice of the file's.

A message's source id is its container's digest and its offset, so the same file, under whatever name, gives the same
ids. What is no message is counted by reason, and is in the archive as part of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from archive.acquisition import Acquisition, Channel, file_source_id
from intake.chat_export import entries_in, is_chat, order_of
from intake.handed import Handed, forget
from intake.mbox import messages_in
from intake.reading.backups import BACKUP_TYPE
from intake.reading.chats import CHAT_TYPE, files_named
from intake.sms_backup import Backup, Record, backup_of, records_in

MAIL: Final = "message/rfc822"
MBOX: Final = "application/mbox"
XML: Final = frozenset({"application/xml", "text/xml"})
PLAIN: Final = "text/plain"
MAILBOX, BACKUP, CHAT = "mailbox", "backup", "chat"
_KEPT: Final = "the file itself is kept"


@dataclass(slots=True)
class Account:
    """What was found in one file: filled while its messages are read, complete when the last was.

    Attributes:
        taken: Messages by kind; "system line": lines of WhatsApp's own, which are no events.
        parked: Stretches that are no message, by reason.
        faults: What to tell the person besides.
    """

    taken: Counter[str] = field(default_factory=Counter)
    parked: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def told(self) -> list[str]:
        """Why the file was not taken whole, in sentences; empty where it was."""
        said = list(self.faults)
        if self.parked:
            reasons = ", ".join(f"{count} {because}" for because, count in sorted(self.parked.items()))
            said.append(f"not taken as messages: {reasons}; {_KEPT}")
        return said


def held_in(handed: Handed, media_type: str) -> str | None:
    """What a file holds messages of: "mailbox", "backup", "chat"; None where it is no container that we know.

    Args:
        handed: The file.
        media_type: What its name says it is.
    """
    if media_type == MBOX:
        return MAILBOX
    if media_type in XML and backup_of(handed.whole) is not None:
        return BACKUP
    return CHAT if media_type == PLAIN and is_chat(handed.whole, handed.facts["filename"]) else None


def messages_of(
    handed: Handed, kind: str | None, account: Account, at: datetime, beside: dict[str, UUID | None]
) -> Iterator[Acquisition]:
    """Every message in a file, in order.

    Args:
        handed: The file.
        kind: From `held_in`.
        account: Filled.
        at: When it was received.
        beside: Names of files that lie beside a chat; each gets the id of the first message that names it.
    """
    if kind == MAILBOX:
        yield from _of_mbox(handed, account, at)
    elif kind == BACKUP and (backup := backup_of(handed.whole)) is not None:
        yield from _of_backup(handed, backup, account, at)
    elif kind == CHAT:
        yield from _of_chat(handed, account, at, beside)


def _of_mbox(handed: Handed, account: Account, at: datetime) -> Iterator[Acquisition]:
    count = 0
    for count, found in enumerate(messages_in(handed.whole), 1):  # noqa: B007 - asked below
        account.taken["mail"] += 1
        line = found.line.decode("utf-8", "backslashreplace")
        yield _slice(handed, found.start, found.end, MAIL, {"mbox_line": line}, at)
    if not count:
        account.faults.append(f"no message was found in it; {_KEPT}")


def _of_backup(handed: Handed, backup: Backup, account: Account, at: datetime) -> Iterator[Acquisition]:
    more, count = {"encoding": backup.encoding}, 0
    for found in records_in(handed.whole):
        if isinstance(found, Record):
            count += 1
            account.taken[found.name] += 1
            yield _slice(handed, found.start, found.end, BACKUP_TYPE, more, at)
        else:
            account.parked[found.because] += 1
    if backup.count is not None and backup.count != count:
        account.faults.append(f"it says that it holds {backup.count} messages, {count} were found; {_KEPT}")


def _of_chat(handed: Handed, account: Account, at: datetime, beside: dict[str, UUID | None]) -> Iterator[Acquisition]:
    more = {"date_order": order_of(handed.whole)}
    for entry in entries_in(handed.whole):
        if entry.begins is None:
            if handed.whole[entry.start : entry.end].strip():
                account.parked["text before the first message"] += 1
        elif entry.is_message:
            account.taken["chat"] += 1
            item = _slice(handed, entry.start, entry.end, CHAT_TYPE, more, at)
            for name in files_named(item.raw) if beside else ():
                if name in beside:
                    beside[name] = beside[name] or item.id
            yield item
        else:
            account.taken["system line"] += 1  # WhatsApp's own words are nobody's message: they stay in the export


def _slice(handed: Handed, start: int, end: int, media_type: str, more: Mapping[str, Any], at: datetime) -> Acquisition:
    raw = handed.whole[start:end]
    forget(handed.whole, start, end)
    # A chat's first message begins where the file does, whose own id that offset is.
    return Acquisition.of(
        raw,
        channel=Channel.UPLOAD,
        source_id=file_source_id(handed.sha256, start) + ("" if start else f"+{end}"),
        at=at,
        media_type=media_type,
        door={**handed.facts, "container_sha256": handed.sha256, "offset": start, **more},
    )
