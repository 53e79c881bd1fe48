"""Get the bytes of announced mails out of a server that may break, lie or stop at any point. Knows no archive.

Mails travel in chunks bounded by count and bytes; larger ones in pieces. Where a chunk fails, its mails are asked for
one by one, so that one mail the server cannot give never keeps others out. What it cannot give at all is a `Gap`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import structlog
from imapclient.exceptions import IMAPClientError

from intake.errors import (
    MailboxBusyError,
    MailboxUnavailableError,
    TooMuchAtOnceError,
    UidValidityChangedError,
)
from intake.imap import Mailbox
from intake.imap_answers import FetchedMail, Folder, UnreadableAnswerError

MIB = 1024 * 1024
ATTEMPTS = 3
NO_BODY = "the server has no body to give (NIL)"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is asked for at once.

    Attributes:
        mails: Mails in one chunk.
        chunk_bytes: Bytes in one chunk, as far as the server's sizes are true; a larger mail comes in pieces.
        piece_bytes: Bytes in one piece.
        mail_bytes: A larger mail is a gap: it would not fit into memory with its copies.
    """

    mails: int = 50
    chunk_bytes: int = 16 * MIB
    piece_bytes: int = 4 * MIB
    mail_bytes: int = 512 * MIB


@dataclass(frozen=True, slots=True)
class Retrieved:
    """One mail's bytes, with what the server said about them.

    Attributes:
        uid: Its UID.
        mail: What the server gave.
        raw: Its bytes.
        stated_size: What the server said its size is, where that is not true.
    """

    uid: int
    mail: FetchedMail
    raw: bytes
    stated_size: int | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A mail that the server lists but does not give."""

    uid: int
    because: str


class Line:
    """A connection to one folder that is opened again when it breaks; the UIDVALIDITY is checked each time."""

    def __init__(self, open_mailbox: Callable[[], Mailbox], uidvalidity: int) -> None:
        self._open, self._uidvalidity = open_mailbox, uidvalidity
        self._mailbox: Mailbox | None = None
        self._folder: Folder | None = None

    def mailbox(self) -> tuple[Mailbox, Folder]:
        """The open connection and its folder.

        Raises:
            UidValidityChangedError: The folder is not the one the UIDs were announced for.
        """
        if self._mailbox is None or self._folder is None:
            self._mailbox = self._open()
            self._folder = self._mailbox.select()
            if self._folder.uidvalidity != self._uidvalidity:
                raise UidValidityChangedError(self._mailbox.url.folder, self._uidvalidity, self._folder.uidvalidity)
        return self._mailbox, self._folder

    def drop(self) -> None:
        """Cut the connection: it broke, or is out of step."""
        if self._mailbox is not None:
            self._mailbox.drop()
        self._mailbox = self._folder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._mailbox is not None:
            self._mailbox.close()


def retrieve(line: Line, uids: Sequence[int], limits: Limits) -> Iterator[list[Retrieved | Gap]]:
    """The bytes of these mails, chunk by chunk. Mails that are gone from the folder are passed over.

    Raises:
        MailboxUnavailableError: The server is away; what was not yielded is still in its folder.
        UidValidityChangedError: See `Line.mailbox`.
    """
    sizes = _sizes(line, uids)
    chunk: list[int] = []
    for uid in sorted(sizes):
        size = sizes[uid]
        if size is None or size > limits.chunk_bytes:
            yield _found(_in_pieces(line, uid, size, limits))
            continue
        together = sum(sizes[other] or 0 for other in chunk)
        if chunk and (len(chunk) >= limits.mails or together + size > limits.chunk_bytes):
            yield _chunk(line, chunk, sizes, limits)
            chunk = []
        chunk.append(uid)
    if chunk:
        yield _chunk(line, chunk, sizes, limits)


def _found(one: Retrieved | Gap | None) -> list[Retrieved | Gap]:
    return [one] if one is not None else []


def _sizes(line: Line, uids: Sequence[int]) -> dict[int, int | None]:
    """What each mail's size is said to be; None where the server does not say, nothing where the mail is gone."""
    try:
        stated: dict[int, int] = line.mailbox()[0].sizes(uids)
    except MailboxBusyError:
        raise
    except (IMAPClientError, UnreadableAnswerError, MailboxUnavailableError) as error:
        log.warning("mailbox.no_sizes", because=type(error).__name__, mails=len(uids))
        line.drop()
        stated = {}
    unsaid = [uid for uid in uids if uid not in stated]
    present = line.mailbox()[0].still_there(unsaid) if unsaid else set()
    return {uid: stated.get(uid) for uid in uids if uid in stated or uid in present}


