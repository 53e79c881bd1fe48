"""From what a browser sent to answers, or to what is wrong with it, in words that help. Total, for any form.

Words are kept as they were typed, but for the line ends that browsers rewrite. A day and a time are read strictly and
kept as typed beside: a time that could be morning or evening is asked about, never chosen for her.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from intake.diary_document import FEAR, Answer, Known, When
from web import diary_pages
from web.diary_pages import Field, Look, Page
from web.translations import gettext as _

MOST_WORDS: Final = 50_000
MOST_LINE: Final = 2_000
_DAY_PARTS: Final = ("day", "month", "year")
_YEARS: Final = range(1930, 2200)
_NOON: Final = 12
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES: Final = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
    *("november", "december"),
)  # fmt: skip
_CLOCK: Final = re.compile(
    r"(?P<hour>[0-9]{1,2})(?:[:.\s]?(?P<minute>[0-9]{2}))?\s*(?P<half>a\.?m\.?|p\.?m\.?)?", re.IGNORECASE
)
_WORDED: Final = {"noon": "12:00", "midday": "12:00"}


@dataclass(frozen=True, slots=True)
class Filled:
    """What one page brought.

    Attributes:
        answers: By the question's name, to be saved; empty where something is wrong.
        typed: What stood in each field, to be shown again.
        faults: What is wrong, by the field's name; the first is named in the summary of errors.
    """

    answers: Mapping[str, Answer]
    typed: Mapping[str, str]
    faults: Mapping[str, str] = field(default_factory=dict)


def read_page(page: Page, form: Mapping[str, str], *, before: Mapping[str, Answer], today: date) -> Filled:
    """Read one page's form.

    Args:
        page: The page.
        form: What the browser sent, whatever it is.
        before: The draft's answers so far.
        today: In the zone of our screens: a day that has not come yet is a slip of the finger.
    """
    typed = {name: _as_typed(form.get(name, "")) for name in fields_of(page)}
    if page is diary_pages.WHEN:
        return _read_when(typed, before.get("when"))
    if page is diary_pages.DAY:
        return _read_day(typed, before.get("when"), today)
    if page is diary_pages.PHOTOS:
        return Filled({"photos": ()}, typed)
    answers: dict[str, Answer] = {}
    faults: dict[str, str] = {}
    for one in page.fields:
        answer, fault = _read_field(one, typed[one.name], page)
        answers[one.name] = answer
        if fault:
            faults[one.name] = fault
    return Filled({} if faults else answers, typed, faults)


def fields_of(page: Page) -> tuple[str, ...]:
    """Names of the fields that a page's form has."""
    if page is diary_pages.DAY:
        return (*(f"day-{part}" for part in _DAY_PARTS), "time", "words")
    return tuple(one.name for one in page.fields)


def typed_of(page: Page, answers: Mapping[str, Answer]) -> dict[str, str]:
    """What stands in each field of a page that was filled in before."""
    if page is diary_pages.DAY:
        when = answers.get("when")
        if not isinstance(when, When):
            return dict.fromkeys(fields_of(page), "")
        written = {f"day-{part}": when.written.get(part, "") for part in _DAY_PARTS}
        return {**written, "time": when.written.get("time", ""), "words": when.words or ""}
    return {name: _shown(name, answers) for name in fields_of(page)}


def _shown(name: str, answers: Mapping[str, Answer]) -> str:
    answer = answers.get(name)
    if name == "fear" and name in answers:
        return "none" if answer is None else str(answer)
    if isinstance(answer, When):
        return answer.known.value
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return answer if isinstance(answer, str) else ""


def _as_typed(value: str) -> str:
    """Browsers send every line end as CR LF, whatever was typed (WHATWG HTML, form data)."""
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _read_field(one: Field, typed: str, page: Page) -> tuple[Answer, str]:
    if one.look is Look.CHOICE:
        return {"yes": True, "no": False}.get(typed), ""
    if one.look is Look.SCALE:
        number = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= len("10") else 0
        return (number if number in FEAR else None), ""
    most = MOST_LINE if one.look is Look.LINE else MOST_WORDS
    if len(typed) > most:
        return None, too_long(most)
    if not typed.strip():
        return None, _("Write what happened") if page is diary_pages.WHAT else ""
    return typed, ""


def too_long(most: int) -> str:
    """What is said of words that are too many."""
    return _("This is too long. Use %(most)s letters or fewer. You can put the rest in a new entry.", most=f"{most:,}")


