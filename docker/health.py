#!/opt/venv/bin/python
"""Is this process doing its work? `health.py NAME` with one of `CHECKS`: exit code 0 or 1, one line on why not.

A container whose process died is restarted; this is about a process that lives and does nothing. Only the web process
and the witness have a port to ask, so the others are judged by what they leave behind. "Unhealthy" may also mean that a
part they need is away: either way the work is not being done.
"""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

from archive.database import engine
from archive.tables import acquisition, custody_entry, custody_pending, mark
from intake.mailbox import seen_mark
from intake.mailbox_url import parsed_mailboxes
from settings import Settings

ANSWER_SECONDS = 5
LONGEST_WAIT = timedelta(minutes=5)
# Celery's beat writes its schedule to disk every three minutes.
LONGEST_SILENCE_SECONDS = 600


class UnhealthyError(Exception):
    """The process does not do its work."""


def web(settings: Settings) -> None:
    """The web process answers."""
    port = settings.bind.rpartition(":")[2]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=ANSWER_SECONDS):
            return
    except OSError as error:
        raise UnhealthyError(f"no answer ({type(error).__name__})") from error


def witness(settings: Settings) -> None:
    """The witness answers, and nothing contradicts what it cosigned."""
    port = settings.witness_bind.rpartition(":")[2]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=ANSWER_SECONDS):
            return
    except urllib.error.HTTPError as error:
        with error:
            raise UnhealthyError(error.read().decode().strip()) from error
    except OSError as error:
        raise UnhealthyError(f"no answer ({type(error).__name__})") from error


def sequencer(settings: Settings) -> None:
    """No custody entry has waited long for its place."""
    waiting = select(func.min(custody_entry.c.at)).join(
        custody_pending, custody_pending.c.entry_id == custody_entry.c.id
    )
    _require_recent(_asked(settings, lambda connection: connection.execute(waiting).scalar()), "an entry waits since")


def worker(settings: Settings) -> None:
    """No text has waited long for the vault."""
    waiting = select(func.min(acquisition.c.received_at)).where(acquisition.c.state == "received")
    _require_recent(_asked(settings, lambda connection: connection.execute(waiting).scalar()), "a text waits since")


def mailbox(settings: Settings) -> None:
    """Every folder was looked at a short while ago."""
    for number, url in enumerate(parsed_mailboxes(settings.need("imap_url")), start=1):
        looked = select(mark.c.at).where(mark.c.name == seen_mark(url))
        at = _asked(settings, lambda connection, looked=looked: connection.execute(looked).scalar())  # type: ignore[misc]
        if at is None:
            raise UnhealthyError(f"folder {number} was never looked at")
        _require_recent(at, f"folder {number} was last looked at")


def beat(settings: Settings) -> None:
    """The schedule is being written."""
    written = [path.stat().st_mtime for path in (settings.home / "state").glob("beat*")]
    if not written or time.time() - max(written) > LONGEST_SILENCE_SECONDS:
        raise UnhealthyError("the schedule is not being written")


def _asked(settings: Settings, look: Callable[[Connection], datetime | None]) -> datetime | None:
    url = settings.database_url or settings.need("database_sequencer_url")
    asked = engine(url, pool_size=1, statement_timeout_seconds=ANSWER_SECONDS)
    try:
        with asked.connect() as connection:
            return look(connection)
    finally:
        asked.dispose()


def _require_recent(at: datetime | None, what: str) -> None:
    if at is not None and datetime.now(UTC) - at > LONGEST_WAIT:
        raise UnhealthyError(f"{what} {at:%Y-%m-%d %H:%M} UTC")


CHECKS = {
    "web": web,
    "sequencer": sequencer,
    "worker": worker,
    "mailbox": mailbox,
    "beat": beat,
    "witness": witness,
}


def main() -> int:
    """Check the process that the command line names."""
    try:
        CHECKS[sys.argv[1]](Settings.from_environment(os.environ))
    except Exception as error:  # noqa: BLE001 - whatever is wrong, it is not healthy
        print(f"{sys.argv[1]}: {error if isinstance(error, UnhealthyError) else type(error).__name__}")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
