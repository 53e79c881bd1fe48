"""Which checkpoints a package holds, with their tokens: its own, those of earlier packages, and one for each day.

The day's checkpoints bound the archive's own clock: no entry under one says it is later than its token, and none after
the record of a token says it is earlier.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select, text

from archive.ledger import LedgerEntry, cosigned_note, entries_where
from archive.package_source import Seal
from archive.snapshot import Snapshot
from archive.tables import custody_entry, custody_leaf, custody_payload, package, timestamp_token
from archive.timestamps import tokens_of

# Of each day's checkpoints that have a token, the last; and the last whose token stands in the ledger before the case.
_DAYS = text(
    """
    WITH token AS (
      SELECT timestamp_token.checkpoint_size AS size, gen_time, leaf_index
      FROM timestamp_token JOIN custody_leaf ON custody_leaf.entry_id = timestamp_token.entry_id
      WHERE timestamp_token.checkpoint_size < :size
    ), within AS (
      SELECT DISTINCT ON (date_trunc('day', gen_time)) size FROM token
      WHERE size > :first ORDER BY date_trunc('day', gen_time), size DESC
    ), before AS (
      SELECT size FROM token WHERE leaf_index < :first ORDER BY leaf_index DESC LIMIT 1
    )
    SELECT size FROM within UNION SELECT size FROM before
    """
)


def sizes_for(connection: Connection, snapshot: Snapshot, size: int) -> list[int]:
    """The checkpoints that a package of a case holds, ascending.

    Args:
        connection: Reads only.
        snapshot: What the package is of.
        size: Its own checkpoint, which covers the export.
    """
    mine = package.c.case_id == snapshot.case_id
    # Their holders can check that history was only added to.
    earlier = select(package.c.checkpoint_size).where(mine, package.c.checkpoint_size < size)
    first = (
        select(func.min(custody_leaf.c.leaf_index))
        .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .where(custody_entry.c.stream.in_(snapshot.streams()))
    )
    begun = {"first": connection.execute(first).scalar_one() or 0, "size": size}
    days = connection.execute(_DAYS, begun).scalars()
    return sorted({*connection.execute(earlier).scalars(), *days, size})


def seal_of(connection: Connection, size: int) -> Seal:
    """A checkpoint as packages hold it: note with cosignatures, tokens by a name of their authority, their records."""
    tokens: dict[str, bytes] = {}
    for token in tokens_of(connection, size):
        tokens[authority_name(token.authority, tokens)] = token.response
    return Seal(cosigned_note(connection, size), tokens, _received(connection, size))


def _received(connection: Connection, size: int) -> list[LedgerEntry]:
    """The sequenced entries in which this checkpoint's tokens stand."""
    tokens = select(timestamp_token.c.entry_id).where(timestamp_token.c.checkpoint_size == size)
    told = custody_payload.c.entry_id.isnot(None)
    return list(entries_where(connection, custody_leaf.c.entry_id.in_(tokens), told))


def authority_name(address: str, taken: Collection[str]) -> str:
    """A plain name for a timestamp authority, from its address: part of a file's name, and nothing that is trusted."""
    host = re.sub(r"[^a-z0-9.-]+", "-", (urlsplit(address).hostname or address).lower()).strip(".-") or "authority"
    return next(name for name in (host, *(f"{host}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)
