"""`holdfast witness` as the process a partner runs: real HTTP, real files, and killed at the worst moment."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
import requests
from click.testing import CliRunner

from archive.signed_note import Note, SigningKey, VerifierKey
from cli.main import main
from services.ports import free_port
from services.process import CHECKOUT
from tests.archive.test_witness import FORKED, HONEST, LOG, ORIGIN

START_SECONDS = 120
# Between the record that is on disk and the answer, the witness stops and says so.
HANGING = """
import pathlib, sys, time
from archive import witness_records
from cli.main import main

really = witness_records.LogRecord.replace

def replace(self, note):
    really(self, note)
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(600)

witness_records.LogRecord.replace = replace
main(["witness"])
"""


class Partner:
    """A machine with one folder, one port and nothing else of Holdfast's."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port(())
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOLDFAST_WITNESS_FOLDER": str(folder),
            "HOLDFAST_WITNESS_BIND": f"127.0.0.1:{self.port}",
        }

    def run(self, *arguments, code=0):
        done = CliRunner().invoke(main, ["witness", *arguments], env=self.environ)
        assert done.exit_code == code, done.output
        return done

    @contextlib.contextmanager
    def serving(self, *command):
        process = subprocess.Popen(
            command or [sys.executable, "-m", "cli", "witness"],
            env=self.environ, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            self.wait_for(process)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()

    def wait_for(self, process):
        give_up_at = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up_at and process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                return requests.get(self.url, timeout=5)
            time.sleep(0.1)
        pytest.fail(f"the witness did not start: {process.stdout.read() if process.poll() is not None else ''}")

    def ask(self, body, timeout=30):
        return requests.post(f"{self.url}/add-checkpoint", data=body, timeout=timeout)


@pytest.fixture
def partner(tmp_path):
    made = Partner(tmp_path / "witness")
    made.key = VerifierKey.parse(made.run("--new-key", "witness.partner.example/w1").stdout.strip())
    made.run("--know", LOG.verifier.encode())
    return made


def signed(body, answer, partner):
    note = Note.parse(body.partition(b"\n\n")[2] + answer.content)
    return partner.key in note.signers([LOG.verifier, partner.key])


def test_a_partner_sets_it_up_with_two_commands_and_it_answers(partner):
    with partner.serving():
        body = HONEST.asks(0, 10)
        answer = partner.ask(body)
        assert (answer.status_code, signed(body, answer, partner)) == (200, True)
        answer = partner.ask(HONEST.asks(0, 20))
        assert (answer.status_code, answer.headers["Content-Type"], answer.text) == (409, "text/x.tlog.size", "10\n")
        assert partner.ask(b"x").status_code == 400
        assert partner.ask(b"x" * 300_000).status_code == 413
        assert requests.get(f"{partner.url}/health", timeout=30).status_code == 200
        assert partner.ask(FORKED.asks(10, 20)).status_code == 422
        assert requests.get(f"{partner.url}/health", timeout=30).status_code == 500
        assert partner.key.encode() in requests.get(partner.url, timeout=30).text
    # It was stopped, and knows everything.
    with partner.serving():
        assert partner.ask(HONEST.asks(10, 20)).status_code == 200
        assert requests.get(f"{partner.url}/health", timeout=30).status_code == 500


def test_its_secret_is_readable_by_it_alone_and_made_once(partner):
    key = partner.folder / "key"
    assert key.stat().st_mode & 0o777 == 0o400
    assert SigningKey.parse(key.read_text()).witness == partner.key
    before = key.read_bytes()
    assert "already" in partner.run("--new-key", "another.example/w", code=1).stderr
    assert key.read_bytes() == before


def test_it_does_not_start_without_a_key_or_a_log_and_says_what_to_do(tmp_path):
    partner = Partner(tmp_path / "witness")
    assert "--new-key" in partner.run(code=1).stderr
    partner.run("--new-key", "witness.partner.example/w1")
    assert "--know" in partner.run(code=1).stderr
    (partner.folder / "logs").write_text("# none yet\n")
    assert "names no log" in partner.run(code=1).stderr
    partner.run("--know", "not-a-key", code=1)
    partner.run("--new-key", "a name", code=1)


def test_knowing_a_log_twice_changes_nothing(partner):
    before = (partner.folder / "logs").read_bytes()
    partner.run("--know", LOG.verifier.encode())
    assert (partner.folder / "logs").read_bytes() == before
    assert ORIGIN.encode() in before


def test_killed_between_its_record_and_its_answer_it_has_not_gone_back_nor_signed_two_roots(partner, tmp_path):
    persisted = tmp_path / "persisted"
    with partner.serving(sys.executable, "-c", HANGING, str(persisted)) as process:
        with pytest.raises(requests.RequestException):
            partner.ask(HONEST.asks(0, 10), timeout=(5, 3))
        assert persisted.exists()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    with partner.serving():
        # Nobody got a cosignature, and yet no other history of that size can have one any more.
        assert partner.ask(FORKED.asks(0, 10)).text == "10\n"
        assert partner.ask(FORKED.asks(10, 10)).status_code == 409
        assert partner.ask(HONEST.asks(0, 5)).text == "10\n"
        body = HONEST.asks(10, 10)
        assert signed(body, partner.ask(body), partner)
