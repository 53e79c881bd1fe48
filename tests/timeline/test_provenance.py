"""Grades by the facts alone (the table in docs/glossary.md, provenance grade)."""

from __future__ import annotations

import pytest

from archive.provenance import Kept, ProvenanceGrade, grade_of


@pytest.mark.parametrize(
    ("kept", "grade"),
    [
        pytest.param(Kept(has_attached_original=True, original_dkim_passed=True), "A", id="attached and signed"),
        pytest.param(Kept(has_attached_original=True), "B", id="attached"),
        pytest.param(Kept(is_message_file=True), "B", id="a message file"),
        pytest.param(Kept(is_structured_export=True, by_text=True), "C", id="an export"),
        pytest.param(Kept(is_image=True), "D", id="a screenshot"),
        pytest.param(Kept(has_image=True), "D", id="a mail with a screenshot"),
        pytest.param(Kept(is_inline_forward=True, has_image=True), "E", id="an inline forward with a picture"),
        pytest.param(Kept(is_inline_forward=True), "E", id="an inline forward"),
        pytest.param(Kept(by_text=True), "F", id="a forwarded text"),
        pytest.param(Kept(is_own_words=True, by_text=True), "W", id="a diary note by text"),
        pytest.param(Kept(), "W", id="nothing recognised"),
    ],
)
def test_an_item_has_the_grade_of_what_it_keeps(kept, grade):
    found = grade_of(kept)
    assert found.grade is ProvenanceGrade(grade)
    assert found.reasons
    assert (found.raised_by is None) == (grade in {"A", "B"})
