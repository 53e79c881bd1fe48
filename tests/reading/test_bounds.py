"""Reading in a separate process: the same readings, and limits that hold."""

from __future__ import annotations

import os
import signal

import pytest

from intake.reading import BoundedReader, read
from tests.reading.mails import attached, mail

MEBIBYTE = 1024 * 1024


@pytest.fixture
def reader():
    bounded = BoundedReader()
    yield bounded
    bounded.close()


def by(bounded: BoundedReader, raw: bytes, **limits):
    return bounded.read(raw, channel="email", media_type="message/rfc822", door={}, **limits)


def test_a_bounded_reading_is_the_same_reading(reader):
    for raw in (attached(), mail("hello \x00 👀"), b"", b"\xff" * 1000):
        assert by(reader, raw) == read(raw, channel="email", media_type="message/rfc822", door={})


def test_a_reader_past_its_time_is_killed_and_that_is_the_state(reader):
    reading = by(reader, attached(), wall_seconds=0.0)
    assert reading.state == "unreadable"
    assert "0 seconds" in (reading.unreadable_because or "")
    assert by(reader, attached()).state == "read"


def test_a_reader_past_its_memory_is_stopped_and_that_is_the_state(reader):
    raw = mail("QUJD\n" * (8 * MEBIBYTE), extra="Content-Transfer-Encoding: base64\r\n")
    reading = by(reader, raw, memory_bytes=150 * MEBIBYTE)
    assert reading.state == "unreadable"
    assert reading.unreadable_because is not None
    assert by(reader, attached()).state == "read"


def test_a_killed_template_is_replaced_at_the_next_reading(reader):
    assert by(reader, attached()).state == "read"
    os.kill(reader._process.pid, signal.SIGKILL)
    assert by(reader, attached()).state == "read"


def test_a_closed_reader_leaves_no_process_behind(reader):
    by(reader, attached())
    process = reader._process
    reader.close()
    assert process.poll() is not None
