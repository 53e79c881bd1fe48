"""The canonical form of what is written on a personal page: the same bytes for the same words, and nothing else is one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from intake.diary_document import (
    ANSWERS_TYPE,
    DIARY_TYPE,
    AnswersDocument,
    Asked,
    DiaryDocument,
    EntryKind,
    Known,
    Photo,
    When,
)
from intake.diary_parsing import DocumentError, is_canonical, read_answers, read_diary
from intake.reading import READER_VERSION, from_json, read, to_json

AT = datetime(2026, 11, 23, 12, 0, 0, 5000, tzinfo=UTC)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
MOMENTS = st.integers(0, 3 * 10**12).map(lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))
DAYS = st.dates().map(str) | st.dates().map(lambda day: str(day)[:7])
WHENS = st.builds(
    When,
    st.sampled_from(Known),
    st.none() | DAYS,
    st.none() | st.times().map(lambda clock: clock.strftime("%H:%M")),
    st.none() | WORDS,
    st.dictionaries(st.sampled_from(["day", "month", "year", "time"]), WORDS),
)
PHOTOS = st.lists(
    st.builds(
        Photo,
        st.uuids(),
        st.binary(min_size=32, max_size=32).map(bytes.hex),
        st.integers(0, 2**52),
        WORDS,
        st.none() | WORDS,
    ),
    max_size=3,
).map(tuple)
COMMON = {
    "when": st.none() | WHENS,
    "effect": st.none() | WORDS,
    "changed": st.none() | WORDS,
    "fear": st.none() | st.integers(1, 10),
    "kept": st.none() | WORDS,
    "photos": st.none() | PHOTOS,
}
LINES = ("what", "where", "looked", "sounded", "wore", "vehicle_make", "vehicle_colour", "vehicle_plate", "witnesses")
ANSWERS = {
    EntryKind.INCIDENT: COMMON | dict.fromkeys(LINES, st.none() | WORDS),
    EntryKind.CALL: COMMON
    | {"number": st.none() | WORDS, "answered": st.none() | st.booleans(), "said": st.none() | WORDS},
}


@st.composite
def documents(draw):
    kind = draw(st.sampled_from(EntryKind))
    answers = draw(st.fixed_dictionaries({}, optional=ANSWERS[kind]))
    saved = {name: draw(MOMENTS) for name in answers}
    return DiaryDocument(draw(st.uuids()), kind, draw(MOMENTS), draw(MOMENTS), draw(st.booleans()), answers, saved)


def a_document(**answers):
    return DiaryDocument(uuid4(), EntryKind.INCIDENT, AT, AT, True, {"what": "He came back.", **answers}, {"what": AT})


def reading_of(raw, media_type=DIARY_TYPE):
    return read(raw, channel="diary", media_type=media_type, door={})


@given(documents())
def test_what_was_submitted_comes_back_from_its_bytes_exactly(document):
    raw = document.to_bytes()
    assert read_diary(raw) == document
    assert document.to_bytes() == raw
    assert is_canonical(raw)


@given(documents())
def test_every_entry_is_read_and_its_words_stand_in_the_reading(document):
    reading = reading_of(document.to_bytes())
    assert (reading.state, reading.version) == ("read", READER_VERSION)
    assert reading.kind == ("call" if document.kind is EntryKind.CALL else "diary")
    assert reading.unfinished is not document.finished
    assert from_json(json.loads(json.dumps(to_json(reading)))) == reading
    for name, words in reading.account:
        assert document.answers[name] is not None
        assert words in reading.text


@given(documents())
def test_no_time_is_claimed_that_was_not_stated(document):
    claimed = reading_of(document.to_bytes()).claimed
    when = document.answers.get("when")
    if when is None or when.day is None:
        assert claimed.at is None
        return
    assert claimed.at is not None
    assert claimed.at.startswith(when.day)
    assert ("T" in claimed.at) == (when.time is not None and len(when.day) == 10)
    assert (claimed.zone, claimed.source) == ("unknown", "stated")
    assert claimed.approximate == (when.known is Known.ABOUT)


@given(st.binary(max_size=400))
def test_any_bytes_are_an_entry_or_unreadable_and_never_a_crash(raw):
    for read_one in (read_diary, read_answers):
        with pytest.raises(DocumentError):
            read_one(raw)
    for media_type in (DIARY_TYPE, ANSWERS_TYPE):
        assert reading_of(raw, media_type).state == "unreadable"


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(documents(), st.data())
def test_a_member_of_another_type_is_refused_or_still_says_the_same(document, data):
    loaded = json.loads(document.to_bytes())
    place = data.draw(st.sampled_from(["document", "answers", "saved", *loaded["answers"]]))
    target = loaded if place == "document" else loaded["answers"] if place in loaded["answers"] else loaded[place]
    name = place if place in loaded["answers"] else data.draw(st.sampled_from([*sorted(target), "more"]))
    target[name] = data.draw(JSONS)
    raw = json.dumps(loaded).encode()
    try:
        found = read_diary(raw)
    except DocumentError:
        assert reading_of(raw).state == "unreadable"
        assert reading_of(raw).unreadable_because
    else:
        assert json.loads(found.to_bytes()) == loaded


HOSTILE = {
    "deep": b"[" * 100_000,
    "deep inside": a_document().to_bytes().replace(b'"He came back."', b"[" * 50_000 + b"]" * 50_000),
    "a number no double holds": a_document().to_bytes().replace(b'"He came back."', b"9" * 5000),
    "not a number": a_document().to_bytes().replace(b'"He came back."', b"NaN"),
    "infinite": a_document(fear=3).to_bytes().replace(b'"fear":3', b'"fear":1e999'),
    "a name twice": a_document().to_bytes().replace(b'"version":1', b'"version":1,"version":1'),
    "half a character": a_document().to_bytes().replace(b"He came back.", b"\\ud800"),
    "not UTF-8": a_document().to_bytes().replace(b"He came back.", b"\xff\xfe"),
    "another version": a_document().to_bytes().replace(b'"version":1', b'"version":2'),
    "version true": a_document().to_bytes().replace(b'"version":1', b'"version":true'),
    "another form": a_document().to_bytes().replace(b"holdfast-diary", b"holdfast-other"),
    "fear of eleven": a_document(fear=3).to_bytes().replace(b'"fear":3', b'"fear":11'),
    "fear that is true": a_document(fear=3).to_bytes().replace(b'"fear":3', b'"fear":true'),
    "a byte order mark": b"\xef\xbb\xbf" + a_document().to_bytes(),
    "empty": b"",
    "huge": b'{"form":"' + b"x" * (17 * 1024 * 1024) + b'"}',
    "a day that is none": a_document(when=When(Known.EXACT, "2026-02-28", "21:30"))
    .to_bytes()
    .replace(b"2026-02-28", b"2026-02-30"),
    "a time that is none": a_document(when=When(Known.EXACT, "2026-02-28", "21:30"))
    .to_bytes()
    .replace(b"21:30", b"25:30"),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_hostile_json_is_unreadable_with_a_reason(raw):
    reading = reading_of(raw)
    assert reading.state == "unreadable"
    assert reading.unreadable_because
    assert "failed" not in reading.unreadable_because


def test_bytes_that_say_the_same_in_another_form_are_read_and_that_is_said():
    document = a_document()
    raw = json.dumps(json.loads(document.to_bytes()), indent=1).encode()
    assert read_diary(raw) == document
    assert not is_canonical(raw)
    assert "not in canonical form, bit by bit, as the pages write it" in reading_of(raw).defects


def test_absent_and_null_stay_apart_a_question_never_asked_and_one_left_empty():
    document = a_document(where=None)
    found = read_diary(document.to_bytes())
    assert found.answers["where"] is None
    assert "wore" not in found.answers


@given(
    st.lists(st.builds(Asked, WORDS, WORDS, st.sampled_from(["yes", "no", None])), max_size=12).map(tuple),
    st.uuids(),
    MOMENTS,
)
def test_answers_come_back_from_their_bytes_and_are_never_scored(questions, entry, at):
    document = AnswersDocument(entry, at, questions)
    raw = document.to_bytes()
    assert read_answers(raw) == document
    reading = reading_of(raw, ANSWERS_TYPE)
    assert (reading.state, reading.kind, reading.claimed.at) == ("read", "answers", None)
    assert len(reading.account) == len(questions)
    assert "score" not in raw.decode()


def test_the_bytes_are_rfc_8785_of_their_own_content():
    raw = a_document(fear=7, when=When(Known.ABOUT, "2026-11", None, "one evening", {"month": "11"})).to_bytes()
    assert rfc8785.dumps(json.loads(raw)) == raw
    assert UUID(json.loads(raw)["entry"])
