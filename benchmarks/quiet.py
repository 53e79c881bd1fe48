"""What the archive logs while it is measured goes to the standard error: the other stream has the results."""

import sys

import structlog


def log_aside() -> None:
    """For this process; each that a benchmark starts says it anew."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
