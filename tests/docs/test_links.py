"""Every link inside the documentation leads somewhere, headings included, and every error that names a page names one."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, tracked

PAGES = [
    path for path in tracked() if path.suffix == ".md" and "vendor" not in path.parts and "tests" not in path.parts
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file_git_keeps(path):
    kept = set(tracked())
    for link in LINK.findall(CODE.sub("", path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, heading = link.partition("#")
        found = (path.parent / target).resolve() if target else path
        assert found in kept, f"{link} leads nowhere"
        assert not heading or heading in anchors(found), f"{link}: no such heading"


def test_pages_and_headings_that_the_code_names_exist():
    named = set()
    for path in tracked():
        if path.suffix == ".py" and "tests" not in path.parts:
            text = re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
            named |= set(re.findall(r"(docs/[\w./-]+\.md)(?:, ([A-Z][\w ]+?)\))?", text))
    assert {name for name, _ in named} >= {"docs/operations.md", "docs/package.md"}
    for name, heading in named:
        assert (ROOT / name).is_file(), name
        assert not heading or heading.lower().replace(" ", "-") in anchors(ROOT / name), f"{name}: {heading}"


def test_every_test_that_the_threat_model_names_exists():
    named = re.findall(
        r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    )
    assert len(named) > 20
    for file, function in named:
        assert (
            f"def {function}(" in (ROOT / file).read_text(encoding="utf-8") if function else (ROOT / file).is_file()
        ), f"{file}::{function}"
