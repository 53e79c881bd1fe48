"""What is owed of timestamp tokens, and how each authority fares: the rows behind `archive.stamping`.

A debt is one checkpoint and one authority. A newer scheduled debt takes the place of an older one, since a token over
more of the ledger covers the less; it keeps the older one's age and patience. Debts for packages stay until paid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import rendered
from archive.alerts import raise_alert
from archive.asking import Tried
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.ledger import checkpoint_size, record
from archive.marks import count, set_mark
from archive.patience import FAILURES_TO_OPEN, back_off, open_for
from archive.tables import mark, timestamp_attempt, timestamp_authority, timestamp_due, timestamp_token

ACTOR: Final = "system:stamping"
MARK: Final = "timestamps"
SCHEDULE, PACKAGE = "schedule", "package"
# Longer than any answer is waited for: a claim that has run out belongs to a dead worker.
CLAIM_FOR: Final = timedelta(minutes=1)

_OWE = text(
    """
    WITH older AS (
      DELETE FROM timestamp_due
      WHERE authority = :authority AND wanted_for = 'schedule' AND checkpoint_size < :size
        AND (claimed_until IS NULL OR claimed_until < :now)
      RETURNING since, tries, next_at
    )
    INSERT INTO timestamp_due (checkpoint_size, authority, wanted_for, since, tries, next_at)
    SELECT :size, :authority, 'schedule', least(min(since), :now), coalesce(max(tries), 0), greatest(max(next_at), :now)
    FROM older
    HAVING NOT EXISTS (SELECT FROM timestamp_token WHERE checkpoint_size = :size AND authority = :authority)
    ON CONFLICT DO NOTHING
    """
)
_GREW = text(
    """
    SELECT EXISTS (
      SELECT FROM custody_leaf LEFT JOIN timestamp_token USING (entry_id)
      WHERE leaf_index >= :since AND leaf_index < :size AND timestamp_token.entry_id IS NULL
    )
    """
)
_UNSTAMPED = text(
    """
    SELECT min(checkpoint.signed_at) FROM checkpoint WHERE checkpoint.size > (
      SELECT leaf_index FROM custody_leaf LEFT JOIN timestamp_token USING (entry_id)
      WHERE leaf_index >= (SELECT coalesce(max(checkpoint_size), 0) FROM timestamp_token)
        AND timestamp_token.entry_id IS NULL
      ORDER BY leaf_index LIMIT 1
    )
    """
)


@dataclass(frozen=True, slots=True)
class AuthorityHealth:
    """How one authority fares.

    Attributes:
        failures: In a row, up to now; `because` says why the last one failed.
        open_until: Until when it is left alone; None while it may be asked.
        owed_since: Since when it owes a token; None where it owes none.
        answered_at: When its last good token came.
    """

    name: str
    failures: int = 0
    open_until: datetime | None = None
    owed_since: datetime | None = None
    answered_at: datetime | None = None
    because: str | None = None


def plan(connection: Connection, authorities: Sequence[str], *, now: datetime, every: timedelta) -> int | None:
    """Owe the newest checkpoint to every authority, if it is time and the ledger grew by more than tokens' entries.

    Returns:
        The size of that checkpoint; None where there was nothing to do.
    """
    last = connection.execute(select(mark.c.value, mark.c.at).where(mark.c.name == MARK)).first()
    since = int(last.value["size"]) if last else 0
    size = checkpoint_size(connection)
    if size <= since or (last and now < last.at + every):
        return None
    if not connection.execute(_GREW, {"since": since, "size": size}).scalar_one():
        return None
    # Nobody pays for an authority that is not configured any more.
    connection.execute(delete(timestamp_due).where(timestamp_due.c.authority != func.all(list(authorities))))
    for authority in authorities:
        connection.execute(_OWE, {"authority": authority, "size": size, "now": now})
    set_mark(connection, MARK, {"size": size}, at=now)
    return size


def owe_at_once(connection: Connection, size: int, authorities: Sequence[str], *, now: datetime) -> None:
    """Owe this checkpoint to every authority that has not stamped it, now: a package waits for it."""
    for authority in authorities:
        if _is_stamped(connection, size, authority):
            continue
        first = insert(timestamp_due).values(
            checkpoint_size=size, authority=authority, wanted_for=PACKAGE, since=now, tries=0, next_at=now
        )
        at_once = {"wanted_for": PACKAGE, "next_at": now}
        connection.execute(first.on_conflict_do_update(index_elements=["checkpoint_size", "authority"], set_=at_once))


def due(connection: Connection, authorities: Sequence[str], *, now: datetime) -> list[tuple[int, str]]:
    """Debts that may be tried now: nobody is at them, and their authority is not left alone."""
    query = (
        select(timestamp_due.c.checkpoint_size, timestamp_due.c.authority)
        .outerjoin(timestamp_authority, timestamp_authority.c.name == timestamp_due.c.authority)
        .where(timestamp_due.c.authority == func.any(list(authorities)), timestamp_due.c.next_at <= now)
        .where(
            _unclaimed(now), or_(timestamp_authority.c.open_until.is_(None), timestamp_authority.c.open_until <= now)
        )
        .order_by(timestamp_due.c.checkpoint_size.desc())
    )
    return [(row.checkpoint_size, row.authority) for row in connection.execute(query)]


def is_claimed(connection: Connection, size: int, *, now: datetime) -> bool:
    """Whether somebody is asking for a token over this checkpoint now."""
    theirs = (timestamp_due.c.checkpoint_size == size, timestamp_due.c.claimed_until >= now)
    return bool(connection.execute(select(exists().where(*theirs))).scalar_one())


def claim(connection: Connection, size: int, authority: str, *, now: datetime) -> bool:
    """Take one debt, so that nobody else asks for it; of an authority that failed often, one at a time."""
    found = _locked(connection, authority)
    if found.open_until and found.open_until > now:
        return False
    taken = connection.execute(
        update(timestamp_due)
        .where(*_debt(size, authority), _unclaimed(now))
        .values(claimed_until=now + CLAIM_FOR)
        .returning(timestamp_due.c.checkpoint_size)
    ).first()
    if taken and found.failures >= FAILURES_TO_OPEN:
        # Half open: this one tries, the others wait for how it fares.
        _set(connection, authority, open_until=now + CLAIM_FOR)
    return taken is not None


def settle(connection: Connection, size: int, tried: Tried) -> None:
    """Keep a token that holds, tell the ledger its digest, and forgive the debt; the second of two is only noted."""
    _locked(connection, tried.authority)
    if not _is_stamped(connection, size, tried.authority):
        _keep(connection, size, tried)
    connection.execute(delete(timestamp_due).where(*_debt(size, tried.authority)))
    _set(connection, tried.authority, failures=0, open_until=None, answered_at=tried.ended_at, alarmed_at=None)
    _note(connection, size, tried)


def fail(connection: Connection, size: int, tried: Tried, *, chance: float) -> None:
    """Note a failed attempt; the debt waits, and an authority that fails again and again is left alone for a while."""
    failures = _locked(connection, tried.authority).failures + 1
    mine = _debt(size, tried.authority)
    tries = (connection.execute(select(timestamp_due.c.tries).where(*mine)).scalar() or 0) + 1
    next_at = tried.ended_at + back_off(tries, chance=chance)
    connection.execute(update(timestamp_due).where(*mine).values(tries=tries, next_at=next_at, claimed_until=None))
    pause = open_for(failures, chance=chance)
    _set(
        connection,
        tried.authority,
        failures=failures,
        open_until=tried.ended_at + pause if pause else None,
        failed_at=tried.ended_at,
        because=tried.because,
    )
    _note(connection, size, tried)
    count(connection, f"timestamps_{tried.outcome}")


def alarm(connection: Connection, authorities: Sequence[str], *, now: datetime, after: timedelta) -> list[str]:
    """Leave an alert for each authority that has owed a token for too long; one, until it answers again.

    Returns:
        The authorities alarmed about now.
    """
    late = [each for each in health(connection, authorities) if each.owed_since and now - each.owed_since > after]
    alarmed = []
    for each in late:
        if _locked(connection, each.name).alarmed_at:
            continue
        why = f": {each.because}" if each.because else ""
        minutes = int(after.total_seconds() // 60)
        told = f"No timestamp token from {each.name} for more than {minutes} minutes{why}. Evidence is still taken in."
        raise_alert(connection, "timestamps_missing", at=now, text=told)
        _set(connection, each.name, alarmed_at=now)
        alarmed.append(each.name)
    return alarmed


def health(connection: Connection, authorities: Sequence[str]) -> list[AuthorityHealth]:
    """How each of these authorities fares."""
    rows = connection.execute(select(timestamp_authority)).all()
    known = {row.name: row for row in rows}
    owed = select(timestamp_due.c.authority, func.min(timestamp_due.c.since).label("since"))
    since = {row.authority: row.since for row in connection.execute(owed.group_by(timestamp_due.c.authority))}
    return [_health(name, known.get(name), since.get(name)) for name in authorities]


def known_health(connection: Connection) -> list[AuthorityHealth]:
    """How every authority fares that was ever asked, by name."""
    names = connection.execute(select(timestamp_authority.c.name).order_by(timestamp_authority.c.name)).scalars()
    return health(connection, list(names))


def unstamped_since(connection: Connection) -> datetime | None:
    """Since when entries are under a signed checkpoint and no token covers them; None where all are covered.

    Read from the ledger itself, so that it also tells of a schedule that stands still. Tokens' entries are left out.
    """
    found: datetime | None = connection.execute(_UNSTAMPED).scalar()
    return found


def _health(name: str, row: Row[Any] | None, since: datetime | None) -> AuthorityHealth:
    if row is None:
        return AuthorityHealth(name, owed_since=since)
    return AuthorityHealth(name, row.failures, row.open_until, since, row.answered_at, row.because)


def _debt(size: int, authority: str) -> tuple[Any, Any]:
    return timestamp_due.c.checkpoint_size == size, timestamp_due.c.authority == authority


def _unclaimed(now: datetime) -> Any:
    return or_(timestamp_due.c.claimed_until.is_(None), timestamp_due.c.claimed_until < now)


def _may_be_asked(now: datetime) -> Any:
    return or_(timestamp_authority.c.open_until.is_(None), timestamp_authority.c.open_until <= now)


def _is_stamped(connection: Connection, size: int, authority: str) -> bool:
    mine = (timestamp_token.c.checkpoint_size == size, timestamp_token.c.authority == authority)
    return bool(connection.execute(select(exists().where(*mine))).scalar_one())


def _locked(connection: Connection, authority: str) -> Row[Any]:
    """The authority's row, held until the transaction ends: whatever changes it comes one after another."""
    connection.execute(insert(timestamp_authority).values(name=authority, failures=0).on_conflict_do_nothing())
    mine = select(timestamp_authority).where(timestamp_authority.c.name == authority)
    return connection.execute(mine.with_for_update()).one()


