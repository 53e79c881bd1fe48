"""Files that follow one another in the ZIP, kept in one file just as they will lie there, each behind its header.

A case has tens of thousands of small files below `data/items`. Each would cost a folder, a file, a second reading and a
place in memory; here they cost one line in a list on disk.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from archive.bag import WrittenFile
from archive.canonical_zip import ZipMember, ZipPart, local_header


class Section:
    """All files of the package whose names begin with one prefix, written in the order of their names."""

    def __init__(self, folder: Path, prefix: str) -> None:
        """Begin a section in a work folder.

        Args:
            folder: Where it lies until the package is closed.
            prefix: What the names of its files begin with, and no others.
        """
        self.prefix, self.files, self.octets, self._end = prefix, 0, 0, 0
        name = prefix.strip("/").replace("/", "-")
        self._contents, self._list = folder / f"{name}.part", folder / f"{name}.list"
        self._file, self._lines = self._contents.open("wb"), self._list.open("w", encoding="ascii")

    def write(self, name: str, content: Iterable[bytes], *, size: int) -> WrittenFile:
        """Write one file behind the others.

        Args:
            name: Its whole name in the package.
            content: Its bytes, piece by piece.
            size: How many they are to be; whoever gives too few or too many must not go on.

        Returns:
            What was written, with the digests taken on the way.
        """
        pieces, written, crc = iter(content), 0, 0
        sha256, sha512 = hashlib.sha256(), hashlib.sha512()
        first = next(pieces, b"")
        # What came whole has its CRC before it is written; of what comes in pieces the header is written a second time.
        header = local_header(ZipMember(name, size, zlib.crc32(first)))
        self._file.write(header)
        for piece in itertools.chain([first], pieces):
            self._file.write(piece)
            written, crc = written + len(piece), zlib.crc32(piece, crc)
            sha256.update(piece)
            sha512.update(piece)
        if written != len(first):
            self._file.seek(self._end)
            self._file.write(local_header(ZipMember(name, size, crc)))
            self._file.seek(0, os.SEEK_END)
        self._end += len(header) + written
        self.files, self.octets = self.files + 1, self.octets + written
        found = WrittenFile(name, written, crc, sha256.hexdigest(), sha512.hexdigest())
        self._lines.write(f"{found.size} {found.crc} {found.sha256} {found.sha512} {name}\n")
        return found

    def end(self) -> None:
        """Let nothing more be written."""
        self._file.close()
        self._lines.close()

    def __iter__(self) -> Iterator[WrittenFile]:
        """The files that were written, in order, once it is ended."""
        with self._list.open(encoding="ascii") as lines:
            for line in lines:
                size, crc, sha256, sha512, name = line.rstrip("\n").split(" ")
                yield WrittenFile(name, int(size), int(crc), sha256, sha512)

    def part(self) -> ZipPart:
        """What the ZIP takes over as it is."""
        return ZipPart(self._contents, (ZipMember(file.name, file.size, file.crc) for file in self))
