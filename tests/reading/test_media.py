"""Pictures and recordings: what they tell of themselves is kept, a program's words are for searching, and no bytes break it."""

import base64
import io
import json
import os
import struct
import time
import wave
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from intake.reading import from_json, opens, pictures, read, read_in_bounds, to_json
from intake.reading.media import MEDIA_BYTES
from intake.reading.pictures import facts_of, words_in
from intake.reading.recordings import length_of
from timeline.readings import searchable


def photo(size=(400, 300), make="Fruit", shade=200, form="JPEG"):
    picture = Image.new("RGB", size, (shade,) * 3)
    exif = picture.getexif()
    if make:
        exif[0x010F] = make
    exif.get_ifd(0x8769)[0x9003] = "2026:11:21 22:14:03"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (51.0, 30.0, 26.0)
    out = io.BytesIO()
    picture.save(out, form, exif=exif)
    return out.getvalue()


def sound(seconds=2):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000 * seconds))
    return out.getvalue()


def ogg_opus(seconds):
    def page(kind, granule, serial, number, body):
        head = struct.pack("<4sBBqIIIB", b"OggS", 0, kind, granule, serial, number, 0, 1)
        return head + bytes([len(body)]) + body

    opening = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    pages = [page(2, 0, 7, 0, opening), page(0, 0, 7, 1, tags), page(4, 48000 * seconds, 7, 2, b"x" * 40)]
    return b"".join(pages)


def reading_of(raw, media_type, **door):
    return read(raw, channel="upload", media_type=media_type, door={"filename": "a", **door})


@pytest.fixture
def a_program(tmp_path, monkeypatch):
    """Stands in for tesseract."""

    def made(script):
        program = tmp_path / "tesseract"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(pictures.os, "defpath", f"{tmp_path}:{os.defpath}")

    return made


def test_what_a_photograph_says_of_itself_is_kept_and_makes_no_time():
    found = reading_of(photo(), "image/jpeg")
    facts = dict(found.facts)
    assert (found.subject, found.state, found.defects) == ("a", "read", ())
    assert facts["Pixels"] == "400 x 300"
    assert facts["EXIF Make"] == "Fruit"
    assert facts["EXIF DateTimeOriginal"] == "2026:11:21 22:14:03"
    assert facts["GPS GPSLatitude"] == "51.0 30.0 26.0"
    assert found.claimed.at is None
    assert from_json(json.loads(json.dumps(to_json(found)))) == found


def test_words_seen_in_a_screenshot_are_searched_for_and_are_not_its_text(a_program):
    a_program("cat >/dev/null; printf 'I know\\n where  you are'")
    found = reading_of(photo(make=None, form="PNG"), "image/png")
    assert (found.text, found.search_hint) == ("", "I know where you are")
    assert "i know where you are" in searchable(found)
    assert reading_of(photo(), "image/jpeg").search_hint == ""  # a camera's
    assert reading_of(photo((100, 100), None), "image/jpeg").search_hint == ""


def test_the_program_is_given_pixels_alone_dark_on_light(a_program, tmp_path):
    a_program(f"cat >{tmp_path}/given")
    for shade in (20, 230):
        words_in(photo(make=None, shade=shade))
        with Image.open(tmp_path / "given") as given:
            assert given.getpixel((9, 9)) > 200
            assert (given.mode, dict(given.getexif())) == ("L", {})


@pytest.mark.parametrize("script", ["sleep 60", "exit 1", "kill -9 $$"])
def test_a_program_that_fails_or_hangs_leaves_no_words_and_the_facts(a_program, script):
    a_program(script)
    begin = time.monotonic()
    assert words_in(photo(make=None), seconds=1) == ""
    assert time.monotonic() - begin < 30


def test_without_the_program_there_are_no_words(monkeypatch, tmp_path):
    monkeypatch.setattr(pictures.os, "defpath", str(tmp_path))
    found = reading_of(photo(make=None), "image/jpeg")
    assert (found.search_hint, dict(found.facts)["Pixels"]) == ("", "400 x 300")


