"""Attacks on the package around the log: files, manifests, ZIP and JSON forms, keys inside (threats 9, 10 and 27)."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.verify import UnreadableError, VerificationError
from tests.attacks.forge import Few, Files, edit_line, located, pack, put_lines, refused, remanifest, unpack, verify
from tests.attacks.ground import LOG_KEY, ORIGIN, POLICY, a_case

FIRST = "data/items/00001"
SEARCHES = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_case().export(tmp_path_factory.mktemp("package"), earlier_sizes=[6], witnessed=True).path


@pytest.fixture
def files(package: Path) -> Files:
    return unpack(package)


def test_the_attackers_bench_rebuilds_an_untouched_package_byte_for_byte(package: Path, files: Files) -> None:
    assert pack(files) == package.read_bytes()
    assert pack(remanifest(files)) == package.read_bytes()


# --- edited and re-manifested -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (f"{FIRST}/original.eml", (7, f"{FIRST}/original.eml")),
        (f"{FIRST}/derived/text.txt", (7, f"{FIRST}/derived/text.txt")),
        ("data/timeline.json", (8, "data/timeline.json")),
        ("README.txt", (8, "README.txt")),
        ("bag-info.txt", (8, "bag-info.txt")),
        ("bagit.txt", (2, "bagit.txt")),
        ("verify.py", (8, "verify.py")),
        ("trust/policy", (8, "trust/policy")),
    ],
)
def test_an_edited_file_is_found_though_every_manifest_fits(
    files: Files, tmp_path: Path, name: str, place: tuple
) -> None:
    files[name] = files[name].replace(b"e", b"3", 1) + b"\n"
    assert located(refused(pack(remanifest(files)), tmp_path)) == place


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (f"{FIRST}/extra.eml", (7, f"{FIRST}/extra.eml")),
        (f"{FIRST}/derived/extra.txt", (7, FIRST)),
        ("data/extra.csv", (8, "data/extra.csv")),
        ("NOTES.txt", (8, "NOTES.txt")),
        ("custody/extra.jsonl", (8, "custody/extra.jsonl")),
        ("checkpoints/extra.note", (3, "checkpoints/extra.note")),
        ("trust/tsa-roots.pem", (8, "trust/tsa-roots.pem")),
    ],
)
def test_an_added_file_is_found_though_every_manifest_fits(
    files: Files, tmp_path: Path, name: str, place: tuple
) -> None:
    files[name] = b"added\n"
    assert located(refused(pack(remanifest(files)), tmp_path)) == place


def test_a_removed_file_is_found_though_every_manifest_fits(files: Files, tmp_path: Path) -> None:
    for name in files:
        # Manifests are made anew, so that taking one away changes nothing.
        if "manifest-" not in name:
            kept = {other: content for other, content in files.items() if other != name}
            assert located(refused(pack(remanifest(kept)), tmp_path))[1] in missed_at(name), name


def missed_at(name: str) -> set[str]:
    """Where it is said that a file is missing: at itself, or at what lists it."""
    if name.startswith("data/items/"):
        return {name, name.rpartition("/")[0].removesuffix("/derived")}
    if name.endswith(".note"):
        return {"checkpoints/consistency.jsonl"}
    return {name}


@pytest.mark.parametrize(
    "name", ["README.txt", "tagmanifest-sha256.txt", "manifest-sha512.txt", f"{FIRST}/original.eml"]
)
def test_a_removed_file_is_found_at_its_own_name(files: Files, tmp_path: Path, name: str) -> None:
    del files[name]
    assert located(refused(pack(files), tmp_path)) == (2, name)


def test_a_changed_file_is_found_at_its_own_name_when_manifests_are_left(files: Files, tmp_path: Path) -> None:
    for name in [f"{FIRST}/original.eml", "README.txt", "custody/proofs.jsonl"]:
        assert located(refused(pack({**files, name: files[name] + b" "}), tmp_path)) == (2, name)


def test_an_added_file_is_found_at_its_own_name_when_manifests_are_left(files: Files, tmp_path: Path) -> None:
    for name in ["data/a.txt", "data/zz.txt", "NOTES.txt", "zz.txt"]:
        assert located(refused(pack({**files, name: b""}), tmp_path)) == (2, name)


def test_a_derived_file_changed_with_its_item_json_is_bound_by_the_manifest(files: Files, tmp_path: Path) -> None:
    files[f"{FIRST}/derived/text.txt"] = b"another reading"
    digest = hashlib.sha256(b"another reading").hexdigest()
    edit_line(files, f"{FIRST}/item.json", 0, lambda item: item["derived"][0].update(sha256=digest))
    assert located(refused(pack(remanifest(files)), tmp_path)) == (8, "manifest-sha256.txt")


def test_swapped_items_are_found(files: Files, tmp_path: Path) -> None:
    one, two = f"{FIRST}/original.eml", "data/items/00002/original.eml"
    files[one], files[two] = files[two], files[one]
    assert located(refused(pack(remanifest(files)), tmp_path)) == (7, one)


def test_items_swapped_whole_are_still_bound(files: Files, tmp_path: Path) -> None:
    for name in [name for name in files if name.startswith(f"{FIRST}/")]:
        other = name.replace("00001", "00002")
        files[name], files[other] = files[other], files[name]
    assert located(refused(pack(remanifest(files)), tmp_path)) == (8, "manifest-sha256.txt")


def test_an_item_twice_is_found(files: Files, tmp_path: Path) -> None:
    for name in [name for name in files if name.startswith(f"{FIRST}/")]:
        files[name.replace("00001", "00002")] = files[name]
    assert located(refused(pack(remanifest(files)), tmp_path)) == (7, "data/items/00002")


def test_items_numbered_with_more_digits_than_their_number_needs_are_found(files: Files, tmp_path: Path) -> None:
    wide = {name.replace("data/items/", "data/items/0"): content for name, content in files.items()}
    assert located(refused(pack(remanifest(wide)), tmp_path)) == (7, "data/items/000003")


def test_a_gap_in_the_items_is_found(files: Files, tmp_path: Path) -> None:
    for name in [name for name in files if name.startswith("data/items/00002/")]:
        del files[name]
    assert located(refused(pack(remanifest(files)), tmp_path)) == (7, "data/items/00003")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"sha256": "00" * 32}, f"{FIRST}/item.json"),
        ({"received_at": "2026-11-22T09:01:00.000Z"}, f"{FIRST}/item.json"),
        ({"channel": "sms"}, f"{FIRST}/item.json"),
        ({"reference": "ABC/7"}, FIRST),
        ({"reference": None}, FIRST),
        ({"exhibit_id": "00000000-0000-5000-8000-000000000009"}, FIRST),
        ({"original": None}, FIRST),
        ({"original": None, "withheld": "lost"}, FIRST),
        ({"derived": []}, FIRST),
        ({"derived": [{"maker": "x", "path": "../../outside", "sha256": "00" * 32}]}, FIRST),
        ({"derived": [{"maker": "x"}]}, f"{FIRST}/item.json"),
        ({"size_bytes": -1}, f"{FIRST}/item.json"),
        ({"comment": "new"}, f"{FIRST}/item.json"),
    ],
)
def test_an_edited_item_json_is_found(files: Files, tmp_path: Path, change: dict, place: str) -> None:
    edit_line(files, f"{FIRST}/item.json", 0, lambda item: item.update(change))
    assert located(refused(pack(remanifest(files)), tmp_path)) == (7, place)


def test_an_attackers_policy_and_verifier_inside_have_no_effect(files: Files, tmp_path: Path) -> None:
    """Keys in the package are never read: the same forged package fails with and without them."""
    fault = refused(pack(files), tmp_path, policy=POLICY.replace("log ", "# log ").replace("quorum", "quorum"))
    assert fault.step == 3
    files["trust/policy"] = f"log {LOG_KEY.verifier.encode()}\nquorum none\n".encode()
    files["verify.py"] = b"print('verified')\n"
    assert refused(pack(remanifest(files)), tmp_path).step == 8


# --- checkpoints ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace(ORIGIN.encode(), b"archive.example/elsewhere", 1),
        lambda note: note.replace(b"\n16\n", b"\n17\n"),
        lambda note: note.replace(b"\n16\n", b"\n016\n"),
        lambda note: note.replace(b"\n\n", b"\nextension\n\n"),
        lambda note: note[: note.index("\N{EM DASH}".encode())],
        lambda note: note + b"\n",
        lambda note: note[:-1],
        lambda note: note + b"\xff",
        lambda note: note.replace(b"\n", b"\r\n"),
        lambda note: b"",
        lambda note: note.replace(note.split(b" ")[2][20:24], b"AAAA"),
    ],
)
def test_a_changed_checkpoint_is_found(files: Files, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    name = "checkpoints/16.note"
    files[name] = change(files[name])
    assert located(refused(pack(remanifest(files)), tmp_path)) == (3, name)


def test_an_older_checkpoint_cannot_stand_for_the_newest(files: Files, tmp_path: Path) -> None:
    del files["checkpoints/16.note"]
    files["checkpoints/consistency.jsonl"] = b""
    assert located(refused(pack(remanifest(files)), tmp_path)) == (5, "entry 1")


@pytest.mark.parametrize(
    "form", [b"", b"{}\n", b'{"from":6,"path":[],"to":16}\n', b'{"from":5,"path":[],"to":16}\n', b"[]\n"]
)
def test_a_missing_or_false_consistency_proof_is_found(files: Files, tmp_path: Path, form: bytes) -> None:
    files["checkpoints/consistency.jsonl"] = form
    fault = refused(pack(remanifest(files)), tmp_path)
    assert fault.step == 4
    assert fault.item.startswith("checkpoints/consistency.jsonl")


# --- JSON forms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda line: line.replace(b'"index":', b'"index": ', 1), id="a space"),
        pytest.param(lambda line: line.replace(b'"index":1', b'"index":1.0', 1), id="a float"),
        pytest.param(lambda line: line.replace(b'"index":1', b'"index":1e0', 1), id="an exponent"),
        pytest.param(lambda line: line.replace(b'"index":1', b'"index":-0', 1), id="minus zero"),
        pytest.param(lambda line: line.replace(b'"index":1', b'"index":NaN', 1), id="not a number"),
        pytest.param(lambda line: line.replace(b'"index":1', b'"index":true', 1), id="a truth for a number"),
        pytest.param(lambda line: line.replace(b'"index":1', b'"index":%d' % 2**53, 1), id="a number too large"),
        pytest.param(
            lambda line: line.replace(b'"index":1', b'"index":' + b"9" * 5000, 1), id="a number of digits without end"
        ),
        pytest.param(lambda line: b'{"index":1,' + line[1:], id="a key twice"),
        pytest.param(lambda line: line[:-1] + b',"zz":1}', id="a further key"),
        pytest.param(
            lambda line: b'{"withheld":null,' + line[1:].replace(b',"withheld":null', b""), id="keys out of order"
        ),
        pytest.param(
            lambda line: line.replace(b"case.opened", b"case\\u002eopened"), id="an escape that is not needed"
        ),
        pytest.param(lambda line: line.replace(b"case.opened", b"case\\ud800opened"), id="half a character"),
        pytest.param(lambda line: line.replace(b"case.opened", b"case\xffopened"), id="not UTF-8"),
        pytest.param(lambda line: b"\xef\xbb\xbf" + line, id="a byte order mark"),
        pytest.param(lambda line: b"[" * 100_000 + b"]" * 100_000, id="nesting without end"),
        pytest.param(lambda line: line + b"\r", id="a carriage return"),
        pytest.param(lambda line: line + b"\n", id="an empty line"),
        pytest.param(lambda line: b"null", id="null"),
        pytest.param(lambda line: b"", id="nothing"),
    ],
)
def test_json_in_any_other_form_is_refused(files: Files, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    first, rest = files["custody/entries.jsonl"].split(b"\n", 1)
    files["custody/entries.jsonl"] = change(first) + b"\n" + rest
    fault = refused(pack(remanifest(files)), tmp_path)
    assert fault.step == 5
    assert fault.item == "entry 1" or fault.item.startswith("custody/entries.jsonl")


def test_a_last_line_that_does_not_end_is_refused(files: Files, tmp_path: Path) -> None:
    files["custody/entries.jsonl"] = files["custody/entries.jsonl"][:-1]
    assert located(refused(pack(remanifest(files)), tmp_path)) == (5, "custody/entries.jsonl")


@pytest.mark.parametrize(
    "name",
    [
        "custody/entries.jsonl",
        "custody/proofs.jsonl",
        "custody/streams.jsonl",
        "custody/withheld.jsonl",
        "checkpoints/consistency.jsonl",
        f"{FIRST}/item.json",
    ],
)
@pytest.mark.parametrize(
    "line", [b"1\n", b'"x"\n', b"[]\n", b"{}\n", b'{"index":1}\n', b"\x00\n", b'{"a":' * 5000 + b"\n"]
)
def test_lines_of_another_shape_are_refused_wherever_they_stand(
    files: Files, tmp_path: Path, name: str, line: bytes
) -> None:
    files[name] = line
    assert refused(pack(remanifest(files)), tmp_path).step in range(4, 8)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(files: Files, tmp_path: Path) -> None:
    files["custody/entries.jsonl"] = b'"' + b"x" * (18 << 20)
    assert "longer" in refused(pack(remanifest(files)), tmp_path).reason


# --- ZIP forms --------------------------------------------------------------------------------------------------------


def test_a_cut_package_is_refused_at_any_length(package: Path, tmp_path: Path) -> None:
    raw, few = package.read_bytes(), Few(30)
    for length in [*range(60), *range(60, len(raw), 997), *range(len(raw) - 60, len(raw))]:
        (tmp_path / "cut.zip").write_bytes(raw[:length])
        with pytest.raises((VerificationError, UnreadableError)):
            verify(tmp_path / "cut.zip", POLICY, in_browser=length > len(raw) - 20 and few())


@pytest.mark.parametrize("tail", [b"\x00", b"\n", b"PK\x05\x06" + bytes(18), b"x" * 70_000])
def test_bytes_behind_the_end_are_refused(package: Path, tmp_path: Path, tail: bytes) -> None:
    assert refused(package.read_bytes() + tail, tmp_path).step == 1


@pytest.mark.parametrize("front", [b"\x00", b"#!/bin/sh\n", b"PK\x03\x04"])
def test_bytes_before_the_beginning_are_refused(package: Path, tmp_path: Path, front: bytes) -> None:
    path = tmp_path / "front.zip"
    path.write_bytes(front + package.read_bytes())
    with pytest.raises(VerificationError) as caught:
        verify(path, POLICY)
    assert caught.value.step == 1


def test_bytes_between_files_are_refused(package: Path, tmp_path: Path) -> None:
    """Two entries' bytes with a gap between, and a directory that knows of it."""
    raw = package.read_bytes()
    at = raw.index(b"PK\x03\x04", 4)
    gap = bytearray(raw[:at] + b"hidden" + raw[at:])
    # Not the first that looks like one: the browser verifier, which lies in the package, names the signatures.
    (before,) = struct.unpack_from("<L", gap, gap.rindex(b"PK\x05\x06") + 16)
    start = directory = before + 6
    while gap[start : start + 4] == b"PK\x01\x02":
        (offset,) = struct.unpack_from("<L", gap, start + 42)
        struct.pack_into("<L", gap, start + 42, offset + 6 if offset else 0)
        start += 46 + struct.unpack_from("<H", gap, start + 28)[0]
    struct.pack_into("<L", gap, start + 16, directory)
    with ZipFile(BytesIO(bytes(gap))) as archive:
        assert archive.testzip() is None
    assert located(refused(bytes(gap), tmp_path)) == (1, "bag-info.txt")


