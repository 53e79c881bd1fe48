"""Whether a contributor is answered: one pure function, and everything it needs to know is handed in.

Every rule that is not plainly met means silence; `replies.reasons` says each in words. Sources: RFC 3834; safe-contact
practice of support services (never by a way that was not agreed, vague by default, reviewed by a date).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from archive.acquisition import Channel
from archive.contributor import Contact, ContactKind, Contributor, ReplyStyle
from intake.addresses import is_uk_mobile, normal_email
from replies.automatic import Headers, is_automatic
from replies.quiet_hours import after_quiet
from replies.reasons import Reason
from replies.wording import wording_of

UK: Final = "+44"
_PLAIN_ADDRESS: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Item:
    """What the decision needs to know of one exhibit.

    Attributes:
        id: The exhibit's id.
        channel: The door it came in by.
        sender: Who sent it to us, as the door observed, in normal form; None where the door cannot know.
        archived: Verified in the vault, in the ledger, and settled (assigned or quarantined).
        came_at: When the provider took it, or where that is unknown when we did.
        assigned_to: The contributor it was assigned to; None in quarantine.
        enrolled: How many contributors are enrolled with this sender.
        headers: For mails: the outer header; None where it cannot be read.
        by_plain_text: For texts: it came as a text, not by another service of the carrier.
        part: It came with a text; `imported`, `observed_again` likewise as named.
    """

    id: UUID
    channel: Channel
    sender: str | None
    archived: bool
    came_at: datetime
    assigned_to: UUID | None
    enrolled: int
    headers: Headers | None = None
    by_plain_text: bool = False
    part: bool = False
    imported: bool = False
    observed_again: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What was answered before. Attempts count, whatever became of them.

    Attributes:
        planned_for: When the answer that is planned for this contact is due, if one is.
        in_the_day: Messages to this contributor within the last 24 hours, by any way, links among them.
        all_in_the_day: Messages to anybody within the last 24 hours.
    """

    planned_for: datetime | None = None
    in_the_day: int = 0
    all_in_the_day: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings of answers.

    Attributes:
        burst: An answer is due this long after the first item; what comes until then shares it.
        contributor_daily: Most messages to one contributor in 24 hours: ends a loop with a machine that hides what it
            is, and limits what one person costs.
        all_daily: Most messages to everybody in 24 hours: a limit on cost.
        questions_daily: Most questions to one contributor in 24 hours.
        question_open: For how long her next text may be the answer to a question.
        too_late: Items older than this are not answered any more.
        texts: Whether texts are answered at all; `mails` likewise.
        own: Our own numbers and addresses in normal form.
    """

    burst: timedelta = timedelta(seconds=120)
    contributor_daily: int = 24
    all_daily: int = 500
    questions_daily: int = 4
    question_open: timedelta = timedelta(hours=12)
    too_late: timedelta = timedelta(days=7)
    texts: bool = True
    mails: bool = True
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Send:
    """Answer this contact, then, in these words.

    Attributes:
        contact: A contact of the enrolled contributor: the very one the item came from.
        when: Not before this moment, UTC.
        wording: The whole text.
        joins: An answer is planned for this contact already: this item shares it.
    """

    contact: Contact
    when: datetime
    wording: str
    joins: bool = False


@dataclass(frozen=True, slots=True)
class Silent:
    """Do not answer."""

    reason: Reason


Decision: TypeAlias = Send | Silent
IsOffender: TypeAlias = Callable[[str], bool]
"""Whether a number or address in normal form is confirmed as an offender's, in any case, however it was written."""

_KINDS: Final = {Channel.SMS: ContactKind.PHONE, Channel.EMAIL: ContactKind.EMAIL}


def decide(
    item: Item,
    contributor: Contributor | None,
    history: History,
    now: datetime,
    limits: Limits,
    is_offender: IsOffender,
) -> Decision:
    """Whether, when and how this item is answered.

    Args:
        item: The exhibit.
        contributor: The one person enrolled with its sender, if exactly one is.
        history: What was answered before, to the contact the item came from.
        now: Our clock.
        limits: Settings.
        is_offender: See `IsOffender`.
    """
    contact = _contact_of(item, contributor)
    if reason := _unanswerable(item, contributor):
        return Silent(reason)
    if contributor is None or contact is None:
        return Silent(Reason.UNKNOWN_SENDER)
    reason = unsafe(contributor, contact, limits, is_offender) or _unwanted(item, contact, history, now, limits)
    if reason:
        return Silent(reason)
    joins = history.planned_for is not None
    return timed(contributor, contact, history.planned_for or now + limits.burst, joins=joins)


