"""Charts as SVG: presentation attributes only, so that they hold under a strict policy and in print."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from xml.sax.saxutils import escape

WEEK: Final = timedelta(days=7)
MOST_BARS: Final = 104
_WIDTH, _HEIGHT = 720, 200
_HALF_A_LABEL = 34
_LEFT, _BOTTOM, _TOP, _RIGHT = 36, 30, 18, 8
_INK, _BAR, _LINE = "#0b0c0c", "#1d5a80", "#b1b4b6"


@dataclass(frozen=True, slots=True)
class Week:
    """How many contacts fall into the week that starts on this Monday."""

    monday: date
    contacts: int


def weeks_of(days: Iterable[date]) -> tuple[Week, ...]:
    """Contacts per week, from the first week with one to the last; weeks without any are there with nought.

    Args:
        days: The local day of each contact, any order, one for each.
    """
    counted: dict[date, int] = {}
    for day in days:
        monday = day - timedelta(days=day.weekday())
        counted[monday] = counted.get(monday, 0) + 1
    if not counted:
        return ()
    first, last = min(counted), max(counted)
    number = (last - first).days // 7 + 1
    return tuple(Week(first + WEEK * n, counted.get(first + WEEK * n, 0)) for n in range(number))


def weeks_svg(weeks: tuple[Week, ...], *, name: str = "weeks") -> str:
    """Bars of contacts per week, as an SVG element that is safe to place in a page.

    Args:
        weeks: From `weeks_of`; of more than `MOST_BARS` the newest are drawn, and the description says so.
        name: Start of the element ids, unique in the page.
    """
    shown = weeks[-MOST_BARS:]
    if not shown:
        return ""
    top = max(week.contacts for week in shown)
    step = (_WIDTH - _LEFT - _RIGHT) / len(shown)
    bars = "".join(_bar(week, place, step, top) for place, week in enumerate(shown))
    title, described = "Contacts per week", _described(weeks, shown, top)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="hf-chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-labelledby="{escape(name)}-title {escape(name)}-desc">'
        f'<title id="{escape(name)}-title">{title}</title><desc id="{escape(name)}-desc">{described}</desc>'
        f"{_scale(top)}{bars}</svg>"
    )


def _described(weeks: tuple[Week, ...], shown: tuple[Week, ...], top: int) -> str:
    empty = sum(week.contacts == 0 for week in shown)
    cut = "" if len(weeks) == len(shown) else f" Only the newest {len(shown)} of {len(weeks)} weeks are drawn."
    return (
        f"{sum(week.contacts for week in shown)} contacts in {len(shown)} weeks from {_day(shown[0].monday)}; "
        f"at most {top} in a week; {empty} weeks without any.{cut} The table has the same numbers."
    )


def _bar(week: Week, place: int, step: float, top: int) -> str:
    height = round((_HEIGHT - _TOP - _BOTTOM) * week.contacts / top) if week.contacts else 0
    x, base = _LEFT + place * step, _HEIGHT - _BOTTOM
    width = min(step * 0.8, 40)
    middle = x + step / 2
    bar = (
        f'<rect x="{middle - width / 2:.1f}" y="{base - height}" width="{width:.1f}" height="{height}" fill="{_BAR}">'
        f"<title>Week of {_day(week.monday)}: {week.contacts}</title></rect>"
        if week.contacts
        else f'<rect x="{middle - width / 2:.1f}" y="{base - 1}" width="{width:.1f}" height="1" fill="{_LINE}"/>'
    )
    count = _label(middle, base - height - 5, str(week.contacts), "middle") if step >= 16 and week.contacts else ""  # noqa: PLR2004
    every = max(1, round(80 / step))
    is_named = place % every == 0 and middle + _HALF_A_LABEL <= _WIDTH
    dated = _label(middle, _HEIGHT - 10, f"{week.monday.day} {week.monday:%b %y}", "middle") if is_named else ""
    return bar + count + dated


def _scale(top: int) -> str:
    base = _HEIGHT - _BOTTOM
    return (
        f'<line x1="{_LEFT}" y1="{base}" x2="{_WIDTH - _RIGHT}" y2="{base}" stroke="{_INK}" stroke-width="1"/>'
        f'<line x1="{_LEFT}" y1="{_TOP}" x2="{_WIDTH - _RIGHT}" y2="{_TOP}" stroke="{_LINE}" stroke-width="1"/>'
        + _label(_LEFT - 6, base + 4, "0", "end")
        + _label(_LEFT - 6, _TOP + 4, str(top), "end")
    )


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.0f}" font-family="arial, sans-serif" font-size="13" fill="{_INK}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
