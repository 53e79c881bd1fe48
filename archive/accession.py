"""Accession, the one way in: bytes into the vault, then exhibit and custody entry in one transaction.

Two ways lead here. A text is *received* when its row is committed with its bytes (`receive`); a worker puts it into the
vault later (`accession`). A mail stays in its mailbox until it is in the vault, so its acquisition goes in at once
(`accession_now`). Both are safe to repeat after a crash at any point: the vault's key is the acquisition's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Row, Select, exists, func, select, text, update
from sqlalchemy.exc import DataError, IntegrityError

from archive.acquisition import (
    OBSERVATION,
    Acquisition,
    Channel,
    LargeAcquisition,
    acquisition_id,
    parsed,
    rendered,
)
from archive.alerts import raise_alert
from archive.entering import ACTOR, Arrival, Belonging, enter
from archive.errors import IntegrityFault, VaultUnavailableError
from archive.exhibit import vault_key
from archive.marks import require_trusted_vault
from archive.parking import park
from archive.pieces import PiecesFile, let_go
from archive.putting import begin_puts, settle_puts
from archive.receiving import insert_rows, observation_of, receive, receive_alone, receive_large, row_of
from archive.tables import acquisition
from archive.vault import StoredObject, Vault

__all__ = ["Archive", "Belonging", "receive", "receive_alone", "receive_large"]

BATCH = 64
# Any constant of ours: one worker at a time moves large items, so that the others are there for texts.
LARGE_LOCK = 0x6C617267
_LARGE_WAITS = select(exists().where(acquisition.c.state == "received", acquisition.c.in_pieces))
_TRY_LARGE = text("SELECT pg_try_advisory_xact_lock(:key)")

log = structlog.get_logger()


def _first_observation(item: Acquisition | LargeAcquisition) -> UUID | None:
    """The id of the acquisition that this one is a further observation of, if it is one."""
    source_id, mark, _ = item.source_id.partition(OBSERVATION)
    return acquisition_id(item.channel, source_id) if mark else None


@dataclass(frozen=True, slots=True)
class Archive:
    """What accession needs: where bytes go, for how long, and under which log's name."""

    engine: Engine
    vault: Vault
    origin: str
    lock_for: timedelta
    threads: Executor

    def accession_now(
        self, items: Sequence[tuple[Acquisition, Belonging]], *, now: datetime
    ) -> list[UUID | IntegrityFault]:
        """Archive acquisitions that another store still holds (mails): vault first, rows after.

        Returns:
            For each item the id it is archived under, or the fault that keeps it out (an alert is raised for it).

        Raises:
            VaultUnavailableError: Nothing of this batch is recorded; repeat it.
        """
        with self.engine.connect() as connection:
            require_trusted_vault(connection)
            known = _known(connection, [item.source_id for item, _ in items])
        todo = [(_as_seen(item, known), belonging) for item, belonging in items]
        fresh = [pair for pair in todo if pair[0].source_id not in known]
        stored = self._store_all([(_facts_of(item), belonging, item.raw) for item, belonging in fresh], now)
        faults = self._record_fresh(fresh, stored, now)
        return [faults.get(item.id, item.id) for item, _ in todo]

    def accession_file(
        self, item: LargeAcquisition, body: BinaryIO, belonging: Belonging, *, now: datetime
    ) -> UUID | IntegrityFault:
        """As `accession_now`, for one item too large to hold: `body` is a file of its bytes, open at its start."""
        with self.engine.connect() as connection:
            require_trusted_vault(connection)
            if item.source_id in _known(connection, [item.source_id]):
                return item.id  # the source id of a whole file is its digest: these are the same bytes
        begun = begin_puts(self.engine, [_key_of(item)])
        stored = self._store(_facts_of(item), belonging, body, now, begun, look_back=True)
        return self._record_fresh([(item, belonging)], [stored], now).get(item.id, item.id)

    def _record_fresh(
        self,
        fresh: Sequence[tuple[Acquisition | LargeAcquisition, Belonging]],
        stored: Sequence[StoredObject | IntegrityFault],
        now: datetime,
    ) -> dict[UUID, IntegrityFault]:
        faults, arrivals = {}, []
        with self.engine.begin() as connection:
            rows = []
            for (item, belonging), found in zip(fresh, stored, strict=True):
                if isinstance(found, IntegrityFault):
                    faults[item.id] = found
                    raise_alert(connection, "fault", at=now, text=f"{item.source_id}: {found}")
                    continue
                first = _received_first(item, found)
                rows.append(row_of(first, belonging, None, observation_of=_first_observation(item)))
                arrivals.append(Arrival(_facts_of(first), found, belonging))
            new = insert_rows(connection, rows)
            for row in rows:
                if row["observation_of"] and row["id"] in new:
                    raise_alert(connection, "other_bytes", at=now, acquisition_id=row["id"])
            enter(connection, [arrival for arrival in arrivals if arrival.id in new], at=now)
            settle_puts(connection, [arrival.stored.key for arrival in arrivals])
        return faults

    def accession_waiting(self, *, now: datetime, most: int = BATCH) -> list[UUID]:
        """Archive what was received and waits, oldest first; rows another worker holds are left to it.

        Once fewer than `most` wait, one item that lies in pieces is archived too, if no other worker is at one.

        Returns:
            Ids archived by this call. A fault parks its item and goes on with the others.

        Raises:
            VaultUnavailableError: The vault is away; everything stays `received`.
        """
        with self.engine.begin() as connection:
            require_trusted_vault(connection)
            rows = connection.execute(_waiting(most, in_pieces=False)).all()
            stored = self._store_all([(_facts_of(row), _belonging(row), bytes(row.raw)) for row in rows], now)
            arrivals = []
            for row, found in zip(rows, stored, strict=True):
                if isinstance(found, IntegrityFault):
                    park(connection, row.id, because=str(found), at=now, actor=ACTOR)
                else:
                    arrivals.append(Arrival(_facts_of(row), found, _belonging(row)))
            done = _enter_or_park(connection, arrivals, now)
            large = len(rows) < most and connection.execute(_LARGE_WAITS).scalar_one()
        return [*done, *self._accession_large(now)] if large else done

    def _accession_large(self, now: datetime) -> list[UUID]:
        """Archive the oldest item that lies in pieces: streamed to the vault, entered, its pieces let go."""
        with self.engine.begin() as connection:
            row = connection.execute(_waiting(1, in_pieces=True)).first()
            if row is None or not connection.execute(_TRY_LARGE, {"key": LARGE_LOCK}).scalar_one():
                return []
            found = self._store_pieces(connection, row, now)
            if isinstance(found, IntegrityFault):
                park(connection, row.id, because=str(found), at=now, actor=ACTOR)
                return []
            done = _enter_or_park(connection, [Arrival(_facts_of(row), found, _belonging(row))], now)
            for each in done:
                let_go(connection, each, at=now)
            return done

    def _store_pieces(self, connection: Connection, row: Row[Any], now: datetime) -> StoredObject | IntegrityFault:
        pieces: PiecesFile | None = None
        try:
            pieces = PiecesFile(connection, row.id, row.size_bytes)
            begun = begin_puts(self.engine, [_key_of(row)])
            return self._store(_facts_of(row), _belonging(row), pieces, now, begun, look_back=True)
        except IntegrityFault as fault:
            log.exception("accession.fault", acquisition_id=str(row.id), fault=type(fault).__name__)
            return fault
        except VaultUnavailableError:
            # What the pieces raise while the client reads them comes back as the client's own error.
            if pieces is not None and pieces.fault:
                log.exception("accession.fault", acquisition_id=str(row.id), fault=type(pieces.fault).__name__)
                return pieces.fault
            raise

    def _store_all(
        self, items: Sequence[tuple[Mapping[str, Any], Belonging, bytes]], now: datetime
    ) -> list[StoredObject | IntegrityFault]:
        """Put a batch into the vault, from several threads; the lock is looked up of its first (decision 0008)."""
        begun = begin_puts(self.engine, [vault_key(UUID(facts["exhibit_id"])) for facts, _, _ in items])

        def store(place: int) -> StoredObject | IntegrityFault:
            return self._store(*items[place], now, begun, look_back=place == 0)

        return list(self.threads.map(store, range(len(items))))

    def _store(
        self,
        facts: Mapping[str, Any],
        belonging: Belonging,
        raw: bytes | BinaryIO | PiecesFile,
        now: datetime,
        begun: frozenset[str],
        *,
        look_back: bool,
    ) -> StoredObject | IntegrityFault:
        key = vault_key(UUID(facts["exhibit_id"]))
        try:
            return self.vault.put(
                key,
                raw,
                size_bytes=facts["size_bytes"],
                sha256=facts["sha256"],
                retain_until=now + self.lock_for,
                metadata={
                    "acquisition": facts["exhibit_id"],
                    "channel": facts["channel"],
                    "received-at": facts["received_at"],
                    "sha256": facts["sha256"],
                    "log": self.origin,
                    **belonging.metadata(),
                },
                look_back=look_back,
                look_first=key in begun,
            )
        except IntegrityFault as fault:
            log.exception("accession.fault", acquisition_id=facts["exhibit_id"], fault=type(fault).__name__)
            return fault


