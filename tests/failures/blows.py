"""Carrying out a plan against a running house, and making good again whatever is meant to last a while."""

import contextlib
import heapq
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import requests

from services.process import start_ticks
from tests.failures.disk import CannotMountError, Ceiling, SmallDisk
from tests.failures.house import House, family
from tests.failures.lines import DONE, Line
from tests.failures.plan import Act, Blow


@dataclass(slots=True)
class Conductor:
    """Hurts a house as planned.

    Attributes:
        house: Whom.
        lines: Its wires, by name.
        disk: Its disk.
        seed: Which of several processes below one is hit is drawn from it.
        done: What was done, in sentences; `missed`: what hit nothing, since its victim was dead already.
    """

    house: House
    lines: dict[str, Line]
    disk: SmallDisk | Ceiling
    seed: int
    done: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def play(self, blows: list[Blow], seconds: float, *, pulse: Callable[[], None]) -> None:
        """Deal the blows at their times; at the end nothing of them lasts.

        Args:
            blows: In order of time.
            seconds: How long it all lasts.
            pulse: Called a few times a second.
        """
        began = time.monotonic()
        waiting = [(blow.at, number, blow, None) for number, blow in enumerate(blows)]
        heapq.heapify(waiting)
        try:
            while waiting or time.monotonic() < began + seconds:
                pulse()
                if waiting and time.monotonic() >= began + waiting[0][0]:
                    _, number, blow, end = heapq.heappop(waiting)
                    if end is not None:
                        end()
                    elif (end := self._deal(blow)) is not None:
                        heapq.heappush(waiting, (time.monotonic() - began + blow.seconds, number, blow, end))
                time.sleep(0.05)
        finally:
            for _, _, _, end in waiting:
                if end is not None:
                    end()
            for line in self.lines.values():
                line.calm()

    def _deal(self, blow: Blow) -> Callable[[], None] | None:
        """Do it now; what ends it, where it lasts."""
        ways = {
            Act.KILL: self._kill,
            Act.KILL_CHILD: self._kill_child,
            Act.PAUSE: self._pause,
            Act.RESTART: self._restart,
            Act.FILL: self._fill,
            Act.LOSE: self._lose,
            Act.CUT: self._cut,
            Act.FAIL: self._fail,
        }
        try:
            end = ways[blow.act](blow)
        except (OSError, StopIteration, CannotMountError, requests.RequestException) as error:
            self.missed.append(f"{blow} ({type(error).__name__}: {error})")
            return None
        self.done.append(str(blow))
        return end

    def _alive(self, name: str) -> int:
        child = self.house.child(name)
        if start_ticks(child["pid"]) != child["start_ticks"]:
            raise ProcessLookupError(f"{name} is dead already")
        return child["pid"]

    def _kill(self, blow: Blow) -> None:
        os.kill(self._alive(blow.victim), signal.SIGKILL)

    def _kill_child(self, blow: Blow) -> None:
        _, *below = family(self._alive(blow.victim))
        if not below:
            raise ProcessLookupError(f"{blow.victim} has nobody below it")
        os.kill(random.Random(f"{self.seed}/{blow}").choice(below), signal.SIGKILL)

    def _restart(self, blow: Blow) -> None:
        os.kill(self._alive(blow.victim), self.house.child(blow.victim)["stop_signal"])

    def _pause(self, blow: Blow) -> Callable[[], None]:
        paused = dict(_stopped(family(self._alive(blow.victim))))

        def go_on() -> None:
            for pid, ticks in paused.items():
                if start_ticks(pid) == ticks:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)

        return go_on

    def _fill(self, _blow: Blow) -> Callable[[], None]:
        self.disk.fill()
        return self.disk.free

    def _lose(self, blow: Blow) -> None:
        self.lines[blow.victim].lose(DONE[blow.victim])

    def _cut(self, blow: Blow) -> None:
        self.lines[blow.victim].cut()

    def _fail(self, _blow: Blow) -> None:
        environment = self.house.environment
        account = (environment["HOLDFAST_TWILIO_ACCOUNT_SID"], environment["HOLDFAST_TWILIO_AUTH_TOKEN"])
        asked = {"operation": "create", "status": 500, "acts": True}
        url = f"{environment['HOLDFAST_TWILIO_API_URL']}/_phone/faults"
        requests.post(url, json=asked, auth=account, timeout=3).raise_for_status()


def _stopped(pids: list[int]) -> Iterator[tuple[int, int | None]]:
    """Stop these; each with its start time, so that nobody else is woken who has its number by then."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            ticks = start_ticks(pid)
            os.kill(pid, signal.SIGSTOP)
            yield pid, ticks
