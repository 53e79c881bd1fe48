"""What was written on a personal page, read from its canonical form: a diary entry, a call, answers to the questions.

The account is hers, word for word; only the labels between her answers are ours. A day and time are claimed as she
stated them, in no zone, and where she said "about" that stays said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from intake.diary_document import Answer, DiaryDocument, EntryKind, Known, When
from intake.diary_parsing import DocumentError, is_canonical, read_answers, read_diary
from intake.reading import limits
from intake.reading.identifiers import find_identifiers, international
from intake.reading.model import Claimed, Headers, Identifier, Reading, Reported, displayable

NOT_CANONICAL: Final = "not in canonical form, bit by bit, as the pages write it"
UNFINISHED: Final = "the entry was not sent: it is what had been saved when the visit ended"

LABELS: Final[Mapping[str, str]] = {
    "what": "",
    "said": "What was said",
    "answered": "Answered",
    "number": "Number",
    "where": "Where",
    "looked": "What they looked like",
    "sounded": "What they sounded like",
    "wore": "What they wore",
    "vehicle_make": "Vehicle, make",
    "vehicle_colour": "Vehicle, colour",
    "vehicle_plate": "Vehicle, number plate",
    "witnesses": "Who else saw it",
    "effect": "How it affected me",
    "changed": "What I changed",
    "fear": "Fear, from 1 to 10",
    "kept": "What I kept, and how",
    "photos": "Photos",
}
"""How an account names the answers, in the order in which it gives them."""


def read_diary_form(raw: bytes, version: int) -> Reading:
    """Read an entry. Bytes that are none are unreadable, with the reason."""
    try:
        document = read_diary(raw)
    except DocumentError as error:
        return _unreadable(version, error)
    account = tuple(_account(document.answers))
    text = _readable(account)
    number = document.answers.get("number")
    return Reading(
        version,
        kind="call" if document.kind is EntryKind.CALL else "diary",
        direction="inbound" if document.kind is EntryKind.CALL else "unknown",
        claimed=_claimed(document.answers.get("when")),
        reported_from=Reported(number=_number(number)) if isinstance(number, str) else Reported(),
        text=text,
        identifiers=_identifiers(document, text),
        account=account,
        unfinished=not document.finished,
        own_words=True,
        defects=_defects(raw, finished=document.finished),
    )


def read_answers_form(raw: bytes, version: int) -> Reading:
    """Read answers to the risk questions: what was asked, and what was answered. Never a score."""
    try:
        document = read_answers(raw)
    except DocumentError as error:
        return _unreadable(version, error)
    account = tuple((displayable(one.asked), one.answer or "no answer") for one in document.questions)
    text = "\n".join(f"{asked} {answer}" for asked, answer in account)
    return Reading(
        version,
        kind="answers",
        text=text[: limits.TEXT_CHARACTERS],
        account=account,
        own_words=True,
        defects=_defects(raw, finished=True),
    )


def _unreadable(version: int, error: DocumentError) -> Reading:
    return Reading(version, state="unreadable", unreadable_because=displayable(str(error)))


def _defects(raw: bytes, *, finished: bool) -> tuple[str, ...]:
    found = () if is_canonical(raw) else (NOT_CANONICAL,)
    return found if finished else (*found, UNFINISHED)


def _account(answers: Mapping[str, Answer]) -> Iterator[tuple[str, str]]:
    """Each answer that was given, in words, in the order of `LABELS`."""
    for name in LABELS:
        shown = _shown(answers.get(name))
        if shown:
            yield name, displayable(shown)


def _shown(answer: Answer) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, tuple):
        return "\n".join(f"{photo.name or 'without a name'} (sha256:{photo.sha256})" for photo in answer)
    return "" if answer is None else str(answer)


def _readable(account: Headers) -> str:
    parts = []
    for name, words in account:
        label = LABELS[name]
        between = "\n" if "\n" in words else " "
        parts.append(f"{label}:{between}{words}" if label else words)
    return "\n\n".join(parts)[: limits.TEXT_CHARACTERS]


def _claimed(when: Answer) -> Claimed:
    if not isinstance(when, When):
        return Claimed()
    text = displayable(_as_written(when)) or None
    if when.day is None:
        return Claimed(source="stated" if text else "none", text=text)
    is_about = when.known is Known.ABOUT
    if len(when.day) == len("2026-11"):
        return Claimed(when.day, "unknown", "month", "stated", text, approximate=is_about)
    if when.time is None:
        return Claimed(when.day, "unknown", "day", "stated", text, approximate=is_about)
    return Claimed(f"{when.day}T{when.time}:00", "unknown", "minute", "stated", text, approximate=is_about)


def _as_written(when: When) -> str:
    """Her own day, time and words, in that order; "about" where she said that."""
    day = " ".join(when.written[part] for part in ("day", "month", "year") if when.written.get(part))
    parts = [part for part in (day, when.written.get("time"), when.words) if part]
    about = "about " if when.known is Known.ABOUT and parts else ""
    return about + ", ".join(parts)


def _number(typed: str) -> str | None:
    """A number in international form where it is one; her own words for it are in the account."""
    return international(typed)


def _identifiers(document: DiaryDocument, text: str) -> tuple[Identifier, ...]:
    """What the account holds, and the plate that she wrote where a plate was asked for, however it looks."""
    found = find_identifiers(text)
    plate = document.answers.get("vehicle_plate")
    if not isinstance(plate, str) or not plate.strip():
        return found
    value = displayable(" ".join(plate.split()))[: limits.DOOR_CHARACTERS]
    known = {each.value.replace(" ", "").casefold() for each in found if each.kind == "plate"}
    if value.replace(" ", "").casefold() in known:
        return found
    return (*found, Identifier("plate", value.upper()))[: limits.IDENTIFIERS]
