"""`winmail.dat`: what Exchange wraps a mail in for its own kind ([MS-OXTNEF]). Total and linear for any bytes.

A stream of attributes, each contiguous, so that every file in it is a slice of its bytes. The library for it can be
made to hang by four bytes (docs/decisions/0020), so this reader is our own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from intake.reading import limits
from intake.reading.model import Slice
from intake.reading.pieces import Known, Message, Piece, UnopenableError, head_of, texts_of
from intake.reading.transfer import decode_text

SIGNATURE: Final = b"\x78\x9f\x3e\x22"
"""How every TNEF stream begins."""

_U16: Final = struct.Struct("<H")
_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")
_HEAD: Final = struct.Struct("<BII")
_FILETIME_ZERO: Final = datetime(1601, 1, 1, tzinfo=UTC)
_IMESSAGE: Final = bytes.fromhex("0703020000000000c000000000000046")
# Attributes: the type in the upper half, as they stand in the stream.
_BODY, _SUBJECT = 0x800C, 0x8004
_RENDERING, _DATA, _TITLE, _ATTACHMENT, _PROPERTIES, _RECIPIENTS, _CODEPAGE = (
    0x9002, 0x800F, 0x8010, 0x9005, 0x9003, 0x9004, 0x9007,
)  # fmt: skip
_MOST: Final = 100_000
"""Attributes of a stream, and properties of one list."""
_FIXED: Final = {
    0x0000: 0, 0x0001: 0, 0x0002: 2, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, 0x000B: 2,
    0x0014: 8, 0x0040: 8, 0x0048: 16,
}  # fmt: skip
_STRING8, _STRING, _OBJECT, _BINARY = 0x001E, 0x001F, 0x000D, 0x0102
_MANY, _NAMED = 0x1000, 0x8000


@dataclass(frozen=True, slots=True)
class _Value:
    kind: int
    start: int
    data: bytes


@dataclass(slots=True)
class _File:
    """An attachment while its attributes come in."""

    title: str | None = None
    place: Slice | None = None
    properties: dict[int, _Value] = field(default_factory=dict)


def read_tnef(raw: bytes, depth: int = 0) -> Message:
    """The message in a TNEF stream.

    Raises:
        UnopenableError: these bytes are none; for any bytes, nothing else. What follows damage is not there.
    """
    if not raw.startswith(SIGNATURE):
        raise UnopenableError("not a winmail.dat")
    if depth > limits.NESTING:
        raise UnopenableError("Outlook messages nested deeper than the reader looks")
    charset = "cp1252"
    own: dict[int, _Value] = {}
    plain: dict[int, bytes] = {}
    people: list[dict[int, _Value]] = []
    files: list[_File] = []
    for name, start, data in _attributes(raw):
        if name == _RENDERING:
            files.append(_File())
        elif name in (_DATA, _TITLE, _ATTACHMENT):
            _add(files, name, start, data, charset)
        elif name == _PROPERTIES:
            own.update(_list(data, start, 0)[0])
        elif name == _RECIPIENTS:
            people = _table(data, start)
        elif name == _CODEPAGE and len(data) >= _U32.size:
            charset = f"cp{_U32.unpack_from(data)[0]}"
        else:
            plain[name] = data
    head, stands_in = head_of(_text(own, 0x007D, charset), _known(own, plain, people, charset))
    text = _text(own, 0x1000, charset) or _string(plain.get(_BODY), charset)
    return Message(
        head,
        texts_of(text, _html(own, charset)),
        tuple(piece for each in files if (piece := _piece(raw, each, charset, depth)) is not None),
        stands_in,
    )


def _attributes(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Name, offset and bytes of each attribute, up to the first that does not fit."""
    position = len(SIGNATURE) + 2
    for _ in range(_MOST):
        if position + _HEAD.size > len(raw):
            return
        _, name, length = _HEAD.unpack_from(raw, position)
        start = position + _HEAD.size
        if start + length > len(raw):
            return
        yield name & 0xFFFF, start, raw[start : start + length]
        position = start + length + 2  # a checksum


def _add(files: list[_File], name: int, start: int, data: bytes, charset: str) -> None:
    if not files:
        files.append(_File())
    if name == _DATA:
        files[-1].place = Slice(start, len(data), "")
    elif name == _TITLE:
        files[-1].title = _string(data, charset)
    else:
        files[-1].properties.update(_list(data, start, 0)[0])


def _list(data: bytes, base: int, position: int) -> tuple[dict[int, _Value], int]:
    """A list of properties, the first value of each, and where it ends. Ends early where it is damaged."""
    found: dict[int, _Value] = {}
    try:
        count = _U32.unpack_from(data, position)[0]
        position += 4
        for _ in range(min(count, _MOST)):
            kind, name = _U16.unpack_from(data, position)[0], _U16.unpack_from(data, position + 2)[0]
            position += 4
            if name >= _NAMED:
                position = _past_name(data, position)
            values, position = _values(data, base, kind, position)
            if values and name < _NAMED:
                found.setdefault(name, values)
    except (struct.error, UnopenableError):
        return found, len(data)
    return found, position


