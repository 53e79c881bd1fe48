"""A phone's backup: one record at a time, who, when and what as the phone reports them, for any bytes."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.reading import from_json, part_bytes, read, read_in_bounds, to_json
from intake.reading.backups import BACKUP_TYPE
from intake.reading.xml_slice import text_of

PICTURE = bytes(range(256)) * 3
MMS = (
    '<mms date="1700000000000" msg_box="1" address="+447700900123~+447700900001" contact_name="Dan, Me" sub="look">\n'
    "<parts>\n"
    '<part seq="-1" ct="application/smil" text="&lt;smil/&gt;" />\n'
    '<part seq="0" ct="text/plain" text="I was &#55357;&#56384; here" data="null" />\n'
    f'<part seq="1" ct="image/jpeg" cl="door.jpg" text="null" data="{base64.b64encode(PICTURE).decode()}" />\n'
    "</parts>\n<addrs>\n"
    '<addr address="+447700900123" type="137" /><addr address="+447700900001" type="151" />'
    '<addr address="+447700900002" type="130" />\n</addrs>\n</mms>'
).encode()


def reading_of(raw, encoding="utf-8"):
    return read(raw, channel="upload", media_type=BACKUP_TYPE, door={"encoding": encoding})


def sms(**stated):
    fields = {"address": "+447700900123", "date": "1700000000123", "type": "1", "body": "hello", **stated}
    return reading_of(("<sms " + " ".join(f'{name}="{value}"' for name, value in fields.items()) + " />").encode())


def test_a_received_text_names_its_sender_and_its_moment():
    found = sms(contact_name="Dan", readable_date="14 Nov 2023 22:13:20")
    assert (found.kind, found.direction, found.text) == ("message", "inbound", "hello")
    assert (found.reported_from.number, found.reported_from.name) == ("+447700900123", "Dan")
    assert (found.claimed.at, found.claimed.zone) == ("2023-11-14T22:13:20+00:00", "stated")
    assert (found.claimed.source, found.claimed.precision, found.claimed.text) == ("export", "second", "1700000000123")
    assert ("readable_date", "14 Nov 2023 22:13:20") in found.headers


@pytest.mark.parametrize("box", ["2", "3", "4", "5", "6"])
def test_what_was_written_on_the_phone_names_nobody_as_its_sender(box):
    found = sms(type=box)
    assert found.direction == "outbound"
    assert found.reported_from.is_empty
    assert found.reported_to[0].number == "+447700900123"


@pytest.mark.parametrize("box", ["", "0", "7", "null", "x"])
def test_a_box_nobody_knows_has_no_direction(box):
    found = sms(type=box)
    assert found.direction == "unknown"
    assert found.reported_from.is_empty


@pytest.mark.parametrize("name", ["(Unknown)", "null", "", " "])
def test_a_contact_without_a_name_has_none(name):
    assert sms(contact_name=name).reported_from.name is None


@pytest.mark.parametrize("address", ["07700 900123", "AMAZON", "60006", "+44 7700 900123"])
def test_a_number_stays_as_the_phone_reports_it(address):
    assert sms(address=address).reported_from.number == address


@pytest.mark.parametrize("date", ["", "0", "null", "-1", "1700000000", "99999999999999", "yesterday", "1" * 400])
def test_a_date_that_is_no_time_claims_none_and_stays_an_export(date):
    found = sms(date=date)
    assert found.claimed.at is None
    assert found.claimed.source == "export"
    assert found.defects


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("&#55357;&#56838;", "😆"),
        ("&#xD83D;&#xDE06;", "😆"),
        ("a&#10;b", "a\nb"),
        ("&amp;lt; &quot;&apos;", "&lt; \"'"),
        ("&#55357;", "\ufffd"),
        ("&#56838;&#55357;", "\ufffd\ufffd"),
        ("&#0;", "␀"),
        ("&#9999999;&nbsp;&xxe;", "&#9999999;&nbsp;&xxe;"),
        ("\ud83d\ude06".encode("utf-16", "surrogatepass").decode("utf-16"), "😆"),
    ],
)
def test_references_are_read_as_characters_and_nothing_else_expands(written, shown):
    assert sms(body=written).text == shown


def test_halves_of_a_pair_as_bytes_are_joined():
    assert text_of(b"\xed\xa0\xbd\xed\xb8\x86", "utf-8") == "😆"


def test_a_stated_character_set_is_used():
    raw = '<sms address="1" date="1700000000000" type="1" body="é" />'.encode("cp1252")
    assert reading_of(raw, "windows-1252").text == "é"


def test_a_picture_message_has_its_words_its_sender_and_its_picture():
    found = reading_of(MMS)
    assert found.text == "I was 👀 here"
    assert (found.direction, found.subject) == ("inbound", "look")
    assert (found.reported_from.number, found.reported_from.name) == ("+447700900123", None)
    assert [one.number for one in found.reported_to] == ["+447700900001"]
    assert [one.number for one in found.reported_cc] == ["+447700900002"]
    (picture,) = found.attachments
    assert (picture.name, picture.media_type, picture.size_bytes) == ("door.jpg", "image/jpeg", len(PICTURE))
    assert part_bytes(MMS, picture) == PICTURE


def test_base64_broken_by_references_is_the_same_picture():
    coded = base64.b64encode(PICTURE).decode()
    raw = f'<mms date="1700000000000" msg_box="1"><part ct="image/png" data="{coded[:76]}&#10;{coded[76:]}" /></mms>'.encode()
    (picture,) = reading_of(raw).attachments
    assert part_bytes(raw, picture) == PICTURE


def test_a_group_without_roles_names_nobody_as_the_writer():
    raw = b'<mms date="1700000000000" msg_box="1" address="+447700900123~+447700900124"><parts/></mms>'
    found = reading_of(raw)
    assert found.reported_from.is_empty
    assert len(found.reported_to) == 2


@pytest.mark.parametrize(
    ("kind", "direction", "subject"),
    [
        ("1", "inbound", "Incoming call, 35 seconds"),
        ("2", "outbound", "Outgoing call, 35 seconds"),
        ("3", "inbound", "Missed call, 35 seconds"),
        ("4", "inbound", "Voicemail call, 35 seconds"),
        ("5", "inbound", "Rejected call, 35 seconds"),
        ("6", "inbound", "Blocked call, 35 seconds"),
        ("9", "unknown", "Call, 35 seconds"),
    ],
)
def test_a_call_says_what_became_of_it_and_how_long_it_was(kind, direction, subject):
    raw = f'<call number="+447700900123" duration="35" date="1700000000000" type="{kind}" presentation="2" />'.encode()
    found = reading_of(raw)
    assert (found.kind, found.direction, found.subject) == ("call", direction, subject)
    assert ("Number withheld", "restricted") in found.headers
    assert (found.reported_from.number == "+447700900123") == (direction == "inbound")


@given(st.binary(max_size=300))
def test_any_bytes_are_read(junk):
    for raw in (
        junk,
        b"<sms " + junk,
        b'<mms date="' + junk + b'"><part data="' + junk + b'"/>',
        b"<call " + junk + b"/>",
    ):
        found = reading_of(raw)
        assert found.state == "read"
        assert from_json(to_json(found)) == found


@given(st.text(max_size=200))
def test_any_words_come_out_as_they_went_in(words):
    written = "".join(f"&#{ord(one)};" for one in words)
    shown = "".join(one if one in "\t\n\r" or ord(one) >= 32 else chr(0x2400 + ord(one)) for one in words)
    assert sms(body=written).text == shown


@pytest.mark.parametrize(
    "unit", ["<", "&", "&#", "=", "a ", 'a="', "a='", "<a ", '<part data="', "<a/>", "a" * 99 + " ", '"']
)
def test_hostile_records_take_time_in_proportion(unit):
    raw = b"<mms " + (unit * (100_000 // len(unit))).encode() + b"></mms>"
    begin = time.process_time()
    assert reading_of(raw).state == "read"
    assert time.process_time() - begin < 2.0


def test_the_bounded_reader_knows_the_character_set():
    raw = '<sms address="1" date="1700000000000" type="1" body="é" />'.encode("cp1252")
    found = read_in_bounds(raw, channel="upload", media_type=BACKUP_TYPE, door={"encoding": "windows-1252"})
    assert found.text == "é"
