"""Zip files, opened within bounds: number of entries, their sizes unpacked, how tightly they are packed.

Nothing is written anywhere, no name in a zip is used as a path, and an entry that breaks a bound is passed over with
the reason: the zip itself is kept whole.
"""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import IO, Final, cast

from intake.reading import limits
from intake.reading.model import Slice
from intake.reading.pieces import UnopenableError

ZIPPED: Final = b"PK\x03\x04"
"""How a zip with anything in it begins."""
DEFLATED: Final = "zip;deflate"
"""A slice's encoding. No mail can state it: a semicolon ends what a header states."""

_DIRECTORY_ENTRY: Final = b"PK\x01\x02"
_LOCAL: Final = struct.Struct("<4s22xHH")
_ENCRYPTED: Final = 0x1
_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in a zip: its name for display, where its packed bytes lie, and why it is not unpacked (None: it is)."""

    name: str
    place: Slice
    size_bytes: int
    checksum: int
    why_not: str | None


def entries_in(raw: bytes | mmap, most_bytes: int = limits.UNPACKED_BYTES) -> tuple[Entry, ...]:
    """Every file in a zip, in its directory's order. Folders are no files.

    Args:
        raw: The zip.
        most_bytes: Of one entry, unpacked.

    Raises:
        UnopenableError: these bytes are no zip, or one with more entries than is looked at; nothing else.
    """
    # Before its directory is read, which is memory for each entry.
    if _has_too_many(raw):
        raise UnopenableError(f"a zip with more than {limits.ENTRIES} entries")
    try:
        file = io.BytesIO(raw) if isinstance(raw, bytes) else cast("IO[bytes]", raw)
        with warnings.catch_warnings(), zipfile.ZipFile(file) as packed:
            warnings.simplefilter("ignore")
            return tuple(_entry(raw, each, most_bytes) for each in packed.infolist() if not each.is_dir())
    except UnopenableError:
        raise
    except Exception as error:
        raise UnopenableError(f"a zip that is damaged ({type(error).__name__})") from error


def _has_too_many(raw: bytes | mmap) -> bool:
    if isinstance(raw, bytes):
        return raw.count(_DIRECTORY_ENTRY) > limits.ENTRIES
    found, position = 0, raw.find(_DIRECTORY_ENTRY, 0)
    while position >= 0 and found <= limits.ENTRIES:
        found, position = found + 1, raw.find(_DIRECTORY_ENTRY, position + 1)
    return found > limits.ENTRIES


def _entry(raw: bytes | mmap, found: zipfile.ZipInfo, most_bytes: int) -> Entry:
    start = max(found.header_offset, 0)
    head = raw[start : start + _LOCAL.size]
    why_not = _why_not(found, most_bytes)
    if len(head) < _LOCAL.size or not head.startswith(ZIPPED):
        return Entry(found.filename, Slice(0, 0, ""), found.file_size, found.CRC, "it is not where the zip says")
    _, name, extra = _LOCAL.unpack(head)
    encoding = "" if found.compress_type == zipfile.ZIP_STORED else DEFLATED
    place = Slice(start + _LOCAL.size + name + extra, found.compress_size, encoding)
    return Entry(found.filename, place, found.file_size, found.CRC, why_not)


def _why_not(found: zipfile.ZipInfo, most_bytes: int) -> str | None:
    if found.flag_bits & _ENCRYPTED:
        return "it is protected by a password"
    if found.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is packed in a way that is not known here"
    if found.file_size > most_bytes:
        return f"it has more than {most_bytes} bytes"
    if found.file_size > limits.MEBIBYTE and found.file_size > limits.RATIO * max(found.compress_size, 1):
        return "it is packed more tightly than any mail: it may be a zip bomb"
    return None


def entry_bytes(raw: bytes, entry: Entry) -> bytes:
    """An entry, unpacked and checked.

    Raises:
        UnopenableError: why it is not; nothing else.
    """
    if entry.why_not is not None:
        raise UnopenableError(entry.why_not)
    packed = raw[entry.place.offset : entry.place.offset + entry.place.length]
    data = inflate(packed, entry.size_bytes + 1) if entry.place.encoding == DEFLATED else packed
    if len(data) != entry.size_bytes or zlib.crc32(data) != entry.checksum:
        raise UnopenableError("it is damaged")
    return data


def entry_pieces(raw: bytes | mmap, entry: Entry) -> Iterator[bytes]:
    """An entry, unpacked piece by piece; that it is whole and undamaged shows when the last was taken.

    Raises:
        UnopenableError: why it is not; nothing else.
    """
    if entry.why_not is not None:
        raise UnopenableError(entry.why_not)
    size, checksum = 0, 0
    for piece in _unpacked(raw, entry.place):
        size, checksum = size + len(piece), zlib.crc32(piece, checksum)
        if size > entry.size_bytes:
            break
        yield piece
    if size != entry.size_bytes or checksum != entry.checksum:
        raise UnopenableError("it is damaged")


def entry_beginning(raw: bytes | mmap, entry: Entry, most: int) -> bytes:
    """The first bytes of an entry, unchecked; none where it cannot be unpacked."""
    packed = raw[entry.place.offset : entry.place.offset + min(entry.place.length, most)]
    if entry.why_not is not None:
        return b""
    try:
        return inflate(packed, most) if entry.place.encoding == DEFLATED else packed
    except UnopenableError:
        return b""


def _unpacked(raw: bytes | mmap, place: Slice) -> Iterator[bytes]:
    end = place.offset + place.length
    packed = (raw[start : min(start + _CHUNK, end)] for start in range(place.offset, end, _CHUNK))
    if place.encoding != DEFLATED:
        yield from packed
        return
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in packed:
            waiting = piece
            while waiting and not inflating.eof:
                yield inflating.decompress(waiting, _CHUNK)
                waiting = inflating.unconsumed_tail
        while left := inflating.decompress(b"", _CHUNK):
            yield left
    except zlib.error as error:
        raise UnopenableError("it is damaged") from error


def inflate(packed: bytes, most: int = limits.UNPACKED_BYTES) -> bytes:
    """Deflated bytes, unpacked up to `most`.

    Raises:
        UnopenableError: they are damaged.
    """
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    except zlib.error as error:
        raise UnopenableError("it is damaged") from error
