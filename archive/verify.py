"""Verify a Holdfast evidence package without Holdfast.

    python verify.py PACKAGE.zip --policy POLICY [--earlier NOTE]... [--tsa-roots PEM] [--require-timestamps N] [--json]

This one file needs Python 3.9 or later, for timestamp tokens the program `openssl` (1.1.1 or later), and nothing
else. It opens no network connection, writes nothing but lists of its own and openssl's input, into temporary files,
and renders no evidence. It trusts nothing that the package brings: the policy (whose signatures count) is yours, and
this program should come from somewhere else than the package, too. Exit code 0: verified. 1: not verified (the first
fault is named with its step and its place), or no policy was given. 2: not readable as a package at all.

The plan, one numbered section each; every step raises at the first fault and names the exact item:

 1 ZIP form      one canonical form: no bit of the file is without meaning, nothing is hidden between or behind
 2 Manifests     every file is listed with its digests, and nothing else is there (BagIt, RFC 8493)
 3 Checkpoints   the ledger's size and root hash, signed by a log that the policy trusts, cosigned by its witnesses
 4 Consistency   each checkpoint only adds to the one before it, also to those you hold from earlier packages
 5 Entries       each custody entry is in the ledger under the newest checkpoint (RFC 9162), with its own payload
 6 Streams       the entries of the case and of each exhibit are complete, unbroken, and end in this export
 7 Items         each exhibit's bytes are those whose digests the ledger recorded on receipt; none is missing or added
 8 Binding       every other file is the one that the export's own custody entry names by digest
 9 Timestamps    authorities vouch for when checkpoints were there, and the archive's clock fits (RFC 3161, RFC 5816)

The hashing, the notes and the policy are written here a second time, apart from the archive's own code, on purpose: a
check that shares its code with the checked would share its mistakes. What grows with the package (lists of its files
and streams) lies in a temporary table on disk: memory depends neither on its size nor on how many items and entries it
has. Contents are digested in threads, one for each core up to four; everything else is done one after another.
"""

# ruff: noqa: PLR2004 - the numbers are the widths and marks of published formats, named where they stand
from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

TITLES = {
    1: "ZIP form",
    2: "Manifests",
    3: "Checkpoints",
    4: "Consistency",
    5: "Entries",
    6: "Streams",
    7: "Items",
    8: "Binding",
    9: "Timestamps",
}
CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 16 << 20
MAX_DIRECTORY_BYTES = 1 << 30
MAX_TEXT_BYTES = 1 << 20


class VerificationError(Exception):
    """The package is not what it should be: at this step, in this item, for this reason."""

    def __init__(self, step: int, item: str, reason: str) -> None:
        super().__init__(step, item, reason)
        self.step, self.item, self.reason = step, item, reason

    def __str__(self) -> str:
        return f"step {self.step} ({TITLES[self.step]}), {self.item}: {self.reason}"


class UnreadableError(Exception):
    """What was given cannot be read at all: no file, not a ZIP, not a policy."""

    def __init__(self, item: str, reason: str) -> None:
        super().__init__(item, reason)
        self.item, self.reason = item, reason

    def __str__(self) -> str:
        return f"{self.item}: {self.reason}"


@dataclass(frozen=True)
class Step:
    """One numbered step that held, and what it found."""

    number: int
    title: str
    found: str


@dataclass(frozen=True)
class Verdict:
    """What was established. `state` is "verified", or "consistent" where no policy said whose signatures count."""

    state: str
    steps: tuple[Step, ...]
    not_checked: tuple[str, ...]
    meaning: str
    facts: dict[str, Any]


def verify(
    zip_path: str | Path,
    policy_text: str | bytes | None,
    *,
    earlier: Sequence[bytes] = (),
    tsa_roots: bytes | None = None,
    require_timestamps: int = 0,
) -> Verdict:
    """Carry out the plan on one package.

    Args:
        zip_path: The package.
        policy_text: A c2sp.org/tlog-policy from a source you trust, or None to check everything but signatures.
        earlier: Signed notes (checkpoints) kept from earlier packages, which this one must continue.
        tsa_roots: Certificates, PEM, of the timestamp authorities you trust. Where None, those that the policy names by
            digest count, and their certificates may be the package's own copy.
        require_timestamps: How many authorities must vouch for the time of the newest checkpoint, if more than the
            policy asks for.

    Raises:
        VerificationError: At the first fault.
        UnreadableError: The file is missing or is no ZIP, or the policy is none.
    """
    policy = Policy(policy_text) if policy_text is not None else None
    try:
        with Path(zip_path).open("rb") as file, closing(Bag(file)) as bag:
            return _carry_out(bag, Given(policy, earlier, tsa_roots, require_timestamps))
    except OSError as error:
        raise UnreadableError(str(zip_path), error.strerror or "cannot be read") from error


@dataclass(frozen=True)
class Given:
    """What the reader brings from outside the package."""

    policy: Policy | None
    earlier: Sequence[bytes]
    tsa_roots: bytes | None
    require_timestamps: int


@dataclass
class Run:
    """What the steps have established."""

    given: Given
    checkpoints: list[Checkpoint]
    streams: Streams
    exported: dict[str, Any]
    withheld_items: list[str]
    stamps: Stamps


def _carry_out(bag: Bag, given: Given) -> Verdict:
    found: dict[int, str] = {}
    try:
        run = _steps(bag, found, given)
    except (VerificationError, UnreadableError, OSError):
        raise
    except Exception as error:  # fail closed: what no check foresaw is a fault of the package, not a crash
        reason = f"it is malformed in a way that no check foresaw ({type(error).__name__})"
        raise VerificationError(len(found) + 1, "the package", reason) from error
    steps = tuple(Step(number, TITLES[number], found[number]) for number in sorted(found))
    state = "consistent" if given.policy is None else "verified"
    return Verdict(state, steps, tuple(_not_checked(run)), _meaning(run), _facts(run))


def _steps(bag: Bag, found: dict[int, str], given: Given) -> Run:
    found[1] = check_zip_form(bag)
    found[2] = check_manifests(bag)
    checkpoints, found[3] = check_checkpoints(bag, given.policy)
    found[4] = check_consistency(bag, checkpoints, given.policy, given.earlier)
    # Steps 5 and 6 go hand in hand: each entry is proved, then followed in its stream, and forgotten.
    streams, anchors = read_streams(bag), read_anchors(bag, checkpoints[-1])
    clocks = Clocks([checkpoint.size for checkpoint in checkpoints], [anchor.index for anchor in anchors])
    exported = check_streams(streams, check_entries(bag, checkpoints[-1], Withheld(bag), clocks))
    found[5] = f"{streams.entries} entries are in the ledger of {checkpoints[-1].size}, each with its own payload"
    found[6] = f"{1 + streams.exhibits} streams, complete and unbroken up to this export"
    withheld_items = check_items(bag, streams)
    found[7] = f"{streams.exhibits} items, each as the ledger recorded it on receipt"
    found[8] = check_binding(bag, exported)
    stamps, found[9] = check_timestamps(bag, checkpoints, given, anchors, clocks)
    return Run(given, checkpoints, streams, exported, withheld_items, stamps)


def _facts(run: Run) -> dict[str, Any]:
    newest, exported = run.checkpoints[-1], run.exported
    return {
        "package_id": exported["package_id"],
        "edition": exported["edition"],
        "case": run.streams.case.label,
        "case_reference": run.streams.case.reference,
        "snapshot_at": exported["snapshot_at"],
        "exported_at": exported["at"],
        "origin": newest.origin,
        "ledger_size": newest.size,
        "ledger_root": newest.root.hex(),
        "signed_by": newest.signed_by,
        "witnesses": newest.witnesses,
        "items": run.streams.exhibits,
        "entries": run.streams.entries,
        "tokens": len(run.stamps.authorities),
        "timestamps": [
            {"checkpoint": stamp.size, "authority": stamp.authority, "time": _moment(stamp.time)}
            for stamp in run.stamps.checked
        ],
    }


# --- 1 ZIP form -------------------------------------------------------------------------------------------------------

ZIP64_FROM = 0xFFFFFFFF
ZIP64_COUNT_FROM = 0xFFFF
MARK32, MARK16 = 0xFFFFFFFF, 0xFFFF
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
MAX_NAME = 240
# A directory entry with the longest name that its length could state, and the extra field of ZIP64.
MAX_ENTRY_BYTES = 46 + 0xFFFF + 28
MAX_THREADS, MAX_BATCH, MAX_BATCH_BYTES = 4, 64, 4 << 20
# 1980-01-01 00:00:00, the first moment a ZIP can name: the package's own times are in the ledger.
DOS_TIME, DOS_DATE = 0, 0x21
UTF8_FLAG = 0x0800


class Member(NamedTuple):
    """One file in the ZIP: where its bytes are, what the ZIP says of them, and after step 1 their digests."""

    number: int
    name: str
    size: int
    crc: int
    header_offset: int
    sha256: bytes = b""
    sha512: bytes = b""

    @property
    def offset(self) -> int:
        """Where the content begins."""
        return self.header_offset + len(local_header(self.name, self.crc, self.size))


MEMBERS = """
CREATE TABLE member (number INTEGER PRIMARY KEY, name TEXT, size INTEGER, crc INTEGER, header_offset INTEGER);
CREATE UNIQUE INDEX member_by_name ON member (name);
CREATE TABLE digest (number INTEGER PRIMARY KEY, sha256 BLOB, sha512 BLOB);
CREATE TABLE folder (name TEXT PRIMARY KEY) WITHOUT ROWID;
"""
MEMBER = "SELECT number, name, size, crc, header_offset, sha256, sha512 FROM member JOIN digest USING (number)"
MAX_INTEGER = 2**63 - 1


