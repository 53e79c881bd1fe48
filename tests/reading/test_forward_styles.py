"""Every program in every language we know: the right person, or the test fails; in other words, never a wrong one."""

from __future__ import annotations

import pytest

from intake.reading.dates import claimed_from
from intake.reading.forwarded import find_forward
from tests.reading.forward_styles import BODY, STYLES, SUBJECT, Style


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.program} {style.language}")
def test_a_forward_of_every_program_in_every_language_is_read_whole(style: Style) -> None:
    found = find_forward(style.text, style.subject)
    assert found is not None
    assert (found.author.name, found.author.address) == ("Dan Frost", "dan.frost@example.com")
    assert (found.subject, found.date_text, found.body) == (SUBJECT, style.date, BODY)
    if style.has_receivers:
        assert [(each.name, each.address) for each in found.to] == [(None, "sam.carter@example.org")]
        assert [each.address for each in found.cc] == ["kim.lee@example.net", "robin@example.net"]
        assert [each.name for each in found.cc] == ["Kim Lee", "Robin"]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.program} {style.language}")
def test_the_date_that_each_program_writes_is_read_with_its_zone_if_it_states_one(style: Style) -> None:
    found = find_forward(style.text, style.subject)
    assert found is not None
    claimed = claimed_from(found.date_text, "quoted", found.languages)
    assert claimed.at is not None
    assert claimed.at.startswith(("2026-11-02T09:26", "2026-10-28T12:46"))
    has_zone = any(zone in style.date for zone in ("GMT+1", "UTC+1", "CET", "MEZ", "SEČ", "+0100"))
    assert claimed.zone == ("stated" if has_zone else "unknown")
    assert claimed.at.endswith("+01:00") == has_zone


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.program} {style.language}")
def test_every_field_says_where_in_the_text_it_stands(style: Style) -> None:
    found = find_forward(style.text, style.subject)
    assert found is not None
    words = {each.field: found.source[each.start : each.end] for each in found.spans}
    assert words["from"].strip('"').startswith("Dan Frost")
    assert "dan.frost@example.com" in words["from"]
    assert words["date"] == style.date
    assert words["body"].strip("> \n").startswith("You will regret this.")
    assert words["body"].strip("> \n").endswith("From now on I watch.")
    if style.has_receivers:
        assert words["subject"] == SUBJECT
        assert "sam.carter@example.org" in words["to"]
        assert words["cc"].startswith("Kim Lee <kim.lee@example.net>")
        assert words["cc"].endswith("Robin <robin@example.net>")
