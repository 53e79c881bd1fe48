"""Rebuild: a new index from the vault alone (promise 8).

Into an empty, migrated database, in one transaction: the ledger, proved against the newest signed checkpoint; people,
accounts and what waits from the newest dump; cases, exhibits, references and quarantine by doing again what the
payloads tell. Afterwards every original is read back, and read anew by the current reader.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, Table, exists, func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_new

from archive.acquisition import parsed
from archive.assignment import Belonging
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.dump import dumped_tables
from archive.errors import DigestMismatchError, IntegrityFault, NotEmptyError
from archive.ledger import record
from archive.marks import set_mark
from archive.publishing import PUBLISHED, PUBLISHING
from archive.rebuilt_ledger import (
    AT_ONCE,
    Progress,
    pages,
    rebuild_checkpoints,
    rebuild_leaves,
    rebuild_payloads,
)
from archive.register import Register
from archive.replay import finish, replay
from archive.rows import read
from archive.tables import acquisition, custody_entry, custody_leaf, custody_payload, exhibit, metadata, published
from archive.told import Told
from archive.vault import Version
from archive.vaulted_ledger import VaultedLedger

ACTOR: Final = "system:rebuild"
# Of a dump these come before the acts are done again, the others after: they refer to exhibits.
BEFORE_THE_ACTS: Final = frozenset(
    {"account", "case", "case_member", "contributor", "contributor_contact", "legal_hold", "disposal"} | {"mail_alias"}
)
ReadAgain = Callable[[UUID], bool]


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild made, and what it could not.

    Attributes:
        size: Entries, all under the checkpoint that was proved.
        root: Its root, hex.
        counts: Rows by kind.
        dump: The dump that was used, if there was one.
        missing_payloads: Leaf indexes whose payloads are not in the vault and were not erased.
        refers_to_nothing: Rows of the dump left out, because what they refer to never reached the vault.
        readings_changed: Exhibits that the current reader reads otherwise than the ledger tells.
        faults: Originals that are not as recorded, each with its place.
    """

    size: int
    root: str
    counts: dict[str, int] = field(default_factory=dict)
    dump: str | None = None
    missing_payloads: list[int] = field(default_factory=list)
    refers_to_nothing: int = 0
    readings_changed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As the command prints it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Makes a new index.

    Attributes:
        owner: The database, on its owner's login.
        ledger: The ledger in the vault.
        now: The clock.
        progress: Told how far it is.
    """

    owner: Engine
    ledger: VaultedLedger
    now: Callable[[], datetime]
    progress: Progress

    def index(self) -> Rebuilt:
        """Make every row but the readings; all or nothing.

        Raises:
            NotEmptyError: The database has rows.
            RebuildError: What is in the vault is not the ledger that was signed.
            EnvelopeError: Register or dump do not open under this secret.
        """
        with self.owner.begin() as connection:
            _require_empty(connection)
            signed = self.ledger.newest_checkpoint()
            made = Rebuilt(signed.size, signed.root.hex())
            rebuild_leaves(connection, self.ledger, signed, self.progress)
            made.missing_payloads = rebuild_payloads(connection, self.ledger, self.progress)
            rebuild_checkpoints(connection, self.ledger, signed)
            self._dumped(connection, made, before=True)
            parents = self._replay(connection, made)
            self._dumped(connection, made, before=False)
            finish(connection, parents)
            self._published(connection, made)
            self._record(connection, made)
            made.counts = _counts(connection)
        return made

    def originals(self, made: Rebuilt, read_again: ReadAgain) -> None:
        """Read every original back, check its digest, and read it anew; safe to repeat.

        Args:
            made: Gains faults, and exhibits that read otherwise than before.
            read_again: Reads one exhibit; False where the reading differs from what the ledger tells.
        """
        with self.owner.connect() as connection:
            query = select(exhibit, acquisition.c.sha256).join(acquisition, acquisition.c.id == exhibit.c.id)
            rows = connection.execute(query.order_by(exhibit.c.id)).all()
        for done, row in enumerate(rows, start=1):
            try:
                self._prove_original(row)
                if not read_again(row.id):
                    made.readings_changed.append(str(row.id))
            except IntegrityFault as fault:
                made.faults.append(str(fault))
            self.progress("originals", done, len(rows))
        with self.owner.connect() as connection:
            made.counts = _counts(connection)

    def _prove_original(self, row: Row[Any]) -> None:
        actual = self.ledger.vault.digest(row.vault_key, row.vault_version)
        if actual != row.sha256:
            raise DigestMismatchError(row.vault_key, row.sha256, actual)

    def _dumped(self, connection: Connection, made: Rebuilt, *, before: bool) -> None:
        """Put back what the newest dump has, where the acts have not made it."""
        dump = self.ledger.dump()
        if dump is None:
            return
        made.dump, lines = dump
        tables = {table.name: table for table in dumped_tables()}
        for line in lines:
            table = tables.get(line["table"])
            if table is None or (table.name in BEFORE_THE_ACTS) is not before:
                continue
            row = read(table, line["row"])
            if _refers_to_nothing(connection, table, row):
                made.refers_to_nothing += 1
            else:
                connection.execute(insert_new(table).values(row).on_conflict_do_nothing())

    def _replay(self, connection: Connection, made: Rebuilt) -> Register[str, str]:
        """Do the acts again; of each exhibit that came with another, by its id, that one's: it may come later."""
        done, parents = 0, Register[str, str]()
        for page in pages(_told(connection)):
            for told in self.ledger.threads.map(self._with_object, page):
                replay(connection, told)
                parent = Belonging.of_metadata(told.stored.metadata).parent_id if told.stored else None
                if parent:
                    parents[str(told.subject)] = str(parent)
            done += len(page)
            self.progress("acts", done, made.size)
        return parents

    def _with_object(self, told: Told) -> Told:
        if told.payload["action"] != Action.EXHIBIT_ARCHIVED:
            return told
        stored = self.ledger.vault.look(told.facts["vault_key"], told.facts["vault_version"])
        return replace(told, stored=stored)

    def _published(self, connection: Connection, made: Rebuilt) -> None:
        """Mark what is in the vault as published, so that publishing goes on from there."""
        streams = {
            row.pseudonym: row.stream
            for row in connection.execute(
                select(custody_leaf.c.stream.label("pseudonym"), custody_entry.c.stream)
                .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
                .where(custody_leaf.c.stream_seq == 0)
            )
        }
        for page in pages(self.ledger.everything()):
            rows = list(self.ledger.threads.map(lambda one: self._row_of(one[0], one[1], streams), page))
            connection.execute(insert(published), rows)
        for name in (PUBLISHED, PUBLISHING):
            set_mark(connection, name, made.size, at=self.now())

    def _row_of(self, name: str, versions: Sequence[Version], streams: Mapping[str, str]) -> dict[str, Any]:
        stored = self.ledger.first_locked(name, versions)
        return {
            "name": name,
            "vault_key": stored.key,
            "vault_version": stored.version,
            "sha256": stored.metadata["sha256"],
            "stream": streams.get(name.split("/")[1]) if name.startswith("payloads/") else None,
            "at": parsed(stored.metadata["published-at"]),
            "retain_until": stored.retain_until,
        }

    def _record(self, connection: Connection, made: Rebuilt) -> None:
        facts = {
            "size": made.size,
            "root": made.root,
            "dump": made.dump,
            "missing_payloads": len(made.missing_payloads),
            "refers_to_nothing": made.refers_to_nothing,
        }
        record(connection, CustodyEntry(SYSTEM, Action.INDEX_REBUILT, ACTOR, self.now(), facts))


def _require_empty(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        if connection.execute(select(exists(select(1).select_from(table)))).scalar_one():
            raise NotEmptyError(table.name)


def _told(connection: Connection) -> Iterator[Told]:
    query = (
        select(custody_entry.c.id, custody_entry.c.at, custody_payload.c.body)
        .join(custody_leaf, custody_leaf.c.entry_id == custody_entry.c.id)
        .join(custody_payload, custody_payload.c.entry_id == custody_entry.c.id)
        .order_by(custody_leaf.c.leaf_index)
        .execution_options(yield_per=AT_ONCE)
    )
    with connection.execute(query) as rows:
        for row in rows:
            yield Told(row.id, row.at, json.loads(bytes(row.body)))


def _refers_to_nothing(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Whether a row refers to one that is not there: what came after the last checkpoint never reached the vault."""
    for column in table.c:
        for key in column.foreign_keys:
            value = row.get(column.name)
            if value is not None and not connection.execute(select(exists().where(key.column == value))).scalar_one():
                return True
    return False


def _counts(connection: Connection) -> dict[str, int]:
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in metadata.sorted_tables
    }
