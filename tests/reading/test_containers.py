"""Originals in Outlook files, `winmail.dat` and zips: found, cut out again, and never a way to end the reader."""

from __future__ import annotations

import json
import random
import struct
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.reading import Reading, from_json, limits, part_bytes, read, to_json
from tests.reading.containers import TRANSPORT, WORDS, message, msg, properties_of, tnef, zipped
from tests.reading.mails import ORIGINAL, attached, in_base64, mail

PICTURE = b"\x89PNG" + bytes(range(256)) * 20
OUTLOOK, ZIP = "application/vnd.ms-outlook", "application/zip"


def by_mail(data: bytes, name: str, media_type: str = "application/octet-stream") -> tuple[bytes, Reading]:
    head = f'Content-Type: {media_type}\r\nContent-Disposition: attachment; filename="{name}"\r\nContent-Transfer-Encoding: base64\r\n'
    raw = attached(in_base64(data), headers=head.encode())
    reading = read(raw, channel="email", media_type="message/rfc822", door={})
    assert reading.state == "read", reading.unreadable_because
    return raw, reading


def uploaded(data: bytes, media_type: str, **door: object) -> Reading:
    reading = read(data, channel="upload", media_type=media_type, door={"filename": "he wrote.file", **door})
    assert from_json(json.loads(json.dumps(to_json(reading)))) == reading
    return reading


def assert_is_dans(reading: Reading) -> None:
    assert (reading.reported_from.name, reading.reported_from.address) == ("Dan Frost", "dan.frost@example.com")
    assert [each.address for each in reading.reported_to] == ["sam.carter@example.org"]
    assert (reading.claimed.at, reading.claimed.zone) == ("2026-11-21T22:14:08+00:00", "stated")
    assert (reading.subject or "").startswith("I know where you are")
    assert reading.text.startswith("I saw you at the station.")


def assert_cut_out(raw: bytes, reading: Reading, name: str, expected: bytes) -> None:
    found = next(each for each in reading.attachments if each.name == name)
    assert part_bytes(raw, found) == expected


DRESSES = {
    "x.msg": msg,
    "x.zip": lambda: zipped({"folder/x.eml": ORIGINAL, "readme.txt": b"x"}),
    "stored.zip": lambda: zipped({"x.eml": ORIGINAL}, zipfile.ZIP_STORED),
    "msg.zip": lambda: zipped({"x.msg": msg()}),
    "zip.zip": lambda: zipped({"y.zip": zipped({"x.eml": ORIGINAL})}),
    "winmail.dat": lambda: tnef({"he wrote": tnef(found=properties_of())}),
    "eml in winmail.dat": lambda: tnef({"x.eml": ORIGINAL}),
}


@pytest.mark.parametrize("name", DRESSES)
def test_an_original_is_found_in_every_container_and_beats_what_the_text_quotes(name):
    raw, reading = by_mail(DRESSES[name](), name.rpartition(" ")[2])
    assert_is_dans(reading)
    assert reading.forward is not None
    assert reading.forward.rule == "attached"
    assert reading.note == "He did it again."
    assert reading.direction == "inbound"
    for each in reading.attachments:
        part_bytes(raw, each)
    assert any(each.role == "original" for each in reading.attachments)


def test_an_original_in_a_container_has_the_digest_of_its_own_bytes():
    raw, reading = by_mail(zipped({"x.eml": ORIGINAL}), "x.zip")
    assert_cut_out(raw, reading, "x.eml", ORIGINAL)
    raw, reading = by_mail(msg(), "x.msg")
    assert_cut_out(raw, reading, "x.msg", msg())


def test_the_transport_headers_of_an_outlook_file_are_kept_and_its_html_is_read():
    reading = uploaded(msg({"a.png": PICTURE}, html=b"<p>I saw you <img src='https://leak.invalid/a'></p>"), OUTLOOK)
    assert_is_dans(reading)
    assert dict(reading.original_headers)["Message-ID"] == "<1@example.com>"
    assert [name for name, _ in reading.original_headers] == [
        line.partition(":")[0] for line in TRANSPORT.split("\r\n") if line
    ]
    assert reading.remote_content == ("https://leak.invalid/a",)
    assert reading.defects == ()
    assert reading.forward is not None
    assert reading.forward.rule == "file"
    assert_cut_out(
        msg({"a.png": PICTURE}, html=b"<p>I saw you <img src='https://leak.invalid/a'></p>"), reading, "a.png", PICTURE
    )


def test_an_outlook_file_without_transport_headers_is_read_by_its_own_record_and_says_so():
    reading = uploaded(msg(transport=None), OUTLOOK)
    assert_is_dans(reading)
    assert any("Outlook's own record" in each for each in reading.defects)


