"""How much was sent of late: answers, questions and links together, whatever became of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, func, select

from archive.tables import contributor_contact, link_sending, question, reply

DAY: Final = timedelta(days=1)


def sent_in_the_day(connection: Connection, contributor_id: UUID, now: datetime) -> tuple[int, int]:
    """Attempts within 24 hours: to this contributor by any number or address of hers, and to everybody."""
    mine = everybody = 0
    for table in (reply, link_sending):
        query = (
            select(
                func.count().filter(contributor_contact.c.contributor_id == contributor_id).label("mine"),
                func.count().label("everybody"),
            )
            .join(contributor_contact, contributor_contact.c.id == table.c.contact_id)
            .where(table.c.attempted_at > now - DAY)
        )
        counted = connection.execute(query).one()
        mine, everybody = mine + counted.mine, everybody + counted.everybody
    return mine, everybody


def asked_in_the_day(connection: Connection, contributor_id: UUID, now: datetime) -> int:
    """Questions to this contributor within 24 hours."""
    query = select(func.count()).where(question.c.contributor_id == contributor_id, question.c.asked_at > now - DAY)
    return connection.execute(query).scalar_one()
