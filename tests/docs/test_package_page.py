"""docs/package.md names every file, field and step of a real package, and none that is not there."""

import json
import re
from zipfile import ZipFile

from archive.verify import ITEM_FILE, TITLES
from tests.attacks.ground import a_case
from tests.docs.pages import page

PAGE = page("package.md")
FILES = PAGE.partition("## Files")[2].partition("## Binding")[0]


def test_the_plan_has_the_steps_of_the_verifier():
    plan = PAGE.partition("## The plan of a verifier")[2]
    assert {int(n): title for n, title in re.findall(r"^\| (\d) \| ([^|]+?) \|", plan, re.MULTILINE)} == TITLES


def test_every_file_of_a_package_is_in_the_table(tmp_path):
    with ZipFile(a_case().export(tmp_path, earlier_sizes=[3]).path) as package:
        names = package.namelist()
        item = json.loads(package.read("data/items/00001/item.json"))
        first = json.loads(package.read("custody/streams.jsonl").split(b"\n")[0])
        entry = json.loads(package.read("custody/entries.jsonl").split(b"\n")[0])
    named = re.findall(
        r"`([^`]+)`", "\n".join(line.split("|")[1] for line in FILES.splitlines() if line.startswith("| `"))
    )
    forms = [_form(name) for name in named]
    for name in names:
        assert any(form.fullmatch(name) for form in forms), f"{name} is not in the table"
    assert f"`{' '.join(sorted(item))}`" in FILES
    for document in (first, entry):
        assert "{" + ", ".join(f'"{key}"' for key in sorted(document)) + "}" in FILES
    assert ITEM_FILE.fullmatch("data/items/00001/item.json")


def _form(name: str) -> re.Pattern[str]:
    form = re.escape(name).replace(r"<nnnnn>", r"\d{5}").replace(r"<ext>", "[a-z0-9]+").replace(r"<size>", r"\d+")
    return re.compile(form.replace(r"\*", r"[\w-]*").replace("…", ".+"))


def test_the_leaf_the_payload_and_the_binding_are_as_the_page_has_them(tmp_path):
    with ZipFile(a_case().export(tmp_path).path) as package:
        entries = [json.loads(line) for line in package.read("custody/entries.jsonl").splitlines()]
    leaf = PAGE.partition("A **leaf** is")[2].partition("and its hash")[0]
    payload = PAGE.partition("A **payload** is")[2].partition("A **checkpoint**")[0]
    binding = PAGE.partition("## Binding")[2].partition("with every file")[0]
    for part, text in (("leaf", leaf), ("payload", payload)):
        assert re.findall(r'[{ ]"(\w+)"(?=:)', re.sub(r'\{"leaf".+?\}', "", text)) == sorted(entries[0][part])
    exported = entries[-1]["payload"]["facts"]
    assert re.findall(r'"(\w+)"', binding.replace('"<name>": "<sha256>"', "")) == sorted(exported)
