"""Rows under audit that the ledger promises entries for: exhibits, readings, judgements, assignments and answers."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import rfc8785
from sqlalchemy import Connection, Row, select, text

from archive.audit_scope import Fault, Ground, Page, Scope
from archive.custody import Action, exhibit_stream
from archive.ledger_erasures import erased_entries
from archive.replay import REBUILT
from archive.tables import authenticity, custody_entry, custody_payload, exhibit, reading, reply, reply_item

AT_ONCE = 256
NOBODY = UUID(int=0)
_ENDED = {"sent": Action.REPLY_SENT, "failed": Action.REPLY_FAILED, "unknown": Action.REPLY_UNKNOWN}

_ASSIGNED = text(
    """
    SELECT exhibit.id, convert_from(body, 'UTF8')::json -> 'facts' ->> 'reference' AS reference
    FROM exhibit
    JOIN custody_entry ON custody_entry.stream = 'case:' || exhibit.case_id
      AND custody_entry.names_stream = 'exhibit:' || exhibit.id
    JOIN custody_payload ON entry_id = custody_entry.id
    WHERE exhibit.id = ANY(:ids)
    """
)


def promises(ground: Ground, scope: Scope, cursor: str) -> Iterator[Page]:
    """Every exhibit with its entries: archived, placed or quarantined, read, judged, answered as its rows say."""
    after = UUID(cursor) if cursor else NOBODY
    while True:
        with ground.engine.connect() as connection:
            query = select(exhibit).where(exhibit.c.id > after).order_by(exhibit.c.id).limit(AT_ONCE)
            if scope.since is not None:
                query = query.where(exhibit.c.archived_at >= scope.since)
            rows = connection.execute(query).all()
            if not rows:
                return
            faults = _faults(ground, connection, rows)
        after = rows[-1].id
        yield Page(str(after), len(rows), faults)


def _faults(ground: Ground, connection: Connection, rows: Sequence[Row[Any]]) -> list[Fault]:
    ids = [row.id for row in rows]
    told = _told(connection, ids)
    assigned = {(row.id, row.reference) for row in connection.execute(_ASSIGNED, {"ids": ids})}
    if any(row.id not in told for row in rows):
        # Disposed of: its payloads are gone, and the ledger says so. What is left of its rows promises nothing.
        erased = erased_entries(connection)
        rows = [row for row in rows if row.archived_entry not in erased]
        ids = [row.id for row in rows]
    faults: list[Fault] = []
    for row in rows:
        faults += _of_exhibit(row, told.get(row.id, []), assigned)
    faults += _of_readings(connection, ids, told) + _of_judgements(ground, connection, ids, told)
    return faults + _of_answers(connection, ids, told)


def _told(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, list[Mapping[str, Any]]]:
    """What the entries of each exhibit's stream say, besides looks at it."""
    query = (
        select(custody_entry.c.stream, custody_entry.c.id, custody_payload.c.body)
        .join(custody_payload, custody_payload.c.entry_id == custody_entry.c.id)
        .where(custody_entry.c.stream.in_([exhibit_stream(each) for each in ids]))
    )
    told: dict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
    for row in connection.execute(query):
        says = json.loads(bytes(row.body))
        if says["action"] not in {Action.EXHIBIT_VIEWED, Action.EXHIBIT_DOWNLOADED}:
            told[UUID(row.stream.partition(":")[2])].append({**says, "row": row.id})
    return told


def _of_exhibit(row: Row[Any], told: Sequence[Mapping[str, Any]], assigned: set[tuple[UUID, str]]) -> Iterator[Fault]:
    place = f"exhibit {row.id}"
    archived = [
        each for each in told if each["action"] == Action.EXHIBIT_ARCHIVED and each["row"] == row.archived_entry
    ]
    if not archived:
        yield Fault("unpromised", place, f"entry row {row.archived_entry} does not say that it was archived")
    if row.case_id is not None and (row.id, f"{row.initials}/{row.number}") not in assigned:
        yield Fault("unpromised", place, f"no entry of case {row.case_id} assigns it as {row.initials}/{row.number}")
    quarantined = any(each["action"] == Action.EXHIBIT_QUARANTINED for each in told)
    if (row.case_id is None or row.quarantined_at is not None) and not quarantined:
        yield Fault("unpromised", place, "no entry says that it was quarantined")


