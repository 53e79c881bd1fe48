"""The tasks that get tokens: what the clock plans is asked for, by name, with numbers and names alone."""

from datetime import timedelta

from celery import Celery

from archive.jobs import Job
from workers.routes import ROUTES
from workers.stamps import Stamping, register_stamping


class Stamper:
    """Owes two tokens, and notes what is asked of it."""

    def __init__(self):
        self.stamped = []

    def plan(self):
        return [(7, "http://one/"), (7, "http://two/")]

    def stamp(self, size, name):
        self.stamped.append((size, name))
        return True


def test_what_is_owed_is_nudged_and_a_nudge_asks_one_authority():
    app, stamper, nudged = Celery("test", broker="memory://", set_as_current=False), Stamper(), []
    register_stamping(app, lambda: Stamping(stamper, lambda job, *ids: nudged.append((job, *ids))))
    app.tasks["archive.plan_stamps"]()
    assert nudged == [(Job.STAMP, 7, "http://one/"), (Job.STAMP, 7, "http://two/")]
    app.tasks[Job.STAMP.value](*nudged[0][1:])
    assert stamper.stamped == [(7, "http://one/")]
    assert app.conf.beat_schedule["stamps"]["schedule"] == timedelta(seconds=5)
    assert Job.STAMP.value not in {name for name, route in ROUTES.items() if route["queue"] == "evidence"}
