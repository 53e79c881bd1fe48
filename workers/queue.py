"""Sending work to the queue, from anywhere, without ever holding up who sends it.

The queue is a hint: a broker that is down or frozen costs a second once, then nothing until it is tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog
from celery import Celery

from archive.jobs import Job, Nudge

# Twilio gives a webhook 15 seconds in all; a frozen broker must cost a fraction of one.
SOCKET_TIMEOUT_SECONDS = 0.7
PAUSE_SECONDS = 5.0

log = structlog.get_logger()


def make_nudge(broker_url: str, *, clock: Callable[[], float] = time.monotonic) -> Nudge:
    """A nudge on the broker that never raises and gives a broken broker a pause."""
    app = Celery("nudge", broker=broker_url, set_as_current=False)
    app.conf.update(
        broker_connection_retry=False,
        broker_connection_timeout=SOCKET_TIMEOUT_SECONDS,
        broker_transport_options={
            "socket_timeout": SOCKET_TIMEOUT_SECONDS,
            "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
            "max_retries": 0,
        },
        task_ignore_result=True,
        task_publish_retry=False,
    )
    paused_until = 0.0

    def nudge(job: Job, *ids: Any) -> None:
        nonlocal paused_until
        if clock() < paused_until:
            return
        try:
            app.send_task(job.value, args=ids, ignore_result=True, retry=False)
        except Exception as error:  # noqa: BLE001 - whatever the broker does, the door must answer
            paused_until = clock() + PAUSE_SECONDS
            log.warning("queue.not_nudged", job=job.value, error=type(error).__name__)

    return nudge
