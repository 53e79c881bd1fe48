"""Visits of personal links: what an opened link is exchanged for at once, so that no history and no log keeps the link.

A visit's key stands in the addresses of its pages. It is random, kept as its SHA-256 alone, dead after an idle hour or
half a day, and worth nothing once its link ends. Being unguessable and one visit's own, it is also what a form token
would be.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from archive.acquisition import rendered
from archive.alerts import raise_alert
from archive.custody import Action, CustodyEntry, case_stream
from archive.errors import LinkGoneError, PinNeededError
from archive.ledger import record
from archive.link import TOKEN_BYTES, Link, LinkKind, link_of_row, link_of_token, token_digest
from archive.tables import contributor, link, link_session

IDLE: Final = timedelta(minutes=60)
LONGEST: Final = timedelta(hours=12)
# Not written again for every page.
SEEN_AGAIN_AFTER: Final = timedelta(minutes=1)

PIN_TRIES: Final = 5
FIRST_LOCK: Final = timedelta(minutes=15)
LONGEST_LOCK: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of one link.

    Attributes:
        link: The link.
        key: What stands in the visit's addresses; the browser's and nobody else's.
        session_sha256: Its digest, under which the visit is known.
        began_at: When the link was opened.
        ends_at: When the visit ends at the latest.
        used_up_here: The link worked once and this visit used it: it may show a last page and take in no more.
    """

    link: Link
    key: str = field(repr=False)
    session_sha256: str
    began_at: datetime
    ends_at: datetime
    used_up_here: bool = False

    @property
    def path(self) -> str:
        """Where its pages begin, without a slash at the end: `/diary/s/<key>`."""
        return f"/{self.link.kind.value}/s/{self.key}"


@dataclass(frozen=True, slots=True)
class PinTry:
    """Leave to try one PIN.

    Attributes:
        link: The link.
        pin_hash: What to check it against.
        number: Which try this is since a right one; `left` more may follow before the lock.
        left: Tries left after this one.
    """

    link: Link
    pin_hash: str = field(repr=False)
    number: int
    left: int


@dataclass(frozen=True, slots=True)
class PinLocked:
    """No PIN is taken until then, right or wrong."""

    until: datetime


def begin(connection: Connection, token: str, kind: LinkKind, *, now: datetime) -> Visit:
    """Exchange a token for a visit, and enter that the link was opened. Uses nothing up.

    Raises:
        LinkGoneError: No such link works now. Nothing was written.
    """
    found = link_of_token(connection, token, kind, now=now)
    key = secrets.token_urlsafe(TOKEN_BYTES)
    ends_at = min(now + LONGEST, found.expires_at)
    connection.execute(
        insert(link_session).values(
            session_sha256=token_digest(key),
            link_id=found.id,
            began_at=now,
            seen_at=now,
            ends_at=ends_at,
            pin_given=not found.has_pin,
        )
    )
    facts = {"link_id": str(found.id), "kind": found.kind.value, "contributor_id": str(found.contributor_id)}
    record(connection, CustodyEntry(case_stream(found.case_id), Action.LINK_OPENED, found.actor, now, facts))
    return Visit(found, key, token_digest(key), now, ends_at)


def resume(connection: Connection, key: str, kind: LinkKind, *, now: datetime) -> Visit:
    """The visit with this key, its PIN given where the link asks for one.

    Raises:
        LinkGoneError: Unknown, idle for too long, ended, or its link does not work any more.
        PinNeededError: The PIN was not given yet.
    """
    row, visit = _found(connection, key, kind, now)
    if not row.pin_given:
        raise PinNeededError
    if now - row.seen_at > SEEN_AGAIN_AFTER:
        _write(connection, visit, seen_at=now)
    return visit


def end(connection: Connection, visit: Visit, *, now: datetime) -> None:
    """End a visit at once: its addresses in the phone's history are dead from now on."""
    _write(connection, visit, ends_at=now)


def has_ended(connection: Connection, session_sha256: str, *, now: datetime) -> bool:
    """Whether a visit is over, by itself or with its link: what was begun in it can be taken as it stands."""
    row = connection.execute(
        select(link_session, link.c.expires_at, link.c.revoked_at)
        .join(link, link.c.id == link_session.c.link_id)
        .where(link_session.c.session_sha256 == session_sha256)
    ).one()
    return bool(row.revoked_at or now >= min(row.ends_at, row.expires_at) or now - row.seen_at > IDLE)


