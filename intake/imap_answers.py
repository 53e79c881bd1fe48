"""What an IMAP server answers, as values: the folder, a mail, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from imapclient.datetime_util import datetime_to_INTERNALDATE
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, ProtocolError

from intake.errors import MailboxBusyError, MailboxUnavailableError, TooMuchAtOnceError

BUSY = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[OVERQUOTA]", "TOO MANY", "TRY AGAIN")


class UnreadableAnswerError(Exception):
    """The server's answer about these mails is not IMAP; the connection may be out of step. Never leaves the room."""


class PastLimitError(OSError):
    """More came, or for longer, than one answer may: the connection is of no more use. Never leaves the room.

    An OSError, because imaplib turns its own errors into others of their kind on the way.
    """


@dataclass(frozen=True, slots=True)
class Folder:
    """What the server says of the folder it opened.

    Attributes:
        uidvalidity: Under which the UIDs mean something (RFC 3501 2.3.1.1).
        mails: How many there are.
        writable: Whether mails can be moved out of it.
        takes_keywords: Whether mails can be given a keyword of ours.
    """

    uidvalidity: int
    mails: int
    writable: bool
    takes_keywords: bool


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """What the server gave for one UID.

    Attributes:
        raw: The mail's bytes; None where the server has none to give (`BODY[] NIL`).
        internaldate: When the server received it, UTC; None where it does not say, or not in which zone.
        internaldate_text: The same as IMAP writes it, in the server's zone.
        flags: As the server wrote them; none where it does not say.
    """

    raw: bytes | None
    internaldate: datetime | None
    internaldate_text: str | None
    flags: tuple[str, ...]


@contextmanager
def speaking(act: str) -> Iterator[None]:
    """Turn what sockets and imapclient raise into our errors."""
    try:
        yield
    except PastLimitError as error:
        raise TooMuchAtOnceError(act, str(error)) from error
    except (IMAPClientAbortError, OSError, EOFError) as error:
        raise MailboxUnavailableError(act, f"{type(error).__name__}: {error}") from error
    except IMAPClientError as error:
        if isinstance(error, ProtocolError):
            raise UnreadableAnswerError(str(error)) from error
        if any(word in str(error).upper() for word in BUSY):
            raise MailboxBusyError(act, str(error)) from error
        raise
    except (ValueError, IndexError, TypeError, AttributeError, KeyError, AssertionError) as error:
        raise UnreadableAnswerError(f"{type(error).__name__}: {error}") from error


def mail_of(data: Any, body: Any) -> FetchedMail:
    """One mail from imapclient's answer to FETCH; a time without a zone says nothing and is left out."""
    at = data.get(b"INTERNALDATE")
    flags = data.get(b"FLAGS")
    aware = at if isinstance(at, datetime) and at.tzinfo else None
    return FetchedMail(
        raw=octets(body),
        internaldate=aware.astimezone(UTC) if aware else None,
        internaldate_text=datetime_to_INTERNALDATE(aware) if aware else None,
        flags=tuple(flag.decode("latin-1") if isinstance(flag, bytes) else str(flag) for flag in flags or ()),
    )


def octets(body: Any) -> bytes | None:
    """The body as bytes. A server may send a short one as a quoted string; one of digits is still text."""
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, int):
        return str(body).encode("ascii")
    raise TypeError(type(body).__name__)


class Meter:
    """Stands before what imaplib reads: one answer holds so many bytes and takes so long, whatever was announced.

    Without it a server could announce gigabytes for a mail of ten bytes, or chatter for ever: every byte of an answer
    is kept until its last line has come.
    """

    def __init__(self, connection: Any, *, most_bytes: int, most_seconds: float) -> None:
        self._most_bytes, self._most_seconds = most_bytes, most_seconds
        self._read, self._readline = connection.read, connection.readline
        # Both are imaplib's own places to put another way of reading into.
        connection.read, connection.readline = self.read, self.readline
        self.literals: list[bytes] = []
        self.begin()

    def begin(self) -> None:
        """The next answer."""
        self.literals = []
        self._left, self._until = self._most_bytes, monotonic() + self._most_seconds

    def read(self, size: int) -> bytes:
        """A literal of the announced size."""
        self._spend(size)
        literal: bytes = self._read(size)
        self.literals.append(literal)
        return literal

    def readline(self) -> bytes:
        """One line."""
        line: bytes = self._readline()
        self._spend(len(line))
        return line

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise PastLimitError(f"an answer of more than {self._most_bytes} bytes")
        if monotonic() > self._until:
            raise PastLimitError(f"an answer that took more than {self._most_seconds:.0f} seconds")
