"""Mails, whole: structure, attached originals, HTML, what is claimed and what is not."""

from __future__ import annotations

import base64
import hashlib
import json
import quopri
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.reading import Reading, from_json, part_bytes, read, to_json
from intake.reading.fields import read_block
from intake.reading.header_people import people_of
from intake.reading.reader import PartMismatchError
from tests.reading.mails import HTML_FORWARDS, ORIGINAL, alternatives, attached, html_mail, in_base64, mail

CORPUS = sorted(
    path for path in (Path(__file__).parent / "corpora" / "mail").glob("*/*") if path.name.endswith((".txt", ".eml"))
)


def reading_of(raw: bytes) -> Reading:
    reading = read(raw, channel="email", media_type="message/rfc822", door={})
    assert reading.state == "read", reading.unreadable_because
    return reading


def is_from_dan(reading: Reading) -> bool:
    return (reading.reported_from.name, reading.reported_from.address) == ("Dan Frost", "dan.frost@example.com")


def test_the_corpus_is_here():
    assert len(CORPUS) == 151


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_real_and_malformed_mail_is_read_and_every_part_is_its_slice(path):
    raw = path.read_bytes()
    reading = reading_of(raw)
    for attachment in reading.attachments:
        data = part_bytes(raw, attachment)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (attachment.size_bytes, attachment.sha256)
    assert from_json(json.loads(json.dumps(to_json(reading)))) == reading


@pytest.mark.parametrize("client", HTML_FORWARDS)
def test_html_forwards_of_the_common_clients_are_read_by_their_structure(client):
    reading = reading_of(html_mail(HTML_FORWARDS[client], subject="FW: You will regret this"))
    assert is_from_dan(reading)
    assert reading.subject == "You will regret this"
    assert reading.text.startswith("You will regret this.")
    assert reading.claimed.at is not None
    assert reading.claimed.at.startswith("2026-11-21T22:14")
    assert reading.claimed.source == "quoted"
    assert (reading.note or "").startswith(("He wrote again.", "Please add this."))
    assert reading.direction == "inbound"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(attached(), id="plain"),
        pytest.param(
            attached(
                in_base64(ORIGINAL), headers=b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n"
            ),
            id="base64",
        ),
        pytest.param(
            attached(headers=b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n"),
            id="base64-claimed",
        ),
        pytest.param(attached(in_base64(ORIGINAL), headers=b"Content-Type: message/rfc822\r\n"), id="base64-unclaimed"),
        pytest.param(
            attached(
                ORIGINAL.replace(b"=", b"=3D"),
                headers=b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n",
            ),
            id="quoted-printable",
        ),
        pytest.param(attached(headers=b"Content-Type: message/global\r\n"), id="global"),
        pytest.param(attached(headers=b'Content-Type: application/octet-stream; name="x.eml"\r\n'), id="octet-stream"),
        pytest.param(
            attached(
                in_base64(ORIGINAL),
                headers=b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=x.EML\r\nContent-Transfer-Encoding: base64\r\n",
            ),
            id="octet-stream-base64",
        ),
        pytest.param(
            attached(
                b"--dig\r\n\r\n" + ORIGINAL + b"--dig--\r\n",
                headers=b"Content-Type: multipart/digest; boundary=dig\r\n",
            ),
            id="digest",
        ),
    ],
)
def test_an_attached_original_is_the_message_in_whatever_dress_it_comes(raw):
    reading = reading_of(raw)
    assert is_from_dan(reading)
    assert (reading.claimed.at, reading.claimed.source, reading.claimed.zone) == (
        "2026-11-21T22:14:08+00:00",
        "header",
        "stated",
    )
    assert reading.subject == "I know where you are 👀"
    assert reading.text.strip() == "I saw you at the station. Call me on 07700 900123."
    assert reading.note == "He did it again."
    assert dict(reading.original_headers)["Message-ID"] == "<1@example.com>"
    assert [each.value for each in reading.identifiers] == ["+447700900123"]
    original = next(each for each in reading.attachments if each.role == "original")
    assert part_bytes(raw, original).rstrip() == ORIGINAL.rstrip()


def test_the_slice_of_an_original_is_byte_for_byte_what_its_sender_wrote():
    reading = reading_of(attached())
    original = reading.attachments[0]
    assert attached()[original.offset : original.offset + original.length] == ORIGINAL


def test_an_attached_original_beats_what_the_text_quotes():
    quoted = b"---------- Forwarded message ---------\r\nFrom: Eve <eve@example.net>\r\nDate: 1 May 2020 10:00\r\nSubject: no\r\nTo: x@example.org\r\n\r\nno"
    assert is_from_dan(reading_of(attached(note=quoted)))


