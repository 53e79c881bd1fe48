"""What is taken for the answer to "Who sent it, and when?", and what never is."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies.understanding import LONGEST, understand

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def understood(text, received_at=NOON, timezone="Europe/London", known=()):
    return understand(text, received_at=received_at, timezone=timezone, known=known)


@pytest.mark.parametrize(
    ("text", "name", "number", "at", "precision"),
    [
        ("Dan, last night", "Dan", None, None, "unknown"),
        ("Dan yesterday at 9pm", "Dan", None, "2026-11-22T21:00:00", "minute"),
        ("It was Dan, last night at 10pm", "Dan", None, "2026-11-22T22:00:00", "minute"),
        ("It was Dan Smith. Yesterday.", "Dan Smith", None, "2026-11-22", "day"),
        ("My ex, Tuesday evening", None, None, None, "unknown"),
        ("my ex husband Dan at about 10 last night", "Dan", None, None, "unknown"),
        ("From Dan", "Dan", None, None, "unknown"),
        ("It was my ex", None, None, None, "unknown"),
        ("07700 900456 yesterday 9.30pm", None, "+447700900456", "2026-11-22T21:30:00", "minute"),
        ("Dan Carter (07700 900456), 3 days ago", "Dan Carter", "+447700900456", None, "unknown"),
        ("I don\u2019t know, 10pm last night", None, None, "2026-11-22T22:00:00", "minute"),
        ("him, yesterday", None, None, "2026-11-22", "day"),
        ("Dan sent it at 22:14 on 21 November 2026", "Dan", None, "2026-11-21T22:14:00", "minute"),
        ("21 Nov 2026 22:14, Dan", "Dan", None, "2026-11-21T22:14:00", "minute"),
        ("Dan\nyesterday at 9pm", "Dan", None, "2026-11-22T21:00:00", "minute"),
        ("yesterday at 9pm", None, None, "2026-11-22T21:00:00", "minute"),
        ("Gan Dan, ddoe", "Dan", None, "2026-11-22", "day"),
        ("Dan on Tuesday at 9", "Dan", None, None, "unknown"),
        ("Dan this morning at 8.15", "Dan", None, None, None),
    ],
)
def test_plain_answers_are_understood(text, name, number, at, precision):
    found = understood(text)
    assert found is not None
    assert (found.who.name, found.who.number) == (name, number)
    if precision is not None:
        assert (found.claimed.at, found.claimed.precision) == (at, precision)


@pytest.mark.parametrize(
    "text",
    [
        "Dan",
        "Remember, last night",
        "Dan, I saw you last night",
        "Soon",
        "Nice dress last night",
        "Saw you last night",
        "I know where you live",
        "Answer me",
        "It was nice last night",
        "It was lovely",
        "You, last night",
        "Bitch, yesterday",
        "Baby, last night",
        "Tonight at 9",
        "Dan, tonight at 9",
        "See you tomorrow",
        "from +447700900456: answer me",
        "who is this?",
        "Watching You yesterday",
        "STOP",
        "PARIS, LAST WEEK",
        "Thanks",
        "",
        "   ",
        "😀, last night",
    ],
)
def test_what_could_be_the_next_forwarded_text_is_not(text):
    assert understood(text) is None


def test_a_name_that_evidence_knows_is_enough_by_itself():
    assert understood("dan", known={"Dan Smith"}).who.name == "dan"
    assert understood("dan", known={"Kim"}) is None


@pytest.mark.parametrize("hour", [0, 1, 4])
def test_in_the_small_hours_yesterday_is_nobodys_guess(hour):
    found = understood("Dan, yesterday at 9pm", received_at=NOON.replace(hour=hour))
    assert (found.claimed.at, found.claimed.text) == (None, "yesterday at 9pm")


def test_a_day_is_counted_from_where_she_is_and_only_where_the_timeline_counts():
    assert understood("Dan, yesterday", timezone="Asia/Kathmandu").claimed.at is None


def test_a_date_whose_order_is_open_claims_no_time():
    found = understood("Dan on 03/04/2026 at 9pm")
    assert found.claimed.at is None
    assert found.claimed.order_ambiguous


@given(st.text(max_size=LONGEST + 20))
def test_any_text_is_judged_without_an_exception(text):
    found = understood(text)
    assert found is None or len(text.strip()) <= 4 * LONGEST


@given(st.text("abcdefghij ,.", min_size=1, max_size=60), st.sampled_from(["I ", "you ", "we ", "see you ", "love "]))
def test_a_sentence_about_you_or_me_is_never_an_answer(rest, start):
    assert understood(f"{start}{rest} last night") is None
