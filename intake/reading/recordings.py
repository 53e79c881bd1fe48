"""How long a recording is, out of its own bytes; nothing is played or decoded."""

from __future__ import annotations

import io
import warnings
from typing import Final

_MILLISECONDS: Final = 1_000
_LONGEST_SECONDS: Final = 24 * 3600
_FRAME_MILLISECONDS: Final = 20
_MOST_FRAMES: Final = _LONGEST_SECONDS * 50
# Bytes of a frame by its kind, the kind's own included (RFC 4867, 5.3); a kind that is none ends the recording.
_AMR: Final = {
    b"#!AMR\n": (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1),
    b"#!AMR-WB\n": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1),
}


def length_of(raw: bytes) -> int | None:
    """Milliseconds; None where the bytes do not say, or say what cannot be. Total."""
    for mark, sizes in _AMR.items():
        if raw.startswith(mark):
            return _length_of_amr(raw, len(mark), sizes)
    return _length_by_tags(raw)


def _length_by_tags(raw: bytes) -> int | None:
    from tinytag import TinyTag

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seconds = TinyTag.get(file_obj=io.BytesIO(raw), tags=False, duration=True).duration
    except Exception:  # noqa: BLE001 - the edge: whatever a parser makes of hostile bytes, there is no length
        return None
    if seconds is None or not 0 < seconds < _LONGEST_SECONDS:
        return None
    return round(seconds * _MILLISECONDS)


def _length_of_amr(raw: bytes, start: int, sizes: tuple[int, ...]) -> int | None:
    frames, position = 0, start
    while position < len(raw) and frames < _MOST_FRAMES:
        size = sizes[raw[position] >> 3 & 0xF]
        if size == 0 or position + size > len(raw):
            break
        frames, position = frames + 1, position + size
    return frames * _FRAME_MILLISECONDS if 0 < frames < _MOST_FRAMES else None
