"""Marks and counters: the few facts about the system itself that live in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import rendered
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import VaultNotTrustedError
from archive.ledger import record
from archive.tables import counter, mark
from archive.worm import Trial

VAULT = "vault"


def count(connection: Connection, name: str, by: int = 1) -> None:
    """Add to a counter."""
    first = insert(counter).values(name=name, count=by)
    connection.execute(first.on_conflict_do_update(index_elements=["name"], set_={"count": counter.c.count + by}))


def counts(connection: Connection) -> dict[str, int]:
    """Every counter."""
    rows = connection.execute(select(counter.c.name, counter.c.count.label("so_far")))
    return {row.name: row.so_far for row in rows}


def set_mark(connection: Connection, name: str, value: Any, *, at: datetime) -> None:
    """Remember one fact, replacing what was known under its name."""
    first = insert(mark).values(name=name, value=value, at=at)
    connection.execute(first.on_conflict_do_update(index_elements=["name"], set_={"value": value, "at": at}))


def get_mark(connection: Connection, name: str) -> Any | None:
    """A remembered fact, or None."""
    return connection.execute(select(mark.c.value).where(mark.c.name == name)).scalar()


def record_vault_test(
    connection: Connection, trials: Sequence[Trial], *, bucket: str, at: datetime, actor: str
) -> bool:
    """Remember what the WORM self-test found, in the ledger too.

    Returns:
        Whether every forbidden act was refused, so that evidence may go in.
    """
    trusted = all(trial.refused for trial in trials)
    found = {"bucket": bucket, "trusted": trusted, "accepted": [trial.act for trial in trials if not trial.refused]}
    set_mark(connection, VAULT, {**found, "at": rendered(at)}, at=at)
    facts = {**found, "trials": {trial.act: trial.answer for trial in trials}}
    record(connection, CustodyEntry(SYSTEM, Action.VAULT_TESTED, actor, at, facts))
    return trusted


def require_trusted_vault(connection: Connection) -> None:
    """Make sure that the last self-test passed.

    Raises:
        VaultNotTrustedError: It failed, or none was run.
    """
    found = get_mark(connection, VAULT)
    if not found:
        raise VaultNotTrustedError("the WORM self-test was never run")
    if not found["trusted"]:
        raise VaultNotTrustedError(f"it accepted: {', '.join(found['accepted'])}")
