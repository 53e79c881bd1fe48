"""Replay: rows made again from what the ledger's entries tell, in the order in which they were placed.

Each act sets what it set when it was done. Rows that a dump brought are there before the first act, so an act that made
one finds it and leaves it; what only a later act changed is changed again. Pure custody: nothing is sent, nothing read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Table, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import OBSERVATION, Channel, acquisition_id, parsed
from archive.assignment import Belonging
from archive.case import slug_of
from archive.contributor import ContactKind
from archive.custody import Action
from archive.exhibit import initials_of
from archive.tables import (
    account,
    acquisition,
    case,
    case_member,
    contributor,
    contributor_contact,
    exhibit,
    exhibit_counter,
    location,
    log_key,
    reply,
    reply_item,
)
from archive.vault import StoredObject

# No password opens it: the account came back without its own and needs a new one.
NO_PASSWORD = "*"  # noqa: S105 - the opposite of one
REBUILT = "the index was rebuilt"


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of the ledger, as replay needs it.

    Attributes:
        entry_id: Its row.
        at: When it was done.
        payload: What it says.
        stored: Of an archived exhibit, its object in the vault.
    """

    entry_id: int
    at: datetime
    payload: Mapping[str, Any]
    stored: StoredObject | None = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts it records."""
        found: Mapping[str, Any] = self.payload["facts"]
        return found

    @property
    def subject(self) -> UUID:
        """The id in its stream's label."""
        return UUID(self.payload["stream"].partition(":")[2])


def replay(connection: Connection, told: Told) -> None:
    """Do to the rows what this entry tells; most entries tell of looks and change none."""
    act = _ACTS.get(told.payload["action"])
    if act:
        act(connection, told)


def finish(connection: Connection) -> None:
    """What follows from all of it: counters of references, and answers that may no longer go.

    An answer planned long ago must not go out because an index was rebuilt.
    """
    last = (
        select(exhibit.c.case_id, exhibit.c.initials, func.max(exhibit.c.number))
        .where(exhibit.c.number.isnot(None))
        .group_by(exhibit.c.case_id, exhibit.c.initials)
    )
    connection.execute(insert(exhibit_counter).from_select(["case_id", "initials", "last"], last))
    for state, then in (("planned", "withdrawn"), ("attempting", "unknown")):
        values = {"state": then, "failed_because": REBUILT}
        connection.execute(update(reply).where(reply.c.state == state).values(values))


def _put(connection: Connection, table: Table, **values: Any) -> None:
    connection.execute(insert(table).values(values).on_conflict_do_nothing())


