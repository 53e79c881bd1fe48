"""A flood is one row, nothing that stands out is in it, and unfolded it is what it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain, pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from timeline.folding import FEWEST, NEAR, Place, rows

BEGAN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GAPS = st.sampled_from([timedelta(0), timedelta(seconds=18), NEAR, NEAR + timedelta(seconds=1), timedelta(days=1)])


def places_of(kinds, gaps):
    moments = accumulate(gaps, initial=BEGAN)
    return [Place(UUID(int=n), at, alike) for n, (alike, at) in enumerate(zip(kinds, moments, strict=False))]


@st.composite
def timelines(draw):
    """Runs of one kind of up to twice the fewest, so that both sides of the limit are met."""
    runs = draw(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(1, 2 * FEWEST)), max_size=6))
    kinds = [kind for kind, many in runs for _ in range(many)]
    usual = draw(GAPS)
    gaps = [draw(GAPS) if n % 13 == 0 else usual for n in range(len(kinds))]
    return places_of(kinds, gaps)


@given(timelines())
def test_unfolding_gives_exactly_the_items_in_order(places):
    assert list(chain.from_iterable(rows(places))) == places


@given(timelines())
def test_a_fold_holds_enough_of_one_sender_near_each_other_and_nothing_that_stands_out(places):
    for row in rows(places):
        assert len(row) == 1 or len(row) >= FEWEST
        if len(row) > 1:
            assert {place.alike for place in row} in ({"a"}, {"b"})
            assert all(later.at - earlier.at <= NEAR for earlier, later in pairwise(row))


@given(timelines())
def test_from_the_other_end_the_rows_are_the_same(places):
    backwards = [tuple(reversed(row)) for row in rows(reversed(places))]
    assert list(reversed(backwards)) == list(rows(places))


@given(timelines(), st.data())
def test_a_list_that_goes_on_where_a_row_ended_has_the_same_rows(places, data):
    """What paging by key rests on: a page begins where a row of the page before ended."""
    whole = list(rows(places))
    cut = data.draw(st.integers(0, len(whole)))
    rest = places[sum(map(len, whole[:cut])) :]
    assert list(rows(rest)) == whole[cut:]


def test_two_hundred_texts_in_an_hour_are_one_row_and_one_with_a_picture_stays_beside_them():
    every = [timedelta(seconds=18)] * 200
    flood = places_of(["liam"] * 200, every)
    assert [len(row) for row in rows(flood)] == [200]
    with_picture = places_of(["liam"] * 100 + [None] + ["liam"] * 99, every)
    assert [len(row) for row in rows(with_picture)] == [100, 1, 99]


def test_a_row_that_has_ended_is_told_without_reading_on():
    def endless():
        yield from places_of(["a"] * FEWEST + ["b"], [timedelta(0)] * (FEWEST + 1))
        raise AssertionError

    assert len(next(rows(endless()))) == FEWEST