class Bag:
    """The opened package: the list of its members, and after step 1 the digests of their contents."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.lock = file, threading.Lock()
        self.tables = open_tables()
        self.tables.executescript(MEMBERS)

    def close(self) -> None:
        """Forget what was listed."""
        self.tables.close()

    def find(self, name: str) -> Member | None:
        """The member of this name, if it is there."""
        row = self.tables.execute(f"{MEMBER} WHERE name = ?", (name,)).fetchone()
        return Member(*row) if row else None

    def require(self, step: int, name: str) -> Member:
        """The member of this name."""
        member = self.find(name)
        if member is None:
            raise VerificationError(step, name, "it is missing from the package")
        return member

    def within(self, prefix: str) -> Iterator[Member]:
        """The members whose names begin so, in order."""
        rows = self.tables.execute(f"{MEMBER} WHERE name >= ? AND name < ? ORDER BY name", _range(prefix))
        return (Member(*row) for row in rows)

    def without(self, prefix: str) -> Iterator[Member]:
        """The members whose names do not begin so, in order."""
        rows = self.tables.execute(f"{MEMBER} WHERE NOT (name >= ? AND name < ?) ORDER BY name", _range(prefix))
        return (Member(*row) for row in rows)

    def at(self, offset: int, size: int) -> bytes:
        """So many bytes of the file, or what there is of them; safe to call from several threads."""
        with self.lock:
            return _read_at(self.file, offset, size)

    def chunks(self, member: Member) -> Iterator[bytes]:
        """A member's bytes, piece by piece."""
        position, left = member.offset, member.size
        while left:
            chunk = self.at(position, min(CHUNK_BYTES, left))
            if not chunk:
                raise VerificationError(1, member.name, "the file ends in the middle of it")
            position, left = position + len(chunk), left - len(chunk)
            yield chunk

    def lines(self, step: int, name: str) -> Iterator[bytes]:
        """A member's lines without their line feeds."""
        rest = b""
        for chunk in self.chunks(self.require(step, name)):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
            if len(rest) > MAX_LINE_BYTES:
                raise VerificationError(step, name, f"a line is longer than {MAX_LINE_BYTES} bytes")
        if rest:
            raise VerificationError(step, name, "the last line does not end")

    def text(self, step: int, name: str) -> bytes:
        """All of a small member."""
        return self.content(step, self.require(step, name))

    def content(self, step: int, member: Member) -> bytes:
        """All of a small member that was found already."""
        if member.size > MAX_TEXT_BYTES:
            raise VerificationError(step, member.name, f"it is longer than {MAX_TEXT_BYTES} bytes")
        return b"".join(self.chunks(member))


def open_tables() -> sqlite3.Connection:
    """A private database without a name: what does not fit into a megabyte lies in a temporary file until the end."""
    tables = sqlite3.connect("", isolation_level=None)
    for setting in ("cache_size = -1024", "journal_mode = OFF", "synchronous = OFF"):
        tables.execute(f"PRAGMA {setting}")
    tables.execute("BEGIN")
    return tables


def _range(prefix: str) -> tuple[str, str]:
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


def check_zip_form(bag: Bag) -> str:
    """Accept exactly one form of ZIP: every header is rebuilt from name, CRC, size and place, and compared."""
    count, directory_offset, directory_size = _read_end(bag.file)
    listed = _directory(bag.file, count, directory_offset, directory_size)
    bag.tables.executemany("INSERT INTO member VALUES (?, ?, ?, ?, ?)", listed)
    _check_collisions(bag)
    for batch, digests in _digested(bag):
        rows = ((member.number, *pair) for member, pair in zip(batch, digests))  # noqa: B905 - not in Python 3.9
        bag.tables.executemany("INSERT INTO digest VALUES (?, ?, ?)", rows)
    (total,) = bag.tables.execute("SELECT coalesce(sum(size), 0) FROM member").fetchone()
    return f"{count} files of {total} bytes, in canonical form"


def _read_end(file: BinaryIO) -> tuple[int, int, int]:
    length = file.seek(0, 2)
    end = _read_at(file, max(0, length - 98), 98)
    if len(end) < 22 or end[-22:-18] != b"PK\x05\x06":
        if _read_at(file, 0, 4) != b"PK\x03\x04":
            raise UnreadableError("the file", "it is not a ZIP")
        raise VerificationError(1, "end of the ZIP", "it is cut off, or something follows it")
    count, size, offset = struct.unpack("<HLL", end[-12:-2])
    if len(end) == 98 and end[:4] == b"PK\x06\x06" and (count == MARK16 or MARK32 in (size, offset)):
        count64, size64, offset64 = struct.unpack("<3Q", end[32:56])
        count = count64 if count == MARK16 else count
        size, offset = (size64 if size == MARK32 else size), (offset64 if offset == MARK32 else offset)
    expected = end_records(count, size, offset)
    if end[-len(expected) :] != expected or offset + size + len(expected) != length:
        raise VerificationError(1, "end of the ZIP", "it is not in canonical form, or the file was cut or extended")
    if size > MAX_DIRECTORY_BYTES:
        raise VerificationError(1, "end of the ZIP", f"the directory is larger than {MAX_DIRECTORY_BYTES} bytes")
    return count, offset, size


def _directory(file: BinaryIO, count: int, directory_offset: int, size: int) -> Iterator[tuple[Any, ...]]:
    """The entries of the directory, read in pieces: number, name, size, CRC and offset of each member."""
    start = position = offset = 0
    piece, before = b"", ""
    for number in range(count):
        if position + MAX_ENTRY_BYTES > len(piece) and start + len(piece) < size:
            start, position = start + position, 0
            piece = _read_at(file, directory_offset + start, min(CHUNK_BYTES, size - start))
        name, member_size, crc = _parse_central(piece, position, number)
        expected = central_header(name, crc, member_size, offset)
        if piece[position : position + len(expected)] != expected:
            raise VerificationError(1, name, "its directory entry is not in canonical form")
        _check_name(name, before)
        # Where these are too large for the table, the end of the ZIP is not where it should be.
        yield number, name, min(member_size, MAX_INTEGER), crc, min(offset, MAX_INTEGER)
        offset += len(local_header(name, crc, member_size)) + member_size
        position, before = position + len(expected), name
    if start + position != size or offset != directory_offset:
        raise VerificationError(1, "end of the ZIP", "there are bytes that belong to no file")


def _parse_central(directory: bytes, position: int, number: int) -> tuple[str, int, int]:
    fixed = directory[position : position + 46]
    if len(fixed) < 46 or fixed[:4] != b"PK\x01\x02":
        raise VerificationError(1, f"directory entry {number}", "it is not one")
    crc, _, size, name_length = struct.unpack("<LLLH", fixed[16:30])
    raw = directory[position + 46 : position + 46 + name_length]
    if size == MARK32:
        extra = directory[position + 46 + name_length :][:12].ljust(12)
        size = struct.unpack("<Q", extra[4:12])[0]
    try:
        return raw.decode("ascii"), size, crc
    except UnicodeDecodeError:
        raise VerificationError(1, f"directory entry {number}", f"the name {raw!r} is not plain") from None


def _check_name(name: str, before: str) -> None:
    if not NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise VerificationError(1, name, "a name that is not plain, or leads out of the package")
    if name <= before:
        raise VerificationError(1, name, "it is there twice, or not in order")


def _check_collisions(bag: Bag) -> None:
    """On no file system may one file hide another: names differ in more than case, and none is another's folder."""
    bag.tables.executemany("INSERT OR IGNORE INTO folder VALUES (?)", _folders(bag))
    alike = "SELECT 1 FROM member GROUP BY lower(name) HAVING count(*) > 1 LIMIT 1"
    within = "SELECT 1 FROM member JOIN folder ON folder.name = lower(member.name) LIMIT 1"
    if bag.tables.execute(f"SELECT EXISTS ({alike}) OR EXISTS ({within})").fetchone() == (0,):
        return
    is_folder, seen = "SELECT 1 FROM folder WHERE name = ?", set()
    for name, lower in bag.tables.execute("SELECT name, lower(name) FROM member ORDER BY name"):
        if lower in seen or bag.tables.execute(is_folder, (lower,)).fetchone():
            raise VerificationError(1, name, "unpacked, it would collide with another file")
        seen.add(lower)


def _folders(bag: Bag) -> Iterator[tuple[str]]:
    before = ""
    for (name,) in bag.tables.execute("SELECT lower(name) FROM member ORDER BY name"):
        folder = name.rpartition("/")[0]
        if folder != before:
            yield from ((folder[:at],) for at, letter in enumerate(folder + "/") if letter == "/")
        before = folder


def _digested(bag: Bag) -> Iterator[tuple[list[Member], list[tuple[bytes, bytes]]]]:
    """Batches of members with their digests, in order: while one batch is awaited, threads are at the next ones."""
    threads = min(MAX_THREADS, os.cpu_count() or 1)
    waiting: deque[tuple[list[Member], Any]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for batch in _batches(bag):
            waiting.append((batch, pool.submit(lambda some: [_digest(bag, member) for member in some], batch)))
            if len(waiting) > 2 * threads:
                members, digests = waiting.popleft()
                yield members, digests.result()
        for members, digests in waiting:
            yield members, digests.result()


def _batches(bag: Bag) -> Iterator[list[Member]]:
    batch: list[Member] = []
    size = 0
    for row in bag.tables.execute("SELECT number, name, size, crc, header_offset FROM member ORDER BY number"):
        batch.append(Member(*row))
        size += batch[-1].size
        if len(batch) >= MAX_BATCH or size >= MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _digest(bag: Bag, member: Member) -> tuple[bytes, bytes]:
    header = local_header(member.name, member.crc, member.size)
    first = bag.at(member.header_offset, len(header) + min(member.size, CHUNK_BYTES))
    if first[: len(header)] != header:
        raise VerificationError(1, member.name, "its header is not in canonical form")
    chunk = memoryview(first)[len(header) :]
    sha256, sha512, crc, position = hashlib.sha256(chunk), hashlib.sha512(chunk), zlib.crc32(chunk), len(first)
    left = member.size - len(chunk)
    while left:
        more = bag.at(member.header_offset + position, min(CHUNK_BYTES, left))
        if not more:
            raise VerificationError(1, member.name, "the file ends in the middle of it")
        sha256.update(more)
        sha512.update(more)
        crc, position, left = zlib.crc32(more, crc), position + len(more), left - len(more)
    if crc != member.crc:
        raise VerificationError(1, member.name, "its bytes are damaged: they do not have the CRC-32 in the ZIP")
    return sha256.digest(), sha512.digest()


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def local_header(name: str, crc: int, size: int) -> bytes:
    """The only accepted header before a file's bytes (PKWARE APPNOTE 4.3.7)."""
    big = size >= ZIP64_FROM
    extra = struct.pack("<HHQQ", 1, 16, size, size) if big else b""
    short = MARK32 if big else size
    fixed = (45 if big else 20, UTF8_FLAG, 0, DOS_TIME, DOS_DATE, crc, short, short, len(name), len(extra))
    return b"PK\x03\x04" + struct.pack("<5H3L2H", *fixed) + name.encode() + extra


def central_header(name: str, crc: int, size: int, offset: int) -> bytes:
    """The only accepted directory entry of a file (APPNOTE 4.3.12)."""
    big, far = size >= ZIP64_FROM, offset >= ZIP64_FROM
    wide = (struct.pack("<QQ", size, size) if big else b"") + (struct.pack("<Q", offset) if far else b"")
    extra = struct.pack("<HH", 1, len(wide)) + wide if wide else b""
    version, short = (45 if wide else 20), (MARK32 if big else size)
    fixed = (version, version, UTF8_FLAG, 0, DOS_TIME, DOS_DATE, crc, short, short, len(name), len(extra), 0, 0, 0)
    place = (0, MARK32 if far else offset)
    return b"PK\x01\x02" + struct.pack("<6H3L5H", *fixed) + struct.pack("<2L", *place) + name.encode() + extra


def end_records(count: int, size: int, offset: int) -> bytes:
    """The only accepted end of the ZIP (APPNOTE 4.3.14 to 4.3.16)."""
    wide = b""
    if count >= ZIP64_COUNT_FROM or size >= ZIP64_FROM or offset >= ZIP64_FROM:
        wide = b"PK\x06\x06" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, count, count, size, offset)
        wide += b"PK\x06\x07" + struct.pack("<LQL", 0, offset + size, 1)
    count = MARK16 if count >= ZIP64_COUNT_FROM else count
    size, offset = (MARK32 if size >= ZIP64_FROM else size), (MARK32 if offset >= ZIP64_FROM else offset)
    return wide + b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, count, count, size, offset, 0)


