"""A mail server that stalls holds up nobody but itself: texts go through while every fetch of mail hangs."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from sqlalchemy import func, select

from archive.acquisition import Acquisition, Channel
from archive.jobs import Job
from archive.receiving import receive
from archive.tables import exhibit
from cli.composition import now
from tests.failures.house import family
from tests.intake.nasty_server import Nasty
from workers.queue import make_nudge
from workers.routes import LANES, NICENESS, QUEUES, ROUTES

pytestmark = pytest.mark.timeout(400)
WAIT_SECONDS = 120
# More than there are processes in all lanes together.
BATCHES = 12


def until(condition, what):
    give_up_at = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < give_up_at, f"waited {WAIT_SECONDS} s for {what}"
        time.sleep(0.05)
    return found


@pytest.fixture
def stalling():
    """A mail server that takes logins, opens the folder, and then says nothing any more."""
    bodies = dict.fromkeys(range(1, 50), b"From: a@example.org\r\n\r\nhello\r\n")
    server = Nasty(bodies=bodies, freezes_at=b"UID FETCH")
    yield server
    server.close()


@pytest.fixture
def environ(installation, stalling):
    url = installation.environ["HOLDFAST_BROKER_URL"].replace("/0", "/9")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield installation.environ | {
            "PATH": os.environ["PATH"],
            "HOLDFAST_BROKER_URL": url,
            "HOLDFAST_WORKER_PROCESSES": "1",
            "HOLDFAST_IMAP_URL": f"imap://desk:sesame@127.0.0.1:{stalling.port}/INBOX",
        }
        client.flushdb()


@contextmanager
def running(environ, tmp_path, *, out=None):
    """`holdfast worker`, as it is run anywhere."""
    with (tmp_path / "worker.log").open("a") as log:
        process = subprocess.Popen([sys.executable, "-m", "cli", "worker"], env=environ, stdout=out or log, stderr=log)
    try:
        yield process
    finally:
        everybody = family(process.pid)
        process.kill()
        process.wait(WAIT_SECONDS)
        for pid in everybody:
            if pid != process.pid and is_alive(pid):
                os.kill(pid, signal.SIGKILL)


def is_alive(pid):
    try:
        return stat_of(pid)[0] != "Z"
    except OSError:
        return False


def lanes_of(process):
    """The processes straight below: one for each lane."""
    return [pid for pid in family(process.pid) if pid != process.pid and stat_of(pid)[1] == str(process.pid)]


def stat_of(pid):
    """State and parent of a process (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]


def niceness(pid):
    return os.getpriority(os.PRIO_PROCESS, pid) - os.getpriority(os.PRIO_PROCESS, 0)


def nudge_fetches(nudge):
    for number in range(BATCHES):
        nudge(Job.FETCH_MAIL, "desk@127.0.0.1", "INBOX", 7, [number + 1])


def text_in(installation, name):
    item = Acquisition.of(name.encode(), channel=Channel.SMS, source_id=name, at=now(), media_type="text/plain")
    with installation.engine.begin() as connection:
        receive(connection, item)


def archived(installation):
    with installation.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(exhibit)).scalar_one()


def hanging(server):
    return sum(command.startswith(b"UID FETCH") for command in server.commands)


def test_texts_go_through_with_one_process_a_lane_while_every_fetch_of_mail_hangs(
    installation, stalling, environ, tmp_path
):
    nudge = make_nudge(environ["HOLDFAST_BROKER_URL"])
    with running(environ, tmp_path):
        nudge_fetches(nudge)
        until(lambda: hanging(stalling), "a fetch to hang")
        for number in range(5):
            before = hanging(stalling), stalling.connections
            text_in(installation, f"SM{number}")
            nudge(Job.ACCESSION)
            until(lambda n=number: archived(installation) == n + 1, "the text to be archived")
            if number == 0:
                # The very fetch that hung then hangs still: the text did not wait for its end.
                assert (hanging(stalling), stalling.connections) == before
        assert archived(installation) == 5


def test_a_lane_that_is_killed_while_it_hangs_comes_back_and_holds_up_nobody(installation, stalling, environ, tmp_path):
    nudge = make_nudge(environ["HOLDFAST_BROKER_URL"])
    with running(environ, tmp_path) as process:
        nudge_fetches(nudge)
        until(lambda: hanging(stalling), "a fetch to hang")
        before = lanes_of(process)
        assert len(before) == len(LANES)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(lanes_of(process)) == len(LANES) and not {*before} & {*lanes_of(process)}, "lanes again")
        # Once each: what waits to be written is not taken into the new process.
        told = (tmp_path / "worker.log").read_text()
        assert told.count("worker.lane_ended") == len(LANES)
        text_in(installation, "SM1")
        nudge(Job.ACCESSION)
        until(lambda: archived(installation) == 1, "the text to be archived")
        assert process.poll() is None


def test_killed_with_its_lanes_at_work_a_worker_leaves_nobody_behind(installation, stalling, environ, tmp_path):
    nudge = make_nudge(environ["HOLDFAST_BROKER_URL"])
    with running(environ, tmp_path) as process:
        nudge_fetches(nudge)
        until(lambda: hanging(stalling), "a fetch to hang")
        everybody = until(lambda: len(found := family(process.pid)) > 2 * len(LANES) and found, "all processes")
        process.kill()
        process.wait(WAIT_SECONDS)
        until(lambda: not [pid for pid in everybody if is_alive(pid)], "all processes to be gone")


def test_killed_when_nothing_more_can_be_logged_a_worker_leaves_nobody_behind(installation, environ, tmp_path):
    """As on a full disk. Celery says that it will end before it notes it, and forgets it where that cannot be said."""
    nudge = make_nudge(environ["HOLDFAST_BROKER_URL"])
    with running(environ, tmp_path, out=subprocess.PIPE) as process:
        text_in(installation, "SM1")
        nudge(Job.ACCESSION)
        until(lambda: archived(installation) == 1, "the text to be archived")
        everybody = until(lambda: len(found := family(process.pid)) > 2 * len(LANES) and found, "all processes")
        process.stdout.close()
        process.kill()
        process.wait(WAIT_SECONDS)
        until(lambda: not [pid for pid in everybody if is_alive(pid)], "all processes to be gone")


def test_a_worker_that_is_asked_to_end_ends_in_order(installation, environ, tmp_path):
    with running(environ, tmp_path) as process:
        everybody = until(lambda: len(found := family(process.pid)) > 2 * len(LANES) and found, "all processes")
        until(lambda: (tmp_path / "worker.log").read_text().count("[queues]") == len(LANES), "all lanes to be ready")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
        until(lambda: not [pid for pid in everybody if is_alive(pid)], "all processes to be gone")


def test_what_is_safe_already_gives_way_to_what_is_not(installation, environ, tmp_path):
    with running(environ, tmp_path) as process:
        asked = sorted(NICENESS.get(name, 0) for name in LANES)
        assert asked.count(0) == len(LANES) - len(NICENESS)
        until(lambda: sorted(map(niceness, lanes_of(process))) == asked, "two lanes to give way")


def test_each_queue_is_in_one_lane_and_what_speaks_to_others_never_in_that_of_evidence():
    assert sorted(QUEUES) == sorted({queue for queues in LANES.values() for queue in queues})
    assert {route["queue"] for route in ROUTES.values()} == set(QUEUES)
    inside = {name for name, route in ROUTES.items() if route["queue"] in LANES["inside"]}
    assert inside == {"archive.accession", "*"}
    assert {name for name, route in ROUTES.items() if route["queue"] in LANES["readings"]} == {
        "intake.read",
        "replies.decide",
    }
