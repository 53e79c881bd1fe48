"""Starts processes in parallel, restarts those that die or are beyond help, stops them in order, tidies up.

One supervisor per home, held by `flock`. Each child is written to `state/children.json` right after its start: with
the boot, its number and its start time, so that the next supervisor ends what a killed one left running, and nothing
else. A child whose record was lost is found by the mark in its environment.

All children are started from the thread that calls `start`; only preparing and waiting happen in threads.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from services.ending import end_in_order, sweep
from services.errors import ServiceError, StartFailedError, StartInterruptedError
from services.home import PRIVATE_FILE, Home, write_private
from services.process import MARK, Process, Sighting, boot_id, marked_with, start_ticks

READY_POLL_SECONDS = 0.03
TEND_SECONDS = 0.2
FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 30.0
# A child that ran this long is forgiven its earlier deaths.
STEADY_SECONDS = 60.0
LOG_LIMIT_BYTES = 16 * 2**20
MOST_READ_BYTES = 2**20
QUOTED_LINES = 15


def say_on_stderr(sentence: str) -> None:
    """Tell whoever sits at the terminal."""
    print(f"holdfast: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 - this is the terminal's edge


@dataclass(slots=True)
class _Child:
    process: Process
    popen: subprocess.Popen[bytes]
    sighting: Sighting
    started_at: float
    log_read_to: int
    deaths: int = 0
    restart_at: float | None = None


class Supervisor:
    """Runs the processes of one home until it is told to stop. Use as a context manager, or call `stop`."""

    def __init__(self, home: Home, say: Callable[[str], None] = say_on_stderr) -> None:
        self.home = home
        self._tell = say
        self._children: dict[str, _Child] = {}
        self._is_owed_record = False
        self._end_asked = threading.Event()
        self._handlers: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        self.take_over()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def take_over(self) -> None:
        """Lock the home and end what a killed supervisor of it left running.

        Raises:
            HomeInUseError: Another supervisor is at work here.
        """
        self.home.lock()
        recorded = self._recorded()
        left = [sighting for sighting in recorded if sighting.is_alive()]
        if left:
            self._say(f"ending what an earlier run left in {self.home.path}: {', '.join(child.name for child in left)}")
        end_in_order(recorded)
        end_in_order(Sighting("stray", pid, start_ticks(pid) or 0) for pid in marked_with(self.home.path))
        self._record()

    def listen(self) -> None:
        """Let SIGINT and SIGTERM ask for the end, from now on. Call it before `start`, in the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._on_signal)

    def ask_to_end(self) -> None:
        """Make `run`, or a `start` under way, come to its end; safe from any thread."""
        self._end_asked.set()

    def start(self, processes: Sequence[Process]) -> None:
        """Start these together and return when all are ready and settled; may be called again with more.

        Raises:
            StartFailedError: One of them ended or was not ready in time; everything has been stopped.
            StartInterruptedError: A signal asked for the end; everything has been stopped.
            ServiceError: A preparation failed; everything has been stopped.
        """
        try:
            with ThreadPoolExecutor(max_workers=max(1, len(processes)), thread_name_prefix="start") as pool:
                try:
                    self._start_all(processes, pool)
                except BaseException:
                    self._end_asked.set()  # the other waits must end before the pool can
                    raise
        except BaseException:
            self.stop()
            raise

    def tend(self) -> None:
        """Look at each child once: say which one died, start again the one whose back-off is over."""
        now = time.monotonic()
        if self._is_owed_record:
            self._record_at_last()
        for child in list(self._children.values()):
            if child.restart_at is not None:
                if now >= child.restart_at:
                    self._restart(child)
            elif child.popen.poll() is not None:
                self._mourn(child, f"ended with {_ending(child.popen.returncode)}")
            elif line := self._cry_for_help(child):
                self._say(f"{child.process.name} does no more good until it is started again: {line}")
                child.sighting.send(signal.SIGKILL)

    def run(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Tend the children until a signal, or `ask_to_end`, asks for the end, or they are no longer wanted."""
        while not self._end_asked.wait(TEND_SECONDS) and wanted():
            self.tend()

    def stop(self) -> None:
        """Stop all children in order, forget them and let go of the home. Safe to call twice."""
        # A start that is still waiting in a thread must not wait for what we are about to stop.
        self._end_asked.set()
        end_in_order(child.sighting for child in self._children.values())
        for child in self._children.values():
            child.popen.wait()
            child.process.tidy()
        self._children.clear()
        if self.home.is_held:
            self._record()
            self.home.unlock()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()
        self._end_asked.clear()

    def pid(self, name: str) -> int:
        """The process number of a child: for tests that kill one."""
        return self._children[name].popen.pid

    def _start_all(self, processes: Sequence[Process], pool: ThreadPoolExecutor) -> None:
        preparing: dict[Future[None], Process] = {pool.submit(process.prepare): process for process in processes}
        pending: set[Future[None]] = set(preparing)
        while pending:
            done, pending = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
            if self._end_asked.is_set():
                raise StartInterruptedError
            for future in done:
                future.result()
                if (process := preparing.pop(future, None)) is not None:
                    self._launch(process)
                    pending.add(pool.submit(self._settle, process))

    def _settle(self, process: Process) -> None:
        """Wait until a child that was just launched is ready, then let it settle."""
        patience = time.monotonic() + process.ready_seconds
        popen = self._children[process.name].popen
        while not process.ready():
            if self._end_asked.is_set():
                raise StartInterruptedError
            if popen.poll() is not None:
                raise self._failure(process, f"it ended with {_ending(popen.returncode)}")
            if time.monotonic() > patience:
                raise self._failure(process, f"it was not ready within {process.ready_seconds:.0f} s")
            time.sleep(READY_POLL_SECONDS)
        try:
            process.settle()
        except Exception as error:  # whatever its client library raises, the person needs the name and the log
            raise self._failure(process, f"it could not be set up ({error})") from error

    def _launch(self, process: Process, deaths: int = 0) -> None:
        log = self._open_log(process.name)
        log_read_to = os.fstat(log).st_size
        try:
            popen = subprocess.Popen(
                process.command,
                env={**process.environment, MARK: str(self.home.path)},
                cwd=process.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=process.user,
                group=None if process.user is None else pwd.getpwnam(process.user).pw_gid,
                extra_groups=None if process.user is None else [],
            )
        except OSError as error:
            raise self._failure(process, str(error)) from error
        finally:
            os.close(log)
        sighting = Sighting(
            process.name,
            popen.pid,
            start_ticks(popen.pid) or 0,
            process.stop_signal,
            process.stop_order,
            None if process.sweep is None else str(process.sweep),
        )
        self._children[process.name] = _Child(process, popen, sighting, time.monotonic(), log_read_to, deaths)
        self._record()

    def _restart(self, child: _Child) -> None:
        try:
            if child.process.sweep is not None:
                sweep(child.process.sweep)
            child.process.prepare()
            self._launch(child.process, child.deaths)
        except (ServiceError, OSError) as error:
            if self._children[child.process.name] is child:
                self._mourn(child, f"could not be started again ({error})")
            else:
                self._is_owed_record = True  # it runs; only the record of it could not be written

    def _cry_for_help(self, child: _Child) -> str:
        """The line in which a living child says that nothing helps it but a new start; empty where there is none."""
        if child.process.beyond_help is None:
            return ""
        written = b""
        with contextlib.suppress(OSError), self.home.log(child.process.name).open("rb") as log:
            log.seek(child.log_read_to)
            written = log.read(MOST_READ_BYTES)
        # A line that is half written is read when it is whole; one that no read can hold is passed over.
        whole = written.rfind(b"\n") + 1 or (len(written) if len(written) == MOST_READ_BYTES else 0)
        child.log_read_to += whole
        lines = written[:whole].splitlines()
        found = next((line for line in lines if child.process.beyond_help.search(line)), b"")
        return found.decode("utf-8", errors="replace")

    def _mourn(self, child: _Child, what: str) -> None:
        now = time.monotonic()
        steady = child.restart_at is None and now - child.started_at > STEADY_SECONDS
        child.deaths = 1 if steady else child.deaths + 1
        pause = min(FIRST_BACK_OFF_SECONDS * 2 ** (child.deaths - 1), LONGEST_BACK_OFF_SECONDS)
        child.restart_at = now + pause
        log = self.home.log(child.process.name)
        self._say(f"{child.process.name} {what}; starting it again in {pause:g} s; see {log}")

    def _failure(self, process: Process, why: str) -> StartFailedError:
        log = self.home.log(process.name)
        quoted = log.read_text(encoding="utf-8", errors="replace").splitlines()[-QUOTED_LINES:] if log.exists() else []
        return StartFailedError(process.name, why, log, "\n".join(quoted))

    def _open_log(self, name: str) -> int:
        path = self.home.log(name)
        if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)

    @property
    def _state_file(self) -> Path:
        return self.home.state / "children.json"

    def _say(self, sentence: str) -> None:
        # A terminal that is gone, or a log on a full disk, must not end the house.
        with contextlib.suppress(OSError):
            self._tell(sentence)

    def _record(self) -> None:
        children = [asdict(child.sighting) for child in self._children.values()]
        write_private(self._state_file, json.dumps({"boot_id": boot_id(), "children": children}, indent=1))

    def _record_at_last(self) -> None:
        with contextlib.suppress(OSError):
            self._record()
            self._is_owed_record = False

    def _recorded(self) -> list[Sighting]:
        if not self._state_file.exists():
            return []
        state = json.loads(self._state_file.read_text(encoding="utf-8"))
        return [Sighting(**child) for child in state["children"]] if state["boot_id"] == boot_id() else []

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        # Nothing more: raising here could lose a child between its start and its record.
        self._end_asked.set()


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
