"""Entries in the contributor's own words: `LOG …` and `CALL …`, by text or mail, kept verbatim.

What they seem to say of time and place stands beside them as hints. A time is claimed only where the entry begins with
a whole date, and a time of day only where morning and evening cannot be mistaken: nothing is invented.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from intake.reading.dates import claimed_from
from intake.reading.model import Claimed, Hint

EntryKind: TypeAlias = Literal["diary", "call"]

# A long text may come numbered: "(1/3) LOG …".
_PART: Final = r"(?:[(\[]?[0-9]{1,2}/[0-9]{1,2}[)\]]?[\s:]{0,5})?"
_PREFIX: Final = re.compile(
    rf"[\s\ufeff]{{0,50}}{_PART}(LOG|DIARY|CALL)(?=[\s:,.\-\u2013\u2014]|$)[\s:,.\-\u2013\u2014]{{0,20}}", re.IGNORECASE
)
_WORD_ENDS: Final = re.compile(r"(LOG|DIARY|CALL) ?(?:[:,.\-\u2013\u2014\n]|$)", re.IGNORECASE)
# "Log in to see who likes you" is no entry; "Log he was outside again", as a phone's keyboard capitalises it, is one.
_NO_ENTRY: Final = re.compile(
    r"(?:in|into|on(?! (?:mon|tue|wed|thu|fri|sat|sun|the |[0-9]))|onto|out|off|back|books?|files?|cabin|fire|me|you"
    r"|yourself|your)\b",
    re.IGNORECASE,
)

_DATE: Final = (
    r"(?:[0-9]{1,2}(?:st|nd|rd|th)?(?: of)? [a-z]{3,9},? [0-9]{4}"
    r"|[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2})"
)
_CLOCK: Final = r"(?:[0-9]{1,2}[:.][0-9]{2}(?: ?[ap]m)?|[0-9]{1,2} ?[ap]m)"
_BEGINS: Final = re.compile(
    rf"(?:on )?(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{{0,6}},? )?(?P<date>{_DATE})(?![0-9])"
    rf"(?:,? (?:at |@ ?)?(?P<clock>{_CLOCK})(?![0-9a-z]))?",
    re.IGNORECASE,
)
_SURE_CLOCK: Final = re.compile(
    r"(?:0[0-9]|1[3-9]|2[0-3])[:.][0-9]{2}|[0-9]{1,2}(?:[:.][0-9]{2})? ?[ap]m", re.IGNORECASE
)
_HOUR_ALONE: Final = re.compile(r"(?<![:.0-9])([0-9]{1,2}) ?([ap]m)", re.IGNORECASE)
_ON_THE_HOUR: Final = r"\1:00 \2"

_PART_OF_DAY: Final = r"(?: (?:early |late )?(?:morning|afternoon|evening|night|lunchtime))"
_TIME: Final = re.compile(
    rf"(?<![\w/.:-])(?:{_DATE}|{_CLOCK}(?![0-9a-z])"
    rf"|(?:yesterday|today|tomorrow|(?:mon|tues|wednes|thurs|fri|satur|sun)day){_PART_OF_DAY}?"
    rf"|(?:this|last|every|in the|at|over)(?:{_PART_OF_DAY}| weekend| week| month)"
    r"|tonight|midnight|midday|noon|just now"
    r"|(?:[0-9]{1,3}|an?|two|three|few) (?:minute|min|hour|day|week)s? ago)(?!\w)",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(
    r"(?<!\w)(?:at|outside|inside|near|behind|opposite|by|in front of|next to|in) "
    r"(?![0-9]{1,2}(?:[:.][0-9]|[ap]m| [ap]m|$))(?:the |my |his |her |their |our )?"
    r"(?P<place>[\w'\u2019&-]{2,40}(?: (?!and\b|but\b|again\b|then\b|at\b|when\b|while\b|he\b|she\b|they\b|i\b|scared\b"
    r"|today\b|yesterday\b|last\b|this\b)[\w'\u2019&-]{1,40}){0,2})",
    re.IGNORECASE,
)
_NO_PLACE: Final = re.compile(
    r"(?:me|him|her|them|it|least|all|first|last|once|about|around|this|that|which|what|night|morning|evening|afternoon"
    r"|noon|midnight|text|phone|email|car|foot|week|month|minutes?|hours?|days?|tears|case|fact|order|touch|mistake)\b",
    re.IGNORECASE,
)
_LOOKED_AT: Final = 20_000
_MOST_HINTS: Final = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry told by its first word: what it is, when it says it was, and hints."""

    kind: EntryKind
    claimed: Claimed
    hints: tuple[Hint, ...]


def entry_of(text: str) -> Entry | None:
    """The entry that a text is; None where it is none."""
    kind = diary_kind(text)
    if kind is None:
        return None
    match = _PREFIX.match(text)
    return Entry(kind, _claimed(text, match.end() if match else 0), hints_of(text))


def diary_kind(text: str) -> EntryKind | None:
    """Whether a text is a diary or call entry: it begins with the word in capitals, or with the word and a mark.

    "Call me back or else" is a message; "CALL 07700 900123 …" and "call: …" are entries. "Log …" needs neither capitals
    nor mark, but "Log in …" is none.
    """
    match = _PREFIX.match(text)
    if match is None:
        return None
    word = match[1]
    is_marked = word.isupper() or _WORD_ENDS.match(text, match.start(1)) is not None
    is_log = word.upper() == "LOG" and _NO_ENTRY.match(text, match.end()) is None
    if not is_marked and not is_log:
        return None
    return "call" if word.upper() == "CALL" else "diary"


def _claimed(text: str, start: int) -> Claimed:
    """The date, and the time of day if it is certain, that an entry begins with."""
    match = _BEGINS.match(text, start, start + 200)
    if match is None:
        return Claimed()
    clock = match["clock"] or ""
    sure = clock if _SURE_CLOCK.fullmatch(clock) else ""
    whole = re.sub(r"(?<=[0-9])(?:st|nd|rd|th)\b|\bof\b|,", "", match["date"], flags=re.IGNORECASE)
    plain = f"{whole} {_HOUR_ALONE.sub(_ON_THE_HOUR, sure)}".strip()
    found = claimed_from(plain, "stated", frozenset({"en"}))
    return Claimed(found.at, found.zone, found.precision, "stated", match[0], found.order_ambiguous)


def hints_of(text: str) -> tuple[Hint, ...]:
    """Words that seem to say when or where, in order of place, each place once."""
    looked_at = text[:_LOOKED_AT]
    times = [Hint("time", match[0], *match.span()) for match in _TIME.finditer(looked_at)]
    places = [
        Hint("place", match["place"], *match.span("place"))
        for match in _PLACE.finditer(looked_at)
        if _NO_PLACE.match(match["place"]) is None
        and not any(match.start("place") < time.end and time.start < match.end("place") for time in times)
    ]
    return tuple(sorted([*times, *places], key=lambda hint: hint.start)[:_MOST_HINTS])
