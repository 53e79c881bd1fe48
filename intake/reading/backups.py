"""One message or call of a phone's backup (SMS Backup & Restore), read from its own bytes.

The backup's fields: `date` is the phone's clock in milliseconds since 1970 UTC, so its zone is known; `readable_date`
is that in the phone's language and is only shown. Numbers and names stay as the phone reports them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from intake.reading import limits
from intake.reading.identifiers import find_identifiers
from intake.reading.model import Attachment, Claimed, Direction, Headers, Reading, Reported
from intake.reading.transfer import XML_BASE64, decode_transfer
from intake.reading.xml_slice import Tag, tags_of

BACKUP_TYPE: Final = "application/vnd.holdfast.sms-backup+xml"
SMS, MMS, CALL = "sms", "mms", "call"

_BOXES: Final = {"1": "received", "2": "sent", "3": "draft", "4": "outbox", "5": "failed", "6": "queued"}
_CALLS: Final = {"1": "incoming", "2": "outgoing", "3": "missed", "4": "voicemail", "5": "rejected", "6": "blocked"}
_WRITTEN_HERE: Final = frozenset({"2", "4", "5", "6"})
_DRAFT: Final = "3"
_WITHHELD: Final = {"2": "restricted", "3": "unknown", "4": "payphone"}
_ADDRESS_KINDS: Final = {"137": "from", "151": "to", "130": "cc", "129": "bcc"}
_NOBODY: Final = frozenset({"", "(unknown)", "insert-address-token"})
_CHOSEN: Final = ("readable_date", "contact_name", "address", "number", "date_sent", "service_center", "read", "status",
                  "sub_id", "m_id", "tr_id", "ct_t", "subscription_id", "post_dial_digits")  # fmt: skip
_MILLISECONDS: Final = re.compile(r"[0-9]{11,14}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS: Final = range(1990, 2101)
_LAYOUT: Final = "application/smil"


def read_backup(raw: bytes, version: int, door: Mapping[str, Any]) -> Reading:
    """Read one record. Total: what is missing or broken is empty, and `defects` says so."""
    stated = door.get("encoding")
    tags = [tag for tag, _ in zip(tags_of(raw, stated if isinstance(stated, str) else "utf-8"), range(limits.PARTS))]  # noqa: B905 - the shorter ends it
    if not tags or tags[0].name not in (SMS, MMS, CALL):
        return Reading(version, claimed=Claimed(source="export"), defects=("not a record of a backup",))
    first = tags[0]
    if first.name == CALL:
        return _call(first, version)
    return _sms(first, version) if first.name == SMS else _mms(first, tags[1:], version)


def _sms(tag: Tag, version: int) -> Reading:
    box = tag.value("type") or ""
    direction, other = _direction(box), _reported(tag.value("address"), tag.value("contact_name"))
    text = (tag.value("body") or "")[: limits.TEXT_CHARACTERS]
    claimed, defects = _claimed(tag)
    return Reading(
        version,
        direction=direction,
        claimed=claimed,
        reported_from=other if direction == "inbound" else Reported(),
        reported_to=() if direction == "inbound" or other.is_empty else (other,),
        subject=tag.value("subject") or None,
        text=text,
        headers=_headers(tag, ("Box", _BOXES.get(box, box))),
        identifiers=find_identifiers(text),
        defects=defects,
    )


def _direction(box: str) -> Direction:
    if box == "1":
        return "inbound"
    # A draft was never sent, and nobody else wrote it.
    return "outbound" if box in _WRITTEN_HERE or box == _DRAFT else "unknown"


def _mms(tag: Tag, inner: list[Tag], version: int) -> Reading:
    box = tag.value("msg_box") or ""
    direction = _direction(box)
    named = _named(tag, inner)
    writer = named["from"] or (named["to"][:1] if direction == "inbound" and len(named["to"]) == 1 else [])
    parts = [one for one in inner if one.name == "part"]
    text = "\n".join(filter(None, (_words(part) for part in parts)))[: limits.TEXT_CHARACTERS]
    claimed, defects = _claimed(tag)
    return Reading(
        version,
        direction=direction,
        claimed=claimed,
        reported_from=writer[0] if direction == "inbound" and len(writer) == 1 else Reported(),
        reported_to=tuple(one for one in named["to"] if one not in writer),
        reported_cc=(*named["cc"], *named["bcc"]),
        subject=tag.value("sub") or None,
        text=text,
        attachments=_attachments(parts),
        headers=_headers(tag, ("Box", _BOXES.get(box, box))),
        identifiers=find_identifiers(text),
        defects=defects,
    )


def _named(tag: Tag, inner: list[Tag]) -> dict[str, list[Reported]]:
    """Who took part, by role. A contact's name is given to a number only where there is but one."""
    found: dict[str, list[Reported]] = {"from": [], "to": [], "cc": [], "bcc": []}
    group = [one for one in (tag.value("address") or "").split("~") if one.strip().casefold() not in _NOBODY]
    contact = tag.value("contact_name") if len(group) == 1 else None
    for one in inner:
        role = _ADDRESS_KINDS.get(one.value("type") or "") if one.name == "addr" else None
        address = one.value("address")
        if role is not None:
            person = _reported(address, contact if group and address == group[0] else None)
            if not person.is_empty and person not in found[role]:
                found[role].append(person)
    if not any(found.values()):
        found["to"] = [_reported(one, contact) for one in group[: limits.IDENTIFIERS]]
    return found


