"""Signed-in sessions, kept on the server: the browser holds an opaque number, the database its digest.

So a session can be ended at once, here or by an administrator, and a stolen copy of the database opens none.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from flask import Response
from sqlalchemy import Connection, insert, select, update

from archive.tables import session
from web.accounts import Account, account_of

TOKEN_BYTES: Final = 32
IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=10)
# Not written again for every page.
SEEN_AGAIN_AFTER: Final = timedelta(minutes=1)


def cookie_name(*, secure: bool) -> str:
    """`__Host-` binds the cookie to this host and to HTTPS; browsers refuse that name over plain HTTP."""
    return "__Host-holdfast" if secure else "holdfast"


def begin(connection: Connection, account_id: UUID, *, now: datetime) -> str:
    """Begin a session.

    Returns:
        The token for the browser; kept nowhere else.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    connection.execute(
        insert(session).values(
            token_sha256=_digest(token), account_id=account_id, began_at=now, seen_at=now, ends_at=now + LONGEST
        )
    )
    return token


def resume(connection: Connection, token: str, *, now: datetime) -> Account | None:
    """Whose session this is, or None where it is unknown, ended, idle for too long or too old."""
    row = connection.execute(select(session).where(session.c.token_sha256 == _digest(token))).first()
    if row is None or row.revoked_at is not None or now >= row.ends_at or now - row.seen_at > IDLE:
        return None
    if now - row.seen_at > SEEN_AGAIN_AFTER:
        connection.execute(update(session).where(session.c.token_sha256 == row.token_sha256).values(seen_at=now))
    return account_of(connection, row.account_id)


def end(connection: Connection, token: str, *, now: datetime) -> None:
    """End one session."""
    connection.execute(update(session).where(session.c.token_sha256 == _digest(token)).values(revoked_at=now))


def end_all(connection: Connection, account_id: UUID, *, now: datetime) -> None:
    """End every session of an account: its password has changed."""
    mine = (session.c.account_id == account_id) & session.c.revoked_at.is_(None)
    connection.execute(update(session).where(mine).values(revoked_at=now))


def set_cookie(response: Response, token: str, *, secure: bool) -> None:
    """Give the browser its token, until it is closed or the session ends."""
    response.set_cookie(cookie_name(secure=secure), token, secure=secure, httponly=True, samesite="Lax", path="/")


def clear_cookie(response: Response, *, secure: bool) -> None:
    """Take the token back."""
    response.delete_cookie(cookie_name(secure=secure), secure=secure, httponly=True, samesite="Lax", path="/")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