def rezipped(files: Files, change: Callable[[ZipInfo], None] = lambda info: None, **options: int) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w", **options) as archive:
        for name in sorted(files):
            info = ZipInfo(name)
            info.compress_type = options.get("compression", 0)
            info.external_attr = 0
            info.create_system = 0
            info.flag_bits |= 0x800
            change(info)
            archive.writestr(info, files[name])
    return out.getvalue()


@pytest.mark.parametrize(
    ("change", "options"),
    [
        pytest.param(lambda info: None, {}, id="another writer"),
        pytest.param(lambda info: setattr(info, "date_time", (2026, 11, 23, 9, 0, 0)), {}, id="a date"),
        pytest.param(lambda info: setattr(info, "external_attr", 0o100644 << 16), {}, id="attributes"),
        pytest.param(lambda info: setattr(info, "external_attr", 0o120777 << 16), {}, id="symbolic links"),
        pytest.param(lambda info: setattr(info, "comment", b"hello"), {}, id="a comment"),
        pytest.param(
            lambda info: setattr(info, "extra", struct.pack("<HH4s", 0x5455, 4, b"time")), {}, id="an extra field"
        ),
        pytest.param(lambda info: None, {"compression": ZIP_DEFLATED}, id="compression"),
    ],
)
def test_a_zip_in_any_other_form_is_refused(
    files: Files, tmp_path: Path, change: Callable[[ZipInfo], None], options: dict
) -> None:
    assert located(refused(rezipped(files, change, **options), tmp_path)) == (1, "README.txt")


