"""What a package ships that people read: timeline and custody as JSON and CSV, and each exhibit's reading.

The archive takes these as bytes; it does not know how a timeline is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from archive.acquisition import rendered
from archive.case import Case
from archive.edition import Edition
from archive.package import Derived
from archive.redaction import MARK
from archive.snapshot import Snapshot
from archive.tables import exhibit
from intake.reading.model import Reading, to_json
from timeline.compile import counts_of, dated_of, is_counted
from timeline.csv_form import csv_lines
from timeline.event import CSV_HEADER, TimelineEvent
from timeline.events import events_of
from timeline.occasions import Dated, find_pattern
from timeline.readings import current_of

CUSTODY_HEADER = ("index", "at", "action", "actor", "reason", "stream", "seq", "facts")
# What of a reading the disclosure edition tells: nothing of how a message travelled, or of what it loads.
TOLD = frozenset({"version", "state", "kind", "direction", "claimed", "subject", "text", "identifiers", "defects"})


def renderings(
    connection: Connection,
    case: Case,
    snapshot: Snapshot,
    *,
    now: datetime,
    reliability: Mapping[str, Any],
    edition: Edition,
) -> dict[str, Iterable[bytes]]:
    """The renderings of a case, by path below `data/`; each is made piece by piece while it is written.

    Args:
        connection: The snapshot's.
        case: The case.
        snapshot: Events of exhibits that are not in it are left out.
        now: When the snapshot was taken.
        reliability: What this installation says of its own working.
        edition: What may be told.
    """
    return {
        "timeline.json": _timeline_json(connection, case, snapshot, now, edition),
        "timeline.csv": _timeline_csv(connection, snapshot, edition),
        "custody.csv": _encoded(csv_lines(CUSTODY_HEADER, _custody_rows(connection, snapshot, edition))),
        "system-reliability.json": [_json(edition.cleaned({"at": rendered(now), **reliability}))],
    }


def _events(connection: Connection, snapshot: Snapshot) -> Iterator[TimelineEvent]:
    return events_of(connection, snapshot.case_id, exhibit.c.id.in_(snapshot.exhibit_ids()))


def _timeline_json(
    connection: Connection, case: Case, snapshot: Snapshot, now: datetime, edition: Edition
) -> Iterator[bytes]:
    """The document that CONTRACT describes as "Timeline JSON"; of each event only its date is kept until the end."""
    head = {"case": case.reference, "generated_at": rendered(now)}
    yield (json.dumps(head, ensure_ascii=False)[:-1] + ', "events": [').encode()
    dates: list[Dated] = []
    separator = "\n"
    for event in _events(connection, snapshot):
        dates += [dated_of(event)] if is_counted(event) else []
        yield (separator + json.dumps(_told(event, edition), ensure_ascii=False)).encode()
        separator = ",\n"
    yield ("],\n" + json.dumps(counts_of(find_pattern(dates)))[1:] + "\n").encode()


def _told(event: TimelineEvent, edition: Edition) -> Any:
    """An event as the edition has it: what signed the forward itself names the contributor's mail provider."""
    document = event.to_json()
    if edition.redactor:
        of_original = (each for each in document["authenticity"] if each["of"] == "original")
        document["authenticity"] = [each for each in of_original if each["method"] == "dkim"]
    return edition.cleaned(document)


def _timeline_csv(connection: Connection, snapshot: Snapshot, edition: Edition) -> Iterator[bytes]:
    rows = ([edition.clean(cell) for cell in event.csv_row()] for event in _events(connection, snapshot))
    return _encoded(csv_lines(CSV_HEADER, rows))


def _custody_rows(connection: Connection, snapshot: Snapshot, edition: Edition) -> Iterator[Sequence[str]]:
    for entry in snapshot.entries(connection):
        reason = edition.withheld.get(entry.index)
        payload = {} if reason else entry.facts()
        yield (
            str(entry.index),
            payload.get("at", ""),
            payload.get("action", f"({reason})"),
            payload.get("actor", ""),
            payload.get("reason") or "",
            entry.stream,
            str(entry.stream_seq),
            json.dumps(payload.get("facts", {}), ensure_ascii=False),
        )


def derived_of(connection: Connection, exhibits: Sequence[UUID], edition: Edition) -> dict[UUID, list[Derived]]:
    """What was made from each exhibit: its newest reading, and the reading's text as a file of its own.

    In the disclosure edition the reading is what the timeline shows, without headers (they say where a mail came from),
    and its words are searched.
    """
    return {exhibit_id: _derived(found, edition) for exhibit_id, found in current_of(connection, exhibits).items()}


def _derived(found: Reading, edition: Edition) -> list[Derived]:
    maker = f"holdfast reader {found.version}" + (f"; contacts replaced by {MARK}" if edition.redactor else "")
    document = to_json(found)
    if edition.redactor:
        document = edition.cleaned({name: value for name, value in document.items() if name in TOLD})
    made = [Derived("reading.json", maker, _json(document))]
    if found.text:
        text = edition.clean(found.text)
        made.append(Derived("text.txt", maker, text.encode("utf-8", "backslashreplace")))
    return made


def _encoded(lines: Iterator[str]) -> Iterator[bytes]:
    return (line.encode() for line in lines)


def _json(document: Any) -> bytes:
    return (json.dumps(document, ensure_ascii=True, indent=1, sort_keys=True) + "\n").encode()
