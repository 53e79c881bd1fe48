"""Grades by the facts alone (the table in docs/glossary.md, provenance grade), and what the facts are made from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.provenance import VERSION, Kept, Picture, ProvenanceGrade, Whole, grade_of
from intake.reading.model import Attachment, Claimed, Forward, Reading
from timeline.event import ExhibitFacts
from timeline.grading import grading_of, picture_kind

RANK = {None: 9, "A": 0, "B": 1, "C": 2, "D": 3, "E": 4, "F": 5, "W": 6}
AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

kepts = st.builds(
    Kept,
    whole=st.none() | st.sampled_from(get_args(Whole)),
    signature=st.none() | st.sampled_from(["pass", "weak", "partial", "fail", "none", "temporary", "not_checked"]),
    all_signed=st.booleans(),
    is_structured_export=st.booleans(),
    is_own_words=st.booleans(),
    picture=st.none() | st.sampled_from(get_args(Picture)),
    is_inline_forward=st.booleans(),
    by_text=st.booleans(),
)


@pytest.mark.parametrize(
    ("kept", "grade"),
    [
        pytest.param(Kept(whole="attached", signature="pass", all_signed=True), "A", id="attached and signed"),
        pytest.param(Kept(whole="file", signature="pass", all_signed=True), "A", id="a file, signed"),
        pytest.param(Kept(whole="redirected", signature="pass", all_signed=True), "A", id="redirected, signed"),
        pytest.param(Kept(whole="attached"), "B", id="attached, not judged"),
        *(
            pytest.param(Kept(whole="attached", signature=each), "B", id=f"attached, {each}")
            for each in ("weak", "partial", "fail", "none", "temporary", "not_checked")
        ),
        pytest.param(Kept(whole="attached", signature="pass"), "B", id="one of several signed"),
        pytest.param(Kept(whole="outlook"), "B", id="Outlook's file"),
        pytest.param(
            Kept(whole="outlook", signature="pass", all_signed=True), "B", id="Outlook's file, whatever is said"
        ),
        pytest.param(Kept(is_structured_export=True, by_text=True), "C", id="an export"),
        pytest.param(Kept(is_structured_export=True, is_own_words=True), "C", id="a call in a backup"),
        pytest.param(Kept(picture="screen"), "D", id="a screenshot"),
        pytest.param(Kept(picture="screen", by_text=True), "D", id="a screenshot by text"),
        pytest.param(Kept(is_inline_forward=True), "E", id="an inline forward"),
        pytest.param(Kept(is_inline_forward=True, picture="screen"), "E", id="an inline forward with a screenshot"),
        pytest.param(Kept(is_inline_forward=True, picture="camera"), "E", id="an inline forward with a photo"),
        pytest.param(Kept(by_text=True), "F", id="a forwarded text"),
        pytest.param(Kept(is_own_words=True, by_text=True), "W", id="a diary note by text"),
        pytest.param(Kept(is_own_words=True), "W", id="a diary entry"),
        pytest.param(Kept(picture="camera"), None, id="a photo of damage"),
        pytest.param(Kept(picture="camera", by_text=True), None, id="a photo by text"),
        pytest.param(Kept(picture="unknown"), None, id="a picture of who knows what"),
        pytest.param(Kept(), None, id="nothing recognised"),
    ],
)
def test_an_item_has_the_grade_of_what_it_keeps(kept, grade):
    found = grade_of(kept)
    assert found.grade == grade
    assert found.grade is None or isinstance(found.grade, ProvenanceGrade)
    assert found.version == VERSION


@given(kepts)
def test_every_grade_has_reasons_and_only_the_best_cannot_be_raised(kept):
    found = grade_of(kept)
    assert found == grade_of(kept)
    assert all(reason.endswith((".", "…")) for reason in found.reasons)
    assert found.reasons
    if found.grade == "A":
        assert found.raised_by is None
    elif found.grade is not None:
        assert found.raised_by


@given(kepts)
def test_keeping_more_never_lowers_a_grade(kept):
    before = RANK[grade_of(kept).grade]
    for more in (replace(kept, all_signed=True), replace(kept, whole=kept.whole or "attached")):
        assert RANK[grade_of(more).grade] <= before


@given(kepts)
def test_no_grade_a_without_the_whole_original_and_a_signature_that_passed(kept):
    is_a = grade_of(kept).grade == "A"
    assert is_a == (kept.whole not in {None, "outlook"} and kept.all_signed)


@pytest.mark.parametrize(
    ("media_type", "name", "facts", "kind"),
    [
        ("image/png", None, (), "screen"),
        ("image/jpeg", "Screenshot_20261122_231405.jpg", (), "screen"),
        ("image/jpeg", "Bildschirmfoto 2026-11-22.jpg", (), "screen"),
        ("image/jpeg", "phone screen.jpg", (("Make", "Apple"),), "screen"),
        ("image/jpeg", "IMG_0042.jpg", (("UserComment", "Screenshot"),), "screen"),
        ("image/heic", "IMG_0042.heic", (), "camera"),
        ("image/jpeg", "IMG_0042.jpg", (("EXIF Make", "Apple"), ("EXIF Model", "iPhone 15")), "camera"),
        ("image/jpeg", "a.jpg", (("Attachment 0: EXIF Make", "Apple"),), "camera"),
        ("image/png", "a.png", (("Pixels", "1170 x 2532"),), "screen"),
        ("image/jpeg", "IMG-20261122-WA0001.jpg", (), "unknown"),
        ("image/jpeg", None, (), "unknown"),
    ],
)
def test_a_picture_is_told_apart_by_name_format_and_facts(media_type, name, facts, kind):
    assert picture_kind(media_type, name, facts) == kind


def _facts(channel="email", media_type="message/rfc822"):
    return ExhibitFacts(uuid4(), None, channel, "0" * 64, 1, media_type, AT, None, "archived", None, None, AT)


def _picture(name="a.jpg", media_type="image/jpeg"):
    return Attachment(0, name, media_type, "0" * 64, 1, 0, 1, "", "attachment")


PASSED = {"original_passed": True, "judgements": [{"of": "original", "method": "dkim", "result": "pass"}]}
FORWARD_PASSED = {"original_passed": False, "judgements": [{"of": "forward", "method": "dkim", "result": "pass"}]}


@pytest.mark.parametrize(
    ("facts", "reading", "judged", "grade"),
    [
        pytest.param(_facts(), Reading(1, forward=Forward("attached")), PASSED, "A", id="attached, passed"),
        pytest.param(
            _facts(), Reading(1, forward=Forward("attached")), FORWARD_PASSED, "B", id="only the forward passed"
        ),
        pytest.param(_facts(), Reading(1, forward=Forward("attached")), None, "B", id="not judged yet"),
        pytest.param(_facts(), Reading(1, forward=Forward("resent")), PASSED, "A", id="redirected"),
        pytest.param(_facts("upload"), Reading(1, forward=Forward("file")), PASSED, "A", id="an .eml"),
        pytest.param(
            _facts("upload", "application/vnd.ms-outlook"), Reading(1, forward=Forward("file")), None, "B", id="a .msg"
        ),
        pytest.param(
            _facts("upload", "text/xml"), Reading(1, claimed=Claimed(source="export")), None, "C", id="a backup"
        ),
        pytest.param(_facts("upload", "image/png"), Reading(1), None, "D", id="an uploaded screenshot"),
        pytest.param(
            _facts(), Reading(1, attachments=(_picture("Screenshot.jpg"),)), None, "D", id="a mailed screenshot"
        ),
        pytest.param(_facts(), Reading(1, forward=Forward("gmail")), None, "E", id="inline"),
        pytest.param(_facts("sms", "application/x-www-form-urlencoded"), Reading(1), None, "F", id="a text"),
        pytest.param(
            _facts("sms", "application/x-www-form-urlencoded"), Reading(1, own_words=True), None, "W", id="LOG"
        ),
        pytest.param(_facts("diary", "application/json"), Reading(1, kind="diary"), None, "W", id="a diary entry"),
        pytest.param(
            _facts("upload", "image/heic"), Reading(1, subject="door.heic"), None, None, id="a photo of damage"
        ),
        pytest.param(_facts("upload", "audio/ogg"), Reading(1, subject="voice.ogg"), None, None, id="a recording"),
        pytest.param(_facts(), Reading(1, attachments=(_picture(),)), None, None, id="a mailed photo"),
        pytest.param(_facts(), Reading(1), None, None, id="a mail that says nothing plain"),
    ],
)
def test_every_row_of_the_table_comes_out_of_what_is_known_of_an_item(facts, reading, judged, grade):
    assert grading_of(facts, reading, judged).grade == grade


def test_what_was_not_read_has_no_grade_and_no_reasons():
    assert grading_of(_facts(), None, None) is None
    assert grading_of(_facts(), Reading(1, state="unreadable"), None) is None
