"""Bringing checkpoints before witnesses: the task, by the clock, and the HTTP it is done by.

The sequencer does not do this: whoever holds the signing key needs no way out of the house (docs/decisions/0016).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import requests
from celery import Celery

from archive.errors import WitnessUnreachableError
from archive.witnessing import Collector, Reply
from workers.app import every

CONNECT_SECONDS, READ_SECONDS, ALL_SECONDS = 3.0, 5.0, 10.0
# Cosignature lines of as many keys as one witness could have.
MOST_BYTES: Final = 64 * 1024
PIECE_BYTES: Final = 4096


def register_witnessing(app: Celery, collector: Callable[[], Collector], *, collect_every: timedelta) -> None:
    """Put the task on the application and on its schedule."""

    @app.task(name="archive.collect_cosignatures")
    def collect() -> None:
        """Ask every witness to cosign the newest checkpoint."""
        collector().collect()

    every(app, "cosignatures", "archive.collect_cosignatures", collect_every)


def submit(url: str, body: bytes, *, all_seconds: float = ALL_SECONDS) -> Reply:
    """Post a checkpoint to a witness.

    Raises:
        WitnessUnreachableError: Nothing came, not in time, or too much.
    """
    give_up_at = time.monotonic() + all_seconds
    try:
        with requests.post(
            url,
            data=body,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            # Whoever answers must be who was configured.
            allow_redirects=False,
            stream=True,
        ) as answer:
            media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return Reply(answer.status_code, media_type, _bounded(answer, give_up_at))
    except (requests.RequestException, OSError) as error:
        raise WitnessUnreachableError(type(error).__name__) from error


def _bounded(answer: requests.Response, give_up_at: float) -> bytes:
    body = bytearray()
    for piece in answer.iter_content(PIECE_BYTES):
        body += piece
        if len(body) > MOST_BYTES or time.monotonic() > give_up_at:
            raise WitnessUnreachableError("it sent too much, or for too long")
    return bytes(body)
