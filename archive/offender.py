"""Whom nobody may write to: numbers and addresses that an officer confirmed as the offender's.

What a message says of its sender is a claim that anybody can write. So a claim alone bars nobody who was enrolled
before it was made; an officer's confirmation bars everywhere, in every case, from that moment on. A contact that
evidence had named as somebody else's *before* it was enrolled is doubted: it is not answered until an officer settles
whose it is (docs/decisions/0025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, insert, select, text, update

from archive.alerts import raise_alert
from archive.contributor import Contact, Contributor, contact_in
from archive.custody import Action, CustodyEntry, case_stream
from archive.errors import RefusedError
from archive.ledger import record
from archive.likeness import likeness
from archive.tables import contributor, contributor_contact, offender_identifier


class NotAnIdentifierError(RefusedError):
    """It is neither a number nor an address."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value

    def __str__(self) -> str:
        return "write a telephone number or an e-mail address"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """One number or address confirmed as the offender's in a case."""

    id: UUID
    value: str
    confirmed_at: datetime
    confirmed_by: str


FEWEST_DIGITS: Final = 6
"""Fewer are a short code or an amount, never somebody's number."""


def confirm(connection: Connection, case_id: UUID, value: str, *, at: datetime, actor: str, reason: str) -> None:
    """Confirm a number or address as the offender's. Where somebody is enrolled with it, officers are alerted.

    Raises:
        NotAnIdentifierError: It is neither.
    """
    alike = likeness(value)
    if not alike or ("@" not in alike and len(alike) < FEWEST_DIGITS):
        raise NotAnIdentifierError(value)
    standing = (
        (offender_identifier.c.case_id == case_id)
        & (offender_identifier.c.likeness == alike)
        & offender_identifier.c.withdrawn_at.is_(None)
    )
    if connection.execute(select(offender_identifier.c.id).where(standing)).first():
        return
    row = {"id": uuid4(), "case_id": case_id, "value": value.strip(), "likeness": alike}
    connection.execute(insert(offender_identifier).values(**row, confirmed_at=at, confirmed_by=actor))
    facts = {"identifier_id": str(row["id"]), "value": value.strip()}
    record(connection, CustodyEntry(case_stream(case_id), Action.OFFENDER_CONFIRMED, actor, at, facts, reason=reason))
    for enrolled_in in _enrolled_cases(connection, alike):
        raise_alert(connection, "offender_enrolled", at=at, case_id=enrolled_in)


def withdraw(
    connection: Connection, case_id: UUID, identifier_id: UUID, *, at: datetime, actor: str, reason: str
) -> bool:
    """Take a confirmation back; False where none stands under this id."""
    mine = (
        (offender_identifier.c.id == identifier_id)
        & (offender_identifier.c.case_id == case_id)
        & offender_identifier.c.withdrawn_at.is_(None)
    )
    statement = update(offender_identifier).where(mine).values(withdrawn_at=at).returning(offender_identifier.c.value)
    value = connection.execute(statement).scalar()
    if value is None:
        return False
    facts = {"identifier_id": str(identifier_id), "value": value}
    record(connection, CustodyEntry(case_stream(case_id), Action.OFFENDER_WITHDRAWN, actor, at, facts, reason=reason))
    return True


def confirmed_in(connection: Connection, case_id: UUID) -> list[Confirmed]:
    """What is confirmed in a case, oldest first."""
    query = (
        select(offender_identifier)
        .where(offender_identifier.c.case_id == case_id, offender_identifier.c.withdrawn_at.is_(None))
        .order_by(offender_identifier.c.confirmed_at)
    )
    return [Confirmed(row.id, row.value, row.confirmed_at, row.confirmed_by) for row in connection.execute(query)]


def is_confirmed(connection: Connection, value: str) -> bool:
    """Whether an officer confirmed this number or address, however it is written, as an offender's, in any case."""
    alike = likeness(value)
    standing = (offender_identifier.c.likeness == alike) & offender_identifier.c.withdrawn_at.is_(None)
    return bool(alike) and connection.execute(select(offender_identifier.c.id).where(standing)).first() is not None


