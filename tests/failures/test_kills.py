"""Promise 1: whatever is killed during traffic, nothing accepted is lost and nothing is doubled."""

import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tests.failures.house import HEAL_SECONDS, running_house, wait_for

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def house():
    folder = Path(tempfile.mkdtemp(prefix="holdfast-failures-"))
    folder.chmod(0o711)
    with running_house(folder) as running:
        running.enrol_amy()
        yield running


@pytest.mark.parametrize("victim", ["web", "worker", "sequencer", "mailbox", "beat", "valkey", "postgres", "seaweedfs"])
def test_a_process_killed_during_traffic_is_started_again_and_the_door_takes_texts(house, victim):
    traffic = threading.Thread(target=house.traffic, args=(3.0,))
    traffic.start()
    threading.Event().wait(1.0)
    killed = house.kill(victim)
    traffic.join()
    wait_for(lambda: house.pid(victim) != killed, HEAL_SECONDS, f"{victim} to be started again")
    wait_for(house.send_text, HEAL_SECONDS, "the door to take a text again")


def test_texts_are_thanked_at_once_while_the_broker_is_frozen(house):
    pid = house.kill("valkey", signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert [house.send_text() for _ in range(20)] == [True] * 20
        # Twilio gives up after 15 seconds for each; a fraction of that for all of them.
        assert time.monotonic() - begun < 10
    finally:
        os.kill(pid, signal.SIGCONT)


def test_after_all_these_kills_nothing_accepted_is_lost_and_nothing_is_doubled(house):
    wait_for(house.send_mail, HEAL_SECONDS, "the mail server to take a mail")
    assert len(house.texts) > 8
    assert house.mails
    house.settle()
    house.check()
