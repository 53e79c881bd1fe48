"""Getting timestamp tokens: asking each authority for what it owes, judging the answer, and waiting where it fails.

A checkpoint is owed a token by every configured authority once the ledger grew by more than tokens' own entries: a
ledger that stamped those would grow by its own stamping for ever. Asking holds no transaction open; whoever asks claims
the debt first, so two workers get one token. Intake never waits for any of this.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine

from archive import stamp_debts
from archive.asking import Ask, Authority, Tried, try_out
from archive.ledger import checkpoint_note
from archive.timestamps import Token, stamped_bytes, tokens_of
from archive.token_check import Roots

PAUSE_SECONDS: Final = 0.1

log = structlog.get_logger()


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
        if not self.authorities:
            return []
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
        tried = self.try_out(authority, stamped)
        with self.engine.begin() as connection:
            if tried.token:
                stamp_debts.settle(connection, size, tried)
            else:
                stamp_debts.fail(connection, size, tried, chance=self.chance())
        log.info("timestamps.asked", authority=name, checkpoint_size=size, outcome=tried.outcome)
        return tried.token is not None

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

    def try_out(self, authority: Authority, stamped: bytes) -> Tried:
        """Ask an authority for a token that is not kept."""
        return try_out(authority, stamped, self.roots, ask=self.ask, now=self.now)
