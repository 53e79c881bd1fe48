"""Two small pictures, drawn here: real PNG files that nobody ever photographed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

Colour: TypeAlias = tuple[int, int, int]

WIDTH, HEIGHT = 160, 120
SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
EIGHT_BIT_RGB: Final = bytes((8, 2, 0, 0, 0))


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of one colour: its left and upper edge, width and height in pixels."""

    left: int
    top: int
    width: int
    height: int
    colour: Colour


NIGHT, WALL, LAMP = (24, 28, 44), (74, 58, 52), (236, 206, 122)
DOOR: Final = (
    *(Block(0, 0, 160, 120, NIGHT), Block(20, 0, 120, 104, WALL), Block(0, 104, 160, 16, (58, 60, 66))),
    *(Block(58, 22, 44, 82, (30, 74, 62)), Block(66, 30, 28, 20, LAMP), Block(94, 64, 4, 6, (206, 186, 120))),
    *(Block(52, 100, 56, 6, (112, 108, 104)), Block(112, 92, 10, 10, (206, 168, 198)), Block(115, 84, 4, 8, LAMP)),
)
CAR: Final = (
    *(Block(0, 0, 160, 120, NIGHT), Block(0, 84, 160, 36, (52, 54, 60)), Block(136, 10, 4, 76, (90, 92, 98))),
    *(Block(128, 8, 14, 6, LAMP), Block(22, 58, 100, 24, (128, 34, 40)), Block(42, 42, 58, 18, (98, 26, 32))),
    *(Block(48, 46, 22, 12, (120, 140, 152)), Block(74, 46, 20, 12, (120, 140, 152)), Block(116, 64, 6, 6, LAMP)),
    *(Block(34, 76, 16, 14, (18, 18, 20)), Block(94, 76, 16, 14, (18, 18, 20)), Block(58, 72, 24, 8, (222, 204, 96))),
)
PICTURES: Final[Mapping[str, Sequence[Block]]] = {"door": DOOR, "car": CAR}


def drawn(name: str) -> bytes:
    """The picture of this name as a PNG file (ISO/IEC 15948): three colours of eight bits, no filter.

    Raises:
        KeyError: There is no picture of this name.
    """
    rows = [bytearray(3 * WIDTH) for _ in range(HEIGHT)]
    for block in PICTURES[name]:
        for row in rows[block.top : block.top + block.height]:
            row[3 * block.left : 3 * (block.left + block.width)] = bytes(block.colour) * block.width
    pixels = b"".join(b"\x00" + row for row in rows)
    header = struct.pack(">II", WIDTH, HEIGHT) + EIGHT_BIT_RGB
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(pixels, level=9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
