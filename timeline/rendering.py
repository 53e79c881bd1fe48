"""What a package ships that people read: timeline and custody as JSON and CSV, and each exhibit's reading.

The archive takes these as bytes; it does not know how a timeline is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from archive.acquisition import rendered
from archive.case import Case
from archive.custody import case_stream, exhibit_stream
from archive.ledger import checkpoint_size, entries_of
from archive.package import Derived
from intake.reading.model import to_json
from timeline.compile import Timeline, pattern_of
from timeline.csv_form import csv_lines
from timeline.events import events_of
from timeline.readings import current

CUSTODY_HEADER = ("index", "at", "action", "actor", "reason", "stream", "seq", "facts")
ERASED = "(payload erased)"


def renderings(
    connection: Connection, case: Case, exhibits: frozenset[UUID], *, now: datetime, reliability: Mapping[str, Any]
) -> dict[str, bytes]:
    """The renderings of a case, by path below `data/`.

    Args:
        connection: The snapshot's.
        case: The case.
        exhibits: The exhibits of the snapshot; events of others are left out.
        now: When the snapshot was taken.
        reliability: What this installation says of its own working.
    """
    events = tuple(event for event in events_of(connection, case.id) if event.facts.id in exhibits)
    timeline = Timeline(case.reference, now, events, pattern_of(events))
    streams = [case_stream(case.id), *(exhibit_stream(each) for each in sorted(exhibits))]
    return {
        "timeline.json": "".join(timeline.json_pieces()).encode(),
        "timeline.csv": timeline.to_csv(),
        "custody.csv": "".join(csv_lines(CUSTODY_HEADER, _custody_rows(connection, streams))).encode(),
        "system-reliability.json": _json({"at": rendered(now), **reliability}),
    }


def _custody_rows(connection: Connection, streams: Sequence[str]) -> Iterator[Sequence[str]]:
    size = checkpoint_size(connection)
    for entry in entries_of(connection, streams):
        if entry.index >= size:
            return
        payload = entry.facts()
        yield (
            str(entry.index),
            payload.get("at", ""),
            payload.get("action", ERASED),
            payload.get("actor", ""),
            payload.get("reason") or "",
            entry.stream,
            str(entry.stream_seq),
            json.dumps(payload.get("facts", {}), ensure_ascii=False),
        )


def derived_of(connection: Connection, exhibit_id: UUID) -> list[Derived]:
    """What was made from one exhibit: its newest reading, and the reading's text as a file of its own."""
    found = current(connection, exhibit_id)
    if found is None:
        return []
    maker = f"holdfast reader {found.version}"
    made = [Derived("reading.json", maker, _json(to_json(found)))]
    if found.text:
        made.append(Derived("text.txt", maker, found.text.encode("utf-8", "backslashreplace")))
    return made


def _json(document: Any) -> bytes:
    return (json.dumps(document, ensure_ascii=True, indent=1, sort_keys=True) + "\n").encode()
