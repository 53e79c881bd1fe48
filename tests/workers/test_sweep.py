"""The sweep asks again for what the queue lost, and never for what a long queue holds: it would only grow."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
import redis

from archive.acquisition import Acquisition, Channel
from archive.jobs import Job
from archive.receiving import receive
from cli.composition import now
from workers.app import make_celery
from workers.queue import CROWDED, crowded, queue_of
from workers.routes import READINGS
from workers.tasks import register


@pytest.fixture
def app(stack):
    url = stack.environment()["HOLDFAST_BROKER_URL"].replace("/0", "/8")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        made = make_celery(url, concurrency=1)
        yield made
        made.close()
        client.flushdb()


@pytest.fixture
def swept(app, installation):
    """Sweep an hour from now; the jobs that were asked for, by name."""
    for name in ("SM1", "SM2"):
        item = Acquisition.of(name.encode(), channel=Channel.SMS, source_id=name, at=now(), media_type="text/plain")
        with installation.engine.begin() as connection:
            receive(connection, item)
        if name == "SM1":
            assert len(installation.archive.accession_waiting(now=now())) == 1
    asked = []
    tools = SimpleNamespace(
        archive=installation.archive,
        nudge=lambda job, *ids: asked.append(job),
        now=lambda: now() + timedelta(hours=1),
    )
    register(app, lambda: tools, sweep_every=timedelta(seconds=10))

    def sweep():
        asked.clear()
        app.tasks[Job.SWEEP.value]()
        return set(asked)

    return sweep


def fill(app, queue, many):
    with app.connection_for_write() as connection:
        producer = connection.Producer()
        for number in range(many):
            producer.publish([str(number)], routing_key=queue, declare=[app.amqp.queues[queue]])


def test_the_sweep_asks_for_what_waits_unless_a_long_queue_holds_it_already(app, swept):
    assert {Job.ACCESSION, Job.READ} <= swept()
    fill(app, READINGS, CROWDED)
    assert {Job.ACCESSION, Job.READ} <= swept()
    fill(app, READINGS, 1)
    # Evidence waits elsewhere, and is asked for whatever readings come to.
    again = swept()
    assert Job.ACCESSION in again
    assert Job.READ not in again


def test_only_queues_that_are_far_behind_are_crowded(app):
    assert crowded(app) == frozenset()
    fill(app, READINGS, CROWDED + 1)
    assert crowded(app) == {READINGS}


def test_a_broker_that_is_away_leaves_the_question_open(monkeypatch):
    app = make_celery("redis://127.0.0.1:1/0", concurrency=1)
    app.conf.broker_transport_options = {"max_retries": 0, "socket_connect_timeout": 0.5}
    assert crowded(app) == frozenset()
    app.close()


def test_every_job_has_its_queue():
    assert queue_of(Job.READ) == READINGS
    assert queue_of(Job.SWEEP) == "others"
