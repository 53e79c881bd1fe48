"""What became of messages after the carrier had taken them, and numbers that let none of ours through."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, select, union, update

from archive.contributor import contact_in
from archive.custody import Action, CustodyEntry, case_stream, exhibit_stream
from archive.delivery import NOT_DELIVERED, Delivery, deliveries
from archive.ledger import record
from archive.tables import contributor, contributor_contact, delivery_report, link_sending, reply, reply_item
from replies.alerting import raise_once
from replies.link_sending import note_undelivered as note_undelivered_link
from replies.outcome import OPTED_OUT

ACTOR: Final = "system:replies"
# An item that joined may have read its clock before the one that planned, and waited for it: only the planner's is the
# answer's own.
PLANNER_FIRST: Final = (
    reply_item.c.decided_at != reply.c.planned_at,
    reply_item.c.decided_at,
    reply_item.c.exhibit_id,
)

log = structlog.get_logger()


def note(connection: Connection, provider_id: str, status: str, *, at: datetime) -> bool:
    """Note what the carrier says of a message of ours; where nobody got it, an officer is told what to do.

    Args:
        connection: In the caller's transaction.
        provider_id: The carrier's id of the message.
        status: Its word for what became of it, lower case; words that are no failure change nothing.
        at: When it said so. Why is looked up among the reports that were kept (`archive.delivery`).

    Returns:
        Whether it was a message of ours that counted as sent until now.
    """
    if status not in NOT_DELIVERED or not provider_id:
        return False
    query = select(reply).where(reply.c.provider_id == provider_id, reply.c.state == "sent").with_for_update()
    row = connection.execute(query).first()
    if row is None:
        return note_undelivered_link(connection, provider_id, status, at=at)
    told = deliveries(connection, [provider_id]).get(provider_id) or Delivery(status, None, at)
    because = f"the carrier could not deliver it: {told.advice or status}"
    values = {"state": "undelivered", "failed_because": because, "finished_at": at}
    connection.execute(update(reply).where(reply.c.id == row.id).values(**values))
    items = connection.execute(
        select(reply_item.c.exhibit_id)
        .join(reply, reply.c.id == reply_item.c.reply_id)
        .where(reply_item.c.reply_id == row.id)
        .order_by(*PLANNER_FIRST)
    )
    exhibits = list(items.scalars())
    case_id = connection.execute(select(contributor.c.case_id).where(contributor.c.id == row.contributor_id)).scalar()
    facts = {"reply_id": str(row.id), "provider_id": provider_id, "because": because, "error_code": told.error_code}
    record(connection, CustodyEntry(exhibit_stream(exhibits[0]), Action.REPLY_UNDELIVERED, ACTOR, at, facts))
    said = f"An answer was not delivered: {because}."
    raise_once(
        connection, "answer_undelivered", at=at, acquisition_id=exhibits[0], case_id=case_id, text=said, by_text=True
    )
    if told.error_code == OPTED_OUT and case_id:
        note_opt_out(connection, row.contact_id, case_id, at=at)
    log.info("reply.undelivered", reply_id=str(row.id), status=status)
    return True


def note_missed(connection: Connection, *, at: datetime) -> int:
    """Note failures that were told before we knew the message by its id, or while we were about to.

    A report and the commit of the sending it is about can pass each other unseen; both are kept, and here they meet.

    Returns:
        How many were noted.
    """
    unmet = union(
        *(
            select(table.c.provider_id)
            .join(delivery_report, delivery_report.c.message_sid == table.c.provider_id)
            .where(table.c.state == "sent", delivery_report.c.status.in_(NOT_DELIVERED))
            for table in (reply, link_sending)
        )
    )
    told = deliveries(connection, list(connection.execute(unmet).scalars()))
    # One that a network reported as delivered after all arrived.
    return sum(note(connection, sid, each.status, at=at) for sid, each in told.items() if each.failed)


def note_opt_out(connection: Connection, contact_id: UUID, case_id: UUID, *, at: datetime) -> None:
    """The carrier refused a text because this number opted out: nothing more is tried until that is cleared."""
    fresh = (contributor_contact.c.id == contact_id) & contributor_contact.c.opted_out_at.is_(None)
    if connection.execute(update(contributor_contact).where(fresh).values(opted_out_at=at)).rowcount:
        facts = {"contact_id": str(contact_id), "error_code": OPTED_OUT}
        record(connection, CustodyEntry(case_stream(case_id), Action.OPT_OUT_NOTED, ACTOR, at, facts))


def clear_opt_out(
    connection: Connection, contact_id: UUID, case_id: UUID, *, at: datetime, actor: str, reason: str
) -> bool:
    """The number lets our texts through again; False where no contact of this case had opted out."""
    opted_out = contact_in(case_id, contact_id) & contributor_contact.c.opted_out_at.isnot(None)
    if not connection.execute(update(contributor_contact).where(opted_out).values(opted_out_at=None)).rowcount:
        return False
    facts = {"contact_id": str(contact_id)}
    record(connection, CustodyEntry(case_stream(case_id), Action.OPT_OUT_CLEARED, actor, at, facts, reason=reason))
    return True
