"""Access tokens of mailboxes that take no password (Gmail, Microsoft 365), shared by every process that opens one.

The configured refresh token is where it begins. What an issuer gives in its place is kept in the database, sealed under
a key that only the configured secret makes: a dump alone opens nothing, and a new secret in the setting makes what was
kept before unreadable, so that it begins anew. One process asks at a time; the others wait and take what it got.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.dialects.postgresql import insert

from archive.tables import mail_token
from intake.errors import TokensRefusedError
from intake.loopback import is_loopback
from intake.token_endpoint import Issued, RefusedByEndpointError, ask

# A grant for every mailbox that has none of its own: an application that may open them all.
EVERY: Final = "*"
GOOGLE: Final = "https://oauth2.googleapis.com/token"
MICROSOFT: Final = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
OF_APPLICATION: Final = "https://outlook.office365.com/.default"
OF_PERSON: Final = "https://outlook.office365.com/IMAP.AccessAsUser.All offline_access"
KNOWN: Final = frozenset({"provider", "tenant", "token_url", "client_id", "client_secret", "refresh_token", "scope"})
MARGIN: Final = timedelta(minutes=5)
# A token so young that a server refuses is not mended by another.
YOUNG: Final = timedelta(minutes=1)
NONCE_BYTES: Final = 12
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('mail token ' || :account, 0))")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Grant:
    """By what tokens for one mailbox are got.

    Attributes:
        token_url: Of the token endpoint, https.
        client_id: The application's name with the issuer.
        client_secret: Its secret, if it has one.
        refresh_token: What a person's sign-in left; without one the application asks in its own name.
        scope: What is asked for; None: what was granted.
    """

    token_url: str
    client_id: str
    client_secret: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    scope: str | None

    @property
    def seed(self) -> str:
        """The secret that what is kept is sealed by."""
        return self.refresh_token or self.client_secret or ""

    def form(self, refresh_token: str | None) -> dict[str, str]:
        """The fields of a token request (RFC 6749 6 and 4.4)."""
        fields = {
            "grant_type": "refresh_token" if refresh_token else "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": refresh_token,
            "scope": self.scope,
        }
        return {name: value for name, value in fields.items() if value}


def parsed_grants(text_: str) -> dict[str, Grant]:
    """The setting: a JSON object of grants by the user of the mailbox's address, `*` for all that are not named.

    Raises:
        ValueError: It is not; the sentence holds no secret.
    """
    try:
        found = json.loads(text_)
    except ValueError:
        raise ValueError("it is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object of grants by user")  # noqa: TRY004 - one error for one setting
    return {user: _grant(user, told) for user, told in found.items()}


def _grant(user: str, told: Any) -> Grant:
    if not isinstance(told, dict) or not all(isinstance(each, str) for each in told.values()):
        raise ValueError(f"the grant of {user} is no object of texts")
    if unknown := told.keys() - KNOWN:
        raise ValueError(f"the grant of {user} has {min(unknown)!r}, which means nothing")
    refresh, scope = told.get("refresh_token"), told.get("scope")
    url = told.get("token_url", "")
    if told.get("provider") == "google":
        url = url or GOOGLE
    elif told.get("provider") == "microsoft":
        url = url or MICROSOFT.format(tenant=quote(told.get("tenant", "organizations"), safe=""))
        scope = scope or (OF_PERSON if refresh else OF_APPLICATION)
    elif "provider" in told:
        raise ValueError(f"the provider of {user} is neither google nor microsoft: give token_url instead")
    _require_safe(user, url)
    if not told.get("client_id") or not (refresh or told.get("client_secret")):
        raise ValueError(f"the grant of {user} has no client_id, or neither refresh_token nor client_secret")
    return Grant(url, told["client_id"], told.get("client_secret"), refresh, scope)


def _require_safe(user: str, url: str) -> None:
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"the token_url of {user} is no plain https address")


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database keeps for one mailbox."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    obtained_at: datetime
    renew_at: datetime


class MailTokens:
    """Gives access tokens; safe to share between threads and processes."""

    def __init__(
        self,
        engine: Engine,
        grants: Mapping[str, Grant],
        *,
        now: Callable[[], datetime],
        ask: Callable[[str, Mapping[str, str]], Issued] = ask,
    ) -> None:
        self._engine, self._grants, self._now, self._ask = engine, grants, now, ask
        self._refused: dict[str, tuple[datetime, TokensRefusedError]] = {}

    def token(self, account: str, user: str, *, refused: str | None = None) -> str:
        """A token that is good for some minutes at least.

        Args:
            account: Names the mailbox's account (`MailboxUrl.account`).
            user: Its user, by which grants are named.
            refused: The token given before, which the mail server did not take.

        Raises:
            TokensUnavailableError: The issuer is away; ask again later.
            TokensRefusedError: There is no grant, or it ended; asked again only after a minute.
        """
        grant = self._grants.get(user) or self._grants.get(EVERY)
        if grant is None:
            raise TokensRefusedError(user, "HOLDFAST_IMAP_OAUTH has no grant for it")
        if (earlier := self._refused.get(account)) and self._now() < earlier[0]:
            raise earlier[1]
        try:
            return self._token(account, user, grant, refused)
        except TokensRefusedError as error:
            self._refused[account] = (self._now() + YOUNG, error)
            raise

    def _token(self, account: str, user: str, grant: Grant, refused: str | None) -> str:
        with self._engine.begin() as connection:
            connection.execute(_LOCK, {"account": account})
            kept = _opened(connection, account, grant)
            if kept and refused == kept.access and self._now() - kept.obtained_at < YOUNG:
                raise TokensRefusedError(user, "the server refuses a token just issued: may this account use IMAP?")
            if kept and refused != kept.access and self._now() < kept.renew_at:
                return kept.access
            issued = self._issued(user, grant, kept.refresh if kept else None)
            _keep(connection, account, grant, issued, before=kept, at=self._now())
        # Committed before it is used: a refresh token that works once must not be lost with this process.
        log.info("mailbox.token_renewed", rotated=issued.refresh is not None)
        return issued.access

    def _issued(self, user: str, grant: Grant, rotated: str | None) -> Issued:
        """Ask with the latest refresh token, then with the configured one: either may be the one that still stands."""
        tries: list[str | None] = list(dict.fromkeys(each for each in (rotated, grant.refresh_token) if each)) or [None]
        because = ""
        for refresh_token in tries:
            try:
                return self._ask(grant.token_url, grant.form(refresh_token))
            except RefusedByEndpointError as error:
                because = str(error)
        raise TokensRefusedError(user, because)


def _key(account: str, grant: Grant) -> AESGCM:
    material = f"holdfast mail token\n{account}\n{grant.token_url}\n{grant.client_id}".encode()
    return AESGCM(hmac.new(grant.seed.encode(), material, hashlib.sha256).digest())


def _opened(connection: Connection, account: str, grant: Grant) -> Kept | None:
    row = connection.execute(select(mail_token).where(mail_token.c.account == account)).first()
    if row is None:
        return None
    sealed = bytes(row.sealed)
    try:
        plain = json.loads(_key(account, grant).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None))
    except InvalidTag:
        return None  # kept under another grant: the setting was changed
    return Kept(plain["access"], plain["refresh"], row.obtained_at, row.renew_at)


def _keep(
    connection: Connection, account: str, grant: Grant, issued: Issued, *, before: Kept | None, at: datetime
) -> None:
    refresh = issued.refresh or (before.refresh if before else None)
    nonce = secrets.token_bytes(NONCE_BYTES)
    plain = json.dumps({"access": issued.access, "refresh": refresh}).encode()
    lifetime = timedelta(seconds=issued.seconds)
    values = {
        "sealed": nonce + _key(account, grant).encrypt(nonce, plain, None),
        "obtained_at": at,
        "renew_at": at + max(lifetime - MARGIN, lifetime / 2),
    }
    row = insert(mail_token).values(account=account, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["account"], set_=values))
