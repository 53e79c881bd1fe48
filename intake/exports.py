"""Exports that came by mail or by a link: which exhibits are looked into, and what became of it.

waiting → whole | partly | nothing | failed

An exhibit is asked for in the transaction that keeps its reading. It is taken apart once it belongs to a case: what
comes from strangers stays as it came. What was itself taken out of an exhibit is not looked into again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import Channel
from archive.alerts import raise_alert
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.ledger import record
from archive.tables import acquisition, exhibit, unpacking
from intake.containers import MAIL, MBOX, PLAIN, XML
from intake.reading.containers import ZIP_TYPES
from intake.reading.model import Attachment, Reading
from intake.unpacking import MEDIA_TYPES

ACTOR: Final = "system:exports"
TAKEN_FROM: Final = "taken_from"
"""In an acquisition's door facts: the exhibit that it was taken out of."""
MOST_TRIES: Final = 5
FIRST_PAUSE: Final = timedelta(seconds=30)
_ENDINGS: Final = frozenset({".mbox", ".mbx", ".txt", ".xml", ".zip"})
_TYPES: Final = frozenset({MBOX, PLAIN, *XML, *ZIP_TYPES})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What taking an exhibit apart has come to.

    Attributes:
        state: As in the module's docstring.
        exhibits: How many exhibits came out of it, those that were there before among them.
        holds: For a file that was uploaded, what it is: "mailbox", "backup", "chat" or "zip".
        taken: Messages by kind; `parked` stretches of it that are no message, by reason.
        because: Why it was not taken whole.
        passed: How many items of it were seen to, for whoever goes on.
        tries: How often it failed since it last went on.
    """

    state: str = "waiting"
    exhibits: int = 0
    holds: str | None = None
    taken: Mapping[str, int] | None = None
    parked: Mapping[str, int] | None = None
    because: str | None = None
    passed: int = 0
    tries: int = 0


def export_type(media_type: str, name: str | None) -> str | None:
    """What a file may be that holds messages, by its name first; None where it is none of those."""
    ending = Path(name or "").suffix.lower()
    if ending in _ENDINGS:
        return MEDIA_TYPES[ending]
    kind = media_type.partition(";")[0].strip().lower()
    if ending or kind not in _TYPES:
        return None
    return MEDIA_TYPES[".zip"] if kind in ZIP_TYPES else kind


def exports_in(found: Reading) -> list[Attachment]:
    """The files of a mail that may hold messages."""
    return [each for each in found.attachments if each.role != "original" and export_type(each.media_type, each.name)]


def is_file(row: Row[Any]) -> bool:
    """Whether an exhibit, by its acquisition's row, is a file out of a link that may itself be an export."""
    is_of_link = row.channel == Channel.UPLOAD and row.source_id.startswith("upload:") and row.parent_id is None
    return is_of_link and export_type(row.media_type, row.door.get("filename")) is not None


def is_wanted(row: Row[Any], found: Reading) -> bool:
    """Whether an exhibit, by its acquisition's row and its reading, may hold an export."""
    if TAKEN_FROM in row.door:
        return False
    is_mail = row.channel == Channel.EMAIL or (row.channel == Channel.UPLOAD and row.media_type == MAIL)
    return is_file(row) or (is_mail and bool(exports_in(found)))


def ask(connection: Connection, readings: Sequence[tuple[Row[Any], Reading]], *, at: datetime) -> None:
    """Have those of these exhibits looked into that may hold an export; again does nothing."""
    values = [
        {"exhibit_id": row.id, "asked_at": at, "state": "waiting", "tries": 0, "next_at": at}
        | {"passed": 0, "exhibits": 0, "taken": {}, "parked": {}}
        for row, found in readings
        if is_wanted(row, found)
    ]
    if values:
        connection.execute(insert(unpacking).values(values).on_conflict_do_nothing())


def due(connection: Connection, *, now: datetime, most: int) -> list[UUID]:
    """Exhibits of a case that wait and whose time has come, the longest waiting first."""
    query = (
        select(unpacking.c.exhibit_id)
        .join(exhibit, exhibit.c.id == unpacking.c.exhibit_id)
        .where(unpacking.c.state == "waiting", unpacking.c.next_at <= now, exhibit.c.case_id.isnot(None))
        .order_by(unpacking.c.next_at)
    )
    return list(connection.execute(query.limit(most)).scalars())


