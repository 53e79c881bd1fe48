"""When a message says it was written. Strict: of a date that is not certain the text is kept, and no time is claimed.

Three traps are the reason for a reader of our own (intake report, section 1): guessing the order of day and month,
reading `GMT+1` as one hour *behind* Greenwich, and dropping a zone name silently.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

from intake.reading.calendar_words import MONTHS, WEEKDAY_OR_MONTH, WEEKDAYS, ZONES
from intake.reading.model import Claimed, Precision, Source, displayable
from intake.reading.rare_months import rare_month

_LONGEST: Final = 120
_MOST_WORDS: Final = 8
_YEARS: Final = range(1970, 2100)
_NOON: Final = 12

_RFC5322: Final = re.compile(
    r"(?:[A-Za-z]{3,9}\s*,?\s*)?(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*([+-]\d{4}|[A-Za-z]{1,4})?"
)
_COMMENT: Final = re.compile(r"\([^()]{0,100}\)")
_ISO: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s*(Z|[+-]\d{2}:?\d{2})?)?"
)

_CLOCK: Final = re.compile(
    r"(?<![\d:.])(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?![\d:])(?:\s*(am|pm|a\.\s?m\.|p\.\s?m\.|πμ|μμ|π\.μ\.|μ\.μ\.|öö|ös|sa|ch|дп|пп|ص|م)(?!\w))?",
    re.IGNORECASE,
)
_HALF_BEFORE: Final = re.compile(
    r"(上午|凌晨|清晨|早上|下午|中午|傍晚|晚上|午前|午後|오전|오후|(?<!\w)(?:de|du)\.)\s*(?=\d)", re.IGNORECASE
)
_AFTERNOON: Final = frozenset(("下午", "中午", "傍晚", "晚上", "午後", "오후", "du.", "p", "μ", "ös", "ch", "пп", "م"))
_EVENING: Final = "晚上"  # of its twelve o'clock, which midnight is meant is not certain
_OFFSET: Final = re.compile(
    r"(?:\b(?:GMT|UTC)\s*([+\-\u2212]\d{1,2})(?::?(\d{2}))?(?!\d)|(?<=\s)([+-]\d{2}):?(\d{2})(?!\d))"
)
_EAST_ASIA: Final = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]")
_YEAR_FIRST: Final = re.compile(r"(?<!\d)(\d{4})[./-]\s?(\d{1,2})[./-]\s?(\d{1,2})\.?(?!\d)")
_NUMERIC: Final = re.compile(r"(?<!\d)(\d{1,2})(\s?[./-]\s?)(\d{1,2})\2(\d{4})(?!\d)")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_INTEGER: Final = re.compile(r"(?<!\d)\d{1,4}(?!\d)")


@dataclass(frozen=True, slots=True)
class _Clock:
    at: time
    has_seconds: bool


def claimed_from(text: str | None, source: Source, languages: frozenset[str] = frozenset()) -> Claimed:
    """What a date's text claims. `languages` (codes) settles a month's name that is another month elsewhere."""
    if text is None or not text.strip():
        return Claimed()
    shown = displayable(text.strip())[:_LONGEST]
    plain = re.sub(r"\s+", " ", shown)
    if len(text) > _LONGEST:
        return Claimed(source=source, text=shown)
    exact = _exact(_COMMENT.sub(" ", plain).strip(" ,"), source, shown)
    return exact or _worded(re.sub("[()]", " ", plain), source, shown, languages)


def _exact(plain: str, source: Source, shown: str) -> Claimed | None:
    """RFC 5322 (3.3, with the obsolete zones of 4.3) and ISO 8601."""
    if (match := _RFC5322.fullmatch(plain)) and (month := MONTHS.get(match[2].lower(), {}).get("en")):
        day, _, year, hour, minute, second, zone = match.groups()
        clock = _clock_of(hour, minute, second)
        if zone is not None and zone[0].isalpha() and zone.upper() not in {*ZONES, "Z"}:
            return None  # "PM" is no zone
        return None if clock is None else _claim((int(year), month, int(day)), clock, _zone_of(zone), source, shown)
    if match := _ISO.fullmatch(plain):
        year, number, day, hour, minute, second, zone = match.groups()
        clock = None if hour is None else _clock_of(hour, minute, second)
        if hour is None or clock is not None:
            return _claim((int(year), int(number), int(day)), clock, _zone_of(zone), source, shown)
    return None


def _worded(plain: str, source: Source, shown: str, languages: frozenset[str]) -> Claimed:
    """The forms that mail programs write above a forwarded message, in their languages."""
    rest, offset = _take_offset(plain)
    rest, clock, is_clear = _take_clock(rest)
    rest, days, is_ambiguous = _take_date(rest, languages)
    leftover = _WORD.findall(rest)
    if is_ambiguous:
        return Claimed(source=source, text=shown, order_ambiguous=True)
    if days is None or not is_clear or re.search(r"\d", rest) or len(leftover) > _MOST_WORDS:
        return Claimed(source=source, text=shown)
    return _claim(days, clock, offset, source, shown)


def _claim(
    days: tuple[int, int, int], clock: _Clock | None, offset: timedelta | None, source: Source, shown: str
) -> Claimed:
    try:
        day = date(*days)
    except ValueError:
        return Claimed(source=source, text=shown)
    if day.year not in _YEARS:
        return Claimed(source=source, text=shown)
    if clock is None:
        return Claimed(day.isoformat(), "unknown", "day", source, shown)
    moment = datetime.combine(day, clock.at)
    precision: Precision = "second" if clock.has_seconds else "minute"
    if offset is None:
        return Claimed(moment.isoformat(timespec="seconds"), "unknown", precision, source, shown)
    zone = UTC if not offset else timezone(offset)
    return Claimed(moment.replace(tzinfo=zone).isoformat(timespec="seconds"), "stated", precision, source, shown)


def _clock_of(hour: str, minute: str, second: str | None) -> _Clock | None:
    try:
        return _Clock(time(int(hour), int(minute), min(int(second or 0), 59)), second is not None)
    except ValueError:
        return None


def _zone_of(zone: str | None) -> timedelta | None:
    if zone is None:
        return None
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        return _offset(zone[0], int(digits[:2]), int(digits[2:]))
    return timedelta() if zone == "Z" else ZONES.get(zone.upper())


def _offset(sign: str, hours: int, minutes: int) -> timedelta | None:
    if hours > 14 or minutes > 59:  # noqa: PLR2004 - the widest offset in use is +14:00
        return None
    return timedelta(hours=hours, minutes=minutes) * (-1 if sign in "-\u2212" else 1)


def _take_offset(text: str) -> tuple[str, timedelta | None]:
    """`text` without its zone, and the zone's distance east of Greenwich; None where none is stated that is certain."""
    match = _OFFSET.search(text)
    if match is not None:
        hours, minutes = (match[1], match[2]) if match[1] else (match[3], match[4])
        return text[: match.start()] + " " + text[match.end() :], _offset(hours[0], int(hours[1:]), int(minutes or 0))
    for word in _WORD.finditer(text):
        if word[0].isupper() and word[0] in ZONES:
            return text[: word.start()] + " " + text[word.end() :], ZONES[word[0]]
    return text, None


