"""Pictures and recordings that could not be fetched: waited for, each time twice as long, or parked for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert

from archive.alerts import raise_alert
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.ledger import record
from archive.marks import count
from archive.tables import exhibit, media_due

ACTOR: Final = "system:media"
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=1)
MOST_DOUBLINGS: Final = 10
MOST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class ParkedMedia:
    """One picture or recording that a person must look at: its source id, its text, why, since when."""

    source_id: str
    acquisition_id: UUID
    because: str
    parked_at: datetime


def wait_for_media(engine: Engine, source_id: str, text_id: UUID, because: str, *, at: datetime) -> None:
    """Note that it could not be had now; the sweep asks again after a pause that doubles up to an hour."""
    with engine.begin() as connection:
        query = select(media_due.c.tries).where(media_due.c.source_id == source_id)
        tries = connection.execute(query).scalar() or 0
        pause = min(LONGEST_PAUSE, FIRST_WAIT * 2 ** min(tries, MOST_DOUBLINGS))
        _keep(connection, source_id, text_id, because, tries=tries + 1, next_at=at + pause, parked_at=None)


def park_media(engine: Engine, source_id: str, text_id: UUID, because: str, *, at: datetime) -> None:
    """Set it aside for a person, once, with an alert and a custody entry; the text itself stays as it is.

    While the text is not archived it is waited for instead: an exhibit's stream begins with its archiving.
    """
    with engine.begin() as connection:
        archived = connection.execute(select(exhibit.c.id).where(exhibit.c.id == text_id)).first() is not None
    if not archived:
        wait_for_media(engine, source_id, text_id, because, at=at)
        return
    with engine.begin() as connection:
        query = select(media_due).where(media_due.c.source_id == source_id).with_for_update()
        known = connection.execute(query).first()
        if known is not None and known.parked_at is not None:
            return
        tries = known.tries + 1 if known is not None else 1
        _keep(connection, source_id, text_id, because, tries=tries, next_at=at, parked_at=at)
        count(connection, "media_refused")
        facts = {"source_id": source_id, "tries": tries}
        stream = exhibit_stream(text_id)
        record(connection, CustodyEntry(stream, Action.MEDIA_PARKED, ACTOR, at, facts, because[:MOST_REASON]))
        text = f"A picture of a text was not fetched: {because[:MOST_REASON]}."
        raise_alert(connection, "media_refused", at=at, acquisition_id=text_id, text=text)


def unpark_media(
    connection: Connection, source_id: str, *, at: datetime, actor: str, reason: str | None
) -> UUID | None:
    """Have it asked for again, in the caller's transaction; a further failure may park it again at once.

    Returns:
        The text it belongs to; None where it is not parked.
    """
    row = connection.execute(
        update(media_due)
        .where(media_due.c.source_id == source_id, media_due.c.parked_at.isnot(None))
        .values(parked_at=None, next_at=at)
        .returning(media_due.c.acquisition_id)
    ).first()
    if row is None:
        return None
    stream = exhibit_stream(row.acquisition_id)
    record(connection, CustodyEntry(stream, Action.MEDIA_UNPARKED, actor, at, {"source_id": source_id}, reason))
    return UUID(str(row.acquisition_id))


def parked_media(connection: Connection, *, most: int) -> list[ParkedMedia]:
    """What is parked, oldest first."""
    columns = (media_due.c.source_id, media_due.c.acquisition_id, media_due.c.because, media_due.c.parked_at)
    query = select(*columns).where(media_due.c.parked_at.isnot(None)).order_by(media_due.c.parked_at).limit(most)
    return [ParkedMedia(*row) for row in connection.execute(query)]


def _keep(connection: Connection, source_id: str, text_id: UUID, because: str, **values: object) -> None:
    row = {"source_id": source_id, "acquisition_id": text_id, "because": because[:MOST_REASON], **values}
    new = insert(media_due).values(row)
    connection.execute(new.on_conflict_do_update(index_elements=["source_id"], set_=row))
