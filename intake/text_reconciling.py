"""Twilio's list of messages against the archive: what is missing is taken in, what cannot be is named.

The list is read page by page and looked up page by page, so that a hundred thousand known texts cost a hundred short
queries. Our own answers in the list are passed over; what went out from our number and is not known here is told, for
somebody else may be writing in our name. A text that Twilio's copy of was redacted or deleted is no gap: it is either
known by its id, or not in the list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, func, select, union_all

from archive.accession import Belonging
from archive.acquisition import Acquisition, Channel
from archive.completeness import Compared, Gap
from archive.errors import RefusedError, TransientError
from archive.marks import count
from archive.receiving import insert_rows, row_of
from archive.tables import acquisition, delivery_report, metadata
from intake.addresses import normal_phone
from intake.errors import TwilioRefusedError, TwilioUnavailableError
from intake.media import MediaLink, door_facts, fetch_media
from intake.twilio_api import TwilioApi
from intake.twilio_document import JSON
from intake.twilio_list import SeenText

TEXTS_WINDOW: Final = timedelta(hours=48)
STATED_WINDOW: Final = timedelta(days=30)
# A webhook in flight, with Twilio's repeats and its fallback, is no lost one.
IN_FLIGHT: Final = timedelta(minutes=3)
# All of Twilio's tries of one address together: who waits for it waits this long, and a fallback's as long again.
SHORT_FLIGHT: Final = timedelta(seconds=30)
# So many failures in a row are Twilio's, not the text's.
MOST_FAILURES: Final = 5

log = structlog.get_logger()


@dataclass(slots=True)
class Reconciled:
    """What a comparison with Twilio's list found.

    Attributes:
        since: From when on; `until`: when the list was asked for.
        seen: Texts to us.
        elsewhere: Texts to numbers of the account that are not ours.
        archived: Of those seen, how many were archived.
        pending: Sids of those that were known and not archived.
        young: How many were not known and are left to their webhook.
        taken: Ids of what was taken in now, media included.
        gaps: What is missing and could not be taken in.
        outbound: Texts that went out from our number and are known here.
        unknown_outbound: Sids of those that are not.
    """

    since: datetime
    until: datetime
    seen: int = 0
    elsewhere: int = 0
    archived: int = 0
    pending: list[str] = field(default_factory=list)
    young: int = 0
    taken: tuple[UUID, ...] = ()
    texts_taken: int = 0
    gaps: list[Gap] = field(default_factory=list)
    outbound: int = 0
    unknown_outbound: list[str] = field(default_factory=list)


def reconcile_texts(
    engine: Engine,
    api: TwilioApi,
    *,
    now: Callable[[], datetime],
    window: timedelta = TEXTS_WINDOW,
    in_flight: timedelta = IN_FLIGHT,
) -> Reconciled:
    """Take in every text that Twilio has and the archive has not. Safe to repeat, and to run beside the door.

    The bytes of such a text are Twilio's JSON document about it, as it answered: there is no webhook's body. Its door
    facts say so (`channel_of_receipt: reconciled`), and `delivered_at` says when Twilio had it.

    Raises:
        TwilioUnavailableError: The list could not be read; try again. What was taken in before stays.
        TwilioRefusedError: The credentials are wrong.
    """
    began = now()
    found = Reconciled(began - window, began)
    missing: list[SeenText] = []
    for page in api.listed(found.since):
        inside = [each for each in page if each.created_at is None or each.created_at >= found.since]
        with engine.connect() as connection:
            missing += _looked_up(connection, [each for each in inside if each.inbound], found, in_flight)
            _look_up_ours(connection, [each for each in inside if not each.inbound], found)
    found.taken = tuple(_take_all(engine, api, missing, found, now))
    if found.taken or found.gaps:
        log.warning("texts.reconciled", seen=found.seen, taken=len(found.taken), gaps=len(found.gaps))
    return found


def compared(connection: Connection, found: Reconciled, *, account_sid: str) -> Compared:
    """The comparison as a statement has it: what was pending when it was looked up is looked up again."""
    states = _states(connection, found.pending)
    by_state = {state: sum(each == state for each in states.values()) for state in ("archived", "received", "parked")}
    return Compared(
        source=f"texts:{account_sid}",
        since=found.since,
        until=found.until,
        seen=found.seen,
        archived=found.archived + by_state["archived"],
        taken=found.texts_taken,
        waiting=found.young + by_state["received"],
        parked=by_state["parked"],
        gaps=tuple(found.gaps),
        beside={
            "sent_by_us": found.outbound,
            "sent_and_not_by_us": len(found.unknown_outbound),
            "to_other_numbers": found.elsewhere,
        },
    )


def _looked_up(
    connection: Connection, texts: Sequence[SeenText], found: Reconciled, in_flight: timedelta
) -> Iterator[SeenText]:
    """Count one page's texts; those that are missing and old enough are given back."""
    ours = [each for each in texts if each.ours]
    found.seen += len(ours)
    found.elsewhere += len(texts) - len(ours)
    states = _states(connection, [each.sid for each in ours])
    found.archived += sum(state == "archived" for state in states.values())
    found.pending += [sid for sid, state in states.items() if state != "archived"]
    for each in ours:
        if each.sid in states:
            continue
        if _is_young(each, found.until, in_flight):
            found.young += 1
        else:
            yield each


