"""Assignment: which case an exhibit belongs to, and quarantine where nobody has said.

An exhibit belongs to no case until an enrolled sender or an officer assigns it; an ambiguous sender (enrolled twice) is
quarantined. Assigning is an entry in the *case's* stream that names the exhibit's stream, so that no exhibit can be
withheld from a package unnoticed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.postgresql import insert

from archive.alerts import raise_alert
from archive.contributor import Contributor, contributor_of, enrolled_as
from archive.custody import Action, CustodyEntry, case_stream, exhibit_stream
from archive.errors import AlreadyAssignedError, UnknownAcquisitionError
from archive.exhibit import ExhibitRef
from archive.ledger import record
from archive.tables import acquisition, exhibit, exhibit_counter

ACTOR = "system:assignment"
UNKNOWN_INITIALS = "X"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Archived, but from a sender nobody enrolled, or enrolled more than once."""

    because: str


def settle(connection: Connection, exhibit_id: UUID, *, at: datetime) -> ExhibitRef | Quarantined:
    """Give a fresh exhibit its case by whoever sent it, or put it into quarantine."""
    row = connection.execute(select(acquisition).where(acquisition.c.id == exhibit_id)).one()
    if row.for_case:
        person = contributor_of(connection, row.for_contributor) if row.for_contributor else None
        return assign(connection, exhibit_id, row.for_case, contributor=person, at=at, actor=ACTOR)
    people = _senders(connection, row)
    if len(people) == 1:
        return assign(connection, exhibit_id, people[0].case_id, contributor=people[0], at=at, actor=ACTOR)
    if people:
        raise_alert(connection, "ambiguous_sender", at=at, acquisition_id=exhibit_id)
    return _quarantine(connection, exhibit_id, "ambiguous sender" if people else "unknown sender", at)


def _senders(connection: Connection, row: Row[Any]) -> list[Contributor]:
    if row.sender:
        return enrolled_as(connection, row.sender)
    if not row.parent_id:
        return []
    parent = connection.execute(select(acquisition.c.sender).where(acquisition.c.id == row.parent_id)).scalar()
    return enrolled_as(connection, parent) if parent else []


def _quarantine(connection: Connection, exhibit_id: UUID, because: str, at: datetime) -> Quarantined:
    connection.execute(
        update(exhibit).where(exhibit.c.id == exhibit_id).values(quarantined_at=at, quarantined_because=because)
    )
    entry = CustodyEntry(exhibit_stream(exhibit_id), Action.EXHIBIT_QUARANTINED, ACTOR, at, reason=because)
    record(connection, entry)
    return Quarantined(because)


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
    reference = _next_reference(connection, case_id, contributor.initials if contributor else UNKNOWN_INITIALS)
    connection.execute(
        update(exhibit)
        .where(exhibit.c.id == exhibit_id)
        .values(
            case_id=case_id,
            contributor_id=contributor.id if contributor else None,
            initials=reference.initials,
            number=reference.number,
        )
    )
    record(
        connection,
        CustodyEntry(
            stream=case_stream(case_id),
            action=Action.EXHIBIT_ASSIGNED,
            actor=actor,
            at=at,
            reason=reason,
            facts={
                "exhibit_id": str(exhibit_id),
                "reference": str(reference),
                "contributor_id": str(contributor.id) if contributor else None,
            },
            names_stream=exhibit_stream(exhibit_id),
        ),
    )
    return reference


def _next_reference(connection: Connection, case_id: UUID, initials: str) -> ExhibitRef:
    """Allocate the next number of these initials in this case; the counter row orders concurrent callers."""
    first = insert(exhibit_counter).values(case_id=case_id, initials=initials, last=1)
    statement = first.on_conflict_do_update(
        index_elements=["case_id", "initials"], set_={"last": exhibit_counter.c.last + 1}
    ).returning(exhibit_counter.c.last)
    return ExhibitRef(initials, connection.execute(statement).scalar_one())


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