def _take_clock(text: str) -> tuple[str, _Clock | None, bool]:
    """`text` without its time of day; False last where there is a time that cannot be one, or two of them."""
    half = _HALF_BEFORE.search(text)
    afternoon: bool | None = None
    if half is not None:
        afternoon = half[1].lower() in _AFTERNOON
        text = text[: half.start()] + " " + text[half.end() :]
    match = _last_clock(text)
    if match is None:
        return text, None, half is None
    hour = int(match[1])
    if match[4]:
        named = match[4].lower()
        afternoon = named in _AFTERNOON or named[0] in _AFTERNOON
    if half is not None and half[1] == _EVENING and hour == _NOON:
        return text, None, False
    if afternoon is not None and hour <= _NOON:
        hour = hour % _NOON + (_NOON if afternoon else 0)
    clock = _clock_of(str(hour), match[2], match[3])
    return text[: match.start()] + " " + text[match.end() :], clock, clock is not None


def _last_clock(text: str) -> re.Match[str] | None:
    """The time is the last thing that looks like one and does not belong to a dotted date ("28.10.2021 12.46")."""
    dates = [match.span() for pattern in (_NUMERIC, _YEAR_FIRST) for match in pattern.finditer(text)]
    free = [
        match
        for match in _CLOCK.finditer(text)
        if not any(start < match.end() and match.start() < end for start, end in dates)
    ]
    return free[-1] if free else None


