"""Documents of the diary's canonical form, read back: strictly, member by member, each of the type it must have.

Total for any bytes: a document, or `DocumentError` with the reason. Pure, like `intake.diary_document`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

import rfc8785

from archive.acquisition import parsed, rendered
from intake.diary_document import (
    ANSWERS_FORM,
    DIARY_FORM,
    FEAR,
    MOST_PHOTOS,
    VERSION,
    Answer,
    AnswersDocument,
    Asked,
    DiaryDocument,
    EntryKind,
    Known,
    Photo,
    When,
)

MEBIBYTE: Final = 1024 * 1024
MOST_BYTES: Final = 16 * MEBIBYTE
"""A larger document is not ours: the longest entry the pages take is a fraction of it."""
_MOST_DIGITS: Final = 16
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class DocumentError(ValueError):
    """The bytes are no document of this form."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return self.because


def answers_from_json(kind: EntryKind, document: object) -> dict[str, Answer]:
    """The answers that `answers_to_json` wrote, each of the type its question has.

    Raises:
        DocumentError: A question is not one of this kind's, or an answer is of another type.
    """
    asked = QUESTIONS[kind]
    found: dict[str, Answer] = {}
    for name, value in _object(document, "answers").items():
        if name not in asked:
            raise DocumentError(f"no question of this form is called {name[:40]!r}")
        found[name] = None if value is None else asked[name](value, name)
    return found


def read_diary(raw: bytes) -> DiaryDocument:
    """The entry that these bytes are.

    Raises:
        DocumentError: They are not one, or one of a version that is not known here.
    """
    document = _document(raw, DIARY_FORM, {"kind", "began_at", "ended_at", "finished", "answers", "saved"})
    kind = _one_of(EntryKind, document["kind"], "kind")
    saved = _object(document["saved"], "saved")
    if unknown := set(saved) - set(QUESTIONS[kind]):
        raise DocumentError(f"saved names no question: {min(unknown)[:40]!r}")
    return DiaryDocument(
        entry=_uuid(document["entry"], "entry"),
        kind=kind,
        began_at=_moment(document["began_at"], "began_at"),
        ended_at=_moment(document["ended_at"], "ended_at"),
        finished=_truth(document["finished"], "finished"),
        answers=answers_from_json(kind, document["answers"]),
        saved={name: _moment(at, "saved") for name, at in saved.items()},
    )


def read_answers(raw: bytes) -> AnswersDocument:
    """The answers that these bytes are.

    Raises:
        DocumentError: They are not such a document, or one of a version that is not known here.
    """
    document = _document(raw, ANSWERS_FORM, {"sent_at", "questions"})
    asked = _list(document["questions"], "questions")
    return AnswersDocument(
        entry=_uuid(document["entry"], "entry"),
        sent_at=_moment(document["sent_at"], "sent_at"),
        questions=tuple(_asked(one) for one in asked),
    )


def is_canonical(raw: bytes) -> bool:
    """Whether bytes that were read without error are in canonical form, bit by bit."""
    try:
        return bool(rfc8785.dumps(json.loads(raw)) == raw)
    except (rfc8785.CanonicalizationError, ValueError):
        return False


def _document(raw: bytes, form: str, members: set[str]) -> dict[str, Any]:
    if len(raw) > MOST_BYTES:
        raise DocumentError(f"larger than any document of ours ({len(raw)} bytes)")
    try:
        loaded = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_no_repeats, parse_constant=_no_constant, parse_int=_whole
        )
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"not JSON as RFC 8785 writes it: {type(error).__name__}") from error
    document = _object(loaded, "the document")
    if document.get("form") != form:
        raise DocumentError(f"its form is not {form}")
    if document.get("version") != VERSION or isinstance(document["version"], bool):
        raise DocumentError("a version of the form that this reader does not know")
    expected = members | {"form", "version", "entry"}
    if set(document) != expected:
        raise DocumentError(f"its members differ from the form's: {', '.join(sorted(set(document) ^ expected))[:100]}")
    return document


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number that no double holds")
    return int(digits)


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DocumentError(f"{name} is no object")
    return value