def _read_when(typed: Mapping[str, str], before: Answer) -> Filled:
    chosen = typed["when"]
    if chosen not in set(Known):
        return Filled({}, typed, {"when": _("Choose if you know when it was")})
    known = Known(chosen)
    if known is Known.UNKNOWN or not isinstance(before, When):
        return Filled({"when": When(known)}, typed)
    # What was typed of the day stays; whether it is enough, the next page asks.
    return Filled({"when": When(known, before.day, before.time, before.words, before.written)}, typed)


def _read_day(typed: Mapping[str, str], before: Answer, today: date) -> Filled:
    known = before.known if isinstance(before, When) else Known.ABOUT
    parts = {part: typed[f"day-{part}"].strip() for part in _DAY_PARTS}
    faults: dict[str, str] = {}
    day = _day(parts, known, today, faults)
    clock = _clock(typed["time"], known, faults)
    words = typed["words"].strip()
    if len(words) > MOST_LINE:
        faults["words"] = too_long(MOST_LINE)
    if not faults and known is not Known.EXACT:
        _require_something(day, clock, words, faults)
    if faults:
        return Filled({}, typed, faults)
    written = {part: value for part, value in {**parts, "time": typed["time"].strip()}.items() if value}
    return Filled({"when": When(known, day, clock, typed["words"] if words else None, written)}, typed)


def _require_something(day: str | None, clock: str | None, words: str, faults: dict[str, str]) -> None:
    if not (day or words):
        faults["day"] = _("Put in a day or a month, or say it in your own words")
    elif clock and not (day and len(day) == len("2026-11-21")) and not words:
        faults["day"] = _("Put in the day too, or say it in your own words")


def _day(parts: Mapping[str, str], known: Known, today: date, faults: dict[str, str]) -> str | None:
    if not any(parts.values()):
        if known is Known.EXACT:
            faults["day"] = _("Put in the day")
        return None
    year, month, day = _year(parts["year"]), _month(parts["month"]), _number(parts["day"])
    if len(parts["year"]) == len("26"):
        faults["day"] = _("Put in the whole year, like %(year)s", year=today.year)
    elif year is None or month is None or (parts["day"] and day is None):
        faults["day"] = _("Put in a day like 27 3 %(year)s", year=today.year)
    elif not parts["day"] and known is Known.EXACT:
        faults["day"] = _("Put in the day, as well as the month and year")
    else:
        return _whole_day(year, month, day, today, faults)
    return None


def _whole_day(year: int, month: int, day: int | None, today: date, faults: dict[str, str]) -> str | None:
    try:
        found = date(year, month, day or 1)
    except ValueError:
        faults["day"] = _("That day is not in the calendar. Check the day and the month")
        return None
    # A phone on the other side of the world is a day ahead of ours.
    if found > today + timedelta(days=1):
        faults["day"] = _("That day has not come yet. Check the day, the month and the year")
        return None
    return found.isoformat() if day else found.isoformat()[: len("2026-11")]


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,2}", text) else None


def _year(text: str) -> int | None:
    found = int(text) if re.fullmatch(r"[0-9]{4}", text) else 0
    return found if found in _YEARS else None


def _month(text: str) -> int | None:
    if (number := _number(text)) is not None:
        return number if number in range(1, 13) else None
    name = text.strip(".").casefold()
    if name in _MONTH_NAMES:
        return _MONTH_NAMES.index(name) + 1
    return _MONTHS.index(name) + 1 if name in _MONTHS else None


def _clock(typed: str, known: Known, faults: dict[str, str]) -> str | None:
    text = typed.strip().casefold()
    if not text:
        if known is Known.EXACT:
            faults["time"] = _("Put in the time. If you do not know it, go back and choose “I know about when”")
        return None
    if text in _WORDED:
        return _WORDED[text]
    if text == "midnight":
        faults["time"] = _("Put in 11.59pm or 12.01am, so that the day is clear")
        return None
    match = _CLOCK.fullmatch(text)
    found = _time_of(match) if match else None
    if found is None:
        faults["time"] = _("Put in a time like 9.30pm or 21:30")
    elif not match or _is_unsure(match):
        faults["time"] = _("Say if %(time)s was in the morning or the evening: add am or pm", time=typed.strip())
    else:
        return found
    return None


def _time_of(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if match["half"]:
        if hour not in range(1, _NOON + 1):
            return None
        hour = hour % _NOON + (_NOON if match["half"].startswith("p") else 0)
    return f"{hour:02}:{minute:02}" if hour in range(24) and minute in range(60) else None


def _is_unsure(match: re.Match[str]) -> bool:
    """Whether a time could be morning or evening: `9:30` is both, `09:30`, `21:30` and `9:30pm` are not."""
    return not match["half"] and not match["hour"].startswith("0") and int(match["hour"]) in range(1, _NOON + 1)
