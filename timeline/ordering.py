"""Where an event stands on the timeline: their clock where it can be read, else ours, and the two never mixed.

Local times without a zone are taken as times in the United Kingdom, for order and for counting only (CONTRACT, Timeline
JSON): what is shown stays as it was claimed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from intake.reading.model import Claimed, Reading

LONDON: Final = ZoneInfo("Europe/London")
# Precisions that name a day: a month alone says neither on which day nor how often.
DATED: Final = frozenset({"second", "minute", "day"})
TIMED: Final = frozenset({"second", "minute"})
_MONTH_LENGTH: Final = len("2026-11")


def claimed_moment(claimed: Claimed) -> datetime | None:
    """The claimed time as a moment, UTC; None where it was not stated or cannot be read.

    A time that the clocks skip in spring stands an hour later, one that they repeat in autumn is taken as the first of
    the two: PEP 495's fold 0. A claim without a time of day stands at its first instant, in London.
    """
    if claimed.at is None:
        return None
    try:
        local = datetime.fromisoformat(f"{claimed.at}-01" if len(claimed.at) == _MONTH_LENGTH else claimed.at)
        moment = local if local.tzinfo else local.replace(tzinfo=LONDON)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the year 0001 in a zone east of UTC is before the calendar
        return None


def ordered_at(reading: Reading | None, received_at: datetime) -> datetime:
    """The sort key of an exhibit: its claimed moment, else when we received it."""
    moment = claimed_moment(reading.claimed) if reading else None
    return moment or received_at