def test_several_attached_originals_are_not_one_message():
    other = ORIGINAL.replace(b"Dan Frost <dan.frost@example.com>", b"Eve <eve@example.net>")
    raw = attached(ORIGINAL + b"\r\n--mix\r\nContent-Type: message/rfc822\r\n\r\n" + other)
    reading = reading_of(raw)
    assert reading.reported_from.is_empty
    assert reading.claimed.at is None
    assert [each.role for each in reading.attachments] == ["original", "original"]
    assert "dan.frost@example.com" in reading.text
    assert "eve@example.net" in reading.text


def test_a_picture_inside_an_original_in_base64_is_found_through_both_encodings():
    picture = bytes(range(256))
    original = (
        b"From: Dan Frost <dan.frost@example.com>\r\nSubject: look\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n"
        b"--in\r\nContent-Type: text/plain\r\n\r\nlook\r\n--in\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.png\r\n\r\n"
        + in_base64(picture) + b"--in--\r\n"
    )  # fmt: skip
    raw = attached(
        in_base64(original), headers=b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n"
    )
    reading = reading_of(raw)
    image = next(each for each in reading.attachments if each.media_type == "image/png")
    assert (image.name, image.role, len(image.outer)) == ("a.png", "attachment", 1)
    assert part_bytes(raw, image) == picture
    altered = bytearray(raw)
    altered[image.outer[0].offset + image.outer[0].length - 100] ^= 1
    with pytest.raises(PartMismatchError):
        part_bytes(bytes(altered), image)


def test_a_mail_that_forwards_nothing_is_the_contributors_own_words_and_claims_no_time():
    reading = reading_of(mail("He was outside again.", subject="Tonight"))
    assert reading.reported_from.is_empty
    assert (reading.claimed.at, reading.claimed.source) == (None, "none")
    assert (reading.kind, reading.text, reading.forward) == ("message", "He was outside again.", None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("LOG he drove past at 8", "diary"),
        ("CALL 07700 900123 at 14:05, silent", "call"),
        ("Call me back or else", "message"),
        ("log: again", "diary"),
    ],
)
def test_entries_are_told_from_messages_and_kept_verbatim(text, kind):
    reading = reading_of(mail(text, subject="x"))
    assert (reading.kind, reading.text) == (kind, text)


def test_a_bounce_names_nobody_though_it_carries_a_mail():
    raw = mail(
        b"--r\r\nContent-Type: text/plain\r\n\r\nundelivered\r\n--r\r\nContent-Type: message/rfc822\r\n\r\n" + ORIGINAL + b"\r\n--r--\r\n",
        subject="Undelivered", content_type="multipart/report; boundary=r",
    )  # fmt: skip
    reading = reading_of(raw)
    assert reading.reported_from.is_empty
    assert [each.role for each in reading.attachments] == ["original"]


def test_text_and_html_that_name_different_authors_name_nobody():
    plain = "---------- Forwarded message ---------\nFrom: Eve <eve@example.net>\nDate: Sat, 21 Nov 2026 at 22:14\nSubject: x\nTo: y@example.org\n\nhello"
    reading = reading_of(alternatives(plain, HTML_FORWARDS["gmail"]))
    assert reading.reported_from.is_empty
    assert any("different authors" in each for each in reading.defects)


def test_a_header_block_that_the_html_hides_names_nobody():
    hidden = '<div style="display:none">---------- Forwarded message ---------<br>From: Eve &lt;eve@example.net&gt;<br>Subject: x<br>To: y@example.org<br><br></div>'
    reading = reading_of(html_mail(hidden + "<p>Hello</p>"))
    assert reading.reported_from.is_empty
    assert reading.text == "Hello"
    assert reading.defects


def test_what_the_html_would_fetch_is_listed_and_where_its_links_go_is_an_identifier():
    reading = reading_of(
        html_mail(
            '<p>Hello <a href="https://login.example.net/a">here</a></p><img src="https://track.example.net/p.gif?u=sam" width=1>',
            subject="x",
        )
    )
    assert reading.text == "Hello here"
    assert reading.remote_content == ("https://track.example.net/p.gif?u=sam",)
    assert [(each.kind, each.value, each.start) for each in reading.identifiers] == [
        ("url", "https://login.example.net/a", None)
    ]


@pytest.mark.parametrize(
    "header",
    [
        b"From: Dan <dan.frost@example.com>, Eve <eve@example.net>\r\n",
        b"From: Dan <dan.frost@example.com>\r\nFrom: Eve <eve@example.net>\r\n",
        b"From: undisclosed\r\n" + b"From: x\r\n",
    ],
)
def test_an_original_with_two_authors_names_nobody(header):
    reading = reading_of(attached(header + b"Subject: x\r\n\r\nhello"))
    assert reading.reported_from.is_empty
    assert reading.text == "hello"


