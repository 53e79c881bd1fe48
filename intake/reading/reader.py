"""One acquisition in, one reading out, whatever the bytes: the reader's front."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from intake.diary_document import ANSWERS_TYPE, DIARY_TYPE
from intake.reading import limits
from intake.reading.backups import BACKUP_TYPE, read_backup
from intake.reading.chats import CHAT_TYPE, read_chat
from intake.reading.containers import OUTLOOK_TYPES, ZIP_TYPES, slice_bytes
from intake.reading.diary import entry_of
from intake.reading.files import read_file
from intake.reading.forms import read_answers_form, read_diary_form
from intake.reading.identifiers import find_identifiers
from intake.reading.mail import read_mail
from intake.reading.media import MEDIA_BYTES, is_media, with_media
from intake.reading.model import Attachment, Claimed, Reading, Slice, displayable
from intake.reading.pieces import UnopenableError
from intake.reading.texts import read_form, read_text
from intake.reading.transfer import decode_text
from intake.twilio_document import JSON, as_form

READER_VERSION: Final = 5
"""Raised whenever the same bytes would be read differently."""

_FORM: Final = "application/x-www-form-urlencoded"
_FORMS: Final = {DIARY_TYPE: read_diary_form, ANSWERS_TYPE: read_answers_form}
_RECORDS: Final = {BACKUP_TYPE: read_backup, CHAT_TYPE: read_chat}
_HOLDERS: Final = OUTLOOK_TYPES | ZIP_TYPES | _RECORDS.keys()
_EXPORTS: Final = frozenset({"backup", "chat"})
_DIARY_FIELDS: Final = ("text", "entry", "body", "Body", "words", "what")


def opens(*, channel: str, media_type: str, size_bytes: int = 0) -> bool:
    """Whether `read` looks at the bytes of such an acquisition; of others (films, large recordings) it needs none."""
    kind = media_type.partition(";")[0].strip().lower()
    if is_media(kind):
        return size_bytes <= MEDIA_BYTES
    is_form = channel == "sms" and kind in {_FORM, JSON}
    mails = {"message/rfc822", "message/global", *OUTLOOK_TYPES, *ZIP_TYPES}
    return channel == "diary" or is_form or kind in mails or kind in {"text/plain", *_RECORDS}


def read(raw: bytes, *, channel: str, media_type: str, door: Mapping[str, Any]) -> Reading:
    """Read one acquisition's bytes. Never raises, for any bytes.

    Args:
        raw: The bytes as received.
        channel: "sms" (a Twilio webhook's body, or media of one), "email", "upload" or "diary".
        media_type: What the door said they are; parameters after a semicolon are allowed.
        door: What the door knows besides. "filename" names an upload.

    Returns:
        A reading; with state "unreadable" and the reason where the reader failed.
    """
    try:
        if len(raw) > limits.RAW_BYTES:
            return unreadable(f"larger than the reader opens ({len(raw)} bytes)")
        kind = media_type.partition(";")[0].strip().lower()
        found = with_media(_read(raw, channel, kind, door), raw, kind)
        return replace(found, unfinished=True) if door.get("unfinished") is True else found
    except Exception as error:  # noqa: BLE001 - the edge: any fault of the reader is a state of the reading, never a lost item
        return unreadable(f"the reader failed: {type(error).__name__}")


def _read(raw: bytes, channel: str, media_type: str, door: Mapping[str, Any]) -> Reading:
    if channel == "sms" and media_type in (_FORM, JSON):
        return read_text(as_form(raw) if media_type == JSON else raw, READER_VERSION)
    if media_type in _HOLDERS or door.get("holds"):
        return _read_container(raw, media_type, door)
    if media_type in ("message/rfc822", "message/global"):
        return read_mail(raw, READER_VERSION, is_original=channel == "upload")
    if media_type in _FORMS:
        return _FORMS[media_type](raw, READER_VERSION)
    if channel == "diary":
        return _read_diary(raw, media_type)
    return _read_plain(raw) if media_type == "text/plain" else _read_name(door)


def _read_container(raw: bytes, media_type: str, door: Mapping[str, Any]) -> Reading:
    """A file that may hold messages, or one of them. Where each was archived for itself, it is only a file."""
    if media_type in _RECORDS:
        return _RECORDS[media_type](raw, READER_VERSION, door)
    if door.get("holds") or door.get("unpacked"):
        claimed = Claimed(source="export" if door.get("holds") in _EXPORTS else "none")
        return Reading(READER_VERSION, kind="attachment", subject=_name_of(door), claimed=claimed)
    return read_file(raw, READER_VERSION, media_type, _name_of(door))


def _read_name(door: Mapping[str, Any]) -> Reading:
    """A file whose words are not read; one that came in a chat's export is part of that."""
    is_of_chat = door.get("part_of") == "chat"
    return Reading(READER_VERSION, subject=_name_of(door), claimed=Claimed(source="export" if is_of_chat else "none"))


def _name_of(door: Mapping[str, Any]) -> str | None:
    name = door.get("filename")
    return displayable(name)[: limits.DOOR_CHARACTERS] if isinstance(name, str) and name else None


def _read_plain(raw: bytes) -> Reading:
    text, odd = decode_text(raw[: limits.HTML_CHARACTERS], None)
    shown = displayable(text[: limits.TEXT_CHARACTERS])
    plain = Reading(READER_VERSION, text=shown, identifiers=find_identifiers(shown), defects=(odd,) if odd else ())
    entry = entry_of(shown)
    if entry is None:
        return plain
    return replace(plain, kind=entry.kind, claimed=entry.claimed, hints=entry.hints, own_words=True)


def _read_diary(raw: bytes, media_type: str) -> Reading:
    """An entry's text alone, or a plain form with it: the contributor's own words, verbatim."""
    if media_type != _FORM:
        plain = _read_plain(raw)
        return replace(plain, kind="call" if plain.kind == "call" else "diary", own_words=True)
    fields, defects = read_form(raw)
    words = next((value for wanted in _DIARY_FIELDS for name, value in fields if name == wanted), "")
    shown = displayable(words)
    headers = tuple((displayable(name), displayable(value)) for name, value in fields if value != words)
    entry = entry_of(shown)
    return Reading(
        READER_VERSION,
        kind=entry.kind if entry else "diary",
        text=shown,
        headers=headers,
        identifiers=find_identifiers(shown),
        own_words=True,
        defects=defects,
    )


def unreadable(reason: str) -> Reading:
    """The reading of bytes that could not be read."""
    return Reading(READER_VERSION, state="unreadable", unreadable_because=displayable(reason))


def part_bytes(raw: bytes, attachment: Attachment) -> bytes:
    """The decoded bytes of an attachment, from its slice of the raw bytes.

    Raises:
        ValueError: they are not the bytes whose digest the reading recorded.
    """
    own = Slice(attachment.offset, attachment.length, attachment.encoding)
    try:
        data = slice_bytes(raw, (*attachment.outer, own))
    except UnopenableError as error:
        raise PartMismatchError(attachment.index, attachment.sha256, f"nothing: {error.because}") from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != attachment.sha256:
        raise PartMismatchError(attachment.index, attachment.sha256, actual)
    return data


class PartMismatchError(ValueError):
    """The bytes of a part are not those that were read: the raw bytes, or the reading, have changed since."""

    def __init__(self, index: int, expected: str, actual: str) -> None:
        super().__init__(index, expected, actual)
        self.index, self.expected, self.actual = index, expected, actual

    def __str__(self) -> str:
        return f"part {self.index}: recorded sha256 {self.expected}, read {self.actual}"
