"""Mails by SMTP: how an answer is written down, and how it is handed over. Only `replies.egress` calls this.

RFC 3834 throughout: a null envelope sender, so that no bounce comes back and nothing answers the answer; marked as an
automatic reply; plain text; nothing of hers repeated. The header names no product.
"""

from __future__ import annotations

import quopri
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

from intake.addresses import normal_email
from replies.errors import CarrierMisconfiguredError, UnsendableError
from replies.outcome import Outcome, Refused, Sent, Unknown

STEP_SECONDS: Final = 8.0
PORTS: Final = {"smtp": 587, "smtps": 465}
NULL_SENDER: Final = ""
DONE, GO_AHEAD = 250, 354
_LOCAL_NAME: Final = "localhost"


def letter(
    *,
    sender: str,
    to: str,
    subject: str,
    words: str,
    message_id: str,
    in_reply_to: str | None,
    at: datetime,
    submitted: str = "auto-replied",
) -> bytes:
    """The exact bytes of an answer by mail, lines ending in CRLF.

    Args:
        sender: Our own address.
        to: The recipient's.
        subject: Its subject.
        words: What it says.
        message_id: Its own Message-ID.
        in_reply_to: The Message-ID that is answered.
        at: Its Date.
        submitted: What Auto-Submitted says (RFC 3834 section 5): an answer is `auto-replied`, a notice is not one.

    Raises:
        UnsendableError: A value cannot stand in a header.
    """
    fields = {
        "From": sender,
        "To": to,
        "Subject": subject,
        "Date": format_datetime(at),
        "Message-ID": message_id,
        **({"In-Reply-To": in_reply_to, "References": in_reply_to} if in_reply_to else {}),
        "Auto-Submitted": submitted,
        "X-Auto-Response-Suppress": "All",
        "X-Loop": sender,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "7bit" if words.isascii() else "quoted-printable",
    }
    head = "".join(f"{name}: {_safe(name, value)}\r\n" for name, value in fields.items())
    body = words.encode() if words.isascii() else quopri.encodestring(words.encode())
    return head.encode("ascii") + b"\r\n" + b"\r\n".join(body.splitlines()) + b"\r\n"


def _safe(name: str, value: str) -> str:
    """A value that no header can be smuggled through."""
    if not value or not value.isascii() or not value.isprintable():
        raise UnsendableError(name)
    return value


@dataclass(frozen=True, slots=True)
class MailSender:
    """One SMTP server that takes our mail.

    Attributes:
        host: Where it is; `port` likewise.
        address: Our own address: the From of answers.
        tls: TLS from the first byte (smtps). Otherwise STARTTLS is used wherever the server offers it.
        login: User and password, if the server wants them.
        context: How its certificate is checked.
    """

    host: str
    port: int
    address: str
    tls: bool
    login: tuple[str, str] | None = field(default=None, repr=False)
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    def send(self, to: str, raw: bytes, message_id: str) -> Outcome:
        """Hand one mail over; the envelope sender is null and no delivery report is asked for."""
        try:
            server = self._connect()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Refused(f"the mail server did not take us: {_short(error)}; nothing was sent")
        except CarrierMisconfiguredError as error:
            return Refused(str(error))
        try:
            return _hand_over(server, to, raw, message_id)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _connect(self) -> smtplib.SMTP:
        if self.tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, _LOCAL_NAME, timeout=STEP_SECONDS, context=self.context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, _LOCAL_NAME, timeout=STEP_SECONDS)
        try:
            self._introduce(server)
        except BaseException:
            server.close()
            raise
        return server

    def _introduce(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        private = self.tls
        if not private and server.has_extn("starttls"):
            server.starttls(context=self.context)
            server.ehlo()
            private = True
        if self.login is None:
            return
        if not private and not _is_loopback(self.host):
            raise CarrierMisconfiguredError("the mail server offers no TLS: its password is not sent in the clear")
        server.login(*self.login)


def mail_sender(url: str, address: str, *, context: ssl.SSLContext | None = None) -> MailSender:
    """A sender from `smtp://[user:password@]host[:port]` or `smtps://…`.

    Args:
        url: Where and how; user and password percent-encoded.
        address: Our own address: the From of answers.
        context: How certificates are checked; the system's authorities where None.

    Raises:
        CarrierMisconfiguredError: The address or the URL is not usable.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        host = port = None
    if not host or not port or parts.scheme not in PORTS:
        raise CarrierMisconfiguredError("the mail server is written smtp://user:password@host:port or smtps://…")
    if normal_email(address) is None or not address.isascii():
        raise CarrierMisconfiguredError("our own mail address is not one that mails can come from")
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return MailSender(
        host, port, address.strip().lower(), parts.scheme == "smtps", login, context or ssl.create_default_context()
    )


def _hand_over(server: smtplib.SMTP, to: str, raw: bytes, message_id: str) -> Outcome:
    try:
        options = ["NOTIFY=NEVER"] if server.has_extn("dsn") else []
        for code, said in (server.mail(NULL_SENDER), server.rcpt(to, options)):
            if not 200 <= code < 300:  # noqa: PLR2004 - the class of answers that says yes
                return Refused(f"the mail server refused it: {code} {_shown(said)}")
        code, said = server.docmd("DATA")
    except (smtplib.SMTPException, OSError) as error:
        return Refused(f"the mail server left before the mail was sent: {_short(error)}")
    if code != GO_AHEAD:
        return Refused(f"the mail server refused it: {code} {_shown(said)}")
    # From here on the mail may be on its way whatever we hear.
    try:
        server.send(_stuffed(raw))
        code, said = server.getreply()
    except (smtplib.SMTPException, OSError) as error:
        return Unknown(f"the connection to the mail server was lost: {_short(error)}")
    return Sent(message_id) if code == DONE else Refused(f"the mail server refused it: {code} {_shown(said)}")


def _stuffed(raw: bytes) -> bytes:
    """The mail as it goes over the wire (RFC 5321 section 4.5.2)."""
    lines = raw.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == _LOCAL_NAME


def _short(error: BaseException) -> str:
    """What went wrong, without addresses: an SMTP server may repeat them."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    if isinstance(error, TimeoutError | socket.gaierror):
        return type(error).__name__
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def _shown(said: bytes) -> str:
    text = said.decode("ascii", "replace")
    return " ".join(word for word in text.split() if "@" not in word)[:200]
