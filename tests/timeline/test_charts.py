"""The chart of weeks: every number in it, zero weeks too, and nothing that could run or load."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from timeline.charts import MOST_BARS, weeks_of, weeks_svg

SVG = "{http://www.w3.org/2000/svg}"
DAYS = st.lists(st.dates(min_value=date(2020, 1, 1), max_value=date(2026, 12, 31)), min_size=1, max_size=60)


def test_weeks_without_contact_are_shown_with_nought():
    weeks = weeks_of([date(2026, 11, 2), date(2026, 11, 8), date(2026, 11, 23)])
    assert [(week.monday.day, week.contacts) for week in weeks] == [(2, 2), (9, 0), (16, 0), (23, 1)]


def test_no_contact_is_no_chart():
    assert weeks_of([]) == ()
    assert weeks_svg(()) == ""


@given(DAYS)
def test_no_contact_is_lost_between_days_and_weeks(days):
    weeks = weeks_of(days)
    assert sum(week.contacts for week in weeks) == len(days)
    assert all(later.monday - earlier.monday == timedelta(days=7) for earlier, later in pairwise(weeks))
    assert all(week.monday.weekday() == 0 for week in weeks)


@given(DAYS)
def test_the_drawing_is_well_formed_and_holds_nothing_that_a_strict_policy_refuses(days):
    root = ET.fromstring(weeks_svg(weeks_of(days)))
    assert root.get("role") == "img"
    named = root.get("aria-labelledby").split()
    assert [element.get("id") for element in root if element.get("id")] == named
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "rect",
        "line",
        "text",
    }
    assert not any(name in element.attrib for element in root.iter() for name in ("style", "href", "onload"))


def test_a_long_case_draws_its_newest_weeks_and_says_so():
    days = [date(2020, 1, 6) + timedelta(days=7 * week) for week in range(MOST_BARS + 10)]
    drawn = weeks_svg(weeks_of(days))
    assert drawn.count("<rect") == MOST_BARS
    assert f"Only the newest {MOST_BARS} of {MOST_BARS + 10} weeks" in drawn
