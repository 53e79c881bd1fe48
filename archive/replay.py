"""Replay: rows made again from what the ledger's entries tell, in the order in which they were placed.

Each act sets what it set when it was done. Rows that a dump brought are there before the first act, so an act that made
one finds it and leaves it; what only a later act changed is changed again. Pure custody: nothing is sent, nothing read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import OBSERVATION, Channel, acquisition_id, parsed
from archive.assignment import Belonging
from archive.custody import Action
from archive.likeness import likeness
from archive.register import Register
from archive.replay_cases import CASE_ACTS
from archive.tables import (
    acquisition,
    case,
    completeness,
    contributor,
    contributor_contact,
    exhibit,
    exhibit_counter,
    location,
    mail_alias,
    provider_copy,
    reply,
    reply_item,
)
from archive.told import Told, known, put

TIED_AT_ONCE: Final = 500
_TIE: Final = text(
    """
    UPDATE acquisition SET parent_id = whole.id
    FROM unnest(CAST(:children AS uuid[]), CAST(:parents AS uuid[])) AS told (child, parent)
    JOIN acquisition AS whole ON whole.id = told.parent
    WHERE acquisition.id = told.child AND acquisition.parent_id IS NULL
    """
)
REBUILT = "the index was rebuilt"


def replay(connection: Connection, told: Told) -> None:
    """Do to the rows what this entry tells; most entries tell of looks and change none."""
    act = _ACTS.get(told.payload["action"])
    if act:
        act(connection, told)


def finish(connection: Connection, parents: Register[str, str]) -> None:
    """What follows from all of it: counters of references, pieces, and answers that may no longer go.

    An answer planned long ago must not go out because an index was rebuilt.

    Args:
        connection: All acts are done.
        parents: What each exhibit that came with another came with; tied now where that one's row was made later.
    """
    pairs = iter(parents.items())
    while some := dict(islice(pairs, TIED_AT_ONCE)):
        connection.execute(_TIE, {"children": list(some), "parents": list(some.values())})
    last = (
        select(exhibit.c.case_id, exhibit.c.initials, func.max(exhibit.c.number))
        .where(exhibit.c.number.isnot(None))
        .group_by(exhibit.c.case_id, exhibit.c.initials)
    )
    connection.execute(insert(exhibit_counter).from_select(["case_id", "initials", "last"], last))
    for state, then in (("planned", "withdrawn"), ("attempting", "unknown")):
        values = {"state": then, "failed_because": REBUILT}
        connection.execute(update(reply).where(reply.c.state == state).values(values))
    for row in connection.execute(select(contributor_contact).where(contributor_contact.c.likeness == "")).all():
        # From a dump of before likenesses were kept.
        mine = contributor_contact.c.id == row.id
        connection.execute(update(contributor_contact).where(mine).values(likeness=likeness(row.value)))


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
        "parent_id": known(connection, acquisition, belonging.parent_id),
        "for_case": known(connection, case, belonging.case_id),
        "for_contributor": known(connection, contributor, belonging.contributor_id),
        "alias_id": known(connection, mail_alias, belonging.alias_id),
        "observation_of": known(connection, acquisition, acquisition_id(channel, source_id) if mark else None),
    }
    put(connection, acquisition, **row)
    put(
        connection,
        exhibit,
        id=row["id"],
        vault_key=facts["vault_key"],
        vault_version=facts["vault_version"],
        retain_until=stored.retain_until,
        held=stored.held,
        archived_at=told.at,
        archived_entry=told.entry_id,
    )


def _located(connection: Connection, told: Told) -> None:
    put(connection, location, source_id=told.facts["source_id"], acquisition_id=told.subject, seen_at=told.at)


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


def _stated(connection: Connection, told: Told) -> None:
    facts = told.facts
    put(
        connection,
        completeness,
        entry_id=told.entry_id,
        source=facts["source"],
        stated_at=told.at,
        facts=facts,
    )


def _copy(act: str) -> Callable[[Connection, Told], None]:
    def note(connection: Connection, told: Told) -> None:
        put(connection, provider_copy, acquisition_id=told.subject, act=act, done_at=told.at)

    return note


def _decided(connection: Connection, told: Told) -> None:
    """Without these rows every old message would be answered again."""
    facts = told.facts
    planned = UUID(facts["reply_id"]) if facts["reply_id"] else None
    if planned and facts["decision"] == "send":
        _planned(connection, told, planned)
    elif planned:
        values = {"state": "withdrawn", "finished_at": told.at, "failed_because": facts["because"]}
        connection.execute(update(reply).where(reply.c.id == planned).values(values))
    put(
        connection,
        reply_item,
        exhibit_id=told.subject,
        reply_id=known(connection, reply, planned),
        decided_at=told.at,
    )


def _planned(connection: Connection, told: Told, planned: UUID) -> None:
    facts, contact = told.facts, UUID(told.facts["contact_id"])
    query = select(contributor_contact.c.contributor_id).where(contributor_contact.c.id == contact)
    person = connection.execute(query).scalar()
    if person is None:
        return
    put(
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
    **CASE_ACTS,
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
    Action.COMPLETENESS_STATED: _stated,
    Action.COPY_REDACTED: _copy("redacted"),
    Action.COPY_DELETED: _copy("deleted"),
}
