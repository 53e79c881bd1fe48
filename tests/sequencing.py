"""A sequencer at work beside a test, as in every installation."""

import threading
import time
from contextlib import contextmanager


@contextmanager
def sequencing(installation):
    """Place and sign what comes in, for as long as the block runs."""
    stop = threading.Event()

    def run():
        while not stop.is_set():
            if not installation.sequencer.run_once():
                time.sleep(0.02)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
