"""Tasks that keep the vault complete: publishing the ledger to it, and the nightly dump."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from celery import Celery

from archive.dump import Dumper
from archive.jobs import Job
from archive.publishing import Publisher
from workers.app import every


@dataclass(frozen=True, slots=True)
class Keeping:
    """What these tasks work with."""

    publisher: Publisher
    dumper: Dumper


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

    every(app, "publish", Job.PUBLISH, publish_every)
    every(app, "dump", "archive.dump", timedelta(days=1))
