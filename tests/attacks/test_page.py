"""verify.html as a person uses it, from disk, in Debian's Chromium; and that the committed page is the built one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

from archive import verify as verifier
from tests.archive.test_verify import POLICY_LINES
from tests.attacks.authority import Authority, sealing
from tests.attacks.forge import pack, remanifest, unpack, verify
from tests.attacks.ground import WITNESSED_POLICY, a_case
from tests.browser_verifier import ARGUMENTS, PAGE, browser_verifier, chromium

SOURCES = PAGE.parent.parent / "static" / "verifier"
HTML = PAGE.read_text(encoding="utf-8")
GOOD = Authority.make("good")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what somebody outside holds."""
    folder = tmp_path_factory.mktemp("bench")
    ground = a_case()
    ground.tsa_roots = GOOD.roots
    package = ground.export(folder, earlier_sizes=[9], witnessed=True, seal=sealing({"good": GOOD})).path
    files = unpack(package)
    package.rename(folder / "good.zip")
    files["data/items/00002/original.eml"] += b"x"
    (folder / "edited.zip").write_bytes(pack(remanifest(files)))
    (folder / "hostile.zip").write_bytes((folder / "good.zip").read_bytes().replace(b"bagit.txt", b"ba\x1b[2J.txt"[:9]))
    (folder / "text.zip").write_text("not a ZIP")
    (folder / "policy").write_text(WITNESSED_POLICY + GOOD.policy_lines("good"))
    (folder / "roots.pem").write_bytes(GOOD.roots)
    (folder / "foreign.pem").write_bytes(Authority.make("foreign").roots)
    (folder / "earlier.note").write_bytes(ground.ledger.note(9))
    return folder


def used(bench: Path, files: dict[str, str], *, required: int = 0) -> tuple[str, str, list[str]]:
    """Fill the form in, press the button; the result's class, its text, and what the page asked of a network or logged."""

    def run() -> tuple[str, str, list[str]]:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            page = browser.new_context(offline=True).new_page()
            events: list[str] = []
            page.on("request", lambda request: events.append(request.url))
            page.on("console", lambda message: events.append(message.text))
            page.on("pageerror", lambda error: events.append(str(error)))
            page.goto(PAGE.as_uri())
            for field, name in files.items():
                page.get_by_label(field, exact=True).set_input_files(bench / name)
            page.get_by_label("Authorities that must vouch for the time").fill(str(required))
            page.get_by_role("button", name="Verify").click()
            page.wait_for_selector("#result[class]:not([class='']) h2", timeout=120_000)
            result = page.locator("#result")
            found = result.get_attribute("class") or "", result.inner_text(), events
            browser.close()
            return found

    with ThreadPoolExecutor(1) as own:
        return own.submit(run).result()


PICKED = {"The package": "good.zip", "The policy": "policy"}


def test_a_person_with_package_and_policy_is_told_that_it_is_verified_and_what_that_means(bench: Path) -> None:
    state, text, events = used(bench, PICKED)
    assert state == "good"
    assert text.startswith("Verified")
    for words in (
        "What was checked",
        "What was not checked",
        "What this means",
        "does not prove who wrote",
        "good vouch",
    ):
        assert words in text
    assert events == [PAGE.as_uri()]
    assert "I know." not in text


def test_whatever_else_the_reader_holds_is_used(bench: Path) -> None:
    more = {
        "Checkpoints of earlier packages": "earlier.note",
        "Root certificates of timestamp authorities": "roots.pem",
    }
    state, text, _ = used(bench, PICKED | more, required=1)
    assert state == "good"
    assert "1 earlier notes continued" in text
    assert "Earlier checkpoints: none" not in text


def test_without_a_policy_the_page_never_says_verified(bench: Path) -> None:
    state, text, _ = used(bench, {"The package": "good.zip"})
    assert state == "partly"
    assert text.startswith("Consistent, but not verified")


@pytest.mark.parametrize(
    ("files", "required", "heading", "words"),
    [
        (PICKED | {"The package": "edited.zip"}, 0, "Not verified", "data/items/00002/original.eml"),
        (PICKED | {"The package": "hostile.zip"}, 0, "Not verified", "\\u{1b}"),
        (PICKED | {"The package": "text.zip"}, 0, "Cannot be read", "it is not a ZIP"),
        (PICKED | {"The policy": "good.zip"}, 0, "Cannot be read", "the policy"),
        (PICKED, 2, "Not verified", "2 authorities must vouch"),
        (PICKED | {"Root certificates of timestamp authorities": "foreign.pem"}, 0, "Not verified", "16.good.tsr"),
    ],
)
def test_a_fault_is_named_with_its_place(
    bench: Path, files: dict[str, str], required: int, heading: str, words: str
) -> None:
    state, text, events = used(bench, files, required=required)
    assert state == "bad"
    assert text.startswith(heading)
    assert words in text
    assert "\x1b" not in text
    assert events == [PAGE.as_uri()]


