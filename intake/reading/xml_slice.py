"""Tags and attributes out of a slice of an XML file, for reading only. Total: any bytes give what can be found in them.

Not an XML parser, on purpose: real backups hold character references that XML forbids (an emoji as two halves of a
surrogate pair, NUL) and every parser refuses the whole for one of them. No entity but XML's own five is known, so
nothing expands, and values have their places in the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from intake.reading import limits
from intake.reading.model import displayable
from intake.reading.transfer import decode_text

# Possessive throughout, and no value holds `<`: an unclosed quote ends at the next tag, so the whole is linear.
TAG: Final = re.compile(
    rb"<(?P<close>/?)(?P<name>[A-Za-z_][\w:.-]{0,60}+)(?P<rest>(?:[^\"'<>]++|\"[^\"<]*+\"|'[^'<]*+')*+)>", re.ASCII
)
_ATTRIBUTE: Final = re.compile(
    rb"(?<![\w:.-])(?P<name>[\w:.-]{1,100}+)\s*+=\s*+(?:\"(?P<double>[^\"<]*+)\"|'(?P<single>[^'<]*+)')", re.ASCII
)
_REFERENCE: Final = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));")
_NAMED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LAST_CHARACTER: Final = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Tag:
    """One start tag: its name, and where in `data` the value of each attribute lies (the first of each name)."""

    data: bytes = field(repr=False)
    charset: str
    name: str
    places: dict[str, tuple[int, int]]

    def value(self, name: str) -> str | None:
        """An attribute as text for display, references resolved; None where it is not there or says `null`."""
        place = self.places.get(name)
        if place is None:
            return None
        text = text_of(self.data[place[0] : min(place[1], place[0] + limits.HTML_CHARACTERS)], self.charset)
        return None if text == "null" else text


def tags_of(data: bytes, charset: str) -> Iterator[Tag]:
    """Every start tag, in order."""
    for match in TAG.finditer(data):
        if not match["close"]:
            yield Tag(data, charset, match["name"].decode(), _places(data, *match.span("rest")))


def _places(data: bytes, start: int, end: int) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    for match in _ATTRIBUTE.finditer(data, start, end):
        group = "single" if match["double"] is None else "double"
        places.setdefault(match["name"].decode(), match.span(group))
    return places


def text_of(value: bytes, charset: str) -> str:
    """A value's text: decoded, references resolved, halves of surrogate pairs joined; what is no character replaced."""
    text = _REFERENCE.sub(_character, _decoded(value, charset))
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return displayable(text)


def _decoded(value: bytes, charset: str) -> str:
    try:
        return value.decode("utf-8", "surrogatepass")  # some exporters write each half of a pair as three bytes
    except UnicodeDecodeError:
        return decode_text(value, charset)[0]


def _character(match: re.Match[str]) -> str:
    if match[3]:
        return _NAMED[match[3]]
    code = int(match[1]) if match[1] else int(match[2], 16)
    return chr(code) if code <= _LAST_CHARACTER else match[0]
