"""Quiet hours: when nothing is sent, in the contributor's own time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_MOST_MOVES = 3


def is_quiet(at: datetime, quiet: tuple[time, time] | None, zone: ZoneInfo) -> bool:
    """Whether the wall clock of `zone` stands within the quiet hours; their end is no longer quiet.

    Equal times mean the whole day.
    """
    if quiet is None:
        return False
    begin, end = quiet
    clock = at.astimezone(zone).time().replace(fold=0)
    if begin < end:
        return begin <= clock < end
    return clock >= begin or clock < end


def after_quiet(at: datetime, quiet: tuple[time, time] | None, zone: ZoneInfo) -> datetime | None:
    """The first moment from `at` on that is not quiet, in UTC; None where it never is.

    On the night the clocks go back an end that comes twice is taken the second time; on the night they go forward an
    end that does not exist is taken an hour later. Both times nothing is sent while a clock on the wall says quiet.
    """
    for _ in range(_MOST_MOVES):
        if quiet is None or not is_quiet(at, quiet, zone):
            return at.astimezone(UTC)
        at = _end_after(at, quiet, zone)
    return None


def _end_after(at: datetime, quiet: tuple[time, time], zone: ZoneInfo) -> datetime:
    begin, end = quiet
    local = at.astimezone(zone)
    crosses_midnight = begin >= end and local.time().replace(fold=0) >= begin
    day = local.date() + timedelta(days=1) if crosses_midnight else local.date()
    both = (datetime.combine(day, end.replace(fold=fold), tzinfo=zone).astimezone(UTC) for fold in (0, 1))
    return max(both)
