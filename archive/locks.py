"""Locks that grow, and holds in the vault: the nightly run that keeps what must be kept.

An original is locked for a short time only. While its case is open or held, or while it belongs to no case, its lock is
extended before half of it is over; a closed case's locks run out. The payloads of its stream in the vault follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, func, or_, select, update

from archive.acquisition import rendered
from archive.alerts import raise_alert
from archive.custody import SYSTEM, Action, CustodyEntry, case_stream, exhibit_stream
from archive.errors import IntegrityFault, MissingFromVaultError
from archive.exhibit import vault_key
from archive.ledger import record_all
from archive.marks import require_trusted_vault
from archive.tables import acquisition, case, disposal, exhibit, legal_hold, published
from archive.vault import Vault

ACTOR: Final = "system:locks"
AT_ONCE: Final = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Extended:
    """What one run did: locks of originals, of payloads and of parked items that it extended, and holds it changed."""

    originals: int = 0
    payloads: int = 0
    parked: int = 0
    holds: int = 0


@dataclass(frozen=True, slots=True)
class Locks:
    """Extends locks.

    Attributes:
        engine: On the application's login.
        vault: Whose locks.
        lock_for: How long a lock is from today on.
        now: The clock.
    """

    engine: Engine
    vault: Vault
    lock_for: timedelta
    now: Callable[[], datetime]

    def run(self) -> Extended:
        """Extend every lock that is half over and still wanted, and bring holds into line with what was decided.

        What the vault does not have any more is left out with an alert; everything else goes on.

        Raises:
            VaultUnavailableError: What was done stays; the next run goes on.
            VaultNotTrustedError: The vault failed its self-test.
        """
        with self.engine.connect() as connection:
            require_trusted_vault(connection)
            # Holds first: what is held must not wait for a long run of extensions.
            holds = connection.execute(select(exhibit.c.id).where(*_other_than_decided())).scalars().all()
        held = self._some_after_some(holds, self._hold)
        with self.engine.connect() as connection:
            originals = connection.execute(self._due_originals(exhibit.c.id)).scalars().all()
            payloads = connection.execute(self._due_payloads(published.c.name)).scalars().all()
        found = Extended(
            self._some_after_some(originals, self._extend_originals),
            self._some_after_some(payloads, self._extend_payloads),
            self._extend_parked(),
            held,
        )
        log.info("locks.extended", originals=found.originals, payloads=found.payloads, holds=found.holds)
        return found

    def _some_after_some(self, names: Sequence[Any], act: Callable[[Connection, Sequence[Any]], int]) -> int:
        """Do a part of them after the other, each part in a transaction of its own."""
        total = 0
        for start in range(0, len(names), AT_ONCE):
            with self.engine.begin() as connection:
                total += act(connection, names[start : start + AT_ONCE])
        return total

    def _due_originals(self, *columns: ColumnElement[Any]) -> Select[Any]:
        due = exhibit.c.retain_until < self._half_over()
        return select(*columns).outerjoin(case, case.c.id == exhibit.c.case_id).where(due, _is_wanted())

    def _due_payloads(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Payload batches are locked as the items of their stream are; the system's own always."""
        due = published.c.retain_until < self._half_over()
        return select(*columns).where(published.c.stream.isnot(None), due, _stream_is_wanted())

    def _extend_originals(self, connection: Connection, ids: Sequence[UUID]) -> int:
        columns = (exhibit.c.id, exhibit.c.vault_key, exhibit.c.vault_version)
        query = self._due_originals(*columns).where(exhibit.c.id == func.any(list(ids)))
        rows = connection.execute(query.with_for_update(skip_locked=True, of=exhibit)).all()
        until = self._until()
        there = [row for row in rows if self._extend(connection, row, until, acquisition_id=row.id)]
        extended = func.any([row.id for row in there])
        connection.execute(update(exhibit).where(exhibit.c.id == extended).values(retain_until=until))
        record_all(connection, [self._entry(row, until) for row in there])
        return len(there)

    def _entry(self, row: Row[Any], until: datetime) -> CustodyEntry:
        facts = {"until": rendered(until), "vault_version": row.vault_version}
        return CustodyEntry(exhibit_stream(row.id), Action.LOCK_EXTENDED, ACTOR, self.now(), facts)

    def _extend_payloads(self, connection: Connection, names: Sequence[str]) -> int:
        query = self._due_payloads(published.c.name, published.c.vault_key, published.c.vault_version)
        rows = connection.execute(
            query.where(published.c.name == func.any(list(names))).with_for_update(skip_locked=True)
        ).all()
        until = self._until()
        there = [row.name for row in rows if self._extend(connection, row, until)]
        connection.execute(update(published).where(published.c.name == func.any(there)).values(retain_until=until))
        return len(there)

    def _extend(
        self, connection: Connection, row: Row[Any], until: datetime, *, acquisition_id: UUID | None = None
    ) -> bool:
        try:
            self.vault.extend(row.vault_key, row.vault_version, until)
        except MissingFromVaultError as fault:
            raise_alert(connection, "fault", at=self.now(), acquisition_id=acquisition_id, text=str(fault))
            return False
        return True

    def _extend_parked(self) -> int:
        """What is parked has its bytes in the database; an object that was stored before that stays as well."""
        with self.engine.connect() as connection:
            parked = connection.execute(select(acquisition.c.id).where(acquisition.c.state == "parked")).scalars().all()
        extended = 0
        for item in parked:
            try:
                stored = self.vault.look(vault_key(item), None)
            except MissingFromVaultError:
                continue
            except IntegrityFault as fault:
                log.warning("locks.parked_not_extended", acquisition_id=str(item), fault=type(fault).__name__)
                continue
            if stored.retain_until < self._half_over():
                self.vault.extend(stored.key, stored.version, self._until())
                extended += 1
        return extended

    def _hold(self, connection: Connection, ids: Sequence[UUID]) -> int:
        """Set or clear the vault's own legal hold where it is not what was decided."""
        columns = (exhibit.c.id, exhibit.c.vault_key, exhibit.c.vault_version, exhibit.c.held)
        query = select(*columns).where(exhibit.c.id == func.any(list(ids)), *_other_than_decided())
        rows = connection.execute(query.with_for_update(skip_locked=True)).all()
        for row in rows:
            self.vault.hold(row.vault_key, row.vault_version, on=not row.held)
        changed = func.any([row.id for row in rows])
        connection.execute(update(exhibit).where(exhibit.c.id == changed).values(held=~exhibit.c.held))
        return len(rows)

    def _until(self) -> datetime:
        return (self.now() + self.lock_for).replace(microsecond=0)

    def _half_over(self) -> datetime:
        return self.now() + self.lock_for / 2


