"""Custody entries: one thing done, by whom, when, to which exhibit or case, why.

A leaf of the ledger names its entry only by pseudonym and by the digest of a salted payload, so a payload can be
erased or withheld while every proof stands. Forms: docs/package.md; digest input: RFC 8785.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import rfc8785

from archive.acquisition import rendered

NO_PREDECESSOR = bytes(32)
LEAF_VERSION = 1
SYSTEM = "system"


class Action(StrEnum):
    """What was done: past tense, closed, members never reworded or reused (docs/glossary.md explains each)."""

    LEDGER_STARTED = "ledger.started"
    EXHIBIT_ARCHIVED = "exhibit.archived"
    EXHIBIT_OBSERVED_AGAIN = "exhibit.observed_again"
    EXHIBIT_LOCATED = "exhibit.located"
    EXHIBIT_READ = "exhibit.read"
    AUTHENTICITY_JUDGED = "authenticity.judged"
    AUTHENTICITY_ASKED = "authenticity.asked"
    EXHIBIT_QUARANTINED = "exhibit.quarantined"
    EXHIBIT_LEFT_IN_QUARANTINE = "exhibit.left_in_quarantine"
    EXHIBIT_ASSIGNED = "exhibit.assigned"
    EXHIBIT_VIEWED = "exhibit.viewed"
    EXHIBIT_DOWNLOADED = "exhibit.downloaded"
    ACQUISITION_PARKED = "acquisition.parked"
    ACQUISITION_UNPARKED = "acquisition.unparked"
    CASE_OPENED = "case.opened"
    CASE_VIEWED = "case.viewed"
    CASE_EXPORTED = "case.exported"
    CONTRIBUTOR_ENROLLED = "contributor.enrolled"
    REPLY_DECIDED = "reply.decided"
    REPLY_ATTEMPTED = "reply.attempted"
    REPLY_SENT = "reply.sent"
    REPLY_FAILED = "reply.failed"
    REPLY_UNKNOWN = "reply.unknown"
    PACKAGE_REQUESTED = "package.requested"
    PACKAGE_EXPORTED = "package.exported"
    PACKAGE_DOWNLOADED = "package.downloaded"
    ACCOUNT_ADDED = "account.added"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - an action, not a password
    SIGNED_IN = "account.signed_in"
    SIGN_IN_REFUSED = "account.sign_in_refused"
    SIGNED_OUT = "account.signed_out"
    QUARANTINE_VIEWED = "quarantine.viewed"
    PARKED_VIEWED = "parked.viewed"
    VAULT_TESTED = "vault.tested"
    ALERT_SEEN = "alert.seen"
    CASE_CLOSED = "case.closed"
    CASE_REOPENED = "case.reopened"
    CASE_REVIEWED = "case.reviewed"
    LOCK_EXTENDED = "lock.extended"
    HOLD_PLACED = "hold.placed"
    HOLD_LIFTED = "hold.lifted"
    DISPOSAL_ASKED = "disposal.asked"
    DISPOSAL_APPROVED = "disposal.approved"
    DISPOSAL_REFUSED = "disposal.refused"
    CASE_DISPOSED = "case.disposed"
    LINK_ISSUED = "link.issued"
    LINK_WITHHELD = "link.withheld"
    LINK_ATTEMPTED = "link.attempted"
    LINK_SENT = "link.sent"
    LINK_NOT_SENT = "link.not_sent"
    LINK_OPENED = "link.opened"
    LINK_LOCKED = "link.locked"
    LINK_USED_UP = "link.used_up"
    LINK_REVOKED = "link.revoked"
    TIMESTAMP_RECEIVED = "timestamp.received"
    KEY_ANNOUNCED = "ledger.key_announced"
    KEY_RETIRED = "ledger.key_retired"
    WITNESS_CONTRADICTED = "witness.contradicted"
    PAYLOAD_ERASED = "payload.erased"
    INDEX_REBUILT = "index.rebuilt"
    AUDIT_RUN = "audit.run"
    AGREEMENT_CHANGED = "agreement.changed"
    REPLY_UNDELIVERED = "reply.undelivered"
    OPT_OUT_NOTED = "contact.opt_out_noted"
    OPT_OUT_CLEARED = "contact.opt_out_cleared"
    CONTACT_DOUBTED = "contact.doubted"
    DOUBT_SETTLED = "contact.doubt_settled"
    OFFENDER_CONFIRMED = "offender.confirmed"
    OFFENDER_WITHDRAWN = "offender.withdrawn"
    QUESTION_ASKED = "question.asked"
    QUESTION_CLOSED = "question.closed"
    FOLLOW_UP_ATTACHED = "follow_up.attached"
    FOLLOW_UP_DETACHED = "follow_up.detached"
    ALERT_MAIL_ATTEMPTED = "alert.mail_attempted"
    ALERT_MAIL_SENT = "alert.mail_sent"
    ALERT_MAIL_NOT_SENT = "alert.mail_not_sent"
    COMPLETENESS_STATED = "completeness.stated"
    COMPLETENESS_VIEWED = "completeness.viewed"
    MEDIA_PARKED = "media.parked"
    MEDIA_UNPARKED = "media.unparked"
    COPY_REDACTED = "copy.redacted"
    COPY_DELETED = "copy.deleted"
    ALIAS_GIVEN = "alias.given"
    ALIAS_ENDED = "alias.ended"
    EXHIBIT_UNPACKED = "exhibit.unpacked"


@dataclass(frozen=True, slots=True)
class CustodyEntry:
    """One thing done, as it goes into the ledger's outbox.

    Attributes:
        stream: Label of the stream it belongs to: `system`, `case:<uuid>` or `exhibit:<uuid>`.
        action: What was done.
        actor: Who did it: `account:<uuid>`, `cli:<user>`, `link:<uuid>` (whoever holds that personal link) or a named
            process (`system:accession`).
        at: When, aware, UTC; millisecond precision is what the ledger keeps.
        facts: JSON without floats.
        reason: Why, where a person gave one.
        names_stream: Label of another stream that this entry names with its last sequence and leaf hash.
        salt: Random, so that a digest of few possible payloads says nothing.
    """

    stream: str
    action: Action
    actor: str
    at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    names_stream: str | None = None
    salt: str = field(default_factory=lambda: secrets.token_hex(16))

    def payload(self) -> bytes:
        """The canonical payload whose digest the leaf holds (RFC 8785)."""
        return rfc8785.dumps(
            {
                "action": self.action.value,
                "actor": self.actor,
                "at": rendered(self.at),
                "facts": dict(self.facts),
                "reason": self.reason,
                "salt": self.salt,
                "stream": self.stream,
            }
        )


def exhibit_stream(exhibit_id: UUID | str) -> str:
    """Label of the stream of one exhibit."""
    return f"exhibit:{exhibit_id}"


def case_stream(case_id: UUID | str) -> str:
    """Label of the stream of one case."""
    return f"case:{case_id}"


def stream_key(ledger_secret: bytes, label: str) -> bytes:
    """The key that opens one stream's pseudonym, and no other: what a package discloses."""
    return hmac.new(ledger_secret, b"holdfast stream key\n" + label.encode(), hashlib.sha256).digest()