# --- 2 Manifests ------------------------------------------------------------------------------------------------------

BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PAYLOAD = "data/"
TAG_MANIFESTS = ("tagmanifest-sha256.txt", "tagmanifest-sha512.txt")


def check_manifests(bag: Bag) -> str:
    """Every file is listed once, in order, with both digests; nothing is listed that is not there."""
    tags = [member for member in bag.without(PAYLOAD) if member.name not in TAG_MANIFESTS]
    for algorithm in ("sha256", "sha512"):
        _check_manifest(bag, f"tagmanifest-{algorithm}.txt", iter(tags), algorithm)
        _check_manifest(bag, f"manifest-{algorithm}.txt", bag.within(PAYLOAD), algorithm)
    if bag.text(2, "bagit.txt") != BAGIT_TXT:
        raise VerificationError(2, "bagit.txt", "it does not declare a BagIt 1.0 bag in UTF-8")
    counted = "SELECT count(*), coalesce(sum(size), 0) FROM member WHERE name >= ? AND name < ?"
    files, octets = bag.tables.execute(counted, _range(PAYLOAD)).fetchone()
    if f"Payload-Oxum: {octets}.{files}" not in bag_info(bag):
        raise VerificationError(2, "bag-info.txt", f"its Payload-Oxum is not {octets}.{files}")
    return f"{files} payload files and {len(tags)} tag files, all listed with sha256 and sha512, none besides"


def bag_info(bag: Bag) -> list[str]:
    """The lines of bag-info.txt."""
    try:
        return bag.text(2, "bag-info.txt").decode().split("\n")
    except UnicodeDecodeError:
        raise VerificationError(2, "bag-info.txt", "it is not UTF-8") from None


def _check_manifest(bag: Bag, manifest: str, members: Iterator[Member], algorithm: str) -> None:
    for line in bag.lines(2, manifest):
        member = next(members, None)
        if member is not None and line == f"{getattr(member, algorithm).hex()}  {member.name}".encode():
            continue
        listed = line.partition(b"  ")[2].decode("ascii", "backslashreplace")
        if member is not None and listed == member.name:
            raise VerificationError(2, member.name, f"it does not have the digest that {manifest} lists")
        if member is not None and (listed > member.name or bag.find(listed)):
            raise VerificationError(2, member.name, f"it is not listed in its place in {manifest}")
        raise VerificationError(2, listed or manifest, f"{manifest} lists it, and it is not there or not in its place")
    for member in members:
        raise VerificationError(2, member.name, f"it is not listed in {manifest}")


# --- 3 Checkpoints ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement of the ledger's size and root hash.

    `signed_by` and `witnesses` are empty without a policy; `stamped` is what timestamp tokens are over: the note
    without the lines of witnesses, which may come later.
    """

    origin: str
    size: int
    root: bytes
    signed_by: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    stamped: bytes = b""


@dataclass(frozen=True)
class Key:
    """A public key with its name and kind (1: a log, 4: a witness): c2sp.org/signed-note, verifier keys."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line names the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether this key made this signature, or for a witness this timed cosignature, over a note's text."""
        if self.kind == 4:
            time = int.from_bytes(signature[:8], "big")
            return ed25519_verifies(self.public, f"cosignature/v1\ntime {time}\n{text}".encode(), signature[8:])
        return ed25519_verifies(self.public, text.encode(), signature)


class Policy:
    """Which logs and witnesses are trusted, and how many witnesses must have cosigned (c2sp.org/tlog-policy).

    Lines that begin with `#holdfast` are comments to others; here they name authorities' root certificates by digest,
    and say how many authorities must vouch for the time: `#holdfast tsa-root NAME SHA256`, `#holdfast timestamps N`.
    """

    def __init__(self, text: str | bytes) -> None:
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        self.timestamps = 0
        self.tsa_roots: dict[str, str] = {}
        self._grouped: set[str] = set()
        if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", raw):
            raise UnreadableError("the policy", "it holds control characters")
        for line in raw.decode("utf-8", "surrogateescape").split("\n"):
            words = re.findall("[^ \t]+", line)
            if words and words[0].lower().startswith("#holdfast"):
                self._take_ours(line, words)
            elif words and not words[0].startswith("#"):
                self._take(line, words)
        if not self.quorum:
            raise UnreadableError("the policy", "it has no quorum line")

    def _take(self, line: str, words: list[str]) -> None:
        kind, count = words[0], len(words)
        if kind == "log" and count in (2, 3):
            self.logs.append(self._key(line, words[1], 1, self.logs))
        elif kind == "witness" and count in (3, 4):
            key = self._key(line, words[2], 4, list(self.witnesses.values()))
            self.witnesses[self._new_name(line, words[1])] = key
        elif kind == "group" and count > 3:
            members = words[3:]
            threshold = {"any": "1", "all": str(len(members))}.get(words[2], words[2])
            if not re.fullmatch("[1-9][0-9]{0,8}", threshold) or int(threshold) > len(members):
                raise UnreadableError("the policy", f"no such threshold: {line!r}")
            for member in members:
                if member in self._grouped or (member not in self.witnesses and member not in self.groups):
                    raise UnreadableError("the policy", f"{member!r} is not defined before, or is a member twice")
                self._grouped.add(member)
            self.groups[self._new_name(line, words[1])] = (int(threshold), members)
        elif kind == "quorum" and count == 2 and not self.quorum:
            if words[1] != "none" and words[1] not in self.witnesses and words[1] not in self.groups:
                raise UnreadableError("the policy", f"the quorum is not defined before: {line!r}")
            self.quorum = words[1]
        else:
            raise UnreadableError("the policy", f"not a line of a policy: {line!r}")

    def _take_ours(self, line: str, words: list[str]) -> None:
        kind, count = " ".join(words[:2]), len(words)
        if kind == "#holdfast timestamps" and count == 3 and re.fullmatch("[1-9]", words[2]) and not self.timestamps:
            self.timestamps = int(words[2])
        elif kind == "#holdfast tsa-root" and count == 4 and DIGEST.fullmatch(words[3]):
            if words[3] in self.tsa_roots or words[2] in self.tsa_roots.values():
                raise UnreadableError("the policy", f"a root or its name is there twice: {line!r}")
            self.tsa_roots[words[3]] = words[2]
        else:
            raise UnreadableError("the policy", f"a #holdfast line that is not understood: {line!r}")

    def _new_name(self, line: str, name: str) -> str:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise UnreadableError("the policy", f"the name is taken: {line!r}")
        return name

    def _key(self, line: str, text: str, kind: int, known: list[Key]) -> Key:
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        material = unbase64(encoded)
        if not is_key_name(name) or material is None or len(material) != 33 or material[0] != kind:
            raise UnreadableError("the policy", f"not a key that can be checked here: {line!r}")
        key = Key(name, kind, material[1:])
        if key.key_id.hex() != key_id or any(key.public == other.public for other in known):
            raise UnreadableError("the policy", f"the key has another id, or is there twice: {line!r}")
        return key

    def met_by(self, cosigned: Sequence[str], name: str | None = None) -> bool:
        """Whether these witnesses are the quorum (or make up the named group)."""
        name = self.quorum if name is None else name
        if name == "none" or name in self.witnesses:
            return name == "none" or name in cosigned
        threshold, members = self.groups[name]
        return sum(self.met_by(cosigned, member) for member in members) >= threshold


def check_checkpoints(bag: Bag, policy: Policy | None) -> tuple[list[Checkpoint], str]:
    """Every checkpoint is of one log, and signed as the policy says; the largest needs the quorum of witnesses."""
    checkpoints = []
    for member in list(bag.within("checkpoints/")):
        name = member.name
        if not name.endswith(".jsonl") and not TOKEN_FILE.fullmatch(name):
            checkpoint = read_checkpoint(3, name, bag.content(3, member), policy)
            if name != f"checkpoints/{checkpoint.size}.note":
                raise VerificationError(3, name, f"it is a checkpoint of size {checkpoint.size}")
            checkpoints.append(checkpoint)
    checkpoints.sort(key=lambda checkpoint: checkpoint.size)
    if not checkpoints:
        raise VerificationError(3, "checkpoints/", "the package has no checkpoint")
    newest = checkpoints[-1]
    name = f"checkpoints/{newest.size}.note"
    if len({checkpoint.origin for checkpoint in checkpoints}) > 1:
        raise VerificationError(3, name, "the package's checkpoints are of different logs")
    if policy is None:
        return checkpoints, f"{len(checkpoints)} of log {newest.origin}, size {newest.size}; signatures not checked"
    if not policy.met_by(newest.witnesses):
        seen = ", ".join(newest.witnesses) or "nobody"
        raise VerificationError(3, name, f"the quorum {policy.quorum!r} is not met: cosigned by {seen}")
    cosigned = ", ".join(newest.witnesses) or "no witness, and the policy asks for none"
    return checkpoints, f"{len(checkpoints)}, size {newest.size}, signed by {newest.origin}; cosigned by {cosigned}"


