"""How long a case is kept: closing it, review dates, legal holds. What takes anything away is `archive.disposal` alone.

Locks in the vault are short and grow: `archive.locks` extends them every night while a case is open or held. So nothing
here needs to touch the vault: it says what is wanted, and each act is in the case's stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, insert, select, update

from archive.alerts import raise_alert
from archive.custody import Action, CustodyEntry, case_stream
from archive.errors import RetentionRefusedError
from archive.ledger import record
from archive.tables import alert, case, disposal, exhibit, legal_hold

REVIEW_DUE = "review_due"


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold that stands: nothing of its case goes."""

    placed_at: datetime
    placed_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retention:
    """How long one case is kept.

    Attributes:
        closed_at: When it was closed, if it was.
        review_by: The day on which somebody must look whether it is still needed.
        hold: The hold that stands, if one does.
        locked_until: When the last lock of its originals ends, as far as locks are known; None without originals.
        disposed_at: When it was disposed of, if it was.
    """

    closed_at: datetime | None
    review_by: date | None
    hold: Hold | None
    locked_until: datetime | None
    disposed_at: datetime | None


def retention_of(connection: Connection, case_id: UUID) -> Retention:
    """How long a case is kept, as it stands now."""
    row = connection.execute(select(case.c.closed_at, case.c.review_by).where(case.c.id == case_id)).one()
    until = connection.execute(select(func.max(exhibit.c.retain_until)).where(exhibit.c.case_id == case_id)).scalar()
    done = connection.execute(select(func.max(disposal.c.done_at)).where(disposal.c.case_id == case_id)).scalar()
    return Retention(row.closed_at, row.review_by, hold_of(connection, case_id), until, done)


def is_disposed(connection: Connection, case_id: UUID) -> bool:
    """Whether what this case held is gone."""
    done = select(disposal.c.id).where(disposal.c.case_id == case_id, disposal.c.done_at.isnot(None))
    return connection.execute(done).first() is not None


def hold_of(connection: Connection, case_id: UUID) -> Hold | None:
    """The hold that stands on a case."""
    query = select(legal_hold).where(legal_hold.c.case_id == case_id, legal_hold.c.lifted_at.is_(None))
    row = connection.execute(query).first()
    return Hold(row.placed_at, row.placed_by, row.reason) if row else None


def close_case(
    connection: Connection, case_id: UUID, *, review_by: date | None, reason: str, at: datetime, actor: str
) -> None:
    """Close a case: from now on its locks are not extended, unless a hold stands.

    Raises:
        RetentionRefusedError: It is closed already, or no reason was given.
    """
    _set_closed(connection, case_id, at)
    if review_by is not None:
        connection.execute(update(case).where(case.c.id == case_id).values(review_by=review_by))
    facts = {"review_by": review_by.isoformat() if review_by else None}
    _enter(connection, case_id, Action.CASE_CLOSED, at, actor, reason, facts)


def reopen_case(connection: Connection, case_id: UUID, *, reason: str, at: datetime, actor: str) -> None:
    """Open a closed case again.

    Raises:
        RetentionRefusedError: It is open, a disposal of it was asked for or approved, or no reason was given.
    """
    wanted = select(disposal.c.id).where(disposal.c.case_id == case_id, disposal.c.approved.isnot(False))
    if connection.execute(wanted).first():
        raise RetentionRefusedError("a disposal of this case was asked for: refuse that first")
    _set_closed(connection, case_id, None)
    _enter(connection, case_id, Action.CASE_REOPENED, at, actor, reason, {})


def review_case(
    connection: Connection, case_id: UUID, *, review_by: date, reason: str, at: datetime, actor: str
) -> None:
    """Say that a case must still be kept, why, and when to look again; its reminders are set aside.

    Raises:
        RetentionRefusedError: The date is not in the future, or no reason was given.
    """
    if review_by <= at.date():
        raise RetentionRefusedError("the next review must be on a later day than today")
    connection.execute(update(case).where(case.c.id == case_id).values(review_by=review_by))
    connection.execute(
        update(alert)
        .where(alert.c.case_id == case_id, alert.c.kind == REVIEW_DUE, alert.c.seen_at.is_(None))
        .values(seen_at=at)
    )
    _enter(connection, case_id, Action.CASE_REVIEWED, at, actor, reason, {"review_by": review_by.isoformat()})


def place_hold(connection: Connection, case_id: UUID, *, reason: str, at: datetime, actor: str) -> None:
    """Place a legal hold on a case; the next run of `archive.locks` places it on each original in the vault as well.

    Raises:
        RetentionRefusedError: One stands already, or no reason was given.
    """
    if hold_of(connection, case_id):
        raise RetentionRefusedError("a hold stands on this case already")
    connection.execute(
        insert(legal_hold).values(id=uuid4(), case_id=case_id, placed_at=at, placed_by=actor, reason=reason.strip())
    )
    _enter(connection, case_id, Action.HOLD_PLACED, at, actor, reason, {})


def lift_hold(connection: Connection, case_id: UUID, *, reason: str, at: datetime, actor: str) -> None:
    """Lift the hold of a case.

    Raises:
        RetentionRefusedError: None stands, or no reason was given.
    """
    lifted = connection.execute(
        update(legal_hold)
        .where(legal_hold.c.case_id == case_id, legal_hold.c.lifted_at.is_(None))
        .values(lifted_at=at, lifted_by=actor, lifted_because=reason.strip())
    )
    if lifted.rowcount == 0:
        raise RetentionRefusedError("no hold stands on this case")
    _enter(connection, case_id, Action.HOLD_LIFTED, at, actor, reason, {})


def remind(connection: Connection, *, now: datetime) -> int:
    """Raise an alert for each case whose review is due, one at a time until somebody has looked.

    Returns:
        How many were raised.
    """
    waiting = select(alert.c.id).where(
        alert.c.case_id == case.c.id, alert.c.kind == REVIEW_DUE, alert.c.seen_at.is_(None)
    )
    gone = select(disposal.c.id).where(disposal.c.case_id == case.c.id, disposal.c.done_at.isnot(None))
    due = connection.execute(
        select(case.c.id, case.c.review_by).where(case.c.review_by <= now.date(), ~waiting.exists(), ~gone.exists())
    ).all()
    for row in due:
        text = f"Look whether this case must still be kept: its review was due on {row.review_by:%d %B %Y}."
        raise_alert(connection, REVIEW_DUE, at=now, case_id=row.id, text=text)
    return len(due)


def _set_closed(connection: Connection, case_id: UUID, closed_at: datetime | None) -> None:
    before = case.c.closed_at.is_(None) if closed_at else case.c.closed_at.isnot(None)
    changed = connection.execute(update(case).where(case.c.id == case_id, before).values(closed_at=closed_at))
    if changed.rowcount == 0:
        raise RetentionRefusedError("the case is closed already" if closed_at else "the case is open")


def _enter(
    connection: Connection,
    case_id: UUID,
    action: Action,
    at: datetime,
    actor: str,
    reason: str,
    facts: dict[str, str | None],
) -> None:
    if not reason.strip():
        raise RetentionRefusedError("say why: the reason is kept in the ledger")
    record(connection, CustodyEntry(case_stream(case_id), action, actor, at, facts, reason=reason.strip()))
