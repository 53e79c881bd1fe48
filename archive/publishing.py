"""Publishing: the ledger written to the vault, so that originals and ledger together are enough to rebuild the index.

Under `ledger/<origin>/` lie tiles and entry bundles (c2sp.org/tlog-tiles), the register that ties leaves to rows, the
checkpoints, cosignatures and timestamp tokens, locked for years; and payloads in batches of one stream each, locked as
long as an item of that stream: payloads can be erased, the ledger cannot (docs/decisions/0017).

Promise: safe to repeat after a crash at any point. How far a run goes is committed before it writes anything, names and
bytes follow from that, and what lies in the vault already is taken as written once its digest is checked.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import parsed, rendered
from archive.envelope import closed, line_of, salt_for
from archive.late import Late, cosignatures_waiting, tokens_waiting
from archive.ledger import checkpoint_note, checkpoint_size, nodes
from archive.marks import get_mark, require_trusted_vault, set_mark
from archive.putting import begin_puts, settle_puts
from archive.rows import written
from archive.tables import checkpoint, custody_entry, custody_leaf, custody_payload, published
from archive.tiles import Tile, bundle, tiles_between
from archive.vault import StoredObject, Vault

PUBLISHED = "published"
PUBLISHING = "publishing"
# A multiple of 256, so that all but the last step write full tiles alone.
STEP = 4096
AT_ONCE = 64
# Any constant of ours: two publishers must agree on it.
ADVISORY_LOCK = 0x7075626C

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Draft:
    """One object to write: its name under the log's prefix, its bytes, and whose lock it has.

    Attributes:
        name: Path under `ledger/<origin>/`.
        body: The bytes.
        stream: Label of the stream whose payloads these are; None for what is the ledger's own.
        row: Columns that the body does not hold, as a word of metadata.
    """

    name: str
    body: bytes
    stream: str | None = None
    row: str | None = None


@dataclass(frozen=True, slots=True)
class Publisher:
    """Writes the ledger to the vault.

    Attributes:
        engine: On the application's login.
        vault: Where to.
        secret: Encrypts the register, 32 bytes; the same for every rebuild.
        origin: The log's name.
        ledger_for: Lock of what is the ledger's own.
        payloads_for: Lock of payload batches: as long as an item's.
        threads: For puts.
        now: The clock.
    """

    engine: Engine
    vault: Vault
    secret: bytes
    origin: str
    ledger_for: timedelta
    payloads_for: timedelta
    threads: Executor
    now: Callable[[], datetime]

    def publish(self) -> int:
        """Write everything up to the newest checkpoint that is not in the vault yet.

        Returns:
            How many objects were written; 0 also where another publisher is at work.

        Raises:
            VaultUnavailableError: What was written stays; the next run goes on from there.
            OverwrittenError: Something else lies under a name of ours.
        """
        with self.engine.begin() as guard:
            if not guard.execute(select(func.pg_try_advisory_xact_lock(ADVISORY_LOCK))).scalar_one():
                return 0
            require_trusted_vault(guard)
            count = self._publish_entries()
            count += self._publish_late(cosignatures_waiting)
            count += self._publish_late(tokens_waiting)
        if count:
            log.info("ledger.published", objects=count)
        return count

    def _publish_entries(self) -> int:
        with self.engine.begin() as connection:
            done, goal = self._goal(connection)
        count = 0
        while done < goal:
            upto = min(goal, (done // STEP + 1) * STEP)
            with self.engine.connect() as connection:
                drafts = list(self._step(connection, done, upto, last=upto == goal))
            count += self._write(drafts, {PUBLISHED: upto})
            done = upto
        return count

    def _goal(self, connection: Connection) -> tuple[int, int]:
        """How far the vault has the ledger, and how far this run goes: after a crash, as far as the run before."""
        done = published_size(connection)
        begun = get_mark(connection, PUBLISHING) or 0
        if begun > done:
            return done, begun
        goal = checkpoint_size(connection)
        if goal > done:
            set_mark(connection, PUBLISHING, goal, at=self.now())
        return done, goal

    def _step(self, connection: Connection, old: int, new: int, *, last: bool) -> Iterator[Draft]:
        """Every object that growing from `old` to `new` leaves asks for, in one fixed form."""
        for tile in tiles_between(old, new):
            yield Draft(tile.path, _body(connection, tile))
        rows = _entries(connection, old, new)
        yield self._register(rows, old, new)
        yield from _payload_batches(rows)
        rooted = connection.execute(
            select(checkpoint).where(checkpoint.c.size > old, checkpoint.c.size <= new).order_by(checkpoint.c.size)
        ).mappings()
        lines = [line_of(written(checkpoint, dict(row))) for row in rooted]
        if lines:
            yield Draft(f"checkpoints/{_range(old, new)}", b"".join(lines))
        if last:
            yield Draft(f"checkpoint/{new:012d}", checkpoint_note(connection, new))

    def _register(self, rows: Sequence[Row[Any]], old: int, new: int) -> Draft:
        """What rows know of leaves and leaves do not say: ids, labels, the time to the microsecond. Encrypted."""
        name = f"register/{_range(old, new)}"
        lines = [
            line_of(
                {
                    "entry": written(
                        custody_entry,
                        {"id": row.id, "stream": row.label, "names_stream": row.names_stream, "at": row.at},
                    ),
                    "leaf_index": row.leaf_index,
                }
            )
            for row in rows
        ]
        return Draft(name, b"".join(closed(self.secret, name, salt_for(self.secret, name, lines), lines)))

    def _publish_late(self, waiting: Callable[[Connection, int, int], list[Late]]) -> int:
        count = 0
        while True:
            with self.engine.connect() as connection:
                found = waiting(connection, published_size(connection), AT_ONCE)
            if not found:
                return count
            count += self._write([Draft(each.name, each.body, row=each.row) for each in found], {})

    def _write(self, drafts: Sequence[Draft], marks: dict[str, int]) -> int:
        """Put objects, then remember them and how far we came in one transaction."""
        at = parsed(rendered(self.now()))
        rows = []
        for start in range(0, len(drafts), AT_ONCE):
            some = drafts[start : start + AT_ONCE]
            begun = begin_puts(self.engine, [self._key_of(draft) for draft in some])
            stored = self.threads.map(
                lambda place, some=some, begun=begun: self._put(some[place], at, begun, look_back=place == 0),
                range(len(some)),
            )
            rows += [_row(draft, found, at) for draft, found in zip(some, stored, strict=True)]
        with self.engine.begin() as connection:
            if rows:
                connection.execute(insert(published).on_conflict_do_nothing(), rows)
                settle_puts(connection, [row["vault_key"] for row in rows])
            for name, value in marks.items():
                set_mark(connection, name, value, at=at)
        return len(rows)

    def _key_of(self, draft: Draft) -> str:
        return key_of(self.origin, draft.name)

    def _put(self, draft: Draft, at: datetime, begun: frozenset[str], *, look_back: bool) -> StoredObject:
        sha256 = hashlib.sha256(draft.body).hexdigest()
        metadata = {"log": self.origin, "sha256": sha256, "published-at": rendered(at)}
        return self.vault.put(
            self._key_of(draft),
            draft.body,
            size_bytes=len(draft.body),
            sha256=sha256,
            retain_until=at + (self.payloads_for if draft.stream else self.ledger_for),
            metadata=metadata | ({"row": draft.row} if draft.row else {}),
            look_back=look_back,
            look_first=self._key_of(draft) in begun,
        )


def prefix_of(origin: str) -> str:
    """Where a log's objects lie in the vault."""
    return f"ledger/{origin}/"


