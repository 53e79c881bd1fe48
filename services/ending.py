"""Ending processes in order: ask, wait five seconds, kill; then whatever they left behind."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from services.process import Sighting, working_in

PATIENCE_SECONDS = 5.0
POLL_SECONDS = 0.02


def end_in_order(sightings: Iterable[Sighting]) -> None:
    """End these processes, those with the lowest stop order first; a group is gone before the next is asked.

    A process that ended long ago, or whose number now belongs to another, is left alone.
    """
    ordered = sorted(sightings, key=lambda sighting: sighting.stop_order)
    for _, group in itertools.groupby(ordered, key=lambda sighting: sighting.stop_order):
        _end_together(list(group))


def _end_together(group: list[Sighting]) -> None:
    alive = [sighting for sighting in group if sighting.is_alive()]
    for sighting in alive:
        sighting.send(sighting.stop_signal)
    _wait_for(alive)
    for sighting in alive:
        sighting.send(signal.SIGKILL)
        # Its own children (a pool's workers): the supervisor started it as the leader of a session.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(sighting.pid, signal.SIGKILL)
    _wait_for(alive)
    for sighting in group:
        if sighting.sweep is not None:
            sweep(Path(sighting.sweep))


def sweep(folder: Path) -> None:
    """Kill whatever works in this folder: PostgreSQL's backends outlive a killed postmaster and hold its memory."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while (left := working_in(folder)) and time.monotonic() < patience:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _wait_for(sightings: list[Sighting]) -> None:
    patience = time.monotonic() + PATIENCE_SECONDS
    while any(sighting.is_alive() for sighting in sightings) and time.monotonic() < patience:
        time.sleep(POLL_SECONDS)
