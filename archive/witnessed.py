"""Whether anybody outside has seen the ledger, in words for whoever works with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from archive.signed_note import VerifierKey
from archive.tables import cosignature


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest checkpoint that anybody outside has cosigned: by whom, and the time of the latest cosignature."""

    names: tuple[str, ...]
    at: datetime


def last_seen(connection: Connection) -> Seen | None:
    """Who has cosigned most lately; None where the ledger is unwitnessed."""
    newest = select(func.max(cosignature.c.checkpoint_size)).scalar_subquery()
    rows = connection.execute(select(cosignature).where(cosignature.c.checkpoint_size == newest)).all()
    if not rows:
        return None
    names = sorted(VerifierKey.parse(row.witness).name for row in rows)
    return Seen(tuple(names), max(row.cosigned_at for row in rows))
