"""Drafts: what somebody writes on a personal page, kept piece by piece until she sends it or her visit ends.

Each piece is committed before the page says "saved". Sending ends the draft and receives its canonical form in one
transaction, so an entry is either still a draft or an acquisition, never both and never neither. A draft whose visit
has ended is received as it stands, marked unfinished: nothing that was said to be saved is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Row, func, insert, select, update

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel, acquisition_id, parsed, rendered
from archive.tables import acquisition, draft, link
from archive.visit import Visit, has_ended
from intake.diary_document import (
    ANSWERS_TYPE,
    DIARY_TYPE,
    MOST_PHOTOS,
    Answer,
    AnswersDocument,
    Asked,
    DiaryDocument,
    EntryKind,
    Photo,
    answers_to_json,
)
from intake.diary_parsing import DocumentError, answers_from_json
from intake.errors import DraftEndedError, TooManyDraftsError, UnknownDraftError
from intake.receipts import Receipts

log = structlog.get_logger()

MOST_OPEN: Final = 50
"""Open drafts of one visit: far more than anybody writes at once, and too few to fill a disk with."""
MOST_DAILY: Final = 300
"""Drafts begun by one link in 24 hours. Counted by link, never by a caller's address, which many may share."""
DAY: Final = timedelta(days=1)
AT_ONCE: Final = 100


class DraftKind(StrEnum):
    """What a draft becomes."""

    INCIDENT = EntryKind.INCIDENT.value
    CALL = EntryKind.CALL.value
    ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft.

    Attributes:
        id: Ours; its source id is made of it.
        kind: What it becomes.
        began_at: When it was begun.
        answers: By the name of the question; one that was asked and left empty is None.
        saved: By the name of the question, when its answer was last saved.
        ended_at: When it was sent or given up; None while it is open.
        finished: Whether she sent it; None while it is open.
        sha256: Of what was received of it, once it has ended.
    """

    id: UUID
    kind: DraftKind
    began_at: datetime
    answers: Mapping[str, Answer]
    saved: Mapping[str, datetime]
    ended_at: datetime | None = None
    finished: bool | None = None
    sha256: str | None = None

    @property
    def entry_id(self) -> UUID:
        """The id its acquisition has, or will have."""
        return entry_id(self.id)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An entry that was taken in by a link before: when, and under which digest."""

    exhibit_id: UUID
    kind: DraftKind
    ended_at: datetime
    finished: bool
    sha256: str


def source_id(draft_id: UUID) -> str:
    """`form:<draft id>`."""
    return f"form:{draft_id}"


def entry_id(draft_id: UUID) -> UUID:
    """The id of the acquisition that a draft becomes: known from the first, so that photos can name it."""
    return acquisition_id(Channel.DIARY, source_id(draft_id))


def begin(connection: Connection, visit: Visit, kind: DraftKind, *, now: datetime) -> Draft:
    """Begin a draft; an empty one of the same kind that this visit has open is taken again.

    Raises:
        DraftEndedError: The visit has used its link up.
        TooManyDraftsError: It has more drafts open than anybody writes at once, or its link began as many today.
    """
    if visit.used_up_here:
        raise DraftEndedError(kind.value)
    mine = select(draft).where(draft.c.session_sha256 == visit.session_sha256, draft.c.ended_at.is_(None))
    rows = connection.execute(mine).all()
    for row in rows:
        if row.kind == kind and not row.saved and not photos_of(connection, entry_id(row.id)):
            return _draft(row)
    today = select(func.count()).where(draft.c.link_id == visit.link.id, draft.c.began_at > now - DAY)
    if len(rows) >= MOST_OPEN or connection.execute(today).scalar_one() >= MOST_DAILY:
        raise TooManyDraftsError(MOST_OPEN)
    made = Draft(uuid4(), kind, now, {}, {})
    connection.execute(
        insert(draft).values(
            id=made.id,
            link_id=visit.link.id,
            session_sha256=visit.session_sha256,
            kind=kind.value,
            began_at=now,
            changed_at=now,
            answers={},
            saved={},
        )
    )
    return made


def draft_of(connection: Connection, visit: Visit, draft_id: UUID, *, lock: bool = False) -> Draft:
    """A draft of this visit, open or ended; `lock` holds it for the caller's transaction.

    Raises:
        UnknownDraftError: This visit has none with this id.
    """
    return _draft(_row(connection, visit, draft_id, lock=lock))