def key_of(origin: str, name: str) -> str:
    """The vault's key of one published object."""
    return prefix_of(origin) + name


def published_size(connection: Connection) -> int:
    """How many leaves of the ledger are in the vault."""
    return int(get_mark(connection, PUBLISHED) or 0)


def _row(draft: Draft, found: StoredObject, at: datetime) -> dict[str, Any]:
    first = found.metadata.get("published-at")
    return {
        "name": draft.name,
        "vault_key": found.key,
        "vault_version": found.version,
        "sha256": hashlib.sha256(draft.body).hexdigest(),
        "stream": draft.stream,
        # After a crash the object knows when it was written first.
        "at": parsed(first) if first else at,
        "retain_until": found.retain_until,
    }


def _range(old: int, new: int) -> str:
    return f"{old:012d}-{new:012d}"


def _body(connection: Connection, tile: Tile) -> bytes:
    if tile.level is not None:
        found = nodes(connection, tile.nodes)
        return b"".join(found[node] for node in tile.nodes)
    first, last = tile.nodes[0][1], tile.nodes[-1][1]
    query = (
        select(custody_leaf.c.leaf)
        .where(custody_leaf.c.leaf_index.between(first, last))
        .order_by(custody_leaf.c.leaf_index)
    )
    return bundle(bytes(leaf) for leaf in connection.execute(query).scalars())


def _entries(connection: Connection, old: int, new: int) -> Sequence[Row[Any]]:
    query = (
        select(
            custody_leaf.c.leaf_index,
            custody_leaf.c.stream.label("pseudonym"),
            custody_entry.c.id,
            custody_entry.c.stream.label("label"),
            custody_entry.c.names_stream,
            custody_entry.c.at,
            custody_payload.c.body,
        )
        .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .outerjoin(custody_payload, custody_payload.c.entry_id == custody_leaf.c.entry_id)
        .where(custody_leaf.c.leaf_index >= old, custody_leaf.c.leaf_index < new)
        .order_by(custody_leaf.c.leaf_index)
    )
    return list(connection.execute(query))


def _payload_batches(rows: Iterable[Row[Any]]) -> Iterator[Draft]:
    """The payloads of a step, an object for each stream. What was erased before it was published is never written."""
    streams: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        if row.body is not None:
            streams[row.pseudonym].append(row)
    for pseudonym, held in streams.items():
        name = f"payloads/{pseudonym}/{_range(held[0].leaf_index, held[-1].leaf_index + 1)}"
        lines = (line_of({"leaf_index": row.leaf_index, "payload": bytes(row.body).decode()}) for row in held)
        yield Draft(name, b"".join(lines), stream=held[0].label)