def waiting_row(connection: Connection, exhibit_id: UUID) -> Row[Any] | None:
    """Exhibit, acquisition and `passed`, `exhibits`, `tries` of one that waits and belongs to a case."""
    columns = (unpacking.c.passed, unpacking.c.exhibits, unpacking.c.tries)
    held = (exhibit.c.case_id, exhibit.c.contributor_id, exhibit.c.vault_key, exhibit.c.vault_version)
    query = (
        select(acquisition, *held, *columns)
        .join(exhibit, exhibit.c.id == acquisition.c.id)
        .join(unpacking, unpacking.c.exhibit_id == exhibit.c.id)
        .where(exhibit.c.id == exhibit_id, unpacking.c.state == "waiting", exhibit.c.case_id.isnot(None))
    )
    return connection.execute(query).first()


def outcome_of(connection: Connection, exhibit_id: UUID) -> Outcome | None:
    """What became of an exhibit that was asked for; None where it was not."""
    row = connection.execute(select(unpacking).where(unpacking.c.exhibit_id == exhibit_id)).first()
    if row is None:
        return None
    rest = (row.taken, row.parked, row.because, row.passed, row.tries)
    return Outcome(row.state, row.exhibits, row.holds, *rest)


def go_on(
    connection: Connection, exhibit_id: UUID, *, passed: int, exhibits: int, tries: int, next_at: datetime
) -> None:
    """Note how far it came, and from when on somebody may look again."""
    values = {"passed": passed, "exhibits": exhibits, "tries": tries, "next_at": next_at}
    waits = (unpacking.c.exhibit_id == exhibit_id) & (unpacking.c.state == "waiting")
    connection.execute(update(unpacking).where(waits).values(values))


def finish(connection: Connection, exhibit_id: UUID, found: Outcome, *, at: datetime) -> None:
    """Keep what it came to, with its custody entry; an alert where nobody can go on with it."""
    told = {"taken": dict(found.taken or {}), "parked": dict(found.parked or {})}
    values = {"state": found.state, "exhibits": found.exhibits, "holds": found.holds, "because": found.because}
    waits = (unpacking.c.exhibit_id == exhibit_id) & (unpacking.c.state == "waiting")
    changed = connection.execute(update(unpacking).where(waits).values(finished_at=at, tries=0, **values, **told))
    if not changed.rowcount or found.state == "nothing":
        return
    facts = {"state": found.state, "exhibits": found.exhibits, **told}
    entry = CustodyEntry(exhibit_stream(exhibit_id), Action.EXHIBIT_UNPACKED, ACTOR, at, facts, reason=found.because)
    record(connection, entry)


def begin(connection: Connection, row: Row[Any], *, at: datetime) -> bool:
    """Count a try before it is made: whoever dies of it was one too.

    Returns:
        Whether it may be tried; False once too many ended the worker.
    """
    if row.tries >= MOST_TRIES:
        _give_up(connection, row, because=f"the program ended {MOST_TRIES} times while it was at it", at=at)
        return False
    later, tries = at + FIRST_PAUSE * (1 << row.tries), row.tries + 1
    go_on(connection, row.id, passed=row.passed, exhibits=row.exhibits, tries=tries, next_at=later)
    return True


def forgive(connection: Connection, exhibit_id: UUID, *, at: datetime) -> None:
    """What is away is nobody's fault: the try does not count."""
    row = waiting_row(connection, exhibit_id)
    if row is not None:
        rest = {"passed": row.passed, "exhibits": row.exhibits, "next_at": at + FIRST_PAUSE}
        go_on(connection, exhibit_id, tries=max(row.tries - 1, 0), **rest)


def fail(connection: Connection, exhibit_id: UUID, *, because: str, at: datetime) -> None:
    """A try failed: it is tried again later, `MOST_TRIES` times; then it is left as it is and officers are told."""
    row = waiting_row(connection, exhibit_id)
    if row is not None and row.tries >= MOST_TRIES:
        _give_up(connection, row, because=because, at=at)


def _give_up(connection: Connection, row: Row[Any], *, because: str, at: datetime) -> None:
    finish(connection, row.id, Outcome("failed", row.exhibits, because=because), at=at)
    raise_alert(connection, "export_not_taken", at=at, acquisition_id=row.id, case_id=row.case_id)
