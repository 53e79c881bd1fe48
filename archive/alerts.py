"""Alerts: what a person must look at, as rows that stay until somebody has."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert

from archive.tables import alert

WORDS = {
    "other_bytes": "The same source id was told again with other bytes; both are kept.",
    "ambiguous_sender": "The sender is enrolled more than once; the item is in quarantine.",
    "offender_enrolled": "An answer was withheld: its address appears in evidence as somebody else's.",
}


def raise_alert(
    connection: Connection,
    kind: str,
    *,
    at: datetime,
    acquisition_id: UUID | None = None,
    case_id: UUID | None = None,
    text: str | None = None,
) -> None:
    """Leave an alert.

    Args:
        connection: In the caller's transaction.
        kind: What it is about, one word; `WORDS` explains the known ones.
        at: When it was noticed.
        acquisition_id: The item it concerns, if one.
        case_id: The case it concerns, if one.
        text: What happened, where the kind alone does not say it.
    """
    connection.execute(
        insert(alert).values(
            id=uuid4(), kind=kind, at=at, acquisition_id=acquisition_id, case_id=case_id, text=text or WORDS[kind]
        )
    )
