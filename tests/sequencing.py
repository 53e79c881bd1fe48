"""A sequencer at work beside a test or a benchmark, as in every installation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from archive.sequencer import Sequencer


@contextmanager
def placing(sequencer: Sequencer, *, pause_seconds: float = 0.02) -> Iterator[None]:
    """Place and sign what comes in, for as long as the block runs."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            if not sequencer.run_once():
                stop.wait(pause_seconds)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def sequencing(installation: Any) -> Any:
    """The same for a test's own installation."""
    return placing(installation.sequencer)