def use_up(connection: Connection, visit: Visit, *, now: datetime) -> None:
    """Complete the use of a link that works once, in the transaction that saves what came in. Others stay as they are.

    Raises:
        LinkGoneError: It was used, revoked or expired meanwhile: save nothing.
    """
    row = connection.execute(select(link).where(link.c.id == visit.link.id).with_for_update()).one()
    if row.used_up_at is not None or link_of_row(row).has_ended(now):
        raise LinkGoneError
    if not row.one_time:
        return
    used = {"used_up_at": now, "used_up_in": visit.session_sha256}
    connection.execute(update(link).where(link.c.id == visit.link.id).values(used))
    facts = {"link_id": str(visit.link.id)}
    entry = CustodyEntry(case_stream(visit.link.case_id), Action.LINK_USED_UP, visit.link.actor, now, facts)
    record(connection, entry)


def take_try(connection: Connection, key: str, kind: LinkKind, *, now: datetime) -> PinTry | PinLocked:
    """Count one PIN before it is checked, so that many at once are not more than one after another.

    Tries belong to the link: an address that many share locks nobody out. Every fifth wrong one in a row locks the
    link for PINs, first for 15 minutes, then twice as long each time, a day at most; the lock is set before the fifth
    is checked and taken back if that one is right.

    Raises:
        LinkGoneError: As `resume`; also where the link asks for no PIN.
    """
    _, visit = _found(connection, key, kind, now)
    if not visit.link.has_pin:
        raise LinkGoneError
    row = connection.execute(select(link).where(link.c.id == visit.link.id).with_for_update()).one()
    if row.pin_locked_until is not None and now < row.pin_locked_until:
        return PinLocked(row.pin_locked_until)
    number = row.pin_tries + 1
    left = -number % PIN_TRIES
    until = None if left else now + _lock_after(number)
    connection.execute(update(link).where(link.c.id == row.id).values(pin_tries=number, pin_locked_until=until))
    return PinTry(visit.link, row.pin_hash, number, left)


def accept_pin(connection: Connection, key: str, kind: LinkKind, *, now: datetime) -> Visit:
    """The PIN was right: this visit goes on, and wrong ones before it are forgotten.

    Raises:
        LinkGoneError: As `resume`.
    """
    _, visit = _found(connection, key, kind, now)
    _write(connection, visit, pin_given=True, seen_at=now)
    connection.execute(update(link).where(link.c.id == visit.link.id).values(pin_tries=0, pin_locked_until=None))
    return visit


def refuse_pin(connection: Connection, tried: PinTry, *, now: datetime) -> PinLocked | None:
    """The PIN was wrong. The last of a row is entered in the ledger, and the officer is told: is it still she?

    Returns:
        The lock, where this one set it.
    """
    if tried.left:
        return None
    until = now + _lock_after(tried.number)
    facts = {"link_id": str(tried.link.id), "tries": tried.number, "locked_until": rendered(until)}
    stream = case_stream(tried.link.case_id)
    record(connection, CustodyEntry(stream, Action.LINK_LOCKED, tried.link.actor, now, facts))
    raise_alert(connection, "link_locked", at=now, case_id=tried.link.case_id)
    return PinLocked(until)


def _lock_after(tries: int) -> timedelta:
    # The shift is bounded: nobody waits for a number that no clock holds.
    doublings = min(tries // PIN_TRIES - 1, 10)
    return min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)


def _found(connection: Connection, key: str, kind: LinkKind, now: datetime) -> tuple[Row[Any], Visit]:
    query = (
        select(link, contributor.c.left_at, link_session)
        .join(link_session, link_session.c.link_id == link.c.id)
        .join(contributor, contributor.c.id == link.c.contributor_id)
        .where(link_session.c.session_sha256 == token_digest(key))
    )
    row = connection.execute(query).first()
    if row is None or now >= row.ends_at or now - row.seen_at > IDLE or row.left_at is not None:
        raise LinkGoneError
    found = link_of_row(row)
    used_up_elsewhere = found.used_up_at is not None and row.used_up_in != row.session_sha256
    if found.kind is not kind or found.has_ended(now) or used_up_elsewhere:
        raise LinkGoneError
    visit = Visit(found, key, row.session_sha256, row.began_at, row.ends_at, found.used_up_at is not None)
    return row, visit


def _write(connection: Connection, visit: Visit, **values: Any) -> None:
    mine = link_session.c.session_sha256 == visit.session_sha256
    connection.execute(update(link_session).where(mine).values(**values))
