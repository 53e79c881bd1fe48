"""Failures that a test, or the demonstration, asks the Twilio stand-in for. Kept in memory only."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from flask import Response, g, jsonify, request

MOST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """How the next calls of one operation shall fail.

    Attributes:
        operation: `create`, `list_messages`, `fetch`, `update`, `delete`, `list_media`, `fetch_media`, `cdn`, …
        status: The HTTP status to answer with.
        times: How many calls fail.
        acts: True: do what was asked, then answer as if it had failed. False: do nothing.
        pause_seconds: Wait this long before answering.
    """

    operation: str
    status: int
    times: int = 1
    acts: bool = False
    pause_seconds: float = 0.0


class Faults:
    """The failures still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}

    def ask(self, fault: Fault) -> None:
        """Let the next calls fail; replaces what was asked for this operation before."""
        with self._lock:
            self._faults[fault.operation] = fault

    def before(self) -> tuple[Response, int] | None:
        """For Flask: fail a call before it does anything."""
        operation = (request.endpoint or "").rpartition(".")[2]
        fault = self._take(operation)
        if fault is None:
            return None
        time.sleep(min(fault.pause_seconds, MOST_SECONDS))
        if fault.acts:
            g.fault = fault
            return None
        return _answer(fault), fault.status

    def after(self, response: Response) -> Response:
        """For Flask: hide that a call succeeded."""
        fault: Fault | None = g.pop("fault", None)
        if fault is None:
            return response
        hidden = _answer(fault)
        hidden.status_code = fault.status
        return hidden

    def _take(self, operation: str) -> Fault | None:
        with self._lock:
            fault = self._faults.get(operation)
            if fault is None or fault.times < 1:
                return None
            self._faults[operation] = replace(fault, times=fault.times - 1)
            return fault


def _answer(fault: Fault) -> Response:
    return jsonify(code=20500, message="A failure that was asked for", more_info="", status=fault.status)