def open_drafts(connection: Connection, visit: Visit) -> list[Draft]:
    """What this visit has begun and not sent, and something was saved of; newest first."""
    query = (
        select(draft)
        .where(draft.c.session_sha256 == visit.session_sha256, draft.c.ended_at.is_(None))
        .order_by(draft.c.changed_at.desc())
    )
    return [_draft(row) for row in connection.execute(query) if row.saved]


def save(
    connection: Connection, visit: Visit, draft_id: UUID, answers: Mapping[str, Answer], *, now: datetime
) -> Draft:
    """Put answers into a draft, in the caller's transaction: once committed, they are saved.

    Raises:
        UnknownDraftError: This visit has none with this id.
        DraftEndedError: It was sent or given up meanwhile.
    """
    row = _row(connection, visit, draft_id, lock=True)
    if row.ended_at is not None:
        raise DraftEndedError(str(draft_id))
    merged = {**row.answers, **answers_to_json(answers)}
    # What a document would refuse must not get this far: it could be saved and never be sent.
    answers_from_json(EntryKind(row.kind), merged)
    saved = {**row.saved, **dict.fromkeys(answers, rendered(now))}
    changed = (
        update(draft).where(draft.c.id == draft_id).values(answers=merged, saved=saved, changed_at=now).returning(draft)
    )
    return _draft(connection.execute(changed).one())


def send(
    connection: Connection, visit: Visit, draft_id: UUID, receipts: Receipts, *, now: datetime
) -> Acquisition | None:
    """End a draft and receive it as it is now, in the caller's transaction.

    Returns:
        What was received; None where it was sent before: it is one acquisition however often she presses.

    Raises:
        UnknownDraftError: This visit has none with this id.
        DraftEndedError: It was given up as it stood before she sent it.
    """
    row = _row(connection, visit, draft_id, lock=True)
    if row.ended_at is not None:
        if not row.finished:
            raise DraftEndedError(str(draft_id))
        return None
    received = _receive_entry(connection, row, _belonging(visit.link), finished=True, now=now)
    _keep_receipt(connection, draft_id, received, receipts)
    return received


def send_answers(
    connection: Connection,
    visit: Visit,
    draft_id: UUID,
    questions: tuple[Asked, ...],
    receipts: Receipts,
    *,
    now: datetime,
) -> Acquisition | None:
    """End a draft of answers to the risk questions and receive them, in the caller's transaction.

    Returns:
        What was received; None where they were sent before.

    Raises:
        UnknownDraftError: This visit has none with this id.
        DraftEndedError: It was given up before.
    """
    row = _row(connection, visit, draft_id, lock=True)
    if row.ended_at is not None:
        if not row.finished:
            raise DraftEndedError(str(draft_id))
        return None
    raw = AnswersDocument(row.id, now, questions).to_bytes()
    received = _receive(connection, row, raw, ANSWERS_TYPE, _belonging(visit.link), finished=True, now=now)
    _keep_receipt(connection, draft_id, received, receipts)
    return received


def give_up_ended(connection: Connection, *, now: datetime, most: int = AT_ONCE) -> list[UUID]:
    """Receive the drafts whose visit has ended as they stand, marked unfinished; empty ones just end. Safe to repeat.

    Returns:
        Ids of what was received.
    """
    query = (
        select(draft, link)
        .join(link, link.c.id == draft.c.link_id)
        .where(draft.c.ended_at.is_(None))
        .order_by(draft.c.changed_at)
        .with_for_update(of=draft, skip_locked=True)
    )
    received: list[UUID] = []
    for row in connection.execute(query).all():
        if len(received) >= most:
            break
        if not has_ended(connection, row.session_sha256, now=now):
            continue
        if not row.saved and not photos_of(connection, entry_id(row.id)):
            _end(connection, row.id, None, finished=False, now=now)
            continue
        try:
            received.append(_receive_entry(connection, row, _belonging(row), finished=False, now=now).id)
        except DocumentError:
            # A row that somebody changed by hand: it stays a draft, for a person to look at, and holds up no other.
            log.exception("draft.not_received", draft_id=str(row.id))
    return received


