"""docs/glossary.md explains every action there is; the ledger never has another."""

import re

from archive.custody import Action
from archive.provenance import ProvenanceGrade
from tests.docs.pages import page


def test_every_action_has_a_sentence_and_every_sentence_an_action():
    table = page("glossary.md").partition("## Actions")[2]
    explained = dict(re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", table, re.MULTILINE))
    assert set(explained) == {action.value for action in Action}
    assert all(sentence.endswith(".") for sentence in explained.values())


def test_every_grade_is_in_its_table():
    table = page("glossary.md").partition("## Provenance grade")[2].partition("## Actions")[0]
    assert re.findall(r"^\| ([A-Z]) \|", table, re.MULTILINE) == [grade.value for grade in ProvenanceGrade]
