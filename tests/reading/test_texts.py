"""Texts: exact words, and an original's sender and time only where the body states them."""

from __future__ import annotations

from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.reading import Reading, read
from intake.reading.diary import diary_kind
from intake.reading.texts import read_form


def reading_of(raw: bytes) -> Reading:
    return read(raw, channel="sms", media_type="application/x-www-form-urlencoded", door={})


def text(body: str, **fields: str) -> Reading:
    return reading_of(
        urlencode(
            {"MessageSid": "SM1", "From": "+447700900001", "To": "+447700900999", "Body": body, **fields}
        ).encode()
    )


@pytest.mark.parametrize(
    "body",
    ["I see you 👀👩‍👩‍👧", "\u202eקרוב אליך\u202c", "ሰላም", "a+b & c=d %41", "  spaces  \n\nand lines  ", "STOP", ""],
)
def test_the_words_of_a_text_are_exact_in_any_script(body):
    reading = text(body)
    assert reading.text == body
    assert (reading.reported_from.is_empty, reading.claimed.at, reading.direction) == (True, None, "unknown")


def test_the_number_that_forwarded_is_not_the_one_that_wrote():
    reading = text("You will regret this")
    assert reading.reported_from.number is None
    assert dict(reading.headers)["From"] == "+447700900001"


@pytest.mark.parametrize(
    ("body", "number", "name", "at", "words"),
    [
        (
            "From: +447700900123\nSent: 21 Nov 2026 22:14\n\nI know where you are",
            "+447700900123",
            None,
            "2026-11-21T22:14:00",
            "\nI know where you are",
        ),
        (
            "From: Dan Frost (07700 900123)\nDate: 21/11/2026 22:14\nMessage: I know",
            "+447700900123",
            "Dan Frost",
            "2026-11-21T22:14:00",
            "I know",
        ),
        ("Sender: Dan\nReceived: 2026-11-21 22:14:09\nBody: I know", None, "Dan", "2026-11-21T22:14:09", "I know"),
        (
            "Type: Text message\nPriority: Normal\nFrom: +447700900123\nSent: 21 Nov 2026 22:14\nReceived: 21 Nov 2026 22:15\n\nI know",
            "+447700900123",
            None,
            "2026-11-21T22:14:00",
            "\nI know",
        ),
        ("[22:14, 21/11/2026] Dan Frost: I know", None, "Dan Frost", "2026-11-21T22:14:00", "I know"),
        ("[21/11/2026, 22:14:08] +44 7700 900123: I know", "+447700900123", None, "2026-11-21T22:14:08", "I know"),
        ("From +447700900123 sent 21 Nov 2026 22:14: I know", "+447700900123", None, "2026-11-21T22:14:00", "I know"),
        ("Fwd: From: 07700 900123\nI know: you", "+447700900123", None, None, "I know: you"),
        ("From +44 7700 900123: I know", "+447700900123", None, None, "I know"),
        ("From Dan on 21st November 2026 at 22:14\nI know", None, "Dan", "2026-11-21T22:14:00", "I know"),
        ("From: +447700900123\nSent: 02/10/2026 22:14\nhello", "+447700900123", None, None, "hello"),
    ],
)
def test_what_the_body_states_of_the_original_is_read(body, number, name, at, words):
    reading = text(body)
    assert (reading.reported_from.number, reading.reported_from.name) == (number, name)
    assert (reading.claimed.at, reading.text) == (at, words)
    assert reading.direction == "inbound"
    assert reading.forward is not None
    assert reading.forward.source == body


@pytest.mark.parametrize(
    "body",
    [
        "[21/11/2026, 22:14:08] Dan: I know\n[21/11/2026, 22:15:08] Sam: what",
        "[note] Dan: said",
        "I got this\n[22:14, 21/11/2026] Dan: I know",
        "From now on: you are dead to me",
        "from me: sorry",
        "From: the heart, sorry",
        "Sent from my phone",
        "I got this from 07700 900123: hello",
        "From Monday at work: be careful",
        "Message: call me",
        "Date: tonight\nTime: 8",
    ],
)
def test_an_ordinary_sentence_names_nobody_and_no_time(body):
    reading = text(body)
    assert reading.reported_from.is_empty
    assert reading.claimed.at is None
    assert reading.text == body


def test_repeated_fields_and_bad_escapes_are_kept_and_never_raise():
    fields, defects = read_form(b"Body=a&Body=b&=x&c&Body=%zz%e2%82&MediaUrl0=https%3A%2F%2Fx")
    assert fields[0] == ("Body", "a")
    assert ("MediaUrl0", "https://x") in fields
    assert defects
    assert reading_of(b"Body=a&Body=b").text == "a"


def test_nul_is_shown_as_its_picture_and_that_is_said():
    reading = text("a\x00b")
    assert reading.text == "a␀b"
    assert reading.defects == ("some characters cannot be shown and were replaced",)


def test_whatsapp_says_that_it_was_forwarded_and_that_is_shown():
    reading = reading_of(
        b"Body=hi&From=whatsapp%3A%2B447700900001&Forwarded=true&FrequentlyForwarded=false&NumMedia=1&MediaUrl0=https%3A%2F%2Fx"
    )
    assert dict(reading.headers)["Forwarded"] == "true"
    assert dict(reading.headers)["MediaUrl0"] == "https://x"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("LOG 8pm white van AB12 CDE outside", "diary"),
        ("CALL 07700 900123 14:05 silent", "call"),
        ("log: again", "diary"),
        ("login failed", "message"),
        ("Call me", "message"),
    ],
)
def test_diary_and_call_entries_are_told_by_their_first_word_and_kept(body, kind):
    reading = text(body)
    assert (reading.kind, reading.text) == (kind, body)
    assert diary_kind(body) == (None if kind == "message" else kind)


def test_a_diary_pages_form_is_a_diary_entry():
    reading = read(
        b"text=He+was+outside&when=yesterday", channel="diary", media_type="application/x-www-form-urlencoded", door={}
    )
    assert (reading.kind, reading.text, reading.headers) == ("diary", "He was outside", (("when", "yesterday"),))


def test_media_of_a_text_has_no_words():
    reading = read(b"\x89PNG", channel="sms", media_type="image/png", door={"filename": "a.png"})
    assert (reading.state, reading.text, reading.subject) == ("read", "", "a.png")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_any_words_come_through_a_form_unchanged(body):
    assert read_form(b"Body=" + quote_plus(body).encode())[0] == (("Body", body),)


def test_several_messages_of_one_person_copied_together_have_no_one_time():
    body = "[22:14, 21/11/2026] Dan Frost: I know\n[22:15, 21/11/2026] Dan Frost: I see you"
    reading = text(body)
    assert (reading.reported_from.name, reading.claimed.at, reading.text) == ("Dan Frost", None, body)


def test_a_copied_text_says_where_its_sender_time_and_words_stand():
    body = "From: Dan Frost (07700 900123)\nDate: 21/11/2026 22:14\nMessage: I know"
    forward = text(body).forward
    assert forward is not None
    words = {each.field: body[each.start : each.end] for each in forward.spans}
    assert words == {"from": "Dan Frost (07700 900123)", "date": "21/11/2026 22:14", "body": "I know"}
