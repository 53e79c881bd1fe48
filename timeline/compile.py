"""Compile a case's timeline: its events, how often and on how many days, and the forms it leaves in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from archive.acquisition import rendered
from archive.case import Case
from timeline.csv_form import csv_lines
from timeline.event import CSV_HEADER, TimelineEvent
from timeline.events import events_of
from timeline.occasions import Dated, Pattern, find_pattern
from timeline.ordering import DATED, TIMED, claimed_moment

COUNTED: Final = frozenset({"message", "diary", "call"})


@dataclass(frozen=True, slots=True)
class Timeline:
    """A case's compiled timeline.

    Attributes:
        case: The case's reference.
        generated_at: When it was compiled.
        events: Oldest first.
        pattern: Occasions and days, by claimed and diary times alone.
    """

    case: str
    generated_at: datetime
    events: tuple[TimelineEvent, ...]
    pattern: Pattern

    def to_json(self) -> dict[str, Any]:
        """The document that CONTRACT describes as "Timeline JSON"."""
        return {
            "case": self.case,
            "generated_at": rendered(self.generated_at),
            "events": [event.to_json() for event in self.events],
            **counts_of(self.pattern),
        }

    def json_pieces(self) -> Iterator[str]:
        """The same document as text, event by event."""
        head = {"case": self.case, "generated_at": rendered(self.generated_at)}
        yield json.dumps(head, ensure_ascii=False)[:-1] + ', "events": ['
        for position, event in enumerate(self.events):
            yield (",\n" if position else "\n") + json.dumps(event.to_json(), ensure_ascii=False)
        yield "],\n" + json.dumps(counts_of(self.pattern))[1:] + "\n"

    def csv_pieces(self) -> Iterator[str]:
        """One line per event, safe to open in a spreadsheet, with a byte order mark."""
        return csv_lines(CSV_HEADER, (event.csv_row() for event in self.events))

    def to_csv(self) -> bytes:
        """The CSV document, UTF-8."""
        return "".join(self.csv_pieces()).encode()

    def to_text(self) -> str:
        """The timeline for reading in a terminal or a text file."""
        return "\n".join(_text_lines(self)) + "\n"


def counts_of(pattern: Pattern) -> dict[str, int]:
    """The counts at the end of a timeline's document."""
    return {"occasions": len(pattern.occasions), "distinct_days": len(pattern.days), "undated": pattern.undated}


def compile_timeline(connection: Connection, case: Case, *, now: datetime) -> Timeline:
    """Compile the whole timeline of a case.

    Args:
        connection: Reads only.
        case: The case.
        now: When it is compiled, for `generated_at`.
    """
    events = tuple(events_of(connection, case.id))
    return Timeline(case.reference, now, events, pattern_of(events))


def pattern_of(events: Iterable[TimelineEvent]) -> Pattern:
    """Occasions and days of what was done to the contributor: not her own messages, nor pictures beside texts."""
    return find_pattern(dated_of(event) for event in events if is_counted(event))


def is_counted(event: TimelineEvent) -> bool:
    """Whether an event was done to the contributor."""
    return event.kind in COUNTED and event.direction != "outbound" and not event.is_follow_up


def dated_of(event: TimelineEvent) -> Dated:
    """When an event says it was, as occasions are counted by."""
    found = event.reading
    if found is None or found.claimed.precision not in DATED:
        return Dated(None)
    return Dated(claimed_moment(found.claimed), timed=found.claimed.precision in TIMED)


def _text_lines(timeline: Timeline) -> Iterator[str]:
    counts = counts_of(timeline.pattern)
    yield f"Timeline of {timeline.case}, compiled {rendered(timeline.generated_at)}"
    yield (
        f"{len(timeline.events)} events; {counts['occasions']} occasions on {counts['distinct_days']} days by claimed "
        f"time; {counts['undated']} undated"
    )
    for event in timeline.events:
        found = event.to_json()
        sender = found["reported_from"]
        who = sender["name"] or sender["address"] or sender["number"] or "sender not stated"
        when = f"claimed {found['claimed_at']}" if found["claimed_at"] else f"received {found['received_at']}"
        yield ""
        yield f"{found['exhibit']['reference'] or found['id']}  {when}  {found['channel']}  {who}"
        if found["claimed_at"]:
            yield f"    received {found['received_at']}"
        words = "\n".join(part for part in (found["subject"], found["text"]) if part)
        yield from (f"    {line}" for line in words.splitlines())
