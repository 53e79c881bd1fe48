"""Where a mailbox is, from a setting: `imaps://user:password@host:port/FOLDER`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from intake.errors import MailboxUrlError

PORTS = {"imap": 143, "imaps": 993}
INBOX = "INBOX"
ARCHIVED = "Archived"


@dataclass(frozen=True, slots=True)
class MailboxUrl:
    """One folder of one account.

    Attributes:
        user: The login, percent-decoded; `password` likewise, never shown.
        host: The server, lower case.
        port: TCP port; 993 for `imaps`, 143 for `imap`, where the setting has none.
        tls: Whether TLS comes first (`imaps`). With `imap` STARTTLS is used where the server is not this machine.
        folder: The folder that is watched; `INBOX` where the setting has none.
    """

    user: str
    password: str = field(repr=False)
    host: str
    port: int
    tls: bool
    folder: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read the setting.

        Raises:
            MailboxUrlError: It is not such an address, or watches the folder that archived mail is moved to.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
            user = unquote(parts.username or "", errors="strict")
            password = unquote(parts.password or "", errors="strict")
            folder = unquote(parts.path.removeprefix("/"), errors="strict")
        except ValueError as error:
            # `from None`: the message of what failed may hold the password.
            raise MailboxUrlError(type(error).__name__) from None
        if parts.scheme not in PORTS:
            raise MailboxUrlError("the scheme is neither imap nor imaps")
        if not (user and password and host):
            raise MailboxUrlError("user, password or host is missing")
        if any(ord(letter) < ord(" ") for letter in user + password + folder):
            raise MailboxUrlError("it has a control character")
        folder = INBOX if folder.upper() in {"", INBOX} else folder
        if folder == ARCHIVED:
            raise MailboxUrlError(f"{ARCHIVED} is where mails go once they are archived")
        return cls(user, password, host, port or PORTS[parts.scheme], parts.scheme == "imaps", folder)

    @property
    def account(self) -> str:
        """`user@host`: what names this account in source ids. Without port and password: both may change."""
        return f"{self.user}@{self.host}"
