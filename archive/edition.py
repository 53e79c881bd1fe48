"""Editions of a package: the full one, and the one for disclosure, which leaves out how the contributor is reached.

Fails closed: an entry is in the disclosure edition only if its action is one that never records contacts, and a search
of its words finds none; an original only if it is plain text of a kind without hidden fields, searched likewise.
What is left out keeps its digest, and stands in a list with its reason.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from archive.acquisition import Channel
from archive.custody import Action, exhibit_stream
from archive.ledger import LedgerEntry
from archive.redaction import MARK, Redactor
from archive.register import Register

FULL, DISCLOSURE = "full", "disclosure"
EDITIONS = (FULL, DISCLOSURE)

# Ids, digests, states, times and counts alone. All are searched: `exhibit.archived` has what its door observed.
OPEN = frozenset(
    {
        Action.EXHIBIT_ARCHIVED,
        Action.EXHIBIT_OBSERVED_AGAIN,
        Action.EXHIBIT_READ,
        Action.AUTHENTICITY_JUDGED,
        Action.EXHIBIT_QUARANTINED,
        Action.EXHIBIT_ASSIGNED,
        Action.EXHIBIT_VIEWED,
        Action.EXHIBIT_DOWNLOADED,
        Action.CASE_OPENED,
        Action.CASE_VIEWED,
        Action.CASE_EXPORTED,
        Action.PACKAGE_REQUESTED,
        Action.PACKAGE_EXPORTED,
        Action.PACKAGE_DOWNLOADED,
        Action.LOCK_EXTENDED,
        Action.ALERT_SEEN,
        Action.QUESTION_ASKED,
        Action.QUESTION_CLOSED,
        Action.COPY_REDACTED,
        Action.COPY_DELETED,
    }
)
# Somebody's own words, which no search understands, say why, what was stated, or what went wrong.
WORDED = frozenset(
    {
        Action.EXHIBIT_LEFT_IN_QUARANTINE,
        Action.EXHIBIT_UNPACKED,
        Action.ACQUISITION_PARKED,
        Action.ACQUISITION_UNPARKED,
        Action.MEDIA_PARKED,
        Action.MEDIA_UNPARKED,
        Action.CASE_CLOSED,
        Action.CASE_REOPENED,
        Action.CASE_REVIEWED,
        Action.HOLD_PLACED,
        Action.HOLD_LIFTED,
        Action.DISPOSAL_ASKED,
        Action.DISPOSAL_APPROVED,
        Action.DISPOSAL_REFUSED,
        Action.CASE_DISPOSED,
        Action.OFFENDER_CONFIRMED,
        Action.OFFENDER_WITHDRAWN,
        Action.FOLLOW_UP_ATTACHED,
        Action.FOLLOW_UP_DETACHED,
    }
)
# How she is answered and linked to, which mailbox a mail lay in, whose servers signed for her.
OF_CONTACTS = frozenset(
    {
        Action.CONTRIBUTOR_ENROLLED,
        Action.AGREEMENT_CHANGED,
        Action.OPT_OUT_NOTED,
        Action.OPT_OUT_CLEARED,
        Action.CONTACT_DOUBTED,
        Action.DOUBT_SETTLED,
        Action.ALIAS_GIVEN,
        Action.ALIAS_ENDED,
        Action.REPLY_DECIDED,
        Action.REPLY_ATTEMPTED,
        Action.REPLY_SENT,
        Action.REPLY_FAILED,
        Action.REPLY_UNKNOWN,
        Action.REPLY_UNDELIVERED,
        Action.LINK_ISSUED,
        Action.LINK_WITHHELD,
        Action.LINK_ATTEMPTED,
        Action.LINK_SENT,
        Action.LINK_NOT_SENT,
        Action.LINK_OPENED,
        Action.LINK_LOCKED,
        Action.LINK_USED_UP,
        Action.LINK_REVOKED,
        Action.EXHIBIT_LOCATED,
        Action.AUTHENTICITY_ASKED,
    }
)
# Of the house as a whole: they stand in the system's stream, which no package discloses.
OF_THE_HOUSE = frozenset(
    {
        Action.LEDGER_STARTED,
        Action.KEY_ANNOUNCED,
        Action.KEY_RETIRED,
        Action.WITNESS_CONTRADICTED,
        Action.TIMESTAMP_RECEIVED,
        Action.PAYLOAD_ERASED,
        Action.INDEX_REBUILT,
        Action.AUDIT_RUN,
        Action.VAULT_TESTED,
        Action.ACCOUNT_ADDED,
        Action.PASSWORD_CHANGED,
        Action.SIGNED_IN,
        Action.SIGN_IN_REFUSED,
        Action.SIGNED_OUT,
        Action.QUARANTINE_VIEWED,
        Action.PARKED_VIEWED,
        Action.ALERT_MAIL_ATTEMPTED,
        Action.ALERT_MAIL_SENT,
        Action.ALERT_MAIL_NOT_SENT,
        Action.COMPLETENESS_STATED,
        Action.COMPLETENESS_VIEWED,
    }
)
CLOSED_ACTION = "entries of this kind record how the contributor is reached, or where she was"
CLOSED_WORDS = (
    "entries of this kind hold somebody's own words, which may say how the contributor is reached, or where she was"
)
HOLDS_CONTACT = "it names a number or an address of the contributor, or the one she sends to"
BY_DOOR = "a message as its carrier delivered it: it names the contributor's number or address, and where she sends to"
MAY_HIDE = "a file of this kind may record where it was made, or by whom, beside what it shows"
# Formats whose every byte is on show.
PLAIN = frozenset({"text/plain", "text/csv", "application/json"})
LARGEST_READ_BYTES = 4 << 20
NAMED_AT_ONCE = 500
ERASED = "erased under its retention rule"


@dataclass(frozen=True, slots=True)
class Edition:
    """What one package may say.

    Attributes:
        name: `full` or `disclosure`.
        redactor: Takes contacts and intake addresses out of what we make; None in the full edition.
        withheld: Reason by leaf index, in their order, for payloads that are left out or were erased.
        originals: Reason by exhibit id, for originals that are left out.
    """

    name: str
    redactor: Redactor | None = None
    withheld: MutableMapping[int, str] = field(default_factory=Register)
    originals: MutableMapping[str, str] = field(default_factory=Register)

    def clean(self, text: str) -> str:
        """Words as this edition has them."""
        return self.redactor.clean(text) if self.redactor else text

    def cleaned(self, document: Any) -> Any:
        """A JSON document as this edition has it."""
        return self.redactor.cleaned(document) if self.redactor else document

    def closes(self, entry: LedgerEntry) -> str | None:
        """Why the payload of an entry is left out; None where it is told."""
        if entry.payload is None:
            return ERASED
        if self.redactor is None:
            return None
        action = entry.facts()["action"]
        if action not in OPEN:
            return CLOSED_WORDS if action in WORDED else CLOSED_ACTION
        # JSON escapes what a text may hold: both forms are searched.
        words = [entry.payload.decode(), *_strings(entry.facts())]
        return HOLDS_CONTACT if any(self.redactor.holds(each) for each in words) else None

    def withhold_payloads(self, entries: Iterable[LedgerEntry]) -> None:
        """Decide for entries, in ledger order, and keep the reasons of those that are left out."""
        for entry in entries:
            reason = self.closes(entry)
            if reason is None:
                continue
            self.withheld[entry.index] = reason
            if entry.stream_seq == 0 and entry.stream.startswith(exhibit_stream("")):
                # Nothing that is told would say what its bytes were: they could not be verified.
                self.originals[entry.stream.removeprefix(exhibit_stream(""))] = reason

    def withhold_original(
        self, exhibit_id: str, *, channel: str, media_type: str, size_bytes: int, read: Callable[[], Iterable[bytes]]
    ) -> None:
        """Decide for an original, and keep the reason if it is left out."""
        reason = self._closes_original(channel, media_type, size_bytes, read)
        if reason is not None:
            self.originals.setdefault(exhibit_id, reason)

    def _closes_original(
        self, channel: str, media_type: str, size_bytes: int, read: Callable[[], Iterable[bytes]]
    ) -> str | None:
        if self.redactor is None:
            return None
        if channel in {Channel.SMS, Channel.EMAIL}:
            return BY_DOOR
        if media_type.partition(";")[0].strip().lower() not in PLAIN or size_bytes > LARGEST_READ_BYTES:
            return MAY_HIDE
        try:
            text = b"".join(read()).decode()
        except UnicodeDecodeError:
            return MAY_HIDE
        # A text in JSON may be escaped: its marks of escape are taken for what they stand for.
        unescaped = text.encode("ascii", "backslashreplace").decode("unicode_escape", "replace")
        return HOLDS_CONTACT if self.redactor.holds(text) or self.redactor.holds(unescaped) else None


def listing(edition: Edition, named: Callable[[Collection[str]], Mapping[str, tuple[str, str]]]) -> Iterator[bytes]:
    """`data/withheld.csv`: everything that is left out, with its reason and, of originals, the digest.

    Args:
        edition: With its decisions made.
        named: Reference and sha256 by exhibit id, of some exhibits at a time.
    """
    yield _row("what", "which", "reason", "sha256")
    originals = iter(edition.originals.items())
    while some := dict(itertools.islice(originals, NAMED_AT_ONCE)):
        found = named(some)
        for exhibit_id, reason in some.items():
            reference, sha256 = found[exhibit_id]
            yield _row("original", reference, reason, sha256)
    for index, reason in edition.withheld.items():
        yield _row("payload", f"entry {index}", reason, "")
    if edition.redactor:
        words = f"numbers and addresses of the contributor, and those she sends to, are replaced by {MARK}"
        yield _row("words", "timeline, custody list, readings", words, "")


def _row(*cells: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode()


def _strings(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        for key, value in document.items():
            yield str(key)
            yield from _strings(value)
    elif isinstance(document, list):
        for each in document:
            yield from _strings(each)
