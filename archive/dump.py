"""The nightly dump: rows that no custody entry tells of, encrypted, kept in the vault for 35 days.

Originals and the published ledger make most of the index again; people's wishes, accounts, links and what waits for a
person exist as rows alone. One table after the other, one row a line, in one snapshot of the database. Every table is
in one of the sets below or is dumped: a table somebody adds is dumped until he says why not.
"""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, Table, select
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import parsed, rendered
from archive.envelope import SALT_BYTES, closed, line_of
from archive.marks import require_trusted_vault
from archive.publishing import key_of
from archive.rows import written
from archive.tables import acquisition, metadata, published
from archive.vault import Vault

# Comes back from originals and ledger.
FROM_THE_LEDGER = frozenset(
    {"exhibit", "exhibit_counter", "location", "custody_entry", "custody_payload", "custody_leaf", "tree_node"}
    | {"checkpoint", "cosignature", "timestamp_token", "published", "log_key", "completeness", "provider_copy"}
)
# Made again by the current reader.
MADE_ANEW = frozenset({"reading"})
# Means nothing in another index, or is history of how it was worked on; the bytes of half-uploaded files are too many.
LET_GO = frozenset(
    {"session", "custody_pending", "audit_run", "audit_fault", "upload_piece"}
    | {"timestamp_attempt", "timestamp_due", "timestamp_authority"}
)
KEPT_FOR = timedelta(days=35)
IN_MEMORY_BYTES = 8 * 1024 * 1024
FOLDER = "dump"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Dumper:
    """Writes dumps into the vault.

    Attributes:
        engine: On the application's login.
        vault: Where to.
        secret: Encrypts, 32 bytes; the same for every rebuild.
        origin: The log's name.
        kept_for: Lock of a dump.
        now: The clock.
    """

    engine: Engine
    vault: Vault
    secret: bytes
    origin: str
    kept_for: timedelta
    now: Callable[[], datetime]

    def dump(self) -> tuple[str, int]:
        """Write one dump; memory stays at a few rows.

        Returns:
            Its name under the log's prefix, and how many rows it holds.
        """
        at = parsed(rendered(self.now()))
        name, count = f"{FOLDER}/{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z", 0
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
            running = hashlib.sha256()
            with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
                require_trusted_vault(connection)
                counted = _Counted(_lines(connection))
                for piece in closed(self.secret, name, secrets.token_bytes(SALT_BYTES), counted):
                    file.write(piece)
                    running.update(piece)
                count = counted.so_far
            size = file.tell()
            file.seek(0)
            self._keep(name, file, size, running.hexdigest(), at)
        log.info("dump.written", rows=count, size_bytes=size)
        return name, count

    def _keep(self, name: str, file: Any, size: int, sha256: str, at: datetime) -> None:
        found = self.vault.put(
            key_of(self.origin, name),
            file,
            size_bytes=size,
            sha256=sha256,
            retain_until=at + self.kept_for,
            metadata={"log": self.origin, "sha256": sha256, "published-at": rendered(at)},
        )
        values = {"vault_key": found.key, "vault_version": found.version, "retain_until": found.retain_until}
        with self.engine.begin() as connection:
            connection.execute(insert(published).values(name=name, sha256=sha256, at=at, **values))


class _Counted:
    """Counts lines as they pass."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self.lines, self.so_far = lines, 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self.lines:
            self.so_far += 1
            yield line


def dumped_tables() -> list[Table]:
    """Tables whose rows are dumped, each after those it refers to."""
    left_out = FROM_THE_LEDGER | MADE_ANEW | LET_GO
    return [table for table in metadata.sorted_tables if table.name not in left_out]


def _lines(connection: Connection) -> Iterator[bytes]:
    for table in dumped_tables():
        query = select(table).execution_options(yield_per=200)
        if table is acquisition:
            # What is archived comes back from the ledger; what waits or is parked has its bytes here alone.
            query = query.where(acquisition.c.raw.isnot(None))
        with connection.execute(query) as rows:
            for row in rows.mappings():
                yield line_of({"table": table.name, "row": written(table, dict(row))})
