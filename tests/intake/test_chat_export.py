"""WhatsApp exports: every line accounted for, and a day is a day only where the file proves it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.accession import Belonging
from cli.composition import now
from intake.chat_export import entries_in, is_chat, order_of
from intake.importing import files_of, import_files
from intake.reading import from_json, read, to_json
from intake.reading.chat_lines import DAY_FIRST, MONTH_FIRST, YEAR_FIRST, beginning_of
from intake.reading.chats import CHAT_TYPE
from tests.intake.test_import import bytes_of, row_of, run
from tests.timeline.casework import Casework
from timeline.events import events_of
from timeline.readings import read_exhibit

SYSTEM = b"21/11/2026, 22:13 - Messages and calls are end-to-end encrypted.\n"
FIRST = "21/11/2026, 22:14 - Dan: I see you 👀\r\nsecond line: here\n\n".encode()
SECOND = b"05/12/2026, 09:05 - +44 7700 900123: again"


def reading_of(raw, order=DAY_FIRST):
    return read(raw, channel="upload", media_type=CHAT_TYPE, door={"date_order": order})


@pytest.mark.parametrize(
    ("line", "order", "at"),
    [
        ("21/11/2026, 22:14 - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("11/21/26, 10:14 PM - Dan: x", MONTH_FIRST, "2026-11-21T22:14:00"),
        ("11/21/26, 10:14\u202fPM - Dan: x", MONTH_FIRST, "2026-11-21T22:14:00"),
        ("11/21/26, 12:14 AM - Dan: x", MONTH_FIRST, "2026-11-21T00:14:00"),
        ("[21/11/2026, 22:14:03] Dan: x", DAY_FIRST, "2026-11-21T22:14:03"),
        ("\u200e[21.11.26, 22:14:03] Dan: x", DAY_FIRST, "2026-11-21T22:14:03"),
        ("\ufeff21.11.26, 22:14 - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("2026/11/21, 22:14 - Dan: x", "", "2026-11-21T22:14:00"),
        ("2026-11-21 22:14 - Dan: x", "", "2026-11-21T22:14:00"),
        ("21/11/26, 7:03 p. m. - Dan: x", DAY_FIRST, "2026-11-21T19:03:00"),
        ("21/11/26, 7:03\u202fp.\xa0m. - Dan: x", DAY_FIRST, "2026-11-21T19:03:00"),
        ("2026. 11. 21. 오후 10:14, Dan : x", "", "2026-11-21T22:14:00"),
        ("2026년 11월 21일 오후 10:14, Dan : x", "", "2026-11-21T22:14:00"),
        ("[2026. 11. 21. 오전 12:14:03] Dan: x", "", "2026-11-21T00:14:03"),
        ("٢١\u200f/١١\u200f/٢٠٢٦\u060c ١٠:١٤ \u0645 - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("21-11-2026 22:14 - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("2026/11/21, 22:14 - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("26-11-21 22:14 - Dan: x", YEAR_FIRST, "2026-11-21T22:14:00"),
        ("26. 11. 21. 오후 10:14, Dan : x", "", "2026-11-21T22:14:00"),
        ("21. 11. 2026 22:14 - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("21. 11. 2026. 22:14 - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("21.11.2026 klo 22.14 - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("21.11.2026 г., 9:14 - Dan: x", DAY_FIRST, "2026-11-21T09:14:00"),
        ("21/11/2026 às 09:14 - Dan: x", DAY_FIRST, "2026-11-21T09:14:00"),
        ("21/11/26, 10:14 CH - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("21.11.2026 ÖS 10:14 - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("21/11/26, 10:14 μ.μ. - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("21/11/26, 10:14\u202fpm - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("[21/11/2026, 10:14:03\u202fPM] Dan: x", DAY_FIRST, "2026-11-21T22:14:03"),
        ("2026/11/21 晚上10:14 - Dan: x", "", "2026-11-21T22:14:00"),
        ("2026/11/21 凌晨12:14 - Dan: x", "", "2026-11-21T00:14:00"),
        ("[2026/11/21 中午12:14:03] Dan: x", "", "2026-11-21T12:14:03"),
        ("[2026/11/21 下午10:14:03] Dan: x", "", "2026-11-21T22:14:03"),
        ("2026年11月21日 午後10:14 - Dan: x", "", "2026-11-21T22:14:00"),
        ("২১/১১/২৬, ২২:১৪ - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("21/11/26, 10:14 अपराह्न - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
        ("21/11/26, 10:14 nobodyknows - Dan: x", DAY_FIRST, "2026-11-21"),
        ("21.11.2026 22.14 - Dan: x", DAY_FIRST, "2026-11-21T22:14:00"),
    ],
)
def test_lines_of_every_language_are_read(line, order, at):
    found = reading_of(line.encode(), order)
    assert (found.claimed.at, found.claimed.zone, found.claimed.source) == (at, "unknown", "export")
    assert (found.reported_from.name, found.text) == ("Dan", "x")


@pytest.mark.parametrize("order", ["", "?"])
def test_an_order_nothing_proves_claims_no_time(order):
    found = reading_of(b"05/12/2026, 09:05 - Dan: x", order)
    assert (found.claimed.at, found.claimed.order_ambiguous) == (None, True)
    assert found.claimed.text == "05/12/2026, 09:05"


def test_one_date_proves_the_order_of_the_file_and_a_contradiction_leaves_it_open():
    assert order_of(SYSTEM + FIRST + SECOND) == DAY_FIRST
    assert order_of(b"11/21/26, 10:14 PM - Dan: x\n05/12/26, 10:14 PM - Dan: x\n") == MONTH_FIRST
    assert order_of(SECOND) == ""
    assert order_of(SYSTEM + b"11/21/26, 10:14 PM - Dan: x\n") == ""


def test_two_digits_with_dashes_may_be_a_year_first_and_only_their_run_proves_it():
    dutch = b"30-11-26 22:14 - Dan: x\n01-12-26 22:14 - Dan: x\n"
    quebec = b"25-12-31 22:14 - Dan: x\n26-01-01 22:14 - Dan: x\n"
    assert order_of(dutch) == DAY_FIRST
    assert order_of(quebec) == YEAR_FIRST
    assert order_of(b"21-11-26 22:14 - Dan: x\n" * 2) == ""
    assert order_of(b"21-11-2026 22:14 - Dan: x\n" * 2) == DAY_FIRST
    assert reading_of(b"21-11-26 22:14 - Dan: x", "").claimed.order_ambiguous


def test_a_line_pasted_from_another_export_is_nobodys_message():
    pasted = b"[01/12/2026, 10:00:00] Eve: I did it\n"
    found = list(entries_in(SYSTEM + FIRST + pasted + SECOND))
    assert [each.begins.sender for each in found] == [None, "Dan", "+44 7700 900123"]
    assert order_of(b"05/12/2026, 09:05 - Dan: x\n[21/11/2026, 10:00:00] Eve: x\n") == ""


def test_the_notice_that_an_iphones_chat_begins_with_is_nobodys_message(installation, tmp_path):
    notice = "[21/11/2026, 22:13:00] Dan: \u200eMessages and calls are end-to-end encrypted. Only people here can read them.\n"
    omitted = "[21/11/2026, 22:14:00] Dan: \u200eimage omitted\n"
    (tmp_path / "_chat.txt").write_bytes((notice + omitted).encode())
    (tmp_path / "WhatsApp Chat.txt").write_bytes(omitted.encode())
    alone, done = run(installation, tmp_path)
    assert (done.taken, done.refused) == ({"system line": 1, "chat": 1}, None)
    assert alone.taken == {"chat": 1}
    assert ("Words", "WhatsApp's own") in reading_of(omitted.encode()).headers


@pytest.mark.parametrize("year", ["2569", "1405", "08"])
def test_the_years_of_other_calendars_are_shown_and_not_claimed(year):
    found = reading_of(f"21/11/{year}, 22:14 - Dan: x".encode())
    assert (found.claimed.at, found.claimed.text) == (None, f"21/11/{year}, 22:14")


@pytest.mark.parametrize(
    "line", ["31/02/2026, 10:00 - Dan: x", "21/11/2026, 25:00 - Dan: x", "21/11/2026, 13:00 PM - Dan: x"]
)
def test_a_time_that_is_none_is_not_claimed(line):
    found = reading_of(line.encode())
    assert (found.claimed.at, found.claimed.source) == (None, "export")


@pytest.mark.parametrize("whole", [b"", b"\n", b"hello", FIRST, b"dear diary\n" + FIRST + SECOND])
def test_other_texts_are_no_chat(whole):
    assert not is_chat(whole)


@given(
    st.lists(st.sampled_from([SYSTEM, FIRST, SECOND, b"\n", b"words\n", b"[", b"\xff"]) | st.binary(max_size=8)).map(
        b"".join
    )
)
def test_entries_are_the_whole_file(whole):
    found = list(entries_in(whole))
    assert b"".join(whole[each.start : each.end] for each in found) == whole
    assert [each for each in found[1:] if each.begins is None] == []
    for each in found:
        read_back = reading_of(whole[each.start : each.end])
        assert read_back.state == "read"
        assert from_json(to_json(read_back)) == read_back


@given(st.text(max_size=100))
def test_any_line_begins_or_does_not(line):
    beginning_of(line)
    assert beginning_of("21/11/2026, 22:14 - Dan: " + line) is not None


@pytest.mark.parametrize("unit", ["\n", "1", "1/1/26, 1:00 - ", "[", "[1/1/26, 1:00:00] a: b\n", " ", "\u200e", "1/"])
def test_hostile_chats_take_time_in_proportion(unit):
    whole = (unit * (200_000 // len(unit))).encode()
    begin = time.process_time()
    for _ in entries_in(whole):
        pass
    assert time.process_time() - begin < 20.0


def test_a_chat_is_kept_whole_and_message_by_message(installation, tmp_path):
    (tmp_path / "WhatsApp Chat with Dan.txt").write_bytes(SYSTEM + FIRST + SECOND)
    (tmp_path / "b.txt").write_bytes(FIRST + SECOND)
    done, other = run(installation, tmp_path)
    assert done.refused is None
    assert done.taken == {"system line": 1, "chat": 2}
    assert bytes_of(installation, done.ids) == [SYSTEM + FIRST + SECOND, FIRST, SECOND]
    assert row_of(installation, done.ids[1]).door["date_order"] == DAY_FIRST
    assert bytes_of(installation, other.ids) == [FIRST + SECOND, FIRST, SECOND]
    assert reading_of(SECOND).reported_from.number == "+44 7700 900123"
    assert reading_of(FIRST).text == "I see you 👀\r\nsecond line: here"


def test_who_of_a_chat_is_the_contributor_is_not_guessed(installation, tmp_path):
    (tmp_path / "chat.txt").write_bytes(SYSTEM + FIRST + SECOND)
    casework = Casework(installation.archive, installation.sequencer)
    case = casework.case()
    amy = casework.enrol(case, phone="+447700900123")
    belonging = Belonging(case_id=case.id, contributor_id=amy.id)
    (done,) = import_files(installation.archive, files_of([tmp_path]), belonging, now=now)
    for each in done.ids:
        read_exhibit(installation.engine, installation.vault, each, now=now)
    with installation.engine.connect() as connection:
        events = [event.to_json() for event in events_of(connection, case.id)]
    chat = [(each["direction"], each["grade"], each["claimed_at"]) for each in events if each["claimed_at"]]
    assert chat == [("unknown", "C", "2026-11-21T22:14:00"), ("outbound", "C", "2026-12-05T09:05:00")]


def test_words_before_the_first_message_make_it_no_chat_and_are_kept(installation, tmp_path):
    whole = b"my notes\n" + FIRST + SECOND
    (tmp_path / "notes.txt").write_bytes(whole)
    (done,) = run(installation, tmp_path)
    assert (done.taken, done.parked, done.refused) == ({}, {}, None)
    assert bytes_of(installation, done.ids) == [whole]
