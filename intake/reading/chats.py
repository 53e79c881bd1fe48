"""One message of a WhatsApp export (`.txt`), read from its own bytes, and the line that begins each.

The line's form follows the phone's language: `[21.11.26, 22:14:03] Dan: …`, `21/11/2026, 22:14 - Dan: …`,
`11/21/26, 10:14 PM - Dan: …`, `2026. 11. 21. 오후 10:14, Dan : …`. It has no zone, and which number is the day
is known only where some line of the same file proves it (`intake.chat_export`): else no time is claimed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from intake.reading import limits
from intake.reading.addresses import is_number
from intake.reading.identifiers import find_identifiers
from intake.reading.model import REPLACED, Claimed, Precision, Reading, Reported, displayable
from intake.reading.transfer import decode_text

CHAT_TYPE: Final = "text/vnd.holdfast.whatsapp-message"
DAY_FIRST, MONTH_FIRST = "day first", "month first"

_GAP: Final = r"[ \t\xa0\u202f\u200e\u200f]{0,4}"
_MARKS: Final = r"[\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]{0,6}"
_HALF: Final = r"[AaPp]\.?[ \xa0\u202f]?[Mm]\.?|오전|오후|上午|下午|午前|午後|صباحًا|مساءً|ص|م|π\.?μ\.?|μ\.?μ\.?"
_LATER: Final = re.compile(r"[Pp]|오후|下午|午後|م|μ\.?μ")
_BEGINS: Final = re.compile(
    rf"{_MARKS}(?P<open>\[)?(?P<when>(?P<one>\d{{1,4}})(?:[./\u200f-]{{1,3}}|년){_GAP}(?P<two>\d{{1,2}})(?:[./\u200f-]{{1,3}}|월){_GAP}"
    rf"(?P<three>\d{{1,4}})(?:\.|일)?[,\u060c]?{_GAP}(?P<before>{_HALF})?{_GAP}"
    rf"(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}})(?:[:.](?P<second>\d{{2}}))?{_GAP}(?P<after>{_HALF})?)"
    rf"(?(open)\]|(?:,|{_GAP}[-\u2013](?= ))){_GAP}"
)
_SENDER: Final = re.compile(r"(?P<name>[^:\n\"\u201c\u201d]{1,100}?) ?: ?(?!//)")
_IN_ANGLES: Final = re.compile(r"<[^<>:]{1,40}: ?(?P<name>[^<>]{1,255})>")
_SUFFIX: Final = re.compile(r"[^.]\.[A-Za-z0-9]{1,8}\Z")
_INVISIBLE: Final = " \t\r\n\xa0\u202f\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_LINES_NAMING: Final = 20
"""A file stands in the first lines of its message; what is said of it follows."""
_TILDE: Final = re.compile(r"^~[ \xa0\u202f]?")
_LINE_CHARACTERS: Final = 300
_NOON: Final = 12
_LAST_MONTH: Final = 12
_LAST_DAY: Final = 31
_YEAR_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Beginning:
    """The date of a message's first line as three numbers, as written; `end` is where the sender begins."""

    when: str
    numbers: tuple[int, int, int]
    is_year_first: bool
    clock: tuple[int, int, int] | None
    has_seconds: bool
    sender: str | None
    end: int

    @property
    def is_message(self) -> bool:
        """Whether somebody is named: else the line is WhatsApp's own."""
        return self.sender is not None

    def excludes(self, order: str) -> bool:
        """Whether this date cannot be written in that order."""
        one, two, _ = self.numbers
        day, month = (one, two) if order == DAY_FIRST else (two, one)
        return not self.is_year_first and (month > _LAST_MONTH or day > _LAST_DAY)


def beginning_of(line: str) -> Beginning | None:
    """The beginning of a message that a line is; None for one that goes on."""
    line = line[:_LINE_CHARACTERS]
    match = _BEGINS.match(line)
    if match is None:
        return None
    named = _SENDER.match(line, match.end())
    year_first = len(match["one"]) == _YEAR_DIGITS
    if not year_first and len(match["three"]) not in (2, _YEAR_DIGITS):
        return None
    return Beginning(
        when=match["when"].strip(),
        numbers=(int(match["one"]), int(match["two"]), int(match["three"])),
        is_year_first=year_first,
        clock=_clock(match),
        has_seconds=match["second"] is not None,
        sender=named["name"].strip(" \u200e\u200f\u202a\u202c\xa0") or None if named else None,
        end=named.end() if named else match.end(),
    )


def _clock(match: re.Match[str]) -> tuple[int, int, int] | None:
    """The time of day; None where there is no such time."""
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    half = match["before"] or match["after"]
    if half:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + (_NOON if _LATER.match(half) else 0)
    return hour, minute, second


def read_chat(raw: bytes, version: int, door: Mapping[str, Any]) -> Reading:
    """Read one message. Total: what is no message of an export is its words alone."""
    words, odd = decode_text(raw[: limits.HTML_CHARACTERS], None)
    begins = beginning_of(words)
    plain = words[begins.end :] if begins else words
    shown = displayable(plain.strip("\r\n")[: limits.TEXT_CHARACTERS])
    defects = tuple(filter(None, (odd, REPLACED if displayable(plain) != plain else None)))
    if begins is None:
        return Reading(version, claimed=Claimed(source="export"), text=shown, defects=defects)
    return Reading(
        version,
        claimed=_claimed(begins, str(door.get("date_order") or "")),
        reported_from=_person(begins.sender),
        text=shown,
        headers=tuple(("File", displayable(name)) for name in files_named(raw)),
        identifiers=find_identifiers(shown),
        defects=defects,
    )


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
    return unicodedata.normalize("NFC", name.strip(_INVISIBLE))


def _person(name: str | None) -> Reported:
    shown = displayable(_TILDE.sub("", name or "")).strip()
    if not shown:
        return Reported()
    bare = re.sub(r"[\xa0\u202f]", " ", shown)
    return Reported(number=bare) if is_number(bare) else Reported(name=shown)


def _claimed(begins: Beginning, order: str) -> Claimed:
    one, two, three = begins.numbers
    text = displayable(begins.when)
    if begins.is_year_first:
        year, month, day = one, two, three
    elif order == DAY_FIRST or (not order and one == two):
        year, month, day = three, two, one
    elif order == MONTH_FIRST:
        year, month, day = three, one, two
    else:
        return Claimed(source="export", text=text, order_ambiguous=True)
    year += 2000 if year < 100 else 0  # noqa: PLR2004 - two digits: WhatsApp is younger than the century
    try:
        moment = datetime(year, month, day, *(begins.clock or (-1,)))  # noqa: DTZ001 - local, its zone unknown
    except ValueError:
        return Claimed(source="export", text=text)
    precision: Precision = "second" if begins.has_seconds else "minute"
    return Claimed(moment.isoformat(timespec="seconds"), "unknown", precision, "export", text)
