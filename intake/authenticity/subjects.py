"""Which messages an exhibit holds, each as the very bytes that were signed: the exhibit itself, and mails attached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from intake.authenticity.model import Subject
from intake.reading import PartMismatchError, part_bytes
from intake.reading.model import Reading, Slice
from intake.reading.outlook import COMPOUND

MESSAGES: Final = 20
"""Of one exhibit."""
MAIL_TYPES: Final = frozenset({"message/rfc822", "message/global"})
OUTLOOK = "{what} is an Outlook file: it keeps a message in a form of its own, on which no signature can be checked."
TOO_MANY = f"Only the first {MESSAGES} messages in it were judged."
MISMATCH = "Attachment {index} is not as it was read; it was not judged."


@dataclass(frozen=True, slots=True)
class Found:
    """One message in an exhibit: its place there, and its bytes."""

    of: Subject
    part: int | None
    place: tuple[Slice, ...]
    nested: bool
    raw: bytes = field(repr=False)


def messages_in(
    raw: bytes, found: Reading | None, *, channel: str, media_type: str
) -> tuple[tuple[Found, ...], tuple[str, ...]]:
    """The messages to be judged, originals first, and why others are not.

    Args:
        raw: The exhibit's bytes.
        found: Its reading, if there is one.
        channel: The door it came in by.
        media_type: What the door said that it is.
    """
    notes: list[str] = []
    originals = list(_attached(raw, found, notes)) if found else []
    if media_type.partition(";")[0].strip().lower() in MAIL_TYPES:
        is_original = channel != "email" or (found is not None and found.forward is not None and _resent(found))
        whole = Found("original" if is_original else "forward", None, (), nested=False, raw=raw)
        originals = [whole, *originals] if is_original else [*originals, whole]
    elif raw.startswith(COMPOUND):
        notes.append(OUTLOOK.format(what="This exhibit"))
    return tuple(originals), tuple(dict.fromkeys(notes))


def _resent(found: Reading) -> bool:
    return found.forward is not None and found.forward.rule == "resent"


def _attached(raw: bytes, found: Reading, notes: list[str]) -> Iterator[Found]:
    places: list[tuple[Slice, ...]] = []
    parts = [part for part in found.attachments if part.role == "original"]
    for part in parts[:MESSAGES]:
        try:
            data = part_bytes(raw, part)
        except PartMismatchError:
            notes.append(MISMATCH.format(index=part.index))
            continue
        place = (*part.outer, Slice(part.offset, part.length, part.encoding))
        nested = any(_within(place, other) for other in places)
        places.append(place)
        if data.startswith(COMPOUND):
            notes.append(OUTLOOK.format(what=f"Attachment {part.index}"))
        else:
            yield Found("original", part.index, place, nested, data)
    if len(parts) > MESSAGES:
        notes.append(TOO_MANY)


def _within(place: tuple[Slice, ...], other: tuple[Slice, ...]) -> bool:
    """Whether a place lies in another message's: inside what its slices lead to, or inside its last slice."""
    if place[: len(other)] == other:
        return len(place) > len(other)
    mine, theirs = place[len(other) - 1 : len(other)], other[-1]
    if place[: len(other) - 1] != other[:-1] or not mine:
        return False
    return theirs.offset <= mine[0].offset and mine[0].offset + mine[0].length <= theirs.offset + theirs.length
