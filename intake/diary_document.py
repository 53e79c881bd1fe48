"""The canonical form of what was written on a personal page: a diary entry, a call, answers to the risk questions.

These bytes are the exhibit. They are RFC 8785 JSON with a media type of ours, versioned, and described member by member
in docs/diary-form.md, so that anybody can read one without Holdfast. Pure: no clock, no network, no database.

An answer that is absent was never asked for: she had not come to that question. One that is null was asked for and
left empty. Nothing has a default, least of all a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias
from uuid import UUID

import rfc8785

from archive.acquisition import rendered

DIARY_TYPE: Final = "application/vnd.holdfast.diary+json"
ANSWERS_TYPE: Final = "application/vnd.holdfast.answers+json"
DIARY_FORM: Final = "holdfast-diary"
ANSWERS_FORM: Final = "holdfast-answers"
VERSION: Final = 1

MOST_PHOTOS: Final = 200
FEAR: Final = range(1, 11)

Answer: TypeAlias = "str | int | bool | When | tuple[Photo, ...] | None"


class EntryKind(StrEnum):
    """What an entry tells of."""

    INCIDENT = "incident"
    CALL = "call"


class Known(StrEnum):
    """How well she knows when it happened, as she chose: never a default."""

    EXACT = "exact"
    ABOUT = "about"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class When:
    """When it happened: local time as she wrote it, in no zone.

    Attributes:
        known: How well she knows it.
        day: `2026-11-21`, or `2026-11` where she knows the month alone; None where she named none.
        time: `21:30`; None where she named none.
        words: When, in her own words.
        written: Day, month, year and time exactly as she typed them.
    """

    known: Known
    day: str | None = None
    time: str | None = None
    words: str | None = None
    written: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As the document has it."""
        return {
            "known": self.known.value,
            "day": self.day,
            "time": self.time,
            "words": self.words,
            "written": dict(self.written),
        }


@dataclass(frozen=True, slots=True)
class Photo:
    """A file that belongs to an entry: an acquisition of its own, named by id and digest."""

    acquisition: UUID
    sha256: str
    size_bytes: int
    media_type: str
    name: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the document has it."""
        return {
            "acquisition": str(self.acquisition),
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "media_type": self.media_type,
            "name": self.name,
        }


@dataclass(frozen=True, slots=True)
class DiaryDocument:
    """One entry as it was submitted, or as it stood when its session ended.

    Attributes:
        entry: Id of the draft it was written as.
        kind: An incident or a call.
        began_at: Our clock: when the draft was begun; `ended_at` when it was sent, or given up as it stood.
        finished: Whether she pressed "send".
        answers: By the name of the question; see the module docstring for absent and None.
        saved: By the name of the question, when its answer was last saved (our clock).
    """

    entry: UUID
    kind: EntryKind
    began_at: datetime
    ended_at: datetime
    finished: bool
    answers: Mapping[str, Answer]
    saved: Mapping[str, datetime] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The canonical bytes (RFC 8785)."""
        return rfc8785.dumps(
            {
                "form": DIARY_FORM,
                "version": VERSION,
                "entry": str(self.entry),
                "kind": self.kind.value,
                "began_at": rendered(self.began_at),
                "ended_at": rendered(self.ended_at),
                "finished": self.finished,
                "answers": answers_to_json(self.answers),
                "saved": {name: rendered(at) for name, at in self.saved.items()},
            }
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """One risk question as it was asked, and what she answered; None where she left it out."""

    name: str
    asked: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class AnswersDocument:
    """Answers to the risk questions as they were sent. Never a score."""

    entry: UUID
    sent_at: datetime
    questions: tuple[Asked, ...]

    def to_bytes(self) -> bytes:
        """The canonical bytes (RFC 8785)."""
        return rfc8785.dumps(
            {
                "form": ANSWERS_FORM,
                "version": VERSION,
                "entry": str(self.entry),
                "sent_at": rendered(self.sent_at),
                "questions": [{"name": one.name, "asked": one.asked, "answer": one.answer} for one in self.questions],
            }
        )


def answers_to_json(answers: Mapping[str, Answer]) -> dict[str, Any]:
    """Answers as plain JSON values."""
    return {name: _to_json(answer) for name, answer in answers.items()}


def _to_json(answer: Answer) -> Any:
    if isinstance(answer, When):
        return answer.to_json()
    if isinstance(answer, tuple):
        return [photo.to_json() for photo in answer]
    return answer
