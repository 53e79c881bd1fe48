"""docker/health.py: what is healthy is said to be, and a process that does nothing is not."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import update

from archive.custody import SYSTEM, Action, CustodyEntry
from archive.ledger import record
from archive.marks import set_mark
from archive.tables import acquisition, custody_entry
from cli import composition
from intake.mailbox import seen_mark
from intake.mailbox_url import parsed_mailboxes
from tests.compose.installation import ROOT, compose

LONG_AGO = timedelta(minutes=30)


def health(name, environ):
    command = [sys.executable, str(ROOT / "docker" / "health.py"), name]
    inherited = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=inherited | environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["web", "worker", "sequencer", "beat", "mailbox", "witness"])
def test_each_service_asks_for_its_own_health(name):
    assert compose()["services"][name]["healthcheck"]["test"] == ["CMD", "python", "docker/health.py", name]


def test_a_sequencer_that_leaves_entries_waiting_is_not_healthy(installation):
    environ = {"HOLDFAST_DATABASE_SEQUENCER_URL": installation.environ["HOLDFAST_DATABASE_SEQUENCER_URL"]}
    now = composition.now()
    with installation.engine.begin() as connection:
        record(connection, CustodyEntry(SYSTEM, Action.QUARANTINE_VIEWED, "account:x", now))
    assert health("sequencer", environ).returncode == 0
    with installation.engine.begin() as connection:
        record(connection, CustodyEntry(SYSTEM, Action.QUARANTINE_VIEWED, "account:x", now - LONG_AGO))
    found = health("sequencer", environ)
    assert (found.returncode, found.stdout[:31]) == (1, "sequencer: an entry waits since")
    installation.sequencer.run_once()
    assert health("sequencer", environ).returncode == 0


def test_a_mailbox_that_was_not_looked_at_is_not_healthy(installation):
    urls = ("imaps://desk:word@mail.example/INBOX", "imaps://desk:word@mail.example/Second")
    environ = {
        "HOLDFAST_DATABASE_URL": installation.environ["HOLDFAST_DATABASE_URL"],
        "HOLDFAST_IMAP_URL": " ".join(urls),
    }
    first, second = (seen_mark(url) for url in parsed_mailboxes(" ".join(urls)))
    with installation.engine.begin() as connection:
        set_mark(connection, first, {}, at=composition.now())
    assert "folder 2 was never looked at" in health("mailbox", environ).stdout
    for at, code in ((composition.now() - LONG_AGO, 1), (composition.now(), 0)):
        with installation.engine.begin() as connection:
            set_mark(connection, second, {}, at=at)
        assert health("mailbox", environ).returncode == code


def test_a_worker_that_leaves_texts_waiting_is_not_healthy(installation):
    from archive.accession import receive
    from archive.acquisition import Acquisition, Channel

    environ = {"HOLDFAST_DATABASE_URL": installation.environ["HOLDFAST_DATABASE_URL"]}
    text = Acquisition.of(
        b"Body=x", channel=Channel.SMS, source_id="SM1", at=composition.now(), media_type="text/plain"
    )
    with installation.engine.begin() as connection:
        receive(connection, text)
    assert health("worker", environ).returncode == 0
    with installation.engine.begin() as connection:
        connection.execute(update(acquisition).values(received_at=composition.now() - LONG_AGO))
    assert health("worker", environ).returncode == 1


def test_a_beat_that_writes_no_schedule_is_not_healthy(tmp_path):
    environ = {"HOLDFAST_HOME": str(tmp_path)}
    assert health("beat", environ).returncode == 1
    (tmp_path / "state").mkdir()
    schedule = tmp_path / "state" / "beat"
    schedule.write_bytes(b"")
    assert health("beat", environ).returncode == 0
    old = composition.now().timestamp() - LONG_AGO.total_seconds()
    os.utime(schedule, (old, old))
    assert health("beat", environ).returncode == 1


def test_a_web_process_that_does_not_answer_is_not_healthy():
    found = health("web", {"HOLDFAST_BIND": "0.0.0.0:1"})
    assert (found.returncode, found.stderr) == (1, "")


def test_no_address_and_no_password_is_shown_when_the_database_is_away():
    away = "postgresql://holdfast_app_login:word@127.0.0.1:1/holdfast"
    found = health("worker", {"HOLDFAST_DATABASE_URL": away})
    assert found.returncode == 1
    assert "word" not in found.stdout + found.stderr
    assert custody_entry.name not in found.stdout


def test_a_witness_that_kept_a_contradiction_or_does_not_answer_is_not_healthy(tmp_path):
    import threading
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    from tests.archive.test_witness import FORKED, HONEST, made
    from web.witness import make_witness_app

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    witness = made(tmp_path)
    witness.add_checkpoint(HONEST.asks(0, 5))
    with make_server("127.0.0.1", 0, make_witness_app(witness), handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever).start()
        environ = {"HOLDFAST_WITNESS_BIND": f"0.0.0.0:{server.server_port}"}
        assert health("witness", environ).returncode == 0
        witness.add_checkpoint(FORKED.asks(5, 9))
        found = health("witness", environ)
        server.shutdown()
    assert (found.returncode, "1 contradictions were kept" in found.stdout) == (1, True)
    assert "no answer" in health("witness", environ).stdout
