"""What a browser sends, read: words as they were typed, a time only as it was stated, and a fault that helps for the rest."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.diary_document import EntryKind, Known, When, answers_to_json
from intake.diary_parsing import answers_from_json
from intake.drafts import DraftKind
from web import diary_pages
from web.diary_answers import MOST_LINE, MOST_WORDS, fields_of, read_page, typed_of
from web.diary_pages import DAY, FEAR_PAGE, WHAT, WHEN

TODAY = date(2026, 11, 23)
ALL = [(kind, page) for kind, pages in diary_pages.PAGES.items() for page in pages]
ANYTHING = st.text(max_size=30) | st.sampled_from(
    [
        "",
        " ",
        "0",
        "-1",
        "1e9",
        "99999999999999999999",
        "٣",
        "31",
        "2026",
        "9.30pm",
        "\x00",
        "\r\n",
        "exact",
        "yes",
        "10",
    ]
)


def day(known, before=None, **typed):
    names = {"d": "day-day", "m": "day-month", "y": "day-year", "time": "time", "words": "words"}
    form = {names[name]: value for name, value in typed.items()}
    return read_page(DAY, form, before={"when": before or When(Known(known))}, today=TODAY)


@given(st.sampled_from(ALL), st.data())
def test_any_form_of_any_page_is_answers_or_faults_and_never_a_crash(shown, data):
    kind, page = shown
    names = [*fields_of(page), "other"]
    form = data.draw(st.dictionaries(st.sampled_from(names), ANYTHING))
    before = {"when": data.draw(st.sampled_from([None, *(When(known) for known in Known)]))}
    filled = read_page(page, form, before=before, today=TODAY)
    assert set(filled.typed) == set(fields_of(page))
    if filled.faults:
        assert filled.answers == {}
        assert set(filled.faults) <= {field.name for field in page.fields}
        assert all(filled.faults.values())
    else:
        assert set(filled.answers) == set(diary_pages.names_of(page))
        # What is saved can be sent: it fits the canonical form.
        stored = answers_to_json(filled.answers)
        assert answers_from_json(EntryKind(kind), stored) == dict(filled.answers)


@given(st.sampled_from(ALL), st.data())
def test_what_was_typed_is_shown_again_whether_it_was_saved_or_not(shown, data):
    _, page = shown
    form = data.draw(st.fixed_dictionaries(dict.fromkeys(fields_of(page), ANYTHING)))
    filled = read_page(page, form, before={"when": When(Known.ABOUT)}, today=TODAY)
    for name, typed in filled.typed.items():
        assert typed == form[name].replace("\r\n", "\n").replace("\r", "\n")
    if not filled.faults and any(field.look in {"words", "line"} for field in page.fields) and page is not DAY:
        again = typed_of(page, filled.answers)
        assert all(again[name] == typed for name, typed in filled.typed.items() if typed.strip())


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("9.30pm", "21:30"), ("9:30 PM", "21:30"), ("9pm", "21:00"), ("9 p.m.", "21:00"), ("12am", "00:00"),
        ("12.05pm", "12:05"), ("21:30", "21:30"), ("2130", "21:30"), ("09:30", "09:30"), ("00:10", "00:10"), ("noon", "12:00"),
    ],
)  # fmt: skip
def test_a_time_that_can_mean_one_thing_is_read(typed, read):
    found = day("exact", d="20", m="11", y="2026", time=typed)
    assert found.faults == {}
    assert found.answers["when"].time == read
    assert found.answers["when"].written["time"] == typed


@pytest.mark.parametrize("typed", ["9:30", "9.30", "10:15", "12:30", "930", "7", "12"])
def test_a_time_that_could_be_morning_or_evening_is_asked_about_and_never_chosen(typed):
    assert (
        f"Say if {typed} was in the morning or the evening"
        in day("exact", d="20", m="11", y="2026", time=typed).faults["time"]
    )


@pytest.mark.parametrize("typed", ["25:00", "9:75pm", "13pm", "0am", "half nine", "21:30:15", "midnight", "-1"])
def test_a_time_that_is_none_is_a_fault(typed):
    assert "time" in day("exact", d="20", m="11", y="2026", time=typed).faults


@pytest.mark.parametrize(
    ("d", "m", "y", "fault"),
    [
        ("31", "11", "2026", "not in the calendar"),
        ("29", "2", "2026", "not in the calendar"),
        ("20", "13", "2026", "Put in a day like"),
        ("20", "Movember", "2026", "Put in a day like"),
        ("20", "11", "26", "whole year"),
        ("25", "11", "2026", "has not come yet"),
        ("1", "1", "9999", "Put in a day like"),
        ("", "11", "2026", "as well as the month"),
        ("", "", "", "Put in the day"),
    ],
)
def test_a_day_that_is_none_is_a_fault_in_words_that_help(d, m, y, fault):
    assert fault in day("exact", d=d, m=m, y=y, time="21:30").faults["day"]


@pytest.mark.parametrize("month", ["11", "Nov", "nov.", "November", "NOVEMBER"])
def test_a_month_may_be_written_out(month):
    assert day("exact", d="2", m=month, y="2026", time="21:30").answers["when"].day == "2026-11-02"


def test_somebody_who_knows_about_when_may_name_a_day_a_month_or_only_words():
    assert day("about", d="2", m="11", y="2026").answers["when"].day == "2026-11-02"
    assert day("about", m="11", y="2026").answers["when"].day == "2026-11"
    only_words = day("about", words="after Diwali, at night").answers["when"]
    assert (only_words.day, only_words.time, only_words.words) == (None, None, "after Diwali, at night")
    assert "day" in day("about").faults
    assert "day" in day("about", time="9pm").faults
    assert "day" in day("about", m="11", y="2026", time="9pm").faults


def test_nothing_is_chosen_before_she_chooses():
    assert typed_of(WHEN, {}) == {"when": ""}
    assert typed_of(FEAR_PAGE, {}) == {"fear": ""}
    assert "when" in read_page(WHEN, {}, before={}, today=TODAY).faults
    assert set(typed_of(DAY, {}).values()) == {""}


def test_not_to_know_when_forgets_a_day_that_was_typed_before():
    known = day("exact", d="2", m="11", y="2026", time="21:30").answers
    assert read_page(WHEN, {"when": "about"}, before=known, today=TODAY).answers["when"].day == "2026-11-02"
    assert read_page(WHEN, {"when": "unknown"}, before=known, today=TODAY).answers["when"] == When(Known.UNKNOWN)


def test_fear_is_hers_to_say_or_not():
    for typed, fear in (("8", 8), ("none", None), ("", None), ("11", None), ("0", None), ("1.5", None)):
        assert read_page(FEAR_PAGE, {"fear": typed}, before={}, today=TODAY).answers == {"fear": fear}


def test_words_that_are_too_many_are_a_fault_and_stay_in_the_page():
    words = "x" * (MOST_WORDS + 1)
    filled = read_page(WHAT, {"what": words}, before={}, today=TODAY)
    assert "too long" in filled.faults["what"]
    assert filled.typed["what"] == words
    assert read_page(diary_pages.VEHICLE, {"vehicle_plate": "x" * (MOST_LINE + 1)}, before={}, today=TODAY).faults


def test_each_question_of_the_form_is_asked_on_exactly_one_page():
    from intake.diary_parsing import QUESTIONS

    for kind in (DraftKind.INCIDENT, DraftKind.CALL):
        asked = [name for page in diary_pages.PAGES[kind] if page is not DAY for name in diary_pages.names_of(page)]
        assert sorted(asked) == sorted(QUESTIONS[EntryKind(kind)])


def test_an_entry_lacks_its_day_until_it_is_whole():
    kind = DraftKind.INCIDENT
    assert diary_pages.missing(kind, {}) is WHEN
    assert diary_pages.missing(kind, {"when": When(Known.UNKNOWN)}) is WHAT
    told = {"what": "x"}
    assert diary_pages.missing(kind, {"when": When(Known.UNKNOWN), **told}) is None
    assert diary_pages.missing(kind, {"when": When(Known.EXACT), **told}) is DAY
    assert diary_pages.missing(kind, {"when": When(Known.EXACT, "2026-11"), **told}) is DAY
    assert diary_pages.missing(kind, {"when": When(Known.ABOUT, "2026-11"), **told}) is None
