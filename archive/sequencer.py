"""The sequencer: gives each custody entry its place in the Merkle tree, and signs checkpoints.

One process at a time (an advisory lock in the database), READ COMMITTED, all of a batch in one transaction. The outbox
is drained in id order by presence, never by "id greater than the last": a lower id can commit later.

Only this process holds the signing key, and the next one while they change. The last checkpoint it signed is kept
outside the database as well, and every new root is proved consistent with it before it is signed: a restored backup
cannot make it sign a fork.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select

from archive import tlog
from archive.custody import NO_PREDECESSOR, StreamHead, leaf_bytes, pseudonym
from archive.durable import replace_durably
from archive.errors import KeyRefusedError, LedgerForkedError, NoteRejectedError
from archive.ledger import heads, nodes
from archive.log_keys import begin_log, log_keys
from archive.signed_note import Checkpoint, Note, SigningKey
from archive.tables import checkpoint, custody_entry, custody_leaf, custody_pending, tree_node

ACTOR = "system:sequencer"
BATCH = 2000
# Any constant of ours: two sequencers must agree on it.
ADVISORY_LOCK = 0x686F6C64


@dataclass(frozen=True, slots=True)
class Sequencer:
    """Places entries and signs checkpoints of one log.

    Attributes:
        engine: On the sequencer's own database login.
        secret: The ledger secret that stream pseudonyms come from; backed up, never in the database.
        key: The log's signing key; its name is the log's origin.
        outside: File that keeps the last signed checkpoint outside the database.
        now: The clock.
        next_key: The key that is to replace `key`, of the same name: once announced it signs too.
    """

    engine: Engine
    secret: bytes
    key: SigningKey
    outside: Path
    now: Callable[[], datetime]
    next_key: SigningKey | None = None

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """The keys this process holds."""
        return (self.key, self.next_key) if self.next_key else (self.key,)

    def run_once(self) -> int:
        """Place what waits and sign what grew.

        Returns:
            How many entries were placed; 0 also where another sequencer is at work.

        Raises:
            LedgerForkedError: The database contradicts the last signed checkpoint; nothing was signed.
        """
        with self.engine.begin() as connection:
            placed = self._place(connection) if _locked(connection) else 0
        # Signed only once the places are committed: a rolled-back order must never have a signature.
        with self.engine.begin() as connection:
            if _locked(connection):
                self._sign(connection)
        return placed

    def announce(self) -> None:
        """Begin the ledger under our key where it has none, else make sure that it knows every key we hold.

        Raises:
            LedgerForkedError: The database contradicts the last signed checkpoint.
            KeyRefusedError: A key was never announced.
        """
        with self.engine.begin() as connection:
            before = last_kept(self.outside)
            if before:
                # First: a backup from before a key was announced is an older backup above all.
                self._prove_consistent(connection, before, tree_size(connection))
            known = {each.key for each in log_keys(connection)}
            if not known:
                begin_log(connection, self.key.verifier, at=self.now(), actor=ACTOR)
                known = {self.key.verifier}
            for key in self.keys:
                if key.verifier not in known:
                    because = (
                        "announce this key first with `holdfast key rotate` (docs/operations.md, Changing the key)"
                    )
                    raise KeyRefusedError(key.verifier.encode(), because)

    def _place(self, connection: Connection) -> int:
        rows = _waiting(connection)
        if not rows:
            return 0
        size = tree_size(connection)
        frontier = frontier_of(connection, size)
        leaves = self._leaves(connection, rows, size)
        added = tlog.append_nodes(size, frontier, [leaf["leaf_hash"] for leaf in leaves])
        connection.execute(insert(custody_leaf), leaves)
        connection.execute(
            insert(tree_node), [{"level": level, "idx": index, "hash": digest} for level, index, digest in added]
        )
        connection.execute(
            delete(custody_pending).where(custody_pending.c.entry_id == func.any([row.id for row in rows]))
        )
        return len(leaves)

    def _leaves(self, connection: Connection, rows: Sequence[Row[Any]], size: int) -> list[dict[str, Any]]:
        labels = {row.stream for row in rows} | {row.names_stream for row in rows if row.names_stream}
        names = {label: pseudonym(self.secret, label) for label in labels}
        last = heads(connection, list(names.values()), size=size)
        leaves = []
        for index, row in enumerate(rows, start=size):
            stream = names[row.stream]
            head = last.get(stream, StreamHead(-1, NO_PREDECESSOR))
            leaf = leaf_bytes(
                origin=self.key.name,
                stream=stream,
                seq=head.seq + 1,
                prev=head.leaf_hash,
                at=row.at,
                payload_sha256=row.payload_sha256,
                names=_named(row.names_stream, names, last),
            )
            digest = tlog.leaf_hash(leaf)
            last[stream] = StreamHead(head.seq + 1, digest)
            leaves.append(
                {
                    "leaf_index": index,
                    "entry_id": row.id,
                    "leaf": leaf,
                    "leaf_hash": digest,
                    "stream": stream,
                    "stream_seq": head.seq + 1,
                    "stream_prev": head.leaf_hash,
                }
            )
        return leaves

    def _sign(self, connection: Connection) -> None:
        size = tree_size(connection)
        signed = connection.execute(select(func.coalesce(func.max(checkpoint.c.size), 0))).scalar_one()
        before = last_kept(self.outside)
        if before:
            self._prove_consistent(connection, before, size)
        elif signed:
            raise LedgerForkedError(
                signed - 1,
                f"the copy of the last signed checkpoint is missing ({self.outside.name}): without it a fork could be "
                "signed. Put it back (docs/operations.md, The kept checkpoint)",
            )
        if size == signed:
            return
        root = tlog.root(size, frontier_of(connection, size))
        note = self._signed(connection, Checkpoint(self.key.name, size, root))
        # Kept first: after a crash the copy outside may be ahead of the checkpoint rows, never behind them.
        keep(self.outside, note)
        connection.execute(insert(checkpoint).values(size=size, root=root, note=note.encode(), signed_at=self.now()))

    def _signed(self, connection: Connection, grown: Checkpoint) -> Note:
        """Sign with every key of ours that is live: two while one replaces the other."""
        ended = {each.key for each in log_keys(connection) if each.retired_at}
        signing = [key for key in self.keys if key.verifier not in ended]
        if not signing:
            because = "it was retired, and this process holds no other (docs/operations.md, Changing the key)"
            raise KeyRefusedError(self.key.verifier.encode(), because)
        return Note(grown.text, tuple(key.sign(grown.text) for key in signing))

    def _prove_consistent(self, connection: Connection, before: Note, size: int) -> None:
        old = Checkpoint.parse(before.text)
        try:
            before.signers([key.verifier for key in self.keys])
        except NoteRejectedError as error:
            because = (
                f"the last kept checkpoint ({old.origin}, {old.size} entries) is not signed by a key held here: "
                f"{error.because}. If the key was changed, both must sign first (docs/operations.md, Changing the key)"
            )
            raise LedgerForkedError(max(old.size - 1, 0), because) from error
        if old.origin != self.key.name:
            raise LedgerForkedError(0, f"the last kept checkpoint is of another log: {old.origin}")
        if size < old.size:
            raise LedgerForkedError(
                size,
                f"the database holds {size} entries, but a checkpoint over {old.size} was signed: an older backup "
                "was restored. Nothing is signed until the newer one is back (docs/operations.md, A restored backup)",
            )
        if old.size and _root_at(connection, old.size) != old.root:
            raise LedgerForkedError(old.size - 1, "history up to here is not the history that was signed")


def _locked(connection: Connection) -> bool:
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(ADVISORY_LOCK))).scalar_one())


def _waiting(connection: Connection) -> Sequence[Row[Any]]:
    query = (
        select(custody_entry)
        .join(custody_pending, custody_pending.c.entry_id == custody_entry.c.id)
        .order_by(custody_entry.c.id)
        .limit(BATCH)
    )
    return connection.execute(query).all()


def tree_size(connection: Connection) -> int:
    """Leaves in the tree."""
    return int(connection.execute(select(func.coalesce(func.max(custody_leaf.c.leaf_index) + 1, 0))).scalar_one())


def frontier_of(connection: Connection, size: int) -> list[bytes]:
    """Hashes of the perfect subtrees that cover the first `size` leaves."""
    wanted = tlog.frontier_indexes(size)
    found = nodes(connection, wanted)
    return [found[node] for node in wanted]


def _root_at(connection: Connection, size: int) -> bytes:
    """The root of the first `size` leaves, rebuilt from what the database holds now."""
    return tlog.root(size, frontier_of(connection, size))


def _named(label: str | None, names: dict[str, str], heads: dict[str, StreamHead]) -> tuple[str, StreamHead] | None:
    """The named stream and its head; None too where that stream has no entry yet."""
    if label is None or names[label] not in heads:
        return None
    return names[label], heads[names[label]]


def last_kept(outside: Path) -> Note | None:
    """The last signed checkpoint as it is kept outside the database; None before the first.

    Raises:
        NoteRejectedError: The file is there and is not a signed note.
    """
    try:
        return Note.parse(outside.read_bytes())
    except FileNotFoundError:
        return None


def keep(outside: Path, note: Note) -> None:
    """Replace the kept checkpoint, atomically and durably."""
    replace_durably(outside, note.encode())
