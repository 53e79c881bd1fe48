"""A broker that is down or frozen must not hold up a door: Twilio waits fifteen seconds and no longer."""

import socket
import time

import pytest
import redis

from archive.jobs import Job
from workers.queue import MOST_NOTED, make_nudge


@pytest.fixture
def frozen_broker():
    """Accepts connections, as a stopped process's listening socket does, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def absent_broker():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def broker(stack):
    url = stack.environment()["HOLDFAST_BROKER_URL"].replace("/0", "/7")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url, client
        client.flushdb()


def until(condition, seconds=5.0):
    give_up_at = time.monotonic() + seconds
    while not condition() and time.monotonic() < give_up_at:
        time.sleep(0.01)
    return condition()


@pytest.mark.parametrize("broken", ["frozen_broker", "absent_broker"])
def test_a_broken_broker_never_holds_up_who_nudges(broken, request):
    nudge = make_nudge(request.getfixturevalue(broken))
    begun = time.monotonic()
    for number in range(200):
        nudge(Job.READ, str(number))
    assert time.monotonic() - begun < 0.5


def test_what_waits_for_a_broken_broker_is_bounded(absent_broker):
    nudge = make_nudge(absent_broker)
    for number in range(MOST_NOTED + 100):
        nudge(Job.READ, str(number))
    assert nudge.waiting() <= MOST_NOTED


def test_a_nudge_reaches_the_broker(broker):
    url, client = broker
    make_nudge(url)(Job.READ, "an-id")
    assert until(lambda: client.llen("readings") == 1)


def test_many_equal_nudges_at_once_are_few_messages(broker):
    url, client = broker
    nudge = make_nudge(url)
    for _ in range(500):
        nudge(Job.ACCESSION)
    assert until(lambda: client.llen("evidence") >= 1)
    assert until(lambda: nudge.waiting() == 0)
    assert client.llen("evidence") < 50