def _account(connection: Connection, told: Told) -> None:
    _put(
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
    _put(connection, log_key, verifier_key=told.facts["verifier_key"], announced_at=told.at)


def _key_ends(connection: Connection, told: Told) -> None:
    values = {"retired_at": told.at, "retired_because": told.facts["because"]}
    live = (log_key.c.verifier_key == told.facts["verifier_key"]) & log_key.c.retired_at.is_(None)
    connection.execute(update(log_key).where(live).values(values))


def _case(connection: Connection, told: Told) -> None:
    case_id, officer = UUID(told.facts["case_id"]), UUID(told.facts["officer_in_case"])
    _put(
        connection,
        case,
        id=case_id,
        reference=told.facts["reference"],
        slug=slug_of(told.facts["reference"]),
        title=told.facts.get("title"),
        officer_in_case=officer,
        opened_at=told.at,
    )
    _put(connection, case_member, case_id=case_id, account_id=officer, since=told.at)


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
        _put(connection, contributor_contact, id=contact, contributor_id=person, kind=kind.value, value=value)


def _contact_id(person: UUID, number: int) -> UUID:
    return UUID(int=person.int ^ (number + 1))


def _archived(connection: Connection, told: Told) -> None:
    facts, stored = told.facts, told.stored
    if stored is None:
        raise ValueError(facts["exhibit_id"])
    belonging, channel = Belonging.of_metadata(stored.metadata), Channel(facts["channel"])
    source_id, mark, _ = facts["source_id"].partition(OBSERVATION)
    row = {
        "id": UUID(facts["exhibit_id"]),
        "channel": channel.value,
        "source_id": facts["source_id"],
        "received_at": parsed(facts["received_at"]),
        "delivered_at": parsed(facts["delivered_at"]) if facts["delivered_at"] else None,
        "sha256": facts["sha256"],
        "sha512": facts["sha512"],
        "size_bytes": facts["size_bytes"],
        "media_type": facts["media_type"],
        "door": facts["door"],
        "raw": None,
        "state": "archived",
        "attempts": 0,
        "parked_because": None,
        "parked_at": None,
        "sender": belonging.sender,
        "parent_id": _known(connection, acquisition, belonging.parent_id),
        "for_case": _known(connection, case, belonging.case_id),
        "for_contributor": _known(connection, contributor, belonging.contributor_id),
        "observation_of": _known(connection, acquisition, acquisition_id(channel, source_id) if mark else None),
    }
    _put(connection, acquisition, **row)
    _put(
        connection,
        exhibit,
        id=row["id"],
        vault_key=facts["vault_key"],
        vault_version=facts["vault_version"],
        retain_until=stored.retain_until,
        archived_at=told.at,
        archived_entry=told.entry_id,
    )


def _known(connection: Connection, table: Table, wanted: UUID | None) -> UUID | None:
    """The id, if a row has it: a row that never reached the vault cannot be referred to."""
    if wanted is None or connection.execute(select(literal(1)).where(table.c.id == wanted)).first() is None:
        return None
    return wanted


def _located(connection: Connection, told: Told) -> None:
    _put(connection, location, source_id=told.facts["source_id"], acquisition_id=told.subject, seen_at=told.at)


def _quarantined(connection: Connection, told: Told) -> None:
    _set(connection, told.subject, quarantined_at=told.at, quarantined_because=told.payload["reason"])


def _left(connection: Connection, told: Told) -> None:
    _set(connection, told.subject, left_at=told.at)


def _assigned(connection: Connection, told: Told) -> None:
    initials, _, number = told.facts["reference"].rpartition("/")
    person = told.facts["contributor_id"]
    _set(
        connection,
        UUID(told.facts["exhibit_id"]),
        case_id=told.subject,
        contributor_id=UUID(person) if person else None,
        initials=initials,
        number=int(number),
    )


def _set(connection: Connection, exhibit_id: UUID, **values: Any) -> None:
    connection.execute(update(exhibit).where(exhibit.c.id == exhibit_id).values(values))


def _decided(connection: Connection, told: Told) -> None:
    """Without these rows every old message would be answered again."""
    facts = told.facts
    planned = UUID(facts["reply_id"]) if facts["reply_id"] else None
    if planned and facts["decision"] == "send":
        _planned(connection, told, planned)
    elif planned:
        values = {"state": "withdrawn", "finished_at": told.at, "failed_because": facts["because"]}
        connection.execute(update(reply).where(reply.c.id == planned).values(values))
    _put(
        connection,
        reply_item,
        exhibit_id=told.subject,
        reply_id=_known(connection, reply, planned),
        decided_at=told.at,
    )


def _planned(connection: Connection, told: Told, planned: UUID) -> None:
    facts, contact = told.facts, UUID(told.facts["contact_id"])
    query = select(contributor_contact.c.contributor_id).where(contributor_contact.c.id == contact)
    person = connection.execute(query).scalar()
    if person is None:
        return
    _put(
        connection,
        reply,
        id=planned,
        contributor_id=person,
        contact_id=contact,
        wording=facts["words"],
        state="planned",
        planned_at=told.at,
        due_at=parsed(facts["due_at"]),
    )


def _attempted(connection: Connection, told: Told) -> None:
    _answer(connection, told, state="attempting", attempted_at=told.at)


def _ended(state: str) -> Callable[[Connection, Told], None]:
    def end(connection: Connection, told: Told) -> None:
        facts = told.facts
        _answer(
            connection,
            told,
            state=state,
            finished_at=told.at,
            provider_id=facts.get("provider_id"),
            failed_because=facts.get("because"),
        )

    return end


def _answer(connection: Connection, told: Told, **values: Any) -> None:
    connection.execute(update(reply).where(reply.c.id == UUID(told.facts["reply_id"])).values(values))


_ACTS: Final[Mapping[str, Callable[[Connection, Told], None]]] = {
    Action.LEDGER_STARTED: _key_begins,
    Action.KEY_ANNOUNCED: _key_begins,
    Action.KEY_RETIRED: _key_ends,
    Action.ACCOUNT_ADDED: _account,
    Action.CASE_OPENED: _case,
    Action.CONTRIBUTOR_ENROLLED: _enrolled,
    Action.EXHIBIT_ARCHIVED: _archived,
    Action.EXHIBIT_LOCATED: _located,
    Action.EXHIBIT_QUARANTINED: _quarantined,
    Action.EXHIBIT_LEFT_IN_QUARANTINE: _left,
    Action.EXHIBIT_ASSIGNED: _assigned,
    Action.REPLY_DECIDED: _decided,
    Action.REPLY_ATTEMPTED: _attempted,
    Action.REPLY_SENT: _ended("sent"),
    Action.REPLY_FAILED: _ended("failed"),
    Action.REPLY_UNKNOWN: _ended("unknown"),
}
