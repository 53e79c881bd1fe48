"""Write a ZIP in the one form that verifiers of evidence packages accept.

Stored entries in the order of their names, no date, no attribute, no comment, no extra field but ZIP64's where a size
or an offset needs it: equal contents give equal bytes, and no bit of the file is without meaning. The strict reader is
in `archive/verify.py`, which rebuilds each header for itself. Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Self

from archive.errors import DigestMismatchError, UnverifiablePackageError

CHUNK_BYTES = 1 << 20
ZIP64_FROM = 0xFFFFFFFF
ZIP64_COUNT_FROM = 0xFFFF
UTF8_NAMES = 0x0800
STORED = 0
PLAIN, ZIP64 = 20, 45
MIDNIGHT, FIRST_OF_1980 = 0, 0x21


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One file to be written: its name, and its content with the size and CRC-32 it is known to have."""

    name: str
    size: int
    crc: int
    content: Path | bytes = b""

    @classmethod
    def of(cls, name: str, content: Path | bytes) -> Self:
        """Make a member by reading its content once."""
        size = crc = 0
        for chunk in chunks(content):
            size, crc = size + len(chunk), zlib.crc32(chunk, crc)
        return cls(name, size, crc, content)


@dataclass(frozen=True, slots=True)
class ZipPart:
    """Members that were written one after another beforehand, each behind its header: where, and which they are."""

    path: Path
    members: Iterable[ZipMember]


def zip_pieces(given: Iterable[ZipMember | ZipPart]) -> Iterator[bytes]:
    """Yield the ZIP's bytes in order; members come in the order of their names. Memory does not grow with them.

    Raises:
        UnverifiablePackageError: Names are not in order, or one comes twice.
        DigestMismatchError: A content is no longer what it was when its CRC was taken, or a part has another length.
    """
    count, offset, before = 0, 0, ""
    with SpooledTemporaryFile(max_size=CHUNK_BYTES) as directory:
        for each in given:
            begun = offset
            for member in each.members if isinstance(each, ZipPart) else (each,):
                if member.name <= before:
                    raise UnverifiablePackageError(member.name, "it does not follow the name before it")
                directory.write(_central_header(member, offset))
                count, offset, before = count + 1, offset + len(local_header(member)) + member.size, member.name
            yield from _part(each, offset - begun) if isinstance(each, ZipPart) else _member(each)
        size = directory.tell()
        directory.seek(0)
        while piece := directory.read(CHUNK_BYTES):
            yield piece
    yield _end_records(count, size, offset)


def chunks(content: Path | bytes) -> Iterator[bytes]:
    """The content, piece by piece."""
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _part(part: ZipPart, expected: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks(part.path):
        yield chunk
        size += len(chunk)
    if size != expected:
        raise DigestMismatchError(part.path.name, f"{expected} bytes", f"{size} bytes")


def _member(member: ZipMember) -> Iterator[bytes]:
    yield local_header(member)
    size = crc = 0
    for chunk in chunks(member.content):
        yield chunk
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
    if (size, crc) != (member.size, member.crc):
        raise DigestMismatchError(member.name, f"crc32 {member.crc:08x}", f"crc32 {crc:08x}")


def local_header(member: ZipMember) -> bytes:
    """What stands before a member's content."""
    wide = member.size >= ZIP64_FROM
    extra = struct.pack("<HHQQ", 1, 16, member.size, member.size) if wide else b""
    name, size = member.name.encode("ascii"), 0xFFFFFFFF if wide else member.size
    return (
        struct.pack(
            "<4s5H3L2H",
            b"PK\x03\x04",
            ZIP64 if wide else PLAIN,
            UTF8_NAMES,
            STORED,
            MIDNIGHT,
            FIRST_OF_1980,
            member.crc,
            size,
            size,
            len(name),
            len(extra),
        )
        + name
        + extra
    )


def _central_header(member: ZipMember, offset: int) -> bytes:
    wide, far = member.size >= ZIP64_FROM, offset >= ZIP64_FROM
    values = [member.size, member.size] * wide + [offset] * far
    extra = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""
    name, version = member.name.encode("ascii"), ZIP64 if values else PLAIN
    size = 0xFFFFFFFF if wide else member.size
    return (
        struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            version,
            version,
            UTF8_NAMES,
            STORED,
            MIDNIGHT,
            FIRST_OF_1980,
            member.crc,
            size,
            size,
            len(name),
            len(extra),
            0,
            0,
            0,
            0,
            0xFFFFFFFF if far else offset,
        )
        + name
        + extra
    )


def _end_records(count: int, size: int, offset: int) -> bytes:
    many, large, far = count >= ZIP64_COUNT_FROM, size >= ZIP64_FROM, offset >= ZIP64_FROM
    wide = b""
    if many or large or far:
        wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, ZIP64, ZIP64, 0, 0, count, count, size, offset)
        wide += struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + size, 1)
    shown = 0xFFFF if many else count
    return wide + struct.pack(
        "<4s4H2LH",
        b"PK\x05\x06",
        0,
        0,
        shown,
        shown,
        0xFFFFFFFF if large else size,
        0xFFFFFFFF if far else offset,
        0,
    )