def test_an_encoded_word_cannot_bring_an_address_of_its_own():
    spoof = base64.b64encode(b"Dan <sam.carter@example.org>").decode()
    reading = reading_of(
        attached(f"From: =?utf-8?b?{spoof}?= <dan.frost@example.com>\r\nSubject: x\r\n\r\nhello".encode())
    )
    assert reading.reported_from.address == "dan.frost@example.com"


def test_a_mail_she_sent_herself_is_outbound():
    own = ORIGINAL.replace(b"From: Dan Frost <dan.frost@example.com>", b"From: Sam Carter <Sam.Carter@example.org>")
    assert reading_of(attached(own)).direction == "outbound"


CRASHERS = [
    b"Content-Type: text/plain; name*\r\n\r\nx",
    b"To: (c):\r\n\r\nx",
    b'To: "\r\nFrom: "\r\n\r\nx',
    b"Message-ID: <[x@example.com]>\r\n\r\nx",
    b"Content-Type: text/plain; charset=unheard-of\r\n\r\nx",
    b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-" * 1000,
    b"Content-Type: text/plain; charset=\xff\xfe\r\n\r\nx",
    b"Content-Type: multipart/mixed\r\n\r\nx",
    b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n--a\r\n--a--\r\n--a\r\n",
    b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(3000)),
    b"To: " + b"(" * 2000 + b"\r\n\r\nx",
    b"Content-Transfer-Encoding: base64 \r\n\r\nSGVsbG8=\r\nIHRoZXJl\r\n",
    b"Date: Mon, 1 Jan 0000 00:00:00 +0000\r\n\r\nx",
    b"Content-Type: text/html\r\n\r\n" + b"<div>" * 20000,
    b"Subject: " + b"=?utf-8?q?a?= " * 20000 + b"\r\n\r\nx",
    b"",
    b"\x00" * 1000,
    b"\r\n",
]


@pytest.mark.parametrize("raw", CRASHERS, ids=range(len(CRASHERS)))
def test_mails_known_to_break_other_readers_are_read(raw):
    reading = reading_of(raw)
    json.dumps(to_json(reading)).encode()


def test_runs_of_base64_after_padding_are_not_lost_and_a_space_after_the_encoding_is_harmless():
    assert reading_of(CRASHERS[13]).text == "Hello there"


def test_more_parts_than_the_limit_is_said_and_not_a_failure():
    reading = reading_of(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" * 3000
    )
    assert len(reading.attachments) == 1999
    assert "more parts than the reader looks at" in reading.defects


HEADER_LINES = st.sampled_from(
    [b"From: Dan <d@example.com>", b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: message/rfc822", b"Content-Type: text/html; charset=x", b"Content-Transfer-Encoding: base64",
     b"Content-Transfer-Encoding: quoted-printable", b'Content-Type: multipart/alternative; boundary="b"', b"Subject: =?utf-8?q?=F0?=", b"", b"--b", b"--b--", b"<p>a", b"=3D", b"SGk=", b" folded", b"Date: 1 Jan 2026 10:00 +0000", b"\xff\x00"]
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(HEADER_LINES | st.binary(max_size=20), max_size=30), st.sampled_from([b"\r\n", b"\n", b"\r"]))
def test_any_mail_is_read_and_its_parts_can_be_cut_out_again(lines, newline):
    raw = newline.join(lines)
    reading = reading_of(raw)
    for attachment in reading.attachments:
        part_bytes(raw, attachment)
    assert from_json(json.loads(json.dumps(to_json(reading)))) == reading


@given(
    st.binary(max_size=300),
    st.sampled_from(["sms", "email", "upload", "diary", "?"]),
    st.sampled_from(
        ["message/rfc822", "text/plain", "application/x-www-form-urlencoded", "image/png", "", "text/html; x"]
    ),
)
def test_reading_never_raises_for_any_bytes_by_any_door(raw, channel, media_type):
    reading = read(raw, channel=channel, media_type=media_type, door={"filename": "x\udc80\x00"})
    assert reading.state == "read"
    document = to_json(reading)
    assert from_json(json.loads(json.dumps(document))) == reading
    assert "\\u0000" not in json.dumps(document)
    json.dumps(document, ensure_ascii=False).encode()  # no lone surrogate is left