@pytest.mark.parametrize(
    ("raw", "media_type", "length_ms"),
    [
        (sound(2), "audio/x-wav", 2_000),
        (ogg_opus(3), "audio/ogg", 3_000),
        (b"#!AMR\n" + (bytes([0x3C]) + bytes(31)) * 50, "audio/amr", 1_000),
        (b"#!AMR-WB\n" + (bytes([0x44]) + bytes(60)) * 100, "audio/amr-wb", 2_000),
    ],
)
def test_the_length_of_a_recording_is_read(raw, media_type, length_ms):
    found = reading_of(raw, media_type)
    assert found.length_ms == length_ms
    assert found.facts == (("Length", f"{length_ms / 1000:.1f} seconds"),)


@pytest.mark.parametrize("raw", [b"", b"#!AMR\n", b"RIFF", b"no recording", b"#!AMR\n\x48"])
def test_a_recording_that_does_not_say_has_no_length(raw):
    found = reading_of(raw, "audio/mpeg")
    assert (found.length_ms, found.facts, found.state) == (None, (), "read")


def test_pictures_and_recordings_in_a_mail_are_told_beside_it():
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "amy@example.org", "look"
    mail.set_content("see this")
    mail.add_attachment(photo(), maintype="image", subtype="jpeg", filename="a.jpg")
    mail.add_attachment(sound(1), maintype="audio", subtype="wav", filename="a.wav")
    found = read(mail.as_bytes(), channel="email", media_type="message/rfc822", door={})
    facts = dict(found.facts)
    first, second = (part.index for part in found.attachments)
    assert facts[f"Attachment {first}: EXIF Make"] == "Fruit"
    assert facts[f"Attachment {second}: Length"] == "1.0 seconds"
    assert found.length_ms is None


def test_pictures_of_a_picture_message_are_told_too():
    data = base64.b64encode(photo()).decode()
    raw = f'<mms date="1700000000000" msg_box="1"><part ct="image/jpeg" data="{data}"/></mms>'.encode()
    found = reading_of(raw, "application/vnd.holdfast.sms-backup+xml")
    assert ("Attachment 0: EXIF Make", "Fruit") in found.facts


def test_a_file_of_a_chat_says_that_it_came_in_an_export():
    assert reading_of(photo(), "image/jpeg", part_of="chat").claimed.source == "export"
    assert reading_of(b"%PDF", "application/pdf", part_of="chat").claimed.source == "export"
    assert reading_of(photo(), "image/jpeg").claimed.source == "none"


def test_a_large_recording_is_not_looked_into():
    assert opens(channel="upload", media_type="audio/mpeg", size_bytes=MEDIA_BYTES)
    assert not opens(channel="upload", media_type="audio/mpeg", size_bytes=MEDIA_BYTES + 1)
    assert read_in_bounds(b"", channel="upload", media_type="audio/mpeg", door={}).state == "read"


def test_the_bounded_reader_looks_at_pictures_and_recordings():
    found = read_in_bounds(photo(), channel="upload", media_type="image/jpeg", door={})
    assert ("EXIF Make", "Fruit") in found.facts
    assert read_in_bounds(sound(), channel="upload", media_type="audio/wav", door={}).length_ms == 2_000


@settings(max_examples=80)
@given(
    st.binary(max_size=300), st.integers(0, 2000), st.sampled_from([photo(), photo(form="PNG"), sound(), ogg_opus(2)])
)
def test_no_bytes_break_it(junk, at, whole):
    for raw in (junk, whole[:at] + junk + whole[at + len(junk) :], whole[:at]):
        facts_of(raw)
        length_of(raw)
        for media_type in ("image/jpeg", "audio/ogg"):
            found = reading_of(raw, media_type)
            assert found.state == "read"
            assert from_json(json.loads(json.dumps(to_json(found)))) == found


def test_hostile_recordings_take_time_in_proportion():
    begin = time.process_time()
    for raw in (b"#!AMR\n" + b"\x7c" * 2_000_000, b"OggS" * 200_000, b"\xff\xfb" * 400_000, b"ID3" * 200_000):
        length_of(raw)
    assert time.process_time() - begin < 20.0