def read_checkpoint(step: int, item: str, raw: bytes, policy: Policy | None) -> Checkpoint:
    """Read a signed note (c2sp.org/signed-note) and the checkpoint in it (c2sp.org/tlog-checkpoint)."""
    try:
        text, blank, lines = raw.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise VerificationError(step, item, "it is not UTF-8") from None
    form = re.fullmatch("(0|[1-9][0-9]{0,18})", text.split("\n")[1] if text.count("\n") == 2 else "")
    signatures = [re.fullmatch("\N{EM DASH} ([^ ]+) ([^ ]+)", line) for line in lines.split("\n")[:-1]]
    if not blank or not form or not lines.endswith("\n") or not 0 < len(signatures) <= 64 or None in signatures:
        raise VerificationError(step, item, "it is not a signed checkpoint")
    origin, size, root = text.split("\n")[0], int(form.group()), unbase64(text.split("\n")[2])
    if not is_key_name(origin) or root is None or len(root) != 32:
        raise VerificationError(step, item, "its origin or its root hash is malformed")
    signed_by: list[str] = []
    witnesses: list[str] = []
    for line in signatures:
        material = unbase64(line.group(2)) if line else None
        if line is None or material is None or len(material) < 5 or not is_key_name(line.group(1)):
            raise VerificationError(step, item, "a signature line is malformed")
        # Unknown signatures are ignored; one under a known name and key id must be true.
        for label, key in _known(policy, line.group(1), material[:4]):
            if not key.signed(text + "\n", material[4:]):
                raise VerificationError(step, item, f"the signature of {key.name} is false")
            (witnesses if key.kind == 4 else signed_by).append(label)
    if policy is not None and origin not in [label.partition("+")[0] for label in signed_by]:
        raise VerificationError(step, item, f"no key that the policy trusts for the log {origin!r} has signed it")
    own = "".join(f"{line.group()}\n" for line in signatures if line and line.group(1) == origin)
    stamped = f"{text}\n\n{own}".encode()
    return Checkpoint(origin, size, root, tuple(sorted(set(signed_by))), tuple(sorted(set(witnesses))), stamped)


def _known(policy: Policy | None, name: str, key_id: bytes) -> list[tuple[str, Key]]:
    if policy is None:
        return []
    logs = [(f"{key.name}+{key.key_id.hex()}", key) for key in policy.logs]
    return [
        (label, key) for label, key in [*logs, *policy.witnesses.items()] if (key.name, key.key_id) == (name, key_id)
    ]


def is_key_name(name: str) -> bool:
    """A key's name is not empty and has no spaces, no plus sign, nothing unprintable."""
    return bool(name) and name.isprintable() and "+" not in name and not any(letter.isspace() for letter in name)


def unbase64(text: str) -> bytes | None:
    """Decode base64 in its one canonical form; None for any other."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if base64.b64encode(raw).decode() == text else None


# Ed25519 (RFC 8032 5.1): the curve -x² + y² = 1 + d x² y² over the field of p; points (X, Y, Z, T), x = X/Z, xy = T/Z.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's over the message (RFC 8032 5.1.7, without the cofactor)."""
    key = _point(public)
    if key is None or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    base = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    if base is None:
        return False
    minus_key = (P - key[0], key[1], key[2], P - key[3])
    x, y, z, _ = _add(_times(s, base), _times(k, minus_key))
    inverse = pow(z, P - 2, P)
    encoded = y * inverse % P | (x * inverse % P & 1) << 255
    return encoded.to_bytes(32, "little") == signature[:32]


