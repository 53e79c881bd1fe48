"""A case as the first so many entries of the ledger have it, asked for piece by piece: no list of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    Text,
    Uuid,
    cast,
    func,
    literal,
    select,
    union_all,
)

from archive.custody import case_stream, exhibit_stream
from archive.ledger import LedgerEntry, entries_where
from archive.tables import acquisition, custody_entry, custody_leaf, exhibit

AT_ONCE: Final = 500
_OF_AN_EXHIBIT: Final[list[ColumnElement[Any]]] = [
    *(acquisition.c[name] for name in ("id", "channel", "media_type", "sha256", "sha512", "size_bytes")),
    *(acquisition.c[name] for name in ("received_at", "delivered_at")),
    *(exhibit.c[name] for name in ("vault_key", "vault_version", "initials", "number")),
]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A case under a checkpoint: the exhibits assigned to it below, and what the ledger says of them up to there.

    Attributes:
        case_id: The case.
        size: Of the checkpoint.
    """

    case_id: UUID
    size: int

    def exhibit_ids(self) -> Select[tuple[UUID]]:
        """The ids of its exhibits, as a query; an exhibit is assigned once."""
        named = self._assignments().subquery()
        return select(cast(func.substr(named.c.names_stream, len(exhibit_stream("")) + 1), Uuid))

    def streams(self) -> CompoundSelect[tuple[str]]:
        """Labels of the streams of the case and of its exhibits, as a query."""
        return union_all(select(literal(case_stream(self.case_id))), self._assignments())

    def exhibits(self, connection: Connection) -> Iterator[Row[Any]]:
        """Its exhibits in order of receipt."""
        assigned = self._assignments().subquery()
        query = (
            select(*_OF_AN_EXHIBIT)
            .select_from(acquisition)
            .join(exhibit, exhibit.c.id == acquisition.c.id)
            .join(assigned, assigned.c.names_stream == literal(exhibit_stream("")) + cast(exhibit.c.id, Text))
            .order_by(acquisition.c.received_at, acquisition.c.id)
            .execution_options(yield_per=AT_ONCE)
        )
        with connection.execute(query) as rows:
            yield from rows

    def exhibit_count(self, connection: Connection) -> int:
        """How many exhibits it has."""
        return int(connection.execute(select(func.count()).select_from(self._assignments().subquery())).scalar_one())

    def entries(self, connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[LedgerEntry]:
        """The entries of its streams under the checkpoint for which conditions hold, in ledger order."""
        mine = custody_entry.c.stream.in_(self.streams())
        return entries_where(connection, mine, custody_leaf.c.leaf_index < self.size, *conditions)

    def _assignments(self) -> Select[tuple[str]]:
        given, leaf = custody_entry.alias("assignment"), custody_leaf.alias("assignment_leaf")
        return (
            select(given.c.names_stream)
            .join(leaf, leaf.c.entry_id == given.c.id)
            .where(given.c.stream == case_stream(self.case_id), given.c.names_stream.isnot(None))
            .where(leaf.c.leaf_index < self.size)
        )