def decide_again(
    contact: Contact,
    contributor: Contributor | None,
    due_at: datetime,
    now: datetime,
    limits: Limits,
    is_offender: IsOffender,
) -> Decision:
    """Whether a planned answer may go now: what was agreed may have changed since it was planned.

    Args:
        contact: Whom it was planned for.
        contributor: The one person enrolled with that contact now, if exactly one is.
        due_at: When it was due.
        now: Our clock.
        limits: Settings.
        is_offender: See `IsOffender`.

    Returns:
        `Send` whose `when` is now, or later where quiet hours have begun; `Silent` where it is not to go at all.
    """
    enrolled = contributor.contacts if contributor else ()
    as_now = next((one for one in enrolled if one == contact), None)
    if contributor is None or as_now is None:
        return Silent(Reason.UNKNOWN_SENDER)
    if reason := unsafe(contributor, as_now, limits, is_offender):
        return Silent(reason)
    if now - due_at > limits.too_late:
        return Silent(Reason.TOO_LATE)
    return timed(contributor, contact, now)


def _unanswerable(item: Item, contributor: Contributor | None) -> Reason | None:
    """What about the item itself forbids an answer."""
    rules: tuple[tuple[bool, Reason], ...] = (
        (not item.archived, Reason.NOT_ARCHIVED),
        (item.part, Reason.PART_OF_A_TEXT),
        (item.channel not in _KINDS, Reason.NOT_A_MESSAGE),
        (item.imported, Reason.IMPORTED),
        (item.observed_again, Reason.OBSERVED_AGAIN),
        (item.enrolled > 1, Reason.AMBIGUOUS),
        (item.enrolled != 1 or item.assigned_to is None or contributor is None, Reason.UNKNOWN_SENDER),
        (contributor is not None and contributor.id != item.assigned_to, Reason.AMBIGUOUS),
        (item.channel is Channel.SMS and not item.by_plain_text, Reason.OTHER_WAY),
    )
    return next((reason for forbidden, reason in rules if forbidden), None)


def _contact_of(item: Item, contributor: Contributor | None) -> Contact | None:
    """The contact the item came from; no other of hers will do."""
    known = contributor.contacts if contributor else ()
    kind = _KINDS.get(item.channel)
    return next((contact for contact in known if contact.kind is kind and contact.value == item.sender), None)


def unsafe(contributor: Contributor, contact: Contact, limits: Limits, is_offender: IsOffender) -> Reason | None:
    """What about the person, her agreement or the contact forbids an answer, at planning as at sending."""
    if contact.value in limits.own:
        return Reason.OWN_ADDRESS
    if is_offender(contact.value):
        return Reason.OFFENDER_IDENTIFIER
    if contact.doubted:
        return Reason.CONTACT_DOUBTED
    if not (limits.texts if contact.kind is ContactKind.PHONE else limits.mails):
        return Reason.SWITCHED_OFF
    if contributor.safe_contact.style is ReplyStyle.NONE:
        return Reason.STYLE_NONE
    return _unreachable(contact) or (Reason.OPTED_OUT if contact.opted_out else None)


def _unreachable(contact: Contact) -> Reason | None:
    if contact.kind is ContactKind.PHONE:
        if is_uk_mobile(contact.value):
            return None
        return Reason.LANDLINE if contact.value.startswith(UK) else Reason.FOREIGN_NUMBER
    plain = _PLAIN_ADDRESS.fullmatch(contact.value) and normal_email(contact.value) == contact.value
    return None if plain else Reason.UNUSABLE_ADDRESS


def _unwanted(item: Item, contact: Contact, history: History, now: datetime, limits: Limits) -> Reason | None:
    """What about this moment, or about how the item was written, forbids an answer."""
    if contact.kind is ContactKind.EMAIL and is_automatic(item.headers, contact.value, limits.own):
        return Reason.AUTOMATIC_MAIL
    if now - item.came_at > limits.too_late:
        return Reason.TOO_LATE
    if history.planned_for is not None:
        return None
    if history.in_the_day >= limits.contributor_daily:
        return Reason.RATE_CAP
    return Reason.COST_CAP if history.all_in_the_day >= limits.all_daily else None


def timed(contributor: Contributor, contact: Contact, due_at: datetime, *, joins: bool = False) -> Decision:
    """Move an answer past quiet hours, and see that the agreement still stands on that day."""
    agreed = contributor.safe_contact
    try:
        zone = ZoneInfo(agreed.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return Silent(Reason.UNKNOWN_ZONE)
    when = after_quiet(due_at, agreed.quiet, zone)
    if when is None:
        return Silent(Reason.ALWAYS_QUIET)
    if agreed.review_by is not None and when.astimezone(zone).date() > agreed.review_by:
        return Silent(Reason.AGREEMENT_EXPIRED)
    return Send(contact, when, wording_of(agreed), joins)