def _point(encoded: bytes) -> tuple[int, int, int, int] | None:
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if len(encoded) != 32 or y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _add(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number: int, point: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = _add(total, point)
        point, number = _add(point, point), number >> 1
    return total


# --- 4 Consistency ----------------------------------------------------------------------------------------------------


def check_consistency(bag: Bag, checkpoints: list[Checkpoint], policy: Policy | None, earlier: Sequence[bytes]) -> str:
    """Each checkpoint continues the one before it (RFC 9162 2.1.4.2), and every earlier note is one of them."""
    name = "checkpoints/consistency.jsonl"
    proofs = bag.lines(4, name)
    for old, new in _pairs(checkpoints):
        item = f"{name}, from {old.size} to {new.size}"
        line = canonical(4, item, next(proofs, b"null"))
        proof = record(4, item, line, **{"from": is_count, "path": is_path, "to": is_count})
        if (proof["from"], proof["to"]) != (old.size, new.size):
            raise VerificationError(4, item, "its proof is missing or not in its place")
        if not consistent(old, new, [bytes.fromhex(digest) for digest in proof["path"]]):
            raise VerificationError(4, item, "the later does not continue the earlier: history was rewritten")
    if next(proofs, None) is not None:
        raise VerificationError(4, name, "it has more proofs than there are steps between checkpoints")
    known = {checkpoint.size: checkpoint for checkpoint in checkpoints}
    for number, raw in enumerate(earlier, start=1):
        note = read_checkpoint(4, f"earlier note {number}", raw, policy)
        item = f"earlier note {number} (size {note.size})"
        same = known.get(note.size)
        if note.origin != checkpoints[-1].origin or same is None:
            raise VerificationError(
                4, item, "the package does not connect to it: ask for one that holds this checkpoint"
            )
        if note.root != same.root:
            raise VerificationError(4, item, "another root for the same size: history was rewritten")
    return f"{len(checkpoints) - 1} proofs between checkpoints; {len(earlier)} earlier notes continued"


def consistent(old: Checkpoint, new: Checkpoint, path: list[bytes]) -> bool:
    """Whether the old tree is the beginning of the new one."""
    if old.size == 0:
        return not path and old.root == hashlib.sha256(b"").digest()
    position, last = old.size - 1, new.size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    hashes = [old.root, *path] if old.size & (old.size - 1) == 0 else path
    if not hashes:
        return False
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and first == old.root and second == new.root


def _pairs(checkpoints: list[Checkpoint]) -> list[tuple[Checkpoint, Checkpoint]]:
    return [(checkpoints[at], checkpoints[at + 1]) for at in range(len(checkpoints) - 1)]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two nodes of the ledger's tree into their parent (RFC 9162 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


# --- 5 Entries --------------------------------------------------------------------------------------------------------

MAX_PATH = 64
DIGEST = re.compile("[0-9a-f]{64}")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")

# The two long files are read by the one form that a line can have. What a form leaves free is bound by a hash: a leaf
# by its proof, a payload by the digest in its leaf.
HEX, INT = rb"[0-9a-f]{64}", rb"(?:0|[1-9][0-9]{0,14})"
LEAF = (
    rb'\{"log":"(?P<log>[^"\\\x00-\x1f]+)",'
    rb'"names":(?:null|\{"leaf":"(?P<named_leaf>%(HEX)b)","seq":(?P<named_seq>%(INT)b),'
    rb'"stream":"(?P<named>%(HEX)b)"\}),'
    rb'"payload_sha256":"(?P<payload_sha256>%(HEX)b)","prev":"(?P<prev>%(HEX)b)","seq":(?P<seq>%(INT)b),'
    rb'"stream":"(?P<stream>%(HEX)b)","time":"(?P<time>[0-9:TZ.-]{24})","v":1\}'
) % {b"HEX": HEX, b"INT": INT}
ENTRY = re.compile(
    rb'\{"index":(?P<index>%b),"leaf":(?P<leaf>%b),' % (INT, LEAF)
    + rb'"payload":(?P<payload>null|\{.*\}),"withheld":(?P<withheld>null|".*")\}'
)
PROOF = re.compile(rb'\{"index":(%b),"path":\[((?:"%b"(?:,"%b")*)?)\]\}' % (INT, HEX, HEX))
PROOF_HEAD = re.compile(rb'\{"index":(%b),"path":\[' % INT)
SIBLING = re.compile(rb'"(%b)"(?:,(?=")|(?=\]))' % HEX)


@dataclass
class Entry:
    """One custody entry that the ledger is proved to hold; `names` is another stream's pseudonym, seq and leaf hash."""

    index: int
    leaf_hash: str
    stream: str
    seq: int
    prev: str
    names: tuple[str, int, str] | None
    payload: dict[str, Any] | None


def check_entries(bag: Bag, checkpoint: Checkpoint, withheld: Withheld, clocks: Clocks) -> Iterator[Entry]:
    """Yield each entry once its leaf is proved to be in the ledger and its payload to be the leaf's."""
    name = "custody/entries.jsonl"
    proofs, tree, origin = bag.lines(5, "custody/proofs.jsonl"), Tree(checkpoint), checkpoint.origin.encode()
    last = -1
    for line in bag.lines(5, name):
        form = ENTRY.fullmatch(line)
        if form is None:
            raise VerificationError(5, f"{name}, after entry {last}", "the line is not an entry in canonical form")
        index = int(form["index"])
        if index <= last:
            raise VerificationError(5, f"entry {index}", "it is not in order, or there twice")
        last = index
        leaf_hash = hashlib.sha256(b"\x00" + form["leaf"]).digest()
        _check_inclusion(f"entry {index}", index, leaf_hash, tree, next(proofs, None))
        if form["log"] != origin:
            raise VerificationError(5, f"entry {index}", "its leaf is of another log")
        clocks.note(index, form["time"].decode())
        yield _entry(index, leaf_hash, form, _check_payload(index, form, withheld.reason(index)))
    for _ in proofs:
        raise VerificationError(5, "custody/proofs.jsonl", "a proof of an entry that is not there")
    withheld.require_used()


def _entry(index: int, leaf_hash: bytes, form: re.Match[bytes], payload: dict[str, Any] | None) -> Entry:
    named = form["named"]
    names = (named.decode(), int(form["named_seq"]), form["named_leaf"].decode()) if named else None
    stream, prev = form["stream"].decode(), form["prev"].decode()
    return Entry(index, leaf_hash.hex(), stream, int(form["seq"]), prev, names, payload)


def _check_inclusion(item: str, index: int, leaf_hash: bytes, tree: Tree, line: bytes | None) -> None:
    line = line or b""
    head = PROOF_HEAD.match(line)
    if head and int(head[1]) == index and tree.holds(leaf_hash, index, line, head.end()):
        return
    form = PROOF.fullmatch(line)
    if form is None or int(form[1]) != index:
        raise VerificationError(5, item, "its proof is missing, not in its place or not in canonical form")
    raise VerificationError(5, item, "it is not in the ledger: its leaf or its proof was altered")


class Tree:
    """The ledger's tree under one checkpoint.

    Proofs of neighbours end alike: where one comes to a node that the one before it came to, with the same hash and the
    same text from there on, the rest was followed already.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.size, self.root = checkpoint.size, checkpoint.root
        self.passed: dict[int, tuple[int, bytes, bytes]] = {}

    def holds(self, leaf_hash: bytes, index: int, proof: bytes, at: int) -> bool:
        """Whether the path that begins there in the proof leads from this leaf to the root (RFC 9162 2.1.3.2)."""
        position, last, level, digest = index, self.size - 1, 0, leaf_hash
        passed: dict[int, tuple[int, bytes, bytes]] = {}
        while position <= last:
            node = (position, digest, proof[at:])
            if self.passed.get(level) == node:
                self.passed.update(passed)
                return True
            passed[level] = node
            sibling = SIBLING.match(proof, at)
            if sibling is None or last == 0:
                break
            at = sibling.end()
            if position & 1 or position == last:
                digest = node_hash(bytes.fromhex(sibling[1].decode()), digest)
                while position and not position & 1:
                    position, last, level = position >> 1, last >> 1, level + 1
            else:
                digest = node_hash(digest, bytes.fromhex(sibling[1].decode()))
            position, last, level = position >> 1, last >> 1, level + 1
        if last or position or digest != self.root or proof[at:] != b"]}":
            return False
        self.passed.update(passed)
        return True


def _check_payload(index: int, form: re.Match[bytes], reason: str | None) -> dict[str, Any] | None:
    item, raw = f"entry {index}", form["payload"]
    stated = None if form["withheld"] == b"null" else canonical(5, item, form["withheld"])
    if raw == b"null":
        if reason is None or stated != reason:
            raise VerificationError(5, item, "its payload is missing, and the export did not say it was withheld")
        return None
    if reason is not None or stated is not None:
        raise VerificationError(5, item, "it has a payload that is said to be withheld")
    if hashlib.sha256(raw).hexdigest().encode() != form["payload_sha256"]:
        raise VerificationError(5, item, "its payload is not the one whose digest is in the ledger")
    payload = record(5, item, parsed(5, item, raw), **PAYLOAD_FIELDS)
    if payload["at"].encode() != form["time"]:
        raise VerificationError(5, item, "its payload has another time than its leaf")
    return payload


class Withheld:
    """The entries whose payloads the export withholds, with the reason for each; asked for in order of entries."""

    def __init__(self, bag: Bag) -> None:
        bag.tables.execute("CREATE TABLE withheld (number INTEGER PRIMARY KEY, reason TEXT)")
        bag.tables.executemany("INSERT OR REPLACE INTO withheld VALUES (?, ?)", self._stated(bag))
        self._rows = bag.tables.execute("SELECT number, reason FROM withheld ORDER BY number")
        self._next, self._unused = self._rows.fetchone(), -1

    def _stated(self, bag: Bag) -> Iterator[tuple[int, str]]:
        name = "custody/withheld.jsonl"
        for line in bag.lines(5, name):
            stated = record(5, name, canonical(5, name, line), index=is_count, reason=is_text)
            yield stated["index"], stated["reason"]

    def reason(self, index: int) -> str | None:
        """Why the payload of this entry is withheld; None where it is not."""
        while self._next and self._next[0] < index:
            self._pass_over()
        if not self._next or self._next[0] > index:
            return None
        reason: str = self._next[1]
        self._next = self._rows.fetchone()
        return reason

    def require_used(self) -> None:
        """Make sure that each was asked for."""
        if self._next:
            self._pass_over()
        if self._unused >= 0:
            reason = "its payload is said to be withheld, and the entry is not there"
            raise VerificationError(5, f"entry {self._unused}", reason)

    def _pass_over(self) -> None:
        self._unused = self._next[0] if self._unused < 0 else self._unused
        self._next = self._rows.fetchone()


def canonical(step: int, item: str, raw: bytes) -> Any:
    """Read JSON in its one canonical form (RFC 8785, without floating-point numbers, which no form here has)."""
    value = parsed(step, item, raw)
    try:
        written = WRITER.encode(value).encode()
    except (ValueError, RecursionError):
        written = b""
    if written != raw:
        raise VerificationError(step, item, "its JSON is not in canonical form")
    return value


def parsed(step: int, item: str, raw: bytes) -> Any:
    """Read JSON that is bound by a hash already: here it need only mean the same to every reader."""
    try:
        text = raw.decode()
        value, end = READER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise VerificationError(step, item, f"it is not canonical JSON ({type(error).__name__})") from None
    if end != len(text):
        raise VerificationError(step, item, "it is not canonical JSON (something follows it)")
    return value


def _ordered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    keys = list(found)
    # RFC 8785 3.2.3 orders keys by UTF-16; for ASCII that is the order Python has.
    in_order = sorted(keys) if "".join(keys).isascii() else sorted(keys, key=lambda key: key.encode("utf-16-be"))
    if len(keys) != len(pairs) or keys != in_order:
        raise ValueError("keys twice or not in order")
    return found


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) >= 2**53:
        raise ValueError("a number too large to be exact everywhere")
    return int(text)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} has no canonical form here")


READER = json.JSONDecoder(object_pairs_hook=_ordered, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse)
WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def record(step: int, item: str, value: Any, **fields: Callable[[Any], Any]) -> dict[str, Any]:
    """Make sure that a value is an object with exactly these fields, each of its kind."""
    if not isinstance(value, dict) or value.keys() != fields.keys():
        raise VerificationError(step, item, f"it does not have exactly the fields {', '.join(sorted(fields))}")
    for name, is_of_its_kind in fields.items():
        if not is_of_its_kind(value[name]):
            raise VerificationError(step, item, f"its field {name!r} is malformed")
    return value


def is_text(value: Any) -> bool:  # noqa: D103 - these say what they are
    return isinstance(value, str)


def is_object(value: Any) -> bool:  # noqa: D103
    return isinstance(value, dict)


def is_count(value: Any) -> bool:  # noqa: D103
    return type(value) is int and value >= 0


def is_digest(value: Any) -> bool:  # noqa: D103
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def is_moment(value: Any) -> bool:  # noqa: D103
    return isinstance(value, str) and MOMENT.fullmatch(value) is not None


def is_path(value: Any) -> bool:  # noqa: D103
    return isinstance(value, list) and len(value) <= MAX_PATH and all(is_digest(digest) for digest in value)


def is_list(value: Any) -> bool:  # noqa: D103
    return isinstance(value, list)


def optional(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:  # noqa: D103
    return lambda value: value is None or kind(value)


PAYLOAD_FIELDS: dict[str, Callable[[Any], bool]] = {
    "action": is_text, "actor": is_text, "at": is_moment, "facts": is_object,
    "reason": optional(is_text), "salt": is_text, "stream": is_text,
}  # fmt: skip


# --- 6 Streams --------------------------------------------------------------------------------------------------------


@dataclass
class Stream:
    """The run of entries of the case or of one exhibit, as far as it has been followed.

    `head_seq` and `head_leaf` are where it stood at the package's snapshot, as the export's own entry binds them;
    `recorded` is what its `exhibit.archived` says, in the order of RECORDED.
    """

    label: str
    head_seq: int
    head_leaf: str
    seq: int = -1
    leaf: str = "0" * 64
    named: bool = False
    reference: Any = None
    recorded: list[Any] | None = None


STREAMS = """
CREATE TABLE stream (
    number INTEGER PRIMARY KEY, label TEXT, pseudonym TEXT, head_seq INTEGER, head_leaf TEXT,
    seq INTEGER DEFAULT -1, leaf TEXT DEFAULT '%s', named INTEGER DEFAULT 0, reference TEXT DEFAULT 'null',
    recorded TEXT DEFAULT 'null', has_item INTEGER DEFAULT 0
);
""" % ("0" * 64)
STREAM = "SELECT label, head_seq, head_leaf, seq, leaf, named, reference, recorded, number FROM stream"
KEPT_STREAMS = 1024


class Streams:
    """The disclosed streams: the case's, and its exhibits'. Those of late are in memory, the others in a table."""

    def __init__(self, tables: sqlite3.Connection, disclosed: Iterator[tuple[str, str, int, str]]) -> None:
        """Take label, pseudonym and head of each stream, the case's first."""
        self._tables = tables
        label, self._case_pseudonym, seq, leaf = next(disclosed)
        self.case = Stream(label, seq, leaf)
        tables.executescript(STREAMS)
        statement = "INSERT INTO stream (label, pseudonym, head_seq, head_leaf) VALUES (?, ?, ?, ?)"
        self.exhibits = max(0, tables.executemany(statement, disclosed).rowcount)
        for column in ("label", "pseudonym"):
            tables.execute(f"CREATE INDEX stream_by_{column} ON stream ({column})")
        self._recent: dict[str, tuple[Stream, int]] = {}
        self.entries = self.withheld = self.assigned_later = self.untold = 0

    def find(self, pseudonym: str) -> Stream | None:
        """The stream that the ledger's leaves name so; valid until another is asked for."""
        if pseudonym == self._case_pseudonym:
            return self.case
        known = self._recent.get(pseudonym)
        if known is None:
            row = self._tables.execute(f"{STREAM} WHERE pseudonym = ?", (pseudonym,)).fetchone()
            if row is None:
                return None
            if len(self._recent) >= KEPT_STREAMS:
                self.keep()
            known = self._recent[pseudonym] = (_stream(row), row[-1])
        return known[0]

    def keep(self) -> None:
        """Write into the table what was found out of late."""
        changed = (
            (each.seq, each.leaf, each.named, json.dumps(each.reference), json.dumps(each.recorded), number)
            for each, number in self._recent.values()
        )
        statement = "UPDATE stream SET seq = ?, leaf = ?, named = ?, reference = ?, recorded = ? WHERE number = ?"
        self._tables.executemany(statement, changed)
        self._recent.clear()

    def first(self, fault: str) -> Stream | None:
        """The first exhibit's stream of which this holds, in the words of the table."""
        row = self._tables.execute(f"{STREAM} WHERE {fault} ORDER BY number LIMIT 1").fetchone()
        return _stream(row) if row else None

    def take_item(self, label: str) -> Stream | None:
        """The exhibit's stream of this label; None where there is none, or it was taken before."""
        row = self._tables.execute(f"{STREAM} WHERE label = ? AND NOT has_item", (label,)).fetchone()
        if row is None:
            return None
        self._tables.execute("UPDATE stream SET has_item = 1 WHERE number = ?", row[-1:])
        return _stream(row)


def _stream(row: Sequence[Any]) -> Stream:
    label, head_seq, head_leaf, seq, leaf, named, reference, recorded, _ = row
    return Stream(label, head_seq, head_leaf, seq, leaf, bool(named), json.loads(reference), json.loads(recorded))


def read_streams(bag: Bag) -> Streams:
    """Each disclosed key must open the pseudonym under which the ledger's leaves name the stream."""
    return Streams(bag.tables, _disclosed(bag))


def _disclosed(bag: Bag) -> Iterator[tuple[str, str, int, str]]:
    name, count, before = "custody/streams.jsonl", 0, ""
    for line in bag.lines(6, name):
        stated = record(6, name, canonical(6, name, line), **STREAM_FIELDS)
        label = stated["label"]
        opened = hmac.new(bytes.fromhex(stated["key"]), label.encode(), hashlib.sha256).hexdigest()
        if opened != stated["stream"]:
            raise VerificationError(6, label, "its key does not open its pseudonym")
        if not label.startswith("exhibit:" if count else "case:") or (count > 1 and label <= before):
            raise VerificationError(6, label, "the case comes first, then its exhibits in order, each once")
        count, before = count + 1, label
        yield label, opened, stated["seq"], stated["leaf"]
    if not count:
        raise VerificationError(6, name, "it discloses no stream")


STREAM_FIELDS: dict[str, Callable[[Any], bool]] = {
    "key": is_digest, "label": is_text, "leaf": is_digest, "seq": is_count, "stream": is_digest
}  # fmt: skip


def check_streams(streams: Streams, entries: Iterator[Entry]) -> dict[str, Any]:
    """Follow every stream through the entries; none may have a gap, another beginning, or another end.

    Returns:
        The facts of the entry that records this export, with its time as `at`.
    """
    entry = None
    for entry in entries:
        stream = streams.find(entry.stream)
        if stream is None:
            raise VerificationError(
                6, f"entry {entry.index}", "it belongs to a stream that the package does not disclose"
            )
        _follow(stream, entry)
        streams.entries += 1
        streams.withheld += entry.payload is None
        if stream is streams.case:
            _follow_case(streams, entry)
        else:
            _follow_exhibit(stream, entry)
    if entry is None or entry.leaf_hash != streams.case.leaf or streams.case.seq <= streams.case.head_seq:
        raise VerificationError(6, streams.case.label, "its last entries are missing: it does not end in this export")
    streams.keep()
    stream = streams.first("seq <> head_seq OR NOT named")
    if stream is not None and stream.seq != stream.head_seq:
        raise VerificationError(6, stream.label, f"its entries after number {stream.seq} are missing")
    if stream is not None:
        raise VerificationError(6, stream.label, "no entry of the case assigns this exhibit to it")
    return _exported(entry, streams)


def _follow(stream: Stream, entry: Entry) -> None:
    item = f"{stream.label}, entry {entry.index}"
    if entry.seq != stream.seq + 1:
        raise VerificationError(6, item, f"it is number {entry.seq}, after number {stream.seq}: entries are missing")
    if entry.prev != stream.leaf:
        raise VerificationError(6, item, "it does not continue the entry before it")
    if entry.payload is not None and entry.payload["stream"] != stream.label:
        raise VerificationError(6, item, "its payload says it is of another stream")
    stream.seq, stream.leaf = entry.seq, entry.leaf_hash
    if stream.seq == stream.head_seq and stream.leaf != stream.head_leaf:
        raise VerificationError(6, item, "it is not the entry that the export names as the stream's last")


def _follow_case(streams: Streams, entry: Entry) -> None:
    item, names, in_snapshot = f"entry {entry.index}", entry.names, streams.case.seq <= streams.case.head_seq
    facts = entry.payload["facts"] if entry.payload else {}
    action = entry.payload["action"] if entry.payload else None
    if action == "case.opened" and is_text(facts.get("reference")):
        streams.case.reference = facts["reference"]
    if names is None:
        if action == "exhibit.assigned":
            raise VerificationError(6, item, "it assigns an exhibit and names no stream")
        return
    if not in_snapshot:
        streams.assigned_later += action == "exhibit.assigned"
        return
    exhibit = streams.find(names[0])
    if exhibit is None:
        raise VerificationError(6, item, "it names an exhibit whose stream is missing from the package")
    if (exhibit.seq, exhibit.leaf) != names[1:]:
        raise VerificationError(6, item, f"it names another history of {exhibit.label} than the package holds")
    exhibit.named = True
    if action == "exhibit.assigned":
        if facts.get("exhibit_id") != exhibit.label.partition(":")[2]:
            raise VerificationError(6, item, f"it names {exhibit.label} and assigns another exhibit")
        exhibit.reference = facts.get("reference")


def _follow_exhibit(stream: Stream, entry: Entry) -> None:
    if stream.seq > stream.head_seq:
        raise VerificationError(6, f"{stream.label}, entry {entry.index}", "it is later than the package's snapshot")
    if entry.payload is not None and entry.payload["action"] == "exhibit.archived":
        if stream.recorded is not None:
            raise VerificationError(6, f"{stream.label}, entry {entry.index}", "the exhibit is archived a second time")
        stream.recorded = [entry.payload["facts"].get(name) for name in RECORDED]


def _exported(entry: Entry, streams: Streams) -> dict[str, Any]:
    item, payload = f"entry {entry.index}", entry.payload
    if payload is None or payload["action"] != "package.exported":
        raise VerificationError(6, item, "the case's stream does not end in the export of this package")
    facts = record(
        6, item, payload["facts"],
        edition=is_text, files=is_object, items=is_count, package_id=is_text, snapshot_at=is_moment,
    )  # fmt: skip
    if facts["items"] != streams.exhibits:
        raise VerificationError(6, item, f"the export has {facts['items']} items, the package {streams.exhibits}")
    return {**facts, "at": payload["at"]}


# --- 7 Items ----------------------------------------------------------------------------------------------------------

ITEM_FILE = re.compile(r"data/items/([0-9]{5,9})/(item\.json|original\.[a-z0-9]{1,8}|derived/.+)")
RECORDED = ("channel", "delivered_at", "media_type", "received_at", "sha256", "sha512", "size_bytes")


def check_items(bag: Bag, streams: Streams) -> list[str]:
    """Every exhibit has one item with the very bytes that the ledger recorded; no item is without an exhibit.

    Returns:
        The items whose originals the export withholds, each with its reason.
    """
    withheld = []
    for folder, files in _item_folders(bag):
        item = _read_item(bag, folder, files)
        label = f"exhibit:{item['exhibit_id']}"
        exhibit = streams.take_item(label)
        if exhibit is None:
            raise VerificationError(
                7, folder, f"it is an item of {label}, which the case lacks or which has an item already"
            )
        streams.untold += exhibit.recorded is None
        _check_against_ledger(folder, item, exhibit)
        if item["original"] is None:
            withheld.append(f"{folder} ({item['reference'] or label}): {item['withheld']}")
            continue
        original = files[item["original"]]
        actual = (original.sha256.hex(), original.sha512.hex(), original.size)
        if actual != (item["sha256"], item["sha512"], item["size_bytes"]):
            raise VerificationError(7, original.name, "its bytes are not those that the ledger recorded on receipt")
    missing = streams.first("NOT has_item")
    if missing is not None:
        raise VerificationError(7, missing.label, "its item is missing from the package")
    return withheld


def _item_folders(bag: Bag) -> Iterator[tuple[str, dict[str, Member]]]:
    """Each item's folder with its files by their names in it; folders are numbered without a gap.

    All have as many digits as the last number needs, and at least five.
    """
    folder, number, digits = "", 0, 5
    files: dict[str, Member] = {}
    for member in bag.within("data/items/"):
        form = ITEM_FILE.fullmatch(member.name)
        if form is None:
            raise VerificationError(7, member.name, "a file that no item has")
        if not folder or not member.name.startswith(f"{folder}/"):
            if folder:
                yield folder, files
            number, files, folder = number + 1, {}, f"data/items/{form.group(1)}"
            digits = digits if number > 1 else len(form.group(1))
            if form.group(1) != f"{number:0{digits}d}":
                raise VerificationError(7, folder, f"item {number:0{digits}d} is missing before it")
        files[form.group(2)] = member
    if digits != max(5, len(str(number))):
        raise VerificationError(7, folder, f"{number} items are numbered with {digits} digits")
    if folder:
        yield folder, files


def _read_item(bag: Bag, folder: str, files: dict[str, Member]) -> dict[str, Any]:
    name = f"{folder}/item.json"
    raw = bag.content(7, files["item.json"]) if "item.json" in files else bag.text(7, name)
    if not raw.endswith(b"\n"):
        raise VerificationError(7, name, "it is not one line of JSON")
    item = record(
        7, name, canonical(7, name, raw[:-1]), channel=is_text, delivered_at=optional(is_moment), derived=is_list,
        exhibit_id=is_text, media_type=is_text, original=optional(is_text), received_at=is_moment,
        reference=optional(is_text), sha256=is_digest, sha512=is_text, size_bytes=is_count, withheld=optional(is_text),
    )  # fmt: skip
    stated = {"item.json"} | ({item["original"]} if item["original"] else set())
    for derived in item["derived"]:
        path = record(7, name, derived, maker=is_text, path=is_text, sha256=is_digest)["path"]
        if path in files and files[path].sha256.hex() != derived["sha256"]:
            raise VerificationError(7, f"{folder}/{path}", "it is not the file that its item.json names")
        stated.add(path)
    if stated != files.keys() or (item["original"] is None) == (item["withheld"] is None):
        raise VerificationError(7, folder, "its files are not those that its item.json names")
    return item


def _check_against_ledger(folder: str, item: dict[str, Any], exhibit: Stream) -> None:
    if item["reference"] != exhibit.reference:
        raise VerificationError(7, folder, f"the ledger knows it as {exhibit.reference!r}, its item.json as another")
    if exhibit.recorded is None:
        if item["original"] is not None:
            raise VerificationError(7, folder, f"no entry of {exhibit.label} in the package records its bytes")
        return
    for name, recorded in zip(RECORDED, exhibit.recorded):  # noqa: B905 - not in Python 3.9
        if item[name] != recorded:
            raise VerificationError(7, f"{folder}/item.json", f"its {name} is not what the ledger recorded on receipt")


# --- 8 Binding --------------------------------------------------------------------------------------------------------

# Besides proofs: what was judged of items lies beside them, is as many, and is bound through the manifests as they are.
UNBOUND = re.compile(
    r"custody/(entries|proofs)\.jsonl|checkpoints/.+|tagmanifest-sha(256|512)\.txt|data/authenticity/.+"
)


def check_binding(bag: Bag, exported: dict[str, Any]) -> str:
    """The export's entry names the digest of every file that is no proof; items are listed in the bound manifests."""
    files = exported["files"]
    bound = {
        member.name: member.sha256.hex() for member in bag.without("data/items/") if not UNBOUND.fullmatch(member.name)
    }
    for name in files:
        if name not in bound:
            raise VerificationError(8, name, "it was exported, and is missing")
    # What follows from the contents comes last, so that the file that was changed is named first.
    for name in sorted(bound, key=lambda name: (name == "bag-info.txt", name.startswith("manifest-"), name)):
        if files.get(name) != bound[name]:
            listed = ": a file that it lists was changed, added or removed" if name.startswith("manifest-") else ""
            raise VerificationError(8, name, f"it is not the file that was exported{listed}")
    if f"External-Identifier: {exported['package_id']}" not in bag_info(bag):
        raise VerificationError(8, "bag-info.txt", "it names another package than the export")
    return f"{len(bound)} files are bound by the export of package {exported['package_id']}"


# --- 9 Timestamps -----------------------------------------------------------------------------------------------------

TOKEN_FILE = re.compile(r"checkpoints/(0|[1-9][0-9]{0,18})\.([A-Za-z0-9][A-Za-z0-9._-]*)\.tsr")
CLOCK_TOLERANCE = timedelta(seconds=120)
MAX_TOKENS_EACH, MAX_ROOTS = 16, 64
MAX_OPENSSL_SECONDS = 60
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
TST_INFO = bytes.fromhex("2a864886f70d0109100104")
SHA256 = bytes.fromhex("608648016503040201")


@dataclass(frozen=True)
class Stamp:
    """A token that held: this authority vouches that the checkpoint was there at this time, by the token's own word."""

    size: int
    authority: str
    time: datetime
    sha256: str


@dataclass
class Stamps:
    """The tokens that held, the authorities that vouch for the newest checkpoint, and what was not checked."""

    checked: list[Stamp] = field(default_factory=list)
    authorities: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Anchor:
    """An entry of the log in which a token's digest stands: whatever comes after it is later than the token."""

    index: int
    token_sha256: str


class Clocks:
    """The archive's own times, between the checkpoints and anchors that bound them: extremes alone are kept."""

    def __init__(self, sizes: list[int], anchors: list[int]) -> None:
        self.sizes, self.anchors = sizes, anchors
        self.latest: dict[int, tuple[str, int]] = {}
        self.earliest: dict[int, tuple[str, int]] = {}

    def note(self, index: int, time: str) -> None:
        """Note the time of one entry; times of this form are ordered as they are written."""
        covered_by, after, noted = bisect_right(self.sizes, index), bisect_right(self.anchors, index), (time, index)
        if noted > self.latest.get(covered_by, ("", 0)):
            self.latest[covered_by] = noted
        if noted < self.earliest.get(after, ("~", 0)):
            self.earliest[after] = noted


def check_timestamps(
    bag: Bag, checkpoints: list[Checkpoint], given: Given, anchors: list[Anchor], clocks: Clocks
) -> tuple[Stamps, str]:
    """Every token is over its checkpoint, and by an authority under a root that was given; enough vouch for the newest.

    Which roots count comes from outside: the certificates given, or those whose digests the policy names. Without
    either no token is checked, and a required one is missing.
    """
    required = max(given.require_timestamps, given.policy.timestamps if given.policy else 0)
    files, stamps = _token_files(bag, checkpoints), Stamps()
    roots, untrusted = _roots(bag, given)
    if roots:
        with tempfile.TemporaryDirectory(prefix="verify-") as folder:
            for checkpoint, name in files:
                stamps.checked.append(_check_token(Path(folder), bag, checkpoint, name, roots, untrusted))
    newest = checkpoints[-1].size
    stamps.authorities = sorted({stamp.authority for stamp in stamps.checked if stamp.size == newest})
    if len(stamps.authorities) < required:
        seen = ", ".join(stamps.authorities) or ("nobody" if roots else "nobody, since no root certificate was given")
        reason = f"{required} authorities must vouch for its time, and there are {len(stamps.authorities)}: {seen}"
        raise VerificationError(9, f"checkpoints/{newest}.note", reason)
    _check_clocks(stamps, anchors, clocks)
    _say_what_was_not_checked(stamps, len(files), has_roots=bool(roots))
    vouch = ", ".join(f"{stamp.authority} {_moment(stamp.time)}" for stamp in stamps.checked if stamp.size == newest)
    checked = f"{len(stamps.checked)} of {len(files)} tokens checked; authorities required: {required}"
    return stamps, f"{checked}; {vouch or 'none vouches for it'}"


def _say_what_was_not_checked(stamps: Stamps, tokens: int, *, has_roots: bool) -> None:
    if tokens and not has_roots:
        stamps.not_checked.append(
            f"Timestamps: {tokens} tokens were not checked, since no root certificates were given."
        )
    if not stamps.authorities:
        stamps.not_checked.append(
            "Time: no timestamp authority vouches for it. All times are those of the archive's own clock."
        )
    elif has_roots:
        stamps.not_checked.append("Timestamps: whether an authority's certificate was revoked was not asked.")


def _token_files(bag: Bag, checkpoints: list[Checkpoint]) -> list[tuple[Checkpoint, str]]:
    known = {checkpoint.size: checkpoint for checkpoint in checkpoints}
    found: list[tuple[Checkpoint, str]] = []
    count: dict[int, int] = {}
    for member in bag.within("checkpoints/"):
        name, form = member.name, TOKEN_FILE.fullmatch(member.name)
        if form is None:
            continue
        size = int(form[1])
        count[size] = count.get(size, 0) + 1
        if size not in known or count[size] > MAX_TOKENS_EACH:
            raise VerificationError(9, name, "a token of a checkpoint that is not there, or one too many")
        found.append((known[size], name))
    return found


def _roots(bag: Bag, given: Given) -> tuple[dict[str, bytes], list[bytes]]:
    """The roots that count, by the name of their authority, and every certificate that may help to reach them."""
    named = given.policy.tsa_roots if given.policy else {}
    copy = "trust/tsa-roots.pem"
    inside = _certificates(bag.text(9, copy)) if bag.find(copy) else []
    outside = _certificates(given.tsa_roots) if given.tsa_roots is not None else []
    if given.tsa_roots is not None and not outside:
        raise UnreadableError("the root certificates", "there is none in PEM form")
    if len(inside) > MAX_ROOTS or len(outside) > MAX_ROOTS:
        raise VerificationError(9, copy, f"more than {MAX_ROOTS} certificates")
    roots: dict[str, bytes] = {}
    for certificate in inside if given.tsa_roots is None else outside:
        digest = hashlib.sha256(certificate).hexdigest()
        if given.tsa_roots is not None or digest in named:
            roots[named.get(digest, f"root {digest[:16]}")] = certificate
    return roots, inside + outside


def _certificates(pem: bytes) -> list[bytes]:
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----", pem)
    try:
        return [base64.b64decode(b"".join(block.split()), validate=True) for block in blocks]
    except ValueError:
        return []


def _check_token(
    folder: Path, bag: Bag, checkpoint: Checkpoint, name: str, roots: dict[str, bytes], untrusted: list[bytes]
) -> Stamp:
    """One token is over the checkpoint's note, and openssl finds it good under one of the roots at the token's time.

    openssl checks the signature, that ESSCertIDv2 names the signer, that its certificate is for timestamps alone, and
    the chain at the time it is told: so the time is read from the very structure that was signed.
    """
    raw = bag.text(9, name)
    try:
        time, imprint = token_content(raw)
    except (ValueError, IndexError, OverflowError):
        raise VerificationError(9, name, "it is not a granted timestamp token in DER") from None
    if imprint != hashlib.sha256(checkpoint.stamped).digest():
        raise VerificationError(9, name, f"it is over something else than checkpoints/{checkpoint.size}.note")
    (folder / "token.tsr").write_bytes(raw)
    (folder / "stamped").write_bytes(checkpoint.stamped)
    (folder / "untrusted.pem").write_bytes(_pem(untrusted))
    for authority, root in roots.items():
        (folder / "root.pem").write_bytes(_pem([root]))
        if _openssl_accepts(folder, time):
            return Stamp(checkpoint.size, authority, time, hashlib.sha256(raw).hexdigest())
    raise VerificationError(9, name, "no authority under the given root certificates made it so, at the time it states")


def _openssl_accepts(folder: Path, time: datetime) -> bool:
    program = shutil.which("openssl")
    if program is None:
        raise VerificationError(9, "openssl", "the program is not here, and tokens cannot be checked without it")
    command = [program, "ts", "-verify", "-in", "token.tsr", "-data", "stamped", "-CAfile", "root.pem"]
    command += ["-untrusted", "untrusted.pem", "-attime", str(int(time.timestamp()))]
    own = {**os.environ, "OPENSSL_CONF": os.devnull}
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, check=False, timeout=MAX_OPENSSL_SECONDS)
    if b"nknown option" in done.stderr or b"nrecognized" in done.stderr:
        raise VerificationError(9, "openssl", "this openssl is too old or another program: 1.1.1 or later is needed")
    return done.returncode == 0 and b"Verification: OK" in done.stdout + done.stderr


