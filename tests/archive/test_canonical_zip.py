"""The canonical ZIP: readable by everybody, writable in one way only."""

from contextlib import closing
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import canonical_zip, verify
from archive.canonical_zip import ZipMember, zip_pieces
from archive.errors import DigestMismatchError, UnverifiablePackageError

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)


def zipped(contents: dict[str, bytes]) -> bytes:
    return b"".join(zip_pieces(ZipMember.of(name, contents[name]) for name in sorted(contents)))


def read_strictly(raw: bytes) -> dict[str, bytes]:
    with closing(verify.Bag(BytesIO(raw))) as bag:
        verify.check_zip_form(bag)
        return {member.name: b"".join(bag.chunks(member)) for member in bag.without("no such folder/")}


@given(st.dictionaries(NAMES, st.binary(max_size=50), max_size=6))
def test_what_is_written_reads_back_strictly_and_by_the_standard_library(contents: dict[str, bytes]) -> None:
    raw = zipped(contents)
    with ZipFile(BytesIO(raw)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
    if len({name.lower() for name in contents}) == len(contents) > 0:
        assert read_strictly(raw) == contents


def test_files_are_streamed_from_where_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "original"
    path.write_bytes(b"x" * (3 * canonical_zip.CHUNK_BYTES + 5))
    pieces = list(zip_pieces([ZipMember.of("a", path)]))
    assert max(map(len, pieces)) == canonical_zip.CHUNK_BYTES
    assert read_strictly(b"".join(pieces)) == {"a": path.read_bytes()}


def test_more_than_65535_files_need_zip64_and_get_it() -> None:
    contents = {f"f{number:05d}": b"" for number in range(65_600)}
    raw = zipped(contents)
    assert b"PK\x06\x06" in raw[-98:]
    with ZipFile(BytesIO(raw)) as archive:
        assert len(archive.namelist()) == len(contents)
    assert read_strictly(raw) == contents


@pytest.mark.parametrize("threshold", [0, 1, 40, 100, 150, 10_000])
def test_sizes_and_offsets_beyond_four_gibibytes_go_into_zip64_fields(
    monkeypatch: pytest.MonkeyPatch, threshold: int
) -> None:
    """The limit is lowered in place of writing four gibibytes; the standard library reads the result."""
    monkeypatch.setattr(canonical_zip, "ZIP64_FROM", threshold)
    monkeypatch.setattr(verify, "ZIP64_FROM", threshold)
    contents = {"a": b"", "b": b"x" * 120, "c": b"y" * 3, "d": b"z" * 41}
    raw = zipped(contents)
    with ZipFile(BytesIO(raw)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
    assert read_strictly(raw) == contents
    for position in range(len(raw)):
        altered = bytearray(raw)
        altered[position] ^= 4
        with pytest.raises((verify.VerificationError, verify.UnreadableError)):
            read_strictly(bytes(altered))


def test_names_out_of_order_or_twice_are_not_written() -> None:
    for names in (["b", "a"], ["a", "a"]):
        with pytest.raises(UnverifiablePackageError):
            list(zip_pieces(ZipMember.of(name, b"") for name in names))


def test_a_file_that_changed_since_its_crc_was_taken_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "original"
    path.write_bytes(b"first")
    member = ZipMember.of("a", path)
    for later in (b"other", b"firs", b"first and more"):
        path.write_bytes(later)
        with pytest.raises(DigestMismatchError):
            list(zip_pieces([member]))
