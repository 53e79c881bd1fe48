"""Who may be written to: contacts of people enrolled now, and officers; never what is confirmed as an offender's.

Evidence itself bars nobody: anybody can write a name into a message (archive.offender, docs/decisions/0025).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Engine, select

from archive.contributor import ContactKind, enrolled_as
from archive.offender import is_confirmed
from archive.tables import account
from replies.egress import OfficerWall, Wall

NOT_ENROLLED: Final = "the recipient is not a contact of exactly one enrolled contributor"
OFFENDER: Final = "the recipient is confirmed as an offender's number or address"
DOUBTED: Final = "evidence had named the recipient as somebody else before the enrolment, and nobody has settled that"
NO_OFFICER: Final = "the recipient is no active account's address"


def is_offender(connection: Connection, value: str) -> bool:
    """Whether a number or address is confirmed as an offender's, in any case, however it was written."""
    return is_confirmed(connection, value)


def wall_of(engine: Engine) -> Wall:
    """The wall that stands before the door, asked by a connection of its own at the moment of sending."""

    def barred(kind: ContactKind, value: str) -> str | None:
        with engine.connect() as connection:
            people = enrolled_as(connection, value)
            known = [contact for person in people for contact in person.contacts if contact.value == value]
            if len(people) != 1 or not any(contact.kind is kind for contact in known):
                return NOT_ENROLLED
            if is_offender(connection, value):
                return OFFENDER
            return DOUBTED if any(contact.doubted for contact in known) else None

    return barred


def officers_of(engine: Engine) -> OfficerWall:
    """The wall before notices to officers: active accounts, and nobody's offender among them."""

    def barred(address: str) -> str | None:
        with engine.connect() as connection:
            mine = select(account.c.id).where(account.c.email == address, account.c.active)
            if connection.execute(mine).first() is None:
                return NO_OFFICER
            return OFFENDER if is_offender(connection, address) else None

    return barred