def _pem(certificates: list[bytes]) -> bytes:
    return b"".join(
        b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(each) + b"-----END CERTIFICATE-----\n"
        for each in certificates
    )


def token_content(raw: bytes) -> tuple[datetime, bytes]:
    """The time that a token states and the SHA-256 it is over (RFC 3161 2.4.2); ValueError where it is not one.

    Read strictly, along the one path on which openssl finds what the signature covers.
    """
    status, content = _der(_only(raw, 0x30), 0x30, 0x30)
    if _split(status)[0] not in {(0x02, b"\x00"), (0x02, b"\x01")}:
        raise ValueError("not granted")
    kind, signed = _der(content, 0x06, 0xA0)
    parts = _split(_only(signed, 0x30))
    inner_kind, inner = _der(parts[2][1], 0x06, 0xA0)
    if (kind, inner_kind, parts[2][0], parts[-1][0]) != (SIGNED_DATA, TST_INFO, 0x30, 0x31):
        raise ValueError("not a token")
    if len(_split(parts[-1][1])) != 1:
        raise ValueError("not one signer")
    fields = _split(_only(_only(inner, 0x04), 0x30))
    algorithm, imprint = _der(fields[2][1], 0x30, 0x04)
    if _split(algorithm)[0] != (0x06, SHA256) or [tag for tag, _ in fields[:5]] != [0x02, 0x06, 0x30, 0x02, 0x18]:
        raise ValueError("not over a SHA-256, or without a time")
    form = re.fullmatch(rb"([0-9]{14})(?:\.([0-9]{0,5}[1-9]))?Z", fields[4][1])
    if form is None:
        raise ValueError("not a time in DER")
    time = datetime.strptime(form[1].decode() + "+0000", "%Y%m%d%H%M%S%z")
    return time + timedelta(microseconds=int((form[2] or b"").decode().ljust(6, "0"))), imprint


