"""Alerts: what a person must look at, as rows that stay until somebody has."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert, update

from archive.custody import SYSTEM, Action, CustodyEntry, case_stream, exhibit_stream
from archive.ledger import record
from archive.tables import alert

WORDS = {
    "other_bytes": "The same source id was told again with other bytes; both are kept.",
    "ambiguous_sender": "The sender is enrolled more than once; the item is in quarantine.",
    "offender_enrolled": "A number or address confirmed as an offender's is enrolled here. Nothing is sent to it. "
    "Check the enrolment.",
    "contact_doubted": "A number or address enrolled here had been named in evidence as somebody else's before. "
    "Nothing is sent to it until you have settled on the contributor's page whose it is.",
    "contact_named": "Evidence names a contributor's number or address as its sender. Answers go on: anybody can write "
    "a name. If it is the offender's, confirm it and nothing is sent to it any more.",
    "duress": "The contributor's duress word came in. Do as was agreed with them. Nothing on their phone shows it.",
    "stopped": "The contributor ended answers with the words agreed for that. Nothing was sent about it, nor will be.",
    "review_due": "What a contributor agreed for answers is to be reviewed within a week; after that nothing is sent.",
    "review_overdue": "The day to review what a contributor agreed has passed: nothing is sent until you ask again.",
    "export_not_taken": "An export that came in could not be taken apart into its messages. The file is kept whole.",
    "link_locked": "Wrong PINs were tried on a personal link, too many in a row. Ask her; revoke it if it was not she.",
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


def mark_seen(connection: Connection, alert_id: UUID, *, at: datetime, actor: str) -> bool:
    """Set an alert aside: somebody has looked. Until then another of its kind may be held back.

    Returns:
        False where there is no such alert, or somebody was quicker.
    """
    seen = connection.execute(
        update(alert)
        .where(alert.c.id == alert_id, alert.c.seen_at.is_(None))
        .values(seen_at=at)
        .returning(alert.c.kind, alert.c.case_id, alert.c.acquisition_id)
    ).first()
    if seen is None:
        return False
    of_item = exhibit_stream(seen.acquisition_id) if seen.acquisition_id else SYSTEM
    stream = case_stream(seen.case_id) if seen.case_id else of_item
    facts = {"alert_id": str(alert_id), "kind": seen.kind}
    record(connection, CustodyEntry(stream, Action.ALERT_SEEN, actor, at, facts))
    return True
