"""Find what the queue lost. The database is the truth; the queue a hint.

`missed` looks at rows only and may be asked every few seconds; whatever it names may be in the queue already, and every
task it names may run twice. Attempts to answer that nobody came back from are ended by `replies.sending`, not here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Select, select

from archive.jobs import Job
from archive.tables import acquisition, exhibit, package, reading, reply, reply_item
from intake.media import texts_with_missing_media
from intake.reading import READER_VERSION

AT_ONCE = 500
# Younger than this, the queue is probably at it.
PATIENCE = timedelta(seconds=30)
MEDIA_WINDOW = timedelta(days=30)


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