def _other_than_decided() -> tuple[ColumnElement[bool], ...]:
    """Originals whose hold in the vault is not what was decided for their case."""
    return (exhibit.c.held != _is_held(), _is_there())


def _is_held() -> ColumnElement[bool]:
    return (
        select(legal_hold.c.id)
        .where(legal_hold.c.case_id == exhibit.c.case_id, legal_hold.c.lifted_at.is_(None))
        .exists()
    )


def _is_there() -> ColumnElement[bool]:
    """Whether the original was not disposed of."""
    gone = select(disposal.c.id).where(disposal.c.case_id == exhibit.c.case_id, disposal.c.done_at.isnot(None))
    return ~gone.exists()


def _is_wanted() -> ColumnElement[bool]:
    """An exhibit whose lock goes on: of an open case, of a held one, or of none."""
    return (exhibit.c.case_id.is_(None) | case.c.closed_at.is_(None) | _is_held()) & _is_there()


def _stream_is_wanted() -> ColumnElement[bool]:
    """A stream whose payloads' locks go on: the system's, and those of wanted exhibits and of open or held cases."""
    held = select(legal_hold.c.id).where(legal_hold.c.case_id == case.c.id, legal_hold.c.lifted_at.is_(None)).exists()
    its_case = select(case.c.id).where(
        published.c.stream == func.concat(case_stream(""), case.c.id), case.c.closed_at.is_(None) | held
    )
    its_exhibit = (
        select(exhibit.c.id)
        .outerjoin(case, case.c.id == exhibit.c.case_id)
        .where(published.c.stream == func.concat(exhibit_stream(""), exhibit.c.id), _is_wanted())
    )
    return or_(published.c.stream == SYSTEM, its_case.exists(), its_exhibit.exists())
