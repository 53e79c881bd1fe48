"""A worker with two processes and one task that takes a while, for tests that kill its broker meanwhile."""

import sys
import time
from pathlib import Path

from workers.app import WORKER, make_celery


def make_app(broker_url: str):
    """The application of the worker and of who sends to it."""
    app = make_celery(broker_url, concurrency=2)

    @app.task(name="slow")
    def slow(seconds: float, begun: str, ended: str) -> None:
        Path(begun).touch()
        time.sleep(seconds)
        Path(ended).touch()

    return app


if __name__ == "__main__":
    make_app(sys.argv[1]).worker_main([*WORKER, "--loglevel=INFO"])
