"""What is fuzzed, and what must hold for any bytes. A target raises where something does not; it returns otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from intake import chat_export, mbox, sms_backup
from intake.reading import Reading, from_json, part_bytes, read, to_json
from intake.reading.backups import BACKUP_TYPE
from intake.reading.chats import CHAT_TYPE
from intake.reading.forwarded import find_forward
from intake.reading.model import displayable
from intake.reading.text_of_html import text_of_html

LARGEST: Final = 20_000
"""Bytes of one input: what goes wrong goes wrong in less, and more only costs time."""


class BrokenPromiseError(Exception):
    """A reader did what it must never do."""


def _hold(holds: bool, promise: str) -> None:
    if not holds:
        raise BrokenPromiseError(promise)


def _reading(data: bytes, channel: str, media_type: str, door: dict[str, Any]) -> Reading:
    """Read, and hold what is true of every reading: above all that the reader did not fail."""
    reading = read(data, channel=channel, media_type=media_type, door=door)
    _hold(reading.state == "read", reading.unreadable_because or "read")
    document = json.dumps(to_json(reading), ensure_ascii=False)
    document.encode()
    _hold(from_json(json.loads(document)) == reading, "a reading comes back from its document")
    return reading


def forward(data: bytes) -> None:
    """A text, and the same as HTML: whoever is named stands in it, and every span lies inside it."""
    text = displayable(data[1:].decode("utf-8", "replace"))
    subject = (None, "Fwd: a", "FW: a", "Re: a", "a", "WG: a", "VS: a", "RE: FW: a")[data[0] % 8] if data else None
    marked = text_of_html(text)
    for source, marks in ((text, ()), (marked.text, marked.marked)):
        found = find_forward(source, subject, frozenset({"d@example.com"}), marks)
        if found is None:
            continue
        address = found.author.address
        _hold(address is None or address in found.source.replace("\n", " "), "nobody is named out of nothing")
        _hold(all(0 <= each.start <= each.end <= len(found.source) for each in found.spans), "spans lie in the source")
        _hold(found.header_start <= found.header_end <= found.body_end <= len(found.source), "the parts are in order")


def mail(data: bytes) -> None:
    """A mail: every part can be cut out of the bytes again, with the digest that was recorded."""
    for attachment in _reading(data, "email", "message/rfc822", {}).attachments:
        part_bytes(data, attachment)


def text(data: bytes) -> None:
    """A webhook's form."""
    _reading(data, "sms", "application/x-www-form-urlencoded", {})


def backup(data: bytes) -> None:
    """A telephone's backup: its pieces do not overlap, and each can be read."""
    sms_backup.backup_of(data)
    position = 0
    for piece in sms_backup.records_in(data):
        _hold(position <= piece.start <= piece.end <= len(data), "the pieces of a backup are in order")
        position = piece.end
        _reading(data[piece.start : piece.end], "upload", BACKUP_TYPE, {})


def chat(data: bytes) -> None:
    """A chat's export: every byte belongs to one entry, and each can be read."""
    chat_export.is_chat(data)
    order = chat_export.order_of(data)
    position = 0
    for entry in chat_export.entries_in(data):
        _hold(entry.start == position, "no line of a chat is left out")
        position = entry.end
        _reading(data[entry.start : entry.end], "upload", CHAT_TYPE, {"date_order": order})
    _hold(position == len(data), "a chat is read to its end")


def mailbox(data: bytes) -> None:
    """An mbox file: its messages do not overlap."""
    mbox.looks_like_mbox(data)
    position = 0
    for piece in mbox.messages_in(data):
        _hold(position <= piece.start <= piece.end <= len(data), "the messages of an mbox are in order")
        position = piece.end


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "forward": forward,
    "mail": mail,
    "text": text,
    "backup": backup,
    "chat": chat,
    "mailbox": mailbox,
}
