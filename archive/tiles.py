"""Tiles and entry bundles: the ledger as immutable objects that anyone's log client can read. Pure.

A tile of level L holds up to 256 hashes of tree nodes of level 8·L, an entry bundle up to 256 leaves. The last of each
is partial, and is named by its width, so that it too is written once: a wider one is another object.

Source: c2sp.org/tlog-tiles. Verified against its own examples (tests/archive/test_tiles.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archive.errors import ProofError
from archive.tlog import HASH_BYTES, Node

HEIGHT = 8
WIDTH = 1 << HEIGHT
ENTRIES = "entries"
LENGTH_BYTES = 2
MOST_LEAF_BYTES = (1 << 8 * LENGTH_BYTES) - 1


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile or entry bundle.

    Attributes:
        level: Tile level, 0 at the leaves; None for an entry bundle.
        index: Its number within the level.
        width: How many hashes or leaves it holds, 1 to 256; fewer than 256 is partial.
    """

    level: int | None
    index: int
    width: int

    @property
    def path(self) -> str:
        """Its path under the log's prefix: `tile/<L>/<N>[.p/<W>]`, or `tile/entries/<N>[.p/<W>]`."""
        level = ENTRIES if self.level is None else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_grouped(self.index)}{partial}"

    @property
    def nodes(self) -> list[Node]:
        """The tree nodes whose hashes it holds, left to right; of a bundle, the leaves' own."""
        level = HEIGHT * (self.level or 0)
        return [(level, self.index * WIDTH + place) for place in range(self.width)]


def _grouped(index: int) -> str:
    """Three digits a folder, all but the last marked by an x: 1234067 is `x001/x234/067`."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return "/".join(groups)


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """The tiles and bundles to write when a log whose tiles are written up to `old` leaves has grown to `new`.

    Full ones that were not full before, and the partial one at the end of each level that grew.
    """
    for level in (None, *range(_levels(new))):
        shift = HEIGHT * (level or 0)
        was, is_now = old >> shift, new >> shift
        for index in range(was // WIDTH, is_now // WIDTH):
            yield Tile(level, index, WIDTH)
        if (width := is_now % WIDTH) and is_now > was:
            yield Tile(level, is_now // WIDTH, width)


def _levels(size: int) -> int:
    """Tile levels that hold at least one hash."""
    return max(1, -(-size.bit_length() // HEIGHT)) if size else 0


def bundle(leaves: Iterable[bytes]) -> bytes:
    """An entry bundle: each leaf after its length as a big-endian uint16.

    Raises:
        ProofError: A leaf is too long for the format.
    """
    parts = []
    for leaf in leaves:
        if len(leaf) > MOST_LEAF_BYTES:
            raise ProofError("bundle", f"a leaf of {len(leaf)} bytes is longer than a bundle can hold")
        parts += [len(leaf).to_bytes(LENGTH_BYTES), leaf]
    return b"".join(parts)


def leaves_of(raw: bytes) -> list[bytes]:
    """The leaves of an entry bundle.

    Raises:
        ProofError: It is not one, or holds none or more than 256.
    """
    leaves, at = [], 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + LENGTH_BYTES])
        leaf = raw[at + LENGTH_BYTES : at + LENGTH_BYTES + length]
        at += LENGTH_BYTES + length
        leaves.append(leaf)
    if at != len(raw) or not 1 <= len(leaves) <= WIDTH:
        raise ProofError("bundle", "it is not 1 to 256 leaves, each after its length")
    return leaves


def hashes_of(raw: bytes) -> list[bytes]:
    """The hashes of a tile.

    Raises:
        ProofError: It is not one.
    """
    if not raw or len(raw) % HASH_BYTES or len(raw) > WIDTH * HASH_BYTES:
        raise ProofError("tile", "it is not 1 to 256 hashes of 32 bytes")
    return [raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)]
