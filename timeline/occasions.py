"""How often, and on how many days: the pattern that a course of conduct is made of.

Only claimed and diary times count. Ten old texts forwarded tonight are not tonight's pattern: events whose day nobody
stated are counted beside, as undated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from timeline.ordering import LONDON

WINDOW: Final = timedelta(hours=1)
"""How far apart two events may be and still be one occasion, where the officer set nothing else."""


@dataclass(frozen=True, slots=True)
class Dated:
    """When one event happened, as far as anyone stated it.

    Attributes:
        at: The claimed moment, aware; None where no day was stated.
        timed: Whether a time of day was stated, or the day alone.
    """

    at: datetime | None
    timed: bool = True


@dataclass(frozen=True, slots=True)
class Occasion:
    """A run of events close enough together to count once. `began` and `ended` are aware; `events` is how many."""

    began: datetime
    ended: datetime
    events: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the counts are made of: occasions oldest first, the London days they fall on, and how many have no day."""

    occasions: tuple[Occasion, ...]
    days: tuple[date, ...]
    undated: int


def local_day(at: datetime) -> date:
    """The day in London on which a moment falls."""
    return at.astimezone(LONDON).date()


def find_pattern(events: Iterable[Dated], *, window: timedelta = WINDOW) -> Pattern:
    """Group events into occasions: runs in which neighbours are at most `window` apart.

    Args:
        events: Events of one case, any order. Those without a day are counted as undated and nowhere else.
        window: How far apart two events may be and still be one occasion.

    Returns:
        The pattern. Events known by their day alone join that day's occasions and make one only where the day has no
        other: a course of conduct must not be counted up from what nobody stated.

    Source:
        Protection from Harassment Act 1997 s.7(3): a course of conduct is conduct on at least two occasions.
    """
    known = list(events)
    dated = [event for event in known if event.at is not None]
    timed = sorted(event.at for event in dated if event.timed and event.at)
    occasions = _runs(timed, window)
    covered = {local_day(at) for at in timed}
    alone = sorted(event.at for event in dated if not event.timed and event.at and local_day(event.at) not in covered)
    by_day: dict[date, list[datetime]] = {}
    for at in alone:
        by_day.setdefault(local_day(at), []).append(at)
    occasions += [Occasion(moments[0], moments[-1], len(moments)) for moments in by_day.values()]
    days = sorted(covered | set(by_day))
    return Pattern(tuple(sorted(occasions, key=lambda one: one.began)), tuple(days), len(known) - len(dated))


def _runs(moments: list[datetime], window: timedelta) -> list[Occasion]:
    runs: list[list[datetime]] = []
    for at in moments:
        if runs and at - runs[-1][-1] <= window:
            runs[-1].append(at)
        else:
            runs.append([at])
    return [Occasion(run[0], run[-1], len(run)) for run in runs]