def test_an_address_of_exchange_names_nobody():
    found = {key: value for key, value in properties_of(transport=None).items() if key != (0x5D01, 0x1F)}
    _, reading = by_mail(tnef({"x": tnef(found=found)}), "winmail.dat")
    assert (reading.reported_from.name, reading.reported_from.address) == ("Dan Frost", None)


def test_a_header_cannot_be_brought_in_by_a_name_in_outlooks_record():
    found = properties_of(transport=None) | {(0x0037, 0x1F): "x\r\nFrom: Eve <eve@example.net>\r\n\r\nhello"}
    _, reading = by_mail(tnef({"x": tnef(found=found)}), "winmail.dat")
    assert reading.reported_from.address == "dan.frost@example.com"
    assert reading.text.strip() == WORDS.strip()


def test_a_message_and_a_zip_inside_an_outlook_file_are_files_of_it_or_messages():
    raw = msg(
        {"inner": message({"b.png": PICTURE}, header=24, words="inner words"), "x.zip": zipped({"y.eml": ORIGINAL})}
    )
    reading = uploaded(raw, OUTLOOK)
    assert_is_dans(reading)
    assert_cut_out(raw, reading, "b.png", PICTURE)
    assert_cut_out(raw, reading, "y.eml", ORIGINAL)


def test_the_words_of_a_winmail_are_the_mails_where_it_has_no_other_and_its_files_are_cut_out():
    data = tnef({"a.png": PICTURE}, properties_of())
    raw = mail(in_base64(data), subject="Tonight", content_type="application/ms-tnef; name=winmail.dat", extra="Content-Transfer-Encoding: base64\r\n")  # fmt: skip
    reading = read(raw, channel="email", media_type="message/rfc822", door={})
    assert (reading.text.strip(), reading.reported_from.is_empty) == (WORDS.strip(), True)
    assert_cut_out(raw, reading, "a.png", PICTURE)
    _, beside = by_mail(data, "winmail.dat")
    assert (beside.text.strip(), beside.forward) == ("He did it again.", None)


def test_several_mails_in_a_zip_name_nobody_and_a_zip_without_mails_is_a_file():
    other = ORIGINAL.replace(b"Dan Frost <dan.frost@example.com>", b"Eve <eve@example.net>")
    raw = zipped({"1.eml": ORIGINAL, "2.eml": other})
    reading = uploaded(raw, ZIP)
    assert (reading.reported_from.is_empty, reading.subject) == (True, "he wrote.file")
    assert "eve@example.net" in reading.text
    assert_cut_out(raw, reading, "2.eml", other)
    assert uploaded(zipped({"a.png": PICTURE}), ZIP) == Reading(reading.version, subject="he wrote.file")
    assert uploaded(raw, ZIP, unpacked=2) == Reading(reading.version, kind="attachment", subject="he wrote.file")


def test_a_file_called_msg_that_is_a_mail_is_read_as_one_and_one_that_is_nothing_says_so():
    assert_is_dans(uploaded(ORIGINAL, OUTLOOK))
    _, reading = by_mail(ORIGINAL, "x.msg")
    assert_is_dans(reading)
    for data in (b"", b"hello", msg()[:2000], b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4000)):
        assert uploaded(data, OUTLOOK).state == "unreadable"


def altered(raw: bytes, **fields: int) -> bytes:
    """A zip of one entry, with fields of its directory altered."""
    places = {
        "flags": (8, "<H"),
        "method": (10, "<H"),
        "checksum": (16, "<I"),
        "size": (24, "<I"),
        "offset": (42, "<I"),
    }
    whole = bytearray(raw)
    at = raw.rindex(b"PK\x01\x02")
    for name, value in fields.items():
        struct.pack_into(places[name][1], whole, at + places[name][0], value)
    return bytes(whole)


BOMB = zipped({"x.eml": ORIGINAL + bytes(8 * limits.MEBIBYTE)})


@pytest.mark.parametrize(
    ("raw", "because"),
    [
        (altered(zipped({"x.eml": ORIGINAL}), flags=1), "password"),
        (altered(zipped({"x.eml": ORIGINAL}), method=12), "not known here"),
        (altered(zipped({"x.eml": ORIGINAL}), checksum=7), "damaged"),
        (altered(zipped({"x.eml": ORIGINAL}), size=7), "damaged"),
        (altered(zipped({"x.eml": ORIGINAL}), size=2**31), "more than"),
        (altered(zipped({"x.eml": ORIGINAL}), offset=3), "not where"),
        (BOMB, "zip bomb"),
        (altered(BOMB, size=1000), "damaged"),
        (zipped({f"{n}.png": b"" for n in range(limits.ENTRIES + 1)}), "entries"),
        (zipped({"x.eml": ORIGINAL})[:-30], "damaged"),
    ],
    ids=["password", "method", "checksum", "size", "huge", "offset", "bomb", "lying-bomb", "entries", "cut"],
)
def test_what_is_not_unpacked_is_a_state_and_the_zip_stays(raw, because):
    whole, reading = by_mail(raw, "x.zip")
    assert any(because in each for each in reading.defects), reading.defects
    assert reading.reported_from.is_empty
    assert reading.text.strip() == "He did it again."
    assert_cut_out(whole, reading, "x.zip", raw)


