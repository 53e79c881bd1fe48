"""Whether a personal link may be sent to somebody: one pure function, and everything it needs to know is handed in.

A link in a message is worth more to whoever holds the phone than an answer is, so beyond what an answer needs
(`replies.policy`) it must have been agreed to by itself, and it goes now or not at all: nothing waits with a token in
it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from archive.contributor import Contact, ContactKind, Contributor, Language, ReplyStyle
from replies.policy import History, IsOffender, Limits, Silent, timed, unsafe
from replies.reasons import Reason
from replies.wording import STEMS

# Before the address, which is what the message is for. No name, no purpose, no promise.
WORDS: Final = {
    Language.ENGLISH: {ReplyStyle.DISCREET: "Here it is:", ReplyStyle.PLAIN: "Your page is ready:"},
    Language.WELSH: {ReplyStyle.DISCREET: "Dyma'r ddolen:", ReplyStyle.PLAIN: "Mae eich tudalen yn barod:"},
}
SUBJECTS: Final = {Language.ENGLISH: "Here it is", Language.WELSH: "Dyma'r ddolen"}

WITHHELD: Final[dict[Reason, str]] = {
    Reason.UNKNOWN_SENDER: "That number or address is not one of theirs. Choose one they are enrolled with.",
    Reason.AMBIGUOUS: "Somebody else is enrolled with that number or address too. Give the link by another safe way.",
    Reason.OWN_ADDRESS: "That is our own number or address. Correct the enrolment.",
    Reason.OFFENDER_IDENTIFIER: "That number or address is confirmed as an offender's. Do not write to it; speak to "
    "them by another safe way and check the enrolment.",
    Reason.CONTACT_DOUBTED: "Evidence had named that number or address as somebody else's before it was enrolled. "
    "Settle whose it is on their page first.",
    Reason.OPTED_OUT: "That number opted out of our texts with a word like STOP. Ask them by another safe way; a text "
    "with START from it lets texts through again.",
    Reason.SWITCHED_OFF: "Nothing is sent by this way here. Give the link by another safe way.",
    Reason.STYLE_NONE: "They agreed to no answers at all. Give the link in person or by another safe way.",
    Reason.LINKS_NOT_AGREED: "They did not agree to be sent links. Ask them by a safe way, or give the link in person.",
    Reason.AGREEMENT_EXPIRED: "What they agreed to was to be reviewed by now. Ask them again by a safe way first.",
    Reason.UNKNOWN_ZONE: "Their quiet hours name a time zone that does not exist. Correct the enrolment.",
    Reason.ALWAYS_QUIET: "Their quiet hours take the whole day. Give the link by another safe way.",
    Reason.QUIET_NOW: "It is in their quiet hours now. Nothing waits to be sent later: try again when they are over.",
    Reason.LANDLINE: "A text to a landline may be read aloud to whoever picks up. Choose a mobile or a mailbox.",
    Reason.FOREIGN_NUMBER: "Only UK mobiles are sent texts. Choose a mailbox, or another safe way.",
    Reason.UNUSABLE_ADDRESS: "That address cannot be written to safely. Choose another, or another safe way.",
    Reason.RATE_CAP: "As much was sent to that number or address today as may be. Try again tomorrow.",
    Reason.COST_CAP: "All messages together have reached the day's limit. Try again tomorrow.",
    Reason.TELLING_ADDRESS: "The address of our pages says what they are for, and would stand in the message. Give the "
    "link in person; an administrator can set a neutral address (HOLDFAST_PUBLIC_URL).",
}
"""Why a link is not sent, and what to do about it, for the officer who asked."""


@dataclass(frozen=True, slots=True)
class SendLink:
    """Send it to this contact, now, with these words before the address."""

    contact: Contact
    words: str
    subject: str | None


LinkDecision: TypeAlias = SendLink | Silent


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an officer asks to be sent.

    Attributes:
        person: Whose link it is.
        contact: Where to.
        enrolled: Everybody enrolled, now and anywhere, with that number or address.
        public_url: Where our pages are: what the message's address begins with.
    """

    person: Contributor
    contact: Contact
    enrolled: Collection[UUID]
    public_url: str = field(default="")


def decide_link(
    wanted: Wanted, history: History, now: datetime, limits: Limits, is_offender: IsOffender
) -> LinkDecision:
    """Whether this link goes to this contact now.

    Args:
        wanted: What is asked.
        history: What was sent to the contact before; links count like answers.
        now: Our clock.
        limits: Settings.
        is_offender: See `replies.policy.IsOffender`.
    """
    person, contact = wanted.person, wanted.contact
    if contact not in person.contacts or person.id not in wanted.enrolled:
        return Silent(Reason.UNKNOWN_SENDER)
    if set(wanted.enrolled) != {person.id}:
        return Silent(Reason.AMBIGUOUS)
    if reason := unsafe(person, contact, limits, is_offender) or _unwanted(wanted, history, limits):
        return Silent(reason)
    when = timed(person, contact, now)
    if isinstance(when, Silent):
        return when
    if when.when > now:
        return Silent(Reason.QUIET_NOW)
    agreed = person.safe_contact
    words = WORDS[agreed.language].get(agreed.style, WORDS[agreed.language][ReplyStyle.DISCREET])
    return SendLink(contact, words, SUBJECTS[agreed.language] if contact.kind is ContactKind.EMAIL else None)


def is_telling(public_url: str) -> bool:
    """Whether the host of our pages says what they are for, in any part of its name."""
    host = re.sub(r"[^a-z0-9]", "", (urlsplit(public_url).hostname or "").lower())
    return any(stem in host for stem in STEMS)


def preferred(person: Contributor) -> Contact | None:
    """Where a link goes unless the officer says otherwise: the first number, else the first address."""
    phones = [contact for contact in person.contacts if contact.kind is ContactKind.PHONE]
    return next(iter([*phones, *person.contacts]), None)


def _unwanted(wanted: Wanted, history: History, limits: Limits) -> Reason | None:
    rules = (
        (not wanted.person.safe_contact.links_allowed, Reason.LINKS_NOT_AGREED),
        (is_telling(wanted.public_url), Reason.TELLING_ADDRESS),
        (history.in_the_day >= limits.contributor_daily, Reason.RATE_CAP),
        (history.all_in_the_day >= limits.all_daily, Reason.COST_CAP),
    )
    return next((reason for forbidden, reason in rules if forbidden), None)
