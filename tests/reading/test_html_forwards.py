"""Forwards in HTML, by the structure that mail programs give them, and HTML that only looks like one."""

from __future__ import annotations

import pytest

from intake.reading import Reading, read
from tests.reading.html_forwards import STRUCTURES
from tests.reading.mails import html_mail


def reading_of(raw: bytes) -> Reading:
    reading = read(raw, channel="email", media_type="message/rfc822", door={})
    assert reading.state == "read", reading.unreadable_because
    return reading


@pytest.mark.parametrize("program", STRUCTURES)
def test_a_forward_of_every_program_is_read_out_of_its_html(program: str) -> None:
    subject, html = STRUCTURES[program]
    reading = reading_of(html_mail(html, subject=subject))
    assert (reading.reported_from.name, reading.reported_from.address) == ("Dan Frost", "dan.frost@example.com")
    assert reading.subject == "You will regret this"
    assert reading.text.startswith("You will regret this.")
    assert (reading.claimed.at or "").startswith("2026-11-21T22:14")
    assert (reading.note or "").startswith("He wrote again.")