def _past_name(data: bytes, position: int) -> int:
    position += 16
    is_string = _U32.unpack_from(data, position)[0] == 1
    position += 4
    length = _U32.unpack_from(data, position)[0]
    return position + 4 + (_padded(length) if is_string else 0)


def _padded(length: int) -> int:
    return length + -length % 4


def _values(data: bytes, base: int, kind: int, position: int) -> tuple[_Value | None, int]:
    """The first value of a property that stands at `position`, and where the next property does."""
    many, kind = bool(kind & _MANY), kind & ~_MANY
    size = _FIXED.get(kind)
    if size is not None:
        count = 1
        if many:
            count = _U32.unpack_from(data, position)[0]
            position += 4
        return _Value(kind, base + position, data[position : position + size]), position + _padded(size * count)
    if kind not in (_STRING8, _STRING, _OBJECT, _BINARY):
        raise UnopenableError("a property of no known type")
    count = _U32.unpack_from(data, position)[0]
    position += 4
    first: _Value | None = None
    for _ in range(min(count, _MOST)):
        length = _U32.unpack_from(data, position)[0]
        position += 4
        if position + length > len(data):
            raise UnopenableError("a property that goes on past the end")
        first = first or _Value(kind, base + position, data[position : position + length])
        position += _padded(length)
    return first, position


def _table(data: bytes, start: int) -> list[dict[int, _Value]]:
    rows: list[dict[int, _Value]] = []
    position = 4
    while position < len(data) and len(rows) < limits.PARTS:
        row, position = _list(data, start, position)
        rows.append(row)
    return rows


def _known(own: dict[int, _Value], plain: dict[int, bytes], people: list[dict[int, _Value]], charset: str) -> Known:
    author = _person(own, (0x0042, 0x5D02, 0x0065), charset)
    if author == (None, None):
        author = _person(own, (0x0C1A, 0x5D01, 0x0C1F), charset)
    roles = [(_number(each, 0x0C15), _person(each, (0x3001, 0x39FE, 0x3003), charset)) for each in people]
    return Known(
        author=author,
        to=tuple(person for role, person in roles if role == 1),
        cc=tuple(person for role, person in roles if role == 2),  # noqa: PLR2004 - MAPI_CC
        subject=_text(own, 0x0037, charset) or _string(plain.get(_SUBJECT), charset),
        at=_moment(own, 0x0039) or _moment(own, 0x0E06),
    )


def _person(found: dict[int, _Value], ids: tuple[int, int, int], charset: str) -> tuple[str | None, str | None]:
    stated = (_text(found, each, charset) for each in ids[1:])
    return _text(found, ids[0], charset), next((each for each in stated if each and "@" in each), None)


def _piece(raw: bytes, found: _File, charset: str, depth: int) -> Piece | None:
    name = _text(found.properties, 0x3707, charset) or found.title or _text(found.properties, 0x3704, charset)
    value = found.properties.get(0x3701)
    place = found.place
    if value is not None:
        place = Slice(value.start, len(value.data), "")
        if value.data.startswith(_IMESSAGE):
            place = Slice(value.start + len(_IMESSAGE), len(value.data) - len(_IMESSAGE), "")
    if place is None:
        return None
    data = raw[place.offset : place.offset + place.length]
    if value is not None and value.data.startswith(_IMESSAGE):
        try:
            return Piece(data, "application/vnd.ms-tnef", name, place, read_tnef(data, depth + 1))
        except UnopenableError:
            pass  # kept as a file
    return Piece(data, _text(found.properties, 0x370E, charset) or "application/octet-stream", name, place)


def _text(found: dict[int, _Value], name: int, charset: str) -> str | None:
    value = found.get(name)
    if value is None or value.kind not in (_STRING, _STRING8):
        return None
    if value.kind == _STRING:
        return value.data.decode("utf-16-le", "replace").rstrip("\x00") or None
    return _string(value.data, charset)


def _string(data: bytes | None, charset: str) -> str | None:
    return None if data is None else decode_text(data.rstrip(b"\x00"), charset)[0] or None


def _html(found: dict[int, _Value], charset: str) -> str | None:
    value = found.get(0x1013)
    if value is None or value.kind != _BINARY:
        return _text(found, 0x1013, charset)
    codepage = _number(found, 0x3FDE)
    return _string(value.data, "utf-8" if codepage in (None, 65001) else f"cp{codepage}")


def _number(found: dict[int, _Value], name: int) -> int | None:
    value = found.get(name)
    return None if value is None or len(value.data) != _U32.size else int(_U32.unpack(value.data)[0])


def _moment(found: dict[int, _Value], name: int) -> datetime | None:
    value = found.get(name)
    if value is None or len(value.data) != _U64.size:
        return None
    try:
        return _FILETIME_ZERO + timedelta(microseconds=_U64.unpack(value.data)[0] // 10)
    except OverflowError:
        return None
