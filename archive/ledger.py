"""The ledger's outbox, and what can be read of the ledger.

Whoever does an act records it here in the transaction of the act: no lock, no predecessor, so doors and workers never
wait for one another. `archive.sequencer` gives each entry its place afterwards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, select, text

from archive.custody import CustodyEntry, StreamHead
from archive.errors import NotSequencedYetError
from archive.tables import (
    checkpoint,
    cosignature,
    custody_entry,
    custody_leaf,
    custody_payload,
    custody_pending,
)
from archive.tlog import Node

# One statement: entries, payloads and places in the outbox come together or not at all. Ids follow the order given, and
# a payload's salt makes its digest its name.
_RECORD = text(
    """
    WITH given AS (
      SELECT * FROM unnest(
        CAST(:streams AS text[]), CAST(:named AS text[]), CAST(:ats AS timestamptz[]),
        CAST(:digests AS text[]), CAST(:bodies AS bytea[])
      ) WITH ORDINALITY AS given (stream, names_stream, at, payload_sha256, body, place)
    ), entry AS (
      INSERT INTO custody_entry (stream, names_stream, at, payload_sha256)
      SELECT stream, names_stream, at, payload_sha256 FROM given ORDER BY place
      RETURNING id, payload_sha256
    ), payload AS (
      INSERT INTO custody_payload (entry_id, body)
      SELECT entry.id, given.body FROM entry JOIN given USING (payload_sha256)
    ), pending AS (
      INSERT INTO custody_pending (entry_id) SELECT id FROM entry
    )
    SELECT entry.id FROM entry JOIN given USING (payload_sha256) ORDER BY given.place
    """
)


def record(connection: Connection, entry: CustodyEntry) -> int:
    """Put one entry into the outbox, in the caller's transaction.

    Returns:
        The entry's id: a name for it until it has a leaf index, not its place in the ledger.
    """
    return record_all(connection, [entry])[0]


def record_all(connection: Connection, entries: Sequence[CustodyEntry]) -> list[int]:
    """Put entries into the outbox in this order, in the caller's transaction; their ids, growing."""
    bodies = [entry.payload() for entry in entries]
    given = {
        "streams": [entry.stream for entry in entries],
        "named": [entry.names_stream for entry in entries],
        "ats": [entry.at for entry in entries],
        "digests": [hashlib.sha256(body).hexdigest() for body in bodies],
        "bodies": bodies,
    }
    return list(connection.execute(_RECORD, given).scalars()) if entries else []


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One sequenced entry as the ledger holds it.

    Attributes:
        index: Leaf index in the tree.
        leaf: The canonical leaf bytes.
        leaf_hash: Their RFC 9162 hash.
        payload: The payload's canonical bytes, or None where it was erased.
        stream: The stream's label.
        stream_seq: Position in the stream.
    """

    index: int
    leaf: bytes
    leaf_hash: bytes
    payload: bytes | None
    stream: str
    stream_seq: int

    def facts(self) -> Mapping[str, Any]:
        """The payload's content; empty where it was erased."""
        found: Mapping[str, Any] = json.loads(self.payload) if self.payload else {}
        return found


def entries_of(connection: Connection, streams: Sequence[str]) -> Iterator[LedgerEntry]:
    """The sequenced entries of some streams, in ledger order."""
    return entries_where(connection, custody_entry.c.stream == func.any(list(streams)))