def test_the_page_allows_itself_nothing_but_its_own_script_and_style() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', HTML)[1]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives.keys() == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == "'none'"
    for kind in ("script", "style"):
        (content,) = re.findall(rf"<{kind}>(.*?)</{kind}>", HTML, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert directives[f"{kind}-src"] == f"'sha256-{digest}'"
    assert not re.search(r"<(?:link|img|iframe|object|embed|base)\b|\bsrc=|\bon\w+=\"", HTML.split("<script>")[0])


def test_the_page_is_built_from_the_sources_that_are_committed_beside_it() -> None:
    names = [
        "build.mjs",
        "package-lock.json",
        "package.json",
        *(f"src/{path.name}" for path in (SOURCES / "src").iterdir()),
    ]
    lines = [f"{hashlib.sha256((SOURCES / name).read_bytes()).hexdigest()}  {name}\n" for name in sorted(names)]
    stated = re.search(r'holdfast-sources" content="([0-9a-f]{64})"', HTML)[1]
    assert stated == hashlib.sha256("".join(lines).encode()).hexdigest(), "run: cd static/verifier && npm run build"


def test_what_is_vendored_is_named_with_its_version_and_its_licence() -> None:
    locked = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    for name in ("@noble/ed25519", "@noble/hashes", "asn1js", "bytestreamjs", "pkijs"):
        assert f"{name} {locked[f'node_modules/{name}']['version']} (" in HTML
    assert "Permission is hereby granted" in HTML
    assert "Redistribution and use" in HTML


def test_the_page_claims_no_more_than_it_checks() -> None:
    shown = (SOURCES / "src" / "page.html").read_text() + (SOURCES / "src" / "page.js").read_text()
    for claim in ("admissible", "tamper-proof", "proves who", "compliant with"):
        assert claim not in shown.lower()


def test_a_package_of_many_pieces_is_digested_piece_by_piece(tmp_path: Path) -> None:
    """Larger than what is read at once, so that the script's own SHA-2 is at work and not the browser's."""
    ground = a_case(items=1)
    exhibit = ground.archive(2, bytes(range(256)) * 40_000)
    ground.assign(exhibit, 40)
    package = ground.export(tmp_path)
    assert package.size_bytes > 10_000_000
    answer = browser_verifier().verify(package.path, WITNESSED_POLICY.replace("quorum all1", "quorum none"))
    assert answer["state"] == "verified"


# Policies and commands are judged before the package is: what is no ZIP tells which of the two was at fault.
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(POLICY_LINES, max_size=8, unique=True))
def test_policies_are_read_as_verify_py_reads_them(bench: Path, lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    try:
        verifier.Policy(text)
        expected = "the file"
    except verifier.UnreadableError:
        expected = "the policy"
    assert browser_verifier().verify(bench / "text.zip", text)["item"] == expected


@pytest.mark.parametrize(
    "line",
    ["#holdfast timestamps 1", "#holdfast timestamps 0", "#Holdfast", f"#holdfast tsa-root a {'0' * 64}", "# holdfast"],
)
def test_our_own_lines_are_read_as_verify_py_reads_them(bench: Path, line: str) -> None:
    test_policies_are_read_as_verify_py_reads_them.hypothesis.inner_test(bench, [line, "quorum none"])


@pytest.mark.parametrize(
    ("note", "required", "step"),
    [
        ("earlier.note", 0, None), ("earlier.note", 1, None), ("earlier.note", 2, 9), (None, 0, None), (None, 2, 9),
        ("policy", 0, 4),
    ],
)  # fmt: skip
def test_what_the_command_line_is_given_is_judged_alike(
    bench: Path, note: str | None, required: int, step: int | None
) -> None:
    policy = (bench / "policy").read_text()
    given = {"earlier": [(bench / note).read_bytes()] if note else [], "require_timestamps": required}
    if step is None:
        assert verify(bench / "good.zip", policy, **given).state == "verified"
        return
    with pytest.raises(verifier.VerificationError) as caught:
        verify(bench / "good.zip", policy, **given)
    assert caught.value.step == step
