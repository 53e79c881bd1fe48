"""Every other form of the same package: each field of the ZIP, each way to write JSON, base64 and DER (threats 9 and 27).

What two readers could read differently is refused, and named where it stands, though every manifest fits.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from archive.custody import SYSTEM, Action
from archive.package import Seal
from tests.attacks.authority import NOON, Authority
from tests.attacks.forge import Files, located, pack, refused, remanifest, unpack, verify
from tests.attacks.ground import NINE, POLICY, a_case
from tests.attacks.test_history import FIRST as FIRST_EXHIBIT

GOOD = Authority.make("good")
ASKING = POLICY + GOOD.policy_lines("good")
ITEM = "data/items/00001/item.json"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package in which no file is empty: with an earlier checkpoint, tokens, a record of one, a payload withheld."""
    ground = a_case()
    note, size = ground.ledger.note(), len(ground.ledger.entries)
    token = GOOD.stamp(note, NINE.replace(hour=10))
    digest = hashlib.sha256(token).hexdigest()
    received = ground.ledger.record(SYSTEM, Action.TIMESTAMP_RECEIVED, 61, token_sha256=digest, checkpoint_size=size)
    ground.tsa_roots = GOOD.roots

    def seal(sealed: bytes) -> Seal:
        return (
            Seal(sealed, {"good": token}, [received])
            if sealed == note
            else Seal(sealed, {"good": GOOD.stamp(sealed, NOON)})
        )

    read = next(e for e in ground.ledger.entries if e.stream == FIRST_EXHIBIT and e.stream_seq == 1)
    return ground.export(
        tmp_path_factory.mktemp("forms"), earlier_sizes=[size], seal=seal, withheld={read.index: "names a third person"}
    ).path


@pytest.fixture
def files(package: Path) -> Files:
    return unpack(package)


def test_the_package_itself_is_verified_and_none_of_its_files_is_empty(package: Path, files: Files) -> None:
    assert verify(package, ASKING).state == "verified"
    assert all(files.values())


# --- JSON -------------------------------------------------------------------------------------------------------------

# Each file of JSON, and what a fault in its first line is named after.
PLACES = {
    "custody/entries.jsonl": r"entry 1$|custody/entries\.jsonl(, after entry -1)?$",
    "custody/proofs.jsonl": r"entry 1$|custody/proofs\.jsonl$",
    "custody/streams.jsonl": r"custody/streams\.jsonl$|case:",
    "custody/withheld.jsonl": r"custody/withheld\.jsonl$",
    "checkpoints/consistency.jsonl": r"checkpoints/consistency\.jsonl(, from 14 to 17)?$",
    "checkpoints/anchors.jsonl": r"checkpoints/anchors\.jsonl(, entry 14)?$|entry 14$",
    ITEM: r"data/items/00001(/item\.json)?$",
}


def number(form: bytes) -> Callable[[bytes], bytes]:
    """The line's first number in another form."""
    return lambda line: re.sub(rb'":([0-9]+)', lambda found: b'":' + form.replace(b"N", found[1]), line, count=1)


def turned(line: bytes) -> bytes:
    """The same fields, the last first."""
    pairs = [
        json.dumps({key: value}, ensure_ascii=False, separators=(",", ":"))[1:-1]
        for key, value in json.loads(line).items()
    ]
    return b"{" + ",".join(reversed(pairs)).encode() + b"}"


def shorter(line: bytes) -> bytes:
    """Without its last field."""
    fields = json.loads(line)
    fields.popitem()
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def doubled(line: bytes, *, value: bytes | None = None) -> bytes:
    """Its first field twice."""
    key, first = next(iter(json.loads(line).items()))
    again = json.dumps(first, ensure_ascii=False, separators=(",", ":")).encode() if value is None else value
    return b'{"%b":%b,%b' % (key.encode(), again, line[1:])


