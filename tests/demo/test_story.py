"""The story reaches nobody, names nobody, and asks of the house what the house promises."""

import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from intake.mail_sender import mail_sender
from intake.reading.reader import read
from services.samples.picture import HEIGHT, PICTURES, WIDTH, drawn
from services.samples.story import FOLDER, Outcome, Telling, load
from services.webhook import segments

STORY = load()
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PEOPLE = {
    key: replace(person, phone=person.phone or "+447700900200", email=person.email or f"{key}@post.example")
    for key, person in STORY.people.items()
}
TELLING = Telling(PEOPLE, "desk@holdfast.example", NOW)
MESSAGE_ID = "<1@post.example>"
ALL = pytest.mark.parametrize("sample", STORY.samples, ids=lambda sample: sample.name)


def told(sample):
    return TELLING.text(sample).encode() if sample.text else TELLING.mail(sample, MESSAGE_ID)


def read_told(sample):
    if sample.text:
        form = urlencode({"From": PEOPLE[sample.sender].phone, "Body": TELLING.text(sample)}).encode()
        return read(form, channel="sms", media_type="application/x-www-form-urlencoded", door={})
    return read(told(sample), channel="email", media_type="message/rfc822", door={})


@ALL
def test_a_sample_names_only_numbers_kept_for_drama_and_example_domains(sample):
    words = re.sub(r"\r\n[A-Za-z0-9+/=]{60,76}(?=\r\n)", "", told(sample).decode())
    assert "{{" not in words
    numbers = re.findall(r"(?<![\w.-])(?:\+44|0)[\d ]{9,12}\d", words)
    assert all(re.fullmatch(r"(?:\+44|0)7700900\d{3}", number.replace(" ", "")) for number in numbers), numbers
    hosts = re.findall(r"(?:@|https?://)([\w.-]+)", words)
    assert all(host.endswith(".example") for host in hosts), hosts


@ALL
def test_a_dated_original_is_read_at_the_minute_it_was_written(sample):
    reading = read_told(sample)
    written = sample.written(NOW)
    if written is None or sample.mail == "broken.eml":
        assert reading.claimed.at is None
    else:
        assert reading.claimed.at[:16] == written.isoformat()[:16]
        assert not reading.reported_from.is_empty


@ALL
def test_a_mail_says_who_sent_it_to_the_desk(sample):
    if sample.mail:
        assert mail_sender(told(sample)) == PEOPLE[sample.sender].email
        assert MESSAGE_ID.encode() in told(sample)
        assert b"\r\n" in told(sample)
        assert b"\n" not in told(sample).replace(b"\r\n", b"")


def test_every_kind_of_sample_that_bites_is_there():
    by_name = {sample.name: sample for sample in STORY.samples}
    assert len(by_name) == len(STORY.samples) > 40
    assert segments(TELLING.text(by_name["the light"])) == 2
    assert TELLING.text(by_name["his one word"]) == "STOP"
    assert read_told(by_name["diary, at the gym"]).kind == "diary"
    assert read_told(by_name["calls in the night"]).kind == "call"
    rules = {sample.mail: read_told(sample).forward for sample in STORY.samples if sample.mail}
    found = {name: forward.rule for name, forward in rules.items() if forward}
    assert {found[f"{client}-inline.eml"] for client in ("gmail", "apple", "outlook")} == {"dashes", "opening", "rule"}
    assert found["forwarded-as-attachment.eml"] == "attached"
    assert read_told(by_name["the card"]).remote_content == ("https://track.cards.example/o.gif?id=77f1",)
    (photo,) = read_told(by_name["photograph of the door"]).attachments
    assert photo.media_type == "image/png"
    assert read_told(by_name["a broken mail"]).defects
    assert {sample.outcome for sample in STORY.samples} == set(Outcome)


def test_what_stops_answers_is_sent_when_all_others_have_theirs():
    stop = next(sample for sample in STORY.samples if sample.outcome is Outcome.FAILED)
    assert [sample for sample in STORY.samples if sample.last] == [stop]


def test_every_mail_of_the_folder_is_sent():
    assert {path.name for path in (FOLDER / "mails").iterdir()} == {s.mail for s in STORY.samples if s.mail}


def test_the_night_is_where_most_of_it_happens():
    nights = [written for sample in STORY.samples if (written := sample.written(NOW)) and not 7 <= written.hour < 22]
    days = {sample.days_ago for sample in STORY.samples if sample.days_ago is not None}
    assert len(nights) > 15
    assert max(days) > 80
    assert 0 < min(days) < 7


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_a_real_png(name):
    png = drawn(name)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    start = png.index(b"IDAT") + 4
    length = int.from_bytes(png[start - 8 : start - 4])
    assert len(zlib.decompress(png[start : start + length])) == HEIGHT * (3 * WIDTH + 1)