def raw_zip(members: list[tuple[bytes, bytes]]) -> bytes:
    """A ZIP in canonical form but for the names, which are as hostile as one likes."""
    body, directory = b"", b""
    for name, content in members:
        common = struct.pack("<HHHHLLL", 0x800, 0, 0, 0x21, zlib.crc32(content), len(content), len(content))
        directory += (
            b"PK\x01\x02"
            + struct.pack("<2H", 20, 20)
            + common
            + struct.pack("<5H2L", len(name), 0, 0, 0, 0, 0, len(body))
            + name
        )
        body += b"PK\x03\x04" + struct.pack("<H", 20) + common + struct.pack("<2H", len(name), 0) + name + content
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + end


@pytest.mark.parametrize(
    "name",
    [
        b"../evil", b"/etc/passwd", b"a/../b", b"a//b", b"./a", b"a/./b", b"a/", b"a\\b", b"C:x", b".hidden", b"-rf", b"a b", b"a\x00b", b"",
        "\N{LATIN SMALL LETTER E WITH ACUTE}".encode(), b"x" * 241, b"a\nb",
    ],
)  # fmt: skip
def test_names_that_are_not_plain_are_refused(tmp_path: Path, name: bytes) -> None:
    raw = raw_zip([(name, b"")])
    assert refused(raw, tmp_path).step == 1


