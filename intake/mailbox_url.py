"""Where mailboxes are, from a setting: `imaps://user:password@host:port/FOLDER`, several with spaces or lines between.

`imaps://user;AUTH=XOAUTH2@host/FOLDER`, the form of RFC 5092, logs in by tokens (`intake.mail_tokens`), not a password.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from intake.errors import MailboxUrlError

PORTS = {"imap": 143, "imaps": 993}
INBOX = "INBOX"
ARCHIVED = "Archived"
XOAUTH2 = ";AUTH=XOAUTH2"


@dataclass(frozen=True, slots=True)
class MailboxUrl:
    """One folder of one account.

    Attributes:
        user: The login, percent-decoded; `password` likewise, never shown.
        host: The server, lower case.
        port: TCP port; 993 for `imaps`, 143 for `imap`, where the setting has none.
        tls: Whether TLS comes first (`imaps`). With `imap` STARTTLS is used where the server is not this machine.
        folder: The folder that is watched; `INBOX` where the setting has none.
        by_token: Whether it logs in by XOAUTH2; there is no password then.
    """

    user: str
    password: str = field(repr=False)
    host: str
    port: int
    tls: bool
    folder: str
    by_token: bool = False

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read the setting.

        Raises:
            MailboxUrlError: It is not such an address, or watches the folder that archived mail is moved to.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
            written, by_token = _without_mechanism(parts.username or "")
            user = unquote(written, errors="strict")
            password = unquote(parts.password or "", errors="strict")
            folder = unquote(parts.path.removeprefix("/"), errors="strict")
        except ValueError as error:
            # `from None`: the message of what failed may hold the password.
            raise MailboxUrlError(type(error).__name__) from None
        if parts.scheme not in PORTS:
            raise MailboxUrlError("the scheme is neither imap nor imaps")
        if by_token and password:
            raise MailboxUrlError("it has a password and AUTH=XOAUTH2: one of them")
        if not (user and (password or by_token) and host):
            raise MailboxUrlError("user, password or host is missing")
        if any(ord(letter) < ord(" ") for letter in user + password + folder):
            raise MailboxUrlError("it has a control character")
        folder = INBOX if folder.upper() in {"", INBOX} else folder
        if folder == ARCHIVED:
            raise MailboxUrlError(f"{ARCHIVED} is where mails go once they are archived")
        return cls(user, password, host, port or PORTS[parts.scheme], parts.scheme == "imaps", folder, by_token)

    @property
    def account(self) -> str:
        """`user@host`: what names this account in source ids. Without port and password: both may change."""
        return f"{self.user}@{self.host}"

    @property
    def name(self) -> str:
        """`user@host/folder`: what names this mailbox to people, and in marks."""
        return f"{self.account}/{self.folder}"


def parsed_mailboxes(text: str) -> tuple[MailboxUrl, ...]:
    """Every mailbox of the setting; none where it is empty.

    Raises:
        MailboxUrlError: One is not such an address, or one is named twice; the sentence says which, by its number.
    """
    found: dict[str, MailboxUrl] = {}
    for number, written in enumerate(text.split(), start=1):
        try:
            url = MailboxUrl.parse(written)
        except MailboxUrlError as error:
            raise MailboxUrlError(f"number {number}: {error.because}") from None
        if url.name in found:
            raise MailboxUrlError(f"number {number} is named before: one folder is watched once")
        found[url.name] = url
    return tuple(found.values())


def _without_mechanism(user: str) -> tuple[str, bool]:
    """The user as written before `;AUTH=XOAUTH2`, and whether that was there."""
    if user.upper().endswith(XOAUTH2):
        return user[: -len(XOAUTH2)], True
    return user, False
