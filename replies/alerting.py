"""Telling officers that something waits: once on the page, and by a mail that says nothing of what it is.

    raised ──page──> seen
       └──mail──> due ──claim──> attempting ──┬──> taken by the mail server
                                              └──> not taken: due again in five minutes, for a day

The mail names no case, no person, no kind of alert and nothing received: mailboxes are read on locked phones too. Its
exact bytes are in the ledger before it leaves. A duress word is mailed at once, everything else gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Engine, Row, Select, func, select, update

from archive.alerts import WORDS as MEANINGS
from archive.alerts import raise_alert
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import RefusedError
from archive.ledger import record
from archive.tables import account, alert, case, case_member, exhibit
from replies.egress import Answer, Egress
from replies.outcome import Outcome, Refused, Sent

ACTOR: Final = "system:replies"
URGENT: Final = frozenset({"duress"})
AGAIN_AFTER: Final = timedelta(minutes=5)
GIVE_UP_AFTER: Final = timedelta(days=1)
MOST_AT_ONCE: Final = 200
WORKING_ON_CASES: Final = ("officer", "supervisor")
SUBJECT: Final = "Something waits for you"
URGENT_SUBJECT: Final = "Please sign in now"
WORDS: Final = "Something waits for you. Please sign in to see what it is. This mail cannot be answered."
URGENT_WORDS: Final = (
    "Something urgent waits for you. Please sign in now to see what it is. This mail cannot be answered."
)

log = structlog.get_logger()


def raise_once(
    connection: Connection,
    kind: str,
    *,
    at: datetime,
    case_id: UUID | None,
    text: str | None,
    by_text: bool = False,
    **of: Any,
) -> None:
    """Raise an alert, unless one of its kind waits to be seen in this case: floods must not bury others.

    Args:
        connection: In the caller's transaction.
        kind: Which alert.
        at: Our clock.
        case_id: The case; None for one that concerns them all.
        text: What it says; None for what its kind means.
        by_text: Another text wants something else done, and is another alert.
        of: What it is about, as `raise_alert` takes it.
    """
    waiting = select(alert.c.id).where(
        alert.c.kind == kind, alert.c.case_id.is_not_distinct_from(case_id), alert.c.seen_at.is_(None)
    )
    if by_text:
        waiting = waiting.where(alert.c.text == (text or MEANINGS[kind]))
    if connection.execute(waiting).first() is None:
        raise_alert(connection, kind, at=at, case_id=case_id, text=text, **of)


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail to one officer, entered and ready to leave."""

    id: UUID
    answer: Answer


def mail_alerts(engine: Engine, egress: Egress, *, now: Callable[[], datetime], every: timedelta) -> int:
    """Mail officers about alerts nobody was mailed about yet; what the clock does.

    Args:
        engine: The application's database.
        egress: The door out; without a mail server nothing happens, and the pages alone tell.
        now: The clock.
        every: What is not urgent is gathered for so long.

    Returns:
        How many mails were handed over.
    """
    if egress.mails is None:
        return 0
    with engine.begin() as connection:
        due = _due(connection, now(), every)
        notices = _claim(connection, due, egress, now())
    if not due:
        return 0
    outcomes = [(notice, egress.send(notice.answer)) for notice in notices]
    with engine.begin() as connection:
        _finish(connection, due, outcomes, now())
    return sum(isinstance(outcome, Sent) for _, outcome in outcomes)


def _due(connection: Connection, now: datetime, every: timedelta) -> Sequence[Row[Any]]:
    """Alerts to be mailed about now, held: the urgent ones, and all of them once the oldest has waited long enough."""
    waiting = (
        (alert.c.mailed_at.is_(None))
        & (alert.c.seen_at.is_(None))
        & (alert.c.at > now - GIVE_UP_AFTER)
        & (func.coalesce(alert.c.mail_due_at, alert.c.at) <= now)
    )
    columns = (alert.c.id, alert.c.kind, alert.c.at, alert.c.case_id, alert.c.acquisition_id)
    query: Select[Any] = select(*columns).where(waiting).order_by(alert.c.at).limit(MOST_AT_ONCE)
    found = connection.execute(query.with_for_update(skip_locked=True)).all()
    if any(row.at <= now - every for row in found):
        return found
    return [row for row in found if row.kind in URGENT]


