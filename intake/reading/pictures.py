"""What a picture tells besides its pixels (EXIF), and words that a program seems to see in it.

EXIF is kept as it stands there, value by value: a camera's clock and place are claims, and no event takes its time from
them. Words are by `tesseract`, where it is installed, and for searching alone: of a dark screen it gets none right.
For the bounded process: decoders of pictures are where hostile bytes strike.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from intake.reading import limits
from intake.reading.model import Headers, displayable
from intake.reading.preview import FORMATS, PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

SECONDS: Final = 8
"""Most that one picture is looked at for words."""
WORDS_CHARACTERS: Final = 20_000
_FACTS: Final = 100
_VALUE_CHARACTERS: Final = 300
_EXIF_PARTS: Final = {0x8769: "EXIF", 0x8825: "GPS"}
_POINTERS: Final = frozenset({0x8769, 0x8825, 0xA005, 0x927C})
"""Where other parts lie, and what a maker alone can read."""
_MADE_BY: Final = 0x010F
_LEAST_EDGE: Final = 200
_MOST_EDGE: Final = 2600
_DARK: Final = 110
_MEMORY_BYTES: Final = 768 * limits.MEBIBYTE


def facts_of(raw: bytes) -> Headers:
    """Size and EXIF of a picture, by name; none of bytes that are no picture we open. Total."""
    try:
        with _opened(raw) as found:
            return (("Pixels", f"{found.width} x {found.height}"), *_exif(found))[:_FACTS]
    except Exception:  # noqa: BLE001 - the edge: whatever a decoder makes of hostile bytes, there are no facts
        return ()


def words_in(raw: bytes, *, seconds: float = SECONDS) -> str:
    """Words that `tesseract` sees in a picture; none where it is not installed, sees none, or takes too long. Total.

    A picture that names the camera it was taken with is a photograph, and is not looked at.
    """
    program = shutil.which("tesseract", path=os.defpath)
    if program is None:
        return ""
    try:
        with _opened(raw) as found:
            if found.getexif().get(_MADE_BY) or min(found.size) < _LEAST_EDGE:
                return ""
            clear = _made_clear(found)
    except Exception:  # noqa: BLE001 - as above
        return ""
    return _words(program, clear, seconds)


@contextmanager
def _opened(raw: bytes) -> Iterator[Image]:
    from PIL import Image

    with warnings.catch_warnings(), Image.open(io.BytesIO(raw), formats=FORMATS) as found:
        warnings.simplefilter("ignore")
        if found.width * found.height > PIXELS:
            raise ValueError(found.size)
        yield found


def _exif(found: Image) -> Headers:
    from PIL.ExifTags import GPSTAGS, TAGS

    whole = found.getexif()
    parts: list[tuple[str, dict[int, Any], dict[int, str]]] = [("EXIF", dict(whole), TAGS)]
    for place, name in _EXIF_PARTS.items():
        with contextlib.suppress(Exception):  # one damaged part keeps no other back
            parts.append((name, dict(whole.get_ifd(place)), GPSTAGS if name == "GPS" else TAGS))
    return tuple(
        (f"{part} {names.get(tag, hex(tag))}", shown)
        for part, values, names in parts
        for tag, value in values.items()
        if tag not in _POINTERS and (shown := _shown(value))
    )


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, tuple):
        value = " ".join(map(str, value[:_FACTS]))
    return displayable(str(value)).strip("\u2400 \t\r\n")[:_VALUE_CHARACTERS]


def _made_clear(found: Image) -> bytes:
    """The picture as dark letters on light: pixels alone, so that nothing but they reaches the program."""
    from PIL import Image, ImageOps

    found.thumbnail((_MOST_EDGE, _MOST_EDGE))
    grey = ImageOps.exif_transpose(found).convert("L")
    counts = grey.histogram()
    if sum(level * count for level, count in enumerate(counts)) < _DARK * sum(counts):
        grey = ImageOps.invert(grey)
    plain = Image.new("L", grey.size)
    plain.paste(grey)
    out = io.BytesIO()
    plain.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _words(program: str, picture: bytes, seconds: float) -> str:
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(
            [program, "stdin", "stdout", "--psm", "6"],
            input=picture,
            capture_output=True,
            timeout=seconds,
            env=environment,
            cwd="/",
            check=True,
            preexec_fn=_limit,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    words = displayable(done.stdout.decode("utf-8", "replace"))
    return " ".join(words.split())[:WORDS_CHARACTERS]


def _limit() -> None:
    """Of the program itself: it must not outlive a reading that is ended."""
    for kind, most in ((resource.RLIMIT_CPU, SECONDS + 1), (resource.RLIMIT_AS, _MEMORY_BYTES)):
        resource.setrlimit(kind, (most, most))
