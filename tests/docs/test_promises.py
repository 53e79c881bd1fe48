"""Each promise that stands is cited by a test, and the README makes none that does not stand."""

import re

from tests.docs.pages import ROOT, page, tracked

PROMISE = re.compile(r"^\| (\d) \| \*\*(.+?)\*\*.* \| (.+) \|$", re.MULTILINE)
PROMISES = {int(number): (words, stands) for number, words, stands in PROMISE.findall(page("architecture.md"))}
CITED = re.compile(r"\bpromises? (\d(?:(?:, | and |, and )\d)*)", re.IGNORECASE)


def cited() -> set[int]:
    """Numbers that the tests' docstrings and comments cite."""
    here = ROOT / "tests" / "docs" / "test_promises.py"
    texts = [path.read_text(encoding="utf-8") for path in tracked() if path.suffix == ".py" and path != here]
    tests = [
        text
        for path, text in zip((p for p in tracked() if p.suffix == ".py" and p != here), texts, strict=True)
        if path.is_relative_to(ROOT / "tests")
    ]
    return {int(digit) for text in tests for run in CITED.findall(text) for digit in re.findall(r"\d", run)}


def test_there_are_eight_and_each_says_whether_it_stands():
    assert sorted(PROMISES) == list(range(1, 9))
    assert {stands for _, stands in PROMISES.values()} <= {"yes", "not yet"}


def test_each_promise_that_stands_is_cited_by_a_test():
    standing = {number for number, (_, stands) in PROMISES.items() if stands == "yes"}
    assert standing <= cited()


def test_the_readme_promises_what_stands_and_nothing_else():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    made = re.findall(r"^(\d)\. ", text.partition("## What it promises")[2].partition("## ")[0], re.MULTILINE)
    assert [int(number) for number in made] == [n for n, (_, stands) in PROMISES.items() if stands == "yes"]


def test_no_page_claims_what_nobody_can():
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        text = path.read_text(encoding="utf-8")
        found = re.search(
            r"court.admissible|tamper.?proof|military.grade|unhackable|\bcompliant with\b|fully secure",
            text,
            re.IGNORECASE,
        )
        assert not found, f"{path.name}: {found[0] if found else ''}"
