"""The rows of the ledger made again from the vault: leaves, tree, payloads, checkpoints, cosignatures and tokens.

Each is proved before it is kept: leaves by the root that was signed, streams by their own chain, payloads by the digest
in their leaf, checkpoints by signature and by the tree as it then stood.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, delete, exists, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as insert_new

from archive import tlog
from archive.errors import RebuildError
from archive.late import cosignature_of, token_of
from archive.ledger_erasures import erased_leaves
from archive.rows import read
from archive.sequencer import frontier_of
from archive.signed_note import Checkpoint, Note
from archive.tables import (
    checkpoint,
    cosignature,
    custody_entry,
    custody_leaf,
    custody_payload,
    timestamp_token,
    tree_node,
)
from archive.vaulted_ledger import VaultedLedger, checkpoints_of

AT_ONCE: Final = 500
One = TypeVar("One")
Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how far it is, and of how many."""

_OF_IDENTITY = text(
    "INSERT INTO custody_entry (id, stream, names_stream, at, payload_sha256) OVERRIDING SYSTEM VALUE "
    "VALUES (:id, :stream, :names_stream, :at, :payload_sha256)"
)
_GO_ON = text("SELECT setval(pg_get_serial_sequence('custody_entry', 'id'), (SELECT max(id) FROM custody_entry))")
_BROKEN_STREAM = text(
    """
    SELECT leaf_index FROM (
      SELECT leaf_index, stream_seq, stream_prev, lag(leaf_hash) OVER each AS before, row_number() OVER each AS place
      FROM custody_leaf WINDOW each AS (PARTITION BY stream ORDER BY stream_seq)
    ) AS leaf
    WHERE stream_seq <> place - 1 OR stream_prev <> coalesce(before, decode(repeat('00', 32), 'hex')) LIMIT 1
    """
)


def rebuild_leaves(connection: Connection, ledger: VaultedLedger, signed: Checkpoint, progress: Progress) -> None:
    """Make entries, leaves and tree nodes, up to a signed checkpoint.

    Raises:
        RebuildError: They are not the ledger that was signed.
    """
    size, frontier, register = 0, list[bytes](), ledger.register()
    for leaves in ledger.leaves(signed.size):
        rows = [_leaf_row(size + place, leaf, told) for place, (leaf, told) in enumerate(_together(leaves, register))]
        added = tlog.append_nodes(size, frontier, [row["leaf_hash"] for row in rows])
        connection.execute(_OF_IDENTITY, [row.pop("entry") for row in rows])
        connection.execute(insert(custody_leaf), rows)
        connection.execute(
            insert(tree_node), [{"level": level, "idx": index, "hash": digest} for level, index, digest in added]
        )
        size, frontier = tlog.frontier_after(size, frontier, added)
        progress("entries", size, signed.size)
    if size != signed.size or tlog.root(size, frontier) != signed.root:
        raise RebuildError(f"its {size} leaves do not lead to the root that was signed over {signed.size}")
    broken = connection.execute(_BROKEN_STREAM).scalar()
    if broken is not None:
        raise RebuildError(f"the stream of entry {broken} is broken there")
    connection.execute(_GO_ON)


def rebuild_payloads(connection: Connection, ledger: VaultedLedger, progress: Progress) -> list[int]:
    """Make payloads; those that an entry says were erased stay erased.

    Returns:
        Indexes of leaves whose payload is not in the vault and was not erased.
    """
    lines = (json.loads(line) for found in ledger.objects("payloads/") for line in found.body.splitlines())
    done = 0
    for some in pages(lines):
        done += _keep_payloads(connection, {line["leaf_index"]: line["payload"].encode() for line in some})
        progress("payloads", done, None)
    erased = erased_leaves(connection)
    gone = select(custody_leaf.c.entry_id).where(custody_leaf.c.leaf_index == func.any(erased))
    connection.execute(delete(custody_payload).where(custody_payload.c.entry_id.in_(gone)))
    missing = select(custody_leaf.c.leaf_index).where(
        ~exists().where(custody_payload.c.entry_id == custody_leaf.c.entry_id)
    )
    return sorted(set(connection.execute(missing).scalars()) - set(erased))