def photos_of(connection: Connection, entry: UUID) -> tuple[Photo, ...]:
    """The photos that came in for an entry, in the order in which they came."""
    query = (
        select(acquisition)
        .where(acquisition.c.parent_id == entry)
        .order_by(acquisition.c.received_at, acquisition.c.source_id)
        .limit(MOST_PHOTOS)
    )
    return tuple(
        Photo(row.id, row.sha256, row.size_bytes, row.media_type, _name(row.door)) for row in connection.execute(query)
    )


def earlier(connection: Connection, visit: Visit) -> list[Earlier]:
    """What was taken in by this link before, newest first."""
    query = (
        select(draft.c.kind, draft.c.ended_at, draft.c.finished, draft.c.acquisition_id, acquisition.c.sha256)
        .join(acquisition, acquisition.c.id == draft.c.acquisition_id)
        .where(draft.c.link_id == visit.link.id)
        .order_by(draft.c.ended_at.desc())
    )
    return [
        Earlier(row.acquisition_id, DraftKind(row.kind), row.ended_at, row.finished, row.sha256)
        for row in connection.execute(query)
    ]


def _keep_receipt(connection: Connection, draft_id: UUID, received: Acquisition, receipts: Receipts) -> None:
    code = receipts.code(received.id, received.sha256)
    connection.execute(update(draft).where(draft.c.id == draft_id).values(receipt_sha256=receipts.digest(code)))


def _name(door: Mapping[str, Any]) -> str | None:
    name = door.get("filename")
    return name if isinstance(name, str) else None


def _belonging(given: Any) -> Belonging:
    return Belonging(case_id=given.case_id, contributor_id=given.contributor_id)


def _row(connection: Connection, visit: Visit, draft_id: UUID, *, lock: bool = False) -> Row[Any]:
    query = (
        select(draft, acquisition.c.sha256)
        .outerjoin(acquisition, acquisition.c.id == draft.c.acquisition_id)
        .where(draft.c.id == draft_id, draft.c.session_sha256 == visit.session_sha256)
    )
    row = connection.execute(query.with_for_update(of=draft) if lock else query).first()
    if row is None:
        raise UnknownDraftError(str(draft_id))
    return row


def _draft(row: Row[Any]) -> Draft:
    kind = DraftKind(row.kind)
    answers = {} if kind is DraftKind.ANSWERS else answers_from_json(EntryKind(kind), row.answers)
    saved = {name: parsed(at) for name, at in row.saved.items()}
    sha256 = getattr(row, "sha256", None)
    return Draft(row.id, kind, row.began_at, answers, saved, row.ended_at, row.finished, sha256)


def _receive_entry(
    connection: Connection, row: Row[Any], belonging: Belonging, *, finished: bool, now: datetime
) -> Acquisition:
    held = _draft(row)
    photos = photos_of(connection, held.entry_id)
    # Photos are acquisitions already; the entry lists them as they are now. The question stays absent where not asked.
    listed = {"photos": photos} if photos or "photos" in held.answers else {}
    document = DiaryDocument(
        entry=held.id,
        kind=EntryKind(held.kind),
        began_at=held.began_at,
        ended_at=now,
        finished=finished,
        answers={**held.answers, **listed},
        saved=held.saved,
    )
    return _receive(connection, row, document.to_bytes(), DIARY_TYPE, belonging, finished=finished, now=now)


def _receive(
    connection: Connection,
    row: Row[Any],
    raw: bytes,
    media_type: str,
    belonging: Belonging,
    *,
    finished: bool,
    now: datetime,
) -> Acquisition:
    item = Acquisition.of(
        raw,
        channel=Channel.DIARY,
        source_id=source_id(row.id),
        at=now,
        media_type=media_type,
        door={"link_id": str(row.link_id), "finished": finished},
    )
    receive(connection, item, belonging)
    _end(connection, row.id, item.id, finished=finished, now=now)
    return item


def _end(connection: Connection, draft_id: UUID, received: UUID | None, *, finished: bool, now: datetime) -> None:
    """Her words are in the acquisition from now on, and nowhere else."""
    ended = {"answers": {}, "ended_at": now, "finished": finished, "acquisition_id": received}
    connection.execute(update(draft).where(draft.c.id == draft_id).values(ended))
