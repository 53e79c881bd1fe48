"""Continuity: the custody entries of a case and its exhibits, a page at a time, those without a place yet too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, String, cast, func, or_, select

from archive.custody import case_stream, exhibit_stream
from archive.exhibit import ExhibitRef
from archive.tables import custody_entry, custody_leaf, custody_payload, exhibit

PER_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing done.

    Attributes:
        id: The outbox's number for it; orders entries until they have an index.
        at: When.
        index: Leaf index, None until the sequencer placed it.
        action: What was done, empty where the payload was erased; `actor`, `reason` and `facts` likewise.
        exhibit_id: The exhibit it is about, None where it is about the case alone.
        reference: That exhibit's reference.
    """

    id: int
    at: datetime
    index: int | None
    action: str
    actor: str
    reason: str | None
    facts: Mapping[str, Any]
    exhibit_id: UUID | None
    reference: str | None = None


def case_entries(connection: Connection, case_id: UUID, *, below: int | None = None) -> list[Entry]:
    """A page of the entries of a case's stream and of its exhibits' streams, newest first.

    Args:
        connection: Reads only.
        case_id: The case.
        below: Only entries with a lower id than this: the last one of the page before.
    """
    labels = select(func.concat("exhibit:", cast(exhibit.c.id, String))).where(exhibit.c.case_id == case_id)
    mine = or_(custody_entry.c.stream == case_stream(case_id), custody_entry.c.stream.in_(labels))
    return _page(connection, mine, below)


def exhibit_entries(connection: Connection, exhibit_id: UUID) -> list[Entry]:
    """The newest entries of one exhibit's stream, newest first."""
    return _page(connection, custody_entry.c.stream == exhibit_stream(exhibit_id), None)


def _page(connection: Connection, mine: ColumnElement[bool], below: int | None) -> list[Entry]:
    query = (
        select(
            custody_entry.c.id,
            custody_entry.c.stream,
            custody_entry.c.at,
            custody_leaf.c.leaf_index,
            custody_payload.c.body,
        )
        .outerjoin(custody_leaf, custody_leaf.c.entry_id == custody_entry.c.id)
        .outerjoin(custody_payload, custody_payload.c.entry_id == custody_entry.c.id)
        .where(mine)
        .order_by(custody_entry.c.id.desc())
        .limit(PER_PAGE)
    )
    rows = connection.execute(query.where(custody_entry.c.id < below) if below else query).all()
    entries = [_entry(row) for row in rows]
    references = _references(connection, [entry.exhibit_id for entry in entries if entry.exhibit_id])
    return [
        replace(entry, reference=references.get(entry.exhibit_id)) if entry.exhibit_id else entry for entry in entries
    ]


def _exhibit_of(stream: str, facts: Mapping[str, Any]) -> UUID | None:
    """The exhibit an entry is about: by its stream, or named in a case's entry."""
    kind, _, found = stream.partition(":")
    named = found if kind == "exhibit" else facts.get("exhibit_id")
    return UUID(named) if named else None


def _references(connection: Connection, exhibit_ids: Sequence[UUID]) -> dict[UUID, str]:
    query = select(exhibit.c.id, exhibit.c.initials, exhibit.c.number).where(exhibit.c.id.in_(set(exhibit_ids)))
    found = {row.id: ExhibitRef.of(row.initials, row.number) for row in connection.execute(query)}
    return {key: str(reference) for key, reference in found.items() if reference}


def _entry(row: Any) -> Entry:
    payload: Mapping[str, Any] = json.loads(bytes(row.body)) if row.body is not None else {}
    facts = payload.get("facts", {})
    return Entry(
        id=row.id,
        at=row.at,
        index=row.leaf_index,
        action=payload.get("action", ""),
        actor=payload.get("actor", ""),
        reason=payload.get("reason"),
        facts=facts,
        exhibit_id=_exhibit_of(row.stream, facts),
    )
