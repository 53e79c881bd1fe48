"""A broker that is down or frozen must not hold up a door: Twilio waits fifteen seconds and no longer."""

import socket
import time

import pytest
import redis
from kombu import Consumer, Queue

from archive.jobs import Job
from workers.app import make_celery
from workers.queue import MOST_NOTED, make_nudge
from workers.routes import QUEUES


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


def test_queues_are_emptied_in_their_order_whatever_came_first(broker):
    url, _ = broker
    app = make_celery(url, concurrency=1)
    # Many, so that an order by chance is as good as never this one.
    names = [*QUEUES, *(f"further-{number}" for number in range(8))]
    got = []
    with app.connection_for_read() as connection, connection.channel() as channel:
        for name in reversed(names):
            app.send_task("any", queue=name, ignore_result=True)
        queues = [Queue(name) for name in names]
        consumer = Consumer(
            channel, queues, on_message=lambda message: got.append(message.delivery_info["routing_key"])
        )
        channel.basic_qos(0, 0, False)
        with consumer:
            while len(got) < len(names):
                connection.drain_events(timeout=10)
    app.close()
    assert got == names
