"""Every page and every error of the diary can be read by a child of nine."""

from __future__ import annotations

import pytest

from archive.link import LinkKind
from intake.diary_document import Known, When
from tests.web.links import hold
from tests.web.reading_age import blocks_of, measure
from web import diary_pages
from web.diary_answers import read_page

ABOUT_NINE = 9.9


@pytest.fixture
def shown(site):
    """The words of every page, by its name."""
    holder = hold(site, site.casework.enrol(site.casework.case()), LinkKind.DIARY)
    client, path = holder.client, holder.open()
    pages = {"home": client.get(path).text, "questions first": client.get(f"{path}/questions").text}
    for kind in ("incident", "call"):
        draft = client.post(f"{path}/new/{kind}").headers["Location"].removesuffix("/when")
        for page in diary_pages.PAGES[kind]:
            pages[f"{kind} {page.slug}"] = client.get(f"{draft}/{page.slug}").text
        client.post(f"{draft}/when", data={"when": "unknown"})
        client.post(f"{draft}/what", data={"what": "He came."})
        pages[f"{kind} check"] = client.get(draft).text
        client.post(draft)
        pages[f"{kind} sent"] = client.get(draft).text
        pages[f"{kind} ended"] = client.post(f"{draft}/since", data={"effect": "Bad."}).text
    site.casework.later(minutes=61)
    pages["closed"] = client.post(f"{draft}/since", data={"effect": "Bad."}).text
    return pages


def test_every_page_of_the_diary_is_for_a_reader_of_nine(shown):
    too_hard = {
        name: measure(blocks_of(page)).kincaid
        for name, page in shown.items()
        if measure(blocks_of(page)).kincaid > ABOUT_NINE
    }
    assert too_hard == {}
    assert len(shown) > 25


def test_every_error_is_for_a_reader_of_nine():
    from datetime import date

    exact = {"when": When(Known.EXACT)}
    forms = [
        (diary_pages.WHEN, {}), (diary_pages.WHAT, {}), (diary_pages.WHAT, {"what": "x" * 60_000}),
        (diary_pages.DAY, {}), (diary_pages.DAY, {"time": "9:30"}), (diary_pages.DAY, {"time": "midnight"}),
        (diary_pages.DAY, {"time": "x"}), (diary_pages.DAY, {"day-day": "31", "day-month": "2", "day-year": "2026"}),
        (diary_pages.DAY, {"day-day": "3", "day-month": "2", "day-year": "26"}),
        (diary_pages.DAY, {"day-day": "3", "day-month": "2", "day-year": "2126"}),
    ]  # fmt: skip
    texts = [
        text
        for page, form in forms
        for text in read_page(page, form, before=exact, today=date(2026, 11, 23)).faults.values()
    ]
    assert len(texts) >= len(forms)
    assert measure(texts).kincaid <= ABOUT_NINE