def _chunk(line: Line, uids: Sequence[int], sizes: dict[int, int | None], limits: Limits) -> list[Retrieved | Gap]:
    try:
        answer = line.mailbox()[0].fetch(uids)
    except MailboxBusyError:
        raise
    except IMAPClientError:
        answer = {}  # a plain NO: the connection is good
    except (UnreadableAnswerError, MailboxUnavailableError) as error:
        log.warning("mailbox.chunk_failed", because=type(error).__name__, mails=len(uids))
        line.drop()
        answer = {}
    results: list[Retrieved | Gap] = []
    for uid in uids:
        mail, size = answer.get(uid), sizes[uid]
        if mail is not None and mail.raw and len(mail.raw) == size:
            results.append(Retrieved(uid, mail, mail.raw))
        else:
            results.extend(_found(_single(line, uid, size, mail, limits)))
    return results


def _single(
    line: Line, uid: int, size: int | None, before: FetchedMail | None, limits: Limits
) -> Retrieved | Gap | None:
    """One mail by itself, up to three times. Other bytes than its stated size are taken once two answers agree.

    For a mail that another connection moved away a server may go on answering, with nothing at all (RFC 2180, section
    4.1). So no bytes are taken for a mail of none only where a new connection gives none either, and its size is 0.
    """
    because, is_known_empty = "no answer", False
    for _ in range(ATTEMPTS):
        try:
            answer = _asked_once(line, uid)
        except TooMuchAtOnceError:
            # Its size is not what it was said to be.
            line.drop()
            return _in_pieces(line, uid, size, limits)
        if answer is None:
            return None
        if isinstance(answer, str):
            because = answer
            continue
        raw = answer.raw or b""
        if not raw and not (size == 0 and is_known_empty):
            because, is_known_empty = f"the server gives no byte of it, and says that it has {size}", True
            line.drop()
        elif len(raw) == size or (before is not None and before.raw == raw):
            return Retrieved(uid, answer, raw, stated_size=None if len(raw) == size else size)
        else:
            because, before = "the server gives other bytes each time, none of the stated size", answer
    return Gap(uid, because)


def _asked_once(line: Line, uid: int) -> FetchedMail | str | None:
    """One mail, or why the server does not give it; None where it is gone."""
    try:
        mail = line.mailbox()[0].fetch([uid]).get(uid)
    except (MailboxBusyError, TooMuchAtOnceError):
        raise
    except IMAPClientError as error:
        return f"the server said NO: {error}"
    except (UnreadableAnswerError, MailboxUnavailableError) as error:
        line.drop()
        return str(error)
    if mail is not None and mail.raw is not None:
        return mail
    if mail is None and not line.mailbox()[0].still_there([uid]):
        return None
    # A connection that does not know yet that the mail was moved away: the next one does.
    line.drop()
    return NO_BODY if mail else "the server answered with nothing"


def _in_pieces(line: Line, uid: int, size: int | None, limits: Limits) -> Retrieved | Gap | None:
    """A large mail, or one of unknown size, piece by piece until the server has no more."""
    if size is not None and size > limits.mail_bytes:
        return Gap(uid, f"it has {size} bytes, more than {limits.mail_bytes}")
    because, is_known_empty = "no answer", False
    for _ in range(ATTEMPTS):
        try:
            facts = line.mailbox()[0].facts(uid)
            if facts is None:
                return None
            raw = _pieces(line.mailbox()[0], uid, size, limits)
        except MailboxBusyError:
            raise
        except IMAPClientError as error:
            because = f"the server said NO: {error}"
            continue
        except (UnreadableAnswerError, MailboxUnavailableError) as error:
            because = str(error)
            line.drop()
            continue
        if raw is None:
            because = NO_BODY
        elif not raw and (size or not is_known_empty):
            because, is_known_empty = f"the server gives no byte of it, and says that it has {size}", True
            line.drop()
        elif len(raw) > limits.mail_bytes:
            because = f"it has more than {limits.mail_bytes} bytes"
        else:
            return Retrieved(uid, facts, raw, stated_size=size if len(raw) != size else None)
    return Gap(uid, because)


def _pieces(mailbox: Mailbox, uid: int, size: int | None, limits: Limits) -> bytes | None:
    """Every piece from the start until one is empty, or short where the stated size is reached."""
    whole = bytearray()
    while len(whole) <= limits.mail_bytes:
        piece = mailbox.piece(uid, len(whole), limits.piece_bytes)
        if piece is None and not whole:
            return None
        whole += piece or b""
        if not piece or (len(piece) < limits.piece_bytes and len(whole) == size):
            break
    return bytes(whole)
