"""Tasks that keep the vault complete and locked: publishing the ledger to it, the nightly dump, audits, locks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from celery import Celery
from celery.schedules import crontab

from archive.audit import Auditor
from archive.dump import Dumper
from archive.jobs import Job
from archive.locks import Locks
from archive.publishing import Publisher
from archive.retention import remind
from workers.app import every

ACTOR = "system:beat"
LATEST = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What these tasks work with."""

    publisher: Publisher
    dumper: Dumper
    auditor: Auditor
    locks: Locks


def register_keeping(app: Celery, keeping: Callable[[], Keeping], *, publish_every: timedelta) -> None:
    """Put the tasks on the application and on its schedule.

    Args:
        app: From `workers.app.make_celery`.
        keeping: Builds what a process needs, once in each.
        publish_every: How often the ledger is written to the vault.
    """

    @app.task(name=Job.PUBLISH.value)
    def publish() -> None:
        """Write what the ledger grew by, cosignatures and tokens to the vault."""
        keeping().publisher.publish()

    @app.task(name="archive.dump")
    def dump() -> None:
        """Write people, accounts and what waits to the vault, encrypted."""
        keeping().dumper.dump()

    @app.task(name="archive.extend_locks")
    def extend_locks() -> None:
        """Extend the locks that are still wanted, bring holds into line, and remind of reviews."""
        locks = keeping().locks
        locks.run()
        with locks.engine.begin() as connection:
            remind(connection, now=locks.now())

    @app.task(name="archive.audit")
    def audit(kind: str) -> None:
        """Hold rows, objects and ledger to one another; one that was stopped goes on."""
        keeping().auditor.run(kind, actor=ACTOR)

    every(app, "publish", Job.PUBLISH, publish_every)
    # A hold that was placed by day is in the vault by night; a lock has half its time left when it is extended.
    every(app, "locks", "archive.extend_locks", timedelta(hours=12))
    at_night(app, "dump", "archive.dump", crontab(hour="1", minute="10"))
    at_night(app, "audit-sample", "archive.audit", crontab(hour="2", minute="10", day_of_week="mon-sat"), "sample")
    at_night(app, "audit-whole", "archive.audit", crontab(hour="2", minute="10", day_of_week="sun"), "whole")


def at_night(app: Celery, name: str, task: str, when: crontab, *args: str) -> None:
    """Have the beat process send `task` at an hour (UTC); one that could not begin for some hours is dropped."""
    options = {"expires": LATEST.total_seconds(), "ignore_result": True}
    entry = {"task": task, "schedule": when, "args": args, "options": options}
    app.conf.beat_schedule = {**(app.conf.beat_schedule or {}), name: entry}
