"""The events of a case, out of its exhibits, their newest readings and the ledger.

They come out of the database in order and one batch at a time; nothing here writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, lateral, select, true
from sqlalchemy.sql import ColumnElement

from archive.exhibit import ExhibitRef
from archive.ledger import checkpoint_size
from archive.tables import acquisition, authenticity, contributor, contributor_contact, custody_leaf, exhibit
from archive.timestamps import bound_of, bounding
from intake.addresses import normal_email, normal_phone
from intake.reading.model import Claimed, Reading, Reported
from timeline.event import ExhibitFacts, FurtherExhibit, Said, TimelineEvent
from timeline.grading import grading_of
from timeline.newest import HOLDS, IS_FOLLOW_UP, NEWEST
from timeline.readings import opened

BATCH: Final = 500
EXPORTS: Final = frozenset({"backup", "chat"})

# What was found out last of the authenticity of an exhibit's messages.
JUDGED = lateral(
    select(authenticity.c.summary)
    .where(authenticity.c.exhibit_id == exhibit.c.id)
    .order_by(authenticity.c.judged_at.desc(), authenticity.c.id)
    .limit(1)
).alias("judged")

BOUND = bounding(custody_leaf.c.leaf_index)

SORT_KEY: Final[ColumnElement[Any]] = func.coalesce(NEWEST.c.ordered_at, acquisition.c.received_at)
WORDS: Final[ColumnElement[Any]] = NEWEST.c.words


def events_query() -> Select[Any]:
    """Everything an event is made of, one row per exhibit, oldest first; narrow it further with `where`."""
    return (
        select(
            exhibit.c.id,
            exhibit.c.initials,
            exhibit.c.number,
            exhibit.c.contributor_id,
            acquisition.c.channel,
            acquisition.c.sha256,
            acquisition.c.size_bytes,
            acquisition.c.media_type,
            acquisition.c.received_at,
            acquisition.c.delivered_at,
            acquisition.c.parent_id,
            acquisition.c.door["channel_of_receipt"].as_string().label("channel_of_receipt"),
            custody_leaf.c.leaf_index,
            *BOUND.c,
            contributor.c.name.label("contributor"),
            NEWEST.c.content,
            NEWEST.c.said,
            NEWEST.c.words_id,
            NEWEST.c.question_id,
            IS_FOLLOW_UP,
            HOLDS,
            JUDGED.c.summary.label("judged"),
            SORT_KEY.label("ordered_at"),
        )
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .outerjoin(custody_leaf, custody_leaf.c.entry_id == exhibit.c.archived_entry)
        .outerjoin(BOUND, true())
        .outerjoin(contributor, contributor.c.id == exhibit.c.contributor_id)
        .outerjoin(NEWEST, true())
        .outerjoin(JUDGED, true())
        .order_by(SORT_KEY, exhibit.c.id)
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What events of a case share.

    Attributes:
        signed: Entries under the newest checkpoint.
        further: Exhibits that came with another, by that one's id.
        own: Numbers and addresses of the case's contributors.
    """

    signed: int
    further: dict[UUID, tuple[FurtherExhibit, ...]]
    own: frozenset[tuple[UUID, str]]


def surroundings_of(connection: Connection, case_id: UUID) -> Surroundings:
    """Read what the events of a case share, once."""
    beside: dict[UUID, list[FurtherExhibit]] = {}
    query = (
        select(
            acquisition.c.parent_id,
            exhibit.c.id,
            exhibit.c.initials,
            exhibit.c.number,
            acquisition.c.media_type,
            acquisition.c.sha256,
            acquisition.c.size_bytes,
        )
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .where(exhibit.c.case_id == case_id, acquisition.c.parent_id.isnot(None))
        .order_by(exhibit.c.number)
    )
    for row in connection.execute(query):
        one = FurtherExhibit(row.id, _reference(row), row.media_type, row.sha256, row.size_bytes)
        beside.setdefault(row.parent_id, []).append(one)
    contacts = (
        select(contributor_contact.c.contributor_id, contributor_contact.c.value)
        .join(contributor, contributor.c.id == contributor_contact.c.contributor_id)
        .where(contributor.c.case_id == case_id)
    )
    own = frozenset((row.contributor_id, row.value) for row in connection.execute(contacts))
    return Surroundings(checkpoint_size(connection), {key: tuple(found) for key, found in beside.items()}, own)


