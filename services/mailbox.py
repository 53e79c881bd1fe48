"""The desk's mailbox: pymap serves a Maildir over IMAP, `services.smtp` delivers into it.

`mail/desk/` is the desk's Maildir, with its subfolders; `mail/outbox/` is the Maildir of the outside world: everything
that was sent anywhere else, one file per recipient.
"""

from __future__ import annotations

import mailbox
import smtplib
import sys

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from pysasl.hashing import BuiltinHash

from services.home import Home, make_folder, write_private
from services.ports import LOOPBACK, Ports
from services.process import STOP_MAIL, STOP_STAND_INS, Process, python_environment

USER = "desk"
DESK_ADDRESS = "desk@holdfast.example"
SMTP_USER = "holdfast"
OUTBOX = "outbox"
CONNECT_SECONDS = 2.0
# The password is 192 random bits: stretching it would only slow each of the watcher's logins (0.15 s at 500,000).
HASH_ROUNDS = 1000


class ImapMailbox:
    """The IMAP server of one home."""

    def __init__(self, home: Home, ports: Ports) -> None:
        self._home = home
        self._port = ports["imap"]
        self.folder = home.folder("mail")

    @property
    def url(self) -> str:
        """Where the desk's inbox is; loopback, therefore without TLS."""
        return f"imap://{USER}:{self._home.secret('imap')}@{LOOPBACK}:{self._port}/INBOX"

    def process(self) -> Process:
        """How to run it."""
        return Process(
            name="imap",
            # Sieve and administration listen on fixed ports, which two homes cannot share.
            command=(
                *(sys.executable, "-m", "services.imap", "--no-service", "managesieve", "--no-service", "admin"),
                *("--host", LOOPBACK, "--port", str(self._port), "--no-tls", "maildir", str(self.folder)),
            ),
            # It writes messages in TMPDIR and renames them into the Maildir: both must be on one file system.
            environment=python_environment(self._home.temporary) | {"XDG_RUNTIME_DIR": str(self._home.temporary)},
            prepare=self.prepare,
            ready=self.is_ready,
            stop_order=STOP_MAIL,
        )

    def prepare(self) -> None:
        """Make the Maildirs and the password files."""
        for name in (USER, OUTBOX):
            mailbox.Maildir(self.folder / name, create=True)
            make_folder(self.folder / name)
        write_private(self.folder / "pymap-etc-passwd", f"{USER}:x::::{USER}:\n")
        digest = BuiltinHash(rounds=HASH_ROUNDS).hash(self._home.secret("imap"))
        write_private(self.folder / "pymap-etc-shadow", f"{USER}:{digest}:::::::\n")

    def is_ready(self) -> bool:
        """Whether the desk can log in."""
        try:
            with IMAPClient(LOOPBACK, self._port, ssl=False, timeout=CONNECT_SECONDS) as client:
                client.login(USER, self._home.secret("imap"))
        except (OSError, IMAPClientError):
            return False
        return True


class SmtpServer:
    """The SMTP server of one home: the force's for what we send, the world's for what is sent to the desk."""

    def __init__(self, home: Home, ports: Ports) -> None:
        self._home = home
        self._port = ports["smtp"]
        self.folder = home.folder("mail")

    @property
    def url(self) -> str:
        """Where mail can be sent; loopback, therefore without TLS."""
        return f"smtp://{SMTP_USER}:{self._home.secret('smtp')}@{LOOPBACK}:{self._port}"

    def process(self) -> Process:
        """How to run it."""
        return Process(
            name="smtp",
            command=(
                *(sys.executable, "-m", "services.smtp", "--port", str(self._port), "--mail", str(self.folder)),
                *("--desk", DESK_ADDRESS, "--user", SMTP_USER, "--password-file", str(self._home.secret_file("smtp"))),
            ),
            environment=python_environment(self._home.temporary),
            ready=self.is_ready,
            stop_order=STOP_STAND_INS,
        )

    def is_ready(self) -> bool:
        """Whether it greets."""
        try:
            with smtplib.SMTP(LOOPBACK, self._port, timeout=CONNECT_SECONDS) as client:
                client.noop()
        except (OSError, smtplib.SMTPException):
            return False
        return True

    def sent(self) -> list[bytes]:
        """What has been sent to anyone but the desk, oldest first, as it lies in the outbox: for tests and the demo."""
        folder = self.folder / OUTBOX / "new"
        return [path.read_bytes() for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)]
