"""Outlook files, `winmail.dat` and zips, made here: a small compound-file writer and a small TNEF writer."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import UTC, datetime

END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
SECTOR, MINI, CUTOFF = 512, 64, 4096

SENT = datetime(2026, 11, 21, 22, 14, 8, tzinfo=UTC)
TRANSPORT = (
    "Received: from mx.example.net by mail.example.org; Sat, 21 Nov 2026 22:14:10 +0000\r\n"
    "From: Dan Frost <dan.frost@example.com>\r\nTo: Sam Carter <sam.carter@example.org>\r\nSubject: I know where you are\r\n"
    "Date: Sat, 21 Nov 2026 22:14:08 +0000\r\nMessage-ID: <1@example.com>\r\nContent-Type: multipart/mixed; boundary=gone\r\n\r\n"
)
WORDS = "I saw you at the station.\r\n"


def filetime(at: datetime) -> int:
    return int((at - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000


def compound(tree: dict) -> bytes:
    """A compound file: values are bytes for streams, dicts for storages."""
    entries, mini, big = [], [], []
    root = _place("Root Entry", tree, entries, mini, big)
    assert root == 0
    ministream = b"".join(data + bytes(-len(data) % MINI) for data in mini)
    minifat, sector = [], 0
    for data in mini:
        count = -(-len(data) // MINI)
        minifat += [*range(sector + 1, sector + count), END]
        sector += count
    table, sectors = [], []

    def lay(data: bytes) -> int:
        if not data:
            return END
        start, count = len(sectors), -(-len(data) // SECTOR)
        sectors.extend((data + bytes(-len(data) % SECTOR))[n * SECTOR : (n + 1) * SECTOR] for n in range(count))
        table.extend([*range(start + 1, start + count), END])
        return start

    starts = [lay(data) for data in big]
    mini_start = lay(ministream)
    minifat_bytes = b"".join(struct.pack("<I", n) for n in minifat)
    minifat_start = lay(minifat_bytes + b"\xff" * (-len(minifat_bytes) % SECTOR))
    for entry in entries:
        if entry["big"] is not None:
            entry["start"] = starts[entry["big"]]
    entries[0]["start"], entries[0]["size"] = mini_start, len(ministream)
    directory_start = lay(b"".join(map(_entry, entries)) + bytes(-len(entries) % 4 * 128))
    fat_start = len(sectors)
    count = next(n for n in range(1, 110) if n * 128 >= len(table) + n)
    table += [FAT] * count
    table += [FREE] * (count * 128 - len(table))
    fat = b"".join(struct.pack("<I", n) for n in table)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack(
        "<IIIIIIIII", 0, count, directory_start, 0, CUTOFF, minifat_start, -(-len(minifat_bytes) // SECTOR), END, 0
    )
    head += b"".join(struct.pack("<I", fat_start + n if n < count else FREE) for n in range(109))
    return head + b"".join(sectors) + fat


def _place(name, content, entries, mini, big) -> int:
    here = len(entries)
    entry = {
        "name": name,
        "kind": 5 if not here else 1,
        "child": FREE,
        "right": FREE,
        "start": 0,
        "size": 0,
        "big": None,
    }
    entries.append(entry)
    if isinstance(content, bytes):
        entry |= {"kind": 2, "size": len(content), "start": END}
        if len(content) >= CUTOFF:
            entry["big"] = len(big)
            big.append(content)
        elif content:
            entry["start"] = sum(-(-len(data) // MINI) for data in mini)
            mini.append(content)
        return here
    before = None
    for key, value in content.items():
        placed = _place(key, value, entries, mini, big)
        entries[here if before is None else before]["child" if before is None else "right"] = placed
        before = placed
    return here


def _entry(entry) -> bytes:
    name = entry["name"].encode("utf-16-le") + b"\0\0"
    return (
        name.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(name), entry["kind"], 1, FREE, entry["right"], entry["child"])
        + bytes(36)
        + struct.pack("<IQ", entry["start"], entry["size"])
    )


def storage(header: int, properties: dict, inside: dict | None = None) -> dict:
    """A storage of properties: `properties` by (id, type)."""
    fixed, streams = bytes(header), {}
    for (pid, kind), value in properties.items():
        if kind in (0x1F, 0x102):
            data = value.encode("utf-16-le") if kind == 0x1F else value
            streams[f"__substg1.0_{pid:04X}{kind:04X}"] = data
            packed = struct.pack("<II", len(data) + 2 * (kind == 0x1F), 0)
        else:
            packed = struct.pack("<Q", value)
        fixed += struct.pack("<HHI", kind, pid, 6) + packed
    return {"__properties_version1.0": fixed, **streams, **(inside or {})}


def properties_of(*, transport: str | None = TRANSPORT, words: str = WORDS, html: bytes | None = None) -> dict:
    found = {(0x001A, 0x1F): "IPM.Note", (0x0037, 0x1F): "I know where you are", (0x1000, 0x1F): words, (0x0039, 0x40): filetime(SENT),
             (0x0C1A, 0x1F): "Dan Frost", (0x0C1F, 0x1F): "/O=FIRST/CN=DAN", (0x5D01, 0x1F): "dan.frost@example.com"}  # fmt: skip
    if transport is not None:
        found[0x007D, 0x1F] = transport
    if html is not None:
        found[0x1013, 0x102] = html
    return found


def message(files: dict[str, bytes | dict] | None = None, *, header: int = 32, **rest) -> dict:
    """The storage of a message. A file that is a dict is a message inside it."""
    inside = {
        "__recip_version1.0_#00000000": storage(
            8, {(0x0C15, 3): 1, (0x3001, 0x1F): "Sam Carter", (0x39FE, 0x1F): "sam.carter@example.org"}
        )
    }
    for number, (name, content) in enumerate((files or {}).items()):
        properties = {(0x3705, 3): 1 if isinstance(content, bytes) else 5, (0x3707, 0x1F): name}
        if isinstance(content, bytes):
            attached = storage(8, properties | {(0x3701, 0x102): content, (0x370E, 0x1F): "image/png"})
        else:
            attached = storage(8, properties, {"__substg1.0_3701000D": content})
        inside[f"__attach_version1.0_#{number:08X}"] = attached
    return storage(header, properties_of(**rest), inside)


def msg(files: dict[str, bytes | dict] | None = None, **rest) -> bytes:
    return compound(message(files, **rest))


def _property(pid: int, kind: int, value) -> bytes:
    if kind in (0x1F, 0x102, 0x0D):
        data = (value + "\0").encode("utf-16-le") if kind == 0x1F else value
        return struct.pack("<HHII", kind, pid, 1, len(data)) + data + bytes(-len(data) % 4)
    return struct.pack("<HH", kind, pid) + struct.pack("<Q" if kind == 0x40 else "<I", value)


def properties(found: dict) -> bytes:
    return struct.pack("<I", len(found)) + b"".join(_property(*key, value) for key, value in found.items())


def attribute(name: int, data: bytes, level: int = 1) -> bytes:
    return struct.pack("<BII", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def tnef(files: dict[str, bytes | dict] | None = None, found: dict | None = None) -> bytes:
    """A TNEF stream. A file that is bytes beginning as TNEF is a message inside it."""
    out = (
        b"\x78\x9f\x3e\x22\x01\x00"
        + attribute(0x89006, struct.pack("<I", 0x10000))
        + attribute(0x69007, struct.pack("<II", 1252, 0))
    )
    out += attribute(0x69003, properties(found if found is not None else {}))
    for name, content in (files or {}).items():
        out += attribute(0x69002, bytes(14), 2)
        own = {(0x3707, 0x1F): name}
        if content.startswith(b"\x78\x9f\x3e\x22"):
            own[0x3701, 0x0D] = bytes.fromhex("0703020000000000c000000000000046") + content
        else:
            out += attribute(0x6800F, content, 2)
        out += attribute(0x69005, properties(own), 2)
    return out


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()