def test_zips_within_zips_end_somewhere():
    raw = ORIGINAL
    name = "x.eml"
    for _ in range(limits.NESTING + 2):
        raw, name = zipped({name: raw}), "x.zip"
    _, reading = by_mail(raw, "x.zip")
    assert any("zips nested" in each for each in reading.defects)
    assert reading.reported_from.is_empty


def test_messages_within_messages_end_somewhere_and_the_outermost_is_read():
    inner = message(header=24)
    for _ in range(limits.DEPTH + 5):
        inner = message({"inner": inner}, header=24)
    assert_is_dans(uploaded(msg({"inner": inner}), OUTLOOK))


def test_many_mails_that_unpack_to_much_are_read_up_to_the_limit(monkeypatch):
    raw = zipped({f"{n}.eml": ORIGINAL for n in range(5)})
    monkeypatch.setattr("intake.reading.limits.UNPACKED_BYTES", len(raw) + 3 * len(ORIGINAL))
    reading = uploaded(raw, ZIP)
    assert sum(each.role == "original" for each in reading.attachments) == 3
    assert any("larger than the reader unpacks" in each for each in reading.defects)


def test_thousands_of_entries_over_the_same_bytes_take_no_more_time_than_the_limit_allows():
    entry = zipped({"x.eml": ORIGINAL + random.Random(1).randbytes(16 * limits.MEBIBYTE)})
    at, end = entry.rindex(b"PK\x01\x02"), entry.rindex(b"PK\x05\x06")
    lying = bytearray(entry[at:end])
    struct.pack_into("<I", lying, 16, 7)  # the checksum
    tail = bytearray(entry[end:])
    struct.pack_into("<HHI", tail, 8, 5_000, 5_000, 5_000 * len(lying))
    begin = time.process_time()
    reading = uploaded(entry[:at] + bytes(lying) * 5_000 + bytes(tail), ZIP)
    assert time.process_time() - begin < 10
    assert any("larger than the reader unpacks" in each for each in reading.defects)


def test_a_count_of_four_thousand_million_in_a_winmail_takes_no_time():
    # tnefparse makes a list of that many.
    raw = tnef(found={})[:-10]
    raw += struct.pack("<BII", 1, 0x69003, 12) + struct.pack("<IHHI", 1, 0x1002, 0x1000, 2**32 - 1) + b"\0\0"
    begin = time.process_time()
    by_mail(raw, "winmail.dat")
    by_mail(tnef() + struct.pack("<BIIH", 1, 0x800C, 0, 0) * 50_000, "winmail.dat")
    assert time.process_time() - begin < 5


def test_an_outlook_file_that_claims_more_than_it_has_is_not_opened():
    raw = bytearray(msg({f"{n}.png": PICTURE for n in range(20)}))
    at = 0
    while (at := raw.find("__substg1.0_37010102".encode("utf-16-le"), at + 1)) > 0:
        struct.pack_into("<I", raw, at + 120, 2**30)
    assert "claims more bytes" in (uploaded(bytes(raw), OUTLOOK).unreadable_because or "")


WHOLE = {
    OUTLOOK: msg({"a.png": PICTURE, "inner": message(header=24)}),
    "application/ms-tnef": tnef({"x": tnef(found=properties_of()), "a.png": PICTURE}, properties_of()),
    ZIP: zipped({"x.eml": ORIGINAL, "y.msg": msg(), "z.zip": zipped({"x.eml": ORIGINAL})}),
}
NAMES = {OUTLOOK: "x.msg", "application/ms-tnef": "winmail.dat", ZIP: "x.zip"}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), max_size=12),
    st.floats(0.1, 1),
)
def test_a_damaged_container_of_any_kind_is_never_lost_and_never_ends_the_reader(kind, changes, kept):
    whole = bytearray(WHOLE[kind])
    for where, data in changes:
        at = int(where * len(whole))
        whole[at : at + len(data)] = data
    data = bytes(whole[: int(kept * len(whole))])
    raw, reading = by_mail(data, NAMES[kind], kind)
    assert part_bytes(raw, reading.attachments[0]) == data
    for each in reading.attachments:
        part_bytes(raw, each)
    uploaded(data, kind)


@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=400))
def test_any_bytes_said_to_be_a_container_are_kept_whatever_they_are(kind, junk):
    for data in (junk, WHOLE[kind][:8] + junk):
        raw, reading = by_mail(data, NAMES[kind], kind)
        assert part_bytes(raw, reading.attachments[0]) == data
        uploaded(data, kind)
