"""Times under audit: every entry's own, between the tokens that bound it, and the tokens that the ledger tells of.

An entry is not later than a token over a checkpoint that covers it, and not earlier than a token whose receipt stands
before it. The tolerance is the verifiers': what is named here is what a package would be refused for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from archive.acquisition import rendered
from archive.audit_ledger import first_since
from archive.audit_scope import Fault, Ground, Page, Scope
from archive.custody import SYSTEM, Action
from archive.sequencer import tree_size
from archive.tables import custody_entry, custody_leaf, custody_payload, timestamp_token

AT_ONCE = 512
# The tightest bounds are those of the tokens next to a page; the whole history of tokens need not be read for each.
NEAREST: Final = 64
TOLERANCE: Final = timedelta(seconds=120)


def times(ground: Ground, scope: Scope, cursor: str) -> Iterator[Page]:
    """Every entry's time, and that every token whose receipt is an entry is there."""
    with ground.engine.connect() as connection:
        at = int(cursor) if cursor else first_since(connection, scope)
        size = tree_size(connection)
    while at < size:
        upto = min(size, at + AT_ONCE)
        with ground.engine.connect() as connection:
            rows = _entries(connection, at, upto)
            faults = _too_late(connection, rows, upto) + _too_early(connection, rows, at)
            faults += _tokens_missing(connection, at, upto)
        yield Page(str(upto), len(rows), faults)
        at = upto


def _entries(connection: Connection, start: int, end: int) -> Sequence[Row[Any]]:
    query = (
        select(custody_leaf.c.leaf_index, custody_entry.c.at)
        .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .where(custody_leaf.c.leaf_index >= start, custody_leaf.c.leaf_index < end)
        .order_by(custody_leaf.c.leaf_index)
    )
    return list(connection.execute(query))


def _too_late(connection: Connection, rows: Sequence[Row[Any]], end: int) -> list[Fault]:
    """Entries that say they are later than a token over them, each with the earliest such token."""
    if not rows:
        return []
    size, time = timestamp_token.c.checkpoint_size, timestamp_token.c.gen_time
    beyond = select(time).where(size > end).order_by(size).limit(NEAREST).subquery()
    bound = connection.execute(select(func.min(beyond.c.gen_time))).scalar()
    within = select(size, time).where(size > rows[0].leaf_index, size <= end).order_by(size)
    covering = list(connection.execute(within))
    faults = []
    for row in reversed(rows):
        while covering and covering[-1].checkpoint_size > row.leaf_index:
            found: datetime = covering.pop().gen_time
            bound = found if bound is None else min(bound, found)
        if bound is not None and row.at > bound + TOLERANCE:
            says = f"it says {rendered(row.at)}, and a token says that it was there at {rendered(bound)}"
            faults.append(Fault("clock_off", f"entry {row.leaf_index}", says))
    return faults


def _too_early(connection: Connection, rows: Sequence[Row[Any]], start: int) -> list[Fault]:
    """Entries that say they are earlier than a token whose receipt stands before them."""
    received = select(custody_leaf.c.leaf_index, timestamp_token.c.gen_time).join(
        custody_leaf, custody_leaf.c.entry_id == timestamp_token.c.entry_id
    )
    # A token's receipt comes after what it covers, so the newest of these are among the tokens over less than `start`.
    size = timestamp_token.c.checkpoint_size
    before = received.where(size < start, custody_leaf.c.leaf_index < start)
    nearest = before.order_by(size.desc()).limit(NEAREST).subquery()
    bound = connection.execute(select(func.max(nearest.c.gen_time))).scalar()
    within = received.where(custody_leaf.c.leaf_index >= start, custody_leaf.c.leaf_index < start + AT_ONCE)
    known = {row.leaf_index: row.gen_time for row in connection.execute(within)}
    faults = []
    for row in rows:
        if bound is not None and row.at < bound - TOLERANCE:
            says = f"it says {rendered(row.at)}, and comes after the receipt of a token of {rendered(bound)}"
            faults.append(Fault("clock_off", f"entry {row.leaf_index}", says))
        if row.leaf_index in known:
            found = known[row.leaf_index]
            bound = found if bound is None else max(bound, found)
    return faults


def _tokens_missing(connection: Connection, start: int, end: int) -> list[Fault]:
    query = (
        select(custody_leaf.c.leaf_index, custody_payload.c.body)
        .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .join(custody_payload, custody_payload.c.entry_id == custody_entry.c.id)
        .where(
            custody_leaf.c.leaf_index >= start,
            custody_leaf.c.leaf_index < end,
            custody_entry.c.stream == SYSTEM,
        )
    )
    received = {}
    for row in connection.execute(query):
        # Looked for as bytes first: most entries are others.
        if Action.TIMESTAMP_RECEIVED.encode() in bytes(row.body):
            says = json.loads(bytes(row.body))
            if says["action"] == Action.TIMESTAMP_RECEIVED:
                received[row.leaf_index] = (says["facts"]["checkpoint_size"], says["facts"]["authority"])
    sizes = {size for size, _ in received.values()}
    held = select(timestamp_token.c.checkpoint_size, timestamp_token.c.authority).where(
        timestamp_token.c.checkpoint_size.in_(sizes)
    )
    there = {(row.checkpoint_size, row.authority) for row in connection.execute(held)}
    return [
        Fault("token_missing", f"token of {name} over checkpoint {size}", f"entry {index} received it, it has no row")
        for index, (size, name) in received.items()
        if (size, name) not in there
    ]
