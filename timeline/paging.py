"""One page of a timeline, by key: as quick on the last page as on the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, true, tuple_

from archive.acquisition import Channel, parsed, rendered
from archive.tables import acquisition, exhibit
from timeline.event import TimelineEvent
from timeline.events import SORT_KEY, WORDS, event_of, events_query, surroundings_of
from timeline.newest import NEWEST

PER_PAGE: Final = 50
MOST_WORDS: Final = 10
MOST_WORD_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """What an officer asked to see of a timeline.

    Attributes:
        channels: Doors, or none for all.
        words: All of them stand somewhere in an event's words.
    """

    channels: tuple[Channel, ...] = ()
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, channels: list[str], words: str) -> Filter:
        """A filter from what a form sent; unknown channels are left out."""
        known = tuple(channel for channel in Channel if channel.value in channels)
        parts = words.replace("\x00", " ").split()[:MOST_WORDS]
        return cls(known, tuple(part[:MOST_WORD_CHARACTERS] for part in parts))

    def facts(self) -> Mapping[str, Any]:
        """The filter as a custody entry keeps it."""
        return {"channels": [channel.value for channel in self.channels], "words": list(self.words)}

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter in SQL."""
        narrowed: list[ColumnElement[bool]] = []
        if self.channels:
            narrowed.append(acquisition.c.channel.in_([channel.value for channel in self.channels]))
        narrowed += [WORDS.contains(word.casefold(), autoescape=True) for word in self.words]
        return narrowed


@dataclass(frozen=True, slots=True)
class Key:
    """A place on the timeline: between two events, never between two pages."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{rendered(self.at)}~{self.at.microsecond % 1000}~{self.id}"

    @classmethod
    def of(cls, text: str | None) -> Key | None:
        """The key that an address holds; None where it holds none or a broken one."""
        try:
            at, below, found = (text or "").split("~")
            return cls(parsed(at).replace(microsecond=parsed(at).microsecond + int(below)), UUID(found))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Page:
    """Some events of a timeline.

    Attributes:
        events: In the order asked for.
        first: Number of the first of them among all that fit the filter, from 1.
        total: How many fit the filter.
        previous: Key of the page before, if there is one; `following` likewise.
    """

    events: tuple[TimelineEvent, ...]
    first: int
    total: int
    previous: Key | None
    following: Key | None

    @property
    def number(self) -> int:
        """Number of this page, from 1."""
        return (self.first + PER_PAGE - 2) // PER_PAGE + 1


def page_of(
    connection: Connection,
    case_id: UUID,
    *,
    chosen: Filter,
    newest_first: bool = False,
    after: Key | None = None,
    before: Key | None = None,
) -> Page:
    """The page that starts after a key, or ends before one; the first page where neither is given."""
    conditions = [exhibit.c.case_id == case_id, *chosen.conditions()]
    backwards = before is not None
    descending = newest_first != backwards
    key = before or after
    place = tuple_(SORT_KEY, exhibit.c.id)
    query = events_query().where(*conditions).limit(PER_PAGE)
    if key:
        beyond = tuple_(key.at, key.id)
        query = query.where(place < beyond if descending else place > beyond)
    if descending:
        query = query.order_by(None).order_by(SORT_KEY.desc(), exhibit.c.id.desc())
    rows = connection.execute(query).all()
    around = surroundings_of(connection, case_id)
    events = tuple(event_of(row, around) for row in (reversed(rows) if backwards else rows))
    if not events:
        return Page((), 0, _count(connection, conditions), None, None)
    first, last = _key(events[0]), _key(events[-1])
    ahead = place > tuple_(first.at, first.id) if newest_first else place < tuple_(first.at, first.id)
    skipped = _count(connection, [*conditions, ahead]) if key else 0
    total = _count(connection, conditions)
    return Page(
        events,
        first=skipped + 1,
        total=total,
        previous=first if skipped else None,
        following=last if skipped + len(events) < total else None,
    )


def _key(event: TimelineEvent) -> Key:
    return Key(event.facts.ordered_at, event.facts.id)


def _count(connection: Connection, conditions: list[ColumnElement[bool]]) -> int:
    query = (
        select(func.count())
        .select_from(exhibit)
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .outerjoin(NEWEST, true())
        .where(*conditions)
    )
    return int(connection.execute(query).scalar_one())
