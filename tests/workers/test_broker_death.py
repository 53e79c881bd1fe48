"""Promise 1, behind the door: a worker whose broker dies while its tasks run takes work again once a broker is back."""

import os
import signal
import subprocess
import sys
import time

import pytest

from services.embedded import embedded
from tests.workers.slow_worker import make_app

WAIT_SECONDS = 60


def until(condition, what):
    give_up_at = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < give_up_at, f"waited {WAIT_SECONDS} s for {what}"
        time.sleep(0.05)


@pytest.fixture
def broker(tmp_path):
    with embedded(tmp_path / "home", only=["valkey"], environ={}) as parts:
        yield parts


@pytest.fixture
def worker(broker, tmp_path):
    command = [sys.executable, "-m", "tests.workers.slow_worker", broker.environment()["HOLDFAST_BROKER_URL"]]
    with (tmp_path / "worker.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    until(lambda: "ready." in (tmp_path / "worker.log").read_text(), "the worker")
    yield process
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def test_tasks_whose_acknowledgement_was_lost_do_not_fill_the_worker_for_ever(broker, worker, tmp_path):
    app = make_app(broker.environment()["HOLDFAST_BROKER_URL"])
    pairs = [(tmp_path / f"{n}.begun", tmp_path / f"{n}.ended") for n in range(4)]

    def send(number, seconds):
        app.send_task("slow", args=[seconds, *map(str, pairs[number])], ignore_result=True)

    for number in range(2):
        send(number, 2)
    until(lambda: pairs[0][0].exists() and pairs[1][0].exists(), "both tasks to begin")
    os.kill(broker.supervisor.pid("valkey"), signal.SIGKILL)
    until(lambda: pairs[0][1].exists() and pairs[1][1].exists(), "both to end, with nobody to tell it to")
    time.sleep(0.5)
    until(lambda: broker.supervisor.tend() or broker.valkey.is_ready(), "the broker to be started again")
    for number in range(2, 4):
        send(number, 0)
    until(lambda: all(ended.exists() for _, ended in pairs), "the worker to take work again")
    app.close()
