"""Timeline events, in the form that CONTRACT gives them ("Timeline JSON")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from archive.acquisition import rendered
from archive.provenance import Grading
from archive.timestamps import Bound
from intake.reading.model import Reading

CSV_HEADER: Final = (
    *("reference", "kind", "channel", "direction", "claimed_at", "claimed_zone", "claimed_precision"),
    *("claimed_source", "claimed_text", "received_at", "delivered_at", "contributor"),
    *("reported_name", "reported_address", "reported_number", "subject", "text", "attachments", "grade"),
    *("state", "ledger_index", "sha256", "size_bytes", "media_type", "id"),
    *("claimed_approximate", "fear", "effect", "changed", "kept", "unfinished"),
)


@dataclass(frozen=True, slots=True)
class ExhibitFacts:
    """What the archive recorded of the exhibit behind an event: observed, never claimed.

    Attributes:
        id: The exhibit's id.
        reference: `ABC/1`, or None where none was allocated.
        channel: The door it came in by.
        sha256: Of the bytes as received; `size_bytes` and `media_type` likewise.
        received_at: Our clock; `delivered_at` the provider's, if it told.
        state: `archived`, `sealed`, ... (CONTRACT).
        ledger_index: Leaf index of its `exhibit.archived` entry, None until sequenced.
        contributor: Who sent it in, if enrolled.
        ordered_at: Where it stands on the timeline.
        parent_id: The exhibit it came with (a text's picture).
        bound: By when it existed at the latest, and who vouches for that; None until a timestamp token covers it.
        reconciled: Its door had missed it: `reconcile` found it where it came from.
    """

    id: UUID
    reference: str | None
    channel: str
    sha256: str
    size_bytes: int
    media_type: str
    received_at: datetime
    delivered_at: datetime | None
    state: str
    ledger_index: int | None
    contributor: str | None
    ordered_at: datetime
    parent_id: UUID | None = None
    bound: Bound | None = None
    reconciled: bool = False


@dataclass(frozen=True, slots=True)
class FurtherExhibit:
    """A derived exhibit that came with an event's own: a text's picture."""

    id: UUID
    reference: str | None
    media_type: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Said:
    """The contributor's own words about an item, an exhibit of their own: grade W.

    Attributes:
        words_id: That exhibit's id.
        words: Verbatim.
        question_id: The question they answer; None where an officer put them there.
        fills: What of the event is theirs and not the item's: `reported_from`, `claimed`.
    """

    words_id: UUID
    words: str
    question_id: UUID | None
    fills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """What the timeline shows of one exhibit.

    Attributes:
        facts: What the archive recorded.
        reading: Our reading of it, or None where it was not read yet.
        kind: message, diary, call or attachment.
        direction: inbound, outbound or unknown, as seen from the contributor.
        grading: Its provenance grade; None until it was read.
        further: Exhibits that came with it.
        judged: The summary of what its signatures came to (`intake.authenticity.records`); None until they were judged.
        said: What the contributor said of it, where that was attached; `reading` is filled in by it.
        is_follow_up: It is itself such words, attached to another event.
    """

    facts: ExhibitFacts
    reading: Reading | None
    kind: str
    direction: str
    grading: Grading | None
    further: tuple[FurtherExhibit, ...] = ()
    judged: Mapping[str, Any] | None = None
    said: Said | None = None
    is_follow_up: bool = False

    @property
    def reading_state(self) -> str:
        """`read`, `unreadable`, or `unread` until the reader was there."""
        return self.reading.state if self.reading else "unread"

    def to_json(self) -> dict[str, Any]:
        """The event as CONTRACT has it, and a few fields more."""
        found = self.reading or _UNREAD
        return {
            "id": str(self.facts.id),
            "kind": self.kind,
            "channel": self.facts.channel,
            "direction": self.direction,
            **_observed_json(self.facts),
            **_claimed_json(found),
            **_words_json(found),
            "grade": self.grading.grade.value if self.grading and self.grading.grade else None,
            "grade_reasons": list(self.grading.reasons) if self.grading else [],
            "authenticity": [dict(each) for each in self.judged["judgements"]] if self.judged else [],
            "exhibit": _exhibit_json(self.facts),
            "attachments": self._attachments_json(found),
            "ledger_index": self.facts.ledger_index,
            "state": self.facts.state,
            "timestamp": _bound_json(self.facts.bound),
            "reading_state": self.reading_state,
            "parent": str(self.facts.parent_id) if self.facts.parent_id else None,
            "said": _said_json(self.said),
            "is_follow_up": self.is_follow_up,
        }

    def _attachments_json(self, found: Reading) -> list[dict[str, Any]]:
        within = [
            {
                "id": f"{self.facts.id}/{part.index}",
                "name": part.name,
                "media_type": part.media_type,
                "sha256": part.sha256,
                "size_bytes": part.size_bytes,
            }
            for part in found.attachments
        ]
        beside = [
            {
                "id": str(one.id),
                "name": None,
                "media_type": one.media_type,
                "sha256": one.sha256,
                "size_bytes": one.size_bytes,
            }
            for one in self.further
        ]
        return within + beside

    def csv_row(self) -> tuple[str, ...]:
        """The event's cells in the order of `CSV_HEADER`."""
        document = self.to_json()
        reported: Mapping[str, Any] = document["reported_from"]
        names = [one["name"] or one["media_type"] for one in document["attachments"]]
        cells = {
            **document,
            "reference": document["exhibit"]["reference"],
            "reported_name": reported["name"],
            "reported_address": reported["address"],
            "reported_number": reported["number"],
            "attachments": "; ".join(names),
            **{name: document["exhibit"][name] for name in ("sha256", "size_bytes", "media_type")},
            **{name: document["account"].get(name) for name in ("fear", "effect", "changed", "kept")},
            **{name: "yes" if document[name] else None for name in ("claimed_approximate", "unfinished")},
        }
        return tuple("" if cells[name] is None else str(cells[name]) for name in CSV_HEADER)


_UNREAD: Final = Reading(version=0)


def _observed_json(facts: ExhibitFacts) -> dict[str, Any]:
    return {
        "received_at": rendered(facts.received_at),
        "delivered_at": rendered(facts.delivered_at) if facts.delivered_at else None,
        "contributor": facts.contributor,
    }


def _claimed_json(found: Reading) -> dict[str, Any]:
    return {
        "claimed_at": found.claimed.at,
        "claimed_zone": found.claimed.zone,
        "claimed_precision": found.claimed.precision,
        "claimed_source": found.claimed.source,
        "claimed_text": found.claimed.text,
        "claimed_approximate": found.claimed.approximate,
        "claimed_order_ambiguous": found.claimed.order_ambiguous,
    }


def _words_json(found: Reading) -> dict[str, Any]:
    sender = found.reported_from
    return {
        "reported_from": {"name": sender.name, "address": sender.address, "number": sender.number},
        "subject": found.subject,
        "text": found.text,
        "note": found.note,
        "identifiers": [{"kind": one.kind, "value": one.value} for one in found.identifiers],
        "hints": [{"kind": one.kind, "text": one.text} for one in found.hints],
        "account": dict(found.account),
        "duration_seconds": None if found.length_ms is None else round(found.length_ms / 1000, 1),
        "unfinished": found.unfinished,
    }


def _said_json(said: Said | None) -> dict[str, Any] | None:
    """Whose words fill in who and when, and where they are: never the item's own."""
    if said is None:
        return None
    return {
        "by": "contributor",
        "grade": "W",
        "exhibit": str(said.words_id),
        "text": said.words,
        "asked": said.question_id is not None,
        "fills": list(said.fills),
    }


def _bound_json(bound: Bound | None) -> dict[str, Any] | None:
    if bound is None:
        return None
    return {
        "not_later_than": rendered(bound.not_later_than),
        "signer": bound.signer,
        "authority": bound.authority,
        "demonstration": bound.demonstration,
    }


def _exhibit_json(facts: ExhibitFacts) -> dict[str, Any]:
    return {
        "id": str(facts.id),
        "reference": facts.reference,
        "sha256": facts.sha256,
        "size_bytes": facts.size_bytes,
        "media_type": facts.media_type,
    }