def rebuild_checkpoints(connection: Connection, ledger: VaultedLedger, signed: Checkpoint) -> None:
    """Make every checkpoint, with what came to it later.

    Raises:
        RebuildError: One was signed over another history, or the newest is in no book.
        NoteRejectedError: One is not a note.
    """
    for book in ledger.objects("checkpoints/"):
        rows = [read(checkpoint, row) for row in checkpoints_of(book)]
        for row in rows:
            _prove(connection, row, ledger)
        connection.execute(insert_new(checkpoint).on_conflict_do_nothing(), rows)
    if connection.execute(select(func.max(checkpoint.c.size))).scalar() != signed.size:
        raise RebuildError(f"no book of checkpoints has the newest, over {signed.size} entries")
    for table, row_of in ((cosignature, cosignature_of), (timestamp_token, token_of)):
        for page in pages(ledger.objects(f"{table.name}/")):
            connection.execute(
                insert(table), [row_of(found.name, found.body, found.stored.metadata["row"]) for found in page]
            )


def pages(rows: Iterable[One]) -> Iterator[list[One]]:
    """Rows some hundred at a time."""
    source = iter(rows)
    while page := list(islice(source, AT_ONCE)):
        yield page


def _together(
    leaves: Sequence[bytes], register: Iterator[Mapping[str, Any]]
) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    for leaf in leaves:
        told = next(register, None)
        if told is None:
            raise RebuildError("the register ends before the ledger does")
        yield leaf, told


def _leaf_row(index: int, leaf: bytes, told: Mapping[str, Any]) -> dict[str, Any]:
    if told["leaf_index"] != index:
        raise RebuildError(f"the register has entry {told['leaf_index']} where entry {index} belongs")
    says = json.loads(leaf)
    return {
        "leaf_index": index,
        "entry_id": told["entry"]["id"],
        "leaf": leaf,
        "leaf_hash": tlog.leaf_hash(leaf),
        "stream": says["stream"],
        "stream_seq": says["seq"],
        "stream_prev": bytes.fromhex(says["prev"]),
        "entry": {**read(custody_entry, told["entry"]), "payload_sha256": says["payload_sha256"]},
    }


def _keep_payloads(connection: Connection, bodies: Mapping[int, bytes]) -> int:
    """Keep those whose digest is the one in the leaf; anything else in a batch is not a payload of this ledger."""
    query = (
        select(custody_leaf.c.leaf_index, custody_leaf.c.entry_id, custody_entry.c.payload_sha256)
        .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .where(custody_leaf.c.leaf_index == func.any(list(bodies)))
    )
    rows = [
        {"entry_id": row.entry_id, "body": bodies[row.leaf_index]}
        for row in connection.execute(query)
        if hashlib.sha256(bodies[row.leaf_index]).hexdigest() == row.payload_sha256
    ]
    if rows:
        connection.execute(insert_new(custody_payload).on_conflict_do_nothing(), rows)
    return len(rows)


def _prove(connection: Connection, row: Mapping[str, Any], ledger: VaultedLedger) -> None:
    """A checkpoint says what its row says, and is over the tree as it then stood.

    Which keys signed older ones is for the audit: the newest, whose signature was checked, stands for their roots.
    """
    signed = Checkpoint.parse(Note.parse(row["note"]).text)
    if (signed.origin, signed.size, signed.root) != (ledger.origin, row["size"], row["root"]):
        raise RebuildError(f"the checkpoint over {row['size']} entries does not say what its row says")
    if tlog.root(signed.size, frontier_of(connection, signed.size)) != signed.root:
        raise RebuildError(f"the checkpoint over {signed.size} entries was signed over another history")
