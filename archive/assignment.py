"""Assignment: which case an exhibit belongs to, and quarantine where nobody has said.

An exhibit belongs to no case until an enrolled sender or an officer assigns it; an ambiguous sender (enrolled twice) is
quarantined. Assigning is an entry in the *case's* stream that names the exhibit's stream, so that no exhibit can be
withheld from a package unnoticed. Mail to an alias claims its case: then only a sender enrolled there is assigned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from archive.alerts import raise_alert
from archive.alias import Alias, aliases_by_id
from archive.contributor import Contributor
from archive.custody import Action, CustodyEntry, case_stream, exhibit_stream
from archive.errors import AlreadyAssignedError, UnknownAcquisitionError
from archive.exhibit import ExhibitRef
from archive.ledger import record
from archive.tables import acquisition, contributor_contact, exhibit, exhibit_counter
from archive.tables import contributor as people

ACTOR = "system:assignment"
UNKNOWN_INITIALS = "X"
UNKNOWN_SENDER, AMBIGUOUS_SENDER = "unknown sender", "ambiguous sender"
# Of a sender enrolled elsewhere it says the same: nobody learns from it which cases there are.
BY_ALIAS = "sent to a contributor's own address by somebody not enrolled on that case"


@dataclass(frozen=True, slots=True)
class Belonging:
    """What a door knows of an acquisition beyond its bytes.

    Attributes:
        sender: The observed sender in normal form (E.164 number or lower-case address), if the door saw one.
        parent_id: The acquisition it came with (a text's picture).
        case_id: The case an officer imported it for; `contributor_id` likewise.
        alias_id: The alias it was sent to.
    """

    sender: str | None = None
    parent_id: UUID | None = None
    case_id: UUID | None = None
    contributor_id: UUID | None = None
    alias_id: UUID | None = None

    def metadata(self) -> dict[str, str]:
        """What is known, as it travels with the object in the vault: a rebuilt index needs it, and no entry tells it.

        It stays out of payloads on purpose: those leave the house in packages, disclosed ones too.
        """
        known = {
            "sender": quote(self.sender, safe="+@.") if self.sender else None,
            "parent": self.parent_id,
            "for-case": self.case_id,
            "for-contributor": self.contributor_id,
            "alias": self.alias_id,
        }
        return {name: str(value) for name, value in known.items() if value}

    @classmethod
    def of_metadata(cls, found: Mapping[str, str]) -> Belonging:
        """What `metadata` wrote. Raises ValueError where an id is not one."""
        names = ("parent", "for-case", "for-contributor", "alias")
        parent, case, contributor, alias = (found.get(name) for name in names)
        return cls(
            unquote(found["sender"]) if found.get("sender") else None,
            UUID(parent) if parent else None,
            UUID(case) if case else None,
            UUID(contributor) if contributor else None,
            UUID(alias) if alias else None,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fresh exhibit belongs: the custody entry that says so, and the columns of its row."""

    entry: CustodyEntry
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """A case, and the contributor whose exhibit it is, if one is known."""

    case_id: UUID
    contributor_id: UUID | None = None
    initials: str = UNKNOWN_INITIALS


NOWHERE: Mapping[str, Any] = dict.fromkeys(
    ("case_id", "contributor_id", "initials", "number", "quarantined_at", "quarantined_because")
)


def placed(connection: Connection, fresh: Sequence[tuple[UUID, Belonging]], *, at: datetime) -> list[Place]:
    """Give each fresh exhibit its case by whoever sent it, or quarantine; in the order given.

    References are allocated here: the caller writes rows and entries in the same transaction.
    """
    targets = _targets(connection, [belonging for _, belonging in fresh])
    numbers = _numbers(connection, [found[0] for found in targets if len(found) == 1])
    places = []
    for (exhibit_id, belonging), found in zip(fresh, targets, strict=True):
        if len(found) == 1:
            reference = ExhibitRef(found[0].initials, next(numbers[found[0].case_id, found[0].initials]))
            places.append(_assigned(exhibit_id, found[0], reference, at=at, actor=ACTOR, reason=None))
            continue
        if found:
            # The row of the exhibit is not there yet: the acquisition's is.
            raise_alert(connection, "ambiguous_sender", at=at, acquisition_id=exhibit_id)
        unknown = BY_ALIAS if belonging.alias_id else UNKNOWN_SENDER
        places.append(_quarantined(exhibit_id, AMBIGUOUS_SENDER if found else unknown, at))
    return places


def _targets(connection: Connection, belongings: Sequence[Belonging]) -> list[list[Target]]:
    """For each the cases it may belong to: exactly one is an assignment."""
    parents = _senders_of(connection, {each.parent_id for each in belongings if each.parent_id and not each.sender})
    senders = [each.sender or parents.get(each.parent_id) for each in belongings]
    enrolled = _enrolled(connection, {sender for sender in senders if sender})
    initials = _initials_of(connection, {each.contributor_id for each in belongings if each.contributor_id})
    aliases = aliases_by_id(connection, {each.alias_id for each in belongings if each.alias_id})
    return [
        [Target(each.case_id, each.contributor_id, initials.get(each.contributor_id, UNKNOWN_INITIALS))]
        if each.case_id
        else _claimed(aliases.get(each.alias_id), enrolled.get(sender, []))
        for each, sender in zip(belongings, senders, strict=True)
    ]


def _claimed(alias: Alias | None, enrolled: Sequence[Target]) -> list[Target]:
    """Of the cases a sender is enrolled on, those that the alias leaves: a claim narrows down and never adds.

    An alias that ended narrows nothing any more for a sender of its case, and still files nothing elsewhere.
    """
    if alias is None:
        return list(enrolled)
    there = [target for target in enrolled if target.case_id == alias.case_id]
    if alias.ended_at is not None:
        return list(enrolled) if there else []
    return [target for target in there if target.contributor_id == alias.contributor_id] or there


def _senders_of(connection: Connection, parents: Collection[UUID]) -> dict[UUID | None, str | None]:
    if not parents:
        return {}
    query = select(acquisition.c.id, acquisition.c.sender).where(acquisition.c.id.in_(parents))
    return {row.id: row.sender for row in connection.execute(query)}


def _enrolled(connection: Connection, senders: Collection[str]) -> dict[str | None, list[Target]]:
    """Everyone enrolled with these numbers and addresses and not left."""
    found: dict[str | None, list[Target]] = {}
    if not senders:
        return found
    query = (
        select(contributor_contact.c.value, people.c.case_id, people.c.id, people.c.initials)
        .join(people, people.c.id == contributor_contact.c.contributor_id)
        .where(contributor_contact.c.value.in_(senders), people.c.left_at.is_(None))
        .distinct()
    )
    for row in connection.execute(query):
        found.setdefault(row.value, []).append(Target(row.case_id, row.id, row.initials))
    return found


def _initials_of(connection: Connection, contributors: Collection[UUID]) -> dict[UUID | None, str]:
    if not contributors:
        return {}
    query = select(people.c.id, people.c.initials).where(people.c.id.in_(contributors))
    return {row.id: row.initials for row in connection.execute(query)}


def _numbers(connection: Connection, targets: Sequence[Target]) -> dict[tuple[UUID, str], Iterator[int]]:
    """Allocate consecutive numbers: for each case and initials as many as there are targets.

    Counter rows are taken in one order by everybody, so that two batches never wait for each other.
    """
    wanted = Counter((target.case_id, target.initials) for target in targets)
    numbers = {}
    for (case_id, initials), many in sorted(wanted.items()):
        first = insert(exhibit_counter).values(case_id=case_id, initials=initials, last=many)
        statement = first.on_conflict_do_update(
            index_elements=["case_id", "initials"], set_={"last": exhibit_counter.c.last + many}
        ).returning(exhibit_counter.c.last)
        last = connection.execute(statement).scalar_one()
        numbers[case_id, initials] = iter(range(last - many + 1, last + 1))
    return numbers


def _assigned(
    exhibit_id: UUID, target: Target, reference: ExhibitRef, *, at: datetime, actor: str, reason: str | None
) -> Place:
    entry = CustodyEntry(
        stream=case_stream(target.case_id),
        action=Action.EXHIBIT_ASSIGNED,
        actor=actor,
        at=at,
        reason=reason,
        facts={
            "exhibit_id": str(exhibit_id),
            "reference": str(reference),
            "contributor_id": str(target.contributor_id) if target.contributor_id else None,
        },
        names_stream=exhibit_stream(exhibit_id),
    )
    return Place(
        entry,
        {
            **NOWHERE,
            "case_id": target.case_id,
            "contributor_id": target.contributor_id,
            "initials": reference.initials,
            "number": reference.number,
        },
    )


def _quarantined(exhibit_id: UUID, because: str, at: datetime) -> Place:
    entry = CustodyEntry(exhibit_stream(exhibit_id), Action.EXHIBIT_QUARANTINED, ACTOR, at, reason=because)
    return Place(entry, {**NOWHERE, "quarantined_at": at, "quarantined_because": because})


def assign(
    connection: Connection,
    exhibit_id: UUID,
    case_id: UUID,
    *,
    contributor: Contributor | None,
    at: datetime,
    actor: str,
    reason: str | None = None,
) -> ExhibitRef:
    """Assign an exhibit to a case under the next reference of whoever produces it.

    Raises:
        UnknownAcquisitionError: No exhibit has this id.
        AlreadyAssignedError: It belongs to a case already.
    """
    held = connection.execute(select(exhibit.c.case_id).where(exhibit.c.id == exhibit_id).with_for_update()).first()
    if held is None:
        raise UnknownAcquisitionError(str(exhibit_id))
    if held.case_id is not None:
        raise AlreadyAssignedError(str(exhibit_id))
    target = Target(case_id, contributor.id, contributor.initials) if contributor else Target(case_id)
    number = next(_numbers(connection, [target])[case_id, target.initials])
    reference = ExhibitRef(target.initials, number)
    place = _assigned(exhibit_id, target, reference, at=at, actor=actor, reason=reason)
    columns = {name: value for name, value in place.columns.items() if not name.startswith("quarantined")}
    connection.execute(update(exhibit).where(exhibit.c.id == exhibit_id).values(columns))
    record(connection, place.entry)
    return reference


def leave_in_quarantine(
    connection: Connection, exhibit_id: UUID, *, at: datetime, actor: str, reason: str | None
) -> None:
    """An officer looked and leaves it where it is: it stays archived, unanswered and out of every case.

    Raises:
        UnknownAcquisitionError: It is not in quarantine.
    """
    left = connection.execute(
        update(exhibit)
        .where(exhibit.c.id == exhibit_id, exhibit.c.quarantined_at.isnot(None), exhibit.c.case_id.is_(None))
        .values(left_at=at)
    )
    if left.rowcount == 0:
        raise UnknownAcquisitionError(str(exhibit_id))
    record(
        connection,
        CustodyEntry(exhibit_stream(exhibit_id), Action.EXHIBIT_LEFT_IN_QUARANTINE, actor, at, reason=reason),
    )
