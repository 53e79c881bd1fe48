"""The only door out. Whatever leaves this system for a person leaves through `Egress.send`.

The door does not trust who calls it: just before sending it asks the wall again whether this recipient is a contact of
somebody enrolled now, or the address of an officer's active account, and nobody's offender. A wall that cannot answer
is a wall that says no.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

import structlog

from archive.contributor import Contact, ContactKind
from replies.errors import UnsendableError
from replies.mailing import MailSender, letter
from replies.outcome import Outcome, Refused, Unknown
from replies.texting import TextSender

Wall: TypeAlias = Callable[[ContactKind, str], str | None]
"""Why this recipient may not be written to; None if it may. Raising counts as no."""

NO_CARRIER: Final = {
    ContactKind.PHONE: "no Twilio account is set: texts cannot be answered",
    ContactKind.EMAIL: "no mail server is set: mails cannot be answered",
}

NO_NOTICES: Final = "no notice to officers leaves by this door"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, exactly as it goes out.

    Attributes:
        kind: By text or by mail.
        to: The recipient.
        words: What it says.
        raw: The bytes sent: the whole mail, or the text's words in UTF-8.
        sha256: Lower-case hex digest of `raw`.
        message_id: A mail's own Message-ID.
        to_officer: It is a notice to an officer, and goes to active accounts alone.
    """

    kind: ContactKind
    to: str = field(repr=False)
    words: str = field(repr=False)
    raw: bytes = field(repr=False)
    sha256: str
    message_id: str | None = None
    to_officer: bool = False


OfficerWall: TypeAlias = Callable[[str], str | None]
"""Why an officer may not be written to at this address; None if that is fine. Raising counts as no."""


def no_officers(_address: str) -> str | None:
    """The wall of a door that no notice to officers leaves by."""
    return NO_NOTICES


@dataclass(frozen=True, slots=True)
class Egress:
    """The door: its carriers, and the walls in front of them: contributors' and officers'."""

    texts: TextSender | None
    mails: MailSender | None
    wall: Wall
    officers: OfficerWall = no_officers

    def compose(
        self,
        contact: Contact,
        words: str,
        *,
        reply_id: UUID,
        at: datetime,
        subject: str | None = None,
        in_reply_to: str | None = None,
    ) -> Answer:
        """Write an answer down as it would go out; nothing is sent.

        Args:
            contact: The recipient.
            words: What it says.
            reply_id: The answer's id: a mail's Message-ID is made from it.
            at: The mail's Date.
            subject: The mail's subject.
            in_reply_to: The Message-ID of the mail that is answered.

        Raises:
            UnsendableError: There is no carrier for this contact, or a value cannot stand in a header.
        """
        if contact.kind is ContactKind.PHONE:
            return _answer(contact, words, words.encode())
        if self.mails is None or subject is None:
            raise UnsendableError("sender or subject")
        message_id = f"<{reply_id.hex}@{self.mails.address.partition('@')[2]}>"
        raw = letter(
            sender=self.mails.address,
            to=contact.value,
            subject=subject,
            words=words,
            message_id=message_id,
            in_reply_to=in_reply_to,
            at=at,
        )
        return _answer(contact, words, raw, message_id)

    def compose_notice(self, to: str, subject: str, words: str, *, notice_id: UUID, at: datetime) -> Answer:
        """Write a notice to an officer down as it would go out; nothing is sent.

        Raises:
            UnsendableError: There is no mail server, or a value cannot stand in a header.
        """
        if self.mails is None:
            raise UnsendableError("sender")
        message_id = f"<{notice_id.hex}@{self.mails.address.partition('@')[2]}>"
        raw = letter(
            sender=self.mails.address,
            to=to,
            subject=subject,
            words=words,
            message_id=message_id,
            in_reply_to=None,
            at=at,
            submitted="auto-generated",
        )
        digest = hashlib.sha256(raw).hexdigest()
        return Answer(ContactKind.EMAIL, to, words, raw, digest, message_id, to_officer=True)

    def send(self, answer: Answer) -> Outcome:
        """Send it, once, unless the wall says no. Never raises."""
        barred = self._barred(answer)
        if barred is not None:
            return Refused(barred)
        try:
            return self._hand_over(answer)
        except Exception as error:  # noqa: BLE001 - whatever a carrier trips over, it may have been sent
            log.warning("reply.carrier_failed", error=type(error).__name__)
            return Unknown(f"the carrier failed in a way nobody foresaw ({type(error).__name__})")

    def _barred(self, answer: Answer) -> str | None:
        try:
            return self.officers(answer.to) if answer.to_officer else self.wall(answer.kind, answer.to)
        except Exception as error:  # noqa: BLE001 - a wall that cannot answer says no
            # No traceback: a database error's text repeats the statement's parameters, a number or an address.
            log.warning("reply.wall_failed", error=type(error).__name__)
            return "whether this recipient may be written to could not be found out"

    def _hand_over(self, answer: Answer) -> Outcome:
        if answer.kind is ContactKind.PHONE:
            return self.texts.send(answer.to, answer.words) if self.texts else Refused(NO_CARRIER[answer.kind])
        if self.mails is None or answer.message_id is None:
            return Refused(NO_CARRIER[answer.kind])
        return self.mails.send(answer.to, answer.raw, answer.message_id)


def _answer(contact: Contact, words: str, raw: bytes, message_id: str | None = None) -> Answer:
    return Answer(contact.kind, contact.value, words, raw, hashlib.sha256(raw).hexdigest(), message_id)
