"""What the web server writes down: faults of its processes, and of a request only that there was one.

gunicorn's own lines name the caller's address, and the address that was asked for: a page somebody read, or the token
of her diary. Neither may stand in a log that others can read. Pages write their own events (web/error_pages.py).
"""

from __future__ import annotations

import sys
from typing import Any, Final

import structlog
from gunicorn.glogging import Logger

# Said by the process that watches the others, or before the first request: they hold process ids and no more.
ABOUT_PROCESSES: Final = (
    "Can't connect to",
    "Connection in use:",
    "Exception in worker process",
    "Invalid address:",
    "No keepalived connections can be handled",
    "Shutting down:",
    "Unhandled exception in main loop",
    "WORKER TIMEOUT",
    "Worker (pid:",
    "connection to ",
)

log = structlog.get_logger()


class WebLog(Logger):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn's logger, with nobody in it. What a new version says of requests is left out until it is named here."""

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """A request that was none: somebody's program is broken, or feels its way."""
        if _is_about_processes(msg):
            super().warning(msg, *args, **kwargs)
        else:
            log.warning("web.request_refused")

    def error(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """A process that ended, or a request that was lost."""
        if _is_about_processes(msg):
            super().error(msg, *args, **kwargs)
        else:
            log.error("web.request_failed")

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """A request that our application did not answer: the kind of error, not its words."""
        if _is_about_processes(msg):
            super().exception(msg, *args, **kwargs)
        else:
            log.error("web.request_failed", error=type(sys.exception()).__name__)

    def access(self, *_: Any) -> None:
        """Nobody's visits are listed, whatever the options say."""


def _is_about_processes(message: Any) -> bool:
    return isinstance(message, str) and message.startswith(ABOUT_PROCESSES)
