"""Asking a timestamp authority once: the request, the answer, and what it is worth. Nothing is kept here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from rfc3161_client.tsp import TimeStampRequest

from archive.errors import AuthorityUnreachableError, TokenRejectedError
from archive.token_check import CheckedToken, Roots, check_token

REPLY: Final = "application/timestamp-reply"
WELL: Final = 200
MOST_OFF_CLOCK: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an authority's server sent, whatever it was."""

    status: int
    media_type: str
    body: bytes = field(repr=False)


Ask: TypeAlias = Callable[[str, bytes], Answer]
"""`ask(url, request)`: posts a request, bounded in time and size; raises AuthorityUnreachableError."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A configured timestamp authority: a name that may be shown, and the address, which may hold credentials."""

    name: str
    url: str = field(repr=False)

    @classmethod
    def at(cls, url: str) -> Authority:
        """The authority at an address.

        Raises:
            ValueError: It is not an address of the web.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("an authority is an http or https address")
        host = parts.netloc.rpartition("@")[2]
        return cls(urlunsplit((parts.scheme, host, parts.path, "", "")), url)


def parsed_authorities(urls: Sequence[str]) -> tuple[Authority, ...]:
    """The authorities at these addresses.

    Raises:
        ValueError: One is no address, or two have one name.
    """
    found = tuple(Authority.at(url) for url in urls)
    if len({each.name for each in found}) != len(found):
        raise ValueError("an authority is named twice")
    return found


@dataclass(frozen=True, slots=True)
class Tried:
    """One request to an authority and what came of it.

    Attributes:
        authority: Its name.
        asked_at: By our clock; `ended_at` likewise.
        request: The TimeStampReq sent.
        response: Whatever came back; None where nothing did.
        outcome: `received`, or how it failed: `unreachable`, `not_a_reply`, `rejected`, `off_clock`.
        because: Why it failed; empty where it did not.
        token: What the token says; None where there is none, or none that holds.
    """

    authority: str
    asked_at: datetime
    ended_at: datetime
    request: bytes = field(repr=False)
    response: bytes | None = field(repr=False)
    outcome: str
    because: str = ""
    token: CheckedToken | None = None


@dataclass(frozen=True, slots=True)
class _Verdict:
    outcome: str
    because: str = ""
    token: CheckedToken | None = None


def try_out(authority: Authority, stamped: bytes, roots: Roots, *, ask: Ask, now: Callable[[], datetime]) -> Tried:
    """Ask for one token over these bytes and judge what comes; never raises for what an authority does."""
    request, asked_at = _request(stamped), now()
    try:
        answer = ask(authority.url, request.as_bytes())
    except AuthorityUnreachableError as error:
        verdict, body = _Verdict("unreachable", error.because), None
        ended_at = now()
    else:
        ended_at, body = now(), answer.body
        verdict = _judged(answer, stamped, roots, request.nonce, (asked_at, ended_at))
    return Tried(
        authority=authority.name,
        asked_at=asked_at,
        ended_at=ended_at,
        request=request.as_bytes(),
        response=body,
        outcome=verdict.outcome,
        because=verdict.because,
        token=verdict.token,
    )


def _request(stamped: bytes) -> TimeStampRequest:
    builder = TimestampRequestBuilder().data(stamped).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=True).cert_request(cert_request=True).build()


def _judged(
    answer: Answer, stamped: bytes, roots: Roots, nonce: int | None, span: tuple[datetime, datetime]
) -> _Verdict:
    if answer.status != WELL or answer.media_type != REPLY or not answer.body:
        kind = answer.media_type or "no type"
        return _Verdict("not_a_reply", f"HTTP {answer.status}, {kind}, {len(answer.body)} bytes")
    try:
        token = check_token(answer.body, stamped, roots, nonce=nonce)
    except TokenRejectedError as error:
        return _Verdict("rejected", error.because)
    # How far the token's time lies outside the span in which it was asked for, by our clock.
    off = max(span[0] - token.gen_time, token.gen_time - span[1], timedelta())
    if off > MOST_OFF_CLOCK:
        apart = f"{off.total_seconds():.0f} s"
        return _Verdict("off_clock", f"its clock and ours are {apart} apart: one of them is wrong")
    return _Verdict("received", token=token)