def _take_date(text: str, languages: frozenset[str]) -> tuple[str, tuple[int, int, int] | None, bool]:
    for pattern in (_EAST_ASIA, _YEAR_FIRST):
        if match := pattern.search(text):
            return _without(text, match), (int(match[1]), int(match[2]), int(match[3])), False
    if match := _NUMERIC.search(text):
        rest = _without(text, match)
        order = _order(int(match[1]), int(match[3]), int(match[4]), match[2].strip(), rest)
        return rest, order, order is None
    return *_named_month(text, languages), False


def _without(text: str, match: re.Match[str]) -> str:
    return text[: match.start()] + " " + text[match.end() :]


def _order(first: int, second: int, year: int, separator: str, rest: str) -> tuple[int, int, int] | None:
    """Day and month of a numeric date, where only one order can be meant; None where both can."""
    months = range(1, 13)
    if first == second or first not in months or separator == ".":  # with dots, every locale writes the day first
        return year, second, first
    if second not in months:
        return year, first, second
    return _only_fitting([(year, second, first), (year, first, second)], rest)


def _only_fitting(dates: Sequence[tuple[int, int, int]], text: str) -> tuple[int, int, int] | None:
    """The one of some possible dates that falls on the weekday that `text` names; None if that leaves doubt."""
    words = (word.lower().replace("i\u0307", "i").split("-")[0] for word in _WORD.findall(text))
    named = {WEEKDAYS[word] for word in words if word in WEEKDAYS}
    fits = [each for each in dates if _weekday(each) in named]
    return fits[0] if len(fits) == 1 and len(named) == 1 else None


def _weekday(days: tuple[int, int, int]) -> int | None:
    try:
        return date(*days).weekday()
    except ValueError:
        return None


def _named_month(text: str, languages: frozenset[str]) -> tuple[str, tuple[int, int, int] | None]:
    """Day, month by name and four-digit year, each exactly once."""
    words = [(match[0], numbers) for match in _WORD.finditer(text) if (numbers := _months(match[0], languages))]
    if len(words) > 1:
        words = [(word, numbers) for word, numbers in words if word.lower() not in WEEKDAY_OR_MONTH]
    written = [int(number) for number in _INTEGER.findall(text)]
    years = [number for number in written if number in _YEARS]
    days = [number for number in written if number < 32]  # noqa: PLR2004 - days of a month
    if len(years) != 1 or len(days) != 1 or len(written) != 2:  # noqa: PLR2004
        return text, None
    rare = None if words else rare_month(_WORD.findall(text), days[0], years[0], languages)
    months = set.intersection(*(meant for _, meant in words)) if words else {each for each in (rare,) if each}
    if not months:
        return text, None
    possible = [(years[0], month, days[0]) for month in sorted(months)]
    chosen = possible[0] if len(possible) == 1 else _only_fitting(possible, text)
    return (text, None) if chosen is None else (re.sub(r"\d+", " ", text), chosen)


def _months(word: str, languages: frozenset[str]) -> set[int]:
    """What month a word may name: in one of the languages, if it is a month there, else in any."""
    meanings = MONTHS.get(word.lower().replace("i\u0307", "i"), {})
    return {number for language, number in meanings.items() if language in languages} or set(meanings.values())
