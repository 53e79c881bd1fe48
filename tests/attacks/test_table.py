"""The table of attacks in docs/threat-model.md is complete, and every test it names is there: a gate for every release."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.pages import ROOT, page

# What must be tried, as it was promised; a row may be added, none may go.
ATTACKS = (
    "An entry or its payload is edited",
    "The tree is made anew under another key",
    "The same with the log's own key: earlier packages",
    "The same with the log's own key: witness",
    "The same with the log's own key: tokens",
    "The database is rolled back",
    "Two histories are shown to two parties",
    "An entry is withheld",
    "An exhibit is withheld, or slipped in",
    "The case's last entries are withheld",
    "A package's file is edited and every manifest made anew, README and bag-info included",
    "A package's files are added, removed or swapped, and every manifest made anew",
    "A package's files are changed and the manifests left",
    "Keys, policy, verifier or roots of the attacker's inside",
    "A back-dated token from a made-up authority",
    "A swapped token",
    "A stripped token",
    "A foreign token",
    "A token without ESSCertIDv2, or by a certificate that may not sign one",
    "The archive's clock two days off, either way",
    "An object is overwritten",
    "A delete marker is laid over an object",
    "An object is purged, rots, or is put there unlocked",
    "Every other form of ZIP",
    "Names that lead out, collide or are links; sizes and lines without end",
    "Every other form of JSON",
    "Every other form of notes, base64 and DER",
    "Any single bit of a package is flipped",
)
# Attacks that need a package in other hands, or the vault: the other side has no part in them.
PACKAGES_ALONE = {
    "A package's file is edited and every manifest made anew, README and bag-info included",
    "A package's files are added, removed or swapped, and every manifest made anew",
    "A package's files are changed and the manifests left",
    "Every other form of ZIP",
    "Names that lead out, collide or are links; sizes and lines without end",
    "Every other form of notes, base64 and DER",
    "Any single bit of a package is flipped",
}
VAULT_ALONE = {
    "A delete marker is laid over an object",
    "An object is purged, rots, or is put there unlocked",
}
ROW = re.compile(r"^\| ([^|`]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def table() -> dict[str, tuple[str, str]]:
    """The rows: both verifiers' cell, and the living archive's."""
    text = page("threat-model.md").partition("## The attack suite")[2].partition("\n## ")[0]
    return {row[1].strip(): (row[2], row[3]) for row in ROW.finditer(text) if not row[1].startswith(("-", "attack"))}


@cache
def functions_of(file: str) -> frozenset[str]:
    """The tests at the top of a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(each.name for each in tree.body if isinstance(each, ast.FunctionDef))


def test_every_attack_that_was_promised_has_its_row() -> None:
    assert set(table()) >= set(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_names_tests_that_are_there(attack: str) -> None:
    by_verifiers, in_archive = table()[attack]
    for cell, has_no_part in ((by_verifiers, attack in VAULT_ALONE), (in_archive, attack in PACKAGES_ALONE)):
        named = NAMED.findall(cell)
        assert bool(named) != has_no_part, attack
        assert len(named) == cell.count("`") // 2
        for file, name in named:
            assert name in functions_of(file), f"{file}::{name}"


def test_no_file_of_attacks_is_left_out() -> None:
    named = {file for row in table().values() for cell in row for file, _ in NAMED.findall(cell)}
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "attacks").glob("test_*.py")}
    of_the_tool_itself = {"tests/attacks/test_table.py", "tests/attacks/test_page.py"}
    assert files - named == of_the_tool_itself
