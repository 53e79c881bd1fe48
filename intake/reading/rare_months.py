"""The month that a word names in a language that has no row of ours, by dateparser: that, and nothing else, is asked.

dateparser guesses the order of day and month, substitutes today for what is missing and reads zones its own way, so it
is never given a whole date. Year, day, time and zone are read by `dates`; it is asked what month a word between them
names, in the languages that the header's labels are in, and only an answer with that day and that year is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_LANGUAGES: Final = frozenset(("ar", "eu", "fa", "gl", "he", "id", "is", "lt", "ms", "sr", "th", "vi"))
_LONGEST: Final = 30
_MOST: Final = 8
_SETTINGS: Final = {"STRICT_PARSING": True, "PARSERS": ["absolute-time"], "RETURN_AS_TIMEZONE_AWARE": False}


def rare_month(words: Iterable[str], day: int, year: int, languages: Iterable[str]) -> int | None:
    """The month that one of `words` names in one of `languages`; None where dateparser knows none, or more than one."""
    wanted = sorted(_LANGUAGES.intersection(languages))
    candidates = [word for word in words if len(word) <= _LONGEST][:_MOST]
    found = {_month(word, day, year, language) for word in candidates for language in wanted} - {None}
    return found.pop() if len(found) == 1 else None


def _month(word: str, day: int, year: int, language: str) -> int | None:
    import dateparser  # half a second, for one mail in a thousand

    try:
        found = dateparser.parse(f"{day} {word} {year}", languages=[language], settings=_SETTINGS)
    except Exception:  # noqa: BLE001 - of whatever kind: it is a second opinion on a word
        return None
    return found.month if found is not None and (found.day, found.year) == (day, year) else None
