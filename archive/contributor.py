"""Contributors: people enrolled on a case who may send in material, and how they agreed to be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from archive.custody import Action, CustodyEntry, case_stream
from archive.exhibit import initials_of
from archive.ledger import record
from archive.likeness import likeness
from archive.tables import contributor, contributor_contact


class ReplyStyle(StrEnum):
    """How a contributor agreed to be answered."""

    DISCREET = "discreet"
    PLAIN = "plain"
    NONE = "none"


class Language(StrEnum):
    """The languages that answers are written in."""

    ENGLISH = "en"
    WELSH = "cy"


class ContactKind(StrEnum):
    """By what a contributor is known, and may be answered."""

    PHONE = "phone"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Contact:
    """One number (E.164) or address (lower case) of a contributor.

    Attributes:
        opted_out: The carrier said that this number opted out of our texts (Twilio's error 21610).
        doubted: Evidence named it as somebody else's before it was enrolled, and no officer has settled that yet.
    """

    kind: ContactKind
    value: str
    id: UUID = field(default_factory=uuid4)
    opted_out: bool = field(default=False, compare=False)
    doubted: bool = field(default=False, compare=False)


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
        language: What answers are written in.
        questions_allowed: One short question may follow a text that says neither who wrote it nor when.
        duress_mark: By what her duress word is recognised (`archive.signal`), never the word; None: none agreed.
        stop_mark: The same of the words with which she ends answers.
    """

    style: ReplyStyle
    wording: str | None = None
    quiet: tuple[time, time] | None = None
    timezone: str = "Europe/London"
    review_by: date | None = None
    who_else_sees: str | None = None
    links_allowed: bool = False
    language: Language = Language.ENGLISH
    questions_allowed: bool = False
    duress_mark: str | None = field(default=None, repr=False)
    stop_mark: str | None = field(default=None, repr=False)


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
    connection.execute(
        insert(contributor).values(
            id=person.id,
            case_id=case_id,
            name=person.name,
            initials=person.initials,
            enrolled_at=at,
            **_columns(safe_contact),
        )
    )
    for contact in contacts:
        connection.execute(
            insert(contributor_contact).values(
                id=contact.id,
                contributor_id=person.id,
                kind=contact.kind.value,
                value=contact.value,
                likeness=likeness(contact.value),
            )
        )
    facts = {
        "contributor_id": str(person.id),
        "name": person.name,
        "contacts": [contact.value for contact in contacts],
        **_facts(safe_contact),
    }
    record(connection, CustodyEntry(case_stream(case_id), Action.CONTRIBUTOR_ENROLLED, actor, at, facts))
    return person


def agree_anew(
    connection: Connection, person: Contributor, agreed: SafeContact, *, at: datetime, actor: str, reason: str | None
) -> None:
    """Put a changed or reviewed agreement in the place of the last one.

    Args:
        connection: In the caller's transaction.
        person: Whose it is.
        agreed: What holds from now on.
        at: Now.
        actor: Who asked her.
        reason: How she was asked, or why it changed.
    """
    connection.execute(update(contributor).where(contributor.c.id == person.id).values(_columns(agreed)))
    facts = {"contributor_id": str(person.id), **_facts(agreed)}
    stream = case_stream(person.case_id)
    record(connection, CustodyEntry(stream, Action.AGREEMENT_CHANGED, actor, at, facts, reason=reason))


def _columns(agreed: SafeContact) -> dict[str, Any]:
    quiet_from, quiet_to = agreed.quiet or (None, None)
    return {
        "reply_style": agreed.style.value,
        "wording": agreed.wording,
        "quiet_from": quiet_from.strftime("%H:%M") if quiet_from else None,
        "quiet_to": quiet_to.strftime("%H:%M") if quiet_to else None,
        "timezone": agreed.timezone,
        "who_else_sees": agreed.who_else_sees,
        "links_allowed": agreed.links_allowed,
        "review_by": agreed.review_by,
        "language": agreed.language.value,
        "questions_allowed": agreed.questions_allowed,
        "duress_mark": agreed.duress_mark,
        "stop_mark": agreed.stop_mark,
    }


def _facts(agreed: SafeContact) -> dict[str, Any]:
    """What the ledger keeps of an agreement. That a duress word exists is not in it: packages are read by many."""
    return {
        "reply_style": agreed.style.value,
        "links_allowed": agreed.links_allowed,
        "questions_allowed": agreed.questions_allowed,
        "language": agreed.language.value,
        "review_by": agreed.review_by.isoformat() if agreed.review_by else None,
    }


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
    known = tuple(_contact(found) for found in contacts)
    return Contributor(row.id, row.case_id, row.name, row.initials, known, _safe_contact(row))


def contact_in(case_id: UUID, contact_id: UUID) -> ColumnElement[bool]:
    """The contact of this id, where somebody of this case has it: an officer changes nothing of another case's."""
    people = select(contributor.c.id).where(contributor.c.case_id == case_id)
    return (contributor_contact.c.id == contact_id) & contributor_contact.c.contributor_id.in_(people)


def _contact(row: Row[Any]) -> Contact:
    doubted = row.doubted_at is not None and row.doubt_settled_at is None
    return Contact(ContactKind(row.kind), row.value, row.id, opted_out=row.opted_out_at is not None, doubted=doubted)


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
        Language(row.language),
        row.questions_allowed,
        row.duress_mark,
        row.stop_mark,
    )