JSON_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "a space behind a colon": lambda line: line.replace(b'":', b'": ', 1),
    "a space behind the line": lambda line: line + b" ",
    "a space before the line": lambda line: b" " + line,
    "a tab behind a brace": lambda line: b"{\t" + line[1:],
    "a carriage return": lambda line: line + b"\r",
    "an empty line before it": lambda line: b"\n" + line,
    "a byte order mark": lambda line: b"\xef\xbb\xbf" + line,
    "two values on the line": lambda line: line + line,
    "a comma behind it": lambda line: line + b",",
    "a comma behind the last field": lambda line: line[:-1] + b",}",
    "a comment": lambda line: line + b"//",
    "a null byte": lambda line: line + b"\x00",
    "fields in another order": turned,
    "a field twice": doubled,
    "a field twice with another value": lambda line: doubled(line, value=b"null"),
    "a field more": lambda line: line[:-1] + b',"zz":1}',
    "a field less": shorter,
    "an escape that is not needed": lambda line: b'{"\\u%04x%b' % (line[2], line[3:]),
    "half a character": lambda line: b'{"\\ud800' + line[2:],
    "not UTF-8": lambda line: b'{"\xff' + line[2:],
    "a letter in a longer form": lambda line: b'{"%b%b' % (bytes([0xC0 | line[2] >> 6, 0x80 | line[2] & 0x3F]), line[3:]),
    "an array around it": lambda line: b"[" + line + b"]",
    "single quotes": lambda line: line.replace(b'"', b"'"),
    "a number with a fraction": number(b"N.0"),
    "a number with an exponent": number(b"Ne0"),
    "a number with a nought before it": number(b"0N"),
    "a number with a sign": number(b"+N"),
    "minus nought": number(b"-0"),
    "a negative number": number(b"-N"),
    "a number that is none": number(b"NaN"),
    "a number without end": number(b"Infinity"),
    "a number too large to be exact": number(b"9007199254740993"),
    "a number in quotes": number(b'"N"'),
    "a truth for a number": number(b"true"),
    "cut off": lambda line: line[:-1],
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("form", JSON_FORMS)
def test_json_in_any_other_form_is_refused_where_it_stands(files: Files, tmp_path: Path, name: str, form: str) -> None:
    first, rest = files[name].split(b"\n", 1)
    changed = JSON_FORMS[form](first)
    assert changed != first
    files[name] = changed + b"\n" + rest
    assert re.match(PLACES[name], refused(pack(remanifest(files)), tmp_path, policy=ASKING).item)


@pytest.mark.parametrize("name", PLACES)
def test_a_last_line_without_its_end_is_refused(files: Files, tmp_path: Path, name: str) -> None:
    files[name] = files[name][:-1]
    assert refused(pack(remanifest(files)), tmp_path, policy=ASKING).item == name


@pytest.mark.parametrize("name", [name for name in PLACES if name != "custody/withheld.jsonl"])
def test_a_digest_in_capitals_is_refused(files: Files, tmp_path: Path, name: str) -> None:
    capitals = re.sub(rb"[0-9a-f]{64}", lambda found: found[0].upper(), files[name], count=1)
    assert capitals != files[name]
    files[name] = capitals
    assert re.match(PLACES[name], refused(pack(remanifest(files)), tmp_path, policy=ASKING).item)


# --- base64 and DER ---------------------------------------------------------------------------------------------------


