"""Claimed times: read with certainty or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.reading.dates import claimed_from
from intake.reading.forwarded import find_forward

CASES = json.loads((Path(__file__).parent / "corpora" / "forwards" / "cases.json").read_text())


@pytest.mark.parametrize(
    ("text", "at", "zone"),
    [
        ("Sat, 21 Nov 2026 22:14:08 +0000", "2026-11-21T22:14:08+00:00", "stated"),
        ("21 Nov 2026 22:14:08 -0500 (EST)", "2026-11-21T22:14:08-05:00", "stated"),
        ("Sat, 21 Nov 2026 22:14 GMT", "2026-11-21T22:14:00+00:00", "stated"),
        ("2026-11-21T22:14:08Z", "2026-11-21T22:14:08+00:00", "stated"),
        ("2026-11-21", "2026-11-21", "unknown"),
        ("Sat, Nov 21, 2026 at 9:31 AM", "2026-11-21T09:31:00", "unknown"),
        ("21 November 2026 at 12:05:00 am GMT+1", "2026-11-21T00:05:00+01:00", "stated"),
        ("21 November 2026 at 12:05:00 pm UTC-3:30", "2026-11-21T12:05:00-03:30", "stated"),
        ("Saturday, November 21, 2026 22:14", "2026-11-21T22:14:00", "unknown"),
        ("21 November 2026 22:14:08 EEST", "2026-11-21T22:14:08+03:00", "stated"),
        ("21/11/2026  22:14  (GMT+01:00)", "2026-11-21T22:14:00+01:00", "stated"),
        ("Saturday, November 21st, 2026 at 10:14 PM", "2026-11-21T22:14:00", "unknown"),
        ("21 November 2026 22:14:08 IST", "2026-11-21T22:14:08", "unknown"),
        ("2026年11月21日(土) 22:14", "2026-11-21T22:14:00", "unknown"),
        ("2026年11月21日周六 下午10:14", "2026-11-21T22:14:00", "unknown"),
        ("2026년 11월 21일 (토) 오전 12:05", "2026-11-21T00:05:00", "unknown"),
        ("mar, 27 oct 2026 a las 9:31", "2026-10-27T09:31:00", "unknown"),
        ("28/10/2026 12.46", "2026-10-28T12:46:00", "unknown"),
        ("10/28/2026 12:46", "2026-10-28T12:46:00", "unknown"),
        ("28.10.2026 12.46", "2026-10-28T12:46:00", "unknown"),
        ("05/05/2026 10:00", "2026-05-05T10:00:00", "unknown"),
        ("Monday, 02/10/2023 4:52 PM", "2023-10-02T16:52:00", "unknown"),
        ("Friday, 02/10/2023 4:52 PM", "2023-02-10T16:52:00", "unknown"),
        ("21 Nov 2026 10:14 PM", "2026-11-21T22:14:00", "unknown"),
        ("2026年11月21日(星期六) 晚上10:14", "2026-11-21T22:14:00", "unknown"),
        ("21 Kasım 2026 10:14 ÖS", "2026-11-21T22:14:00", "unknown"),
        ("2026. november 21., szombat du. 10:14", "2026-11-21T22:14:00", "unknown"),
        ("dydd Sadwrn, 21 Tachwedd 2026 am 22:14", "2026-11-21T22:14:00", "unknown"),
    ],
)
def test_a_date_that_is_certain_is_read_with_its_zone_only_if_stated(text, at, zone):
    claimed = claimed_from(text, "quoted")
    assert (claimed.at, claimed.zone, claimed.text, claimed.order_ambiguous) == (at, zone, text, False)


@pytest.mark.parametrize("text", ["02/10/2023 4:52 PM EST", "3-4-2026", "Thursday, 02/10/2023"])
def test_a_date_whose_day_and_month_could_be_swapped_claims_no_time(text):
    claimed = claimed_from(text, "quoted")
    assert (claimed.at, claimed.order_ambiguous, claimed.text) == (None, True, text)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "Mon, 1 Jan 0000 00:00:00 +0000",
        "31 February 2026 10:00",
        "21 Nov 26 22:14",
        "Nov 2026",
        "21 listopada 2026",
        "21 Nov 2026 25:61",
        "5 May or 6 May 2026",
        "x" * 500,
        "12:30",
        "21 Nov 2026 10:00 11 12",
        "2026年11月21日 晚上12:14",
    ],
)
def test_a_date_that_is_not_certain_is_kept_as_text_only(text):
    claimed = claimed_from(text, "quoted")
    assert claimed.at is None
    assert claimed.text == text[:120]


def test_a_month_name_of_two_meanings_is_settled_by_the_language_of_the_header():
    assert claimed_from("26. listopada 2021. u 14:25:08", "quoted", frozenset({"hr"})).at == "2021-10-26T14:25:08"
    assert claimed_from("26 listopada 2021 o 14:25:08", "quoted", frozenset({"pl"})).at == "2021-11-26T14:25:08"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("יום שבת, 21 בנובמבר 2026 ב-22:14", "he"),
        ("21 نوفمبر 2026 22:14", "ar"),
        ("Sabtu, 21 November 2026 22:14", "id"),
        ("วันเสาร์ที่ 21 พฤศจิกายน 2026 22:14", "th"),
        ("2026 m. lapkričio 21 d., šeštadienis 22:14", "lt"),
        ("21 новембар 2026 22:14", "sr"),
    ],
)
def test_a_month_of_a_rarer_language_is_known_where_the_header_is_in_that_language(text, language):
    assert claimed_from(text, "quoted", frozenset({language})).at == "2026-11-21T22:14:00"


def test_no_rare_language_is_guessed():
    assert claimed_from("21 lapkričio 2026 22:14", "quoted", frozenset({"en"})).at is None
    assert claimed_from("21 lapkričio 2026 22:14", "quoted").at is None


def test_a_weekday_settles_which_of_two_months_or_two_orders_is_meant():
    assert claimed_from("segunda, 2/11/2026 à(s) 09:31", "quoted").at == "2026-11-02T09:31:00"
    assert claimed_from("pon., 2 lis 2026 o 09:26", "quoted").at == "2026-11-02T09:26:00"
    assert claimed_from("Thursday, 2/11/2026", "quoted").order_ambiguous


def test_every_date_of_the_public_suite_is_read_but_the_ambiguous_one():
    unread = []
    for case in CASES:
        found = find_forward(case["body"], case["subject"])
        if found is not None and claimed_from(found.date_text, "quoted", found.languages).at is None:
            unread.append(found.date_text)
    assert unread == ["02/10/2023 4:52 PM EST"]


@given(st.text(max_size=150) | st.text(alphabet="0123456789 :./-,+GMTpamJn年月日", max_size=60))
def test_no_text_makes_the_reader_fail_or_invent(text):
    claimed = claimed_from(text, "header")
    assert claimed.at is None or any(map(str.isdigit, text))
