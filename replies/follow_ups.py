"""The contributor's own words about a forwarded text, put beside it: grade W. The item itself is never touched.

Her words are an exhibit of their own. What they say of who and when fills in only what the item does not say itself,
marked as stated by her; an officer can attach words by hand, and take them away again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from archive.acquisition import Channel
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.exhibit import ExhibitRef
from archive.ledger import record
from archive.tables import acquisition, contributor, exhibit, follow_up, reading
from intake.reading.model import Claimed, Reading, Reported, to_json
from replies.errors import NotHerWordsError
from replies.understanding import Understood, understand
from timeline.ordering import ordered_at
from timeline.readings import opened

MOST_OFFERED: Final = 20


@dataclass(frozen=True, slots=True)
class Words:
    """An exhibit of hers whose words may be put beside another."""

    id: UUID
    case_id: UUID
    contributor_id: UUID
    text: str
    received_at: datetime
    timezone: str


def words_of(connection: Connection, exhibit_id: UUID) -> Words:
    """An exhibit as words of hers.

    Raises:
        NotHerWordsError: It is no message of an enrolled person, it could not be read, or it is itself a forward.
    """
    row = _row(connection, exhibit_id)
    found = opened(row.content) if row is not None else None
    if row is None or found is None or found.state != "read" or found.forward is not None:
        raise NotHerWordsError("it is a forward, or the reader could not read it")
    return Words(row.id, row.case_id, row.contributor_id, found.text, row.received_at, row.timezone)


def attach(
    connection: Connection,
    item_id: UUID,
    words: Words,
    *,
    at: datetime,
    actor: str,
    question_id: UUID | None = None,
    alone: bool = True,
    reason: str | None = None,
) -> UUID:
    """Put her words beside an item.

    Args:
        connection: In the caller's transaction.
        item_id: The forwarded text.
        words: Hers.
        at: Now.
        actor: Who puts them there: the officer, or us after a question.
        question_id: The question they answer.
        alone: They are about this item and no other: only then may they fill in who and when.
        reason: Why an officer did it.

    Returns:
        The follow-up's id.

    Raises:
        NotHerWordsError: The item is not of the same person and case, is the words themselves, or has some already.
    """
    item = _row(connection, item_id)
    if (
        item is None
        or item.id == words.id
        or (item.case_id, item.contributor_id) != (words.case_id, words.contributor_id)
    ):
        raise NotHerWordsError("they are not the same person's, in the same case")
    if follow_up_of(connection, item_id) is not None:
        raise NotHerWordsError("words stand beside it already")
    understood = _understood(connection, words) if alone else None
    content = _content(words, understood, alone=alone)
    row = {"id": uuid4(), "exhibit_id": item_id, "words_id": words.id, "question_id": question_id, "content": content}
    order = ordered_at(Reading(0, claimed=understood.claimed), item.received_at) if understood else None
    is_dated = understood is not None and understood.claimed.at is not None
    connection.execute(
        insert(follow_up).values(**row, ordered_at=order if is_dated else None, attached_at=at, attached_by=actor)
    )
    facts = {
        "follow_up_id": str(row["id"]),
        "words": str(words.id),
        "question_id": str(question_id) if question_id else None,
        "reported_from": content.get("reported_from"),
        "claimed": content.get("claimed"),
    }
    stream = exhibit_stream(item_id)
    record(connection, CustodyEntry(stream, Action.FOLLOW_UP_ATTACHED, actor, at, facts, reason=reason))
    return UUID(str(row["id"]))


def detach(connection: Connection, item_id: UUID, *, at: datetime, actor: str, reason: str) -> bool:
    """Take the words away from an item again; False where none stand there."""
    standing = (follow_up.c.exhibit_id == item_id) & follow_up.c.detached_at.is_(None)
    row = connection.execute(update(follow_up).where(standing).values(detached_at=at).returning(follow_up)).first()
    if row is None:
        return False
    facts = {"follow_up_id": str(row.id), "words": str(row.words_id)}
    stream = exhibit_stream(item_id)
    record(connection, CustodyEntry(stream, Action.FOLLOW_UP_DETACHED, actor, at, facts, reason=reason))
    return True


def follow_up_of(connection: Connection, item_id: UUID) -> Row[Any] | None:
    """The words that stand beside an item."""
    query = select(follow_up).where(follow_up.c.exhibit_id == item_id, follow_up.c.detached_at.is_(None))
    return connection.execute(query).first()


def known_names(connection: Connection, case_id: UUID) -> Collection[str]:
    """Names that evidence of a case reports as senders: an answer may give one without more around it."""
    name = reading.c.content["reported_from"]["name"].as_string()
    query = (
        select(func.distinct(name))
        .join(exhibit, exhibit.c.id == reading.c.exhibit_id)
        .where(exhibit.c.case_id == case_id, name.isnot(None))
        .limit(500)
    )
    return set(connection.execute(query).scalars())


def _row(connection: Connection, exhibit_id: UUID) -> Row[Any] | None:
    newest = reading.c.version.desc()
    query: Select[Any] = (
        select(
            exhibit.c.id,
            exhibit.c.case_id,
            exhibit.c.contributor_id,
            acquisition.c.received_at,
            contributor.c.timezone,
            reading.c.content,
        )
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .join(contributor, contributor.c.id == exhibit.c.contributor_id)
        .outerjoin(reading, reading.c.exhibit_id == exhibit.c.id)
        .where(exhibit.c.id == exhibit_id)
        .order_by(newest)
        .limit(1)
    )
    return connection.execute(query).first()


def _understood(connection: Connection, words: Words) -> Understood | None:
    known = known_names(connection, words.case_id)
    return understand(words.text, received_at=words.received_at, timezone=words.timezone, known=known)


def _content(words: Words, understood: Understood | None, *, alone: bool) -> Mapping[str, Any]:
    """What is filled in, in a reading's own form, and what was said; nothing is filled in that was not understood."""
    content: dict[str, Any] = {"said": words.text, "about_several": not alone}
    if understood is None:
        return content
    filled = to_json(Reading(0, claimed=understood.claimed, reported_from=understood.who))
    if understood.who != Reported():
        content["reported_from"] = filled["reported_from"]
    if understood.claimed != Claimed():
        content["claimed"] = filled["claimed"]
    return content


@dataclass(frozen=True, slots=True)
class Offered:
    """A text of hers that may be words about another: its id, its reference, and when it came."""

    id: UUID
    reference: str | None
    received_at: datetime


def offered_words(connection: Connection, item_id: UUID) -> list[Offered]:
    """Her next texts after one, oldest first, for an officer to choose from; empty where the item is none of hers."""
    item, item_of = acquisition.alias("item"), exhibit.alias("item_of")
    query = (
        select(exhibit.c.id, exhibit.c.initials, exhibit.c.number, acquisition.c.received_at)
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .join(
            item_of, (item_of.c.contributor_id == exhibit.c.contributor_id) & (item_of.c.case_id == exhibit.c.case_id)
        )
        .join(item, item.c.id == item_of.c.id)
        .where(
            item_of.c.id == item_id,
            item.c.channel == Channel.SMS.value,
            acquisition.c.channel == Channel.SMS.value,
            acquisition.c.parent_id.is_(None),
            acquisition.c.received_at > item.c.received_at,
        )
        .order_by(acquisition.c.received_at, exhibit.c.id)
        .limit(MOST_OFFERED)
    )
    found = []
    for row in connection.execute(query):
        reference = ExhibitRef.of(row.initials, row.number)
        found.append(Offered(row.id, str(reference) if reference else None, row.received_at))
    return found
