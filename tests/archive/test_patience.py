"""How long to wait, by table."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.patience import LONGEST_PAUSE, back_off, open_for


@pytest.mark.parametrize(
    ("tries", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 320), (7, 640), (8, 900), (10_000, 900)]
)
def test_pauses_double_up_to_a_quarter_of_an_hour(tries, seconds):
    assert back_off(tries) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 8), (0.5, 10), (1.0, 12)])
def test_a_pause_lies_within_a_fifth_of_its_length(chance, seconds):
    assert back_off(1, chance=chance) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("failures", "seconds"), [(0, None), (1, None), (2, None), (3, 40), (4, 80), (50, 900)])
def test_an_authority_is_left_alone_from_the_third_failure_in_a_row(failures, seconds):
    assert open_for(failures) == (timedelta(seconds=seconds) if seconds else None)


@given(tries=st.integers(1, 10**9), chance=st.floats(0, 1))
def test_no_pause_is_nothing_or_endless(tries, chance):
    assert timedelta(seconds=8) <= back_off(tries, chance=chance) <= LONGEST_PAUSE * 1.2
