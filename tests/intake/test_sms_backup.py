"""Backups of a phone's texts and calls: each its own event with its own bytes, and every element accounted for."""

import re
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.accession import Belonging
from cli.composition import now
from intake import handed, sms_backup
from intake.importing import files_of, import_files
from intake.sms_backup import Record, Skipped, backup_of, records_in
from tests.intake.test_import import bytes_of, row_of, run
from tests.timeline.casework import Casework
from timeline.events import events_of
from timeline.readings import read_exhibit

SMS = (
    b'<sms protocol="0" address="+447700900123" date="1700000000000" type="1" subject="null" body="it&apos;s me &#55357;&#56384; >"'
    b' contact_name="Dan" />'
)
SENT = b"<sms address='+447700900123' date='1700000100000' type='2' body='go away'></sms>"
MMS = b'<mms date="1700000200000" msg_box="1" address="+447700900123"><parts><part ct="text/plain" text="x"/></parts></mms>'
CALL = b'<call number="+447700900123" duration="0" date="1700000300000" type="3" />'
HEAD = b"<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n<!--File Created By ... <sms/> -->\n"
BACKUP = HEAD + b'<smses count="4">\r\n  ' + b"\n  ".join([SMS, SENT, MMS, CALL]) + b"\n</smses>\n"


def cut(whole):
    found = list(records_in(whole))
    records = [whole[each.start : each.end] for each in found if isinstance(each, Record)]
    return records, [each.because for each in found if not isinstance(each, Record)]


def test_each_message_is_its_own_bytes():
    assert cut(BACKUP) == ([SMS, SENT, MMS, CALL], [])
    assert backup_of(BACKUP).count == 4


@pytest.mark.parametrize("whole", [b"", b"<", b"<html/>", b"<sms/>", b"<x><smses/></x>", b"\xff\xfe<\x00", b"smses"])
def test_other_files_are_no_backup(whole):
    assert backup_of(whole) is None


@pytest.mark.parametrize(
    ("inside", "records", "reasons"),
    [
        (b"<mms a='1'><parts>" + SMS, [SMS], [sms_backup.NOT_ENDED]),
        (b"<mms a='1'><parts><part data='", [], [sms_backup.NOT_ENDED]),
        (b'<sms body="I <3 you" />' + SMS, [SMS], [sms_backup.MALFORMED, sms_backup.MALFORMED]),
        (b"</sms>" + SMS, [SMS], [sms_backup.NOT_BEGUN]),
        (b"<other a='b'/>" + SMS, [SMS], [sms_backup.UNKNOWN]),
        (b"words" + SMS + b"words", [SMS], [sms_backup.STRAY_TEXT] * 2),
        (b"<!-- never ended <sms/>", [b"<sms/>"], [sms_backup.MALFORMED]),
        (b"<!--" + SMS + b"-->", [], []),
        (b'<mms><part text="a"<b/></mms>', [b'<mms><part text="a"<b/></mms>'], []),
    ],
)
def test_what_is_no_message_is_told_and_the_next_is_found(inside, records, reasons):
    assert cut(b"<smses>" + inside + b"</smses>") == (records, reasons)


BOMB = (
    b'<!DOCTYPE smses [\n<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">\n'
    b"<!ENTITY x SYSTEM 'file:///etc/passwd'><!ENTITY m \"<sms body='made up'/>\">\n]>"
)


def test_a_declaration_of_entities_is_refused_and_the_messages_are_taken(installation, tmp_path):
    text = b"<sms address='1' date='1700000000000' type='1' body='&b;&x; and &m;' />"
    whole = b"<?xml version='1.0'?>\n" + BOMB + b"<smses count='1'>" + text + b"</smses>"
    assert backup_of(whole).count == 1
    assert cut(whole) == ([text], [sms_backup.DECLARATION])
    (tmp_path / "sms.xml").write_bytes(whole)
    (done,) = run(installation, tmp_path / "sms.xml")
    assert "1 a declaration, which is not followed" in done.refused
    (found,) = read_all(installation, done.ids[1:])
    assert found.text == "&b;&x; and &m;"


@pytest.mark.parametrize("cut_at", [5, 30, len(BOMB) - 1])
def test_a_declaration_that_never_ends_is_told(cut_at):
    records, reasons = cut(b"<smses/>" + BOMB[:cut_at])
    assert records == []
    assert reasons


def test_a_backup_in_two_bytes_a_character_is_told():
    whole = "<smses><sms/></smses>".encode("utf-16")
    assert backup_of(whole).count is None
    assert cut(whole) == ([], [sms_backup.TWO_BYTES])


@given(st.integers(min_value=len(HEAD), max_value=len(BACKUP)))
def test_a_cut_backup_loses_only_what_was_cut(length):
    records, reasons = cut(BACKUP[:length])
    assert records == [SMS, SENT, MMS, CALL][: len(records)]
    assert bool(reasons) == (length < BACKUP.index(b"</smses>") + len(b"</smses>"))


PIECES = [
    b"<!DOCTYPE x>",
    b"<!DOCTYPE x [",
    b"]>",
    SMS,
    MMS,
    b"<smses>",
    b"</smses>",
    b"<mms>",
    b"</mms>",
    b"<",
    b">",
    b'"',
    b"'",
    b"<!--",
    b"-->",
    b"<?",
    b"x",
    b" ",
    b"<sms ",
]


