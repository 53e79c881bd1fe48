"""Entries in her own words, by text, by mail and by form: verbatim, with hints, and never with an invented time."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.diary_document import DIARY_TYPE, DiaryDocument, EntryKind, Known, Photo, When
from intake.reading import read
from intake.reading.diary import diary_kind, hints_of
from intake.reading.model import Hint

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def text(body, **fields):
    form = {"MessageSid": "SM1", "From": "+447700900001", "Body": body, **fields}
    return read(urlencode(form).encode(), channel="sms", media_type="application/x-www-form-urlencoded", door={})


def mail(body, subject="hello", **headers):
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "amy@example.org", "intake@example.org", subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return read(message.as_bytes(), channel="email", media_type="message/rfc822", door={})


def entry(kind=EntryKind.INCIDENT, *, finished=True, **answers):
    raw = DiaryDocument(UUID(int=1), kind, AT, AT, finished, answers).to_bytes()
    return read(raw, channel="diary", media_type=DIARY_TYPE, door={})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("LOG followed me at Tesco, scared 8, Sam saw", "diary"),
        ("Log followed me at Tesco", "diary"),
        ("log he was outside", "diary"),
        ("log: he was outside", "diary"),
        ("LOG\nhe was outside", "diary"),
        ("(1/3) LOG he was outside", "diary"),
        ("1/2 Log: he was outside", "diary"),
        ("DIARY he was outside", "diary"),
        ("CALL 07700 900321 9pm, no answer", "call"),
        ("call: 07700 900321", "call"),
        ("Call - silent, 3 times", "call"),
        ("Call me back or else", None),
        ("call me", None),
        ("Log in to see who likes you", None),
        ("Log on now", None),
        ("Diary of a nobody", None),
        ("Logistics update", None),
        ("I will log this", None),
    ],
)
def test_an_entry_is_told_by_its_first_word_as_phones_write_it(body, kind):
    assert diary_kind(body) == kind
    assert text(body).kind == (kind or "message")
    assert text(body).text == body
    assert mail(body).kind == (kind or "message")


def test_an_entry_of_many_parts_is_kept_whole():
    body = "LOG " + "He was there again and shouted at me from the van. " * 30
    reading = text(body, NumSegments="11")
    assert (reading.kind, reading.text) == ("diary", body)


def test_a_mail_says_so_in_its_subject_or_its_first_line():
    assert mail("he was outside at 9pm", subject="LOG Tuesday").kind == "diary"
    assert mail("LOG he was outside", subject="hello").kind == "diary"
    assert mail("three times tonight", subject="Call: 07700 900321").kind == "call"


def test_hints_stand_beside_the_words_and_are_never_a_time():
    reading = text("LOG he was outside the Red Lion last night about 9pm in van AB12 CDE, then rang from 07700 900321")
    assert reading.claimed.at is None
    assert [(hint.kind, hint.text) for hint in reading.hints] == [
        ("place", "Red Lion"), ("time", "last night"), ("time", "9pm"), ("place", "van AB12 CDE"),
    ]  # fmt: skip
    assert [(one.kind, one.value) for one in reading.identifiers] == [("plate", "AB12 CDE"), ("phone", "+447700900321")]
    for hint in reading.hints:
        assert reading.text[hint.start : hint.end] == hint.text


@pytest.mark.parametrize(
    ("body", "at", "precision"),
    [
        ("LOG 21 November 2026 22:14 he was outside", "2026-11-21T22:14:00", "minute"),
        ("LOG 21st Nov 2026, at 10.14pm: he was outside", "2026-11-21T22:14:00", "minute"),
        ("Log on Saturday 21 November 2026 9pm he was outside", "2026-11-21T21:00:00", "minute"),
        ("CALL 2026-11-21 22:14 07700 900321", "2026-11-21T22:14:00", "minute"),
        ("LOG 21/11/2026 he was outside", "2026-11-21", "day"),
        ("LOG 21 November 2026 9:30 he was outside", "2026-11-21", "day"),
        ("LOG 02/10/2026 he was outside", None, "unknown"),
        ("LOG 31 November 2026 he was outside", None, "unknown"),
        ("LOG yesterday at 9pm", None, "unknown"),
        ("LOG 9pm he was outside", None, "unknown"),
        ("LOG he said he would come on 21 November 2026", None, "unknown"),
    ],
)
def test_a_time_is_claimed_only_where_the_entry_begins_with_a_whole_date(body, at, precision):
    claimed = text(body).claimed
    assert (claimed.at, claimed.precision, claimed.zone) == (at, precision, "unknown")


@given(st.text(max_size=200))
def test_hints_of_any_text_lie_where_they_say(body):
    for hint in hints_of(body):
        assert body[hint.start : hint.end] == hint.text


def test_hints_are_found_in_time():
    import time

    began = time.process_time()
    for unit in ("at ", "at a ", "in the ", "1:1 ", "9 ", "yesterday ", "on 1 ", "LOG " * 3, "a" * 50 + " "):
        text("LOG " + unit * 30_000)
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    ("body", "headers", "own"),
    [
        ("He was outside my work again today.", {}, True),
        ("", {}, False),
        ("I am away until Monday.", {"Auto_Submitted": "auto-replied"}, False),
        ("Our offers", {"List_Id": "<offers.example>"}, False),
        ("see below\n\nOn 1 Nov 2026, at 10:00, Dan <dan@example.com> wrote:\n> I know where you are", {}, False),
    ],
)
def test_her_own_words_by_mail_are_told_from_what_she_forwards_and_what_machines_write(body, headers, own):
    assert mail(body, **headers).own_words is own


def test_an_entry_by_form_is_read_as_she_said_it():
    reading = entry(
        when=When(
            Known.ABOUT,
            "2026-11-20",
            "21:30",
            "after dark",
            {"day": "20", "month": "Nov", "year": "2026", "time": "9.30pm"},
        ),
        what="He followed me.\nAll the way.",
        where="Mill Lane",
        vehicle_plate="ab12cde",
        fear=8,
        photos=(Photo(UUID(int=2), "ab" * 32, 10, "image/jpeg", "van.jpg"),),
    )
    assert (reading.kind, reading.direction, reading.own_words) == ("diary", "unknown", True)
    claimed = reading.claimed
    assert (claimed.at, claimed.precision, claimed.approximate) == ("2026-11-20T21:30:00", "minute", True)
    assert claimed.text == "about 20 Nov 2026, 9.30pm, after dark"
    assert reading.text.startswith("He followed me.\nAll the way.\n\nWhere: Mill Lane")
    assert dict(reading.account)["fear"] == "8"
    assert [one.value.upper() for one in reading.identifiers if one.kind == "plate"] == ["AB12CDE"]
    assert "van.jpg (sha256:abab" in reading.text


def test_a_call_by_form_names_the_number_that_called_and_whether_it_was_answered():
    reading = entry(EntryKind.CALL, number="07700 900321", answered=False, said="Breathing.")
    assert (reading.kind, reading.direction) == ("call", "inbound")
    assert reading.reported_from.number == "+447700900321"
    assert dict(reading.account) == {"said": "Breathing.", "answered": "no", "number": "07700 900321"}
    assert entry(EntryKind.CALL, number="hidden").reported_from.is_empty


def test_an_entry_that_was_not_sent_says_so():
    reading = entry(finished=False, what="He followed")
    assert reading.unfinished
    assert reading.defects == ("the entry was not sent: it is what had been saved when the visit ended",)


def test_a_hint_keeps_its_place():
    assert hints_of("at Tesco") == (Hint("place", "Tesco", 3, 8),)


@pytest.mark.parametrize("media_type", ["video/mp4", "message/rfc822", "application/octet-stream"])
def test_a_file_that_broke_off_on_its_way_says_so(media_type):
    door = {"filename": "film.mp4", "unfinished": True, "stated_size": 6}
    assert read(b"abc", channel="upload", media_type=media_type, door=door).unfinished
    assert not read(b"abc", channel="upload", media_type=media_type, door={"filename": "film.mp4"}).unfinished
