"""One connection to one folder of an IMAP server: the few commands that the doors need, with bounded waits.

Nothing here changes a mail: bodies are fetched with `BODY.PEEK[]`, nothing is expunged, ENVELOPE and BODYSTRUCTURE are
never asked for (one mail that the server cannot parse would fail a whole batch). UIDs travel as lists of whole numbers:
imapclient 4 cannot read answers to `1:*`.
"""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, IMAPClientReadOnlyError

from intake.errors import InsecureMailboxError, LoginRefusedError, MailboxUnavailableError, NoSuchMailboxError
from intake.imap_answers import FetchedMail, Folder, Meter, UnreadableAnswerError, mail_of, octets, speaking
from intake.loopback import is_loopback
from intake.mailbox_url import ARCHIVED, MailboxUrl

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
# One answer: a chunk of mails whose sizes are true has half of it.
MOST_BYTES = 32 * 1024 * 1024
MOST_SECONDS = 900.0
HIGHEST_UID = 2**32 - 1
KEYWORD = b"$HoldfastArchived"
# UIDs in one answer to SEARCH: imaplib refuses lines of more than a million bytes.
SEARCH_STRIDE = 50_000
# How often a wait for mail looks whether it should end.
GLANCE_SECONDS = 0.5


class Mailbox:
    """A logged-in connection. Use as a context manager; not safe to share between threads."""

    def __init__(self, client: Any, url: MailboxUrl) -> None:
        self._client, self.url = client, url
        self.read_only = False
        """Whether the folder is opened so that nothing in it can be changed (EXAMINE)."""
        self._meter: Meter | None = None

    @classmethod
    def open(
        cls,
        url: MailboxUrl,
        *,
        tls: ssl.SSLContext | None = None,
        access_token: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> Self:
        """Connect and log in.

        Args:
            url: Where.
            access_token: Logs in by XOAUTH2, in the password's place.
            tls: Whom to trust; the system's authorities where None.
            connect_seconds: Longest wait for the connection.
            read_seconds: Longest wait for each piece of an answer.
            most_bytes: Most that one answer may hold.

        Raises:
            MailboxUnavailableError: The server is away or busy; try again.
            LoginRefusedError: It knows this account or password not.
            InsecureMailboxError: It offers no encryption.
        """
        try:
            with speaking("be reached"):
                client = IMAPClient(
                    url.host,
                    url.port,
                    ssl=url.tls,
                    ssl_context=tls or ssl.create_default_context() if url.tls else None,
                    timeout=SocketTimeout(connect=connect_seconds, read=read_seconds),
                )
        except (IMAPClientError, UnreadableAnswerError) as error:
            # A greeting that is not OK: servers say BYE to whom they have no room for.
            raise MailboxUnavailableError("be reached", str(error)) from error
        # Otherwise imapclient turns INTERNALDATE into the machine's local time and drops the zone.
        client.normalise_times = False
        mailbox = cls(client, url)
        try:
            # imapclient shows what it reads by to nobody.
            inner = client._imap  # noqa: SLF001
            mailbox._meter = Meter(inner, most_bytes=most_bytes, most_seconds=MOST_SECONDS)
            mailbox._secure(tls)
            mailbox._login(access_token)
        except BaseException:
            mailbox.drop()
            raise
        return mailbox

    def _secure(self, tls: ssl.SSLContext | None) -> None:
        if self.url.tls or is_loopback(self.url.host):
            return
        if not self._has("STARTTLS"):
            raise InsecureMailboxError(self.url.host)
        try:
            with self._asking("encrypt the connection"):
                self._client.starttls(tls or ssl.create_default_context())
        except (IMAPClientError, UnreadableAnswerError) as error:
            raise MailboxUnavailableError("encrypt the connection", str(error)) from error

    def _login(self, access_token: str | None) -> None:
        try:
            with self._asking("log in"):
                if access_token is None:
                    self._client.login(self.url.user, self.url.password)
                else:
                    bearer = f"user={self.url.user}\1auth=Bearer {access_token}\1\1"
                    # A server that refuses says why in a challenge, and wants an empty answer before its NO.
                    self._client.sasl_login("XOAUTH2", lambda challenge: b"" if challenge else bearer)
        except IMAPClientError as error:
            # imapclient says "login error" also where the connection was lost meanwhile.
            if isinstance(error.__context__, IMAPClientAbortError):
                raise MailboxUnavailableError("log in", str(error)) from error
            raise LoginRefusedError(self.url.host, str(error)) from error
        except UnreadableAnswerError as error:
            raise MailboxUnavailableError("log in", str(error)) from error

    @contextmanager
    def _asking(self, act: str) -> Iterator[None]:
        """Around one command: its answer has bounds of its own."""
        if self._meter is not None:
            self._meter.begin()
        with speaking(act):
            yield

    def _has(self, capability: str) -> bool:
        try:
            with self._asking("say what it can do"):
                return bool(self._client.has_capability(capability))
        except (IMAPClientError, UnreadableAnswerError) as error:
            raise MailboxUnavailableError("say what it can do", str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.drop()

    def close(self) -> None:
        """Log out; a server that is gone is no matter."""
        try:
            self._client.logout()
        except (IMAPClientError, OSError, ValueError):
            self.drop()

    def drop(self) -> None:
        """Cut the connection without a word: it may be out of step."""
        try:
            self._client.shutdown()
        except (IMAPClientError, OSError):
            return

    @property
    def can_move(self) -> bool:
        """Whether the server has MOVE (RFC 6851)."""
        return self._has("MOVE")

    @property
    def can_idle(self) -> bool:
        """Whether the server has IDLE (RFC 2177)."""
        return self._has("IDLE")

    def select(self) -> Folder:
        """Open the folder, or open it again: what it says is fresh each time.

        Raises:
            NoSuchMailboxError: The account has no such folder.
            MailboxUnavailableError: The server is away or busy, or gave no UIDVALIDITY.
        """
        try:
            with self._asking("open the folder"):
                try:
                    answer = self._client.select_folder(self.url.folder, readonly=self.read_only)
                    writable = not self.read_only
                except IMAPClientReadOnlyError:
                    answer, writable = self._client.select_folder(self.url.folder, readonly=True), False
                allowed = {flag.lower() for flag in answer.get(b"PERMANENTFLAGS", ())}
                return Folder(
                    uidvalidity=int(answer[b"UIDVALIDITY"]),
                    mails=int(answer[b"EXISTS"]),
                    writable=writable,
                    takes_keywords=writable and bool({b"\\*", KEYWORD.lower()} & allowed),
                )
        except UnreadableAnswerError as error:
            raise MailboxUnavailableError("open the folder", str(error)) from error
        except IMAPClientError as error:
            raise NoSuchMailboxError(self.url.folder, str(error)) from error

    def uids(self, mails: int) -> list[int]:
        """The UIDs of every mail in the folder, lowest first.

        Asked for by position, from the newest down: mails that another connection moves away meanwhile shift the later
        ones down, into a stretch still to come, so none is passed over.
        """
        found: set[int] = set()
        try:
            # Also where there are none, it says: a folder it holds for empty may not be.
            for last in range(max(mails, 1), 0, -SEARCH_STRIDE):
                stretch = f"{max(1, last - SEARCH_STRIDE + 1)}:{last}"
                with self._asking("list its mails"):
                    found.update(self._client.search(stretch if mails > SEARCH_STRIDE else "ALL"))
        except (IMAPClientError, UnreadableAnswerError) as error:
            raise MailboxUnavailableError("list its mails", str(error)) from error
        return sorted(uid for uid in found if 0 < uid <= HIGHEST_UID)

    def still_there(self, uids: Sequence[int]) -> set[int]:
        """Which of these UIDs the folder still holds."""
        try:
            with self._asking("look for mails"):
                answer = self._client.search(["UID", ",".join(map(str, uids))])
        except (IMAPClientError, UnreadableAnswerError) as error:
            raise MailboxUnavailableError("look for mails", str(error)) from error
        return set(uids) & set(answer)

    def archived_folder(self) -> str | None:
        """The full name of the folder that archived mails are moved to; None while there is none."""
        try:
            with self._asking("look for the folder of archived mails"):
                name = self._archived()
                return name if self._client.folder_exists(name) else None
        except (IMAPClientError, UnreadableAnswerError) as error:
            raise MailboxUnavailableError("look for the folder of archived mails", str(error)) from error

    def dates_and_sizes(self, uids: Sequence[int]) -> dict[int, tuple[datetime | None, int]]:
        """INTERNALDATE and stated size of each mail; mails may be missing."""
        try:
            with self._asking("describe mails"):
                answer = self._client.fetch(list(uids), [b"RFC822.SIZE", b"INTERNALDATE"])
                return {
                    uid: (mail_of(data, None).internaldate, int(data[b"RFC822.SIZE"]))
                    for uid, data in answer.items()
                    if b"RFC822.SIZE" in data
                }
        except (IMAPClientError, UnreadableAnswerError) as error:
            raise MailboxUnavailableError("describe mails", str(error)) from error

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """What the server says the size of each mail is; it may be wrong, and mails may be missing."""
        with self._asking("say how large mails are"):
            answer = self._client.fetch(list(uids), [b"RFC822.SIZE"])
            return {uid: int(data[b"RFC822.SIZE"]) for uid, data in answer.items() if b"RFC822.SIZE" in data}

    def fetch(self, uids: Sequence[int]) -> dict[int, FetchedMail]:
        """Whole mails, unaltered and not marked as read.

        Raises:
            IMAPClientError: The server said NO, to all of them.
            UnreadableAnswerError: Its answer is not IMAP: drop the connection.
            MailboxUnavailableError: The connection is lost.
        """
        with self._asking("give mails"):
            answer = self._client.fetch(list(uids), [b"BODY.PEEK[]", b"INTERNALDATE", b"FLAGS"])
            found = {uid: mail_of(data, data[b"BODY[]"]) for uid, data in answer.items() if b"BODY[]" in data}
            self._require_one_body_each(len(found))
            return found

    def _require_one_body_each(self, mails: int) -> None:
        """A server that gives two bodies for one UID: which one is kept must not be a matter of chance."""
        literals = self._meter.literals if self._meter else []
        if len(literals) > mails and len(set(literals)) > mails:
            raise UnreadableAnswerError("more bodies than mails")

    def facts(self, uid: int) -> FetchedMail | None:
        """INTERNALDATE and flags of a mail whose body is fetched in pieces; None where it is gone."""
        with self._asking("describe a mail"):
            data = self._client.fetch([uid], [b"INTERNALDATE", b"FLAGS"]).get(uid)
            return mail_of(data, None) if data else None

    def piece(self, uid: int, offset: int, most: int) -> bytes | None:
        """Up to `most` bytes of a mail from `offset`; empty past its end, None where the server has none to give."""
        with self._asking("give a piece of a mail"):
            data = self._client.fetch([uid], [f"BODY.PEEK[]<{offset}.{most}>"]).get(uid, {})
            return octets(data.get(f"BODY[]<{offset}>".encode()))

    def move(self, uids: Sequence[int]) -> None:
        """Move mails to `Archived`, which is made where it is missing.

        Raises:
            MailboxUnavailableError: They are not, or not all, moved; the next look at the folder finds them.
        """
        try:
            with self._asking("move mails"):
                target = self._archived()
                if not self._client.folder_exists(target):
                    self._create(target)
                self._client.move(list(uids), target)
        except (IMAPClientError, UnreadableAnswerError) as error:
            raise MailboxUnavailableError("move mails", str(error)) from error

    def _create(self, target: str) -> None:
        try:
            self._client.create_folder(target)
        except IMAPClientAbortError:
            raise
        except IMAPClientError:
            # Another worker may have been quicker.
            if not self._client.folder_exists(target):
                raise

    def _archived(self) -> str:
        """The folder's full name: some servers keep personal folders under a prefix (RFC 2342)."""
        if not self._client.has_capability("NAMESPACE"):
            return ARCHIVED
        personal = self._client.namespace().personal
        return f"{personal[0][0]}{ARCHIVED}" if personal else ARCHIVED

    def mark(self, uids: Sequence[int]) -> None:
        """Give mails our keyword, where the server cannot move them."""
        try:
            with self._asking("mark mails"):
                self._client.add_flags(list(uids), [KEYWORD], silent=True)
        except (IMAPClientError, UnreadableAnswerError) as error:
            raise MailboxUnavailableError("mark mails", str(error)) from error

    def idle(self, seconds: float, ended: Callable[[], bool]) -> bool:
        """Wait until the server has something to say, `seconds` are over or `ended()`.

        The socket is only watched here, never read: what imapclient's `idle_check` answers at once, again and again,
        on a dead connection is an error here, because DONE is always sent and its answer awaited.

        Returns:
            Whether a mail may have come.

        Raises:
            MailboxUnavailableError: The connection is lost or frozen.
        """
        try:
            with self._asking("be watched"):
                self._client.idle()
                self._watch(seconds, ended)
                _, said = self._client.idle_done()
        except (IMAPClientError, UnreadableAnswerError) as error:
            raise MailboxUnavailableError("be watched", str(error)) from error
        return any(len(line) > 1 and line[1] in {b"EXISTS", b"RECENT"} for line in said)

    def _watch(self, seconds: float, ended: Callable[[], bool]) -> None:
        poller = select.poll()
        poller.register(self._client.socket().fileno(), select.POLLIN)
        until = time.monotonic() + seconds
        while not ended() and (left := until - time.monotonic()) > 0:
            if poller.poll(min(left, GLANCE_SECONDS) * 1000):
                return
