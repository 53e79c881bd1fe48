"""Quiet hours, by the wall clock of the contributor, also on the nights the clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies.quiet_hours import after_quiet, is_quiet

LONDON = ZoneInfo("Europe/London")


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "quiet", "expected"),
    [
        pytest.param("2026-11-23T12:00", (time(22), time(7)), "2026-11-23T12:00", id="by day"),
        pytest.param("2026-11-23T22:00", (time(22), time(7)), "2026-11-24T07:00", id="their first minute"),
        pytest.param("2026-11-24T06:59", (time(22), time(7)), "2026-11-24T07:00", id="their last minute"),
        pytest.param("2026-11-24T07:00", (time(22), time(7)), "2026-11-24T07:00", id="their end"),
        pytest.param("2026-07-01T21:30", (time(22), time(7)), "2026-07-02T06:00", id="summer time"),
        pytest.param("2026-11-23T13:00", (time(12), time(14)), "2026-11-23T14:00", id="within a day"),
        pytest.param("2026-03-28T23:30", (time(22), time(7)), "2026-03-29T06:00", id="the night the clocks go forward"),
        pytest.param("2026-10-24T22:30", (time(22), time(7)), "2026-10-25T07:00", id="the night the clocks go back"),
        # 01:30 does not exist on 29 March: the clock jumps from 01:00 to 02:00.
        pytest.param("2026-03-29T00:30", (time(22), time(1, 30)), "2026-03-29T01:30", id="an end that does not exist"),
        # 01:30 comes twice on 25 October; after the first one the clock goes back into the quiet hours.
        pytest.param("2026-10-25T00:10", (time(22), time(1, 30)), "2026-10-25T01:30", id="an end that comes twice"),
        pytest.param("2026-10-25T01:10", (time(22), time(1, 30)), "2026-10-25T01:30", id="the second time round"),
    ],
)
def test_an_answer_waits_for_the_end_of_the_quiet_hours(at, quiet, expected):
    assert after_quiet(utc(at), quiet, LONDON) == utc(expected)


def test_equal_times_are_quiet_all_day():
    assert after_quiet(utc("2026-11-23T12:00"), (time(9), time(9)), LONDON) is None


@given(
    st.integers(0, 10 * 365 * 24 * 60),
    st.times(),
    st.times(),
    st.sampled_from(["Europe/London", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
)
def test_the_moment_found_is_never_quiet_and_never_earlier(minutes, begin, end, name):
    zone, moment = ZoneInfo(name), datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = after_quiet(moment, (begin, end), zone)
    if begin == end:
        assert found is None
        return
    assert found is not None
    assert found >= moment
    assert not is_quiet(found, (begin, end), zone)
