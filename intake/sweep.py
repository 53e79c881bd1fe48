"""Find what the queue lost, and the texts whose webhook never reached us. The database is the truth; the queue a hint.

`missed` looks at rows only and may be asked every few seconds; whatever it names may be in the queue already, and every
task it names may run twice. Attempts to answer that nobody came back from are ended by `replies.sending`, not here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Select, func, select

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel
from archive.errors import TransientError
from archive.jobs import Job
from archive.marks import count
from archive.tables import acquisition, exhibit, package, reading, reply, reply_item
from intake.addresses import normal_phone
from intake.media import MediaLink, door_facts, fetch_media, texts_with_missing_media
from intake.reading import READER_VERSION
from intake.twilio_api import SeenText, TwilioApi
from intake.twilio_document import JSON

AT_ONCE = 500
# Younger than this, the queue is probably at it.
PATIENCE = timedelta(seconds=30)
MEDIA_WINDOW = timedelta(days=30)
TEXTS_WINDOW = timedelta(hours=48)
# A webhook in flight, with Twilio's repeats and its fallback, is no lost one.
IN_FLIGHT = timedelta(minutes=3)

log = structlog.get_logger()


def missed(
    connection: Connection, *, now: datetime, most: int = AT_ONCE, patience: timedelta = PATIENCE
) -> list[tuple[Job, tuple[str, ...]]]:
    """What waits longer than the queue should take, as work to ask for again: a job, and the ids it is about.

    Args:
        connection: In the caller's transaction; nothing is written.
        now: Our clock.
        most: Of each kind, the oldest.
        patience: How long the queue is given.
    """
    before = now - patience
    found: list[tuple[Job, tuple[str, ...]]] = []
    if _ids(connection, _received(before), 1):
        found.append((Job.ACCESSION, ()))  # one run takes all that waits
    for job, query in (
        (Job.READ, _unread(before)),
        (Job.DECIDE_REPLY, _undecided(before)),
        (Job.SEND_REPLY, _due(before)),
        (Job.BUILD_PACKAGE, _requested(before)),
    ):
        found.extend((job, (str(each),)) for each in _ids(connection, query, most))
    texts = texts_with_missing_media(connection, now=now, received_after=now - MEDIA_WINDOW, most=most)
    found.extend((Job.FETCH_MEDIA, (str(each),)) for each in texts)
    return found


def _ids(connection: Connection, query: Select[UUID], most: int) -> list[UUID]:
    return list(connection.execute(query.limit(most)).scalars())


def _received(before: datetime) -> Select[UUID]:
    return select(acquisition.c.id).where(acquisition.c.state == "received", acquisition.c.received_at < before)


def _unread(before: datetime) -> Select[UUID]:
    """Exhibits without a reading by the present reader, an older one's notwithstanding."""
    current = (reading.c.exhibit_id == exhibit.c.id) & (reading.c.version >= READER_VERSION)
    return (
        select(exhibit.c.id)
        .outerjoin(reading, current)
        .where(reading.c.exhibit_id.is_(None), exhibit.c.archived_at < before)
        .order_by(exhibit.c.archived_at)
    )


def _undecided(before: datetime) -> Select[UUID]:
    """Exhibits without a decision whether they are answered; those without a reading are read first."""
    return (
        select(exhibit.c.id)
        .join(reading, (reading.c.exhibit_id == exhibit.c.id) & (reading.c.version >= READER_VERSION))
        .outerjoin(reply_item, reply_item.c.exhibit_id == exhibit.c.id)
        .where(
            reply_item.c.exhibit_id.is_(None),
            exhibit.c.case_id.isnot(None) | exhibit.c.quarantined_at.isnot(None),
            exhibit.c.archived_at < before,
        )
        .order_by(exhibit.c.archived_at)
    )


def _due(before: datetime) -> Select[UUID]:
    return select(reply.c.id).where(reply.c.state == "planned", reply.c.due_at < before).order_by(reply.c.due_at)


def _requested(before: datetime) -> Select[UUID]:
    return (
        select(package.c.id)
        .where(package.c.state == "requested", package.c.requested_at < before)
        .order_by(package.c.requested_at)
    )


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a comparison with Twilio's list found: texts there, and the ids of those taken in now, media included."""

    seen: int
    taken: tuple[UUID, ...]


def reconcile_texts(
    engine: Engine, api: TwilioApi, *, now: Callable[[], datetime], window: timedelta = TEXTS_WINDOW
) -> Reconciled:
    """Take in every text that Twilio has and the archive has not. Safe to repeat.

    The bytes of such a text are Twilio's JSON document about it, as it answered: there is no webhook's body. Its door
    facts say so (`channel_of_receipt: reconciled`), and `delivered_at` says when Twilio had it.

    Raises:
        TwilioUnavailableError: Try again; what was taken in before stays.
        TwilioRefusedError: The credentials are wrong.
    """
    began = now()
    seen = [text for text in api.texts_since(began - window) if not _in_flight(text, began)]
    with engine.connect() as connection:
        known = _known(connection, [text.sid for text in seen])
    taken: list[UUID] = []
    for text in seen:
        if text.sid not in known:
            taken.extend(_take(engine, api, text, now))
    if taken:
        log.warning("texts.reconciled", seen=len(seen), taken=len(taken))
    return Reconciled(len(seen), tuple(taken))


def _in_flight(text: SeenText, at: datetime) -> bool:
    return text.created_at is not None and at - text.created_at < IN_FLIGHT


def _known(connection: Connection, sids: list[str]) -> set[str]:
    query = select(acquisition.c.source_id).where(acquisition.c.source_id == func.any(sids))
    return {row.source_id for row in connection.execute(query)}


def _take(engine: Engine, api: TwilioApi, text: SeenText, now: Callable[[], datetime]) -> Iterator[UUID]:
    raw = api.text(text.sid)
    links = [MediaLink(*found) for found in api.media_urls(text.sid)] if text.media else []
    item = Acquisition.of(
        raw,
        channel=Channel.SMS,
        source_id=text.sid,
        at=now(),
        media_type=JSON,
        delivered_at=text.created_at,
        door={"channel_of_receipt": "reconciled", "media": door_facts(links)},
    )
    with engine.begin() as connection:
        taken = receive(connection, item, Belonging(sender=_sender(raw)))
        count(connection, "texts_reconciled")
    if taken is None:
        return
    yield taken
    try:
        yield from fetch_media(engine, api, taken, now=now)
    except TransientError as error:
        log.warning("texts.media_waits", acquisition_id=str(taken), error=type(error).__name__)


def _sender(raw: bytes) -> str | None:
    """Twilio's `from`; None where the document is not what it should be: then it is nobody's, and quarantined."""
    try:
        told = json.loads(raw)
    except ValueError:
        return None
    sender = told.get("from") if isinstance(told, dict) else None
    return normal_phone(sender) if isinstance(sender, str) else None
