"""Evidence that names an enrolled person as its sender: what is done about the clash.

A name in a message is a claim. Made before she was enrolled, it casts doubt on the enrolment: silence until an officer
settles it. Made afterwards, it may be written by anybody to silence her: answers go on, and officers are told once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, select

from archive.alerts import raise_alert
from archive.offender import doubt, enrolled_alike, is_confirmed
from archive.tables import alert, contributor_contact
from intake.reading.model import Reading

NAMED: Final = "contact_named"
TOLD_ONCE_IN: Final = timedelta(days=30)


def look_for_names(connection: Connection, row: Row[Any], found: Reading | None, *, now: datetime) -> None:
    """Compare whom an assigned item names as its sender with everybody enrolled."""
    if row.case_id is None or found is None or found.direction == "outbound":
        return
    named = {value for value in (found.reported_from.address, found.reported_from.number) if value}
    for value in named:
        for contact_id, person_id, case_id, enrolled_at in enrolled_alike(connection, value):
            if (
                person_id == row.contributor_id
                or _is_settled(connection, contact_id)
                or is_confirmed(connection, value)
            ):
                continue
            if row.received_at < enrolled_at:
                doubt(connection, contact_id, case_id, at=now)
            else:
                _tell(connection, case_id, row.id, now)


def _is_settled(connection: Connection, contact_id: UUID) -> bool:
    query = select(contributor_contact.c.doubt_settled_at).where(contributor_contact.c.id == contact_id)
    return connection.execute(query).scalar() is not None


def _tell(connection: Connection, case_id: UUID, exhibit_id: UUID, now: datetime) -> None:
    lately = (alert.c.kind == NAMED) & (alert.c.case_id == case_id) & (alert.c.at > now - TOLD_ONCE_IN)
    if connection.execute(select(alert.c.id).where(lately)).first() is None:
        raise_alert(connection, NAMED, at=now, case_id=case_id, acquisition_id=exhibit_id)
