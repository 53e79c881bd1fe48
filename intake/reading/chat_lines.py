"""The line that begins a message of a WhatsApp export (`.txt`): its date, its clock, and who is named.

The line's form follows the phone's language: `[21.11.26, 22:14:03] Dan: …`, `21/11/2026, 22:14 - Dan: …`,
`11/21/26, 10:14 PM - Dan: …`, `2026. 11. 21. 오후 10:14, Dan : …`. It has no zone, and which number is the day is
known only where a file proves it (`intake.chat_export`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "day first", "month first", "year first"

INVISIBLE: Final = "\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_GAP: Final = r"[ \t\xa0\u202f\u200e\u200f]{0,4}"
_BETWEEN: Final = rf"(?:[./\u200e\u200f-]{{1,3}}|[년월年月]){_GAP}"
_LETTERS: Final = r"[^\s\d\[\](){}<>:;,\u060c/\u2013-]"
_WORD: Final = rf"{_LETTERS}{{1,12}}(?:[ \xa0\u202f]{_LETTERS}{{1,3}}\.)?"
_BEGINS: Final = re.compile(
    rf"[{INVISIBLE}]{{0,6}}(?P<open>\[)?(?P<when>(?P<one>\d{{1,4}})(?P<between>{_BETWEEN})(?P<two>\d{{1,2}}){_BETWEEN}"
    rf"(?P<three>\d{{1,4}})(?P<dot>\.)?[일日]?[,\u060c]?{_GAP}(?:(?P<before>{_WORD})[,\u060c]?{_GAP})?"
    rf"(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}})(?:[:.](?P<second>\d{{2}}))?{_GAP}(?P<after>{_WORD})?)"
    rf"(?(open)\]|(?P<ends>,|{_GAP}[-\u2013](?= ))){_GAP}"
)
# Who writes a quotation mark before a colon is WhatsApp itself, telling of a group's name.
_SENDER: Final = re.compile('(?P<name>[^:\n"\u201c-\u201f\u00ab\u00bb\u2039\u203a\u300c\u300d]{1,100}?) ?: ?(?!//)')
_UNSAID: Final = re.compile(rf"[.\s{INVISIBLE}\u05f4'\"]")
_LINE_CHARACTERS: Final = 300
_NOTICE_CHARACTERS: Final = 35
_NOON: Final = 12
_LAST_MONTH: Final = 12
_LAST_DAY: Final = 31
_FIRST_YEAR: Final = 9
"""2009: there is no older message of WhatsApp."""
_YEAR_DIGITS: Final = 4

_AM, _PM, _MIDDAY = "am", "pm", "midday"
# Without dots and spaces, lower case. Those of Asia, Arabia and Persia, Israel, Turkey, Vietnam, northern Europe, ...
_BEFORE_NOON: Final = (
    *("am", "vorm", "오전", "上午", "午前", "凌晨", "清晨", "早上", "ص", "صباحا", "صباحًا", "قظ", "לפנהצ", "öö", "sa"),
    *("fm", "fh", "πμ", "de", "dop", "προ", "pg", "पूर्वाह्न", "pd", "ip"),
)
_AFTER_NOON: Final = (
    *("pm", "nachm", "오후", "下午", "午後", "傍晚", "晚上", "م", "مساء", "مساءً", "بظ", "אחהצ", "ös", "ch"),
    *("em", "eh", "μμ", "du", "odp", "μετά", "ptg", "अपराह्न", "md", "ap"),
)
_HALVES: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(_BEFORE_NOON, _AM) | dict.fromkeys(_AFTER_NOON, _PM) | {"中午": _MIDDAY}
)
# As in "klo 22.14" and "às 22:14"; the letters are those of "year" and "at" in Bulgarian and Russian.
_LINKS: Final = frozenset(
    ("klo", "kl", "klokken", "às", "as", "um", "uhr", "u", "la", "las", "le", "at", "om", "ob", "lúc", "à")
) | frozenset("гров")


@dataclass(frozen=True, slots=True)
class Beginning:
    """What begins a message.

    Attributes:
        when: Date and time, as written.
        numbers: The date's three numbers, in the order written.
        form: Which style of line; an export keeps to one.
        orders: In which orders its form could be read; the file proves which.
        clock: Hour, minute, second; None where there is no such time.
        has_seconds: Whether they are stated.
        is_half_known: Whether words at the clock say which half of the day, or none are there.
        sender: Who is named; None for a line of WhatsApp's own.
        end: Where the words begin.
        is_notice: The words are marked as WhatsApp's own, and long: a notice where it is the first line of a chat.
    """

    when: str
    numbers: tuple[int, int, int]
    form: str
    orders: frozenset[str]
    clock: tuple[int, int, int] | None
    has_seconds: bool
    is_half_known: bool
    sender: str | None
    end: int
    is_notice: bool

    def excludes(self, order: str) -> bool:
        """Whether this date cannot be written in that order."""
        if order not in self.orders:
            return True
        year, month, day = self.in_order(order)
        return month > _LAST_MONTH or day > _LAST_DAY or year < _FIRST_YEAR

    def in_order(self, order: str) -> tuple[int, int, int]:
        """Year, month and day, as that order reads the numbers."""
        one, two, three = self.numbers
        if order == YEAR_FIRST:
            return one, two, three
        return (three, two, one) if order == DAY_FIRST else (three, one, two)


def beginning_of(line: str) -> Beginning | None:
    """The beginning of a message that a line is; None for one that goes on."""
    line = line[:_LINE_CHARACTERS]
    match = _BEGINS.match(line)
    orders = _orders(match) if match else frozenset()
    if match is None or not orders:
        return None
    named = _SENDER.match(line, match.end())
    half = _half(match)
    end = named.end() if named else match.end()
    return Beginning(
        when=match["when"].strip(),
        numbers=(int(match["one"]), int(match["two"]), int(match["three"])),
        form="[" if match["open"] else match["ends"].strip(f" \t\xa0\u202f{INVISIBLE}"),
        orders=orders,
        clock=_clock(match, half),
        has_seconds=match["second"] is not None,
        is_half_known=half is not None,
        sender=named["name"].strip(f" \xa0\u202f{INVISIBLE}") or None if named else None,
        end=end,
        is_notice=_is_notice(line[end:]),
    )


def _orders(match: re.Match[str]) -> frozenset[str]:
    """The orders that the date's form leaves open. Of two-digit years only `26-11-21` and `26. 11. 21.` lead."""
    first, last = len(match["one"]), len(match["three"])
    if first == _YEAR_DIGITS:
        return frozenset({YEAR_FIRST} if last <= 2 else ())  # noqa: PLR2004 - digits of a day
    if first > 2 or last not in (2, _YEAR_DIGITS):  # noqa: PLR2004 - digits of a day, and of a short year
        return frozenset()
    either = frozenset({DAY_FIRST, MONTH_FIRST})
    if last == _YEAR_DIGITS:
        return either
    between = match["between"]
    if between.startswith(".") and between != "." and match["dot"]:
        return frozenset({YEAR_FIRST})
    return either | {YEAR_FIRST} if "-" in between else either


def _half(match: re.Match[str]) -> str | None:
    """The half of the day that is said: empty where none is, None where the word for it is not known."""
    before, after = (_UNSAID.sub("", match[name] or "").casefold() for name in ("before", "after"))
    for said in (before, after):
        if said in _HALVES:
            return _HALVES[said]
    if int(match["hour"]) > _NOON or (not after and (not before or before in _LINKS)) or after in _LINKS:
        return ""
    return None


def _clock(match: re.Match[str], half: str | None) -> tuple[int, int, int] | None:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if half:
        if not 1 <= hour <= _NOON:
            return None
        is_late = half == _PM or (half == _MIDDAY and hour < _NOON - 2)
        hour = hour if half == _MIDDAY and not is_late else hour % _NOON + (_NOON if is_late else 0)
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None  # noqa: PLR2004 - of a day


def _is_notice(words: str) -> bool:
    first = words.split("\n", 1)[0]
    is_marked = first.startswith("\u200e") and first.count("\u200e") == 1
    return is_marked and len(first) >= _NOTICE_CHARACTERS and not any(mark in first for mark in "<\u2022")
