"""Sending planned answers, each at most once.

    planned ──claim──> attempting ──┬──> sent       the carrier took it
       │                            ├──> failed     it did not go out; the entry says what to do
       └──> withdrawn               └──> unknown    it may have gone out: shown, never sent again

The claim and its custody entry are committed before anything leaves. After a crash between the two commits the row
stays `attempting`; five minutes later it is `unknown`, because nobody can know.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, select, update

from archive.contributor import ContactKind, Contributor, enrolled_as
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.delivery import deliveries
from archive.errors import RefusedError, TransientError
from archive.ledger import record
from archive.tables import contributor_contact, exhibit, reply, reply_item
from archive.vault import Vault
from replies.alerting import raise_once
from replies.automatic import message_id_of
from replies.deciding import ACTOR, AT_ONCE, Decided, outer_headers, record_decision
from replies.delivery import note, note_opt_out
from replies.egress import Answer, Egress
from replies.link_sending import give_up_lost as give_up_lost_links
from replies.outcome import OPTED_OUT, Outcome, Refused, Sent, Unknown
from replies.planned import Planned, planned_answer
from replies.policy import Decision, Limits, Send, Silent, decide_again
from replies.questions import asking_about, close_run_out, not_sent, note_asked
from replies.reasons import EXPLAINED, Reason
from replies.wall import OFFENDER, is_offender
from replies.wording import subject_of, with_question

Clock: TypeAlias = Callable[[], datetime]

# Longer than the slowest attempt can take by its own time limits.
LOST_AFTER: Final = timedelta(minutes=5)
_ENDINGS: Final = {
    "sent": Action.REPLY_SENT,
    "failed": Action.REPLY_FAILED,
    "unknown": Action.REPLY_UNKNOWN,
}

log = structlog.get_logger()


def due(connection: Connection, *, now: datetime, most: int = AT_ONCE) -> list[UUID]:
    """Planned answers whose time has come, oldest first."""
    query = select(reply.c.id).where(reply.c.state == "planned", reply.c.due_at <= now).order_by(reply.c.due_at)
    return [row.id for row in connection.execute(query.limit(most))]


def send_due(engine: Engine, egress: Egress, *, vault: Vault, now: Clock, limits: Limits) -> list[UUID]:
    """Send whatever is due, and give up attempts that were lost: what the sweep does.

    Returns:
        Ids of the answers that came to an end by this call.
    """
    with engine.begin() as connection:
        ended = give_up_lost(connection, now=now())
        close_run_out(connection, now=now())
        give_up_lost_links(connection, now=now())
    with engine.connect() as connection:
        waiting = due(connection, now=now())
    for reply_id in waiting:
        try:
            if send_one(engine, egress, reply_id, vault=vault, now=now, limits=limits) is not None:
                ended.append(reply_id)
        except TransientError as error:
            log.warning("reply.waits", reply_id=str(reply_id), error=type(error).__name__)
    return ended


def send_one(
    engine: Engine, egress: Egress, reply_id: UUID, *, vault: Vault, now: Clock, limits: Limits
) -> Outcome | None:
    """Send one planned answer if it is due and may still go. Safe to repeat: never sends twice.

    Returns:
        What became of it; None where it was not due, not planned any more, postponed or withdrawn.

    Raises:
        VaultUnavailableError: The mail that is answered could not be read; nothing was sent, try again.
    """
    in_reply_to = _threaded(engine, vault, reply_id)
    with engine.begin() as connection:
        planned = _claimable(connection, reply_id, now())
        answer = _claim(connection, planned, egress, in_reply_to, now(), limits) if planned else None
    if planned is None or answer is None:
        return None
    outcome = egress.send(answer)
    with engine.begin() as connection:
        _finish(connection, planned, outcome, now())
    return outcome


def give_up_lost(connection: Connection, *, now: datetime) -> list[UUID]:
    """Mark attempts nobody came back from as unknown, with an alert each. They are never sent again."""
    query = (
        select(reply.c.id)
        .where(reply.c.state == "attempting", reply.c.attempted_at < now - LOST_AFTER)
        .with_for_update(skip_locked=True)
    )
    lost = [row.id for row in connection.execute(query).all()]
    for reply_id in lost:
        planned = planned_answer(connection, reply_id)
        _finish(connection, planned, Unknown("the process ended between the attempt and its answer"), now)
    return lost


def _threaded(engine: Engine, vault: Vault, reply_id: UUID) -> str | None:
    """The Message-ID of the newest mail that an answer answers; None for texts."""
    query = (
        select(exhibit.c.vault_key, exhibit.c.vault_version)
        .join(reply_item, reply_item.c.exhibit_id == exhibit.c.id)
        .join(reply, reply.c.id == reply_item.c.reply_id)
        .join(contributor_contact, contributor_contact.c.id == reply.c.contact_id)
        .where(
            reply.c.id == reply_id,
            reply.c.state == "planned",
            contributor_contact.c.kind == ContactKind.EMAIL.value,
        )
        .order_by(reply_item.c.decided_at.desc(), reply_item.c.exhibit_id)
        .limit(1)
    )
    with engine.connect() as connection:
        row = connection.execute(query).first()
    return message_id_of(outer_headers(vault, row.vault_key, row.vault_version)) if row else None


def _claimable(connection: Connection, reply_id: UUID, now: datetime) -> Planned | None:
    """The answer, locked, if it is planned and due. Another worker's claim is waited for: it takes a moment."""
    held = connection.execute(
        select(reply.c.id)
        .where(reply.c.id == reply_id, reply.c.state == "planned", reply.c.due_at <= now)
        .with_for_update()
    ).first()
    return planned_answer(connection, reply_id) if held else None


