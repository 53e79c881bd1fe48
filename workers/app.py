"""The Celery application: how tasks are tried, and what runs by the clock.

Tasks carry ids only, may run twice and may be lost: the database and the vault are the truth, and `archive.sweep`
finds what the queue forgot.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Generic, TypeVar

import structlog
from celery import Celery, Task
from kombu import Queue
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from archive.errors import TransientError
from workers.routes import OTHERS, QUEUES, ROUTES

Built = TypeVar("Built")
log = structlog.get_logger()

LONGEST_BACKOFF_SECONDS = 15 * 60
MENDED = {"redis": "workers.valkey:Transport"}
# Nobody listens to a worker's own events, and sending them to a dead broker holds it up.
WORKER = ("worker", "--without-gossip", "--without-mingle", "--without-heartbeat")
TRANSIENT = (TransientError, OperationalError, InterfaceError)


class PerProcess(Generic[Built]):
    """Something each process builds for itself: connections must not cross a fork."""

    def __init__(self, build: Callable[[], Built]) -> None:
        self._build = build
        self._built: tuple[int, Built] | None = None

    def __call__(self) -> Built:
        """The thing of this process, built when first asked for."""
        if self._built is None or self._built[0] != os.getpid():
            self._built = (os.getpid(), self._build())
        return self._built[1]


class PatientTask(Task):  # type: ignore[misc] # celery ships no types
    """Tries again while something outside is away; anything else is logged, and left to the sweep and its alerts."""

    abstract = True
    autoretry_for = TRANSIENT
    retry_backoff = 2
    retry_backoff_max = LONGEST_BACKOFF_SECONDS
    retry_jitter = True
    # The sweep asks again for everything that waits: an endless retry would only add to it.
    max_retries = 3
    acks_late = True
    reject_on_worker_lost = True
    ignore_result = True

    def on_failure(self, exc: BaseException, task_id: str, args: Any, _kwargs: Any, _einfo: Any) -> None:
        """Log one failure with its ids, and count it: packages say how many there were."""
        log.error("task.failed", task=self.name, task_id=task_id, ids=list(args), error=type(exc).__name__)
        self._note("job_failures")

    def on_retry(self, exc: BaseException, task_id: str, args: Any, _kwargs: Any, _einfo: Any) -> None:
        """Log and count one retry."""
        log.warning("task.retried", task=self.name, task_id=task_id, ids=list(args), error=type(exc).__name__)
        self._note("job_retries")

    def _note(self, counter: str) -> None:
        noted: Callable[[str], None] | None = getattr(self.app, "noted", None)
        try:
            if noted is not None:
                noted(counter)
        except SQLAlchemyError as error:
            # What failed may be the very database; the log has it.
            log.warning("task.not_counted", counter=counter, error=type(error).__name__)


class OwnTasks(Celery):  # type: ignore[misc] # celery ships no types
    """An application whose tasks are its own: celery hands each to every other application of the process as well."""

    def task(self, *args: Any, **options: Any) -> Any:
        """Register one task here and nowhere else."""
        return super().task(*args, **{"shared": False, **options})


def make_celery(broker_url: str, *, concurrency: int, noted: Callable[[str], None] | None = None) -> Celery:
    """An application on this broker with no task yet; `noted` counts failed and retried tasks."""
    app = OwnTasks("holdfast", broker=broker_url, task_cls=PatientTask, set_as_current=False)
    app.noted = noted
    app.conf.update(
        broker_transport=MENDED.get(broker_url.partition(":")[0]),
        broker_connection_retry_on_startup=True,
        task_acks_late=True,
        task_ignore_result=True,
        task_reject_on_worker_lost=True,
        task_serializer="json",
        accept_content=["json"],
        broker_transport_options={"queue_order_strategy": "priority"},
        task_default_queue=OTHERS,
        task_queues=[Queue(name) for name in QUEUES],
        task_routes=ROUTES,
        timezone="UTC",
        worker_concurrency=concurrency,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )
    return app


def every(app: Celery, name: str, task: str, pause: timedelta) -> None:
    """Have the beat process send `task` again and again; one that waited a whole pause is dropped."""
    app.conf.beat_schedule = {
        **(app.conf.beat_schedule or {}),
        name: {"task": task, "schedule": pause, "options": {"expires": pause.total_seconds(), "ignore_result": True}},
    }
