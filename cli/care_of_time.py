"""What the doctor finds of timestamps: can each authority be reached, do its tokens hold, how old is what has none."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from archive.asking import Authority
from archive.stamp_debts import unstamped_since
from archive.stamping import Stamper
from cli import composition
from settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the doctor looked at.

    Attributes:
        what: What was looked at.
        fault: Whether something must be done.
        says: What was found, and what to do where it is a fault.
    """

    what: str
    fault: bool
    says: str


def time_findings(settings: Settings) -> Iterator[Finding]:
    """Ask each authority for a token over a few random bytes, and look at what is owed."""
    if not settings.tsa_urls:
        says = "no authority is set: nobody outside vouches for any time; set HOLDFAST_TSA_URLS and HOLDFAST_TSA_ROOTS"
        yield Finding("timestamps", fault=False, says=says)
        return
    try:
        database = composition.app_engine(settings, pool_size=1)
        stamper = composition.stamper(settings, database)
    except SettingsError as error:
        yield Finding("timestamps", fault=True, says=str(error))
        return
    yield from (_trial(stamper, authority) for authority in stamper.authorities)
    yield _age(stamper)
    database.dispose()


def _trial(stamper: Stamper, authority: Authority) -> Finding:
    what = f"authority {authority.name}"
    # Not a note: nothing of the ledger leaves the house for a trial, and no token of it is kept.
    tried = stamper.try_out(authority, b"holdfast doctor\n" + secrets.token_bytes(16))
    if tried.token is None:
        return Finding(what, fault=True, says=f"gives no token that holds: {tried.because}")
    told = "; a DEMONSTRATION, which proves nothing to anyone else" if tried.token.demonstration else ""
    return Finding(what, fault=False, says=f"gives tokens that hold, signed by {tried.token.signer}{told}")


def _age(stamper: Stamper) -> Finding:
    try:
        with stamper.engine.connect() as connection:
            since = unstamped_since(connection)
    except SQLAlchemyError as error:
        return Finding("timestamps", fault=True, says=f"cannot be looked up ({type(error).__name__})")
    if since is None:
        return Finding("timestamps", fault=False, says="a token covers every entry")
    age = max(stamper.now() - since, timedelta())
    minutes = int(age.total_seconds() // 60)
    late = age > stamper.alarm_after
    says = f"the oldest entry that no token covers has waited {minutes} minutes"
    return Finding("timestamps", fault=late, says=says + (": are worker and beat running?" if late else ""))
