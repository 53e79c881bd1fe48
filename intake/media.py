"""Pictures and recordings of texts: each is an acquisition of its own, beside the text it came with.

The text itself is safe before any of this: what fails here is tried again, or leaves an alert, and touches nothing
else. A text's door facts list its media (`door_facts`), so that the sweep can see which are missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Row, Text, cast, func, select

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel, media_source_id
from archive.alerts import raise_alert
from archive.errors import TransientError
from archive.marks import count, get_mark, set_mark
from archive.tables import acquisition, mark
from intake.errors import MediaNotThereYetError, MediaRefusedError
from intake.twilio_api import FetchedMedia, TwilioApi

REFUSED_MARK = "media.refused:"
UNKNOWN_TYPE = "application/octet-stream"
# Twilio sends at most ten; whoever else signs with our token gets no further.
MOST_MEDIA = 20
LONGEST_WAIT = timedelta(days=2)
_TYPE = re.compile(r"[\w!#$&^.+-]{1,100}/[\w!#$&^.+-]{1,100}", re.ASCII)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MediaLink:
    """Where one of a text's media is, and what it is said to be (`MediaUrlN`, `MediaContentTypeN`)."""

    url: str
    media_type: str

    @property
    def sid(self) -> str:
        """Twilio's id of the media: the last part of its address."""
        return urlsplit(self.url).path.rstrip("/").rpartition("/")[2] or "media"


def media_of(pairs: Sequence[tuple[str, str]]) -> list[MediaLink]:
    """The media that a webhook's form names, in order; a number without an address is passed over."""
    first: dict[str, str] = {}
    for name, value in pairs:
        first.setdefault(name, value)
    numbered = [
        MediaLink(first.get(f"MediaUrl{number}", ""), first.get(f"MediaContentType{number}", ""))
        for number in range(MOST_MEDIA)
    ]
    return [link for link in numbered if _is_address(link.url)]


def _is_address(url: str) -> bool:
    try:
        return bool(urlsplit(url).netloc)
    except ValueError:
        return False


def door_facts(links: Sequence[MediaLink]) -> list[dict[str, str]]:
    """What the door writes down of a text's media, under `media`: without it the sweep cannot miss them."""
    return [{"url": link.url, "media_type": link.media_type} for link in links]


def fetch_media(engine: Engine, api: TwilioApi, acquisition_id: UUID, *, now: Callable[[], datetime]) -> Iterator[UUID]:
    """Fetch what is missing of one text's media. Safe to repeat.

    Yields:
        The id of each acquisition, once it is received.

    Raises:
        TransientError: After all others were tried: at least one could not be fetched now.
    """
    with engine.connect() as connection:
        text = connection.execute(select(acquisition).where(acquisition.c.id == acquisition_id)).first()
    if text is None or text.parent_id is not None or text.channel != Channel.SMS.value:
        log.warning("media.no_text", acquisition_id=str(acquisition_id))
        return
    sid = text.source_id.partition("#")[0]
    failed: TransientError | None = None
    for link in _links_of(text, api, sid):
        source_id = media_source_id(sid, link.sid)
        try:
            found = _one(engine, api, link, source_id, text, now)
        except TransientError as error:
            failed = error
            log.warning("media.waits", acquisition_id=str(acquisition_id), error=type(error).__name__)
            continue
        if found is not None:
            yield found
    if failed is not None:
        raise failed


def _links_of(text: Row[Any], api: TwilioApi, sid: str) -> list[MediaLink]:
    """The text's media by its door facts, by its form while that is in the database, else by Twilio's list."""
    door: Mapping[str, Any] = text.door
    if "media" in door:
        return [MediaLink(fact["url"], fact["media_type"]) for fact in door["media"]]
    if text.raw is not None and text.media_type == "application/x-www-form-urlencoded":
        return media_of(parse_qsl(bytes(text.raw).decode("utf-8", "replace"), keep_blank_values=True))
    return [MediaLink(url, media_type) for url, media_type in api.media_urls(sid)]


def _one(
    engine: Engine, api: TwilioApi, link: MediaLink, source_id: str, text: Row[Any], now: Callable[[], datetime]
) -> UUID | None:
    with engine.connect() as connection:
        known = connection.execute(select(acquisition.c.id).where(acquisition.c.source_id == source_id)).first()
    if known is not None:
        return None
    try:
        fetched = api.fetch(link.url)
    except MediaNotThereYetError:
        if now() - text.received_at < LONGEST_WAIT:
            raise
        _refuse(engine, text.id, source_id, "it is not at Twilio any more", now())
        return None
    except MediaRefusedError as error:
        _refuse(engine, text.id, source_id, error.because, now())
        return None
    item = _acquisition(fetched, link, source_id, text, now())
    with engine.begin() as connection:
        return receive(connection, item, Belonging(parent_id=text.id))


def _acquisition(fetched: FetchedMedia, link: MediaLink, source_id: str, text: Row[Any], at: datetime) -> Acquisition:
    said = (fetched.media_type or link.media_type).partition(";")[0].strip().lower()
    return Acquisition.of(
        fetched.raw,
        channel=Channel.SMS,
        source_id=source_id,
        at=at,
        media_type=said if _TYPE.fullmatch(said) else UNKNOWN_TYPE,
        door={
            "text": str(text.id),
            "url": link.url,
            "said_media_type": link.media_type,
            "host": fetched.host,
            "headers": [[name, value] for name, value in fetched.headers],
        },
    )


def _refuse(engine: Engine, text_id: UUID, source_id: str, because: str, at: datetime) -> None:
    """Leave an alert, once; the text itself stays as it is."""
    name = f"{REFUSED_MARK}{text_id}"
    with engine.begin() as connection:
        refused = get_mark(connection, name) or []
        if any(known == source_id for known, _ in refused):
            return
        set_mark(connection, name, [*refused, [source_id, because]], at=at)
        count(connection, "media_refused")
        text = f"A picture of a text was not fetched: {because}."
        raise_alert(connection, "media_refused", at=at, acquisition_id=text_id, text=text)


def texts_with_missing_media(connection: Connection, *, received_after: datetime, most: int = 500) -> list[UUID]:
    """Texts whose door facts name more media than are here or were refused, oldest first."""
    part = acquisition.alias("part")
    here = select(func.count(part.c.source_id.distinct())).where(part.c.parent_id == acquisition.c.id)
    refused = select(func.coalesce(func.sum(func.json_array_length(mark.c.value)), 0)).where(
        mark.c.name == REFUSED_MARK + cast(acquisition.c.id, Text)
    )
    query = (
        select(acquisition.c.id)
        .where(
            acquisition.c.channel == Channel.SMS.value,
            acquisition.c.parent_id.is_(None),
            acquisition.c.observation_of.is_(None),
            acquisition.c.received_at > received_after,
            func.coalesce(func.json_array_length(acquisition.c.door["media"]), 0)
            > here.scalar_subquery() + refused.scalar_subquery(),
        )
        .order_by(acquisition.c.received_at)
        .limit(most)
    )
    return [row.id for row in connection.execute(query)]
