"""Forwards in text by the programs that only set a few lines before them: the right person, the words, the minute."""

from __future__ import annotations

import pytest

from intake.reading.dates import claimed_from
from intake.reading.forwarded import find_forward
from tests.reading.text_forwards import TEXTS, B

# They write the year in two digits, which is not certain: the text is kept, and no time claimed.
SHORT_YEARS = frozenset({"Samsung de", "GMX gesendet rule"})


@pytest.mark.parametrize("program", TEXTS)
def test_a_forward_of_every_program_is_read_out_of_its_text(program: str) -> None:
    subject, text = TEXTS[program]
    found = find_forward(text, subject)
    assert found is not None
    assert found.author.name == (None if program == "Tutanota" else "Dan Frost")
    assert found.author.address == "dan.frost@example.com"
    assert (found.subject, B in found.body) == ("x", True)
    assert found.above.startswith("He wrote again.")
    assert "From" not in found.above
    at = claimed_from(found.date_text, "quoted", found.languages).at
    assert (at or "")[:16] == ("" if program in SHORT_YEARS else "2026-11-21T22:14")


@pytest.mark.parametrize("program", TEXTS)
def test_quoted_in_an_answer_the_same_text_names_nobody(program: str) -> None:
    quoted = TEXTS[program][1].replace("\n", "\n> ")
    found = find_forward(f"Thanks.\n\n> {quoted}", "Re: x")
    assert found is None
