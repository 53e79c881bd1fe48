"""What this installation says of its own working in the span of a case: versions, clocks, failures, what waits.

Courts may no longer presume that a computer worked: the facts that bear on it travel with the evidence. What is not
measured is named as such, and nothing here is an estimate.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import rendered
from archive.case import Case
from archive.completeness import told_without_names
from archive.database import current_revision
from archive.ledger import checkpoint_size, waiting
from archive.marks import VAULT, counts, get_mark
from archive.tables import acquisition, alert, exhibit, mark, timestamp_attempt

ROOT = Path(__file__).resolve().parent.parent
DEFECTS = Path(__file__).with_name("known_defects.json")
VERSION = "0.1.0"
GIT_TIMEOUT_SECONDS = 5
SOFTWARE_MARK = "software:"
NOT_MEASURED = [
    "clocks between the moments at which a timestamp authority answered",
    "failed and retried jobs by case: the totals are of the installation, since it began",
    "outages of what left no alert and no failed attempt",
    "versions that ran before this list of versions was kept",
    "faults that nobody has noticed",
]

# By the token's own time: how far it lies outside the moment in which it was asked for, by the archive's clock.
_CLOCK = text(
    """
    SELECT count(*) AS answers,
      max(greatest(attempt.asked_at - token.gen_time, token.gen_time - attempt.ended_at, interval '0')) AS apart
    FROM timestamp_attempt AS attempt
    JOIN timestamp_token AS token USING (checkpoint_size, authority)
    WHERE attempt.outcome = 'received' AND attempt.asked_at BETWEEN :since AND :until
    """
)
# From a checkpoint to the one before it is how long an entry can have waited to be signed.
_SIGNED = text(
    """
    SELECT max(checkpoint.signed_at - custody_entry.at) AS longest
    FROM custody_entry JOIN custody_leaf ON custody_leaf.entry_id = custody_entry.id
    JOIN LATERAL (
      SELECT signed_at FROM checkpoint WHERE checkpoint.size > custody_leaf.leaf_index ORDER BY size LIMIT 1
    ) AS checkpoint ON true
    WHERE custody_entry.stream = :stream
    """
)


def reliability(connection: Connection, case: Case, *, now: datetime) -> dict[str, Any]:
    """Facts for `system-reliability.json`, of the span from a case's first receipt until now."""
    received = select(func.min(acquisition.c.received_at)).join(exhibit, exhibit.c.id == acquisition.c.id)
    first = connection.execute(received.where(exhibit.c.case_id == case.id)).scalar()
    since = min(first or case.opened_at, case.opened_at)
    span = {"since": since, "until": now}
    return {
        "span": {name: rendered(at) for name, at in span.items()},
        "software": _software(connection),
        "clocks": _clocks(connection, now, span),
        "jobs": _jobs(connection, case, since),
        "outages": _outages(connection, since),
        "parked": _parked(connection, since),
        "ledger": _ledger(connection, case),
        "completeness": told_without_names(connection, since),
        "vault_self_test": get_mark(connection, VAULT),
        "known_defects": known_defects(since),
        "not_measured": NOT_MEASURED,
    }


def _software(connection: Connection) -> dict[str, Any]:
    seen = select(mark.c.name, mark.c.at).where(mark.c.name.startswith(SOFTWARE_MARK)).order_by(mark.c.at)
    return {
        "version": VERSION,
        "commit": commit(),
        "requirements_lock_sha256": lock_digest(),
        "python": platform.python_version(),
        "database_revision": current_revision(connection),
        "first_started": [
            {"software": row.name.removeprefix(SOFTWARE_MARK), "at": rendered(row.at)}
            for row in connection.execute(seen)
        ],
    }


def _clocks(connection: Connection, now: datetime, span: dict[str, datetime]) -> dict[str, Any]:
    theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    row = connection.execute(_CLOCK, span).one()
    return {
        "timestamp_answers": row.answers,
        "most_seconds_apart_from_an_authority": row.apart.total_seconds() if row.apart is not None else None,
        "seconds_apart_from_the_database_when_this_was_written": round((theirs - now).total_seconds(), 3),
    }


def _jobs(connection: Connection, case: Case, since: datetime) -> dict[str, Any]:
    tries = (
        select(func.count(), func.coalesce(func.sum(acquisition.c.attempts), 0))
        .join(exhibit, exhibit.c.id == acquisition.c.id)
        .where(exhibit.c.case_id == case.id, acquisition.c.attempts > 0)
    )
    items, attempts = connection.execute(tries).one()
    stamps = (
        select(timestamp_attempt.c.outcome, func.count())
        .where(timestamp_attempt.c.asked_at >= since)
        .group_by(timestamp_attempt.c.outcome)
    )
    return {
        "items_of_the_case_that_failed_before_they_were_archived": items,
        "their_failed_attempts": int(attempts),
        "timestamp_attempts_by_outcome": {row[0]: row[1] for row in connection.execute(stamps)},
        "counters_since_the_installation_began": counts(connection),
    }


def _outages(connection: Connection, since: datetime) -> list[dict[str, Any]]:
    """What was alarming in the span, by kind; the words of an alert may name people and stay here."""
    query = (
        select(alert.c.kind, func.count(), func.min(alert.c.at), func.max(alert.c.at))
        .where(alert.c.at >= since)
        .group_by(alert.c.kind)
        .order_by(alert.c.kind)
    )
    return [
        {"alert": kind, "times": times, "first": rendered(first), "last": rendered(last)}
        for kind, times, first, last in connection.execute(query)
    ]


def _parked(connection: Connection, since: datetime) -> dict[str, Any]:
    in_span = acquisition.c.received_at >= since
    states = select(acquisition.c.state, func.count()).where(in_span).group_by(acquisition.c.state)
    return {"acquisitions_received_in_the_span_by_state": {row[0]: row[1] for row in connection.execute(states)}}


def _ledger(connection: Connection, case: Case) -> dict[str, Any]:
    longest = connection.execute(_SIGNED, {"stream": f"case:{case.id}"}).scalar()
    return {
        "entries_signed": checkpoint_size(connection),
        "entries_waiting": waiting(connection),
        "longest_seconds_from_an_act_on_the_case_to_a_signature": longest.total_seconds() if longest else None,
    }


def known_defects(since: datetime) -> list[dict[str, Any]]:
    """Faults of this software that were found and bear on evidence, if they were not mended before the span began."""
    found: list[dict[str, Any]] = json.loads(DEFECTS.read_text(encoding="utf-8"))
    return [each for each in found if each["mended_at"] is None or each["mended_at"] >= rendered(since)]


def note_software(connection: Connection, *, at: datetime) -> None:
    """Remember when this version first started here; done at each start, and known from the first."""
    row = insert(mark).values(name=f"{SOFTWARE_MARK}{software()}", value={"lock": lock_digest()}, at=at)
    connection.execute(row.on_conflict_do_nothing())


@cache
def lock_digest() -> str:
    """SHA-256 of the list of every library with its digests."""
    return hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()


@cache
def commit() -> str | None:
    """The commit this runs from: of the checkout, or of the image it was built into; None where neither says."""
    stated = ROOT / "COMMIT"
    if stated.exists():
        return stated.read_text(encoding="ascii").strip()
    asked = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=GIT_TIMEOUT_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def software() -> str:
    """Name and version of this software, with the commit it runs from."""
    return f"Holdfast {VERSION} ({(commit() or 'commit unknown')[:12]})"