def _key_of(held: LargeAcquisition | Row[Any]) -> str:
    return vault_key(held.id)


def _waiting(most: int, *, in_pieces: bool) -> Select[Any]:
    return (
        select(acquisition)
        .where(acquisition.c.state == "received", acquisition.c.in_pieces.is_(in_pieces))
        .order_by(acquisition.c.received_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )


def _known(connection: Connection, source_ids: Iterable[str]) -> dict[str, str]:
    query = select(acquisition.c.source_id, acquisition.c.sha256).where(acquisition.c.source_id.in_(list(source_ids)))
    return {row.source_id: row.sha256 for row in connection.execute(query)}


def _as_seen(item: Acquisition, known: dict[str, str]) -> Acquisition:
    """The item itself, or a further observation where its source id is known with other bytes."""
    if known.get(item.source_id, item.sha256) == item.sha256:
        return item
    return observation_of(item)


def _received_first(item: Acquisition | LargeAcquisition, found: StoredObject) -> Acquisition | LargeAcquisition:
    """After a crash the object in the vault knows when the bytes came first."""
    known = found.metadata.get("received-at")
    return replace(item, received_at=parsed(known)) if known else item


def _facts_of(held: Acquisition | LargeAcquisition | Row[Any]) -> dict[str, Any]:
    """What the custody entry says of an acquisition, whether it comes from a door or from its row."""
    return {
        "exhibit_id": str(held.id),
        "sha256": held.sha256,
        "sha512": held.sha512,
        "size_bytes": held.size_bytes,
        "channel": Channel(held.channel).value,
        "source_id": held.source_id,
        "received_at": rendered(held.received_at),
        "delivered_at": rendered(held.delivered_at) if held.delivered_at else None,
        "media_type": held.media_type,
        "door": dict(held.door),
    }


def _belonging(row: Row[Any]) -> Belonging:
    return Belonging(row.sender, row.parent_id, row.for_case, row.for_contributor, row.alias_id)


def _enter_or_park(connection: Connection, arrivals: Sequence[Arrival], now: datetime) -> list[UUID]:
    """Enter a batch; where the database refuses a row, enter each by itself and park the one it refuses.

    Returns:
        Ids that were entered.
    """
    try:
        with connection.begin_nested():
            _archived(connection, arrivals)
            enter(connection, arrivals, at=now)
    except (DataError, IntegrityError) as error:
        if len(arrivals) > 1:
            return [done for arrival in arrivals for done in _enter_or_park(connection, [arrival], now)]
        log.exception("accession.not_entered", acquisition_id=str(arrivals[0].id))
        park(connection, arrivals[0].id, because=str(error), at=now, actor=ACTOR)
        return []
    return [arrival.id for arrival in arrivals]


def _archived(connection: Connection, arrivals: Sequence[Arrival]) -> None:
    ids = [arrival.id for arrival in arrivals]
    values = {"state": "archived", "raw": None, "in_pieces": False}
    connection.execute(update(acquisition).where(acquisition.c.id == func.any(ids)).values(values))
    settle_puts(connection, [arrival.stored.key for arrival in arrivals])
