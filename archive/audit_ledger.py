"""The ledger under audit: every leaf, payload, stream, tree node, checkpoint and token, each against the others.

Nodes are checked where they are joined, from the children as the database has them: so an edit is named at its own
place, and does not make every entry behind it a fault.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import rfc8785
from sqlalchemy import Connection, Row, func, select
from sqlalchemy.orm import aliased

from archive import tlog
from archive.acquisition import rendered
from archive.audit_scope import Fault, Ground, Page, Scope
from archive.custody import NO_PREDECESSOR, Action, pseudonym
from archive.errors import NoteRejectedError, ProofError, TokenRejectedError
from archive.ledger import nodes
from archive.ledger_erasures import erased_leaves
from archive.log_keys import log_keys
from archive.sequencer import frontier_of, tree_size
from archive.signed_note import Checkpoint, Note, VerifierKey
from archive.tables import (
    acquisition,
    checkpoint,
    custody_entry,
    custody_leaf,
    custody_payload,
    custody_pending,
    exhibit,
    timestamp_token,
)
from archive.timestamps import stamped_bytes
from archive.token_check import check_token

AT_ONCE = 512


def entries(ground: Ground, scope: Scope, cursor: str) -> Iterator[Page]:
    """Every leaf with its row, payload, place in its stream and nodes above it; then what waits for a place."""
    with ground.engine.connect() as connection:
        at = int(cursor) if cursor else first_since(connection, scope)
        size = tree_size(connection)
    while at < size:
        upto = min(size, at + AT_ONCE)
        with ground.engine.connect() as connection:
            rows = {row.leaf_index: row for row in _leaves(connection, at, upto)}
            faults = [fault for index in range(at, upto) for fault in _leaf_faults(ground, index, rows.get(index))]
            faults += _erasures(connection, [row for row in rows.values() if row.body is None])
            faults += _tree_faults(connection, at, upto)
            faults += _rows_of_acts(connection, list(rows.values()))
        yield Page(str(upto), upto - at, faults)
        at = upto
    with ground.engine.connect() as connection:
        yield Page(str(size), 0, _unplaced(connection, ground))


def first_since(connection: Connection, scope: Scope) -> int:
    """The leaf with which a run of this scope begins."""
    if scope.since is None:
        return 0
    query = (
        select(func.min(custody_leaf.c.leaf_index))
        .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .where(custody_entry.c.at >= scope.since)
    )
    first = connection.execute(query).scalar()
    return tree_size(connection) if first is None else int(first)


def _leaves(connection: Connection, start: int, end: int) -> Sequence[Row[Any]]:
    before = aliased(custody_leaf)
    query = (
        select(
            custody_leaf,
            custody_entry.c.id.label("row_id"),
            custody_entry.c.stream.label("label"),
            custody_entry.c.at,
            custody_entry.c.payload_sha256,
            custody_payload.c.body,
            before.c.leaf_hash.label("before"),
        )
        .outerjoin(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .outerjoin(custody_payload, custody_payload.c.entry_id == custody_leaf.c.entry_id)
        .outerjoin(
            before, (before.c.stream == custody_leaf.c.stream) & (before.c.stream_seq == custody_leaf.c.stream_seq - 1)
        )
        .where(custody_leaf.c.leaf_index >= start, custody_leaf.c.leaf_index < end)
    )
    return list(connection.execute(query))


def _leaf_faults(ground: Ground, index: int, row: Row[Any] | None) -> Iterator[Fault]:
    place = f"entry {index}"
    if row is None:
        yield Fault("leaf_missing", place, "the ledger has no leaf there")
        return
    if tlog.leaf_hash(bytes(row.leaf)) != bytes(row.leaf_hash):
        yield Fault("leaf_changed", place, "the leaf does not hash to its own hash")
        return
    if row.row_id is None:
        yield Fault("entry_missing", place, f"its row {row.entry_id} is gone")
        return
    wrong = _differences(ground, json.loads(bytes(row.leaf)), row)
    if wrong:
        yield Fault("entry_changed", place, f"leaf and row differ in {', '.join(wrong)}")
    if bytes(row.stream_prev) != (NO_PREDECESSOR if row.stream_seq == 0 else bytes(row.before or b"")):
        yield Fault("stream_broken", place, f"number {row.stream_seq} of {row.label} does not follow the one before")
    if row.body is not None and hashlib.sha256(bytes(row.body)).hexdigest() != row.payload_sha256:
        yield Fault("payload_changed", place, f"the payload of {row.label} is not the one that was recorded")


def _differences(ground: Ground, says: Mapping[str, Any], row: Row[Any]) -> list[str]:
    """What a leaf says, beside what the row and its columns say."""
    recorded = {
        "log": ground.origin,
        "stream": _pseudonym(ground.secret, row.label),
        "seq": row.stream_seq,
        "prev": bytes(row.stream_prev).hex(),
        "time": rendered(row.at),
        "payload_sha256": row.payload_sha256,
    }
    wrong = [name for name, value in recorded.items() if says.get(name) != value]
    wrong += ["its canonical form"] if rfc8785.dumps(dict(says)) != bytes(row.leaf) else []
    return wrong + (["the stream's column"] if row.stream != says.get("stream") else [])


@lru_cache(maxsize=4096)
def _pseudonym(secret: bytes, label: str) -> str:
    return pseudonym(secret, label)


def _erasures(connection: Connection, without: Sequence[Row[Any]]) -> list[Fault]:
    """A payload may be gone only where an entry says that it was erased."""
    if not without:
        return []
    erased = set(erased_leaves(connection))
    return [
        Fault("payload_missing", f"entry {row.leaf_index}", f"the payload of {row.label} is gone and was not erased")
        for row in without
        if row.leaf_index not in erased
    ]


def _tree_faults(connection: Connection, start: int, end: int) -> list[Fault]:
    """Nodes that were added with these leaves, each against its children as the database has them."""
    try:
        frontier = frontier_of(connection, start)
        stored = nodes(connection, [(0, index) for index in range(start, end)])
        added = tlog.append_nodes(start, frontier, [stored[0, index] for index in range(start, end)])
        held = nodes(connection, [(level, index) for level, index, _ in added])
    except KeyError as missing:
        return [Fault("tree_changed", f"entries {start} to {end - 1}", f"the tree has no node {missing.args[0]}")]
    hashes = select(custody_leaf.c.leaf_index, custody_leaf.c.leaf_hash).where(
        custody_leaf.c.leaf_index >= start, custody_leaf.c.leaf_index < end
    )
    faults = [
        Fault("tree_changed", f"entry {row.leaf_index}", "the tree has another hash for it")
        for row in connection.execute(hashes)
        if bytes(row.leaf_hash) != stored[0, row.leaf_index]
    ]
    return faults + [
        Fault("tree_changed", f"node {level}/{index}", "it does not follow from the two below it")
        for level, index, digest in added
        if level and held.get((level, index)) != digest
    ]


def _rows_of_acts(connection: Connection, rows: Sequence[Row[Any]]) -> list[Fault]:
    """Every exhibit that an entry says was archived is there, as the entry has it."""
    told = {}
    for row in rows:
        if row.body is not None and b'"exhibit.archived"' in bytes(row.body):
            payload = json.loads(bytes(row.body))
            if payload["action"] == Action.EXHIBIT_ARCHIVED:
                told[UUID(payload["facts"]["exhibit_id"])] = (row.leaf_index, payload["facts"])
    query = select(exhibit, acquisition.c.sha256, acquisition.c.source_id, acquisition.c.channel).join(
        acquisition, acquisition.c.id == exhibit.c.id
    )
    held = {row.id: row for row in connection.execute(query.where(exhibit.c.id.in_(list(told))))} if told else {}
    faults = []
    for exhibit_id, (index, facts) in told.items():
        if exhibit_id not in held:
            faults.append(Fault("row_missing", f"exhibit {exhibit_id}", f"entry {index} archived it, it has no row"))
            continue
        names = ("sha256", "source_id", "channel", "vault_key", "vault_version")
        wrong = [name for name in names if getattr(held[exhibit_id], name) != facts[name]]
        if wrong:
            faults.append(
                Fault("row_changed", f"exhibit {exhibit_id}", f"row and entry {index} differ in {', '.join(wrong)}")
            )
    return faults


def _unplaced(connection: Connection, ground: Ground) -> list[Fault]:
    query = (
        select(func.count(), func.min(custody_entry.c.id))
        .join(custody_pending, custody_pending.c.entry_id == custody_entry.c.id)
        .where(custody_entry.c.at < ground.now() - ground.grace)
    )
    many, first = connection.execute(query).one()
    late = (
        [Fault("entry_waits", f"entry row {first}", f"{many} entries have waited too long for a place")] if many else []
    )
    lost = (
        select(custody_entry.c.id)
        .outerjoin(custody_leaf, custody_leaf.c.entry_id == custody_entry.c.id)
        .outerjoin(custody_pending, custody_pending.c.entry_id == custody_entry.c.id)
        .where(custody_leaf.c.entry_id.is_(None), custody_pending.c.entry_id.is_(None))
        .order_by(custody_entry.c.id)
        .limit(AT_ONCE)
    )
    return late + [
        Fault("entry_forgotten", f"entry row {row_id}", "it has no place in the ledger and waits for none")
        for row_id in connection.execute(lost).scalars()
    ]


def checkpoints(ground: Ground, scope: Scope, cursor: str) -> Iterator[Page]:
    """Every checkpoint: signed by a key of this log, over the tree as it stands; and so the copy outside."""
    after = int(cursor or 0)
    with ground.engine.connect() as connection:
        keys = list(ground.keys) or [each.key for each in log_keys(connection)]
    while True:
        with ground.engine.connect() as connection:
            query = select(checkpoint).where(checkpoint.c.size > after).order_by(checkpoint.c.size).limit(AT_ONCE)
            if scope.since is not None:
                query = query.where(checkpoint.c.signed_at >= scope.since)
            rows = connection.execute(query).all()
            if not rows:
                break
            faults = []
            for row in rows:
                faults += _checkpoint_faults(connection, ground, bytes(row.note), keys, f"checkpoint {row.size}")
                if Checkpoint(ground.origin, row.size, bytes(row.root)).text != Note.parse(bytes(row.note)).text:
                    faults.append(Fault("checkpoint_changed", f"checkpoint {row.size}", "its row and its note differ"))
        after = rows[-1].size
        yield Page(str(after), len(rows), faults)
    with ground.engine.connect() as connection:
        yield Page(str(after), *_outside(connection, ground, keys))


def _outside(connection: Connection, ground: Ground, keys: Sequence[VerifierKey]) -> tuple[int, list[Fault]]:
    """The copy that the sequencer keeps outside the database, where this process may read it."""
    if ground.outside is None:
        return 0, []
    try:
        raw = ground.outside.read_bytes()
    except PermissionError:
        return 0, []
    except FileNotFoundError:
        newest = connection.execute(select(func.count()).select_from(checkpoint)).scalar_one()
        return 0, [Fault("kept_missing", "the kept checkpoint", "it is not there")] if newest else []
    return 1, _checkpoint_faults(connection, ground, raw, keys, "the kept checkpoint")


def _checkpoint_faults(
    connection: Connection, ground: Ground, raw: bytes, keys: Sequence[VerifierKey], place: str
) -> list[Fault]:
    try:
        note = Note.parse(raw)
        note.signers(keys)
        signed = Checkpoint.parse(note.text)
    except NoteRejectedError as error:
        return [Fault("checkpoint_unsigned", place, str(error))]
    if signed.origin != ground.origin:
        return [Fault("checkpoint_changed", place, f"it is of another log, {signed.origin}")]
    # Asked for now: what is looked at may be younger than the beginning of this step.
    size = tree_size(connection)
    if signed.size > size:
        return [Fault("rolled_back", place, f"it is over {signed.size} entries, the database holds {size}")]
    try:
        root = tlog.root(signed.size, frontier_of(connection, signed.size))
    except (KeyError, ProofError):
        return [Fault("tree_changed", place, "the tree lacks nodes that its root is made of")]
    if root != signed.root:
        return [Fault("history_changed", place, "the entries up to here are not those that were signed")]
    return []


def tokens(ground: Ground, scope: Scope, cursor: str) -> Iterator[Page]:
    """Every timestamp token: whole, over its checkpoint, from an authority we trust, and as the ledger recorded it."""
    after = int(cursor or 0)
    while True:
        with ground.engine.connect() as connection:
            query = (
                select(timestamp_token, checkpoint.c.note, custody_payload.c.body)
                .join(checkpoint, checkpoint.c.size == timestamp_token.c.checkpoint_size)
                .outerjoin(custody_payload, custody_payload.c.entry_id == timestamp_token.c.entry_id)
                .where(timestamp_token.c.checkpoint_size > after)
                .order_by(timestamp_token.c.checkpoint_size)
                .limit(AT_ONCE)
            )
            if scope.since is not None:
                query = query.where(timestamp_token.c.received_at >= scope.since)
            rows = connection.execute(query).all()
        if not rows:
            return
        # All tokens of the last checkpoint belong on one page: what may be cut off is looked at again.
        last = rows[-1].checkpoint_size
        whole = [row for row in rows if row.checkpoint_size != last] if len(rows) == AT_ONCE else rows
        after = whole[-1].checkpoint_size
        yield Page(str(after), len(whole), [fault for row in whole for fault in _token_faults(ground, row)])


def _token_faults(ground: Ground, row: Row[Any]) -> Iterator[Fault]:
    place = f"token of {row.authority} over checkpoint {row.checkpoint_size}"
    response = bytes(row.response)
    sha256 = hashlib.sha256(response).hexdigest()
    if sha256 != row.sha256:
        yield Fault("token_changed", place, "the response is not the one that was received")
    if row.body is None or sha256 not in bytes(row.body).decode():
        yield Fault("token_unrecorded", place, f"entry row {row.entry_id} does not tell of it")
    if ground.roots is not None:
        try:
            checked = check_token(response, stamped_bytes(bytes(row.note)), ground.roots)
        except TokenRejectedError as error:
            yield Fault("token_refused", place, str(error))
            return
        if checked.gen_time != row.gen_time:
            yield Fault("token_changed", place, "the row has another time than the token")
