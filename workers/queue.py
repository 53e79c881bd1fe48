"""Sending work to the queue, from anywhere, without ever holding up who sends it.

The queue is a hint. A nudge is only noted down; a thread of the process's own sends it a moment later, together with
others, equal ones once. A broker that is down or frozen holds up that thread and nobody else; what is lost with it is
found by the sweep.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import structlog
from celery import Celery
from kombu.exceptions import ChannelError, OperationalError

from archive.jobs import Job
from workers.routes import OTHERS, QUEUES, ROUTES

SOCKET_TIMEOUT_SECONDS = 0.7
GATHER_SECONDS = 0.1
PAUSE_SECONDS = 5.0
MOST_NOTED = 10_000
# Messages: a queue that holds more has lost nothing that matters yet.
CROWDED = 500

Noted: TypeAlias = tuple[Job, tuple[Any, ...]]
log = structlog.get_logger()


class Nudger:
    """Notes nudges down and sends them from a thread; a `Nudge` that never raises and never waits."""

    def __init__(self, broker_url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._app = _sender(broker_url)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._forget()

    def __call__(self, job: Job, *ids: Any) -> None:
        """Note one nudge; equal ones that wait already are one."""
        noted = (job, tuple(tuple(each) if isinstance(each, list) else each for each in ids))
        with self._lock:
            self._start_here()
            if len(self._noted) < MOST_NOTED:
                self._noted[noted] = None
        self._wake.set()

    def waiting(self) -> int:
        """Nudges noted and not sent yet."""
        with self._lock:
            return len(self._noted)

    def _forget(self) -> None:
        self._noted: dict[Noted, None] = {}
        self._wake = threading.Event()
        self._pid = 0

    def _start_here(self) -> None:
        """Threads do not survive a fork: each process starts its own, at its first nudge."""
        if self._pid == os.getpid():
            return
        self._forget()
        self._pid = os.getpid()
        threading.Thread(target=self._send_forever, name="nudges", daemon=True).start()

    def _send_forever(self) -> None:
        while True:
            self._wake.wait()
            self._sleep(GATHER_SECONDS)
            self._wake.clear()
            if not self._send(self._take()):
                self._sleep(PAUSE_SECONDS)

    def _take(self) -> list[Noted]:
        with self._lock:
            taken, self._noted = list(self._noted), {}
        return taken

    def _send(self, taken: list[Noted]) -> bool:
        try:
            for job, ids in taken:
                self._app.send_task(job.value, args=ids, ignore_result=True, retry=False)
        except Exception as error:  # noqa: BLE001 - whatever the broker does, this thread must go on
            log.warning("queue.not_nudged", nudges=len(taken), error=type(error).__name__)
            return False
        return True


def make_nudge(broker_url: str) -> Nudger:
    """A nudge on this broker."""
    return Nudger(broker_url)


def crowded(app: Celery) -> frozenset[str]:
    """Queues that are far behind: what waits in the database waits there as well, most likely.

    To ask for it again would only make them longer, and workers slower, each time it is done.
    """
    broker = app.connection_for_write()
    try:
        with broker, broker.channel() as channel:
            return frozenset(name for name in QUEUES if _length(channel, name) > CROWDED)
    except (OperationalError, *broker.connection_errors, *broker.channel_errors) as error:
        log.warning("queue.not_measured", error=type(error).__name__)
        return frozenset()


def queue_of(job: Job) -> str:
    """The queue in which this work waits."""
    return ROUTES.get(job.value, ROUTES["*"])["queue"]


def _length(channel: Any, queue: str) -> int:
    try:
        return int(channel.queue_declare(queue, passive=True).message_count)
    except ChannelError:
        return 0  # the broker keeps no empty queue


def _sender(broker_url: str) -> Celery:
    app = Celery("nudge", broker=broker_url, set_as_current=False)
    app.conf.update(
        broker_connection_retry=False,
        broker_connection_timeout=SOCKET_TIMEOUT_SECONDS,
        broker_transport_options={
            "socket_timeout": SOCKET_TIMEOUT_SECONDS,
            "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
            "max_retries": 0,
        },
        task_default_queue=OTHERS,
        task_ignore_result=True,
        task_publish_retry=False,
        task_routes=ROUTES,
    )
    return app
