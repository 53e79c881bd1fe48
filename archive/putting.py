"""Puts that were begun: noted before the first byte leaves, let go in the transaction that enters what was put.

A server that answers with an error, or dies, may have kept the bytes all the same, where `If-None-Match` does not see
them (SeaweedFS on a full disk does). Whoever puts under a key that somebody put under before has to look first, and the
note has to be there when the database fails with the vault: so it is committed before the put (decision 0030).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, delete, func
from sqlalchemy.dialects.postgresql import insert

from archive.tables import put_begun


def begin_puts(engine: Engine, keys: Sequence[str]) -> frozenset[str]:
    """Note, committed, that objects are about to be put under these keys of the vault.

    Returns:
        Those under which a put was begun before and not settled: look there first.
    """
    if not keys:
        return frozenset()
    with engine.begin() as connection:
        # In one order, so that two who begin the same puts wait for each other and not in a circle.
        rows = [{"vault_key": key} for key in sorted(set(keys))]
        fresh = insert(put_begun).values(rows).on_conflict_do_nothing().returning(put_begun.c.vault_key)
        return frozenset(keys).difference(connection.execute(fresh).scalars())


def settle_puts(connection: Connection, keys: Sequence[str]) -> None:
    """Let go of the notes, in the transaction that remembers what lies under these keys."""
    if keys:
        connection.execute(delete(put_begun).where(put_begun.c.vault_key == func.any(list(keys))))