def _claim(
    connection: Connection, planned: Planned, egress: Egress, in_reply_to: str | None, now: datetime, limits: Limits
) -> Answer | None:
    """Decide again, then enter the attempt; None where it is not to go now."""
    person = _enrolled(connection, planned)
    decision = decide_again(planned.contact, person, planned.due_at, now, limits, partial(is_offender, connection))
    if not isinstance(decision, Send) or person is None:
        _withdraw(connection, planned, decision, now)
        return None
    if decision.when > now:
        _postpone(connection, planned, decision, now)
        return None
    about = asking_about(connection, planned.exhibits, person, planned.contact.kind, limits, now)
    words = with_question(decision.wording, person.safe_contact, several=len(about) > 1) if about else decision.wording
    try:
        answer = egress.compose(
            planned.contact,
            words,
            reply_id=planned.id,
            at=now,
            subject=subject_of(person.safe_contact, planned.contact.kind),
            in_reply_to=in_reply_to,
        )
    except RefusedError as error:
        _finish(connection, planned, Refused(str(error)), now)
        return None
    _set(connection, planned.id, state="attempting", wording=words, attempted_at=now)
    _enter(connection, planned, Action.REPLY_ATTEMPTED, now, _as_sent(answer))
    if about:
        until = now + limits.question_open
        note_asked(connection, planned.id, about, person, planned.contact.id, open_until=until, now=now)
    return answer


def _enrolled(connection: Connection, planned: Planned) -> Contributor | None:
    """Who may get it: the one person enrolled now with the very number or address that the items came from."""
    if planned.senders != {planned.contact.value}:
        return None
    people = enrolled_as(connection, planned.contact.value)
    return people[0] if len(people) == 1 and people[0].id == planned.contributor_id else None


def _withdraw(connection: Connection, planned: Planned, decision: Decision, now: datetime) -> None:
    reason = decision.reason if isinstance(decision, Silent) else Reason.UNKNOWN_SENDER
    _set(connection, planned.id, state="withdrawn", finished_at=now, failed_because=EXPLAINED[reason])
    for exhibit_id in planned.exhibits:
        record_decision(connection, exhibit_id, Decided(Silent(reason), planned.id), at=now)
    if reason is Reason.OFFENDER_IDENTIFIER:
        raise_once(connection, "offender_enrolled", at=now, case_id=planned.case_id, text=None)
    if reason is Reason.AGREEMENT_EXPIRED:
        raise_once(connection, "review_overdue", at=now, case_id=planned.case_id, text=None)


def _postpone(connection: Connection, planned: Planned, decision: Send, now: datetime) -> None:
    """Quiet hours began while it waited: it goes when they end."""
    _set(connection, planned.id, due_at=decision.when)
    for exhibit_id in planned.exhibits:
        record_decision(connection, exhibit_id, Decided(decision, planned.id, decision.when), at=now)


def _finish(connection: Connection, planned: Planned, outcome: Outcome, now: datetime) -> None:
    """Enter what became of an attempt. An answer that comes after all corrects `unknown`."""
    match outcome:
        case Sent(provider_id):
            state, facts = "sent", {"provider_id": provider_id}
        case Refused(because):
            state, facts = "failed", {"because": because}
        case Unknown(because):
            state, facts = "unknown", {"because": because}
    _set(
        connection,
        planned.id,
        state=state,
        finished_at=now,
        provider_id=facts.get("provider_id"),
        failed_because=facts.get("because"),
    )
    _enter(connection, planned, _ENDINGS[state], now, facts)
    log.info("reply.ended", reply_id=str(planned.id), state=state)
    if state != "sent":
        _warn(connection, planned, state, facts["because"], now)
    if isinstance(outcome, Refused):
        not_sent(connection, planned.id, now=now)
        if outcome.code == OPTED_OUT:
            note_opt_out(connection, planned.contact.id, planned.case_id, at=now)
    if isinstance(outcome, Sent):
        _note_told_before(connection, outcome.provider_id, now)


def _note_told_before(connection: Connection, provider_id: str, now: datetime) -> None:
    """The carrier may have told that it failed before we knew the message by its id."""
    told = deliveries(connection, [provider_id]).get(provider_id)
    if told is not None and told.failed:
        note(connection, provider_id, told.status, at=now)


def _warn(connection: Connection, planned: Planned, state: str, because: str, now: datetime) -> None:
    kind = "offender_enrolled" if because == OFFENDER else f"answer_{state}"
    said = "may or may not have been sent" if state == "unknown" else "was not sent"
    raise_once(
        connection,
        kind,
        at=now,
        acquisition_id=planned.exhibits[0],
        case_id=planned.case_id,
        text=f"An answer {said}: {because}.",
    )


def _as_sent(answer: Answer) -> dict[str, Any]:
    """The answer as it goes out, for the ledger: every byte of it."""
    return {
        "by": answer.kind.value,
        "words": answer.words,
        "raw": answer.raw.decode(),
        "sha256": answer.sha256,
        "size_bytes": len(answer.raw),
        "message_id": answer.message_id,
    }


def _enter(connection: Connection, planned: Planned, action: Action, now: datetime, facts: dict[str, Any]) -> None:
    """One entry for one act, in the stream of the exhibit that planned the answer; it names all it answers."""
    about = {
        "reply_id": str(planned.id),
        "contact_id": str(planned.contact.id),
        "exhibits": [str(exhibit_id) for exhibit_id in planned.exhibits],
    }
    record(connection, CustodyEntry(exhibit_stream(planned.exhibits[0]), action, ACTOR, now, {**about, **facts}))


def _set(connection: Connection, reply_id: UUID, **values: Any) -> None:
    connection.execute(update(reply).where(reply.c.id == reply_id).values(**values))
