"""Decisions in the database: each archived item gets one, silence included, and each is a custody entry.

An answer is a row of `reply`; the items it answers are rows of `reply_item`. One planned answer per contact at a time
is a unique index, so two workers that plan at once end up sharing one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Row, select, text
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import Channel, rendered
from archive.agreed_words import Signals
from archive.contributor import Contact, Contributor, contributor_of, enrolled_as
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.errors import UnknownAcquisitionError
from archive.ledger import record
from archive.tables import acquisition, exhibit, reply, reply_item
from archive.vault import Vault
from intake.twilio_document import JSON, as_form
from replies.alerting import raise_once
from replies.automatic import LONGEST_HEAD_BYTES, Headers, head_of
from replies.counting import sent_in_the_day
from replies.heeding import heed
from replies.naming import look_for_names
from replies.policy import Decision, History, Item, Limits, Send, Silent, decide
from replies.questions import take_answer
from replies.reasons import EXPLAINED, Reason
from replies.wall import is_offender
from timeline.readings import current

ACTOR: Final = "system:replies"
AT_ONCE: Final = 500
IMPORTED: Final = "file:"
# A constant, not a parameter: once a connection has prepared the statement and planned it for any value, the server
# can no longer tell that the partial index `reply_one_planned` is meant, and refuses it.
PLANNED: Final = text("state = 'planned'")

CAME_FROM_OFFENDER: Final = (
    "An item was assigned as sent in by a contributor, and came from a number or address that is confirmed as an "
    "offender's. Check who sent it in: one of the two is wrong."
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided for one exhibit.

    Attributes:
        decision: The decision; None where it was taken earlier.
        reply_id: The answer it shares, if it is answered.
        due_at: When that answer is due, if it was decided now.
    """

    decision: Decision | None
    reply_id: UUID | None = None
    due_at: datetime | None = None


def undecided(connection: Connection, *, most: int = AT_ONCE) -> list[UUID]:
    """Archived and settled exhibits without a decision, oldest first."""
    query = (
        select(exhibit.c.id)
        .outerjoin(reply_item, reply_item.c.exhibit_id == exhibit.c.id)
        .where(reply_item.c.exhibit_id.is_(None), exhibit.c.case_id.isnot(None) | exhibit.c.quarantined_at.isnot(None))
        .order_by(exhibit.c.archived_at)
        .limit(most)
    )
    return [row.id for row in connection.execute(query)]


def decide_for(
    connection: Connection,
    exhibit_id: UUID,
    *,
    vault: Vault,
    now: datetime,
    limits: Limits,
    signals: Signals | None = None,
) -> Decided:
    """Decide once whether an exhibit is answered, plan or join the answer, and record it. Safe to repeat.

    Before that, what the item itself asks for is seen to: agreed words, an enrolled person's name as its sender, the
    answer to a question.

    Args:
        connection: In the caller's transaction.
        exhibit_id: The exhibit.
        vault: Where its bytes are: the beginning is read.
        now: Our clock.
        limits: Settings.
        signals: Recognises words agreed in private, where this process can.

    Returns:
        What was decided. An item that is not archived and settled yet is left undecided (`NOT_ARCHIVED`).

    Raises:
        UnknownAcquisitionError: No exhibit has this id.
        VaultUnavailableError: The vault is away; nothing was decided.
    """
    row = _locked(connection, exhibit_id)
    if row is None:
        raise UnknownAcquisitionError(str(exhibit_id))
    earlier = connection.execute(select(reply_item.c.reply_id).where(reply_item.c.exhibit_id == exhibit_id)).first()
    if earlier is not None:
        return Decided(None, earlier.reply_id)
    if row.case_id is not None:
        _see_to(connection, row, signals, now)
    people = enrolled_as(connection, row.sender) if row.sender else []
    person = people[0] if len(people) == 1 else None
    item = _item(row, len(people), vault if person else None)
    history = _history(connection, person, row.sender, now)
    decision = decide(item, person, history, now, limits, partial(is_offender, connection))
    if decision == Silent(Reason.NOT_ARCHIVED):
        return Decided(decision)
    decided = _plan(connection, decision, person, now)
    connection.execute(insert(reply_item).values(exhibit_id=exhibit_id, reply_id=decided.reply_id, decided_at=now))
    record_decision(connection, exhibit_id, decided, at=now)
    _warn(connection, decision, row, now)
    return decided


def _see_to(connection: Connection, row: Row[Any], signals: Signals | None, now: datetime) -> None:
    """What an item of a case asks for besides an answer; none of it may keep the item from being decided about."""
    found = current(connection, row.id)
    look_for_names(connection, row, found, now=now)
    if row.contributor_id is None:
        return
    person = contributor_of(connection, row.contributor_id)
    take_answer(connection, row, found, person, now=now)
    heed(connection, row, found, person, signals, now=now)


def see_to_assigned(connection: Connection, exhibit_id: UUID, *, signals: Signals | None, now: datetime) -> None:
    """See to an item that an officer assigned: to all that could not be seen to while it was nobody's.

    The same as at receipt: names of enrolled people, the answer to an open question, agreed words, the offender wall.
    Only an answer is never decided on again: what waited in quarantine stays unanswered.

    Args:
        connection: In the transaction that assigns it.
        exhibit_id: The exhibit.
        signals: Recognises words agreed in private, where this process can.
        now: Our clock.
    """
    row = _locked(connection, exhibit_id)
    if row is None or row.case_id is None:
        return
    _see_to(connection, row, signals, now)
    if row.contributor_id is not None and row.sender and is_offender(connection, row.sender):
        raise_once(
            connection, "offender_assigned", at=now, case_id=row.case_id, text=CAME_FROM_OFFENDER, acquisition_id=row.id
        )


