"""What the supervisor runs, and what Linux says about a process."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# What stops first has the lowest number: the doors, then the workers, then what they write to.
STOP_WEB = 10
STOP_WORKERS = 20
STOP_STAND_INS = 30
STOP_MAIL = 40
STOP_BROKER = 50
STOP_VAULT = 60
STOP_DATABASE = 70
# Written into each child's environment, so that one whose record was lost can still be found.
MARK = "HOLDFAST_SUPERVISED_BY_HOME"


def _ready_at_once() -> bool:
    return True


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Process:
    """One child of the supervisor.

    Attributes:
        name: Short and unique; also the name of its log.
        command: The program and its arguments.
        environment: All of the child's environment; nothing is inherited.
        cwd: Where it runs.
        prepare: Called before each start, in a thread: write configuration, make folders. May be called again.
        ready: Polled after each start: True once the child does its work. Must not wait longer than a second or two.
        settle: Called once, when it is first ready: make databases, buckets. Must be safe to repeat.
        ready_seconds: How long it may take to become ready.
        tidy: Called after it was stopped: remove what it leaves outside the home.
        stop_signal: Asks it to end; five seconds later it is killed.
        stop_order: Children with a lower number are stopped, and gone, before those with a higher one.
        user: The operating-system user to run as; None: ours.
        sweep: A folder nobody else works in: whatever still has it as working directory after the end is killed.
        beyond_help: What it writes to its log when only a new start can help it; then it is killed, and started again.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path = CHECKOUT
    prepare: Callable[[], None] = _nothing
    ready: Callable[[], bool] = _ready_at_once
    settle: Callable[[], None] = _nothing
    tidy: Callable[[], None] = _nothing
    ready_seconds: float = 60.0
    stop_signal: int = signal.SIGTERM
    stop_order: int = STOP_WORKERS
    user: str | None = None
    sweep: Path | None = None
    beyond_help: re.Pattern[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A process that was started, told apart by its start time from a later one with the same number."""

    name: str
    pid: int
    start_ticks: int
    stop_signal: int = field(default=signal.SIGTERM)
    stop_order: int = STOP_WORKERS
    sweep: str | None = None

    def is_alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        return start_ticks(self.pid) == self.start_ticks

    def send(self, signal_number: int) -> None:
        """Signal it, if it is still the same process."""
        if self.is_alive():
            try:
                os.kill(self.pid, signal_number)
            except ProcessLookupError:
                return


def python_environment(temporary: Path) -> dict[str, str]:
    """The environment of a child that runs Python: this interpreter's search path, and nothing that is set for us."""
    searched = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", "TMPDIR": str(temporary), **searched}


def boot_id() -> str:
    """This boot of the kernel: start times of another boot mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when it is gone or a zombie (proc(5), 3 and 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, field 2, is in parentheses and may contain spaces and parentheses.
    state, *fields = stat[stat.rindex(b")") + 2 :].split()
    return None if state in {b"Z", b"X"} else int(fields[22 - 4])


def working_in(folder: Path) -> list[int]:
    """The processes whose working directory is exactly this folder."""
    return [pid for pid in _pids() if _link(pid, "cwd") == str(folder)]


def marked_with(home: Path) -> list[int]:
    """The processes whose environment says that a supervisor of this home started them."""
    mark = f"{MARK}={home}".encode()
    return [pid for pid in _pids() if mark in _environment(pid).split(b"\0")]


def _pids() -> list[int]:
    return [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()
    ]


def _link(pid: int, name: str) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/{name}").readlink())
    except OSError:  # gone, or somebody else's
        return None


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # gone, or somebody else's
        return b""