def entries_where(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[LedgerEntry]:
    """The sequenced entries for which conditions on entry, leaf or payload hold, in ledger order."""
    query = (
        select(
            custody_leaf.c.leaf_index,
            custody_leaf.c.leaf,
            custody_leaf.c.leaf_hash,
            custody_payload.c.body,
            custody_entry.c.stream,
            custody_leaf.c.stream_seq,
        )
        .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .outerjoin(custody_payload, custody_payload.c.entry_id == custody_leaf.c.entry_id)
        .where(*conditions)
        .order_by(custody_leaf.c.leaf_index)
        .execution_options(yield_per=1000)
    )
    # Closed here even where the reader stops half-way: the database holds a cursor for it.
    with connection.execute(query) as rows:
        for index, leaf, leaf_hash, body, stream, seq in rows:
            payload = bytes(body) if body is not None else None
            yield LedgerEntry(index, bytes(leaf), bytes(leaf_hash), payload, stream, seq)


def require_sequenced(connection: Connection, streams: Sequence[str]) -> int:
    """Make sure that no entry of these streams waits for its place, and that a checkpoint covers them.

    Returns:
        The size of the newest checkpoint.

    Raises:
        NotSequencedYetError: Some entry is not under a checkpoint yet; try again.
    """
    mine = custody_entry.c.stream == func.any(list(streams))
    waiting = select(exists().where(custody_pending.c.entry_id == custody_entry.c.id, mine))
    last = (
        select(func.max(custody_leaf.c.leaf_index))
        .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .where(mine)
    )
    signed = checkpoint_size(connection)
    if connection.execute(waiting).scalar_one() or (connection.execute(last).scalar_one() or 0) >= signed:
        raise NotSequencedYetError(streams[0] if streams else "the ledger")
    return signed


_HEADS = text(
    """
    SELECT asked.stream, head.stream_seq, head.leaf_hash
    FROM unnest(CAST(:streams AS text[])) AS asked (stream)
    CROSS JOIN LATERAL (
      SELECT stream_seq, leaf_hash FROM custody_leaf
      WHERE custody_leaf.stream = asked.stream AND leaf_index < :size ORDER BY stream_seq DESC LIMIT 1
    ) AS head
    """
)


def heads(connection: Connection, pseudonyms: Sequence[str], *, size: int) -> dict[str, StreamHead]:
    """The last leaf of each stream in the tree of the first `size` leaves; streams without one are left out."""
    rows = connection.execute(_HEADS, {"streams": list(pseudonyms), "size": size})
    return {row.stream: StreamHead(row.stream_seq, bytes(row.leaf_hash)) for row in rows}


def checkpoint_size(connection: Connection) -> int:
    """Entries under the newest signed checkpoint; 0 where none was signed."""
    return int(connection.execute(select(func.coalesce(func.max(checkpoint.c.size), 0))).scalar_one())


def checkpoint_note(connection: Connection, size: int) -> bytes:
    """The signed note of the checkpoint of that size."""
    return bytes(connection.execute(select(checkpoint.c.note).where(checkpoint.c.size == size)).scalar_one())


def cosigned_note(connection: Connection, size: int) -> bytes:
    """The checkpoint as it is handed out: the signed note, then a line for each witness that has cosigned so far.

    Timestamps are over `checkpoint_note`, which never changes; this one grows until every witness has answered.
    """
    lines = connection.execute(
        select(cosignature.c.line).where(cosignature.c.checkpoint_size == size).order_by(cosignature.c.witness)
    ).scalars()
    return checkpoint_note(connection, size) + "".join(f"{line}\n" for line in lines).encode()


# Two arrays, however many are asked for: thousands of parameters take longer to be written than to be looked up.
_NODES = text(
    """
    SELECT tree_node.level, tree_node.idx, tree_node.hash
    FROM unnest(CAST(:levels AS smallint[]), CAST(:idxs AS bigint[])) AS asked (level, idx)
    JOIN tree_node ON tree_node.level = asked.level AND tree_node.idx = asked.idx
    """
)


def nodes(connection: Connection, wanted: Iterable[Node], *, at_once: int = 5000) -> dict[Node, bytes]:
    """Tree nodes by (level, index), read in few statements.

    Raises:
        KeyError: Never here; a proof over a missing node raises it when the node is looked up.
    """
    pending, found = list(wanted), {}
    for start in range(0, len(pending), at_once):
        some = pending[start : start + at_once]
        asked = {"levels": [level for level, _ in some], "idxs": [idx for _, idx in some]}
        found.update({(row.level, row.idx): bytes(row.hash) for row in connection.execute(_NODES, asked)})
    return found


def waiting(connection: Connection) -> int:
    """Entries in the outbox that the sequencer has not placed yet."""
    return int(connection.execute(select(func.count()).select_from(custody_pending)).scalar_one())
