"""One worker is several lanes: a process each, below one that does nothing but start them, again where one dies.

Nothing is shared between lanes and nothing is locked, so there is nothing to release after a kill -9. The kernel ends a
lane whose parent was killed, and the processes of a lane with it: celery, asked to end, may lose the request.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import structlog
from celery import Celery
from celery.signals import worker_process_init

from workers.app import WORKER
from workers.routes import LANES, NICENESS

# A lane that cannot live must not be started in a busy loop.
PAUSE_SECONDS: Final = 1.0
ASKS_TO_END: Final = (signal.SIGTERM, signal.SIGINT)
ON_DEATH_OF_PARENT: Final = 1  # PR_SET_PDEATHSIG, prctl(2)

log = structlog.get_logger()


def work_in(app: Celery, lane: str) -> None:
    """Be the Celery worker of one lane until told to stop."""
    os.nice(NICENESS.get(lane, 0))
    worker_process_init.connect(partial(_end_with, os.getpid()), weak=False)
    name, queues = f"{lane}-{os.getpid()}@holdfast", ",".join(LANES[lane])
    app.worker_main([*WORKER, "--loglevel=WARNING", f"--hostname={name}", f"--queues={queues}"])


class Lanes:
    """The processes of the lanes, seen from their parent. It must have no connection and no thread that works."""

    def __init__(self, names: Iterable[str], work: Callable[[str], None]) -> None:
        """Lanes of these names, each doing `work(name)` once `run` starts it."""
        self._names, self._work = tuple(names), work
        self._below: dict[int, str] = {}
        self._stopping = False

    def run(self) -> None:
        """Keep every lane running; return when asked to end by SIGTERM or SIGINT, and each lane has ended."""
        before = {number: signal.signal(number, self._stop) for number in ASKS_TO_END}
        try:
            for name in self._names:
                self._begin(name)
            while self._below:
                self._await_one()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, _number: int, _frame: Any) -> None:
        """Ask each lane to end what it has begun, and go."""
        self._stopping = True
        for pid in self._below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _await_one(self) -> None:
        """Wait until a lane ends; start it again, unless all shall end."""
        pid, status = os.wait()
        name = self._below.pop(pid, None)
        if name is None or self._stopping:
            return
        log.error("worker.lane_ended", lane=name, exit_code=os.waitstatus_to_exitcode(status))
        time.sleep(PAUSE_SECONDS)
        self._begin(name)

    def _begin(self, name: str) -> None:
        # A signal between the fork and the note of it would miss this lane.
        signal.pthread_sigmask(signal.SIG_BLOCK, ASKS_TO_END)
        try:
            if self._stopping:
                return
            _flush()
            parent, pid = os.getpid(), os.fork()
            if pid == 0:
                self._be(name, parent)
            self._below[pid] = name
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKS_TO_END)

    def _be(self, name: str, parent: int) -> None:
        """In the new process: do the work of the lane, and never return."""
        code = 1
        try:
            _end_with(parent)
            for number in ASKS_TO_END:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKS_TO_END)
            self._work(name)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except Exception:
            log.exception("worker.lane_failed", lane=name)
        finally:
            _flush()
            os._exit(code)


def _end_with(parent: int, **_: Any) -> None:
    """Have the kernel end this process when its parent ends; end at once where it is gone already."""
    ctypes.CDLL(None).prctl(ON_DEATH_OF_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _flush() -> None:
    """Write out what waits to be: a fork would write it twice, and `_exit` never. A full disk ends nobody."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
