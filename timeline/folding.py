"""Bursts folded for the eye: many alike in a row become one row that says so and opens to all of them.

Display alone. What is counted, charted, exported and packaged never comes through here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

FEWEST: Final = 20
"""Fewer than these are read one by one: a handful of texts is evidence to look at, not a flood to get past."""
NEAR: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one item stands in a list, and what it may be folded with.

    Attributes:
        id: The item's.
        at: What the list is ordered by.
        alike: Equal for items of one sender by one door that nothing tells apart; None for one that stands out, which
            is never folded.
    """

    id: UUID
    at: datetime
    alike: Hashable | None


def rows(places: Iterable[Place]) -> Iterator[tuple[Place, ...]]:
    """The rows of a list: single items, and runs of at least `FEWEST` neighbours that are alike and near each other.

    Args:
        places: In the order of the list, oldest or newest first. Read no further than to where a row has ended.

    Returns:
        Rows one after another; put together again they are exactly the places, in order. From the other end they are
        the same rows.
    """
    for run in _runs(places):
        if len(run) >= FEWEST:
            yield tuple(run)
        else:
            yield from ((place,) for place in run)


def _runs(places: Iterable[Place]) -> Iterator[list[Place]]:
    run: list[Place] = []
    for place in places:
        if run and not _belong_together(run[-1], place):
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _belong_together(one: Place, other: Place) -> bool:
    return one.alike is not None and one.alike == other.alike and abs(other.at - one.at) <= NEAR
