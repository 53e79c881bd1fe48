"""Which payloads were erased, as the ledger tells it: a payload that is gone without an entry is a fault."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from archive.tables import custody_leaf

# Erasures stand in the system's stream, whose own payloads stay; looked for as bytes first: most entries are others.
_ERASED = text(
    """
    SELECT convert_from(body, 'UTF8')::json -> 'facts' -> 'leaves'
    FROM custody_entry JOIN custody_payload ON entry_id = id
    WHERE stream = 'system' AND position(convert_to('"payload.erased"', 'UTF8') IN body) > 0
      AND convert_from(body, 'UTF8')::json ->> 'action' = 'payload.erased'
    """
)


def erased_leaves(connection: Connection) -> list[int]:
    """Indexes of the leaves whose payloads were erased, as `payload.erased` entries name them."""
    return [index for named in connection.execute(_ERASED).scalars() for index in named]


def erased_entries(connection: Connection) -> set[int]:
    """The rows of those leaves' entries."""
    query = select(custody_leaf.c.entry_id).where(custody_leaf.c.leaf_index == func.any(erased_leaves(connection)))
    return set(connection.execute(query).scalars())
