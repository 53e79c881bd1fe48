"""A case in numbers, without opening its readings one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, column, func, select, true
from sqlalchemy.dialects.postgresql import JSON

from archive.tables import acquisition, exhibit
from intake.reading.model import Claimed, Reported
from timeline.charts import Week, weeks_of
from timeline.compile import COUNTED
from timeline.events import Surroundings, direction_of, surroundings_of
from timeline.newest import HOLDS, IS_FOLLOW_UP, NEWEST
from timeline.occasions import Dated, Pattern, find_pattern, local_day
from timeline.ordering import DATED, TIMED, claimed_moment


@dataclass(frozen=True, slots=True)
class Summary:
    """A case in numbers.

    Attributes:
        exhibits: How many exhibits it has; `by_channel` the same by door.
        pattern: Occasions and days, by claimed and diary times alone.
        weeks: Contacts per week, those with a stated day alone.
    """

    exhibits: int
    by_channel: Mapping[str, int]
    pattern: Pattern
    weeks: tuple[Week, ...]


def summary_of(connection: Connection, case_id: UUID) -> Summary:
    """Count a case."""
    around = surroundings_of(connection, case_id)
    found = connection.execute(_query(case_id)).all()
    by_channel: dict[str, int] = {}
    for row in found:
        by_channel[row.channel] = by_channel.get(row.channel, 0) + 1
    dated = [_dated(row) for row in found if _counts(row, around)]
    days = [local_day(one.at) for one in dated if one.at]
    return Summary(len(found), by_channel, find_pattern(dated), weeks_of(days))


def _query(case_id: UUID) -> Select[Any]:
    # One pass over each document; asked for by paths it would be parsed once for every field.
    parts = func.json_to_record(NEWEST.c.content).table_valued(
        column("kind", Text), column("direction", Text), column("claimed", JSON), column("reported_from", JSON)
    )
    read = parts.render_derived(name="read", with_types=True)

    def within(part: Any, name: str) -> ColumnElement[Any]:
        return func.json_extract_path_text(part, name).label(name)

    return (
        select(
            acquisition.c.channel,
            acquisition.c.parent_id,
            exhibit.c.contributor_id,
            IS_FOLLOW_UP,
            HOLDS,
            read.c.kind,
            read.c.direction,
            within(read.c.claimed, "at"),
            within(read.c.claimed, "precision"),
            within(read.c.reported_from, "address"),
            within(read.c.reported_from, "number"),
        )
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .outerjoin(NEWEST, true())
        .outerjoin(read, true())
        .where(exhibit.c.case_id == case_id)
    )


def _counts(row: Row[Any], around: Surroundings) -> bool:
    if row.parent_id or row.is_follow_up or row.holds or (row.kind or "message") not in COUNTED:
        return False
    sender = Reported(address=row.address, number=row.number)
    return direction_of(row.direction or "unknown", sender, row.contributor_id, around.own) != "outbound"


def _dated(row: Row[Any]) -> Dated:
    if row.precision not in DATED:
        return Dated(None)
    return Dated(claimed_moment(Claimed(at=row.at)), timed=row.precision in TIMED)
