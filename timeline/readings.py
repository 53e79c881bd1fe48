"""Readings as they are stored: versioned, replaceable, never the evidence.

The row keeps what the timeline sorts and searches by beside the whole reading, so that pages need not open each one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import rfc8785
from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.dialects.postgresql import insert

from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.errors import UnknownAcquisitionError
from archive.ledger import record
from archive.tables import acquisition, custody_entry, custody_payload, exhibit, reading
from archive.vault import Vault
from intake.reading import opens, read_in_bounds, unreadable
from intake.reading.limits import RAW_BYTES
from intake.reading.model import Reading, displayable, from_json, to_json
from timeline.ordering import ordered_at

ACTOR: Final = "system:reading"
WORDS_CHARACTERS: Final = 1_000_000


def read_exhibit(engine: Engine, vault: Vault, exhibit_id: UUID, *, now: Callable[[], datetime]) -> Reading:
    """Read one exhibit's bytes out of the vault, in a process with limits, and keep the reading. Safe to repeat.

    Raises:
        UnknownAcquisitionError: No exhibit has this id.
        VaultUnavailableError: The vault is away; try again.
        DigestMismatchError: It holds other bytes than were received.
    """
    with engine.connect() as connection:
        row = _row_of(connection, exhibit_id)
    found = _read(vault, row)
    with engine.begin() as connection:
        store_reading(connection, exhibit_id, found, now=now())
    return found


def _row_of(connection: Connection, exhibit_id: UUID) -> Row[Any]:
    query = select(acquisition, exhibit).join(exhibit, exhibit.c.id == acquisition.c.id)
    row = connection.execute(query.where(exhibit.c.id == exhibit_id)).first()
    if row is None:
        raise UnknownAcquisitionError(str(exhibit_id))
    return row


def _read(vault: Vault, row: Row[Any]) -> Reading:
    """Read what the reader opens, and only that: a recording of a gigabyte does not go through this process."""
    about = {"channel": row.channel, "media_type": row.media_type}
    if not opens(**about):
        return read_in_bounds(b"", **about, door=row.door)
    if row.size_bytes > RAW_BYTES:
        return unreadable(f"larger than the reader opens ({row.size_bytes} bytes)")
    raw = vault.read(row.vault_key, row.vault_version, sha256=row.sha256)
    return read_in_bounds(raw, **about, door=row.door)


def read_again(engine: Engine, vault: Vault, exhibit_id: UUID, *, now: Callable[[], datetime]) -> bool:
    """Read one exhibit for a rebuilt index: a reading that the ledger tells of is no new act, and gets no new entry.

    Returns:
        False where this reader reads otherwise than the ledger tells, or in another version: that is a new reading.

    Raises:
        As `read_exhibit`.
    """
    with engine.connect() as connection:
        row = _row_of(connection, exhibit_id)
    found = _read(vault, row)
    with engine.begin() as connection:
        told_at = _told_at(connection, exhibit_id, _sha256(to_json(found)))
        if told_at is None:
            store_reading(connection, exhibit_id, found, now=now())
            return False
        _keep(connection, exhibit_id, found, row.received_at, told_at)
    return True


def _told_at(connection: Connection, exhibit_id: UUID, sha256: str) -> datetime | None:
    """When the ledger says that this very reading was made."""
    query = (
        select(custody_entry.c.at, custody_payload.c.body)
        .join(custody_payload, custody_payload.c.entry_id == custody_entry.c.id)
        .where(custody_entry.c.stream == exhibit_stream(exhibit_id))
        .order_by(custody_entry.c.id)
    )
    for row in connection.execute(query):
        told = json.loads(bytes(row.body))
        if told["action"] == Action.EXHIBIT_READ and told["facts"]["reading_sha256"] == sha256:
            return cast(datetime, row.at)
    return None


def store_reading(connection: Connection, exhibit_id: UUID, found: Reading, *, now: datetime) -> bool:
    """Keep one reading of an exhibit, in the caller's transaction, with its custody entry.

    Returns:
        False where this reader version's reading is there already: nothing is written again.

    Raises:
        UnknownAcquisitionError: No acquisition has this id.
    """
    received_at = connection.execute(select(acquisition.c.received_at).where(acquisition.c.id == exhibit_id)).scalar()
    if received_at is None:
        raise UnknownAcquisitionError(str(exhibit_id))
    if not _keep(connection, exhibit_id, found, received_at, now):
        return False
    facts = {
        "version": found.version,
        "state": found.state,
        "reading_sha256": _sha256(to_json(found)),
    }
    record(connection, CustodyEntry(exhibit_stream(exhibit_id), Action.EXHIBIT_READ, ACTOR, now, facts))
    return True


def _keep(connection: Connection, exhibit_id: UUID, found: Reading, received_at: datetime, at: datetime) -> bool:
    statement = (
        insert(reading)
        .values(
            exhibit_id=exhibit_id,
            version=found.version,
            read_at=at,
            state=found.state,
            content=to_json(found),
            words=searchable(found),
            ordered_at=ordered_at(found, received_at),
        )
        .on_conflict_do_nothing()
        .returning(reading.c.version)
    )
    return connection.execute(statement).first() is not None


def _sha256(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def current(connection: Connection, exhibit_id: UUID) -> Reading | None:
    """The newest reading of an exhibit, or None where it was not read yet."""
    query = (
        select(reading.c.content).where(reading.c.exhibit_id == exhibit_id).order_by(reading.c.version.desc()).limit(1)
    )
    content = connection.execute(query).scalar()
    return opened(content)


def opened(content: Mapping[str, Any] | None) -> Reading | None:
    """A stored reading; None where there is none, or one of a form that only another version of the reader knows.

    Such an exhibit shows as not read yet until it is read again: a reading can always be made anew from the bytes.
    """
    try:
        return from_json(content) if content is not None else None
    except (KeyError, TypeError):
        return None


def searchable(found: Reading) -> str:
    """All words of a reading, case-folded, without characters that a database cannot keep."""
    people = (found.reported_from, *found.reported_to, *found.reported_cc)
    named = [part for person in people for part in (person.name, person.address, person.number)]
    parts = [found.subject, found.text, found.note, *named]
    parts += [one.name for one in found.attachments]
    parts += [one.value for one in found.identifiers]
    return displayable("\n".join(part for part in parts if part))[:WORDS_CHARACTERS].casefold()