def _states(connection: Connection, sids: Sequence[str]) -> dict[str, str]:
    query = select(acquisition.c.source_id, acquisition.c.state).where(acquisition.c.source_id == func.any(list(sids)))
    return {row.source_id: row.state for row in connection.execute(query)} if sids else {}


def _is_young(text: SeenText, at: datetime, in_flight: timedelta) -> bool:
    return text.created_at is not None and at - text.created_at < in_flight


def _look_up_ours(connection: Connection, texts: Sequence[SeenText], found: Reconciled) -> None:
    """Which of the texts that went out from our number are ours: every table that says what was sent is asked."""
    sids = [each.sid for each in texts if each.ours and not _is_young(each, found.until, IN_FLIGHT)]
    if not sids:
        return
    columns = [table.c.provider_id for table in metadata.sorted_tables if "provider_id" in table.c]
    asked = union_all(
        *(select(column).where(column == func.any(sids)) for column in (*columns, delivery_report.c.message_sid))
    )
    known = set(connection.execute(asked).scalars())
    found.outbound += len(known)
    found.unknown_outbound += [sid for sid in sids if sid not in known]


def _take_all(
    engine: Engine, api: TwilioApi, missing: Sequence[SeenText], found: Reconciled, now: Callable[[], datetime]
) -> Iterator[UUID]:
    """Take in what is missing, oldest first. One that cannot be had keeps no other back."""
    failures = 0
    for text in sorted(missing, key=lambda each: each.created_at or found.since):
        if failures >= MOST_FAILURES:
            found.gaps.append(Gap(text.sid, "it was not asked for: Twilio had stopped answering"))
            continue
        try:
            yield from _take(engine, api, text, found, now)
            failures = 0
        except TwilioUnavailableError as error:
            failures += 1
            found.gaps.append(Gap(text.sid, str(error)))
        except TwilioRefusedError as error:
            # Also where it was deleted there since it was listed: nobody has it, and nobody here knows why.
            found.gaps.append(Gap(text.sid, str(error)))


def _take(
    engine: Engine, api: TwilioApi, text: SeenText, found: Reconciled, now: Callable[[], datetime]
) -> Iterator[UUID]:
    raw = api.text(text.sid)
    item = Acquisition.of(
        raw,
        channel=Channel.SMS,
        source_id=text.sid,
        at=now(),
        media_type=JSON,
        delivered_at=text.created_at,
        door={"channel_of_receipt": "reconciled", "stated_media": text.media, **_media_facts(api, text)},
    )
    with engine.begin() as connection:
        # Not `receive`: where its webhook came meanwhile, Twilio's document is not the same text told otherwise.
        new = insert_rows(connection, [row_of(item, Belonging(sender=_sender(raw)), raw)])
        if new:
            count(connection, "texts_reconciled")
    found.pending.append(text.sid)
    if not new:
        return
    found.texts_taken += 1
    yield item.id
    try:
        yield from fetch_media(engine, api, item.id, now=now)
    except (TransientError, RefusedError) as error:
        log.warning("texts.media_waits", acquisition_id=str(item.id), error=type(error).__name__)


def _media_facts(api: TwilioApi, text: SeenText) -> dict[str, Any]:
    """What the door facts say of its media; nothing where Twilio cannot tell now: then it is asked again later."""
    if not text.media:
        return {"media": []}
    try:
        return {"media": door_facts([MediaLink(*each) for each in api.media_urls(text.sid)])}
    except (TransientError, RefusedError) as error:
        log.warning("texts.media_not_named", error=type(error).__name__)
        return {}


def _sender(raw: bytes) -> str | None:
    """Twilio's `from`; None where the document is not what it should be: then it is nobody's, and quarantined."""
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    sender = told.get("from") if isinstance(told, dict) else None
    return normal_phone(sender) if isinstance(sender, str) else None
