"""Asking for access tokens (RFC 6749): one request, to the configured address alone, bounded in time and in size."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from intake.errors import TokensUnavailableError

CONNECT_SECONDS, READ_SECONDS, ALL_SECONDS = 5.0, 10.0, 20.0
MOST_BYTES: Final = 64 * 1024
USUAL_SECONDS: Final = 3600
LONGEST_SECONDS: Final = 24 * 3600
# What the asker must mend; whatever else is said may pass by itself (RFC 6749 5.2).
REFUSALS: Final = frozenset(
    {"invalid_grant", "invalid_client", "invalid_request", "invalid_scope", "unauthorized_client"}
    | {"unsupported_grant_type", "access_denied", "interaction_required", "consent_required", "login_required"}
)
# RFC 6750 2.1. Anything else could end the login's message early.
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_REFRESH: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Issued:
    """What an endpoint gave.

    Attributes:
        access: The access token.
        seconds: For how long it is good.
        refresh: The refresh token that takes the place of the one that was used, if it gave one.
    """

    access: str = field(repr=False)
    seconds: int
    refresh: str | None = field(repr=False)


class RefusedByEndpointError(Exception):
    """The endpoint said no, in its protocol's own word. Never leaves the room."""


class _OneHopSession(requests.Session):
    """Follows nothing: a token is asked of nobody but whom the setting names."""

    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[Any]:
        return iter(())


def ask(url: str, form: Mapping[str, str], *, all_seconds: float = ALL_SECONDS) -> Issued:
    """Post a token request.

    Args:
        url: Of the token endpoint.
        form: Its fields; secrets among them.
        all_seconds: After this an endpoint that keeps sending is given up.

    Raises:
        TokensUnavailableError: Nothing came, not in time, too much, or nothing to understand; ask again later.
        RefusedByEndpointError: It says no.
    """
    host, give_up_at = urlsplit(url).hostname or "", time.monotonic() + all_seconds
    try:
        with (
            _OneHopSession() as session,
            session.post(
                url,
                data=dict(form),
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                # Given as `auth`, it keeps requests from looking for a password in ~/.netrc.
                auth=lambda request: request,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            body = _body(answer, host, give_up_at)
    except (requests.RequestException, OSError) as error:
        raise TokensUnavailableError(host, type(error).__name__) from error
    return _issued(host, answer.status_code, body)


def _body(answer: requests.Response, host: str, give_up_at: float) -> bytes:
    body = bytearray()
    # Byte by byte: asked for more, it would wait for more, and an endpoint that drips would be waited for in all.
    for piece in answer.iter_content(1):
        body += piece
        if time.monotonic() > give_up_at:
            raise TokensUnavailableError(host, "it kept sending for too long")
        if len(body) > MOST_BYTES:
            raise TokensUnavailableError(host, f"it sent more than {MOST_BYTES} bytes")
    return bytes(body)


def _issued(host: str, status: int, body: bytes) -> Issued:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise TokensUnavailableError(host, f"status {status}, and no JSON") from None
    if not isinstance(said, dict):
        raise TokensUnavailableError(host, f"status {status}, and no JSON object")
    if status != requests.codes.ok:
        if status < requests.codes.internal_server_error and said.get("error") in REFUSALS:
            raise RefusedByEndpointError(said["error"])
        raise TokensUnavailableError(host, f"status {status}")
    access, refresh, seconds = said.get("access_token"), said.get("refresh_token"), said.get("expires_in")
    if not isinstance(access, str) or not _TOKEN.fullmatch(access):
        raise TokensUnavailableError(host, "its answer has no token")
    if str(said.get("token_type", "bearer")).lower() != "bearer":
        raise TokensUnavailableError(host, "its token is of another type than Bearer")
    usable = isinstance(refresh, str) and _REFRESH.fullmatch(refresh)
    return Issued(access, _seconds(seconds), refresh if usable else None)


def _seconds(said: object) -> int:
    """For how long a token is good; the usual hour where the endpoint does not say, or not in a number."""
    try:
        return max(1, min(int(str(said)), LONGEST_SECONDS))
    except ValueError:
        return USUAL_SECONDS
