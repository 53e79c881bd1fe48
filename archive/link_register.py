"""The register of a case's links: each with how often it was opened and what became of sending it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, func, select

from archive.link import Link, links_of
from archive.tables import contributor_contact, link, link_sending, link_session


@dataclass(frozen=True, slots=True)
class Registered:
    """One link as the register shows it.

    Attributes:
        link: The link.
        opened: How often it was opened, previews of phones included.
        last_opened_at: When it was opened last, if it was.
        sent_to: The number or address it was sent to, if that was asked for.
        sending: What became of that: `attempting`, `sent`, `failed` or `unknown`.
        failed_because: Why it was not, or may not have been, sent.
    """

    link: Link
    opened: int = 0
    last_opened_at: datetime | None = None
    sent_to: str | None = None
    sending: str | None = None
    failed_because: str | None = None


def register_of(connection: Connection, case_id: UUID) -> list[Registered]:
    """The links of a case, newest first."""
    opened = (
        select(link_session.c.link_id, func.count().label("times"), func.max(link_session.c.began_at).label("last"))
        .join(link, link.c.id == link_session.c.link_id)
        .where(link.c.case_id == case_id)
        .group_by(link_session.c.link_id)
    )
    sent = (
        select(link_sending.c.link_id, link_sending.c.state, link_sending.c.failed_because, contributor_contact.c.value)
        .join(link, link.c.id == link_sending.c.link_id)
        .join(contributor_contact, contributor_contact.c.id == link_sending.c.contact_id)
        .where(link.c.case_id == case_id)
    )
    visits = {row.link_id: row for row in connection.execute(opened)}
    sendings = {row.link_id: row for row in connection.execute(sent)}
    found = []
    for one in links_of(connection, case_id):
        visit, sending = visits.get(one.id), sendings.get(one.id)
        found.append(
            Registered(
                one,
                opened=visit.times if visit else 0,
                last_opened_at=visit.last if visit else None,
                sent_to=sending.value if sending else None,
                sending=sending.state if sending else None,
                failed_because=sending.failed_because if sending else None,
            )
        )
    return found
