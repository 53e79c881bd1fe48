"""Pictures and recordings of texts: each is an acquisition of its own, beside the text it came with.

The text itself is safe before any of this: what fails here is tried again for three days, then parked with its reason
for a person, and touches nothing else. A text's door facts list its media (`door_facts`), and say how many it states,
so that the sweep can see which are missing; what is waited for, or was parked, stands in `media_due`.
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
from sqlalchemy import Boolean, Connection, Engine, Integer, Row, cast, delete, func, literal_column, select

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel, media_source_id
from archive.errors import TransientError
from archive.tables import acquisition, media_due
from intake.errors import MediaNotThereYetError, MediaRefusedError
from intake.media_waiting import park_media, wait_for_media
from intake.twilio_api import FetchedMedia, TwilioApi

UNKNOWN_TYPE = "application/octet-stream"
# Twilio sends at most ten; whoever else signs with our token gets no further.
MOST_MEDIA = 20
LONGEST_WAIT = timedelta(days=3)
# As the index `acquisition_with_media` has it, word by word.
_HAS_MEDIA = literal_column(
    "(coalesce(acquisition.door ->> 'media', '[]') <> '[]'"
    " OR coalesce(acquisition.door ->> 'stated_media', '0') <> '0')",
    Boolean,
)
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
    """The media that a webhook's form names, in order, each once; a number without an address is passed over."""
    first: dict[str, str] = {}
    for name, value in pairs:
        first.setdefault(name, value)
    numbered = [
        MediaLink(
            first.get(f"MediaUrl{number}", ""), first.get(f"MediaContentType{number}", "").replace("\0", "\ufffd")
        )
        for number in range(MOST_MEDIA)
    ]
    return list({link.sid: link for link in reversed(numbered) if _is_address(link.url)}.values())[::-1]


def _is_address(url: str) -> bool:
    """Whether it names a host, and holds nothing that a database could not (U+0000 in JSON stops every sweep)."""
    try:
        return bool(urlsplit(url).netloc) and url.isprintable()
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
    for link in _links_of(engine, text, api, sid, now):
        try:
            found = _one(engine, api, link, media_source_id(sid, link.sid), text, now)
        except TransientError as error:
            failed = error
            log.warning("media.waits", acquisition_id=str(acquisition_id), error=type(error).__name__)
            continue
        if found is not None:
            yield found
    if failed is not None:
        raise failed


def _links_of(engine: Engine, text: Row[Any], api: TwilioApi, sid: str, now: Callable[[], datetime]) -> list[MediaLink]:
    """The text's media by its door facts, by its form while that is in the database, else by Twilio's list.

    A text that states more than it names is asked about at Twilio; what nobody can name is parked.
    """
    links, stated = _named(text, api, sid)
    if stated > len(links):
        listed = [MediaLink(url, media_type) for url, media_type in api.media_urls(sid)]
        links = list({link.sid: link for link in [*listed, *links]}.values())
        for number in range(len(links) + 1, stated + 1):
            because = f"the text states {stated} pictures or recordings, and Twilio names {len(links)}"
            park_media(engine, f"{media_source_id(sid, 'unnamed')}:{number}", text.id, because, at=now())
    return links


def _named(text: Row[Any], api: TwilioApi, sid: str) -> tuple[list[MediaLink], int]:
    door: Mapping[str, Any] = text.door
    if "media" in door:
        links = [MediaLink(fact["url"], fact["media_type"]) for fact in door["media"]]
        return links, int(door.get("stated_media", 0))
    if text.raw is not None and text.media_type == "application/x-www-form-urlencoded":
        return media_of(parse_qsl(bytes(text.raw).decode("utf-8", "replace"), keep_blank_values=True)), 0
    return [MediaLink(url, media_type) for url, media_type in api.media_urls(sid)], 0


def _one(
    engine: Engine, api: TwilioApi, link: MediaLink, source_id: str, text: Row[Any], now: Callable[[], datetime]
) -> UUID | None:
    with engine.connect() as connection:
        known = connection.execute(select(acquisition.c.id).where(acquisition.c.source_id == source_id)).first()
        parked = connection.execute(
            select(media_due.c.source_id).where(media_due.c.source_id == source_id, media_due.c.parked_at.isnot(None))
        ).first()
    if known is not None or parked is not None:
        return None
    try:
        fetched = api.fetch(link.url)
    except MediaRefusedError as error:
        park_media(engine, source_id, text.id, error.because, at=now())
        return None
    except TransientError as error:
        if now() - text.received_at < LONGEST_WAIT:
            wait_for_media(engine, source_id, text.id, str(error), at=now())
            raise
        gone = isinstance(error, MediaNotThereYetError)
        park_media(engine, source_id, text.id, "it is not at Twilio any more" if gone else str(error), at=now())
        return None
    item = _acquisition(fetched, link, source_id, text, now())
    with engine.begin() as connection:
        connection.execute(delete(media_due).where(media_due.c.source_id == source_id))
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


def texts_with_missing_media(
    connection: Connection, *, now: datetime, received_after: datetime, most: int = 500
) -> list[UUID]:
    """Texts that name or state more media than are here, are parked, or are waited for until later; oldest first."""
    part = acquisition.alias("part")
    here = select(func.count(part.c.source_id.distinct())).where(part.c.parent_id == acquisition.c.id)
    settled = select(func.count()).where(
        media_due.c.acquisition_id == acquisition.c.id,
        media_due.c.parked_at.isnot(None) | (media_due.c.next_at > now),
    )
    named = func.coalesce(func.json_array_length(acquisition.c.door["media"]), 0)
    stated = func.coalesce(cast(acquisition.c.door["stated_media"].as_string(), Integer), 0)
    query = (
        select(acquisition.c.id)
        .where(
            _HAS_MEDIA,
            acquisition.c.channel == Channel.SMS.value,
            acquisition.c.parent_id.is_(None),
            acquisition.c.observation_of.is_(None),
            acquisition.c.received_at > received_after,
            func.greatest(named, stated) > here.scalar_subquery() + settled.scalar_subquery(),
        )
        .order_by(acquisition.c.received_at)
        .limit(most)
    )
    return list(connection.execute(query).scalars())