def spare_bits_set(encoded: str) -> str:
    """The same bytes by a lax reader: the bits that the last letter has too many are not nought."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bare = encoded.rstrip("=")
    return bare[:-1] + letters[letters.index(bare[-1]) + 1] + encoded[len(bare) :]


BASE64_FORMS: dict[str, Callable[[str], str]] = {
    "spare bits": spare_bits_set,
    "without padding": lambda text: text.rstrip("="),
    "padding twice": lambda text: text + "=",
    "for addresses": lambda text: text.replace("+", "-").replace("/", "_"),
    "a letter of no alphabet": lambda text: text[:8] + "*" + text[8:],
}


@pytest.mark.parametrize("form", BASE64_FORMS)
@pytest.mark.parametrize("of", ["root", "signature"])
def test_base64_in_any_other_form_is_refused_at_its_checkpoint(
    files: Files, tmp_path: Path, form: str, of: str
) -> None:
    name = "checkpoints/17.note"
    lines = files[name].decode().split("\n")
    words = lines[2] if of == "root" else lines[4].split(" ")[2]
    changed = BASE64_FORMS[form](words)
    if form == "for addresses" and changed == words:
        changed = words.replace(words[3], "-", 1)
    elif form == "spare bits":
        assert base64.b64decode(changed) == base64.b64decode(words)
    files[name] = files[name].replace(words.encode(), changed.encode())
    assert located(refused(pack(remanifest(files)), tmp_path, policy=ASKING)) == (3, name)


def longer_length(raw: bytes) -> bytes:
    """The outermost length written with a nought before it, as BER allows and DER does not."""
    assert raw[:2] == b"\x30\x82"
    return b"\x30\x83\x00" + raw[2:]


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(longer_length, id="a length with a nought before it"),
        pytest.param(lambda raw: b"\x30\x80" + raw[4:] + b"\x00\x00", id="a length that is not stated"),
        pytest.param(lambda raw: b"\x31" + raw[1:], id="another tag"),
        pytest.param(lambda raw: raw + raw, id="twice"),
        pytest.param(base64.b64encode, id="base64"),
        pytest.param(lambda raw: raw[9:], id="without its status"),
    ],
)
def test_a_token_in_any_other_form_is_refused_at_its_name(
    files: Files, tmp_path: Path, form: Callable[[bytes], bytes]
) -> None:
    name = "checkpoints/17.good.tsr"
    files[name] = form(files[name])
    assert located(refused(pack(remanifest(files)), tmp_path, policy=ASKING)) == (9, name)


# --- ZIP: every field of every header ---------------------------------------------------------------------------------

NAME = "custody/proofs.jsonl"
LOCAL_FIELDS = {
    "signature": (0, "L"), "version": (4, "H"), "flags": (6, "H"), "method": (8, "H"), "time": (10, "H"),
    "date": (12, "H"), "crc": (14, "L"), "packed size": (18, "L"), "size": (22, "L"), "name length": (26, "H"),
    "extra length": (28, "H"),
}  # fmt: skip
CENTRAL_FIELDS = {
    "signature": (0, "L"), "made by": (4, "H"), "version": (6, "H"), "flags": (8, "H"), "method": (10, "H"),
    "time": (12, "H"), "date": (14, "H"), "crc": (16, "L"), "packed size": (20, "L"), "size": (24, "L"),
    "name length": (28, "H"), "extra length": (30, "H"), "comment length": (32, "H"), "disk": (34, "H"),
    "internal attributes": (36, "H"), "external attributes": (38, "L"), "offset": (42, "L"),
}  # fmt: skip
END_FIELDS = {
    "signature": (0, "L"), "disk": (4, "H"), "disk of the directory": (6, "H"), "files on this disk": (8, "H"),
    "files": (10, "H"), "directory size": (12, "L"), "directory offset": (16, "L"), "comment length": (20, "H"),
}  # fmt: skip


def changed_field(raw: bytes, at: int, width: str, by: int) -> bytes:
    (before,) = struct.unpack_from(f"<{width}", raw, at)
    changed = bytearray(raw)
    struct.pack_into(f"<{width}", changed, at, (before + by) % (1 << 8 * struct.calcsize(f"<{width}")))
    return bytes(changed)


@pytest.mark.parametrize("by", [1, -1, 8])
@pytest.mark.parametrize("field", LOCAL_FIELDS)
def test_any_other_value_in_a_files_header_is_refused_at_its_name(
    package: Path, tmp_path: Path, field: str, by: int
) -> None:
    raw = package.read_bytes()
    at, width = LOCAL_FIELDS[field]
    header = raw.index(b"PK\x03\x04\x14\x00", raw.index(NAME.encode()) - 30)
    assert located(refused(changed_field(raw, header + at, width, by), tmp_path)) == (1, NAME)


@pytest.mark.parametrize("by", [1, -1, 8])
@pytest.mark.parametrize("field", CENTRAL_FIELDS)
def test_any_other_value_in_a_directory_entry_is_refused_at_its_place(
    package: Path, files: Files, tmp_path: Path, field: str, by: int
) -> None:
    raw = package.read_bytes()
    at, width = CENTRAL_FIELDS[field]
    start = raw.rindex(NAME.encode()) - 46
    assert raw[start : start + 4] == b"PK\x01\x02"
    number = sorted(files).index(NAME)
    fault = refused(changed_field(raw, start + at, width, by), tmp_path)
    assert fault.step == 1
    # With a name of another length this may still be an entry, and the next begins in the wrong place.
    assert fault.item.startswith(NAME) or fault.item in {f"directory entry {number}", f"directory entry {number + 1}"}


@pytest.mark.parametrize("by", [1, -1, 8])
@pytest.mark.parametrize("field", END_FIELDS)
def test_any_other_value_in_the_end_of_the_zip_is_refused(package: Path, tmp_path: Path, field: str, by: int) -> None:
    raw = package.read_bytes()
    at, width = END_FIELDS[field]
    assert located(refused(changed_field(raw, len(raw) - 22 + at, width, by), tmp_path)) == (1, "end of the ZIP")


# --- ZIP: what programs read differently --------------------------------------------------------------------------------


def local(name: bytes, content: bytes, *, flags: int = 0x800, marks: bool = False, extra: bytes = b"") -> bytes:
    size = 0xFFFFFFFF if marks else len(content)
    crc = 0 if flags & 8 else zlib.crc32(content)
    stated = 0 if flags & 8 else size
    return b"PK\x03\x04" + struct.pack("<5H3L2H", 20, flags, 0, 0, 0x21, crc, stated, stated, len(name), len(extra)) + name + extra  # fmt: skip


def central(name: bytes, content: bytes, offset: int, *, flags: int = 0x800, marks: bool = False, extra: bytes = b"") -> bytes:  # fmt: skip
    size = 0xFFFFFFFF if marks else len(content)
    fixed = (20, 20, flags, 0, 0, 0x21, zlib.crc32(content), size, size, len(name), len(extra), 0, 0, 0)
    return b"PK\x01\x02" + struct.pack("<6H3L5H", *fixed) + struct.pack("<2L", 0, offset) + name + extra


def end(count: int, size: int, offset: int) -> bytes:
    return b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, count, count, size, offset, 0)


ONE, OTHER = (b"a", b"one"), (b"b", b"other")


def joined(bodies: list[bytes], directory: list[bytes]) -> bytes:
    body, listed = b"".join(bodies), b"".join(directory)
    return body + listed + end(len(directory), len(listed), len(body))


def wide(content: bytes) -> bytes:
    return struct.pack("<HHQQ", 1, 16, len(content), len(content))


def test_the_writer_of_these_forms_makes_what_the_archive_makes() -> None:
    first = local(*ONE) + ONE[1]
    raw = joined([first, local(*OTHER) + OTHER[1]], [central(*ONE, 0), central(*OTHER, len(first))])
    assert raw == pack({"a": b"one", "b": b"other"})


FIRST_BYTES = local(*ONE) + ONE[1]
SECOND_BYTES = local(*OTHER) + OTHER[1]
STRUCTURES = {
    "another name in the header than in the directory": (
        joined([local(b"z", b"one") + b"one"], [central(*ONE, 0)]),
        "a",
    ),
    "two names for one file": (joined([FIRST_BYTES], [central(*ONE, 0), central(b"b", b"one", 0)]), "b"),
    "bodies in another order than names": (
        joined([SECOND_BYTES, FIRST_BYTES], [central(*ONE, len(SECOND_BYTES)), central(*OTHER, 0)]),
        "a",
    ),
    "one file inside another": (
        joined([local(b"a", FIRST_BYTES) + FIRST_BYTES], [central(b"a", FIRST_BYTES, 0), central(b"b", b"one", 31)]),
        "b",
    ),
    "a file that no directory names, at the end": (
        joined([FIRST_BYTES, SECOND_BYTES], [central(*ONE, 0)]),
        "end of the ZIP",
    ),
    "a file that no directory names, at the beginning": (
        joined([SECOND_BYTES, FIRST_BYTES], [central(*ONE, len(SECOND_BYTES))]),
        "a",
    ),
    "a size behind the bytes": (
        joined(
            [
                local(*ONE, flags=0x808)
                + ONE[1]
                + b"PK\x07\x08"
                + struct.pack("<3L", zlib.crc32(ONE[1]), len(ONE[1]), len(ONE[1]))
            ],
            [central(*ONE, 0, flags=0x808)],
        ),
        "a",
    ),
    "sizes of 64 bits where 32 do": (
        joined(
            [local(*ONE, marks=True, extra=wide(ONE[1])) + ONE[1]],
            [central(*ONE, 0, marks=True, extra=wide(ONE[1]))],
        ),
        "a",
    ),
    "another name in an extra field": (
        joined(
            [FIRST_BYTES],
            [central(*ONE, 0, extra=struct.pack("<HHBL", 0x7075, 6, 1, zlib.crc32(b"a")) + b"z")],
        ),
        "a",
    ),
    "an end of 64 bits where 32 do": (
        FIRST_BYTES
        + central(*ONE, 0)
        + b"PK\x06\x06"
        + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, 1, 1, 47, len(FIRST_BYTES))
        + b"PK\x06\x07"
        + struct.pack("<LQL", 0, len(FIRST_BYTES) + 47, 1)
        + end(1, 47, len(FIRST_BYTES)),
        "end of the ZIP",
    ),
    "two archives behind each other": (
        joined([FIRST_BYTES], [central(*ONE, 0)]) + joined([SECOND_BYTES], [central(*OTHER, 0)]),
        "end of the ZIP",
    ),
    "an end inside a comment": (
        joined([FIRST_BYTES], [central(*ONE, 0)])[:-2] + b"\x16\x00" + end(1, 47, len(FIRST_BYTES)),
        "end of the ZIP",
    ),
    "a folder of its own": (
        joined([local(b"a/", b"")], [central(b"a/", b"", 0)]),
        "a/",
    ),
    "a size that the file does not have": (
        joined([FIRST_BYTES], [central(b"a", bytes(1 << 20), 0)]),
        "end of the ZIP",
    ),
}


@pytest.mark.parametrize("structure", STRUCTURES)
def test_what_programs_would_unpack_differently_is_refused(tmp_path: Path, structure: str) -> None:
    raw, item = STRUCTURES[structure]
    assert located(refused(raw, tmp_path)) == (1, item)
