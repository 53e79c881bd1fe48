"""What an IMAP server answers, as values: the folder, a mail, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imapclient.datetime_util import datetime_to_INTERNALDATE
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, ProtocolError

from intake.errors import MailboxBusyError, MailboxUnavailableError

BUSY = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[OVERQUOTA]", "TOO MANY", "TRY AGAIN")


class UnreadableAnswerError(Exception):
    """The server's answer about these mails is not IMAP; the connection may be out of step. Never leaves the room."""


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
        flags: As the server wrote them.
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
    aware = at if isinstance(at, datetime) and at.tzinfo else None
    return FetchedMail(
        raw=octets(body),
        internaldate=aware.astimezone(UTC) if aware else None,
        internaldate_text=datetime_to_INTERNALDATE(aware) if aware else None,
        flags=tuple(flag.decode("latin-1") if isinstance(flag, bytes) else str(flag) for flag in data[b"FLAGS"] or ()),
    )


def octets(body: Any) -> bytes | None:
    """The body as bytes. A server may send a short one as a quoted string; one of digits is still text."""
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, int):
        return str(body).encode("ascii")
    raise TypeError(type(body).__name__)
