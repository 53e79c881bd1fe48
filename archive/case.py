"""Cases: one investigation each, under the force's own reference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, insert, select

from archive.custody import Action, CustodyEntry, case_stream
from archive.errors import CaseExistsError, UnknownCaseError
from archive.ledger import record
from archive.tables import case, case_member


@dataclass(frozen=True, slots=True)
class Case:
    """One investigation.

    Attributes:
        id: Ours.
        reference: The force's own number, as written.
        slug: The reference as it stands in addresses: police references contain slashes.
        title: A short name, if the officer gave one.
        officer_in_case: Account that answers for it.
        opened_at: When it was opened here.
        closed_at: When it was closed, if it was.
    """

    id: UUID
    reference: str
    slug: str
    title: str | None
    officer_in_case: UUID
    opened_at: datetime
    closed_at: datetime | None


def slug_of(reference: str) -> str:
    """A reference as it stands in an address.

    >>> slug_of("42/1234/26")
    '42-1234-26'
    """
    return re.sub(r"[^a-z0-9]+", "-", reference.lower()).strip("-")


def open_case(
    connection: Connection, reference: str, *, officer: UUID, title: str | None, at: datetime, actor: str
) -> Case:
    """Open a case and make its officer in case a member of it.

    Raises:
        CaseExistsError: The reference, or one with the same slug, is taken, or it has no letter or digit.
    """
    reference = reference.strip()
    slug = slug_of(reference)
    if not slug or connection.execute(select(case.c.id).where(case.c.slug == slug)).first():
        raise CaseExistsError(reference)
    opened = Case(uuid4(), reference, slug, title or None, officer, at, None)
    connection.execute(
        insert(case).values(
            id=opened.id, reference=reference, slug=slug, title=opened.title, officer_in_case=officer, opened_at=at
        )
    )
    connection.execute(insert(case_member).values(case_id=opened.id, account_id=officer, since=at))
    facts = {
        "case_id": str(opened.id),
        "reference": reference,
        "title": opened.title,
        "officer_in_case": str(officer),
    }
    record(connection, CustodyEntry(case_stream(opened.id), Action.CASE_OPENED, actor, at, facts))
    return opened


def case_of(connection: Connection, reference: str) -> Case:
    """The case with this reference, written as the force does or as a slug.

    Raises:
        UnknownCaseError: There is none.
    """
    row = connection.execute(select(case).where(case.c.slug == slug_of(reference))).first()
    if row is None:
        raise UnknownCaseError(reference)
    return _case(row)


def case_by_id(connection: Connection, case_id: UUID) -> Case:
    """The case with this id.

    Raises:
        UnknownCaseError: There is none.
    """
    row = connection.execute(select(case).where(case.c.id == case_id)).first()
    if row is None:
        raise UnknownCaseError(str(case_id))
    return _case(row)


def cases_of(connection: Connection, account_id: UUID) -> list[Case]:
    """The cases this account is a member of, newest first."""
    query = (
        select(case)
        .join(case_member, case_member.c.case_id == case.c.id)
        .where(case_member.c.account_id == account_id)
        .order_by(case.c.opened_at.desc())
    )
    return [_case(row) for row in connection.execute(query)]


def is_member(connection: Connection, case_id: UUID, account_id: UUID) -> bool:
    """Whether this account may see this case."""
    query = select(case_member.c.case_id).where(
        case_member.c.case_id == case_id, case_member.c.account_id == account_id
    )
    return connection.execute(query).first() is not None


def _case(row: Row[Any]) -> Case:
    return Case(row.id, row.reference, row.slug, row.title, row.officer_in_case, row.opened_at, row.closed_at)