def test_an_uploaded_mail_is_itself_the_original():
    reading = read(ORIGINAL, channel="upload", media_type="message/rfc822", door={})
    assert is_from_dan(reading)
    assert (reading.claimed.at, reading.claimed.source, reading.direction) == (
        "2026-11-21T22:14:08+00:00",
        "header",
        "unknown",
    )
    assert reading.forward is not None
    assert reading.forward.rule == "file"


def test_a_redirected_mail_is_the_original_and_its_author_is_not_the_one_who_redirected_it():
    reading = reading_of(
        b"Resent-From: Sam Carter <sam.carter@example.org>\r\nResent-To: reports@holdfast.example\r\n" + ORIGINAL
    )
    assert is_from_dan(reading)
    assert reading.direction == "inbound"
    own = reading_of(b"Resent-From: Dan Frost <dan.frost@example.com>\r\n" + ORIGINAL)
    assert own.reported_from.is_empty


def test_control_characters_anywhere_in_a_mail_leave_a_reading_that_round_trips():
    body = (
        "---------- Forwarded message ---------\nFrom: Dan\x01 <dan.frost@example.com>\nDate: 1\x02 May\nSubject: a\x00b\nTo: x@example.org\n\nhi\x07\n\n"
        "From: E\x03\nSent: \x04\nSubject: \x05\n\nx"
    )
    for raw in (
        mail(body, subject="Fwd: \x06"),
        html_mail(body.replace("\n", "<br>") + "&#1;&#xD800;&#0;"),
        attached(body.encode().partition(b"\n")[2]),
    ):
        reading = reading_of(raw)
        assert from_json(json.loads(json.dumps(to_json(reading)))) == reading
        assert "some characters cannot be shown and were replaced" in reading.defects


FORWARDS = json.loads((Path(__file__).parent / "corpora" / "forwards" / "cases.json").read_text())


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_every_public_forward_reads_the_same_as_a_whole_mail(encoding):
    encode = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}[encoding]
    for case in FORWARDS:
        head = "" if case["subject"] is None else f"Subject: {case['subject'].strip()}\r\n"
        raw = f"From: s@example.org\r\n{head}Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        reading = reading_of(raw + encode(case["body"].encode()))
        email = case["expected"]["email"] or {"from": {}}
        assert (reading.reported_from.name, reading.reported_from.address) == (
            email["from"].get("name"),
            email["from"].get("address"),
        )
        assert (reading.forward is not None) == case["expected"]["forwarded"]
        if reading.forward is not None:
            assert (reading.text, reading.subject, reading.claimed.text) == (
                email["body"],
                email["subject"],
                email["date"],
            )
            assert reading.claimed.at is not None or reading.claimed.order_ambiguous


def test_where_a_quoted_message_is_left_in_doubt_that_is_said():
    quoted = (
        "From: Dan Frost <dan.frost@example.com>\nSent: 21 November 2026 22:14\nTo: Sam Carter\nSubject: x\n\nYou will."
    )
    reading = reading_of(mail(f"Please add this.\n\n{quoted}", subject="evidence"))
    assert reading.reported_from.is_empty
    assert any("not certain that it was forwarded" in each for each in reading.defects)
    assert reading_of(mail("He was outside again.", subject="Tonight")).defects == ()


@pytest.mark.parametrize(
    ("value", "people"),
    [
        (b"Dan Frost <dan@example.com>", [("Dan Frost", "dan@example.com")]),
        (b'"Frost, Dan (he)" <dan@example.com>', [("Frost, Dan (he)", "dan@example.com")]),
        (b'"dan@example.com" <dan@example.com>', [(None, "dan@example.com")]),
        (b'"kim@example.net" <dan@example.com>', [("kim@example.net", "dan@example.com")]),
        (b"a@example.com,  Kim Lee <kim@example.net>", [(None, "a@example.com"), ("Kim Lee", "kim@example.net")]),
        (b'"=?utf-8?q?Eve?=" <dan@example.com>', [("Eve", "dan@example.com")]),
        (b'"Say \\"hi\\"" <dan@example.com>', [('Say "hi"', "dan@example.com")]),
        (b'"a" <a@example.com>, "b" <b@example.com>', [("a", "a@example.com"), ("b", "b@example.com")]),
        (b'"  " <dan@example.com>', [(None, "dan@example.com")]),
        (b"Joe Q. O'Hara-Public <joe@example.com>", [("Joe Q. O'Hara-Public", "joe@example.com")]),
    ],
)
def test_plain_people_are_read_as_the_header_factory_reads_them(value, people):
    block = read_block(b"To: " + value + b"\r\n\r\n", 0, len(value) + 8)
    assert [(each.name, each.address) for each in people_of(block, "to")] == people
