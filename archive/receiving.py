"""Receipt: rows of acquisitions, written in the transaction of the door that took the bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import Acquisition, LargeAcquisition, acquisition_id, observation_source_id
from archive.alerts import raise_alert
from archive.assignment import Belonging
from archive.tables import acquisition

NOBODYS = Belonging()
_INSERT = insert(acquisition).on_conflict_do_nothing().returning(acquisition.c.id)


def receive(connection: Connection, item: Acquisition, belonging: Belonging = NOBODYS) -> UUID | None:
    """Record one receipt with its bytes, in the caller's transaction: once committed, it is received.

    Returns:
        Its id, or None where the same receipt with the same bytes is recorded already. The same source id with
        *other* bytes is a further observation with an id of its own, and an alert.
    """
    if insert_rows(connection, [row_of(item, belonging, item.raw)]):
        return item.id
    known = connection.execute(select(acquisition.c.sha256).where(acquisition.c.source_id == item.source_id)).scalar()
    if known == item.sha256:
        return None
    again = observation_of(item)
    if not insert_rows(connection, [row_of(again, belonging, item.raw, observation_of=item.id)]):
        return None
    raise_alert(connection, "other_bytes", at=item.received_at, acquisition_id=again.id)
    return again.id


def receive_large(connection: Connection, item: LargeAcquisition, belonging: Belonging = NOBODYS) -> UUID | None:
    """Record one receipt whose bytes lie in pieces under its id, in the caller's transaction: as `receive`.

    Returns:
        Its id, or None where it is recorded already. A source id of ours is given to one upload alone.
    """
    row = {**row_of(item, belonging, None), "state": "received", "in_pieces": True}
    return item.id if insert_rows(connection, [row]) else None


def receive_alone(engine: Engine, item: Acquisition, belonging: Belonging = NOBODYS) -> UUID | None:
    """Record one receipt as a transaction of its own; a new one is one statement, and one way to the database and back.

    Returns:
        As `receive`.
    """
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if insert_rows(connection, [row_of(item, belonging, item.raw)]):
            return item.id
    with engine.begin() as connection:
        return receive(connection, item, belonging)


def observation_of(item: Acquisition) -> Acquisition:
    """The same receipt as a further observation with an id of its own: its source id was told with other bytes."""
    source_id = observation_source_id(item.source_id, item.sha256)
    return replace(item, id=acquisition_id(item.channel, source_id), source_id=source_id)


def row_of(
    item: Acquisition | LargeAcquisition, belonging: Belonging, raw: bytes | None, *, observation_of: UUID | None = None
) -> dict[str, Any]:
    """The row of an acquisition: received where its bytes stand in it, else archived already."""
    return {
        "id": item.id,
        "channel": item.channel.value,
        "source_id": item.source_id,
        "received_at": item.received_at,
        "delivered_at": item.delivered_at,
        "sha256": item.sha256,
        "sha512": item.sha512,
        "size_bytes": item.size_bytes,
        "media_type": item.media_type,
        "door": dict(item.door),
        "raw": raw,
        "state": "received" if raw is not None else "archived",
        "attempts": 0,
        "sender": belonging.sender,
        "parent_id": belonging.parent_id,
        "for_case": belonging.case_id,
        "for_contributor": belonging.contributor_id,
        "alias_id": belonging.alias_id,
        "observation_of": observation_of,
    }


def insert_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """Insert the rows whose source ids are new; their ids."""
    if not rows:
        return set()
    # A single row goes the short way: SQLAlchemy's batches cost more than the insert itself.
    return set(connection.execute(_INSERT, list(rows) if len(rows) > 1 else rows[0]).scalars())
