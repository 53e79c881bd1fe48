"""Rows that leave for the vault come back exactly, and nothing else passes for them."""

import io
import json
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import envelope
from archive.envelope import CHUNK_BYTES, closed, line_of, opened, salt_for
from archive.errors import EnvelopeError
from archive.rows import read, written
from archive.tables import acquisition, contributor

SECRET = bytes(range(32))
ROWS = st.lists(st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.integers(), st.text())), max_size=5)


def sealed(rows, name="dump/1"):
    lines = [line_of(row) for row in rows]
    return b"".join(closed(SECRET, name, salt_for(SECRET, name, lines), lines))


def rows_of(raw, name="dump/1", secret=SECRET):
    return list(opened(secret, name, io.BytesIO(raw)))


@given(ROWS)
def test_rows_come_back(rows):
    assert rows_of(sealed(rows)) == json.loads(json.dumps(rows))


def test_the_same_rows_make_the_same_bytes_and_show_nothing_of_them():
    rows = [{"email": "someone@example.org"}]
    assert sealed(rows) == sealed(rows)
    assert b"example" not in sealed(rows)
    assert sealed(rows)[:60] != sealed([{"email": "another@example.org"}])[:60]


@pytest.fixture(scope="module")
def of_three_chunks():
    return sealed([{"n": number, "text": "x" * (CHUNK_BYTES // 2)} for number in range(5)])


def test_many_chunks_come_back(of_three_chunks):
    assert [row["n"] for row in rows_of(of_three_chunks)] == list(range(5))


@given(st.data())
def test_any_flipped_bit_is_refused(data):
    raw = bytearray(sealed([{"a": 1}, {"b": "text"}]))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place // 8] ^= 1 << place % 8
    with pytest.raises(EnvelopeError):
        rows_of(bytes(raw))


def chunks_of(raw):
    at = len(envelope.MAGIC) + envelope.SALT_BYTES
    pieces = [raw[:at]]
    while at < len(raw):
        end = at + envelope.LENGTH_BYTES + int.from_bytes(raw[at : at + envelope.LENGTH_BYTES])
        pieces.append(raw[at:end])
        at = end
    return pieces


@pytest.mark.parametrize(
    "change",
    [
        lambda head, *chunks: b"".join([head, *chunks[:-1]]),
        lambda head, *chunks: b"".join([head, *chunks[1:]]),
        lambda head, *chunks: b"".join([head, chunks[1], chunks[0], *chunks[2:]]),
        lambda head, *chunks: b"".join([head, *chunks, chunks[-1]]),
        lambda head, *chunks: b"".join([head, *chunks])[:-1],
        lambda *_: b"",
    ],
    ids=["cut short", "beginning lost", "order changed", "last twice", "a byte short", "empty"],
)
def test_what_was_cut_moved_or_repeated_is_refused(of_three_chunks, change):
    head, *chunks = chunks_of(of_three_chunks)
    assert len(chunks) == 3
    with pytest.raises(EnvelopeError):
        rows_of(change(head, *chunks))


def test_it_opens_under_no_other_name_and_no_other_secret():
    raw = sealed([{"a": 1}])
    for wrong in ({"name": "dump/2"}, {"secret": bytes(32)}):
        with pytest.raises(EnvelopeError, match="this name with this secret"):
            rows_of(raw, **wrong)


def test_rows_of_tables_come_back_to_the_microsecond_and_the_byte():
    one = {"id": uuid4(), "received_at": datetime(2026, 11, 23, 9, 0, 0, 123456, UTC), "raw": b"\x00\xff", "door": {}}
    assert read(acquisition, json.loads(line_of(written(acquisition, one)))) == one
    person = {"review_by": date(2026, 12, 1), "name": "Zoë", "left_at": None}
    assert read(contributor, json.loads(line_of(written(contributor, person)))) == person
    assert read(contributor, {"a_column_long_gone": 1}) == {}
