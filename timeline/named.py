"""Whom a case's evidence names as its senders: claims, counted, for an officer to judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, String, func, select, true

from archive.likeness import likeness
from archive.tables import contributor, contributor_contact, exhibit
from timeline.newest import NEWEST

MOST: Final = 50


@dataclass(frozen=True, slots=True)
class NamedSender:
    """A number or address that evidence names as a sender, and in how many items it does."""

    value: str
    items: int


def senders_of(connection: Connection, case_id: UUID) -> list[NamedSender]:
    """Numbers and addresses that items of a case name as senders, most named first; not the contributors' own."""
    person = NEWEST.c.content["reported_from"]
    value = func.coalesce(person["number"].as_string(), person["address"].as_string()).cast(String).label("value")
    query = (
        select(value, func.count().label("items"))
        .select_from(exhibit)
        .outerjoin(NEWEST, true())
        .where(exhibit.c.case_id == case_id, value.isnot(None))
        .group_by(value)
        .order_by(func.count().desc(), value)
        .limit(MOST)
    )
    own = (
        select(contributor_contact.c.likeness)
        .join(contributor, contributor.c.id == contributor_contact.c.contributor_id)
        .where(contributor.c.case_id == case_id)
    )
    ours = set(connection.execute(own).scalars())
    return [NamedSender(row.value, row.items) for row in connection.execute(query) if likeness(row.value) not in ours]