# Space, comments, instructions, the root's own tags and the ends of other elements.
PASSED_OVER = re.compile(
    rb"(?:\s|<!--.*?-->|<\?.*?\?>|</?(?:smses|calls|allsms|allcalls)(?![\w:.-])[^<]*>|</[a-z][^<]*>)*",
    re.DOTALL | re.IGNORECASE,
)


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), max_size=20).map(b"".join))
def test_every_byte_of_any_file_is_a_message_or_told_or_markup(whole):
    position = 3 if whole.startswith(b"\xef\xbb\xbf") else 0
    found = list(records_in(whole))
    for each in [*found, Skipped(len(whole), len(whole), "")]:
        assert position <= each.start <= each.end <= len(whole)
        assert PASSED_OVER.fullmatch(whole[position : each.start]), whole[position : each.start]
        position = each.end


@pytest.mark.parametrize(
    "unit", [b"<", b"<mms>", b"<mms ", b"<!--", b"<?", b'<sms a="', b"</sms>", b" ", b"x", b"'", b"<a>"]
)
def test_hostile_files_take_time_in_proportion(unit):
    whole = b"<smses>" + unit * (1_000_000 // len(unit))
    begin = time.process_time()
    for _ in records_in(whole):
        pass
    assert time.process_time() - begin < 20.0


def read_all(installation, ids):
    return [read_exhibit(installation.engine, installation.vault, each, now=now) for each in ids]


def test_a_backup_is_kept_whole_and_message_by_message(installation, tmp_path):
    (tmp_path / "sms.xml").write_bytes(BACKUP)
    (done,) = run(installation, tmp_path / "sms.xml")
    assert done.refused is None
    assert (done.taken, done.parked) == ({"sms": 2, "mms": 1, "call": 1}, {})
    assert bytes_of(installation, done.ids) == [BACKUP, SMS, SENT, MMS, CALL]
    whole, first, *_ = (row_of(installation, each) for each in done.ids)
    assert whole.source_id == f"file:{whole.sha256}#0"
    assert first.source_id == f"file:{whole.sha256}#{BACKUP.index(SMS, BACKUP.index(b'<smses'))}"
    assert first.door["container_sha256"] == whole.sha256
    (again,) = run(installation, tmp_path / "sms.xml")
    assert (again.ids, again.repeats) == (done.ids, 5)


def test_the_timeline_has_each_message_by_the_phones_clock_with_grade_c(installation, tmp_path):
    (tmp_path / "sms.xml").write_bytes(BACKUP)
    case = Casework(installation.archive, installation.sequencer).case()
    (done,) = import_files(installation.archive, files_of([tmp_path]), Belonging(case_id=case.id), now=now)
    read_all(installation, done.ids)
    with installation.engine.connect() as connection:
        events = [event.to_json() for event in events_of(connection, case.id)]
    told = [(each["kind"], each["direction"], each["claimed_source"], each["grade"]) for each in events[:4]]
    assert told == [
        ("message", "inbound", "export", "C"),
        ("message", "outbound", "export", "C"),
        ("message", "inbound", "export", "C"),
        ("call", "inbound", "export", "C"),
    ]
    assert events[0]["text"] == "it's me 👀 >"
    assert events[0]["reported_from"] == {"name": "Dan", "address": None, "number": "+447700900123"}


def test_a_cut_backup_is_told_and_what_was_in_it_is_there(installation, tmp_path):
    whole = BACKUP[: BACKUP.index(MMS) + 30]
    (tmp_path / "cut.xml").write_bytes(whole)
    (done,) = run(installation, tmp_path / "cut.xml")
    assert bytes_of(installation, done.ids) == [whole, SMS, SENT]
    assert done.parked == {sms_backup.MALFORMED: 1, sms_backup.ENDS_EARLY: 1}
    assert "it says that it holds 4 messages, 2 were found" in done.refused
    assert "the file itself is kept" in done.refused


def test_a_backup_too_large_to_hold_goes_the_same_way(installation, tmp_path, monkeypatch):
    monkeypatch.setattr(handed, "HELD_BYTES", 200)
    (tmp_path / "sms.xml").write_bytes(BACKUP)
    (done,) = run(installation, tmp_path / "sms.xml")
    assert bytes_of(installation, done.ids) == [BACKUP, SMS, SENT, MMS, CALL]
    (again,) = run(installation, tmp_path / "sms.xml")
    assert (again.ids, again.repeats) == (done.ids, 5)
    monkeypatch.setattr(handed, "HELD_BYTES", 2**20)
    (held,) = run(installation, tmp_path / "sms.xml")
    assert held.ids == done.ids


def test_a_large_backup_is_cut_in_the_memory_of_one_message(tmp_path, monkeypatch):
    monkeypatch.setattr(handed, "HELD_BYTES", 2**16)
    path = tmp_path / "sms.xml"
    with path.open("wb") as file:
        file.write(b"<smses>\n" + (SMS + b"\n") * 80_000 + b"</smses>")
    tracemalloc.start()
    try:
        with handed.opened(path) as large:
            tracemalloc.reset_peak()
            assert sum(isinstance(each, Record) for each in records_in(large.whole)) == 80_000
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(SMS) * 80_000 > 10 * 2**20
    assert peak < 4 * 2**20