def _of_readings(
    connection: Connection, ids: Sequence[UUID], told: Mapping[UUID, Sequence[Mapping[str, Any]]]
) -> list[Fault]:
    query = select(reading.c.exhibit_id, reading.c.version, reading.c.content).where(reading.c.exhibit_id.in_(ids))
    faults = []
    for row in connection.execute(query):
        sha256 = hashlib.sha256(rfc8785.dumps(row.content)).hexdigest()
        if not any(
            each["action"] == Action.EXHIBIT_READ
            and (each["facts"]["version"], each["facts"]["reading_sha256"]) == (row.version, sha256)
            for each in told.get(row.exhibit_id, [])
        ):
            says = f"no entry tells of this reading by version {row.version}"
            faults.append(Fault("reading_changed", f"exhibit {row.exhibit_id}", says))
    return faults


def _of_judgements(
    ground: Ground, connection: Connection, ids: Sequence[UUID], told: Mapping[UUID, Sequence[Mapping[str, Any]]]
) -> list[Fault]:
    """What signatures came to: each stored document is the one that an entry names, and each that is named is there."""
    columns = (authenticity.c[name] for name in ("exhibit_id", "content", "sha256", "summary"))
    query = select(*columns)
    held: dict[UUID, set[str]] = defaultdict(set)
    faults = []
    for row in connection.execute(query.where(authenticity.c.exhibit_id.in_(ids))):
        sha256 = hashlib.sha256(bytes(row.content)).hexdigest()
        held[row.exhibit_id].add(sha256)
        if sha256 != row.sha256 or sha256 not in _judged(told.get(row.exhibit_id, [])):
            says = f"no entry tells of the findings on its signatures with the digest {sha256}"
            faults.append(Fault("authenticity_changed", f"exhibit {row.exhibit_id}", says))
        elif ground.summary_in(bytes(row.content)) not in (None, row.summary):
            says = "the timeline shows other findings on its signatures than their document has"
            faults.append(Fault("authenticity_changed", f"exhibit {row.exhibit_id}", says))
    for exhibit_id in ids:
        for sha256 in sorted(_judged(told.get(exhibit_id, [])) - held[exhibit_id]):
            says = f"the findings on its signatures with the digest {sha256}, of which an entry tells, are not there"
            faults.append(Fault("authenticity_missing", f"exhibit {exhibit_id}", says))
    return faults


def _judged(told: Sequence[Mapping[str, Any]]) -> set[str]:
    return {each["facts"]["authenticity_sha256"] for each in told if each["action"] == Action.AUTHENTICITY_JUDGED}


def _of_answers(
    connection: Connection, ids: Sequence[UUID], told: Mapping[UUID, Sequence[Mapping[str, Any]]]
) -> list[Fault]:
    query = (
        select(reply_item.c.exhibit_id, reply_item.c.reply_id, reply.c.state, reply.c.failed_because)
        .outerjoin(reply, reply.c.id == reply_item.c.reply_id)
        .where(reply_item.c.exhibit_id.in_(ids))
    )
    faults = []
    for row in connection.execute(query):
        if not any(each["action"] == Action.REPLY_DECIDED for each in told.get(row.exhibit_id, [])):
            faults.append(Fault("unpromised", f"exhibit {row.exhibit_id}", "no entry decides whether it is answered"))
        action = _ENDED.get(row.state)
        # The entry of an answer stands in the stream of the exhibit that planned it.
        planned = any(
            each["action"] == Action.REPLY_DECIDED
            and each["facts"]["reply_id"] == str(row.reply_id)
            and each["facts"].get("joins") is False
            for each in told.get(row.exhibit_id, [])
        )
        if action is None or not planned or row.failed_because == REBUILT:
            continue
        if not any(
            each["action"] == action and each["facts"]["reply_id"] == str(row.reply_id)
            for each in told.get(row.exhibit_id, [])
        ):
            faults.append(Fault("unpromised", f"answer {row.reply_id}", f"no entry says that it is {row.state}"))
    return faults