def _set(connection: Connection, authority: str, **values: Any) -> None:
    connection.execute(update(timestamp_authority).where(timestamp_authority.c.name == authority).values(**values))


def _keep(connection: Connection, size: int, tried: Tried) -> None:
    token, response = tried.token, tried.response
    if token is None or response is None:
        raise ValueError(tried.outcome)
    sha256 = hashlib.sha256(response).hexdigest()
    facts = {
        "authority": tried.authority,
        "checkpoint_size": size,
        "demonstration": token.demonstration,
        "gen_time": rendered(token.gen_time),
        "signer": token.signer,
        "token_sha256": sha256,
    }
    entry_id = record(connection, CustodyEntry(SYSTEM, Action.TIMESTAMP_RECEIVED, ACTOR, tried.ended_at, facts))
    connection.execute(
        insert(timestamp_token).values(
            checkpoint_size=size,
            authority=tried.authority,
            response=response,
            sha256=sha256,
            gen_time=token.gen_time,
            # Upwards: a bound is never made tighter than the authority made it.
            accuracy_ms=-(-token.accuracy // timedelta(milliseconds=1)),
            signer=token.signer,
            demonstration=token.demonstration,
            received_at=tried.ended_at,
            entry_id=entry_id,
        )
    )


def _note(connection: Connection, size: int, tried: Tried) -> None:
    connection.execute(
        insert(timestamp_attempt).values(
            checkpoint_size=size,
            authority=tried.authority,
            asked_at=tried.asked_at,
            ended_at=tried.ended_at,
            outcome=tried.outcome,
            because=tried.because or None,
            request=tried.request,
            response=tried.response,
        )
    )