def events_of(connection: Connection, case_id: UUID, *conditions: ColumnElement[bool]) -> Iterator[TimelineEvent]:
    """The events of a case, oldest first, read in batches while they are used."""
    around = surroundings_of(connection, case_id)
    query = events_query().where(exhibit.c.case_id == case_id, *conditions).execution_options(yield_per=BATCH)
    for row in connection.execute(query):
        yield event_of(row, around)


def event_of(row: Row[Any], around: Surroundings) -> TimelineEvent:
    """The event that one row of `events_query` makes."""
    found = opened(row.content)
    if found is not None and row.is_follow_up:
        found = replace(found, own_words=True)
    if found is not None and row.holds:
        found = as_file(found, row.holds)
    sealed, bound = row.leaf_index is not None and row.leaf_index < around.signed, bound_of(row)
    facts = ExhibitFacts(
        id=row.id,
        reference=_reference(row),
        channel=row.channel,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        received_at=row.received_at,
        delivered_at=row.delivered_at,
        state="timestamped" if bound else "sealed" if sealed else "archived",
        ledger_index=row.leaf_index,
        contributor=row.contributor,
        ordered_at=row.ordered_at,
        parent_id=row.parent_id,
        bound=bound,
        reconciled=row.channel_of_receipt == "reconciled",
    )
    kind = "attachment" if row.parent_id else "diary" if row.is_follow_up else _kind(found, facts)
    direction = _direction(found, row.contributor_id, around.own)
    return TimelineEvent(
        facts=facts,
        reading=found,
        kind=kind,
        direction=direction,
        grading=grading_of(facts, found, row.judged),
        further=around.further.get(row.id, ()),
        judged=row.judged,
        said=_said(row),
        is_follow_up=row.is_follow_up,
    )


def as_file(found: Reading, holds: str) -> Reading:
    """The reading of a file whose messages are events of their own: it is none, and its words are theirs."""
    claimed = Claimed(source="export" if holds in EXPORTS else "none")
    return replace(found, kind="attachment", text="", claimed=claimed, identifiers=(), hints=(), own_words=False)


def _said(row: Row[Any]) -> Said | None:
    if row.words_id is None:
        return None
    fills = [name for name in ("reported_from", "claimed") if name in row.said and row.content[name] == row.said[name]]
    return Said(row.words_id, row.said["said"], row.question_id, tuple(fills))


def _kind(found: Reading | None, facts: ExhibitFacts) -> str:
    """What an event is. A mail in which an enrolled person forwards nothing is an entry in her own words."""
    if found is None:
        return "message"
    is_hers = facts.channel == "email" and facts.contributor is not None and found.own_words
    return "diary" if found.kind == "message" and is_hers else found.kind


def _reference(row: Any) -> str | None:
    reference = ExhibitRef.of(row.initials, row.number)
    return str(reference) if reference else None


def _direction(found: Reading | None, contributor_id: UUID | None, own: frozenset[tuple[UUID, str]]) -> str:
    """As `direction_of`; but an export holds both sides, so what it does not tell stays unknown."""
    if found is None:
        return "inbound"
    direction = direction_of(found.direction, found.reported_from, contributor_id, own)
    is_told = found.direction != "unknown" or direction == "outbound" or found.claimed.source != "export"
    return direction if is_told else "unknown"


def direction_of(stated: str, sender: Reported, contributor_id: UUID | None, own: frozenset[tuple[UUID, str]]) -> str:
    """Inbound unless the reading says otherwise, or names the contributor's own number or address as the sender.

    Args:
        stated: What the reading says.
        sender: Who the reading says wrote it.
        contributor_id: Who sent it in.
        own: Numbers and addresses of the case's contributors.
    """
    if stated != "unknown":
        return stated
    if contributor_id is None:
        return "inbound"
    named = (normal_email(sender.address) if sender.address else None, normal_phone(sender.number or ""))
    return "outbound" if any((contributor_id, value) in own for value in named if value) else "inbound"
