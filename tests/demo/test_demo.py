"""`holdfast demo`, as a person runs it: in a home of its own, by the real doors, twice in the same home."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe

from services.process import marked_with
from tests.web.conftest import AXE_RULES, SMALL_PHONE

ROOT = Path(__file__).resolve().parents[2]
ENVIRON = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
PATIENCE_SECONDS = 240
WORDS = "From +44 7700 900452 sent 20 November 2026 21:07: last chance"


def command(*arguments):
    return [sys.executable, "-m", "cli", *map(str, arguments)]


def ran(arguments, **how):
    given = {"cwd": ROOT, "env": ENVIRON} | how
    return subprocess.run(arguments, check=False, capture_output=True, text=True, timeout=PATIENCE_SECONDS, **given)


def a_free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def demonstrated(home):
    return command("demo", "--json", "--home", home, "--port", a_free_port())


@dataclass
class Shown:
    """A demonstration that stays up, and what it said."""

    said: dict
    process: subprocess.Popen

    @property
    def address(self):
        return self.said["address"]

    def page(self, path, **query):
        answer = requests.get(f"{self.address}{path}", params=query, timeout=30)
        answer.raise_for_status()
        return answer

    def pane_with(self, found, **query):
        give_up_at = time.monotonic() + 60
        while found not in (pane := self.page("/demo/phone/pane", **query).text):
            assert time.monotonic() < give_up_at, pane
            time.sleep(0.3)
        return pane


@pytest.fixture(scope="module")
def home():
    folder = Path(tempfile.mkdtemp(prefix="holdfast-demo-"))
    folder.chmod(0o711)
    yield folder / "home"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def once(home):
    """The first run: to the end, then everything stops."""
    environ = ENVIRON | {"AWS_ACCESS_KEY_ID": "somebody's", "AWS_SESSION_TOKEN": "somebody's own"}
    return ran([*demonstrated(home), "--once"], env=environ)


@pytest.fixture(scope="module")
def shown(home, once):
    """The second run, in the same home: it stays up until it is interrupted."""
    log = home.parent / "second.log"
    with log.open("w") as errors:
        process = subprocess.Popen(demonstrated(home), stdout=subprocess.PIPE, stderr=errors, cwd=ROOT, env=ENVIRON)
    said = b""
    for line in process.stdout:
        said += line
        if line == b"}\n":
            break
    if not said:
        pytest.fail(log.read_text())
    yield Shown(json.loads(said), process)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    process.stdout.close()


def test_one_run_sends_archives_answers_seals_packs_and_verifies(once):
    assert once.returncode == 0, once.stderr
    said = json.loads(once.stdout)
    assert said["wrong"] == []
    counts = (
        "sent",
        "archived",
        "sealed",
        "timestamped",
        "answered",
        "answers_failed",
        "not_answered",
        "quarantined",
        "parked",
    )
    assert [said[name] for name in counts] == [45, 45, 45, 45, 40, 1, 4, 2, 0]
    assert said["verified"] is True
    assert said["case"] == "42/DEMO-1/26"


def test_whoever_sits_there_is_told_what_happened_and_where_it_is(once):
    said = json.loads(once.stdout)
    assert "42/DEMO-1/26: verified" in once.stderr
    assert said["package"] in once.stderr
    assert f"verify {said['package']} --policy {said['policy']}" in once.stderr
    assert "Traceback" not in once.stderr


def test_once_leaves_nothing_running(once, home):
    assert marked_with(home) == []


def test_the_package_verifies_by_the_command_and_by_the_program_that_stands_in_it(once, tmp_path):
    said = json.loads(once.stdout)
    asked = [said["package"], "--policy", said["policy"], "--json"]
    by_command = ran(command("verify", *asked))
    assert by_command.returncode == 0, by_command.stdout
    with zipfile.ZipFile(said["package"]) as package:
        package.extract("verify.py", tmp_path)
    alone = [sys.executable, "-I", str(tmp_path / "verify.py"), *asked]
    by_itself = ran(alone, cwd=tmp_path, env={})
    assert by_itself.returncode == 0, by_itself.stdout
    # 43 messages are in the case, and the picture that came with a text.
    assert json.loads(by_command.stdout)["facts"]["items"] == json.loads(by_itself.stdout)["facts"]["items"] == 44
    assert json.loads(by_itself.stdout)["state"] == "verified"


def test_a_second_run_in_the_same_home_is_another_case_with_fresh_messages(once, shown):
    first, second = json.loads(once.stdout), shown.said
    assert second["wrong"] == []
    assert (second["sent"], second["archived"], second["answered"]) == (45, 45, 40)
    assert second["case"] == "42/DEMO-2/26"
    assert second["package"] != first["package"]
    assert Path(first["policy"]).read_text().startswith("log ")
    for run in (first, second):
        assert ran(command("verify", run["package"], "--policy", run["policy"])).returncode == 0


def test_its_officer_signs_in_once_with_the_password_it_prints(shown):
    with requests.Session() as browser:
        page = browser.get(f"{shown.address}/sign-in", timeout=30).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        officer = shown.said["officer"]
        signed_in = browser.post(f"{shown.address}/sign-in", data={"csrf_token": token, **officer}, timeout=30)
        assert signed_in.url.endswith("/password")


def test_a_text_from_the_page_is_archived_sealed_and_answered_before_ones_eyes(shown):
    answer = requests.post(f"{shown.address}/demo/phone", data={"words": WORDS}, timeout=30)
    assert answer.ok
    assert "Text as Maya Ellis" in answer.text
    pane = shown.pane_with("on the timeline as ME/41 · sealed in the ledger · answered")
    assert "last chance" in pane
    # Newest first: the answer stands above what it answers.
    assert pane.index("Thanks, got it.") < pane.index("last chance")


def test_a_stranger_is_kept_in_quarantine_and_not_answered(shown):
    requests.post(f"{shown.address}/demo/phone", data={"number": "+447700900978", "words": "Who is this"}, timeout=30)
    pane = shown.pane_with("sealed in the ledger · not answered", number="+447700900978")
    assert "in quarantine: nobody enrolled this number" in pane
    assert "Thanks, got it." not in pane


def test_the_answer_that_his_stop_prevented_says_so(shown):
    joanne = re.search(r"number=([^\"]+)\">\s*Joanne", shown.page("/demo/phone").text)[1]
    pane = shown.page(f"/demo/phone/pane?number={joanne}").text
    assert "the answer could not be sent" in pane
    assert "21610" in pane


def test_only_our_own_page_may_frame_the_pane_and_send_from_it(shown):
    pane, page = shown.page("/demo/phone/pane"), shown.page("/demo/phone")
    assert pane.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in pane.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    forged = requests.post(f"{shown.address}/demo/phone", data={"words": "forged"}, headers=elsewhere, timeout=30)
    assert forged.status_code == 403
    assert "forged" not in shown.page("/demo/phone/pane").text


def test_the_pane_grows_while_somebody_types(shown, page):
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{shown.address}/demo/phone")
    results = Axe().run(page, options=AXE_RULES)
    assert results.violations_count == 0, results.generate_report()
    page.set_viewport_size({"width": SMALL_PHONE, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.fill("#words", "half a sent")
    # From another browser: this one's page is not loaded anew, its pane is.
    requests.post(f"{shown.address}/demo/phone", data={"words": "He is outside now"}, timeout=30)
    page.frame_locator("iframe").get_by_text("He is outside now").wait_for(timeout=20_000)
    assert page.input_value("#words") == "half a sent"
    assert complaints == []


def test_it_ends_when_it_is_interrupted_and_leaves_nothing_running(shown, home):
    shown.process.send_signal(signal.SIGINT)
    assert shown.process.wait(timeout=60) == 0
    assert marked_with(home) == []
