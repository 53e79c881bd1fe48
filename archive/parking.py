"""Parking: an acquisition that cannot go on is set aside for a person, with a reason, and its bytes stay."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, update

from archive.alerts import raise_alert
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.ledger import record
from archive.tables import acquisition


def park(connection: Connection, acquisition_id: UUID, *, because: str, at: datetime, actor: str) -> None:
    """Set one received acquisition aside for a person; its bytes stay where they are."""
    connection.execute(
        update(acquisition)
        .where(acquisition.c.id == acquisition_id)
        .values(state="parked", parked_because=because, parked_at=at)
    )
    record(
        connection,
        CustodyEntry(
            stream=exhibit_stream(acquisition_id),
            action=Action.ACQUISITION_PARKED,
            actor=actor,
            at=at,
            reason=because,
        ),
    )
    raise_alert(connection, "parked", at=at, acquisition_id=acquisition_id, text=because)


def unpark(connection: Connection, acquisition_id: UUID, *, at: datetime, actor: str, reason: str | None) -> bool:
    """Let a parked acquisition wait for accession again.

    Returns:
        False where it is not parked.
    """
    freed = connection.execute(
        update(acquisition)
        .where(acquisition.c.id == acquisition_id, acquisition.c.state == "parked")
        .values(state="received", parked_because=None, parked_at=None)
    )
    if freed.rowcount == 0:
        return False
    record(
        connection,
        CustodyEntry(
            stream=exhibit_stream(acquisition_id),
            action=Action.ACQUISITION_UNPARKED,
            actor=actor,
            at=at,
            reason=reason,
        ),
    )
    return True
