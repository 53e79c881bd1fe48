"""Sending personal links, each at most once.

    decided ──no──> withheld            nothing is made, and the officer reads what to do
       │
       └──yes──> issued, attempting ──┬──> sent       the carrier took it
                                      ├──> failed     it did not go out
                                      └──> unknown    it may have gone out: shown, never sent again

A token exists in the memory of the process that made it and in the message, and nowhere else: so a link goes out at
once or never, and the ledger holds the message with the token replaced by its digest (docs/decisions/0012).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, insert, select, update

from archive.alerts import raise_alert
from archive.contributor import Contact, Contributor, enrolled_as
from archive.custody import Action, CustodyEntry, case_stream
from archive.delivery import deliveries
from archive.errors import RefusedError
from archive.ledger import record
from archive.link import Link, Terms, issue
from archive.tables import link, link_sending
from replies.counting import sent_in_the_day
from replies.egress import Answer, Egress
from replies.errors import UnsendableError
from replies.links import LinkDecision, SendLink, Wanted, decide_link
from replies.outcome import Outcome, Refused, Sent, Unknown
from replies.policy import History, Limits, Silent
from replies.reasons import Reason
from replies.wall import is_offender, wall_of

# Longer than the slowest attempt can take by its own time limits.
LOST_AFTER: Final = timedelta(minutes=5)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LinkDesk:
    """Where links are issued, and sent if they may be.

    Attributes:
        engine: The application's database login; each step is a transaction of its own.
        public_url: Where our pages are.
        egress: The door out.
        limits: Settings of what is sent.
        now: The clock.
    """

    engine: Engine
    public_url: str
    egress: Egress
    limits: Limits
    now: Callable[[], datetime]

    def address(self, made: Link, token: str) -> str:
        """The address that the contributor opens."""
        return f"{self.public_url.rstrip('/')}/{made.kind.value}/{token}"


def shown_only(engine: Engine, public_url: str, *, now: Callable[[], datetime]) -> LinkDesk:
    """A desk without a carrier: links are shown to whoever makes them, and sent to nobody."""
    return LinkDesk(engine, public_url, Egress(None, None, wall_of(engine)), Limits(texts=False, mails=False), now)


@dataclass(frozen=True, slots=True)
class Issued:
    """A link was made.

    Attributes:
        link: The link.
        address: What she opens: shown once, kept nowhere.
        outcome: What became of sending it; None where that was not asked for.
    """

    link: Link
    address: str = field(repr=False)
    outcome: Outcome | None = None


def issue_link(desk: LinkDesk, person: Contributor, terms: Terms, *, actor: str) -> Issued:
    """Make a link to be handed over by the officer; nothing is sent."""
    with desk.engine.begin() as connection:
        made, token = issue(connection, person, terms, at=desk.now(), actor=actor)
    return Issued(made, desk.address(made, token))


def send_link(desk: LinkDesk, person: Contributor, contact: Contact, terms: Terms, *, actor: str) -> Issued | Silent:
    """Make a link and send it, where it may be sent; else make none.

    Returns:
        The link and what became of the message; or why it may not be sent, which is entered in the ledger too.
    """
    with desk.engine.begin() as connection:
        decision = _decide(connection, desk, person, contact)
        if isinstance(decision, Silent):
            _withhold(connection, person, contact, decision, desk.now(), actor)
            return decision
        made, token = issue(connection, person, terms, at=desk.now(), actor=actor)
        answer = _claim(connection, desk, made, token, decision, actor)
    # Committed: from here on it is sent once or not at all.
    outcome = desk.egress.send(answer) if isinstance(answer, Answer) else answer
    with desk.engine.begin() as connection:
        _finish(connection, made.id, outcome, at=desk.now())
    return Issued(made, desk.address(made, token), outcome)


def preview(desk: LinkDesk, person: Contributor) -> list[tuple[Contact, LinkDecision]]:
    """What would be decided for each of her contacts now; nothing is entered, and it may change until it is asked."""
    with desk.engine.connect() as connection:
        return [(contact, _decide(connection, desk, person, contact)) for contact in person.contacts]


def give_up_lost(connection: Connection, *, now: datetime) -> list[UUID]:
    """Mark attempts nobody came back from as unknown, with an alert each. They are never sent again."""
    query = (
        select(link_sending.c.link_id)
        .where(link_sending.c.state == "attempting", link_sending.c.attempted_at < now - LOST_AFTER)
        .with_for_update(skip_locked=True)
    )
    lost = list(connection.execute(query).scalars())
    for link_id in lost:
        _finish(connection, link_id, Unknown("the process ended between the attempt and its answer"), at=now)
    return lost


def note_undelivered(connection: Connection, provider_id: str, status: str, *, at: datetime) -> bool:
    """The carrier says that a message it took did not arrive; where it held a link, the officer is told.

    Returns:
        Whether it was a link's message that counted as sent until now.
    """
    query = select(link_sending.c.link_id).where(
        link_sending.c.provider_id == provider_id, link_sending.c.state == "sent"
    )
    found = connection.execute(query.with_for_update()).scalar()
    if found is None:
        return False
    told = deliveries(connection, [provider_id]).get(provider_id)
    why = f": {told.advice}" if told and told.advice else f" ({status})"
    _finish(connection, found, Refused(f"the carrier could not deliver it{why}"), at=at)
    return True


def _decide(connection: Connection, desk: LinkDesk, person: Contributor, contact: Contact) -> LinkDecision:
    enrolled = {each.id for each in enrolled_as(connection, contact.value)}
    now = desk.now()
    wanted = Wanted(person, contact, enrolled, desk.public_url)
    return decide_link(wanted, _history(connection, person, now), now, desk.limits, partial(is_offender, connection))


def _history(connection: Connection, person: Contributor, now: datetime) -> History:
    """What was sent within a day, answers and links alike."""
    in_the_day, in_all = sent_in_the_day(connection, person.id, now)
    return History(in_the_day=in_the_day, all_in_the_day=in_all)


def _withhold(
    connection: Connection, person: Contributor, contact: Contact, decision: Silent, now: datetime, actor: str
) -> None:
    facts = {
        "contributor_id": str(person.id),
        "contact_id": str(contact.id),
        "decision": "withheld",
        "because": decision.reason.value,
    }
    record(connection, CustodyEntry(case_stream(person.case_id), Action.LINK_WITHHELD, actor, now, facts))
    if decision.reason is Reason.OFFENDER_IDENTIFIER:
        raise_alert(connection, "offender_enrolled", at=now, case_id=person.case_id)


def _claim(
    connection: Connection, desk: LinkDesk, made: Link, token: str, decision: SendLink, actor: str
) -> Answer | Refused:
    """Enter the attempt before anything leaves: whoever comes after finds that it was made."""
    now = desk.now()
    connection.execute(
        insert(link_sending).values(
            link_id=made.id, contact_id=decision.contact.id, state="attempting", attempted_at=now
        )
    )
    try:
        answer = desk.egress.compose(
            decision.contact,
            f"{decision.words} {desk.address(made, token)}",
            reply_id=made.id,
            at=now,
            subject=decision.subject,
        )
        facts = _as_sent(answer, made, token)
    except RefusedError as error:
        return Refused(str(error))
    about = {"link_id": str(made.id), "contact_id": str(decision.contact.id)}
    stream = case_stream(made.case_id)
    record(connection, CustodyEntry(stream, Action.LINK_ATTEMPTED, actor, now, {**about, **facts}))
    return answer


def _as_sent(answer: Answer, made: Link, token: str) -> dict[str, Any]:
    """The message as it goes out, for the ledger: every byte but the token, because packages hold the ledger.

    Raises:
        UnsendableError: The token does not stand in the bytes as itself, once, so it could not be taken out.
    """
    raw, hidden = answer.raw.decode(), f"sha256:{made.token_sha256}"
    if raw.count(token) != 1:
        raise UnsendableError("message")
    return {
        "by": answer.kind.value,
        "raw": raw.replace(token, hidden),
        "sha256": answer.sha256,
        "size_bytes": len(answer.raw),
        "message_id": answer.message_id,
        "token_replaced_by": hidden,
        "note": "sha256 and size_bytes are of the bytes sent; in raw the token is replaced by its own digest",
    }


def _finish(connection: Connection, link_id: UUID, outcome: Outcome, *, at: datetime) -> None:
    """Enter what became of an attempt. An answer that comes after all corrects `unknown`."""
    state, provider_id, because = _ending(outcome)
    connection.execute(
        update(link_sending)
        .where(link_sending.c.link_id == link_id)
        .values(state=state, finished_at=at, provider_id=provider_id, failed_because=because)
    )
    case_id = connection.execute(select(link.c.case_id).where(link.c.id == link_id)).scalar_one()
    facts = {"link_id": str(link_id), "state": state, "provider_id": provider_id, "because": because}
    action = Action.LINK_SENT if state == "sent" else Action.LINK_NOT_SENT
    record(connection, CustodyEntry(case_stream(case_id), action, "system:replies", at, facts))
    log.info("link.sending_ended", link_id=str(link_id), state=state)
    if state != "sent":
        said = "may or may not have been sent" if state == "unknown" else "was not sent"
        raise_alert(connection, f"link_{state}", at=at, case_id=case_id, text=f"A personal link {said}: {because}.")


def state_of(outcome: Outcome) -> str:
    """The state of a sending after this outcome: `sent`, `failed` or `unknown`."""
    return _ending(outcome)[0]


def _ending(outcome: Outcome) -> tuple[str, str | None, str | None]:
    match outcome:
        case Sent(provider_id):
            return "sent", provider_id, None
        case Refused(because):
            return "failed", None, because
        case Unknown(because):
            return "unknown", None, because
