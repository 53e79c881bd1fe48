"""What the Twilio stand-in remembers, in one SQLite file: messages, media, who said STOP, where the webhook is."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, sid TEXT NOT NULL UNIQUE, direction TEXT NOT NULL,
    sender TEXT NOT NULL, recipient TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, idempotency_token TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS media (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, sid TEXT NOT NULL UNIQUE, message_sid TEXT NOT NULL,
    content_type TEXT NOT NULL, content BLOB NOT NULL, cdn_token TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS media_of_message ON media (message_sid);
CREATE TABLE IF NOT EXISTS opted_out (number TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS outcome (number TEXT PRIMARY KEY, status TEXT NOT NULL, error_code INTEGER);
CREATE TABLE IF NOT EXISTS failure (sid TEXT PRIMARY KEY, error_code INTEGER);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
COLUMNS = "seq, sid, direction, sender, recipient, body, status, created_at, updated_at, idempotency_token"
NEVER_ARRIVED = {"undelivered", "failed"}
INBOUND, OUTBOUND = "inbound", "outbound-api"


@dataclass(frozen=True, slots=True)
class Message:
    """One text, in or out; times are whole seconds since 1970, as Twilio shows no finer ones."""

    seq: int
    sid: str
    direction: str
    sender: str
    recipient: str
    body: str
    status: str
    created_at: int
    updated_at: int
    idempotency_token: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a text on its way: Twilio's last status for it, and its number for why not."""

    status: str = "delivered"
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or other file that came with a text."""

    sid: str
    message_sid: str
    content_type: str
    content: bytes
    cdn_token: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file about to be sent with a text."""

    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Search:
    """Which messages a listing asks for; None: any. Times are inclusive."""

    sender: str | None = None
    recipient: str | None = None
    sent_from: int | None = None
    sent_until: int | None = None


def now() -> int:
    """The time, in whole seconds since 1970."""
    return int(datetime.now(UTC).timestamp())


class Store:
    """The stand-in's memory; usable from any thread."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.executescript(SCHEMA)
        self._lock = threading.Lock()

    def add(
        self,
        direction: str,
        sender: str,
        recipient: str,
        body: str,
        status: str,
        attachments: Sequence[Attachment] = (),
    ) -> Message:
        """Remember a new message and its media."""
        sid = ("MM" if attachments else "SM") + secrets.token_hex(16)
        at = now()
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO message (sid, direction, sender, recipient, body, status, created_at, updated_at,"
                " idempotency_token) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (sid, direction, sender, recipient, body, status, at, at, secrets.token_hex(16)),
            )
            for attachment in attachments:
                connection.execute(
                    "INSERT INTO media (sid, message_sid, content_type, content, cdn_token, created_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        f"ME{secrets.token_hex(16)}",
                        sid,
                        attachment.content_type,
                        attachment.content,
                        secrets.token_hex(16),
                        at,
                    ),
                )
        message = self.message(sid)
        if message is None:
            raise LookupError(sid)
        return message

    def message(self, sid: str) -> Message | None:
        """One message, or None."""
        rows = self._query(f"SELECT {COLUMNS} FROM message WHERE sid = ?", sid)  # noqa: S608 - a constant
        return Message(*rows[0]) if rows else None

    def messages(self, search: Search, *, before: int | None, limit: int) -> list[Message]:
        """Messages, newest first, at most `limit`, older than the one numbered `before`."""
        rows = self._query(
            f"SELECT {COLUMNS} FROM message"  # noqa: S608 - a constant
            " WHERE (?1 IS NULL OR sender = ?1) AND (?2 IS NULL OR recipient = ?2) AND (?3 IS NULL OR created_at >= ?3)"
            " AND (?4 IS NULL OR created_at <= ?4) AND (?5 IS NULL OR seq < ?5) ORDER BY seq DESC LIMIT ?6",
            *(search.sender, search.recipient, search.sent_from, search.sent_until, before, limit),
        )
        return [Message(*row) for row in rows]

    def seen_by(self, number: str) -> list[Message]:
        """What the handset with this number has sent and received, oldest first."""
        rows = self._query(
            f"SELECT {COLUMNS} FROM message WHERE sender = ?1 OR recipient = ?1 ORDER BY seq",  # noqa: S608 - a constant
            number,
        )
        return [message for row in rows if (message := Message(*row)).status not in NEVER_ARRIVED]

    def set_status(self, sid: str, status: str) -> None:
        """Record how far a message has come."""
        with self._transaction() as connection:
            connection.execute("UPDATE message SET status = ?, updated_at = ? WHERE sid = ?", (status, now(), sid))

    def redact(self, sid: str) -> None:
        """Forget a message's text."""
        with self._transaction() as connection:
            connection.execute("UPDATE message SET body = '', updated_at = ? WHERE sid = ?", (now(), sid))

    def delete(self, sid: str) -> None:
        """Forget a message and its media."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM media WHERE message_sid = ?", (sid,))
            connection.execute("DELETE FROM message WHERE sid = ?", (sid,))

    def media(self, message_sid: str) -> list[Media]:
        """The media of a message, in order."""
        return self._media("WHERE message_sid = ? ORDER BY seq", message_sid)

    def one_media(self, message_sid: str, sid: str) -> Media | None:
        """One of a message's media, or None."""
        return next(iter(self._media("WHERE message_sid = ? AND sid = ?", message_sid, sid)), None)

    def media_by_token(self, cdn_token: str) -> Media | None:
        """The media that a CDN address names, or None."""
        return next(iter(self._media("WHERE cdn_token = ?", cdn_token)), None)

    def delete_media(self, sid: str) -> None:
        """Forget one of a message's media."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM media WHERE sid = ?", (sid,))

    def opt_out(self, number: str) -> None:
        """Remember that this number wants nothing more."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO opted_out VALUES (?)", (number,))

    def opt_in(self, number: str) -> None:
        """Remember that this number wants texts again."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM opted_out WHERE number = ?", (number,))

    def has_opted_out(self, number: str) -> bool:
        """Whether this number wants nothing more."""
        return bool(self._query("SELECT 1 FROM opted_out WHERE number = ?", number))

    def set_outcome(self, number: str, outcome: Outcome) -> None:
        """Remember what becomes of every text to this number from now on."""
        with self._transaction() as connection:
            row = (number, outcome.status, outcome.error_code)
            connection.execute("INSERT OR REPLACE INTO outcome VALUES (?, ?, ?)", row)

    def outcome_for(self, number: str) -> Outcome:
        """What becomes of a text to this number: it arrives, unless something else was asked for."""
        rows = self._query("SELECT status, error_code FROM outcome WHERE number = ?", number)
        return Outcome(*rows[0]) if rows else Outcome()

    def note_failure(self, sid: str, error_code: int | None) -> None:
        """Remember why a message did not arrive."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO failure VALUES (?, ?)", (sid, error_code))

    def failure_of(self, sid: str) -> int | None:
        """Why a message did not arrive, by Twilio's number; None where it did or nothing is known."""
        rows = self._query("SELECT error_code FROM failure WHERE sid = ?", sid)
        return rows[0][0] if rows else None

    def setting(self, name: str) -> str | None:
        """A remembered setting, or None."""
        rows = self._query("SELECT value FROM setting WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def set_setting(self, name: str, value: str) -> None:
        """Remember a setting."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def _media(self, where: str, *values: str) -> list[Media]:
        columns = "sid, message_sid, content_type, content, cdn_token, created_at"
        return [Media(*row) for row in self._query(f"SELECT {columns} FROM media {where}", *values)]  # noqa: S608 - constants

    def _query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
