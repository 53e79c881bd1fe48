"""Ledgers of a given size, each in a database of its own on one server.

Leaves and nodes are written with COPY, in the form in which the sequencer writes them (its leaf form is compared with
ours in every batch, its tree code makes the nodes). Rows of the entries and their payloads are left out: neither a
checkpoint nor a proof reads them. The first entry and the last are made and placed in the ordinary way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from psycopg import sql
from sqlalchemy import Connection, Engine, text

from archive import tlog
from archive.acquisition import parsed, rendered
from archive.custody import NO_PREDECESSOR, SYSTEM, Action, CustodyEntry, leaf_bytes
from archive.database import migrate
from archive.ledger import record
from archive.sequencer import Sequencer, frontier_of, tree_size
from cli import composition
from cli.composition import now
from services.embedded import Embedded
from settings import Settings

BATCH = 50_000
ENTRIES_EACH = 6
ORIGIN = "archive.example/bench-"
LEAF = '{"log":"%s","names":null,"payload_sha256":"%s","prev":"%s","seq":%d,"stream":"%s","time":"%s","v":1}'
LEAF_COLUMNS = ("leaf_index", "entry_id", "leaf", "leaf_hash", "stream", "stream_seq", "stream_prev")


@dataclass(frozen=True, slots=True)
class LargeLedger:
    """One ledger and who works on it."""

    settings: Settings
    engine: Engine
    sequencer: Sequencer

    def record(self) -> None:
        """Put one more entry into the outbox."""
        with self.engine.begin() as connection:
            record(connection, CustodyEntry(SYSTEM, Action.VAULT_TESTED, "system:bench", now()))

    def close(self) -> None:
        """Leave no connection behind."""
        self.engine.dispose()
        self.sequencer.engine.dispose()


def environment_of(parts: Embedded, environment: dict[str, str], size: int) -> dict[str, str]:
    """The settings of a ledger of that size: a database, a name and a kept checkpoint of its own."""
    urls = parts.database(f"ledger_{size}")
    return environment | {
        "HOLDFAST_DATABASE_URL": urls.app,
        "HOLDFAST_DATABASE_OWNER_URL": urls.owner,
        "HOLDFAST_DATABASE_SEQUENCER_URL": urls.sequencer,
        "HOLDFAST_DATABASE_DISPOSAL_URL": urls.disposal,
        "HOLDFAST_LOG_ORIGIN": f"{ORIGIN}{size}",
        "HOLDFAST_CHECKPOINT_FILE": str(parts.home.folder(f"ledger-{size}") / "last-checkpoint.note"),
    }


def large_ledger(environment: dict[str, str], size: int) -> LargeLedger:
    """A signed ledger of that size."""
    settings = Settings.from_environment(environment)
    owner = composition.owner_engine(settings)
    migrate(owner)
    sequencer = composition.sequencer(settings)
    sequencer.announce()
    sequencer.run_once()
    with owner.begin() as connection:
        _grow(connection, sequencer.key.name, size - 1)
    with owner.begin() as connection:
        connection.execute(text("ANALYZE custody_leaf, tree_node"))
    owner.dispose()
    made = LargeLedger(settings, composition.app_engine(settings), sequencer)
    made.record()
    sequencer.run_once()
    return made


def _grow(connection: Connection, origin: str, size: int) -> None:
    begun = tree_size(connection)
    frontier = frontier_of(connection, begun)
    head, rows = NO_PREDECESSOR, iter(range(begun, size))
    while numbers := list(islice(rows, BATCH)):
        leaves, head = _leaves(origin, numbers, head)
        added = tlog.append_nodes(numbers[0], frontier, [leaf[3] for leaf in leaves])
        _, frontier = tlog.frontier_after(numbers[0], frontier, added)
        _copy(connection, "custody_leaf", LEAF_COLUMNS, leaves)
        _copy(connection, "tree_node", ("level", "idx", "hash"), added)


def _leaves(origin: str, numbers: Sequence[int], head: bytes) -> tuple[list[tuple[Any, ...]], bytes]:
    leaves, at = [], rendered(now())
    for number in numbers:
        seq = number % ENTRIES_EACH
        # Streams that began before us have their first entries elsewhere.
        stream = hashlib.sha256(b"stream %d" % (number // ENTRIES_EACH)).hexdigest()
        payload, prev = hashlib.sha256(b"payload %d" % number).hexdigest(), head if seq else NO_PREDECESSOR
        leaf = (LEAF % (origin, payload, prev.hex(), seq, stream, at)).encode()
        if number == numbers[0]:
            ours = leaf_bytes(origin=origin, stream=stream, seq=seq, prev=prev, at=parsed(at), payload_sha256=payload)
            assert leaf == ours, (leaf, ours)
        head = tlog.leaf_hash(leaf)
        # No entry of the archive's own has an id below nought.
        leaves.append((number, -1 - number, leaf, head, stream, seq, prev))
    return leaves, head


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor, cursor.copy(statement) as into:
        for row in rows:
            into.write_row(row)
