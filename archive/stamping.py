"""Getting timestamp tokens: asking each authority for what it owes, judging the answer, and waiting where it fails.

A checkpoint is owed a token by every configured authority once the ledger grew by more than tokens' own entries: a
ledger that stamped those would grow by its own stamping for ever. Asking holds no transaction open; whoever asks claims
the debt first, so two workers get one token. Intake never waits for any of this.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import structlog
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from rfc3161_client.tsp import TimeStampRequest
from sqlalchemy import Engine

from archive import stamp_debts
from archive.errors import AuthorityUnreachableError, TokenRejectedError
from archive.ledger import checkpoint_note
from archive.stamp_debts import Asked
from archive.timestamps import Token, stamped_bytes, tokens_of
from archive.token_check import CheckedToken, Roots, check_token

REPLY: Final = "application/timestamp-reply"
WELL: Final = 200
MOST_OFF_CLOCK: Final = timedelta(seconds=60)
PAUSE_SECONDS: Final = 0.1

log = structlog.get_logger()


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


@dataclass(frozen=True, slots=True)
class Stamped:
    """What a package can have at once.

    Attributes:
        tokens: Over the checkpoint that was asked about.
        missing: Authority to the reason why there is no token of it yet; it is asked for again later.
    """

    tokens: tuple[Token, ...]
    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stamper:
    """Asks the configured authorities.

    Attributes:
        engine: The application's login.
        authorities: Whom to ask; none: nothing is ever owed.
        roots: Whom to trust.
        ask: Posts a request.
        now: The clock.
        every: How often a grown ledger is stamped.
        alarm_after: How long an authority may owe a token before somebody is told.
        patience: How long a package waits.
        chance: Where in its jitter a pause lies, 0 to 1.
    """

    engine: Engine
    authorities: tuple[Authority, ...]
    roots: Roots
    ask: Ask
    now: Callable[[], datetime]
    every: timedelta = timedelta(minutes=5)
    alarm_after: timedelta = timedelta(minutes=60)
    patience: timedelta = timedelta(seconds=20)
    chance: Callable[[], float] = random.random

    @property
    def names(self) -> list[str]:
        """The authorities' names."""
        return [each.name for each in self.authorities]

    def plan(self) -> list[tuple[int, str]]:
        """Owe what has become due, raise what alarms there are, and say which debts to try now."""
        now = self.now()
        with self.engine.begin() as connection:
            stamp_debts.plan(connection, self.names, now=now, every=self.every)
            for name in stamp_debts.alarm(connection, self.names, now=now, after=self.alarm_after):
                log.warning("timestamps.missing", authority=name)
            return stamp_debts.due(connection, self.names, now=now)

    def stamp(self, size: int, name: str) -> bool:
        """Try to pay one debt; safe to repeat, and by several workers at once.

        Returns:
            Whether a token came. False also where somebody else is at it, or the authority is left alone.
        """
        authority = next((each for each in self.authorities if each.name == name), None)
        if authority is None:
            return False
        with self.engine.begin() as connection:
            if not stamp_debts.claim(connection, size, name, now=self.now()):
                return False
            stamped = stamped_bytes(checkpoint_note(connection, size))
        return self._ask_for(authority, size, stamped)

    def stamp_now(self, size: int) -> Stamped:
        """Get tokens for a package that is being made: ask at once, wait a bounded time, then go without.

        Args:
            size: Of the checkpoint that covers the export.
        """
        give_up_at = time.monotonic() + self.patience.total_seconds()
        with self.engine.begin() as connection:
            stamp_debts.owe_at_once(connection, size, self.names, now=self.now())
        # Not a `with` block: its end would wait for an authority that does not.
        threads = ThreadPoolExecutor(max(len(self.authorities), 1), thread_name_prefix="stamps")
        asked = [threads.submit(self.stamp, size, name) for name in self.names]
        threads.shutdown(wait=False)
        while not (found := self._stamped(size, still=any(not each.done() for each in asked))):
            if time.monotonic() > give_up_at:
                return self._so_far(size)
            time.sleep(PAUSE_SECONDS)
        return found

    def _stamped(self, size: int, *, still: bool) -> Stamped | None:
        """The outcome, once nothing more is to be waited for."""
        so_far = self._so_far(size)
        if not so_far.missing:
            return so_far
        with self.engine.connect() as connection:
            others = stamp_debts.is_claimed(connection, size, now=self.now())
        return None if still or others else so_far

    def _so_far(self, size: int) -> Stamped:
        with self.engine.connect() as connection:
            tokens = tokens_of(connection, size)
            fares = stamp_debts.health(connection, self.names)
        there = {token.authority for token in tokens}
        missing = {each.name: each.because or "it has not answered yet" for each in fares if each.name not in there}
        return Stamped(tuple(tokens), missing)

    def _ask_for(self, authority: Authority, size: int, stamped: bytes) -> bool:
        request, asked_at = _request(stamped), self.now()
        answer, away = None, ""
        try:
            answer = self.ask(authority.url, request.as_bytes())
        except AuthorityUnreachableError as error:
            away = error.because
        body = answer.body if answer else None
        asked = Asked(size, authority.name, asked_at, self.now(), request.as_bytes(), body)
        if answer is None:
            return self._failed(asked, "unreachable", away)
        if answer.status != WELL or answer.media_type != REPLY or not answer.body:
            return self._failed(asked, "not_a_reply", f"HTTP {answer.status}, {_kind(answer)}")
        return self._judge(asked, answer.body, stamped, request.nonce)

    def _judge(self, asked: Asked, response: bytes, stamped: bytes, nonce: int | None) -> bool:
        try:
            token = check_token(response, stamped, self.roots, nonce=nonce)
        except TokenRejectedError as error:
            return self._failed(asked, "rejected", error.because)
        off = _off_clock(token, asked)
        if off > MOST_OFF_CLOCK:
            return self._failed(
                asked, "off_clock", f"its clock and ours are {off.total_seconds():.0f} s apart: one of them is wrong"
            )
        with self.engine.begin() as connection:
            stamp_debts.settle(connection, asked, token, sha256=hashlib.sha256(response).hexdigest())
        log.info("timestamps.received", authority=asked.authority, checkpoint_size=asked.size)
        return True

    def _failed(self, asked: Asked, outcome: str, because: str) -> bool:
        with self.engine.begin() as connection:
            stamp_debts.fail(connection, asked, outcome, because, chance=self.chance())
        log.warning("timestamps.failed", authority=asked.authority, checkpoint_size=asked.size, outcome=outcome)
        return False


def _request(stamped: bytes) -> TimeStampRequest:
    builder = TimestampRequestBuilder().data(stamped).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=True).cert_request(cert_request=True).build()


def _kind(answer: Answer) -> str:
    return f"{answer.media_type or 'no type'}, {len(answer.body)} bytes"


def _off_clock(token: CheckedToken, asked: Asked) -> timedelta:
    """How far the token's time lies outside the span in which it was asked for, by our clock."""
    return max(asked.asked_at - token.gen_time, token.gen_time - asked.ended_at, timedelta())


def parsed_authorities(urls: Sequence[str]) -> tuple[Authority, ...]:
    """The authorities at these addresses.

    Raises:
        ValueError: One is no address, or two have one name.
    """
    found = tuple(Authority.at(url) for url in urls)
    if len({each.name for each in found}) != len(found):
        raise ValueError("an authority is named twice")
    return found
