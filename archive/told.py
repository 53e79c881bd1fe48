"""One entry of the ledger as replay needs it, and the two things every act does with rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, literal, select
from sqlalchemy.dialects.postgresql import insert

from archive.vault import StoredObject


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of the ledger, as replay needs it.

    Attributes:
        entry_id: Its row.
        at: When it was done.
        payload: What it says.
        stored: Of an archived exhibit, its object in the vault.
    """

    entry_id: int
    at: datetime
    payload: Mapping[str, Any]
    stored: StoredObject | None = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts it records."""
        found: Mapping[str, Any] = self.payload["facts"]
        return found

    @property
    def subject(self) -> UUID:
        """The id in its stream's label."""
        return UUID(self.payload["stream"].partition(":")[2])


def put(connection: Connection, table: Table, **values: Any) -> None:
    """Make a row, unless it is there: a dump may have brought it."""
    connection.execute(insert(table).values(values).on_conflict_do_nothing())


def known(connection: Connection, table: Table, wanted: UUID | None) -> UUID | None:
    """The id, if a row has it: a row that never reached the vault cannot be referred to."""
    if wanted is None or connection.execute(select(literal(1)).where(table.c.id == wanted)).first() is None:
        return None
    return wanted
