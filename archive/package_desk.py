"""Packages that were asked for: requested on a page, built by a worker, kept in the vault.

A package that was built is kept, so that the same package downloaded again is the same bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, insert, select, update

from archive.alerts import raise_alert
from archive.case import Case, case_by_id
from archive.custody import Action, CustodyEntry, case_stream
from archive.errors import DigestMismatchError, IntegrityFault, NotSequencedYetError, RefusedError
from archive.export import Exporter, Progress
from archive.ledger import record
from archive.package import FinishedPackage
from archive.tables import package
from archive.verify import VerificationError

# A build that gave no sign of life for this long belongs to a dead worker.
STALE = timedelta(minutes=10)
PROGRESS_EVERY = 25


def request(connection: Connection, asked: Case, *, edition: str, at: datetime, actor: str) -> UUID:
    """Ask for a package of a case; a worker builds it."""
    package_id = uuid4()
    connection.execute(
        insert(package).values(
            id=package_id,
            case_id=asked.id,
            edition=edition,
            state="requested",
            requested_by=actor,
            requested_at=at,
            done=0,
            total=0,
        )
    )
    facts = {"request_id": str(package_id), "edition": edition}
    record(connection, CustodyEntry(case_stream(asked.id), Action.PACKAGE_REQUESTED, actor, at, facts))
    return package_id


def state_of(connection: Connection, request_id: UUID) -> str:
    """`requested`, `building`, `ready` or `failed`."""
    return str(connection.execute(select(package.c.state).where(package.c.id == request_id)).scalar_one())


@dataclass(frozen=True, slots=True)
class KeptPackage:
    """A package as it was handed over: where it lies now, and what it must hash to."""

    path: Path
    size_bytes: int
    sha256: str
    checkpoint_size: int


@dataclass(frozen=True, slots=True)
class PackageDesk:
    """Builds the packages that were asked for and keeps them in the vault.

    Attributes:
        exporter: Builds.
        folder: Where packages are put together; on a disk with room for two of them.
        lock_for: How long the vault keeps a package.
    """

    exporter: Exporter
    folder: Path
    lock_for: timedelta

    def build(self, request_id: UUID, *, progress: Progress | None = None) -> bool:
        """Build one requested package; safe to repeat.

        Args:
            request_id: From `request`.
            progress: Told exhibits done and in all, besides the row.

        Returns:
            False where it is built already, or another worker is at it.
        """
        row = self._claim(request_id)
        if row is None:
            return False
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        out = self.folder / f"{request_id}.zip"
        try:
            with self.exporter.engine.connect() as connection:
                asked = case_by_id(connection, row.case_id)
            finished = self.exporter.export(
                asked,
                out,
                edition=row.edition,
                actor=row.requested_by,
                progress=progress or partial(self._progress, request_id),
            )
            self._keep(request_id, finished)
        except (IntegrityFault, RefusedError, VerificationError) as error:
            self._give_up(request_id, row.case_id, str(error))
            raise
        except Exception as error:
            # Whatever was away may be back at the next try.
            self._set(request_id, state="requested", failed_because=type(error).__name__)
            raise
        finally:
            out.unlink(missing_ok=True)
        return True

    def hand_over(self, request_id: UUID, out: Path) -> KeptPackage:
        """Copy a package that is ready out of the vault, checking its bytes on the way.

        Raises:
            NotSequencedYetError: It is not ready yet.
            DigestMismatchError: The vault holds other bytes.
        """
        with self.exporter.engine.connect() as connection:
            row = connection.execute(select(package).where(package.c.id == request_id)).one()
        if row.state != "ready":
            raise NotSequencedYetError(f"package {request_id} ({row.state})")
        sha256, unfinished = hashlib.sha256(), out.with_name(f"{out.name}.unfinished")
        with unfinished.open("wb") as file:
            for piece in self.exporter.vault.stream(row.vault_key, row.vault_version):
                file.write(piece)
                sha256.update(piece)
        if sha256.hexdigest() != row.sha256:
            raise DigestMismatchError(row.vault_key, row.sha256, sha256.hexdigest())
        unfinished.replace(out)
        return KeptPackage(out, row.size_bytes, row.sha256, row.checkpoint_size)

    def _give_up(self, request_id: UUID, case_id: UUID, because: str) -> None:
        with self.exporter.engine.begin() as connection:
            connection.execute(
                update(package).where(package.c.id == request_id).values(state="failed", failed_because=because)
            )
            raise_alert(connection, "package_failed", at=self.exporter.now(), case_id=case_id, text=because)

    def _claim(self, request_id: UUID) -> Row[Any] | None:
        """Take the request; one that a dead worker left half-way is taken again after it stood still."""
        with self.exporter.engine.begin() as connection:
            stale = package.c.finished_at < self.exporter.now() - STALE
            free = (package.c.state == "requested") | ((package.c.state == "building") & stale)
            # While it is built, `finished_at` is the last sign of life.
            return connection.execute(
                update(package)
                .where(package.c.id == request_id, free)
                .values(state="building", finished_at=self.exporter.now(), failed_because=None)
                .returning(package.c.case_id, package.c.edition, package.c.requested_by)
            ).first()

    def _progress(self, request_id: UUID, done: int, total: int) -> None:
        if done == total or done % PROGRESS_EVERY == 0:
            self._set(request_id, done=done, total=total, finished_at=self.exporter.now())

    def _keep(self, request_id: UUID, finished: FinishedPackage) -> None:
        with finished.path.open("rb") as file:
            stored = self.exporter.vault.put(
                f"packages/{request_id}/{finished.sha256}.zip",
                file,
                size_bytes=finished.size_bytes,
                sha256=finished.sha256,
                retain_until=self.exporter.now() + self.lock_for,
                metadata={"package": str(request_id), "sha256": finished.sha256},
            )
        self._set(
            request_id,
            state="ready",
            finished_at=self.exporter.now(),
            vault_key=stored.key,
            vault_version=stored.version,
            sha256=finished.sha256,
            size_bytes=finished.size_bytes,
            checkpoint_size=finished.checkpoint_size,
        )

    def _set(self, request_id: UUID, **values: Any) -> None:
        with self.exporter.engine.begin() as connection:
            connection.execute(update(package).where(package.c.id == request_id).values(**values))
