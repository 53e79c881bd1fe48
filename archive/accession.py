"""Accession, the one way in: bytes into the vault, then exhibit and custody entry in one transaction.

Two ways lead here. A text is *received* when its row is committed with its bytes (`receive`); a worker puts it into the
vault later (`accession`). A mail stays in its mailbox until it is in the vault, so its acquisition goes in at once
(`accession_now`). Both are safe to repeat after a crash at any point: the vault's key is the acquisition's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError

from archive.acquisition import Acquisition, Channel, acquisition_id, observation_source_id, parsed, rendered
from archive.alerts import raise_alert
from archive.assignment import settle
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.errors import IntegrityFault
from archive.exhibit import vault_key
from archive.ledger import record
from archive.marks import require_trusted_vault
from archive.tables import acquisition, exhibit
from archive.vault import StoredObject, Vault

ACTOR = "system:accession"
BATCH = 64

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Belonging:
    """What a door knows of an acquisition beyond its bytes.

    Attributes:
        sender: The observed sender in normal form (E.164 number or lower-case address), if the door saw one.
        parent_id: The acquisition it came with (a text's picture).
        case_id: The case an officer imported it for; `contributor_id` likewise.
    """

    sender: str | None = None
    parent_id: UUID | None = None
    case_id: UUID | None = None
    contributor_id: UUID | None = None


def receive(connection: Connection, item: Acquisition, belonging: Belonging = Belonging()) -> UUID | None:
    """Record one receipt with its bytes, in the caller's transaction: once committed, it is received.

    Returns:
        Its id, or None where the same receipt with the same bytes is recorded already. The same source id with
        *other* bytes is a further observation with an id of its own, and an alert.
    """
    if _insert(connection, item, belonging, item.raw):
        return item.id
    known = connection.execute(select(acquisition.c.sha256).where(acquisition.c.source_id == item.source_id)).scalar()
    if known == item.sha256:
        return None
    again = _observation(item)
    if not _insert(connection, again, belonging, item.raw, observation_of=item.id):
        return None
    raise_alert(connection, "other_bytes", at=item.received_at, acquisition_id=again.id)
    return again.id


def _observation(item: Acquisition) -> Acquisition:
    return Acquisition.of(
        item.raw,
        channel=item.channel,
        source_id=observation_source_id(item.source_id, item.sha256),
        at=item.received_at,
        media_type=item.media_type,
        delivered_at=item.delivered_at,
        door=item.door,
    )


def _insert(
    connection: Connection,
    item: Acquisition,
    belonging: Belonging,
    raw: bytes | None,
    *,
    observation_of: UUID | None = None,
) -> bool:
    statement = (
        insert(acquisition)
        .values(
            id=item.id,
            channel=item.channel.value,
            source_id=item.source_id,
            received_at=item.received_at,
            delivered_at=item.delivered_at,
            sha256=item.sha256,
            sha512=item.sha512,
            size_bytes=item.size_bytes,
            media_type=item.media_type,
            door=dict(item.door),
            raw=raw,
            state="received" if raw is not None else "archived",
            attempts=0,
            sender=belonging.sender,
            parent_id=belonging.parent_id,
            for_case=belonging.case_id,
            for_contributor=belonging.contributor_id,
            observation_of=observation_of,
        )
        .on_conflict_do_nothing()
        .returning(acquisition.c.id)
    )
    return connection.execute(statement).first() is not None


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
        stored = list(self.threads.map(lambda pair: self._store(_custody_facts(pair[0]), pair[0].raw, now), fresh))
        faults = self._record_fresh(fresh, stored, now)
        return [faults.get(item.id, item.id) for item, _ in todo]

    def _record_fresh(
        self,
        fresh: Sequence[tuple[Acquisition, Belonging]],
        stored: Sequence[StoredObject | IntegrityFault],
        now: datetime,
    ) -> dict[UUID, IntegrityFault]:
        faults = {}
        with self.engine.begin() as connection:
            for (item, belonging), found in zip(fresh, stored, strict=True):
                if isinstance(found, IntegrityFault):
                    faults[item.id] = found
                    raise_alert(connection, "fault", at=now, text=f"{item.source_id}: {found}")
                    continue
                first = _received_first(item, found)
                original = acquisition_id(item.channel, item.source_id.partition("#observation:")[0])
                again = original if original != item.id else None
                if _insert(connection, first, belonging, None, observation_of=again):
                    _enter(connection, _custody_facts(first), found, now)
        return faults

    def accession_waiting(self, *, now: datetime, most: int = BATCH) -> list[UUID]:
        """Archive what was received and waits, oldest first; rows another worker holds are left to it.

        Returns:
            Ids archived by this call. A fault parks its item and goes on with the others.

        Raises:
            VaultUnavailableError: The vault is away; everything stays `received`.
        """
        with self.engine.begin() as connection:
            require_trusted_vault(connection)
            rows = connection.execute(
                select(acquisition)
                .where(acquisition.c.state == "received")
                .order_by(acquisition.c.received_at)
                .limit(most)
                .with_for_update(skip_locked=True)
            ).all()
            stored = self.threads.map(lambda row: self._store(_facts_of(row), bytes(row.raw), now), rows)
            done = []
            for row, found in zip(rows, stored, strict=True):
                fault = found if isinstance(found, IntegrityFault) else _entered(connection, row, found, now)
                if fault:
                    park(connection, row.id, because=str(fault), at=now, actor=ACTOR)
                else:
                    done.append(row.id)
        return done

    def _store(self, facts: Mapping[str, Any], raw: bytes, now: datetime) -> StoredObject | IntegrityFault:
        try:
            return self.vault.put(
                vault_key(UUID(facts["exhibit_id"])),
                raw,
                size_bytes=len(raw),
                sha256=facts["sha256"],
                retain_until=now + self.lock_for,
                metadata={
                    "acquisition": facts["exhibit_id"],
                    "channel": facts["channel"],
                    "received-at": facts["received_at"],
                    "sha256": facts["sha256"],
                    "log": self.origin,
                },
            )
        except IntegrityFault as fault:
            log.exception("accession.fault", acquisition_id=facts["exhibit_id"], fault=type(fault).__name__)
            return fault


def _known(connection: Connection, source_ids: Iterable[str]) -> dict[str, str]:
    query = select(acquisition.c.source_id, acquisition.c.sha256).where(acquisition.c.source_id.in_(list(source_ids)))
    return {row.source_id: row.sha256 for row in connection.execute(query)}


def _as_seen(item: Acquisition, known: dict[str, str]) -> Acquisition:
    """The item itself, or a further observation where its source id is known with other bytes."""
    if known.get(item.source_id, item.sha256) == item.sha256:
        return item
    return _observation(item)


def _received_first(item: Acquisition, found: StoredObject) -> Acquisition:
    """After a crash the object in the vault knows when the bytes came first."""
    at = parsed(found.metadata["received-at"]) if "received-at" in found.metadata else item.received_at
    return Acquisition.of(
        item.raw,
        channel=item.channel,
        source_id=item.source_id,
        at=at,
        media_type=item.media_type,
        delivered_at=item.delivered_at,
        door=item.door,
    )


def _custody_facts(item: Acquisition) -> dict[str, Any]:
    return {
        "exhibit_id": str(item.id),
        "sha256": item.sha256,
        "sha512": item.sha512,
        "size_bytes": item.size_bytes,
        "channel": item.channel.value,
        "source_id": item.source_id,
        "received_at": rendered(item.received_at),
        "delivered_at": rendered(item.delivered_at) if item.delivered_at else None,
        "media_type": item.media_type,
        "door": dict(item.door),
    }


def _facts_of(row: Row[Any]) -> dict[str, Any]:
    return {
        "exhibit_id": str(row.id),
        "sha256": row.sha256,
        "sha512": row.sha512,
        "size_bytes": row.size_bytes,
        "channel": Channel(row.channel).value,
        "source_id": row.source_id,
        "received_at": rendered(row.received_at),
        "delivered_at": rendered(row.delivered_at) if row.delivered_at else None,
        "media_type": row.media_type,
        "door": row.door,
    }


def _entered(connection: Connection, row: Row[Any], stored: StoredObject, now: datetime) -> Exception | None:
    """Enter one waiting acquisition; a row the database refuses must not hold up the others of its batch."""
    try:
        with connection.begin_nested():
            connection.execute(update(acquisition).where(acquisition.c.id == row.id).values(state="archived", raw=None))
            _enter(connection, _facts_of(row), stored, now)
    except (DataError, IntegrityError) as error:
        log.exception("accession.not_entered", acquisition_id=str(row.id))
        return error
    return None


def _enter(connection: Connection, facts: Mapping[str, Any], stored: StoredObject, now: datetime) -> None:
    """Make the acquisition an exhibit: its custody entry and its row."""
    exhibit_id = UUID(facts["exhibit_id"])
    entry_id = record(
        connection,
        CustodyEntry(
            stream=exhibit_stream(exhibit_id),
            action=Action.EXHIBIT_ARCHIVED,
            actor=ACTOR,
            at=now,
            facts={**facts, "vault_key": stored.key, "vault_version": stored.version},
        ),
    )
    connection.execute(
        insert(exhibit).values(
            id=exhibit_id,
            vault_key=stored.key,
            vault_version=stored.version,
            retain_until=stored.retain_until,
            archived_at=now,
            archived_entry=entry_id,
        )
    )
    settle(connection, exhibit_id, at=now)


def park(connection: Connection, acquisition_id: UUID, *, because: str, at: datetime, actor: str) -> None:
    """Set one received acquisition aside for a person; its bytes stay where they are."""
    connection.execute(
        update(acquisition)
        .where(acquisition.c.id == acquisition_id)
        .values(state="parked", parked_because=because, parked_at=at)
    )
    record(
        connection,
        CustodyEntry(
            stream=exhibit_stream(acquisition_id),
            action=Action.ACQUISITION_PARKED,
            actor=actor,
            at=at,
            reason=because,
        ),
    )
    raise_alert(connection, "parked", at=at, acquisition_id=acquisition_id, text=because)


def unpark(connection: Connection, acquisition_id: UUID, *, at: datetime, actor: str, reason: str | None) -> bool:
    """Let a parked acquisition wait for accession again.

    Returns:
        False where it is not parked.
    """
    freed = connection.execute(
        update(acquisition)
        .where(acquisition.c.id == acquisition_id, acquisition.c.state == "parked")
        .values(state="received", parked_because=None, parked_at=None)
    )
    if freed.rowcount == 0:
        return False
    record(
        connection,
        CustodyEntry(
            stream=exhibit_stream(acquisition_id),
            action=Action.ACQUISITION_UNPARKED,
            actor=actor,
            at=at,
            reason=reason,
        ),
    )
    return True