@pytest.mark.parametrize("names", [(b"a", b"a"), (b"b", b"a"), (b"A", b"a"), (b"a", b"a/b"), (b"A/b", b"a")])
def test_names_twice_out_of_order_or_colliding_are_refused(tmp_path: Path, names: tuple[bytes, bytes]) -> None:
    fault = refused(raw_zip([(name, b"") for name in names]), tmp_path)
    assert fault.step == 1
    assert fault.item in {name.decode() for name in names}


def test_a_raw_zip_with_the_packages_own_names_is_the_package(package: Path, files: Files) -> None:
    """The hostile writer above is refused for its names alone."""
    assert raw_zip([(name.encode(), files[name]) for name in sorted(files)]) == package.read_bytes()


@pytest.mark.parametrize("claimed", [0xFFFF, 5, 0])
def test_a_directory_that_miscounts_is_refused(package: Path, tmp_path: Path, claimed: int) -> None:
    raw = bytearray(package.read_bytes())
    struct.pack_into("<2H", raw, len(raw) - 14, claimed, claimed)
    assert refused(bytes(raw), tmp_path).step == 1


FEW_FLIPS, FEW_STRONG, FEW_BYTES, FEW_VALUES = Few(20), Few(25), Few(10), Few(20)


# --- any bit ----------------------------------------------------------------------------------------------------------


