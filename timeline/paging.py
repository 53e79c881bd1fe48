"""One page of a timeline, by key: as quick on the last page as on the first. A page is so many rows; a flood is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, column, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import JSON

from archive.acquisition import Channel, parsed, rendered
from archive.tables import acquisition, exhibit
from timeline.event import TimelineEvent
from timeline.events import SORT_KEY, WORDS, Surroundings, event_of, events_query, surroundings_of
from timeline.folding import Place, rows
from timeline.newest import IS_FOLLOW_UP, NEWEST

PER_PAGE: Final = 50
MOST_OPENED: Final = 200
"""So many of a fold are on the page itself; all of a larger one are a page away."""
MOST_ON_A_PAGE: Final = 1000
_FIRST_LOOK, _NEXT_LOOKS = 4 * PER_PAGE, 2000
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
class Line:
    """One row of a page: an event, or a burst of them folded into one.

    Attributes:
        events: In the order of the page; of a burst of more than `MOST_OPENED` its first ones and its very last.
        many: How many it stands for.
        after: Key of the event before it; None where it begins the timeline. From there all of them can be listed.
    """

    events: tuple[TimelineEvent, ...]
    many: int
    after: Key | None

    @property
    def is_fold(self) -> bool:
        """Whether it stands for a burst."""
        return self.many > 1

    @property
    def is_whole(self) -> bool:
        """Whether `events` are all of them."""
        return len(self.events) == self.many


@dataclass(frozen=True, slots=True)
class Page:
    """Some events of a timeline.

    Attributes:
        lines: In the order asked for.
        first: Number of the first event among all that fit the filter, from 1; `last` of the last one.
        total: How many fit the filter.
        previous: Key of the page before, if there is one; `following` likewise.
    """

    lines: tuple[Line, ...]
    first: int
    total: int
    previous: Key | None
    following: Key | None

    @property
    def last(self) -> int:
        """Number of the last event that the page stands for."""
        return self.first + sum(line.many for line in self.lines) - 1

    @property
    def events(self) -> tuple[TimelineEvent, ...]:
        """Every event that is on the page, in a fold or by itself."""
        return tuple(event for line in self.lines for event in line.events)


def page_of(
    connection: Connection,
    case_id: UUID,
    *,
    chosen: Filter,
    newest_first: bool = False,
    after: Key | None = None,
    before: Key | None = None,
    folded: bool = True,
) -> Page:
    """The page that starts after a key, or ends before one; the first page where neither is given.

    Args:
        connection: Reads only.
        case_id: The case.
        chosen: What of it.
        newest_first: Which way round.
        after: The event that the page comes after.
        before: The event that the page ends before.
        folded: Whether bursts are folded (`timeline.folding`).
    """
    conditions = [exhibit.c.case_id == case_id, *chosen.conditions()]
    backwards = before is not None
    descending = newest_first != backwards
    key = before or after
    around = surroundings_of(connection, case_id)
    places = _places(connection, conditions, around, key, descending=descending)
    taken = _enough(rows(places) if folded else ((place,) for place in places))
    if backwards:
        taken = [tuple(reversed(row)) for row in reversed(taken)]
    total = _count(connection, conditions)
    if not taken:
        return Page((), 0, total, None, None)
    first, last = _key(taken[0][0]), _key(taken[-1][-1])
    place = tuple_(SORT_KEY, exhibit.c.id)
    ahead = place > tuple_(first.at, first.id) if newest_first else place < tuple_(first.at, first.id)
    skipped = _count(connection, [*conditions, ahead]) if key else 0
    return Page(
        tuple(_lines(connection, taken, around, None if backwards else after)),
        first=skipped + 1,
        total=total,
        previous=first if skipped else None,
        following=last if skipped + sum(map(len, taken)) < total else None,
    )


def _enough(found: Iterator[tuple[Place, ...]]) -> list[tuple[Place, ...]]:
    """A page of rows: fewer where floods make it long."""
    taken: list[tuple[Place, ...]] = []
    shown = 0
    for row in found:
        taken.append(row)
        shown += min(len(row), MOST_OPENED)
        if len(taken) == PER_PAGE or shown >= MOST_ON_A_PAGE:
            break
    return taken


def _places(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    around: Surroundings,
    key: Key | None,
    *,
    descending: bool,
) -> Iterator[Place]:
    """What is beyond a key, in order; looked up bit by bit, as far as it is used."""
    at = tuple_(SORT_KEY, exhibit.c.id)
    query = _places_query().where(*conditions)
    query = (
        query.order_by(SORT_KEY.desc(), exhibit.c.id.desc()) if descending else query.order_by(SORT_KEY, exhibit.c.id)
    )
    many = _FIRST_LOOK
    while True:
        beyond = tuple_(key.at, key.id) if key else None
        further = query if beyond is None else query.where(at < beyond if descending else at > beyond)
        found = connection.execute(further.limit(many)).all()
        yield from (Place(row.id, row.ordered_at, _alike(row, around)) for row in found)
        if len(found) < many:
            return
        key, many = Key(found[-1].ordered_at, found[-1].id), _NEXT_LOOKS


def _places_query() -> Select[Any]:
    """Of each exhibit where it stands and what tells it apart, without opening its reading as a whole."""
    names = ("state", "kind", "direction", "unfinished", "own_words", "reported_from")
    lists = ("attachments", "remote_content", "claimed")
    parts = func.json_to_record(NEWEST.c.content).table_valued(
        *(column(name, Text) for name in names), *(column(name, JSON) for name in lists)
    )
    read = parts.render_derived(name="read", with_types=True)
    return (
        select(
            exhibit.c.id,
            exhibit.c.contributor_id,
            acquisition.c.channel,
            acquisition.c.sender,
            acquisition.c.parent_id,
            SORT_KEY.label("ordered_at"),
            NEWEST.c.words_id,
            IS_FOLLOW_UP,
            *(read.c[name] for name in names),
            func.json_array_length(read.c.attachments).label("attachments"),
            func.json_array_length(read.c.remote_content).label("remote_content"),
            func.json_extract_path_text(read.c.claimed, "at").label("claimed_at"),
        )
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .outerjoin(NEWEST, true())
        .outerjoin(read, true())
    )


def _alike(row: Row[Any], around: Surroundings) -> tuple[object, ...] | None:
    """What a plain message has to share with its neighbours to be folded; None for anything that is more than that."""
    is_plain = row.state == "read" and row.kind == "message" and not (row.attachments or row.remote_content)
    has_more = row.parent_id or row.id in around.further or row.words_id or row.is_follow_up
    if not is_plain or has_more or "true" in {row.unfinished, row.own_words}:
        return None
    # Their clock and ours are never mixed: what is dated is folded with what is dated.
    return (row.channel, row.sender, row.contributor_id, row.direction, row.reported_from, row.claimed_at is not None)


def _lines(
    connection: Connection, taken: Sequence[tuple[Place, ...]], around: Surroundings, after: Key | None
) -> Iterator[Line]:
    shown = [_shown(row) for row in taken]
    wanted = [place.id for row in shown for place in row]
    query = events_query().order_by(None).where(exhibit.c.id == func.any(wanted))
    events = {row.id: event_of(row, around) for row in connection.execute(query)}
    for row, opened in zip(taken, shown, strict=True):
        yield Line(tuple(events[place.id] for place in opened), len(row), after)
        after = _key(row[-1])


def _shown(row: tuple[Place, ...]) -> tuple[Place, ...]:
    return row if len(row) <= MOST_OPENED else (*islice(row, MOST_OPENED - 1), row[-1])


def _key(place: Place) -> Key:
    return Key(place.at, place.id)


def _count(connection: Connection, conditions: list[ColumnElement[bool]]) -> int:
    query = (
        select(func.count())
        .select_from(exhibit)
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .outerjoin(NEWEST, true())
        .where(*conditions)
    )
    return int(connection.execute(query).scalar_one())