# The newest reading of each assigned item counts. Not another's: what who sent that very item says of herself, and an
# author whose message the phone's holder sent.
_NAMED_BEFORE: Final = text("""
    SELECT DISTINCT coalesce(reading.content -> 'reported_from' ->> 'address',
                             reading.content -> 'reported_from' ->> 'number') AS value
    FROM reading
    JOIN exhibit ON exhibit.id = reading.exhibit_id
    JOIN acquisition ON acquisition.id = reading.exhibit_id
    WHERE exhibit.case_id IS NOT NULL
      AND acquisition.received_at < :before
      AND exhibit.contributor_id IS DISTINCT FROM :contributor
      AND coalesce(reading.content ->> 'direction', '') <> 'outbound'
      AND (reading.content -> 'reported_from' ->> 'address' IS NOT NULL
           OR reading.content -> 'reported_from' ->> 'number' IS NOT NULL)
      AND NOT EXISTS (
        SELECT FROM reading AS newer
        WHERE newer.exhibit_id = reading.exhibit_id AND newer.version > reading.version)
""")


def doubt_named(connection: Connection, person: Contributor, *, at: datetime) -> list[Contact]:
    """Doubt those contacts of somebody just enrolled that evidence names as somebody else's already.

    Returns:
        The doubted contacts; each has an alert and a custody entry. A confirmed one raises the alarm besides.
    """
    named = {likeness(row.value) for row in connection.execute(_NAMED_BEFORE, {"before": at, "contributor": person.id})}
    doubted = [contact for contact in person.contacts if likeness(contact.value) in named]
    for contact in doubted:
        doubt(connection, contact.id, person.case_id, at=at)
    if any(is_confirmed(connection, contact.value) for contact in person.contacts):
        raise_alert(connection, "offender_enrolled", at=at, case_id=person.case_id)
    return doubted


def doubt(connection: Connection, contact_id: UUID, case_id: UUID, *, at: datetime) -> None:
    """Answer this contact no more until an officer has settled whose it is."""
    fresh = (contributor_contact.c.id == contact_id) & contributor_contact.c.doubted_at.is_(None)
    if connection.execute(update(contributor_contact).where(fresh).values(doubted_at=at)).rowcount:
        facts = {"contact_id": str(contact_id)}
        record(connection, CustodyEntry(case_stream(case_id), Action.CONTACT_DOUBTED, "system:replies", at, facts))
        raise_alert(connection, "contact_doubted", at=at, case_id=case_id)


def settle_doubt(
    connection: Connection, contact_id: UUID, case_id: UUID, *, at: datetime, actor: str, reason: str
) -> bool:
    """An officer found that a doubted contact is the contributor's own; False where none of this case is doubted."""
    doubted = contributor_contact.c.doubted_at.isnot(None) & contributor_contact.c.doubt_settled_at.is_(None)
    open_ = contact_in(case_id, contact_id) & doubted
    if not connection.execute(update(contributor_contact).where(open_).values(doubt_settled_at=at)).rowcount:
        return False
    facts = {"contact_id": str(contact_id)}
    record(connection, CustodyEntry(case_stream(case_id), Action.DOUBT_SETTLED, actor, at, facts, reason=reason))
    return True


def enrolled_alike(connection: Connection, value: str) -> Sequence[tuple[UUID, UUID, UUID, datetime]]:
    """Contacts enrolled with this number or address, however written: contact, person, case, since when."""
    alike = likeness(value)
    if not alike:
        return []
    query = (
        select(contributor_contact.c.id, contributor.c.id, contributor.c.case_id, contributor.c.enrolled_at)
        .join(contributor, contributor.c.id == contributor_contact.c.contributor_id)
        .where(contributor_contact.c.likeness == alike, contributor.c.left_at.is_(None))
    )
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]


def _enrolled_cases(connection: Connection, alike: str) -> list[UUID]:
    query = (
        select(func.distinct(contributor.c.case_id))
        .join(contributor_contact, contributor_contact.c.contributor_id == contributor.c.id)
        .where(contributor_contact.c.likeness == alike, contributor.c.left_at.is_(None))
    )
    return list(connection.execute(query).scalars())
