"""Authenticity as it is kept: rows written once, each with its custody entry, and what still waits for DNS.

A row holds the canonical document whose digest stands in the ledger, so that page, package and ledger say the same.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_new

from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.ledger import record
from archive.tables import acquisition, authenticity, authenticity_due, exhibit, reading
from intake.authenticity.judging import settled
from intake.authenticity.model import VERSION, Authenticity, answer_file, from_json
from intake.authenticity.subjects import MAIL_TYPES
from intake.reading.containers import OUTLOOK_TYPES, ZIP_TYPES

ACTOR: Final = "system:authenticity"
WAIT_HOURS: Final = 72
"""How long DNS is asked again, from the first time it did not answer."""
FIRST_PAUSE: Final = timedelta(minutes=2)
LONGEST_PAUSE: Final = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Due:
    """An exhibit that is to be judged again.

    Attributes:
        since: When DNS first did not answer, or when an officer asked.
        tries: How often DNS did not answer since.
        asked_by: The officer who had every domain looked up; None where the rules decide.
    """

    since: datetime
    tries: int
    asked_by: str | None

    @property
    def ends_at(self) -> datetime:
        """Until when DNS is asked."""
        return self.since + timedelta(hours=WAIT_HOURS)

    def next_at(self, now: datetime) -> datetime:
        """When it is asked next, after one more time without an answer."""
        pause = min(FIRST_PAUSE * (1 << min(self.tries, 20)), LONGEST_PAUSE)
        return max(now, min(now + pause, self.ends_at))


def _has_mail() -> ColumnElement[bool]:
    """Whether an acquisition may hold a message with signatures."""
    kinds = sorted(MAIL_TYPES | OUTLOOK_TYPES | ZIP_TYPES)
    return or_(acquisition.c.channel == "email", func.split_part(acquisition.c.media_type, ";", 1).in_(kinds))


def unjudged(before: datetime) -> Select[Any]:
    """Exhibits with mail in them, archived before then, that were read and never judged; the oldest first."""
    return _never_judged().where(exhibit.c.archived_at < before).order_by(exhibit.c.archived_at)


def _never_judged() -> Select[Any]:
    return (
        select(exhibit.c.id)
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .where(
            _has_mail(),
            exists().where(reading.c.exhibit_id == exhibit.c.id),
            ~exists().where(authenticity.c.exhibit_id == exhibit.c.id),
        )
    )


def overdue(now: datetime) -> Select[Any]:
    """Exhibits that DNS is to be asked about again, and those that an officer asked for."""
    due = authenticity_due
    return select(due.c.exhibit_id).where(due.c.next_at <= now).order_by(due.c.next_at)


def wanted(connection: Connection, exhibit_ids: Collection[UUID]) -> list[UUID]:
    """Those of these exhibits that are to be judged, for the first time or again."""
    fresh = set(connection.execute(_never_judged().where(exhibit.c.id == func.any(list(exhibit_ids)))).scalars())
    due = select(authenticity_due.c.exhibit_id).where(authenticity_due.c.exhibit_id == func.any(list(exhibit_ids)))
    fresh |= set(connection.execute(due).scalars())
    return [each for each in exhibit_ids if each in fresh]


def is_judged(connection: Connection, exhibit_id: UUID) -> bool:
    """Whether an exhibit was judged already."""
    return bool(connection.execute(select(exists().where(authenticity.c.exhibit_id == exhibit_id))).scalar_one())


def due_of(connection: Connection, exhibit_id: UUID) -> Due | None:
    """What an exhibit is to be judged again for; None where it is not."""
    row = connection.execute(select(authenticity_due).where(authenticity_due.c.exhibit_id == exhibit_id)).first()
    return Due(row.since, row.tries, row.asked_by) if row else None


def newest(connection: Connection, exhibit_id: UUID) -> Authenticity | None:
    """What was found out last about an exhibit; None where it was not judged, or in a form not known here."""
    raw = newest_document(connection, exhibit_id)
    try:
        return from_json(json.loads(raw)) if raw is not None else None
    except (KeyError, TypeError):
        return None


def newest_document(connection: Connection, exhibit_id: UUID) -> bytes | None:
    """The canonical document of it."""
    query = (
        select(authenticity.c.content)
        .where(authenticity.c.exhibit_id == exhibit_id)
        .order_by(authenticity.c.judged_at.desc(), authenticity.c.id)
        .limit(1)
    )
    found = connection.execute(query).scalar()
    return None if found is None else bytes(found)


def keep(connection: Connection, exhibit_id: UUID, found: Authenticity, *, now: datetime) -> bool:
    """Keep what was found out, in the caller's transaction, with its custody entry; and see to what is still owed.

    Returns:
        False where nothing new is said: another worker was quicker, or DNS is silent as before.
    """
    # One after another: workers and an officer's wish must not pass each other.
    connection.execute(select(exhibit.c.id).where(exhibit.c.id == exhibit_id).with_for_update(key_share=True))
    due = due_of(connection, exhibit_id)
    is_answer = due is not None and (due.asked_by is None or found.asked)
    if is_judged(connection, exhibit_id) and not is_answer:
        return False
    if found.state == "temporary" and due is not None and now >= due.ends_at:
        found = settled(found, hours=WAIT_HOURS)
    says_new = not (found.state == "temporary" and due is not None and due.tries)
    if says_new:
        _write(connection, exhibit_id, found, due, now)
    if found.state == "temporary":
        _put_off(connection, exhibit_id, due or Due(now, 0, None), now)
    elif is_answer:
        connection.execute(delete(authenticity_due).where(authenticity_due.c.exhibit_id == exhibit_id))
    return says_new


def _put_off(connection: Connection, exhibit_id: UUID, due: Due, now: datetime) -> None:
    values = {"tries": due.tries + 1, "next_at": due.next_at(now)}
    first = insert_new(authenticity_due).values(exhibit_id=exhibit_id, since=due.since, asked_by=due.asked_by, **values)
    connection.execute(first.on_conflict_do_update(index_elements=["exhibit_id"], set_=values))


def _write(connection: Connection, exhibit_id: UUID, found: Authenticity, due: Due | None, now: datetime) -> None:
    content = found.canonical()
    sha256 = hashlib.sha256(content).hexdigest()
    connection.execute(
        insert(authenticity).values(
            id=uuid4(),
            exhibit_id=exhibit_id,
            judged_at=now,
            version=found.version,
            state=found.state,
            asked_by=due.asked_by if due and found.asked else None,
            summary=summary_of(found),
            content=content,
            sha256=sha256,
        )
    )
    facts = {
        "version": found.version,
        "state": found.state,
        "asked": found.asked,
        "authenticity_sha256": sha256,
        "dns_sha256": [hashlib.sha256(answer_file(each)).hexdigest() for each in found.dns],
        "results": dict(Counter(one.result for each in found.messages for one in each.judgements)),
    }
    record(connection, CustodyEntry(exhibit_stream(exhibit_id), Action.AUTHENTICITY_JUDGED, ACTOR, now, facts))


def summary_of(found: Authenticity) -> dict[str, Any]:
    """What the timeline shows of it: a line for each signature, seal and stated result, originals first."""
    return {
        "original_passed": found.original_passed,
        "judgements": [
            {
                "of": message.of,
                "method": one.method,
                "domain": one.domain or (message.from_domain if one.result == "none" else None),
                "result": one.result,
                "reasons": list(one.reasons),
                "stated_by": one.stated_by,
            }
            for message in found.messages
            for one in message.judgements
        ],
        "unjudged": list(found.unjudged),
    }


def summary_in(content: bytes) -> dict[str, Any] | None:
    """The summary of a document as it is kept; None where it is of another version, whose summary may be another."""
    try:
        found = from_json(json.loads(content))
    except (KeyError, TypeError, ValueError):
        return None
    return summary_of(found) if found.version == VERSION else None


def ask(connection: Connection, exhibit_id: UUID, *, domains: Sequence[str], now: datetime, actor: str) -> None:
    """Have every domain of an exhibit looked up, at the wish of an officer who was warned; entered in the ledger."""
    values = {"since": now, "tries": 0, "next_at": now, "asked_by": actor}
    first = insert_new(authenticity_due).values(exhibit_id=exhibit_id, **values)
    connection.execute(first.on_conflict_do_update(index_elements=["exhibit_id"], set_=values))
    facts = {"domains": list(domains)}
    record(connection, CustodyEntry(exhibit_stream(exhibit_id), Action.AUTHENTICITY_ASKED, actor, now, facts))


def not_looked_up(found: Authenticity) -> list[str]:
    """Domains whose keys were not looked up, and could be."""
    return sorted(
        {
            one.domain
            for message in found.messages
            for one in message.judgements
            if one.result == "not_checked" and one.method in {"dkim", "arc"} and one.domain and not one.stated_by
        }
    )