def _only(raw: bytes, tag: int) -> bytes:
    (content,) = _der(raw, tag)
    return content


def _der(raw: bytes, *tags: int) -> list[bytes]:
    elements = _split(raw)
    if tuple(tag for tag, _ in elements) != tags:
        raise ValueError("not the elements that belong here")
    return [content for _, content in elements]


def _split(raw: bytes) -> list[tuple[int, bytes]]:
    """The elements that lie side by side (ITU-T X.690, DER): tag and content of each."""
    elements, at = [], 0
    while at < len(raw):
        tag, length, at = raw[at], raw[at + 1], at + 2
        if length >= 0x80:
            width, length = length & 0x7F, int.from_bytes(raw[at : at + (length & 0x7F)], "big")
            if not 1 <= width <= 4 or length < 0x80 or raw[at] == 0:
                raise ValueError("a length in another form than DER's")
            at += width
        if tag & 0x1F == 0x1F or at + length > len(raw):
            raise ValueError("cut off, or a tag that no token has")
        elements.append((tag, raw[at : at + length]))
        at += length
    return elements


def read_anchors(bag: Bag, checkpoint: Checkpoint) -> list[Anchor]:
    """Entries of the log itself, proved like any other, that hold the digests of tokens in this package."""
    name, tree = "checkpoints/anchors.jsonl", Tree(checkpoint)
    anchors: list[Anchor] = []
    for line in bag.lines(5, name):
        entry, _, path = line.rpartition(b',"proof":')
        form = ENTRY.fullmatch(entry + b',"withheld":null}')
        if form is None or (anchors and int(form["index"]) <= anchors[-1].index):
            raise VerificationError(5, name, "a line is not an entry with its proof in canonical form, or not in order")
        index, item = int(form["index"]), f"{name}, entry {int(form['index'])}"
        proof = b'{"index":%d,"path":%b' % (index, path)
        _check_inclusion(item, index, hashlib.sha256(b"\x00" + form["leaf"]).digest(), tree, proof)
        if form["log"] != checkpoint.origin.encode():
            raise VerificationError(5, item, "its leaf is of another log")
        payload = _check_payload(index, form, None) or {}
        digest = payload.get("facts", {}).get("token_sha256")
        if payload.get("action") != "timestamp.received" or payload["stream"] != "system" or not is_digest(digest):
            raise VerificationError(5, item, "it does not record a timestamp token")
        anchors.append(Anchor(index, digest))
    return anchors


