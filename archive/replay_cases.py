"""Replay of cases: accounts, keys, cases, the people on them, holds and disposals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from archive.case import slug_of
from archive.contributor import ContactKind
from archive.custody import Action
from archive.disposal import forget_people
from archive.exhibit import initials_of
from archive.likeness import likeness
from archive.tables import (
    account,
    case,
    case_member,
    contributor,
    contributor_contact,
    disposal,
    legal_hold,
    log_key,
    mail_alias,
)
from archive.told import Told, known, put

# No password opens it: the account came back without its own and needs a new one.
NO_PASSWORD = "*"  # noqa: S105 - the opposite of one


def _account(connection: Connection, told: Told) -> None:
    put(
        connection,
        account,
        id=UUID(told.facts["account_id"]),
        email=told.facts["email"],
        role=told.facts["role"],
        password_hash=NO_PASSWORD,
        must_change_password=True,
        active=True,
        created_at=told.at,
    )


def _key_begins(connection: Connection, told: Told) -> None:
    put(connection, log_key, verifier_key=told.facts["verifier_key"], announced_at=told.at)


def _key_ends(connection: Connection, told: Told) -> None:
    values = {"retired_at": told.at, "retired_because": told.facts["because"]}
    live = (log_key.c.verifier_key == told.facts["verifier_key"]) & log_key.c.retired_at.is_(None)
    connection.execute(update(log_key).where(live).values(values))


def _case(connection: Connection, told: Told) -> None:
    case_id, officer = UUID(told.facts["case_id"]), UUID(told.facts["officer_in_case"])
    put(
        connection,
        case,
        id=case_id,
        reference=told.facts["reference"],
        slug=slug_of(told.facts["reference"]),
        title=told.facts.get("title"),
        officer_in_case=officer,
        opened_at=told.at,
    )
    put(connection, case_member, case_id=case_id, account_id=officer, since=told.at)


def _closing(connection: Connection, told: Told, **values: Any) -> None:
    connection.execute(update(case).where(case.c.id == told.subject).values(values))


def _closed(connection: Connection, told: Told) -> None:
    _closing(connection, told, closed_at=told.at)
    if told.facts["review_by"]:
        _reviewed(connection, told)


def _reopened(connection: Connection, told: Told) -> None:
    _closing(connection, told, closed_at=None)


def _reviewed(connection: Connection, told: Told) -> None:
    _closing(connection, told, review_by=date.fromisoformat(told.facts["review_by"]))


def _held(connection: Connection, told: Told) -> None:
    """A hold has no id in the ledger: the dump's row is known by its moment, another gets one that follows from it."""
    known = select(legal_hold.c.id).where(legal_hold.c.case_id == told.subject, legal_hold.c.placed_at == told.at)
    if connection.execute(known).first() is None:
        put(
            connection,
            legal_hold,
            id=uuid5(told.subject, told.payload["at"]),
            case_id=told.subject,
            placed_at=told.at,
            placed_by=told.payload["actor"],
            reason=told.payload["reason"],
        )


def _lifted(connection: Connection, told: Told) -> None:
    values = {"lifted_at": told.at, "lifted_by": told.payload["actor"], "lifted_because": told.payload["reason"]}
    stands = (
        (legal_hold.c.case_id == told.subject) & legal_hold.c.lifted_at.is_(None) & (legal_hold.c.placed_at < told.at)
    )
    connection.execute(update(legal_hold).where(stands).values(values))


def _disposal_asked(connection: Connection, told: Told) -> None:
    put(
        connection,
        disposal,
        id=UUID(told.facts["disposal_id"]),
        case_id=told.subject,
        asked_at=told.at,
        asked_by=told.payload["actor"],
        reason=told.payload["reason"],
    )