def _reported(address: str | None, contact: str | None) -> Reported:
    plain = (address or "").strip()[: limits.DOOR_CHARACTERS]
    name = (contact or "").strip()[: limits.DOOR_CHARACTERS]
    shown = None if name.casefold() in _NOBODY else name
    if plain.casefold() in _NOBODY:
        return Reported(name=shown)
    if "@" in plain:
        return Reported(name=shown, address=plain)
    return Reported(name=shown, number=plain)


def _words(part: Tag) -> str | None:
    kind = (part.value("ct") or "").lower()
    return part.value("text") if kind.startswith("text/") else None


def _attachments(parts: list[Tag]) -> tuple[Attachment, ...]:
    """Parts that are files. Their bytes are the base64 in `data`, wherever in the record it stands."""
    found: list[Attachment] = []
    for part in parts:
        place = part.places.get("data")
        kind = (part.value("ct") or "application/octet-stream").lower()
        coded = b"" if place is None else part.data[place[0] : place[1]]
        if place is None or coded in (b"", b"null") or kind == _LAYOUT:
            continue
        encoding = XML_BASE64 if b"&" in coded else "base64"
        data, _ = decode_transfer(coded, encoding)
        name = next(filter(None, map(part.value, ("cl", "fn", "name"))), None)
        found.append(
            Attachment(
                index=len(found),
                name=name[: limits.DOOR_CHARACTERS] if name else None,
                media_type=kind[: limits.DOOR_CHARACTERS],
                sha256=hashlib.sha256(data).hexdigest(),
                size_bytes=len(data),
                offset=place[0],
                length=place[1] - place[0],
                encoding=encoding,
                role="attachment",
            )
        )
    return tuple(found)


def _call(tag: Tag, version: int) -> Reading:
    kind = _CALLS.get(tag.value("type") or "", "")
    other = _reported(tag.value("number"), tag.value("contact_name"))
    is_outgoing = kind == "outgoing"
    claimed, defects = _claimed(tag)
    duration = tag.value("duration") or ""
    withheld = _WITHHELD.get(tag.value("presentation") or "")
    said = [("Call", kind or tag.value("type") or ""), ("Seconds", duration), ("Number withheld", withheld or "")]
    seconds = f", {int(duration)} seconds" if re.fullmatch(r"[0-9]{1,6}", duration) else ""
    return Reading(
        version,
        kind="call",
        direction="outbound" if is_outgoing else "inbound" if kind else "unknown",
        claimed=claimed,
        reported_from=Reported() if is_outgoing or not kind else other,
        reported_to=(other,) if is_outgoing and not other.is_empty else (),
        subject=f"{kind} call{seconds}".strip().capitalize(),
        headers=_headers(tag, *said),
        defects=defects,
    )


def _claimed(tag: Tag) -> tuple[Claimed, tuple[str, ...]]:
    """The phone's clock; no time is claimed where the number is not one of milliseconds in our age."""
    stated = (tag.value("date") or "").strip()[: limits.DOOR_CHARACTERS]
    if not stated:
        return Claimed(source="export"), ("no date",)
    moment = _EPOCH + timedelta(milliseconds=int(stated)) if _MILLISECONDS.fullmatch(stated) else None
    if moment is None or moment.year not in _YEARS:
        return Claimed(source="export", text=stated), ("the date is not a time in milliseconds",)
    return Claimed(moment.isoformat(timespec="seconds"), "stated", "second", "export", stated), ()


def _headers(tag: Tag, *said: tuple[str, str]) -> Headers:
    stated = [(name, tag.value(name) or "") for name in _CHOSEN]
    return tuple((name, value[: limits.HEADER_CHARACTERS]) for name, value in (*said, *stated) if value)
