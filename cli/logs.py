"""Logs: one JSON line an event, to standard output, ids as fields and never content."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog


class Unfailing:
    """A stream that may lose a line and never fails: a full disk, or a reader that is gone, must not undo the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        """Flush it, as far as there is room; what is left goes with the next line."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def set_up_logs(process: str) -> None:
    """Send structlog's and the libraries' events to standard output as JSON lines that name this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", Unfailing(sys.stdout))),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)


def log_to_stderr() -> None:
    """Send events of warning and above to standard error, for a command that a person types."""
    structlog.configure(
        # Looked up at each event: whoever runs a command inside another program may have replaced it.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
