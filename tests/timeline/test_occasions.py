"""How often and on how many days: what a course of conduct is made of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from intake.reading.model import Claimed, Reading
from timeline.occasions import WINDOW, Dated, find_pattern
from timeline.ordering import claimed_moment, ordered_at

RECEIVED = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(text: str) -> Dated:
    return Dated(claimed_moment(Claimed(at=text, precision="minute")))


def day(text: str) -> Dated:
    return Dated(claimed_moment(Claimed(at=text, precision="day")), timed=False)


def test_events_an_hour_apart_are_one_occasion_and_a_minute_more_makes_two():
    assert len(find_pattern([at("2026-11-01T10:00"), at("2026-11-01T11:00")]).occasions) == 1
    assert len(find_pattern([at("2026-11-01T10:00"), at("2026-11-01T11:01")]).occasions) == 2


def test_a_run_goes_on_as_long_as_neighbours_are_near():
    found = find_pattern(
        [at("2026-11-01T12:30"), at("2026-11-01T10:00"), at("2026-11-01T11:45"), at("2026-11-01T10:50")]
    )
    assert [(one.events, one.ended - one.began) for one in found.occasions] == [(4, timedelta(hours=2, minutes=30))]


def test_a_run_over_midnight_is_one_occasion_on_two_days():
    found = find_pattern([at("2026-11-01T23:50"), at("2026-11-02T00:10")])
    assert len(found.occasions) == 1
    assert found.days == (date(2026, 11, 1), date(2026, 11, 2))


def test_undated_events_are_counted_beside_and_never_as_tonight():
    found = find_pattern([Dated(None)] * 10 + [at("2026-11-01T10:00")])
    assert (len(found.occasions), len(found.days), found.undated) == (1, 1, 10)


def test_events_known_by_their_day_alone_join_that_days_occasions():
    found = find_pattern([day("2026-11-01"), at("2026-11-01T10:00"), day("2026-11-02"), day("2026-11-02")])
    assert len(found.occasions) == 2
    assert [one.events for one in found.occasions] == [1, 2]
    assert len(found.days) == 2


def test_a_day_is_a_day_in_london_also_in_summer():
    # Half past midnight BST on the 2nd is half past eleven at night on the 1st by UTC.
    assert find_pattern([at("2026-07-01T23:30:00+00:00")]).days == (date(2026, 7, 2),)
    assert find_pattern([at("2026-12-01T23:30:00+00:00")]).days == (date(2026, 12, 1),)


def test_local_times_are_london_times_through_the_year():
    assert claimed_moment(Claimed(at="2026-07-01T12:00:00")) == datetime(2026, 7, 1, 11, 0, tzinfo=UTC)
    assert claimed_moment(Claimed(at="2026-12-01T12:00:00")) == datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def test_the_hour_that_the_clocks_repeat_and_the_one_they_skip_have_a_place():
    # Sunday 25 October 2026, clocks go back at 02:00 BST; Sunday 29 March 2026, forward at 01:00 GMT.
    assert claimed_moment(Claimed(at="2026-10-25T01:30:00")) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert claimed_moment(Claimed(at="2026-03-29T01:30:00")) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_an_hour_across_the_change_of_clocks_is_an_hour_of_time():
    # 01:30 BST and 02:00 GMT read half an hour apart, and are an hour and a half apart.
    assert len(find_pattern([at("2026-10-25T01:30"), at("2026-10-25T02:00")]).occasions) == 2
    assert len(find_pattern([at("2026-10-25T01:30"), at("2026-10-25T01:59")]).occasions) == 1


def test_order_is_by_the_claim_and_else_by_our_clock():
    claimed = Reading(version=1, claimed=Claimed(at="2026-07-01T12:00:00", precision="second"))
    assert ordered_at(claimed, RECEIVED) == datetime(2026, 7, 1, 11, 0, tzinfo=UTC)
    assert ordered_at(Reading(version=1), RECEIVED) == RECEIVED
    assert ordered_at(None, RECEIVED) == RECEIVED


def test_claims_that_no_calendar_holds_are_no_moments():
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "yesterday", "2026-02-30", "2026-13"):
        assert claimed_moment(Claimed(at=text)) is None
    assert claimed_moment(Claimed(at="2026-11", precision="month")) == datetime(2026, 11, 1, tzinfo=UTC)


# Hypothesis puts the zone on itself.
MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(st.one_of(st.none(), MOMENTS)))
def test_every_dated_event_is_in_exactly_one_occasion(moments):
    found = find_pattern([Dated(moment) for moment in moments])
    assert sum(one.events for one in found.occasions) + found.undated == len(moments)
    pairs = list(zip(found.occasions, found.occasions[1:], strict=False))
    assert all(later.began - earlier.ended > WINDOW for earlier, later in pairs)
    assert len(found.days) <= len(moments) - found.undated