def _list(value: object, name: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise DocumentError(f"{name} is no list")
    return value


def _words(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise DocumentError(f"{name} is no text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DocumentError(f"{name} holds half a character") from error
    return value


def _truth(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise DocumentError(f"{name} is neither true nor false")
    return value


def _number(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise DocumentError(f"{name} is no whole number")
    return value


def _fear(value: object, name: str) -> int:
    found = _number(value, name)
    if found not in FEAR:
        raise DocumentError(f"{name} is not from 1 to 10")
    return found


def _uuid(value: object, name: str) -> UUID:
    try:
        found = UUID(_words(value, name))
    except ValueError as error:
        raise DocumentError(f"{name} is no id") from error
    if str(found) != value:
        raise DocumentError(f"{name} is no id")
    return found


def _moment(value: object, name: str) -> datetime:
    try:
        found = parsed(_words(value, name))
    except ValueError as error:
        raise DocumentError(f"{name} is no moment") from error
    if rendered(found) != value:
        raise DocumentError(f"{name} is no moment")
    return found


def _one_of(kinds: type[Any], value: object, name: str) -> Any:
    try:
        return kinds(_words(value, name))
    except ValueError as error:
        raise DocumentError(f"{name} is not one of the form's") from error


def _members(value: object, name: str, members: set[str]) -> dict[str, Any]:
    found = _object(value, name)
    if set(found) != members:
        raise DocumentError(f"the members of {name} differ from the form's")
    return found


def _when(value: object, name: str) -> When:
    found = _members(value, name, {"known", "day", "time", "words", "written"})
    written = _members_of_words(found["written"], f"{name}.written")
    return When(
        _one_of(Known, found["known"], f"{name}.known"),
        _optional(found["day"], _day, f"{name}.day"),
        _optional(found["time"], _time, f"{name}.time"),
        _optional(found["words"], _words, f"{name}.words"),
        written,
    )


def _members_of_words(value: object, name: str) -> dict[str, str]:
    found = _object(value, name)
    if not set(found) <= {"day", "month", "year", "time"}:
        raise DocumentError(f"{name} has other members than day, month, year and time")
    return {part: _words(words, name) for part, words in found.items()}


def _optional(value: object, read: Callable[[object, str], str], name: str) -> str | None:
    return None if value is None else read(value, name)


def _day(value: object, name: str) -> str:
    found = _words(value, name)
    try:
        whole = date.fromisoformat(f"{found}-01" if len(found) == len("2026-11") else found)
    except ValueError as error:
        raise DocumentError(f"{name} is no day") from error
    if not whole.isoformat().startswith(found):
        raise DocumentError(f"{name} is no day")
    return found


def _time(value: object, name: str) -> str:
    found = _words(value, name)
    try:
        clock = time.fromisoformat(found)
    except ValueError as error:
        raise DocumentError(f"{name} is no time of day") from error
    if clock.isoformat("minutes") != found:
        raise DocumentError(f"{name} is no time of day")
    return found


def _photos(value: object, name: str) -> tuple[Photo, ...]:
    found = _list(value, name)
    if len(found) > MOST_PHOTOS:
        raise DocumentError(f"{name} are more than {MOST_PHOTOS}")
    return tuple(_photo(one, name) for one in found)


def _photo(value: object, name: str) -> Photo:
    found = _members(value, name, {"acquisition", "sha256", "size_bytes", "media_type", "name"})
    digest = _words(found["sha256"], name)
    if _DIGEST.fullmatch(digest) is None:
        raise DocumentError(f"{name} names no SHA-256")
    return Photo(
        _uuid(found["acquisition"], name),
        digest,
        _number(found["size_bytes"], name),
        _words(found["media_type"], name),
        _optional(found["name"], _words, name),
    )


def _asked(value: object) -> Asked:
    found = _members(value, "a question", {"name", "asked", "answer"})
    answer = _optional(found["answer"], _words, "an answer")
    if answer not in {None, "yes", "no"}:
        raise DocumentError("an answer is neither yes nor no")
    return Asked(_words(found["name"], "a name"), _words(found["asked"], "a question"), answer)


_AFTER: Final[dict[str, Callable[[object, str], Answer]]] = {
    "effect": _words,
    "changed": _words,
    "fear": _fear,
    "kept": _words,
    "photos": _photos,
}
QUESTIONS: Final[Mapping[EntryKind, Mapping[str, Callable[[object, str], Answer]]]] = {
    EntryKind.INCIDENT: {
        "when": _when,
        "what": _words,
        "where": _words,
        "looked": _words,
        "sounded": _words,
        "wore": _words,
        "vehicle_make": _words,
        "vehicle_colour": _words,
        "vehicle_plate": _words,
        "witnesses": _words,
        **_AFTER,
    },
    EntryKind.CALL: {"when": _when, "number": _words, "answered": _truth, "said": _words, **_AFTER},
}
"""Every question of each kind of entry, in order, with what reads its answer."""
