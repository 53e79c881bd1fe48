"""The tasks that get timestamp tokens: one by the clock that says what is owed, one that asks for one token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from celery import Celery

from archive.jobs import Job, Nudge
from archive.stamping import Stamper
from workers.app import every

# How late a debt may be tried. What is owed, and when, stands in the database: a tick that is lost costs nothing.
TICK: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Stamping:
    """What these tasks work with."""

    stamper: Stamper
    nudge: Nudge


def register_stamping(app: Celery, tools: Callable[[], Stamping]) -> None:
    """Put the tasks on the application, and the one that runs by the clock on its schedule."""

    @app.task(name="archive.plan_stamps")
    def plan() -> None:
        """Owe the newest checkpoint to every authority when it is time, and have each debt that is due tried."""
        work = tools()
        for size, authority in work.stamper.plan():
            work.nudge(Job.STAMP, size, authority)

    @app.task(name=Job.STAMP.value)
    def stamp(size: int, authority: str) -> None:
        """Ask one authority for its token over one checkpoint."""
        tools().stamper.stamp(size, authority)

    every(app, "stamps", "archive.plan_stamps", TICK)
