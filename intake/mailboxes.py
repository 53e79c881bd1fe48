"""The mailboxes of the settings: which there are, and how each is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from intake.errors import LoginRefusedError, OtherMailboxError, TokensRefusedError
from intake.imap import Mailbox
from intake.mail_tokens import MailTokens
from intake.mailbox_url import MailboxUrl


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """Every mailbox that is watched.

    Attributes:
        urls: Where they are; none twice.
        tokens: Gives access tokens for those that take no password.
    """

    urls: tuple[MailboxUrl, ...]
    tokens: MailTokens | None = None

    def opener(self, account: str, folder: str) -> Callable[[], Mailbox]:
        """What opens the mailbox of this account and folder.

        Raises:
            OtherMailboxError: The settings do not name it (any more).
        """
        for url in self.urls:
            if (url.account, url.folder) == (account, folder):
                return partial(self.open, url)
        named = ", ".join(url.name for url in self.urls) or "no mailbox"
        raise OtherMailboxError(f"{account}/{folder}", named)

    def open(self, url: MailboxUrl) -> Mailbox:
        """Connect and log in, by password or token; a token that was withdrawn early is renewed once.

        Raises:
            MailboxUnavailableError: As `Mailbox.open`, and its other errors.
            TokensUnavailableError: Whoever issues tokens is away.
            TokensRefusedError: There is no token for it.
        """
        if not url.by_token:
            return Mailbox.open(url)
        if self.tokens is None:
            raise TokensRefusedError(url.user, "HOLDFAST_IMAP_OAUTH is not set")
        token = self.tokens.token(url.account, url.user)
        try:
            return Mailbox.open(url, access_token=token)
        except LoginRefusedError:
            renewed = self.tokens.token(url.account, url.user, refused=token)
            return Mailbox.open(url, access_token=renewed)
