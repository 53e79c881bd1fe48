"""Readings as they are stored: versioned, replaceable, never the evidence.

The row keeps what the timeline sorts and searches by beside the whole reading, so that pages need not open each one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import rfc8785
from sqlalchemy import Connection, Engine, Row, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.errors import UnknownAcquisitionError
from archive.ledger import record, record_all
from archive.tables import acquisition, custody_entry, custody_payload, exhibit, reading
from archive.vault import Vault
from intake.exports import ask
from intake.reading import READER_VERSION, Given, opens, read_in_bounds, read_many_in_bounds, unreadable
from intake.reading.limits import RAW_BYTES
from intake.reading.media import is_media
from intake.reading.model import Reading, displayable, from_json, to_json
from timeline.ordering import ordered_at

ACTOR: Final = "system:reading"
WORDS_CHARACTERS: Final = 1_000_000
TOGETHER_BYTES: Final = 64 * 1024
"""A larger exhibit is read in a process of its own."""


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


def read_arrived(
    engine: Engine, vault: Vault, arrived: Mapping[UUID, bytes | None], *, now: Callable[[], datetime]
) -> dict[UUID, str]:
    """As `read_exhibit`, of several exhibits that were archived just now, at once.

    Args:
        engine: Where readings are kept.
        vault: Where the bytes lie.
        arrived: Exhibits, and the bytes that went into the vault: those are read, where their digest is the exhibit's.
        now: The clock.

    Returns:
        The state of each reading, those that were there before too.

    Raises:
        As `read_exhibit`.
    """
    with engine.connect() as connection:
        known = _states(connection, arrived)
        rows = [row for row in _rows_of(connection, arrived) if row.id not in known]
    together = [row for row in rows if _is_held(row, arrived[row.id])]
    answers = read_many_in_bounds([_given(row, arrived) for row in together])
    found = {row.id: answer for row, answer in zip(together, answers, strict=True)}
    found |= {row.id: _read(vault, row) for row in rows if row.id not in found}
    with engine.begin() as connection:
        _store_all(connection, [(row, found[row.id]) for row in rows], now())
    return known | {each: reading.state for each, reading in found.items()}


def _states(connection: Connection, ids: Collection[UUID]) -> dict[UUID, str]:
    query = select(reading.c.exhibit_id, reading.c.state).where(
        reading.c.exhibit_id == func.any(list(ids)), reading.c.version == READER_VERSION
    )
    return {row.exhibit_id: row.state for row in connection.execute(query)}


def _rows_of(connection: Connection, ids: Collection[UUID]) -> Sequence[Row[Any]]:
    query = select(acquisition, exhibit).join(exhibit, exhibit.c.id == acquisition.c.id)
    return connection.execute(query.where(exhibit.c.id == func.any(list(ids)))).all()


def _is_held(row: Row[Any], raw: bytes | None) -> bool:
    """Whether an exhibit can be read from the bytes at hand, with others: pictures take their time."""
    if raw is None or len(raw) > TOGETHER_BYTES or is_media(row.media_type):
        return False
    return hashlib.sha256(raw).hexdigest() == str(row.sha256)


def _given(row: Row[Any], arrived: Mapping[UUID, bytes | None]) -> Given:
    raw = arrived[row.id] if opens(channel=row.channel, media_type=row.media_type, size_bytes=row.size_bytes) else b""
    return Given(raw or b"", row.channel, row.media_type, row.door)


def _row_of(connection: Connection, exhibit_id: UUID) -> Row[Any]:
    query = select(acquisition, exhibit).join(exhibit, exhibit.c.id == acquisition.c.id)
    row = connection.execute(query.where(exhibit.c.id == exhibit_id)).first()
    if row is None:
        raise UnknownAcquisitionError(str(exhibit_id))
    return row


def _read(vault: Vault, row: Row[Any]) -> Reading:
    """Read what the reader opens, and only that: a recording of a gigabyte does not go through this process."""
    about = {"channel": row.channel, "media_type": row.media_type}
    if not opens(**about, size_bytes=row.size_bytes):
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
        _keep(connection, row, found, told_at)
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
    row = connection.execute(select(acquisition).where(acquisition.c.id == exhibit_id)).first()
    if row is None:
        raise UnknownAcquisitionError(str(exhibit_id))
    if not _keep(connection, row, found, now):
        return False
    record(connection, _entry(exhibit_id, found, now))
    return True


def _entry(exhibit_id: UUID, found: Reading, at: datetime) -> CustodyEntry:
    facts = {
        "version": found.version,
        "state": found.state,
        "reading_sha256": _sha256(to_json(found)),
    }
    return CustodyEntry(exhibit_stream(exhibit_id), Action.EXHIBIT_READ, ACTOR, at, facts)


def _store_all(connection: Connection, readings: Sequence[tuple[Row[Any], Reading]], at: datetime) -> None:
    """As `store_reading`, of several, with a statement for each kind of row."""
    if not readings:
        return
    rows = [_columns(row.id, found, row.received_at, at) for row, found in readings]
    statement = insert(reading).values(rows).on_conflict_do_nothing().returning(reading.c.exhibit_id)
    new = set(connection.execute(statement).scalars())
    record_all(connection, [_entry(row.id, found, at) for row, found in readings if row.id in new])
    ask(connection, readings, at=at)


def _keep(connection: Connection, row: Row[Any], found: Reading, at: datetime) -> bool:
    values = _columns(row.id, found, row.received_at, at)
    ask(connection, [(row, found)], at=at)
    statement = insert(reading).values(values).on_conflict_do_nothing().returning(reading.c.version)
    return connection.execute(statement).first() is not None


def _columns(exhibit_id: UUID, found: Reading, received_at: datetime, at: datetime) -> dict[str, Any]:
    return {
        "exhibit_id": exhibit_id,
        "version": found.version,
        "read_at": at,
        "state": found.state,
        "content": to_json(found),
        "words": searchable(found),
        "ordered_at": ordered_at(found, received_at),
    }


def _sha256(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def current(connection: Connection, exhibit_id: UUID) -> Reading | None:
    """The newest reading of an exhibit, or None where it was not read yet."""
    query = (
        select(reading.c.content).where(reading.c.exhibit_id == exhibit_id).order_by(reading.c.version.desc()).limit(1)
    )
    content = connection.execute(query).scalar()
    return opened(content)


def current_of(connection: Connection, exhibits: Sequence[UUID]) -> dict[UUID, Reading]:
    """The newest reading of each of these exhibits; those that were not read yet are left out."""
    query = (
        select(reading.c.exhibit_id, reading.c.content)
        .ext(distinct_on(reading.c.exhibit_id))
        .where(reading.c.exhibit_id == func.any(list(exhibits)))
        .order_by(reading.c.exhibit_id, reading.c.version.desc())
    )
    found = ((row.exhibit_id, opened(row.content)) for row in connection.execute(query))
    return {exhibit_id: each for exhibit_id, each in found if each is not None}


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
    parts = [found.subject, found.text, found.note, found.search_hint, *named]
    parts += [one.name for one in found.attachments]
    parts += [one.value for one in found.identifiers]
    return displayable("\n".join(part for part in parts if part))[:WORDS_CHARACTERS].casefold()
