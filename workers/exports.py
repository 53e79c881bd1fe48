"""The tasks that take exports apart: by the clock, for whatever waits and belongs to a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from celery import Celery

from archive.accession import Archive
from archive.jobs import Job, Nudge
from intake.exports import due
from intake.importing import Arrived
from intake.reading.model import Reading
from intake.taking_apart import ExportTaker
from timeline.readings import current, read_arrived
from workers.app import every

LOOK: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Exports:
    """What these tasks work with."""

    taker: ExportTaker
    nudge: Nudge


def export_taker(archive: Archive, *, now: Callable[[], datetime]) -> ExportTaker:
    """What takes exports apart, and reads what comes out of them batch by batch."""

    def reading_of(exhibit_id: UUID) -> Reading | None:
        with archive.engine.connect() as connection:
            return current(connection, exhibit_id)

    def then(arrived: Arrived) -> None:
        read_arrived(archive.engine, archive.vault, arrived, now=now)

    return ExportTaker(archive, reading_of, then, now)


def register_exports(app: Celery, tools: Callable[[], Exports]) -> None:
    """Put the tasks on the application, and the one that runs by the clock on its schedule."""

    @app.task(name=Job.UNPACK.value)
    def unpack(exhibit_id: str) -> None:
        """Take one exhibit apart, for a stretch of time; the next stretch is asked for again."""
        work = tools()
        work.taker.take(UUID(exhibit_id))
        _ask(work)

    @app.task(name="intake.plan_unpacking")
    def plan() -> None:
        """Ask for what waits: one at a time, the longest waiting first."""
        _ask(tools())

    every(app, "exports", "intake.plan_unpacking", LOOK)


def _ask(work: Exports) -> None:
    with work.taker.archive.engine.connect() as connection:
        ids = due(connection, now=work.taker.now(), most=1)
    for each in ids:
        work.nudge(Job.UNPACK, str(each))