@SEARCHES
@given(position=st.integers(0), bit=st.integers(0, 7))
def test_no_flipped_bit_anywhere_passes(package: Path, tmp_path: Path, position: int, bit: int) -> None:
    raw = bytearray(package.read_bytes())
    raw[position % len(raw)] ^= 1 << bit
    (tmp_path / "flipped.zip").write_bytes(raw)
    with pytest.raises((VerificationError, UnreadableError)):
        verify(tmp_path / "flipped.zip", None, in_browser=FEW_FLIPS())


@settings(SEARCHES, max_examples=200)
@given(data=st.data())
def test_no_flipped_bit_in_any_file_passes_though_everything_else_fits(
    package: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """The strong form: CRCs, manifests and tag manifests are all made anew around the flipped bit."""
    files = unpack(package)
    name = data.draw(st.sampled_from(sorted(name for name in files if files[name] and "manifest-" not in name)))
    content = bytearray(files[name])
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    witness_line = files["checkpoints/16.note"].decode().splitlines()[-1].encode()
    in_witness_line = name == "checkpoints/16.note" and position >= files[name].index(witness_line)
    raw = pack(remanifest({**files, name: bytes(content)}))
    if raw == package.read_bytes() or in_witness_line:
        # Payload-Oxum is made anew; and a policy that knows no witness has to ignore what stands in a witness's line.
        return
    fault = refused(raw, tmp_path, in_browser=FEW_STRONG())
    assert fault.step in range(2, 9)


@SEARCHES
@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_refused_without_a_crash(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "any.zip").write_bytes(raw)
    with pytest.raises((VerificationError, UnreadableError)):
        verify(tmp_path / "any.zip", None, in_browser=FEW_BYTES())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats()
    | st.text()
    | st.sampled_from(["0" * 64, "2026-01-01T00:00:00.000Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(SEARCHES, max_examples=200)
@given(data=st.data())
def test_any_value_in_place_of_any_other_is_refused_without_a_crash(
    package: Path, tmp_path: Path, data: st.DataObject
) -> None:
    files = unpack(package)
    names = [name for name in files if name.endswith((".jsonl", "item.json")) and files[name]]
    name = data.draw(st.sampled_from(sorted(names)))
    values = [json.loads(line) for line in files[name].splitlines()]
    number = data.draw(st.integers(0, len(values) - 1))
    target, before = values, number
    while isinstance(target[before], (dict, list)) and target[before] and data.draw(st.booleans()):
        target = target[before]
        before = data.draw(st.sampled_from(sorted(target) if isinstance(target, dict) else range(len(target))))
    new = data.draw(JSON)
    if new == target[before] and type(new) is type(target[before]):
        return
    target[before] = new
    files[name] = b"".join(
        json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
        for value in values
    )
    assert refused(pack(remanifest(files)), tmp_path, in_browser=FEW_VALUES()).step in range(4, 9)


def test_what_no_check_foresaw_fails_closed(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("unforeseen")

    monkeypatch.setattr("archive.verify.check_items", stumble)
    with pytest.raises(VerificationError, match="KeyError") as caught:
        verify(package, POLICY, in_browser=False)
    assert caught.value.step == 7


def test_put_lines_writes_what_was_there(files: Files) -> None:
    """The bench's own JSON is canonical: what it changes is refused for the change alone."""
    before = files["custody/entries.jsonl"]
    put_lines(files, "custody/entries.jsonl", [json.loads(line) for line in before.splitlines()])
    assert files["custody/entries.jsonl"] == before
