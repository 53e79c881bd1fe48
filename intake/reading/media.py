"""Pictures and recordings of a reading: its own bytes, or files that came in it. Beside the reading, never instead."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from intake.reading import limits
from intake.reading.containers import slice_bytes
from intake.reading.model import Attachment, Headers, Reading, Slice
from intake.reading.pictures import SECONDS, facts_of, words_in
from intake.reading.pieces import UnopenableError
from intake.reading.recordings import length_of

MEDIA_BYTES: Final = 64 * limits.MEBIBYTE
"""A larger picture or recording is not looked into."""
_FILES: Final = 10
"""Of one message."""
_TOGETHER_SECONDS: Final = 12.0
"""For the words of all pictures of one message."""
# A drawing of this kind is a document with scripts.
_NEVER: Final = frozenset({"image/svg+xml", "image/svg"})


def is_media(media_type: str) -> bool:
    """Whether something is said to be a picture or a recording that is looked into."""
    return media_type.startswith(("image/", "audio/")) and media_type not in _NEVER


@dataclass(slots=True)
class _Seen:
    facts: list[tuple[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    length_ms: int | None = None


def with_media(found: Reading, raw: bytes, media_type: str) -> Reading:
    """A reading with what is seen in the pictures and recordings it holds. Total.

    Args:
        found: The reading so far.
        raw: The acquisition's bytes.
        media_type: What they are said to be, without parameters.
    """
    seen = _Seen()
    ends_at = time.monotonic() + _TOGETHER_SECONDS
    if is_media(media_type) and 0 < len(raw) <= MEDIA_BYTES:
        seen.length_ms = _look(raw, media_type, "", seen, ends_at)
    for part, data in _parts(found, raw):
        _look(data, part.media_type, f"Attachment {part.index}: ", seen, ends_at)
    if not (seen.facts or seen.words):
        return found
    return replace(found, facts=_facts(seen), search_hint=" ".join(seen.words), length_ms=seen.length_ms)


def _look(data: bytes, media_type: str, before: str, seen: _Seen, ends_at: float) -> int | None:
    if media_type.startswith("image/"):
        seen.facts += [(before + name, value) for name, value in facts_of(data)]
        seconds = min(SECONDS, ends_at - time.monotonic())
        words = words_in(data, seconds=seconds) if seconds > 0 else ""
        seen.words += [words] if words else []
        return None
    length = length_of(data)
    if length is not None:
        seen.facts.append((f"{before}Length", f"{length / 1000:.1f} seconds"))
    return length


def _facts(seen: _Seen) -> Headers:
    return tuple(seen.facts)[: limits.HEADER_LINES]


def _parts(found: Reading, raw: bytes) -> Iterator[tuple[Attachment, bytes]]:
    """The first pictures and recordings among the files of a message."""
    media = [part for part in found.attachments if is_media(part.media_type) and 0 < part.size_bytes <= MEDIA_BYTES]
    for part in media[:_FILES]:
        slices = (*part.outer, Slice(part.offset, part.length, part.encoding))
        try:
            data = slice_bytes(raw, slices)
        except UnopenableError:
            continue
        yield part, data
