"""The newest reading of an exhibit, with what the contributor said of it filled in where the reading is silent.

Words that were attached to an item (`follow_up`) never replace what the item itself states, and a later reader that
finds more in the bytes goes before them. Everything the timeline sorts, counts and shows comes through here.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Text, case, cast, exists, func, lateral, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import JSON

from archive.tables import exhibit, follow_up, reading, unpacking

_attached: Final = lateral(
    select(follow_up.c.content, follow_up.c.words_id, follow_up.c.question_id, follow_up.c.ordered_at)
    .where(follow_up.c.exhibit_id == exhibit.c.id, follow_up.c.detached_at.is_(None))
    .limit(1)
).alias("attached")


def _filled() -> ColumnElement[Any]:
    """The reading's content, with sender and time as stated by her where it names none."""
    content, said = cast(reading.c.content, JSONB), cast(_attached.c.content, JSONB)
    nobody = func.jsonb_strip_nulls(content["reported_from"]) == func.jsonb_build_object()
    never = content["claimed"]["text"].astext.is_(None) & content["claimed"]["at"].astext.is_(None)
    who = case((nobody & said.has_key("reported_from"), _part(said, "reported_from")), else_=func.jsonb_build_object())
    when = case((never & said.has_key("claimed"), _part(said, "claimed")), else_=func.jsonb_build_object())
    merged = cast(content.op("||")(who).op("||")(when), JSON)
    return case((_attached.c.words_id.is_(None), reading.c.content), else_=merged)


def _part(said: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    return func.jsonb_build_object(cast(name, Text), said[name])


NEWEST: Final = lateral(
    select(
        _filled().label("content"),
        reading.c.words,
        func.coalesce(_attached.c.ordered_at, reading.c.ordered_at).label("ordered_at"),
        _attached.c.content.label("said"),
        _attached.c.words_id,
        _attached.c.question_id,
    )
    .select_from(reading.outerjoin(_attached, true()))
    .where(reading.c.exhibit_id == exhibit.c.id)
    .order_by(reading.c.version.desc())
    .limit(1)
).alias("newest")
"""Its first column is null where there is no reading; `said` and what follows are null where no words were attached."""

IS_FOLLOW_UP: Final[ColumnElement[bool]] = exists(
    select(follow_up.c.id).where(follow_up.c.words_id == exhibit.c.id, follow_up.c.detached_at.is_(None))
).label("is_follow_up")
"""Whether the exhibit is itself words of hers that were attached to another."""

HOLDS: Final = (
    select(unpacking.c.holds)
    .where(unpacking.c.exhibit_id == exhibit.c.id, unpacking.c.holds.isnot(None), unpacking.c.exhibits > 0)
    .correlate(exhibit)
    .scalar_subquery()
    .label("holds")
)
"""What a file is whose messages were taken out of it and are events of their own; null for anything else."""
