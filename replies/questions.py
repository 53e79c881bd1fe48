"""One question about a forwarded text that names neither sender nor time, and the answer to it.

    asked ──her next text──┬──> answered   it is certain to be one: her words are put beside the item
      │                    └──> unsure     a plain item; an officer can attach it by hand
      ├──> ran_out                         nothing came in time
      └──> not_sent                        the carrier did not take it

A question travels with the answer that a burst gets anyway, so every rule of `replies.policy` has been met twice before
it leaves. One is open per person at a time; only her very next text can be the answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, update

from archive.acquisition import Channel
from archive.contributor import ContactKind, Contributor, SafeContact
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.ledger import record
from archive.tables import acquisition, follow_up, question, question_item
from intake.reading.model import Reading
from replies.counting import asked_in_the_day
from replies.follow_ups import Words, attach, known_names
from replies.policy import Limits
from replies.understanding import understand
from timeline.readings import current

ACTOR: Final = "system:replies"
MOST_ASKED_ABOUT: Final = 5
"""A burst of more is not asked about: "them" would mean nothing any more."""
FEWEST_LETTERS: Final = 3
ANSWERED, UNSURE, RAN_OUT, NOT_SENT = "answered", "unsure", "ran_out", "not_sent"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the decision to ask needs to know of one item that an answer answers.

    Attributes:
        id: The exhibit's id.
        by_text: It came as a text.
        is_message: It was read, and is no entry of her own.
        states_who: Its words name a sender; `states_when` a time.
        is_answer: It is itself her answer to an earlier question.
        letters: How many letters its words have.
    """

    id: UUID
    by_text: bool
    is_message: bool
    states_who: bool
    states_when: bool
    is_answer: bool
    letters: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked before.

    Attributes:
        is_open: A question to her is open.
        in_the_day: Questions to her within 24 hours.
    """

    is_open: bool = False
    in_the_day: int = 0


def whether_to_ask(
    items: Sequence[Candidate], agreed: SafeContact, by: ContactKind, asked: Asked, limits: Limits
) -> tuple[UUID, ...]:
    """What one question is to be about; empty: nothing is asked.

    Args:
        items: What the answer that is about to leave answers.
        agreed: Her agreement.
        by: By text or by mail: questions go by text alone.
        asked: What was asked before.
        limits: Settings.
    """
    if not agreed.questions_allowed or by is not ContactKind.PHONE:
        return ()
    if asked.is_open or asked.in_the_day >= limits.questions_daily:
        return ()
    about = tuple(one.id for one in items if _needs_words(one))
    return about if len(about) <= MOST_ASKED_ABOUT else ()


def _needs_words(item: Candidate) -> bool:
    says_something = item.states_who or item.states_when
    return (
        item.by_text
        and item.is_message
        and not says_something
        and not item.is_answer
        and item.letters >= FEWEST_LETTERS
    )


def asking_about(
    connection: Connection,
    exhibits: Sequence[UUID],
    person: Contributor,
    by: ContactKind,
    limits: Limits,
    now: datetime,
) -> tuple[UUID, ...]:
    """As `whether_to_ask`, for the items of an answer in the database."""
    if not person.safe_contact.questions_allowed or by is not ContactKind.PHONE:
        return ()
    close_run_out(connection, now=now)
    items = [_candidate(connection, exhibit_id) for exhibit_id in exhibits[: MOST_ASKED_ABOUT * 2]]
    open_one = _open(connection, person.id, now=now)
    asked = Asked(open_one is not None, asked_in_the_day(connection, person.id, now))
    return whether_to_ask(items, person.safe_contact, by, asked, limits)


def note_asked(
    connection: Connection,
    reply_id: UUID,
    about: Sequence[UUID],
    person: Contributor,
    contact_id: UUID,
    *,
    open_until: datetime,
    now: datetime,
) -> None:
    """Enter a question that is about to leave with an answer."""
    row = {"id": reply_id, "contributor_id": person.id, "contact_id": contact_id, "asked_at": now}
    connection.execute(insert(question).values(**row, open_until=open_until))
    for exhibit_id in about:
        connection.execute(insert(question_item).values(question_id=reply_id, exhibit_id=exhibit_id))
        _enter(connection, exhibit_id, Action.QUESTION_ASKED, now, {"question_id": str(reply_id), "about": len(about)})


def not_sent(connection: Connection, reply_id: UUID, *, now: datetime) -> None:
    """The answer that the question travelled with did not go out."""
    _close(connection, reply_id, NOT_SENT, now)


def close_run_out(connection: Connection, *, now: datetime) -> int:
    """Close questions that nobody answered in time."""
    query = select(question.c.id).where(question.c.closed_at.is_(None), question.c.open_until <= now)
    ended = list(connection.execute(query.with_for_update(skip_locked=True)).scalars())
    for question_id in ended:
        _close(connection, question_id, RAN_OUT, now)
    return len(ended)


def take_answer(
    connection: Connection, row: Row[Any], found: Reading | None, person: Contributor, *, now: datetime
) -> bool:
    """Look whether one archived text of hers answers her open question; if so her words are put beside the item.

    Args:
        connection: In the caller's transaction.
        row: The exhibit with its acquisition.
        found: Its reading.
        person: Who sent it.
        now: Our clock.

    Returns:
        Whether it was the answer. Else it is a plain item, and the question is closed as `unsure`: only her very next
        text can be its answer.
    """
    if row.channel != Channel.SMS or row.parent_id is not None or row.for_case is not None:
        return False
    asked = _open(connection, person.id, now=row.received_at)
    sent_from = {contact.value for contact in person.contacts if asked and contact.id == asked.contact_id}
    if asked is None or row.sender not in sent_from or row.received_at <= asked.asked_at:
        return False
    about = _about(connection, asked.id)
    if not _is_answer(connection, row, found, person, asked):
        _close(connection, asked.id, UNSURE, now)
        return False
    words = Words(
        row.id, person.case_id, person.id, found.text if found else "", row.received_at, person.safe_contact.timezone
    )
    for exhibit_id in about:
        attach(connection, exhibit_id, words, at=now, actor=ACTOR, question_id=asked.id, alone=len(about) == 1)
    _close(connection, asked.id, ANSWERED, now)
    return True


def _is_answer(
    connection: Connection, row: Row[Any], found: Reading | None, person: Contributor, asked: Row[Any]
) -> bool:
    if found is None or found.state != "read" or found.kind != "message" or found.forward is not None:
        return False
    if any(name == "NumMedia" and value not in {"", "0"} for name, value in found.headers):
        return False
    between = (
        (acquisition.c.sender == row.sender)
        & (acquisition.c.channel == Channel.SMS.value)
        & (acquisition.c.id != row.id)
        & (acquisition.c.received_at > asked.asked_at)
        & (acquisition.c.received_at <= row.received_at)
    )
    if connection.execute(select(acquisition.c.id).where(between)).first() is not None:
        return False
    known: Collection[str] = known_names(connection, person.case_id)
    zone = person.safe_contact.timezone
    return understand(found.text, received_at=row.received_at, timezone=zone, known=known) is not None


def _candidate(connection: Connection, exhibit_id: UUID) -> Candidate:
    found = current(connection, exhibit_id)
    row = connection.execute(
        select(acquisition.c.channel, acquisition.c.parent_id).where(acquisition.c.id == exhibit_id)
    ).one()
    answers = select(func.count()).where(follow_up.c.words_id == exhibit_id, follow_up.c.detached_at.is_(None))
    readable = found is not None and found.state == "read"
    return Candidate(
        id=exhibit_id,
        by_text=row.channel == Channel.SMS and row.parent_id is None,
        is_message=readable and found is not None and found.kind == "message" and not found.own_words,
        states_who=found is not None and not found.reported_from.is_empty,
        states_when=found is not None and found.claimed.text is not None,
        is_answer=connection.execute(answers).scalar_one() > 0,
        letters=sum(map(str.isalnum, found.text)) if found else 0,
    )


def _open(connection: Connection, contributor_id: UUID, *, now: datetime) -> Row[Any] | None:
    query = select(question).where(
        question.c.contributor_id == contributor_id, question.c.closed_at.is_(None), question.c.open_until > now
    )
    return connection.execute(query.with_for_update()).first()


def _about(connection: Connection, question_id: UUID) -> list[UUID]:
    query = select(question_item.c.exhibit_id).where(question_item.c.question_id == question_id)
    return list(connection.execute(query.order_by(question_item.c.exhibit_id)).scalars())


def _close(connection: Connection, question_id: UUID, because: str, now: datetime) -> None:
    still_open = (question.c.id == question_id) & question.c.closed_at.is_(None)
    closed = update(question).where(still_open).values(closed_at=now, closed_because=because)
    if connection.execute(closed).rowcount:
        for exhibit_id in _about(connection, question_id):
            facts = {"question_id": str(question_id), "because": because}
            _enter(connection, exhibit_id, Action.QUESTION_CLOSED, now, facts)


def _enter(connection: Connection, exhibit_id: UUID, action: Action, now: datetime, facts: dict[str, Any]) -> None:
    record(connection, CustodyEntry(exhibit_stream(exhibit_id), action, ACTOR, now, facts))
