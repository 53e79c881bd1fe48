"""Contributors: people enrolled on a case who may send in material, and how they agreed to be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, insert, select

from archive.custody import Action, CustodyEntry, case_stream
from archive.exhibit import initials_of
from archive.ledger import record
from archive.tables import contributor, contributor_contact


class ReplyStyle(StrEnum):
    """How a contributor agreed to be answered."""

    DISCREET = "discreet"
    PLAIN = "plain"
    NONE = "none"


class ContactKind(StrEnum):
    """By what a contributor is known, and may be answered."""

    PHONE = "phone"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Contact:
    """One number (E.164) or address (lower case) of a contributor."""

    kind: ContactKind
    value: str
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True)
class SafeContact:
    """What a contributor agreed to. Expired or missing means silence.

    Attributes:
        style: Which wording, or none at all.
        wording: Her own words, if she chose some.
        quiet: Local times between which nothing is sent, if any: from, to; may cross midnight.
        timezone: IANA name of the zone those are in.
        review_by: The last day on which the agreement stands; None: until changed.
        who_else_sees: Who else could see this phone or mailbox, in her words.
        links_allowed: Personal links may be sent there: she was asked, and knows that a link in a message can be seen.
    """

    style: ReplyStyle
    wording: str | None = None
    quiet: tuple[time, time] | None = None
    timezone: str = "Europe/London"
    review_by: date | None = None
    who_else_sees: str | None = None
    links_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Contributor:
    """A person enrolled on a case."""

    id: UUID
    case_id: UUID
    name: str
    initials: str
    contacts: tuple[Contact, ...]
    safe_contact: SafeContact


def enrol(
    connection: Connection,
    case_id: UUID,
    *,
    name: str,
    contacts: Sequence[Contact],
    safe_contact: SafeContact,
    at: datetime,
    actor: str,
) -> Contributor:
    """Enrol a person on a case.

    Args:
        connection: In the caller's transaction.
        case_id: The case.
        name: Her name as the officer writes it; its initials start her exhibits' references.
        contacts: Numbers and addresses in normal form (`intake.addresses`).
        safe_contact: How she agreed to be answered.
        at: Now.
        actor: Who enrols her.
    """
    person = Contributor(uuid4(), case_id, name.strip(), initials_of(name), tuple(contacts), safe_contact)
    quiet_from, quiet_to = safe_contact.quiet or (None, None)
    connection.execute(
        insert(contributor).values(
            id=person.id,
            case_id=case_id,
            name=person.name,
            initials=person.initials,
            reply_style=safe_contact.style.value,
            wording=safe_contact.wording,
            quiet_from=quiet_from.strftime("%H:%M") if quiet_from else None,
            quiet_to=quiet_to.strftime("%H:%M") if quiet_to else None,
            timezone=safe_contact.timezone,
            who_else_sees=safe_contact.who_else_sees,
            links_allowed=safe_contact.links_allowed,
            review_by=safe_contact.review_by,
            enrolled_at=at,
        )
    )
    for contact in contacts:
        connection.execute(
            insert(contributor_contact).values(
                id=contact.id, contributor_id=person.id, kind=contact.kind.value, value=contact.value
            )
        )
    facts = {
        "contributor_id": str(person.id),
        "name": person.name,
        "contacts": [contact.value for contact in contacts],
        "reply_style": safe_contact.style.value,
        "links_allowed": safe_contact.links_allowed,
        "review_by": safe_contact.review_by.isoformat() if safe_contact.review_by else None,
    }
    record(connection, CustodyEntry(case_stream(case_id), Action.CONTRIBUTOR_ENROLLED, actor, at, facts))
    return person


def enrolled_as(connection: Connection, sender: str) -> list[Contributor]:
    """Everyone enrolled with this number or address and not left; more than one is ambiguous."""
    query = (
        select(contributor.c.id)
        .join(contributor_contact, contributor_contact.c.contributor_id == contributor.c.id)
        .where(contributor_contact.c.value == sender, contributor.c.left_at.is_(None))
        .distinct()
    )
    return [contributor_of(connection, row.id) for row in connection.execute(query).all()]


def contributors_of(connection: Connection, case_id: UUID) -> list[Contributor]:
    """The people enrolled on a case, first enrolled first."""
    query = select(contributor.c.id).where(contributor.c.case_id == case_id).order_by(contributor.c.enrolled_at)
    return [contributor_of(connection, row.id) for row in connection.execute(query).all()]


def contributor_of(connection: Connection, contributor_id: UUID) -> Contributor:
    """One contributor with her contacts."""
    row = connection.execute(select(contributor).where(contributor.c.id == contributor_id)).one()
    contacts = connection.execute(
        select(contributor_contact)
        .where(contributor_contact.c.contributor_id == contributor_id)
        .order_by(contributor_contact.c.kind, contributor_contact.c.value)
    ).all()
    known = tuple(Contact(ContactKind(found.kind), found.value, found.id) for found in contacts)
    return Contributor(row.id, row.case_id, row.name, row.initials, known, _safe_contact(row))


def _safe_contact(row: Row[Any]) -> SafeContact:
    quiet = None
    if row.quiet_from and row.quiet_to:
        quiet = (time.fromisoformat(row.quiet_from), time.fromisoformat(row.quiet_to))
    return SafeContact(
        ReplyStyle(row.reply_style),
        row.wording,
        quiet,
        row.timezone,
        row.review_by,
        row.who_else_sees,
        row.links_allowed,
    )
