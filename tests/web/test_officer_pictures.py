"""Promise 7: a picture is looked at without opening what was sent, recorded first, and carries nothing but pixels."""

import base64
import io
import re
import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select

from archive.tables import exhibit, reading
from cli.composition import now
from intake.reading import BoundedReader, opens, read
from intake.reading.preview import EDGE, preview
from tests.web.officers import make_site
from timeline.readings import store_reading
from web.officer.pictures import may_show

SHOWN = re.compile(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)")
GPS, MAKER = 0x8825, "Marker of the phone"


@pytest.fixture
def site(installation):
    return make_site(installation)


@pytest.fixture
def bounded():
    reader = BoundedReader()
    yield reader
    reader.close()


def photo(size=(1600, 900), form="JPEG", **more) -> bytes:
    """A picture with position, maker and a comment in it."""
    exif = Image.Exif()
    exif[0x010F] = MAKER
    exif[GPS] = {1: "N", 2: (51.0, 30.0, 0.0), 3: "W", 4: (0.0, 7.0, 0.0)}
    out = io.BytesIO()
    Image.new("RGB", size, (120, 60, 30)).save(out, form, exif=exif, **more)
    return out.getvalue()


def look(site, raw, media_type="image/jpeg"):
    officer = site.person()
    case = site.case("42/5/26", officer)
    made = site.casework.file(raw, media_type, case)
    browser = site.browser(officer)
    return made, browser, f"/cases/{case.slug}/exhibits/{made}"


def test_the_preview_carries_no_metadata_and_the_original_keeps_all_of_it(site):
    raw = photo(comment=b"secret comment")
    assert Image.open(io.BytesIO(raw)).getexif().get_ifd(GPS)
    _, browser, path = look(site, raw)
    assert "Show picture" in browser.text(path)
    page = browser.text(f"{path}/picture")
    made = base64.b64decode(SHOWN.search(page)[1])
    with Image.open(io.BytesIO(made)) as picture:
        assert picture.format == "JPEG"
        assert max(picture.size) == EDGE
        assert not picture.getexif()
        assert not {"exif", "comment", "icc_profile", "xmp"} & set(picture.info)
    for kept in (b"Exif", MAKER.encode(), b"secret comment"):
        assert kept in raw
        assert kept not in made
    assert browser.get(f"{path}/original").data == raw


def test_a_look_is_in_the_ledger_before_a_byte_is_shown(site, monkeypatch):
    made, browser, path = look(site, photo())
    browser.text(path)
    assert "base64" not in browser.text(path)
    before = len(site.entries("exhibit.viewed"))
    browser.text(f"{path}/picture")
    entry = site.entries("exhibit.viewed")[before]
    assert (entry["stream"], entry["facts"]["part"]) == (f"exhibit:{made}", "picture")

    def refuse(*_, **__):
        raise RuntimeError

    monkeypatch.setattr("web.officer.looks.record", refuse)
    assert b"base64" not in browser.get(f"{path}/picture").data


def test_nobody_outside_the_case_sees_the_picture(site):
    _, _, path = look(site, photo())
    assert site.browser(site.person()).get(f"{path}/picture").status_code == 404
    assert site.browser().get(f"{path}/picture").status_code == 303


@pytest.mark.parametrize(
    "media_type", ["image/svg+xml", "text/html", "message/rfc822", "video/mp4", "IMAGE/SVG+XML; charset=utf-8"]
)
def test_files_that_could_run_are_never_offered_as_pictures(site, media_type):
    _, browser, path = look(site, b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", media_type)
    assert "Show picture" not in browser.text(path)
    assert browser.get(f"{path}/picture").status_code == 404


def bomb() -> bytes:
    """A PNG of some kilobytes that says it has 400 million pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"x",
        b"<svg/>",
        photo()[:3000],
        b"\xff\xd8\xff\xe0" + bytes(5000),
        bomb(),
        b"%PDF-1.7",
        b"GIF89a" + b"\xff" * 200,
    ],
    ids=["nothing", "svg", "truncated", "garbage", "bomb", "pdf", "gif"],
)
def test_what_cannot_be_previewed_says_so_and_breaks_nothing(site, bounded, raw):
    _, browser, path = look(site, raw, "image/jpeg")
    page = browser.text(f"{path}/picture")
    assert "No preview can be made" in page
    assert not SHOWN.search(page)
    assert bounded.preview(raw) is None


def test_a_decoder_that_takes_too_long_or_too_much_is_ended_and_the_next_one_works(bounded):
    raw = photo((6000, 6000), "PNG")
    assert bounded.preview(raw, wall_seconds=0.0) is None
    assert bounded.preview(raw, memory_bytes=90 * 1024 * 1024) is None
    assert bounded.preview(photo()) == preview(photo())


def test_a_picture_taken_sideways_is_shown_upright():
    raw = photo((400, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.open(io.BytesIO(raw)).save(out, "JPEG", exif=exif)
    with Image.open(io.BytesIO(preview(out.getvalue()))) as shown:
        assert shown.size == (200, 400)


@settings(max_examples=60)
@given(st.binary(max_size=400), st.integers(0, 3000))
def test_no_bytes_make_the_preview_raise(tail, at):
    raw = photo((64, 64))
    for each in (tail, raw[:at] + tail, raw[: at % 200] + tail + raw[at % 200 :]):
        found = preview(each)
        assert found is None or found.startswith(b"\xff\xd8")


@settings(max_examples=100)
@given(
    st.binary(max_size=200),
    st.sampled_from(["image/svg+xml", "video/mp4", "application/pdf", "application/octet-stream"]),
)
def test_what_the_reader_says_it_does_not_open_it_does_not_need(raw, media_type):
    about = {"channel": "upload", "media_type": media_type}
    assert not opens(**about)
    assert read(raw, **about, door={"filename": "a"}) == read(b"", **about, door={"filename": "a"})


def test_only_sizes_that_fit_are_offered():
    assert may_show("image/jpeg", 1)
    assert not may_show("image/jpeg", 0)
    assert not may_show("image/jpeg", 10**9)


def test_a_large_original_is_streamed_and_a_wrong_one_is_broken_off(site, monkeypatch):
    monkeypatch.setattr("web.officer.exhibits.WHOLE_BYTES", 10)
    raw = photo()
    made, browser, path = look(site, raw)
    answer = browser.get(f"{path}/original")
    assert (answer.data, answer.content_length) == (raw, len(raw))
    with site.casework.archive.engine.connect() as connection:
        assert connection.execute(select(exhibit.c.id)).scalar_one() == made


def test_what_a_picture_tells_of_itself_is_on_its_page_as_claims_and_finds_it(site):
    made, browser, path = look(site, photo())
    found = read(photo(), channel="upload", media_type="image/jpeg", door={})
    with site.casework.archive.engine.begin() as connection:
        store_reading(connection, made, replace(found, version=9_999, search_hint="I know <b>where"), now=now())
    page = browser.text(path)
    assert f'<dt>EXIF Make</dt><dd class="hf-wrap">{MAKER}</dd>' in page
    assert "<dt>GPS GPSLatitude</dt>" in page
    assert "which anybody can edit" in page
    assert "For searching only. They are often wrong" in page
    assert "I know &lt;b&gt;where" in page
    with site.casework.archive.engine.connect() as connection:
        query = select(reading.c.words).where(reading.c.exhibit_id == made, reading.c.version == 9_999)
        assert "i know <b>where" in connection.execute(query).scalar()