def pseudonym(ledger_secret: bytes, label: str) -> str:
    """The name a stream has in leaves: says nothing to whoever lacks the key."""
    return hmac.new(stream_key(ledger_secret, label), label.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class StreamHead:
    """The last leaf of a stream: its sequence number and leaf hash."""

    seq: int
    leaf_hash: bytes


def leaf_bytes(
    *,
    origin: str,
    stream: str,
    seq: int,
    prev: bytes,
    at: datetime,
    payload_sha256: str,
    names: tuple[str, StreamHead] | None = None,
) -> bytes:
    """One leaf of the ledger: RFC 8785 canonical JSON, the bytes that are hashed into the tree.

    Args:
        origin: Name of the log.
        stream: Pseudonym of the entry's stream.
        seq: Position in that stream, from 0.
        prev: Leaf hash of the entry before it in the stream, `NO_PREDECESSOR` for the first.
        at: The entry's time.
        payload_sha256: Lower-case hex digest of the canonical payload.
        names: Pseudonym and head of another stream, where the entry names one.
    """
    named: Any = {"leaf": names[1].leaf_hash.hex(), "seq": names[1].seq, "stream": names[0]} if names else None
    return rfc8785.dumps(
        {
            "log": origin,
            "names": named,
            "payload_sha256": payload_sha256,
            "prev": prev.hex(),
            "seq": seq,
            "stream": stream,
            "time": rendered(at),
            "v": LEAF_VERSION,
        }
    )