def _check_clocks(stamps: Stamps, anchors: list[Anchor], clocks: Clocks) -> None:
    """No entry says it is later than a token over it, or earlier than a token whose digest stands before it."""
    by_digest = {stamp.sha256: stamp for stamp in stamps.checked}
    no_later = sorted(((stamp.size, stamp.time) for stamp in stamps.checked), reverse=True)
    bound = None
    for place in sorted(clocks.latest, reverse=True):
        size = clocks.sizes[place] if place < len(clocks.sizes) else 0
        while no_later and no_later[0][0] >= size:
            found = no_later.pop(0)[1]
            bound = found if bound is None else min(bound, found)
        time, index = clocks.latest[place]
        if bound is not None and _read_moment(time) > bound + CLOCK_TOLERANCE:
            reason = f"it says {time}, and a token says that it was there at {_moment(bound)}"
            raise VerificationError(9, f"entry {index}", reason)
    bound = None
    for place, anchor in enumerate(anchors, start=1):
        stamp = by_digest.get(anchor.token_sha256)
        if stamp is not None:
            bound = stamp.time if bound is None else max(bound, stamp.time)
        time, index = clocks.earliest.get(place, ("", 0))
        if time and bound is not None and _read_moment(time) < bound - CLOCK_TOLERANCE:
            reason = f"it says {time}, and comes after the record of a token of {_moment(bound)}"
            raise VerificationError(9, f"entry {index}", reason)


def _read_moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)  # noqa: UP017 - Python 3.9 has no datetime.UTC


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- What it means ----------------------------------------------------------------------------------------------------


def _not_checked(run: Run) -> Iterator[str]:
    newest = run.checkpoints[-1]
    if run.given.policy is None:
        yield "Signatures: no policy was given. Whoever made this file could have made all of it."
    elif not newest.witnesses:
        yield (
            "Witnesses: unwitnessed. None cosigned: who holds the log's key could show others another history, unless "
            "an earlier checkpoint is in other hands."
        )
    if not run.given.earlier:
        yield "Earlier checkpoints: none was given. Give those you hold from earlier packages."
    yield from run.stamps.not_checked
    yield (
        "Contents: no message was read. Renderings (timeline, readings) are those that were exported; whether they "
        "render the originals well was not judged. E-mail signatures were not verified again."
    )
    if run.streams.withheld:
        yield f"Payloads: those of {run.streams.withheld} entries are withheld (custody/withheld.jsonl says why)."
    untold = run.streams.untold
    if untold:
        yield f"Receipts: those of {untold} items are withheld; what their digests were is only what the export states."
    for item in run.withheld_items:
        yield f"Original withheld: {item}"
    if run.streams.assigned_later:
        yield f"Later exhibits: {run.streams.assigned_later} were assigned while the package was made; not in it."


def _meaning(run: Run) -> str:
    held = (
        f"The {run.streams.exhibits} items of this package are, byte for byte, those whose receipt the log "
        f"{run.checkpoints[-1].origin} records, with every custody entry of the case and its items up to this export; "
        "none was altered, removed or added since"
    )
    if run.given.policy is None:
        return f"Consistent, NOT verified. If the log is genuine: {held}. Without a policy nothing says it is genuine."
    vouched = ""
    if run.stamps.authorities:
        latest = max(stamp.time for stamp in run.stamps.checked if stamp.size == run.checkpoints[-1].size)
        vouched = f" All of it existed by {_moment(latest)}, as {' and '.join(run.stamps.authorities)} vouch."
    return (
        f"Verified. {held} the checkpoint was signed by a key that your policy trusts.{vouched} It does not prove who "
        "wrote a message, when it was first sent, or that what it says is true."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify one package from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="verify.py", description="Verify a Holdfast evidence package. Exit code: 0 verified, 1 not, 2 unreadable."
    )
    parser.add_argument("package", metavar="FILE.zip")
    parser.add_argument("--policy", metavar="FILE", help="whose signatures count; not the copy inside the package")
    parser.add_argument(
        "--earlier", metavar="NOTE", action="append", default=[], help="checkpoint of an earlier package"
    )
    parser.add_argument("--tsa-roots", metavar="PEM", help="root certificates of the timestamp authorities you trust")
    parser.add_argument(
        "--require-timestamps", metavar="N", type=int, default=0, help="authorities that must vouch for the time"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args(arguments)
    try:
        policy = _read_outside(options.policy) if options.policy else None
        verdict = verify(
            options.package,
            policy,
            earlier=[_read_outside(name) for name in options.earlier],
            tsa_roots=_read_outside(options.tsa_roots) if options.tsa_roots else None,
            require_timestamps=options.require_timestamps,
        )
    except VerificationError as error:
        place = {"step": error.step, "item": error.item, "reason": error.reason}
        return _fail(1, {"state": "not verified", **place}, str(error), as_json=options.json)
    except UnreadableError as error:
        place = {"step": None, "item": error.item, "reason": error.reason}
        return _fail(2, {"state": "unreadable", **place}, str(error), as_json=options.json)
    _print(json.dumps(asdict(verdict), indent=1) if options.json else _report(verdict))
    return 0 if verdict.state == "verified" else 1


def _read_outside(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UnreadableError(name, error.strerror or "cannot be read") from error


def _fail(code: int, place: dict[str, Any], text: str, *, as_json: bool) -> int:
    _print(json.dumps(place, indent=1) if as_json else f"{place['state'].upper()}: {text}")
    return code


def _report(verdict: Verdict) -> str:
    facts = verdict.facts
    lines = [
        f"Evidence package {facts['package_id']} ({facts['edition']}), case {facts['case_reference'] or facts['case']}"
    ]
    lines += [f"{step.number:2} {step.title:<13} {step.found}" for step in verdict.steps]
    lines += ["", "Not checked:", *(f" - {text}" for text in verdict.not_checked), "", verdict.meaning]
    return "\n".join(lines)


def _print(text: str) -> None:
    # Whatever a hostile package put into a name is shown as it is, never obeyed by the terminal.
    shown = "".join(letter if letter.isprintable() or letter == "\n" else f"\\x{ord(letter):02x}" for letter in text)
    sys.stdout.buffer.write((shown + "\n").encode("utf-8", "backslashreplace"))


if __name__ == "__main__":
    sys.exit(main())
