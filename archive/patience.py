"""How long to wait before asking again, and when to stop asking an authority for a while: pure, no clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=15)
FAILURES_TO_OPEN: Final = 3
# Waiting checkpoints of several workers shall not come back in one moment.
JITTER: Final = 0.2


def back_off(tries: int, *, chance: float = 0.5) -> timedelta:
    """The pause after so many failed tries: doubled each time, up to a quarter of an hour.

    Args:
        tries: Failed ones so far, at least 1.
        chance: From 0 to 1: where in the jitter of a fifth either way the pause lies.
    """
    # Doubling beyond this gives numbers nobody can wait.
    doubled: int = 2 ** min(tries - 1, 16)
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE) * (1 - JITTER + 2 * JITTER * chance)


def open_for(failures: int, *, chance: float = 0.5) -> timedelta | None:
    """How long an authority is left alone after so many failures in a row; None while it may still be asked."""
    return back_off(failures, chance=chance) if failures >= FAILURES_TO_OPEN else None
