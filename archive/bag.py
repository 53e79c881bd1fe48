"""The files of a BagIt bag in a work folder, digested while they are written, and their way into the ZIP."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785

from archive.canonical_zip import ZipMember, ZipPart, zip_pieces


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file in the work folder with the digests taken while it was written."""

    name: str
    size: int
    crc: int
    sha256: str
    sha512: str


def listing(files: Iterable[WrittenFile], algorithm: str) -> Iterator[bytes]:
    """The lines of a manifest (RFC 8493 2.1.3) in the order of the files; `algorithm` is sha256 or sha512."""
    return (f"{getattr(file, algorithm)}  {file.name}\n".encode() for file in files)


def close_zip(members: Iterable[ZipMember | ZipPart], out: Path) -> tuple[int, str]:
    """Pack members, in the order of their names, into a canonical ZIP, which takes its place only once it is complete.

    Returns:
        Its size in bytes and its sha256, taken while it was written.
    """
    unfinished = out.with_name(f"{out.name}.unfinished")
    size, sha256 = 0, hashlib.sha256()
    with unfinished.open("wb") as file:
        for piece in zip_pieces(members):
            file.write(piece)
            sha256.update(piece)
            size += len(piece)
    unfinished.replace(out)
    return size, sha256.hexdigest()


def canonical_line(value: Any) -> bytes:
    """One line of canonical JSON (RFC 8785)."""
    return rfc8785.dumps(value) + b"\n"


def write_file(folder: Path, name: str, content: Iterable[bytes]) -> WrittenFile:
    """Write one file, taking size, CRC-32 and digests on the way."""
    size = crc = 0
    sha256, sha512 = hashlib.sha256(), hashlib.sha512()
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for chunk in content:
            file.write(chunk)
            size, crc = size + len(chunk), zlib.crc32(chunk, crc)
            sha256.update(chunk)
            sha512.update(chunk)
    return WrittenFile(name, size, crc, sha256.hexdigest(), sha512.hexdigest())
