"""Promises 1, 2 and 6: whatever fails during traffic, nothing accepted is lost, doubled or altered, and nobody is answered twice.

Three quarters of a minute of what `make soak` does for longer. `HOLDFAST_TEST_SEED` repeats a plan; what a run that
failed leaves behind is kept, and named.
"""

import os
import secrets
import shutil
import signal
import time

import pytest

from tests.failures.house import wait_for
from tests.failures.relay import Whim
from tests.failures.soak import Run, go, make_folder, wired_house
from tests.failures.traffic import Traffic

pytestmark = pytest.mark.timeout(900)
SECONDS, EVERY = 45.0, 1.8


def test_after_all_these_kills_nothing_accepted_is_lost_and_nothing_is_doubled():
    seed = int(os.environ.get("HOLDFAST_TEST_SEED", secrets.randbelow(10**6)))
    folder = make_folder()
    # An attempt to answer that was cut off ends minutes later; here it may count as one whose end nobody knows.
    ending = go(folder, Run(seed, SECONDS, EVERY, attempts_too=False))
    print(ending.summary)
    assert ending.findings == [], f"home and logs are kept in {folder}; HOLDFAST_TEST_SEED={seed} repeats the plan"
    held = {each.channel for each in ending.seen.held}
    assert held == {"sms", "email"}
    assert len(ending.seen.thanked) > 20
    # Webhooks were doubled and overtaken, and answers to them lost.
    for whim in (Whim.TWICE, Whim.AGAIN, Whim.LATE, Whim.ANSWER_LOST):
        assert whim.value in ending.summary
    assert ending.seen.outbound


def test_texts_are_thanked_at_once_while_the_broker_is_frozen():
    folder = make_folder()
    # No disk of its own: nothing is filled here.
    with wired_house(folder, Run(0, 0.0, may_mount=False)) as (house, _, relay, _):
        frozen = house.kill("valkey", signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with Traffic(house.environment, 0):
                wait_for(lambda: len(relay.thanked) >= 20, 60, "twenty texts to be thanked")
            # Twilio gives up after 15 seconds for each; far less than that for all of them.
            assert time.monotonic() - begun < 60
        finally:
            os.kill(frozen, signal.SIGCONT)
    shutil.rmtree(folder)
