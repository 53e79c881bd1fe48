"""The page that tells strangers how to read a diary entry names every member, and its example is one."""

from __future__ import annotations

import json
import re

from intake.diary_document import ANSWERS_TYPE, DIARY_TYPE
from intake.diary_parsing import QUESTIONS, is_canonical, read_diary
from tests.docs.pages import page


def test_every_question_of_the_form_is_described():
    text = page("diary-form.md")
    for questions in QUESTIONS.values():
        for name in questions:
            assert f"`{name}`" in text, name
    for media_type in (DIARY_TYPE, ANSWERS_TYPE):
        assert f"`{media_type}`" in text


def test_the_example_is_an_entry_in_canonical_form():
    example = re.search(r"```json\n(.*?)\n```", page("diary-form.md"), re.DOTALL)
    assert example
    raw = example[1].encode()
    assert is_canonical(raw)
    document = read_diary(raw)
    described = page("diary-form.md")
    for name in json.loads(raw):
        assert f"`{name}`" in described, name
    assert document.answers["where"] is None
