"""Readings as they are stored: versioned, replaceable, never the evidence.

The row keeps what the timeline sorts and searches by beside the whole reading, so that pages need not open each one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import rfc8785
from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.dialects.postgresql import insert

from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.errors import UnknownAcquisitionError
from archive.ledger import record
from archive.tables import acquisition, exhibit, reading
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
        query = select(acquisition, exhibit).join(exhibit, exhibit.c.id == acquisition.c.id)
        row = connection.execute(query.where(exhibit.c.id == exhibit_id)).first()
    if row is None:
        raise UnknownAcquisitionError(str(exhibit_id))
    found = _read(vault, row)
    with engine.begin() as connection:
        store_reading(connection, exhibit_id, found, now=now())
    return found


def _read(vault: Vault, row: Row[Any]) -> Reading:
    """Read what the reader opens, and only that: a recording of a gigabyte does not go through this process."""
    about = {"channel": row.channel, "media_type": row.media_type}
    if not opens(**about):
        return read_in_bounds(b"", **about, door=row.door)
    if row.size_bytes > RAW_BYTES:
        return unreadable(f"larger than the reader opens ({row.size_bytes} bytes)")
    raw = vault.read(row.vault_key, row.vault_version, sha256=row.sha256)
    return read_in_bounds(raw, **about, door=row.door)


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
    content = to_json(found)
    statement = (
        insert(reading)
        .values(
            exhibit_id=exhibit_id,
            version=found.version,
            read_at=now,
            state=found.state,
            content=content,
            words=searchable(found),
            ordered_at=ordered_at(found, received_at),
        )
        .on_conflict_do_nothing()
        .returning(reading.c.version)
    )
    if connection.execute(statement).first() is None:
        return False
    facts = {
        "version": found.version,
        "state": found.state,
        "reading_sha256": hashlib.sha256(rfc8785.dumps(content)).hexdigest(),
    }
    record(connection, CustodyEntry(exhibit_stream(exhibit_id), Action.EXHIBIT_READ, ACTOR, now, facts))
    return True


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
