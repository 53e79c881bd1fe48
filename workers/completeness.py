"""The tasks that compare every source with the archive by night, and tidy Twilio's copies of what is certain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from celery import Celery
from celery.schedules import crontab

from archive.accession import Archive
from intake.reconciling import Sources, reconcile_all
from intake.twilio_copies import KEEP, tidy_copies
from workers.app import every
from workers.keeping import at_night

ACTOR = "system:beat"


@dataclass(frozen=True, slots=True)
class Completeness:
    """What these tasks work with."""

    archive: Archive
    sources: Sources
    after_archiving: str
    now: Callable[[], datetime]


def register_completeness(app: Celery, tools: Callable[[], Completeness], *, after_archiving: str) -> None:
    """Put the tasks on the application and on its schedule.

    Args:
        app: From `workers.app.make_celery`.
        tools: Builds what a process needs, once in each.
        after_archiving: What becomes of Twilio's copies; with `keep` nothing is scheduled.
    """

    @app.task(name="intake.state_completeness")
    def state_completeness() -> None:
        """Compare thirty days of Twilio and every mailbox, whole, with the archive, and state what was found."""
        work = tools()
        reconcile_all(work.archive, work.sources, now=work.now, actor=ACTOR)

    @app.task(name="intake.tidy_copies")
    def tidy() -> None:
        """Redact or delete what Twilio still has of texts that are certain here."""
        work = tools()
        if work.sources.texts is not None:
            tidy_copies(work.archive.engine, work.archive.vault, work.sources.texts, work.after_archiving, now=work.now)

    at_night(app, "completeness", "intake.state_completeness", crontab(hour="3", minute="40"))
    if after_archiving != KEEP:
        every(app, "copies", "intake.tidy_copies", timedelta(minutes=10))
