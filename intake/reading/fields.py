"""Header fields: splitting a header block, RFC 2047 encoded words, RFC 2231 parameters. Total and linear for any bytes.

The modern header factory of the standard library reads the few fields whose grammar matters, inside a guard: it raises
for several real headers and is quadratic in others, so long values and its failures fall back to our own decoding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import HeaderRegistry
from typing import Final
from urllib.parse import unquote_to_bytes

from intake.reading import limits
from intake.reading.model import displayable
from intake.reading.transfer import decode_base64, decode_text

_FIELD: Final = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_FOLDING: Final = b" \t"
_ENCODED_WORD: Final = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\n]{0,5000})\?=")
_FACTORY: Final = HeaderRegistry()
_FACTORY_LIMIT: Final = 1_000
_QUERY_HEX: Final = re.compile(rb"=([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Block:
    """A header block: its fields in order, unfolded but undecoded, and where the body starts."""

    fields: tuple[tuple[str, bytes], ...]
    body_start: int
    defects: tuple[str, ...]
    by_name: Mapping[str, list[bytes]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named: dict[str, list[bytes]] = {}
        for key, value in self.fields:
            named.setdefault(key.lower(), []).append(value)
        object.__setattr__(self, "by_name", named)

    def first(self, name: str) -> bytes | None:
        """The first field of that name, in any case."""
        found = self.by_name.get(name.lower())
        return found[0] if found else None

    def every(self, name: str) -> list[bytes]:
        """Every field of that name, in order."""
        return list(self.by_name.get(name.lower(), ()))


def read_block(raw: bytes, start: int, end: int) -> Block:
    """The header block that starts at `start` of `raw`.

    A line that is neither a field, a continuation nor blank ends the block there (the body starts with it).
    """
    found: list[tuple[str, list[bytes]]] = []
    defects: list[str] = []
    position = start
    while position < end:
        newline = raw.find(b"\n", position, end)
        line_end = end if newline < 0 else newline + 1
        stripped = raw[position:line_end].rstrip(b"\r\n")
        if not stripped:
            position = line_end
            break
        if found and stripped[0] in _FOLDING:
            found[-1][1].append(stripped)
        elif match := _FIELD.match(stripped):
            found.append((match[1].decode("ascii"), [stripped[match.end() :]]))
        elif not (position == start and stripped.startswith((b"From ", b">From "))):
            defects.append("a header line without a colon")
            break
        position = line_end
        if len(found) > limits.HEADER_LINES:
            defects.append("more headers than the reader looks at")
            position = _after_blank_line(raw, position, end)
            break
    joined = tuple(
        (name, parts[0].strip(b" \t") if len(parts) == 1 else b" ".join(part.strip(b" \t") for part in parts))
        for name, parts in found
    )
    return Block(joined, position, tuple(defects))


def _after_blank_line(raw: bytes, position: int, end: int) -> int:
    match = re.compile(rb"\r?\n\r?\n").search(raw, position, end)
    return end if match is None else match.end()


def decode_field(value: bytes) -> str:
    """A field's value for display: 8-bit bytes as UTF-8 (else Windows-1252), encoded words decoded."""
    value = value[: limits.HEADER_CHARACTERS]
    if b"=?" not in value and value.isascii() and (plain := value.decode().strip()).isprintable():
        return plain  # nine fields in ten
    text, _ = decode_text(value, None)
    return displayable(decode_words(text).strip())


def decode_words(text: str) -> str:
    """RFC 2047: each encoded word decoded; whitespace between two neighbours dropped; anything malformed left as it is.

    Neighbours of one character set and encoding are joined before decoding: senders do split characters between words.
    """
    if "=?" not in text:
        return text
    pieces: list[str] = []
    pending: tuple[str, bytes] | None = None
    position = 0
    for match in _ENCODED_WORD.finditer(text):
        between = text[position : match.start()]
        charset, data = match[1].split("*")[0].lower(), _word_bytes(match[2].lower(), match[3])
        if pending is not None and not between.strip() and pending[0] == charset:
            pending = (charset, pending[1] + data)
        else:
            if pending is not None:
                pieces.append(decode_text(pending[1], pending[0])[0])
                between = between if between.strip() else ""
            pieces.append(between)
            pending = (charset, data)
        position = match.end()
    if pending is not None:
        pieces.append(decode_text(pending[1], pending[0])[0])
    return "".join(pieces) + text[position:]


def _word_bytes(encoding: str, word: str) -> bytes:
    data = word.encode("utf-8", "replace")
    if encoding == "b":
        return decode_base64(data)[0]
    return _QUERY_HEX.sub(lambda match: bytes([int(match[1], 16)]), data.replace(b"_", b" "))


def through_factory(name: str, value: bytes) -> object | None:
    """The field as the standard library's modern header object; None where it is too long for it, or it fails."""
    if len(value) > _FACTORY_LIMIT or value.count(b"(") > limits.DEPTH:
        return None
    text, _ = decode_text(value, None)
    try:
        header = _FACTORY(name, text)
        str(header)
    except Exception:  # noqa: BLE001 - IndexError, AttributeError, ValueError, RecursionError, ... for real mails
        return None
    return header


@dataclass(frozen=True, slots=True)
class Parameters:
    """A value with parameters, as in Content-Type and Content-Disposition. Values of parameters keep their case."""

    value: str
    parameters: dict[str, str]


def read_parameters(stated: bytes | None) -> Parameters:
    """A field's value, split at semicolons outside quotes; RFC 2231 continuations and charsets joined and decoded."""
    if stated is None:
        return Parameters("", {})
    text, _ = decode_text(stated[: limits.HEADER_CHARACTERS], None)
    head, *rest = _split_outside_quotes(text)
    plain: dict[str, str] = {}
    continued: dict[str, list[tuple[int, bool, str]]] = {}
    for piece in rest:
        name, equals, value = piece.partition("=")
        name, value = name.strip().lower(), _unquote(value.strip())
        base, star, suffix = name.partition("*")
        if star and equals:
            number = suffix.rstrip("*")
            continued.setdefault(base, []).append(
                (int(number) if number.isdecimal() else 0, suffix.endswith("*") or not suffix, value)
            )
        elif name and equals:
            plain.setdefault(name, decode_words(value))
    extended = {name: _join_continued(parts) for name, parts in continued.items()}
    return Parameters(head.strip().lower(), plain | extended)


def _split_outside_quotes(text: str) -> list[str]:
    if '"' not in text:
        return text.split(";")
    pieces: list[str] = []
    current: list[str] = []
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            pieces.append("".join(current))
            current = []
            continue
        current.append(character)
    pieces.append("".join(current))
    return pieces


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == '"':
        inside = value[1:-1] if value[-1] == '"' else value[1:]
        return re.sub(r"\\(.)", r"\1", inside)
    return value


def _join_continued(parts: list[tuple[int, bool, str]]) -> str:
    parts.sort(key=lambda part: part[0])
    charset: str | None = None
    data: list[bytes] = []
    for position, (_, is_encoded, value) in enumerate(parts):
        text = value
        if is_encoded and position == 0 and text.count("'") > 1:
            charset, _, text = text.split("'", 2)
        data.append(unquote_to_bytes(text) if is_encoded else text.encode("utf-8", "replace"))
    return decode_text(b"".join(data), charset or None)[0]
