"""Planned answers as rows: whom one is for, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select

from archive.contributor import Contact, ContactKind
from archive.tables import acquisition, contributor, contributor_contact, reply, reply_item
from replies.delivery import PLANNER_FIRST


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned answer.

    Attributes:
        id: The answer's.
        contact: Whom it is for, as enrolled now.
        senders: What the items it answers came from, as observed then.
        contributor_id: Whose contact that is; `case_id` is hers.
        due_at: Not before this moment.
        exhibits: What it answers; the one that planned it first.
    """

    id: UUID
    contact: Contact
    senders: frozenset[str]
    contributor_id: UUID
    case_id: UUID
    due_at: datetime
    exhibits: tuple[UUID, ...]


def planned_answer(connection: Connection, reply_id: UUID) -> Planned:
    """One answer with its contact and its items, the one that planned it first."""
    row = connection.execute(
        select(reply, contributor_contact.c.kind, contributor_contact.c.value, contributor.c.case_id)
        .join(contributor_contact, contributor_contact.c.id == reply.c.contact_id)
        .join(contributor, contributor.c.id == reply.c.contributor_id)
        .where(reply.c.id == reply_id)
    ).one()
    items = connection.execute(
        select(reply_item.c.exhibit_id, acquisition.c.sender)
        .join(acquisition, acquisition.c.id == reply_item.c.exhibit_id)
        .join(reply, reply.c.id == reply_item.c.reply_id)
        .where(reply_item.c.reply_id == reply_id)
        .order_by(*PLANNER_FIRST)
    ).all()
    contact = Contact(ContactKind(row.kind), row.value, row.contact_id)
    senders = frozenset(item.sender for item in items)
    exhibits = tuple(item.exhibit_id for item in items)
    return Planned(reply_id, contact, senders, row.contributor_id, row.case_id, row.due_at, exhibits)
