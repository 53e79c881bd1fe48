"""An SMTP server for one machine: mail for the desk goes into its Maildir, all other mail into the outbox.

`python -m services.smtp --port 2525 --mail FOLDER --desk ADDRESS --user NAME --password-file FILE`

Like a real one it takes mail for its own address from anybody and relays only for those who logged in. Nothing ever
leaves the machine: relaying means the Maildir `outbox`. Each recipient's copy begins with the lines a delivering server
adds (`Return-Path`, `Delivered-To`, `Received`); after them stand the bytes as they were sent. An answer of 250 means:
on disk. A disk that is full, or gone, is answered with 451: try again.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import logging
import mailbox
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from services.mailbox import OUTBOX, USER
from services.ports import LOOPBACK

HOST_NAME = "mail.holdfast.example"
SIZE_LIMIT_BYTES = 64 * 2**20
# RFC 5321 says 1,000; HTML mail in the wild does not keep to it.
LINE_LIMIT_BYTES = 2**16

log = logging.getLogger(__name__)


class Server(SMTP):
    """aiosmtpd's server, with lines as long as real servers take."""

    line_length_limit = LINE_LIMIT_BYTES


# No slots: aiosmtpd inspects its handler; up to Python 3.11.2, Debian 12's, a slotted dataclass cannot be inspected.
@dataclass(frozen=True)
class Postman:
    """Decides who may send where, and delivers."""

    mail: Path
    desk: str
    user: str
    password: str

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        """Check a login by PLAIN or LOGIN."""
        if mechanism not in {"PLAIN", "LOGIN"} or not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        known = hmac.compare_digest(data.login, self.user.encode())
        right = hmac.compare_digest(data.password, self.password.encode())
        # Not handled: aiosmtpd shall answer 535.
        return AuthResult(success=known and right, handled=False)

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take mail for the desk from anybody; for others only from who logged in (RFC 4954: 530)."""
        if not self._is_desk(address) and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - see above
        """Deliver a copy to each recipient; 451 when it could not be written."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        try:
            for recipient in envelope.rcpt_tos:
                folder = self.mail / (USER if self._is_desk(recipient) else OUTBOX)
                trace = _trace(_bare(envelope.mail_from), recipient, session.host_name or "unknown")
                mailbox.Maildir(folder, create=True).add(trace + content)
        except OSError as error:
            log.warning("delivery failed: %s", error.strerror)
            return "451 4.3.0 Could not be written, try again"
        return "250 2.0.0 Delivered"

    def _is_desk(self, address: str) -> bool:
        return address.casefold() == self.desk.casefold()


def _bare(sender: str | None) -> str:
    """The sender's address; empty for the null sender, which aiosmtpd gives with its brackets."""
    return "" if sender in {None, "<>"} else str(sender)


def _trace(sender: str, recipient: str, greeted_as: str) -> bytes:
    """What a delivering server writes above a message (RFC 5321 section 4.4)."""
    lines = (
        f"Return-Path: <{sender}>",
        f"Delivered-To: {recipient}",
        f"Received: from {greeted_as} ([{LOOPBACK}]) by {HOST_NAME} with ESMTP",
        f"\tfor <{recipient}>; {format_datetime(datetime.now(UTC))}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")


async def serve(postman: Postman, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)

    def connection() -> SMTP:
        return Server(
            postman,
            data_size_limit=SIZE_LIMIT_BYTES,
            enable_SMTPUTF8=True,
            hostname=HOST_NAME,
            ident="Holdfast demonstration mail",
            authenticator=postman.authenticate,
            # Loopback only: the password does not pass a wire.
            auth_require_tls=False,
            loop=loop,
        )

    server = await loop.create_server(connection, LOOPBACK, port)
    await end.wait()
    server.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m services.smtp", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mail", type=Path, required=True, help="the folder with the Maildirs")
    parser.add_argument("--desk", required=True, help="the address whose mail is delivered to the desk")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    password = options.password_file.read_text(encoding="utf-8")
    asyncio.run(serve(Postman(options.mail, options.desk, options.user, password), options.port))


if __name__ == "__main__":
    main()