def record_decision(connection: Connection, exhibit_id: UUID, decided: Decided, *, at: datetime) -> None:
    """Enter a decision in the exhibit's stream; a later one for the same item stands beside the first."""
    facts: dict[str, Any] = {"reply_id": str(decided.reply_id) if decided.reply_id else None}
    match decided.decision:
        case Send(contact, when, wording, joins):
            facts |= {
                "decision": "send",
                "contact_id": str(contact.id),
                "by": contact.kind.value,
                "due_at": rendered(decided.due_at or when),
                "words": wording,
                "joins": joins,
            }
        case Silent(reason):
            facts |= {"decision": "silent", "reason": reason.value, "because": EXPLAINED[reason]}
    record(connection, CustodyEntry(exhibit_stream(exhibit_id), Action.REPLY_DECIDED, ACTOR, at, facts))
    log.info("reply.decided", exhibit_id=str(exhibit_id), decision=facts.get("decision"), reason=facts.get("reason"))


def _locked(connection: Connection, exhibit_id: UUID) -> Row[Any] | None:
    query = (
        select(acquisition, exhibit.c.vault_key, exhibit.c.vault_version, exhibit.c.case_id,
               exhibit.c.contributor_id, exhibit.c.quarantined_at)
        .join(exhibit, exhibit.c.id == acquisition.c.id)
        .where(exhibit.c.id == exhibit_id)
        .with_for_update(of=exhibit, key_share=True)
    )  # fmt: skip
    return connection.execute(query).first()


def _item(row: Row[Any], enrolled: int, vault: Vault | None) -> Item:
    """What the policy needs to know. Bytes are read only where an answer is possible at all."""
    channel = Channel(row.channel)
    answerable = vault is not None and row.parent_id is None
    head = beginning(vault, row.vault_key, row.vault_version) if answerable and vault else b""
    return Item(
        id=row.id,
        channel=channel,
        sender=row.sender,
        archived=row.state == "archived" and bool(row.case_id or row.quarantined_at),
        came_at=row.delivered_at or row.received_at,
        assigned_to=row.contributor_id,
        enrolled=enrolled,
        headers=head_of(head) if channel is Channel.EMAIL else None,
        by_plain_text=channel is Channel.SMS and _is_plain_text(as_form(head) if row.media_type == JSON else head),
        part=row.parent_id is not None,
        imported=row.for_case is not None or row.source_id.startswith(IMPORTED),
        observed_again=row.observation_of is not None,
    )


def beginning(vault: Vault, key: str, version: str) -> bytes:
    """The first bytes of an original: enough for any header that is read, however large the mail is."""
    found = b""
    for piece in vault.stream(key, version):
        found += piece
        if len(found) >= LONGEST_HEAD_BYTES:
            break
    return found


def outer_headers(vault: Vault, key: str, version: str) -> Headers | None:
    """The outer header of an archived mail, or None where it cannot be read."""
    return head_of(beginning(vault, key, version))


def _is_plain_text(raw: bytes) -> bool:
    """Whether a webhook's body tells of a text, and not of WhatsApp, RCS or another service of the carrier."""
    senders = parse_qs(raw.decode("ascii", "replace")).get("From", [])
    return len(senders) == 1 and ":" not in senders[0]


def _history(connection: Connection, person: Contributor | None, sender: str | None, now: datetime) -> History:
    contact = next((one for one in person.contacts if one.value == sender), None) if person else None
    if person is None or contact is None:
        return History()
    planned = select(reply.c.due_at).where(reply.c.contact_id == contact.id, reply.c.state == "planned")
    in_the_day, in_all = sent_in_the_day(connection, person.id, now)
    return History(connection.execute(planned).scalar(), in_the_day, in_all)


def _plan(connection: Connection, decision: Decision, person: Contributor | None, now: datetime) -> Decided:
    """Make the answer's row, or find the one that is planned already."""
    if isinstance(decision, Silent) or person is None:
        return Decided(decision)
    while True:
        fresh = (
            insert(reply)
            .values(
                id=uuid4(),
                contributor_id=person.id,
                contact_id=decision.contact.id,
                wording=decision.wording,
                state="planned",
                planned_at=now,
                due_at=decision.when,
            )
            .on_conflict_do_nothing(index_elements=["contact_id"], index_where=PLANNED)
            .returning(reply.c.id)
        )
        made = connection.execute(fresh).scalar()
        if made is not None:
            return Decided(_shared(decision, joins=False), made, decision.when)
        if joined := _planned(connection, decision.contact):
            return Decided(_shared(decision, joins=True), *joined)
        # It was claimed between the two statements: this item begins the next answer.


def _planned(connection: Connection, contact: Contact) -> tuple[UUID, datetime] | None:
    """The planned answer to a contact, held so that no worker claims it before this item has joined."""
    query = select(reply.c.id, reply.c.due_at).where(reply.c.contact_id == contact.id, reply.c.state == "planned")
    row = connection.execute(query.with_for_update(read=True)).first()
    return (row.id, row.due_at) if row else None


def _shared(decision: Send, *, joins: bool) -> Send:
    return Send(decision.contact, decision.when, decision.wording, joins)


def _warn(connection: Connection, decision: Decision, row: Row[Any], now: datetime) -> None:
    if decision == Silent(Reason.OFFENDER_IDENTIFIER):
        raise_once(connection, "offender_enrolled", at=now, case_id=row.case_id, text=None, acquisition_id=row.id)
    if decision == Silent(Reason.AGREEMENT_EXPIRED):
        raise_once(connection, "review_overdue", at=now, case_id=row.case_id, text=None, acquisition_id=row.id)
    if decision == Silent(Reason.COST_CAP):
        raise_once(connection, "answers_capped", at=now, case_id=None, text=EXPLAINED[Reason.COST_CAP])