def _disposal_decided(connection: Connection, told: Told) -> None:
    values = {
        "decided_at": told.at,
        "decided_by": told.payload["actor"],
        "approved": told.payload["action"] == Action.DISPOSAL_APPROVED,
        "because": told.payload["reason"],
    }
    mine = disposal.c.id == UUID(told.facts["disposal_id"])
    connection.execute(update(disposal).where(mine).values(values))


def _disposed(connection: Connection, told: Told) -> None:
    """What an older dump still knows of the people goes again: they were disposed of with their case."""
    if known(connection, case, told.subject) is None:
        return
    facts = told.facts
    values = {
        "asked_by": facts["asked_by"],
        "decided_by": facts["approved_by"],
        "approved": True,
        "done_at": told.at,
        "reason": told.payload["reason"],
        **{name: facts[name] for name in ("certificate_key", "certificate_version", "certificate_sha256")},
    }
    row = {"id": UUID(facts["disposal_id"]), "case_id": told.subject, "asked_at": told.at, "decided_at": told.at}
    made = insert(disposal).values(row | values)
    connection.execute(made.on_conflict_do_update(index_elements=["id"], set_=values))
    forget_people(connection, told.subject, at=told.at)


def _enrolled(connection: Connection, told: Told) -> None:
    """Somebody enrolled after the last dump comes back silent: how she agreed to be answered is not in the ledger."""
    person = UUID(told.facts["contributor_id"])
    made = insert(contributor).values(
        id=person,
        case_id=told.subject,
        name=told.facts["name"],
        initials=initials_of(told.facts["name"]),
        reply_style="none",
        timezone="Europe/London",
        links_allowed=False,
        enrolled_at=told.at,
    )
    if connection.execute(made.on_conflict_do_nothing().returning(contributor.c.id)).first() is None:
        return
    for number, value in enumerate(told.facts["contacts"]):
        kind = ContactKind.EMAIL if "@" in value else ContactKind.PHONE
        contact = _contact_id(person, number)
        row = {"id": contact, "contributor_id": person, "kind": kind.value, "value": value, "likeness": likeness(value)}
        put(connection, contributor_contact, **row)


def _contact_id(person: UUID, number: int) -> UUID:
    return UUID(int=person.int ^ (number + 1))


def _alias_given(connection: Connection, told: Told) -> None:
    """One given after the last dump comes back without its secret part: it is known by the digest of it."""
    person = known(connection, contributor, UUID(told.facts["contributor_id"]))
    if person is not None:
        put(
            connection,
            mail_alias,
            id=UUID(told.facts["alias_id"]),
            case_id=told.subject,
            contributor_id=person,
            tag_sha256=told.facts["tag_sha256"],
            given_at=told.at,
        )


def _alias_ended(connection: Connection, told: Told) -> None:
    mine = (mail_alias.c.id == UUID(told.facts["alias_id"])) & mail_alias.c.ended_at.is_(None)
    connection.execute(update(mail_alias).where(mine).values(ended_at=told.at))


CASE_ACTS: Final[Mapping[str, Callable[[Connection, Told], None]]] = {
    Action.LEDGER_STARTED: _key_begins,
    Action.KEY_ANNOUNCED: _key_begins,
    Action.KEY_RETIRED: _key_ends,
    Action.ACCOUNT_ADDED: _account,
    Action.CASE_OPENED: _case,
    Action.CASE_CLOSED: _closed,
    Action.CASE_REOPENED: _reopened,
    Action.CASE_REVIEWED: _reviewed,
    Action.HOLD_PLACED: _held,
    Action.HOLD_LIFTED: _lifted,
    Action.DISPOSAL_ASKED: _disposal_asked,
    Action.DISPOSAL_APPROVED: _disposal_decided,
    Action.DISPOSAL_REFUSED: _disposal_decided,
    Action.CASE_DISPOSED: _disposed,
    Action.CONTRIBUTOR_ENROLLED: _enrolled,
    Action.ALIAS_GIVEN: _alias_given,
    Action.ALIAS_ENDED: _alias_ended,
}
