"""One message of a WhatsApp export, read from its own bytes.

No time is claimed where the file does not prove which number of its dates is the day: an order is never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from intake.reading import limits
from intake.reading.addresses import is_number
from intake.reading.chat_lines import INVISIBLE, Beginning, beginning_of
from intake.reading.identifiers import find_identifiers
from intake.reading.model import REPLACED, Claimed, Headers, Precision, Reading, Reported, displayable
from intake.reading.transfer import decode_text

CHAT_TYPE: Final = "text/vnd.holdfast.whatsapp-message"

_IN_ANGLES: Final = re.compile(r"<[^<>:]{1,40}: ?(?P<name>[^<>]{1,255})>")
_SUFFIX: Final = re.compile(r"[^.]\.[A-Za-z0-9]{1,8}\Z")
_SPACE: Final = f" \t\r\n\xa0\u202f{INVISIBLE}"
_LINES_NAMING: Final = 20
"""A file stands in the first lines of its message; what is said of it follows."""
_LINE_CHARACTERS: Final = 300
_TILDE: Final = re.compile(r"^~[ \xa0\u202f]?")
_YEARS: Final = range(2009, 2101)
"""WhatsApp's. Other calendars count otherwise: they are shown, and no time is claimed."""


def read_chat(raw: bytes, version: int, door: Mapping[str, Any]) -> Reading:
    """Read one message. Total: what is no message of an export is its words alone.

    Args:
        raw: Its bytes, with the line end.
        version: Of the reader.
        door: "date_order" is what the file proves of its dates' order.
    """
    words, odd = decode_text(raw[: limits.HTML_CHARACTERS], None)
    begins = beginning_of(words)
    plain = words[begins.end :] if begins else words
    # WhatsApp marks words of its own with an invisible sign: it is told in a header.
    shown = displayable(plain.removeprefix("\u200e").strip("\r\n")[: limits.TEXT_CHARACTERS])
    defects = tuple(filter(None, (odd, REPLACED if displayable(plain) != plain else None)))
    if begins is None:
        return Reading(version, claimed=Claimed(source="export"), text=shown, defects=defects)
    return Reading(
        version,
        claimed=_claimed(begins, str(door.get("date_order") or "")),
        reported_from=_person(begins.sender),
        text=shown,
        headers=_headers(raw, plain),
        identifiers=find_identifiers(shown),
        defects=defects,
    )


def _headers(raw: bytes, words: str) -> Headers:
    files = files_named(raw)
    marked = (("Words", "WhatsApp's own"),) if words.startswith("\u200e") and not files else ()
    return (*marked, *(("File", displayable(name)) for name in files))


def files_named(raw: bytes) -> tuple[str, ...]:
    """The files that a message says came with it, by the names the export gives them."""
    if b">" not in raw and b")" not in raw:
        return ()
    words, _ = decode_text(raw[: limits.HEADER_CHARACTERS], None)
    begins = beginning_of(words)
    lines = words[begins.end if begins else 0 :].split("\n")[:_LINES_NAMING]
    return tuple(dict.fromkeys(name for line in lines for name in _files_in(line[:_LINE_CHARACTERS])))


def _files_in(line: str) -> Iterator[str]:
    """`<attached: NAME>` of iPhones, `NAME (file attached)` of Android, in any language."""
    for match in _IN_ANGLES.finditer(line):
        yield _bare(match["name"])
    plain = _bare(line)
    name, mark, _ = plain.rpartition(" (")
    if mark and plain.endswith(")") and _SUFFIX.search(name):
        yield _bare(name)


def _bare(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip(_SPACE))


def _person(name: str | None) -> Reported:
    shown = displayable(_TILDE.sub("", name or "")).strip()
    if not shown:
        return Reported()
    bare = re.sub(r"[\xa0\u202f]", " ", shown)
    return Reported(number=bare) if is_number(bare) else Reported(name=shown)


def _claimed(begins: Beginning, proven: str) -> Claimed:
    text = displayable(begins.when)
    orders = {proven} & begins.orders or begins.orders
    read = {_day(begins.in_order(order)) for order in orders if not begins.excludes(order)}
    if len(read) > 1:
        return Claimed(source="export", text=text, order_ambiguous=True)
    day = read.pop() if len(read) == 1 else None
    if day is None or (begins.clock is None and begins.is_half_known):
        return Claimed(source="export", text=text)
    if begins.clock is None or not begins.is_half_known:
        return Claimed(day.isoformat(), "unknown", "day", "export", text)
    precision: Precision = "second" if begins.has_seconds else "minute"
    moment = datetime(day.year, day.month, day.day, *begins.clock)  # noqa: DTZ001 - local, its zone unknown
    return Claimed(moment.isoformat(), "unknown", precision, "export", text)


def _day(numbers: tuple[int, int, int]) -> date | None:
    year, month, day = numbers
    year += 2000 if year < 100 else 0  # noqa: PLR2004 - two digits: WhatsApp is younger than the century
    try:
        return date(year, month, day) if year in _YEARS else None
    except ValueError:
        return None
