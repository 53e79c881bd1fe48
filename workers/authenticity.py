"""The tasks that judge authenticity: after reading, and by the clock for what was lost, asked for, or owed by DNS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from celery import Celery

from archive.jobs import Job, Nudge
from intake.authenticity.judge import Judge
from intake.authenticity.records import overdue, unjudged, wanted
from workers.app import TRANSIENT, every
from workers.queue import crowded, queue_of

LOOK: Final = timedelta(seconds=20)
# Younger than this, the queue is probably at it.
PATIENCE: Final = timedelta(seconds=30)
AT_ONCE: Final = 4
MOST: Final = 400

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Judging:
    """What these tasks work with."""

    judge: Judge
    nudge: Nudge


def register_judging(app: Celery, tools: Callable[[], Judging]) -> None:
    """Put the tasks on the application, and the one that runs by the clock on its schedule."""

    @app.task(name=Job.JUDGE.value)
    def judge(*exhibit_ids: str) -> None:
        """Judge those of some exhibits that are to be judged. One that cannot be judged now waits."""
        work = tools().judge
        with work.engine.connect() as connection:
            ids = wanted(connection, [UUID(each) for each in exhibit_ids])
        _judge_each(work, ids)

    @app.task(name="intake.plan_judging")
    def plan() -> None:
        """Ask for what was read and never judged, and for what is due again."""
        work = tools()
        if queue_of(Job.JUDGE) in crowded(app):
            return
        now = work.judge.now()
        with work.judge.engine.connect() as connection:
            ids = list(connection.execute(unjudged(now - PATIENCE).limit(MOST)).scalars())
            ids += connection.execute(overdue(now).limit(MOST)).scalars()
        for start in range(0, len(ids), AT_ONCE):
            work.nudge(Job.JUDGE, *map(str, ids[start : start + AT_ONCE]))

    every(app, "authenticity", "intake.plan_judging", LOOK)


def _judge_each(work: Judge, ids: Sequence[UUID]) -> None:
    waits: Exception | None = None
    for each in ids:
        try:
            work.judge(each)
        except TRANSIENT as error:
            waits = error
        except Exception:
            # It is asked for again by the clock; the others must not wait for it.
            log.exception("authenticity.not_judged", exhibit_id=str(each))
    if waits:
        raise waits