def _claim(connection: Connection, due: Sequence[Row[Any]], egress: Egress, now: datetime) -> list[Notice]:
    """Set them aside as mailed and enter each mail with its exact bytes: from here on it leaves once or not at all."""
    concerned: dict[str, bool] = {}
    for row in due:
        for address in _recipients(connection, row):
            concerned[address] = concerned.get(address, False) or row.kind in URGENT
    if due:
        ids = [row.id for row in due]
        connection.execute(update(alert).where(alert.c.id.in_(ids)).values(mailed_at=now))
    notices = []
    for address, urgent in sorted(concerned.items()):
        try:
            notices.append(_noticed(connection, egress, address, urgent=urgent, now=now))
        except RefusedError as error:
            log.warning("alert.mail_not_composed", error=type(error).__name__)
    return notices


def _noticed(connection: Connection, egress: Egress, address: str, *, urgent: bool, now: datetime) -> Notice:
    notice_id = uuid4()
    subject, words = (URGENT_SUBJECT, URGENT_WORDS) if urgent else (SUBJECT, WORDS)
    answer = egress.compose_notice(address, subject, words, notice_id=notice_id, at=now)
    facts = {
        "notice_id": str(notice_id),
        "raw": answer.raw.decode(),
        "sha256": answer.sha256,
        "size_bytes": len(answer.raw),
        "message_id": answer.message_id,
    }
    record(connection, CustodyEntry(SYSTEM, Action.ALERT_MAIL_ATTEMPTED, ACTOR, now, facts))
    return Notice(notice_id, answer)


def _recipients(connection: Connection, row: Row[Any]) -> list[str]:
    """The officers of its case; of an alert of no case the supervisors, else everybody who works on cases."""
    case_id = row.case_id
    if case_id is None and row.acquisition_id is not None:
        case_id = connection.execute(select(exhibit.c.case_id).where(exhibit.c.id == row.acquisition_id)).scalar()
    active = select(account.c.email).where(account.c.active, account.c.role.in_(WORKING_ON_CASES))
    if case_id is not None:
        members = select(case_member.c.account_id).where(case_member.c.case_id == case_id)
        in_charge = select(case.c.officer_in_case).where(case.c.id == case_id)
        active = active.where(account.c.id.in_(members) | account.c.id.in_(in_charge))
    else:
        supervisors = active.where(account.c.role == "supervisor")
        return list(connection.execute(supervisors).scalars()) or list(connection.execute(active).scalars())
    return list(connection.execute(active).scalars())


def _finish(
    connection: Connection, due: Sequence[Row[Any]], outcomes: Sequence[tuple[Notice, Outcome]], now: datetime
) -> None:
    """Enter what became of each; where nobody at all was reached and nothing left, it is tried again."""
    for notice, outcome in outcomes:
        sent = isinstance(outcome, Sent)
        facts = {"notice_id": str(notice.id), "because": None if isinstance(outcome, Sent) else outcome.because}
        action = Action.ALERT_MAIL_SENT if sent else Action.ALERT_MAIL_NOT_SENT
        record(connection, CustodyEntry(SYSTEM, action, ACTOR, now, facts))
        log.info("alert.mailed", notice_id=str(notice.id), sent=sent)
    if outcomes and all(isinstance(outcome, Refused) for _, outcome in outcomes):
        again = {"mailed_at": None, "mail_due_at": now + AGAIN_AFTER}
        connection.execute(update(alert).where(alert.c.id.in_([row.id for row in due])).values(**again))
