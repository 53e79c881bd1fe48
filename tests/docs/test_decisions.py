"""Decision records are numbered without a gap, listed in their index, and say the four things a record says."""

import re

from tests.docs.pages import ROOT, page

FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(path.name for path in FOLDER.glob("[0-9]*.md"))


def test_the_index_lists_every_record_once_and_in_order():
    assert re.findall(r"^\| \[\d{4}\]\(([\w.-]+)\) \|", page("decisions/README.md"), re.MULTILINE) == RECORDS


def test_numbers_are_consecutive():
    assert [int(name[:4]) for name in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_each_record_says_what_why_and_at_what_cost():
    for name in RECORDS:
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert text.startswith(f"# {name[:4]} "), name
        for part in ("**Decided.**", "**Why.**", "**Costs.**"):
            assert part in text, f"{name} has no {part}"
