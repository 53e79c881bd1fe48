"""What officers see of signatures, and the look-up that only they can ask for, warned and named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archive.jobs import Job
from intake.authenticity.domains import LookedUp
from intake.authenticity.judge import Judge
from tests.authenticity.signers import NAME, Zone, record, signed
from tests.authenticity.test_judge import a_forward
from web.app import create_app

REFERENCE, SLUG = "42/1234/26", "42-1234-26"
ZONE = {NAME: record(), "s2._domainkey.amy.example.": record()}


@pytest.fixture
def officer(site):
    return site.person(email="dc.jones@force.example")


@pytest.fixture
def case(site, officer):
    made = site.case(REFERENCE, officer)
    site.casework.enrol(made, email="amy@amy.example")
    return made


@pytest.fixture
def item(site, case):
    return site.casework.mail(a_forward(signed()), sender="amy@amy.example")


def judge(site, item, *, listed=("amy.example",)):
    archive = site.casework.archive
    Judge(archive.engine, archive.vault, Zone(ZONE).ask, LookedUp.of(listed), (), site.casework.now).judge(item)


def with_dns(site):
    """The same site where look-ups are switched on."""
    site.web = replace(site.web, dns=True)
    site.app = create_app(site.web)
    return site


def test_the_exhibit_says_in_plain_words_what_signatures_came_to(site, officer, item):
    judge(site, item)
    page = site.browser(officer).get(f"/cases/{SLUG}/exhibits/{item}").text
    assert "Not checked" in page
    assert "Passed" in page
    assert "which person wrote them" in page
    assert "genuine" not in page.lower()


def test_the_page_warns_before_a_look_up_that_can_be_seen(site, officer, item):
    judge(site, item)
    page = with_dns(site).browser(officer).get(f"/cases/{SLUG}/exhibits/{item}/authenticity").text
    assert "they may learn that this message was reported" in page
    assert '<li class="hf-wrap">example.org</li>' in page
    assert site.entries("exhibit.viewed")[-1]["facts"]["part"] == "authenticity"


def test_asking_is_entered_in_the_ledger_with_the_domains_and_sent_to_a_worker(site, officer, item):
    judge(site, item)
    desk = with_dns(site).browser(officer)
    path = f"/cases/{SLUG}/exhibits/{item}/authenticity"
    desk.get(path)
    assert desk.post(path).status_code == 303
    (entry,) = site.entries("authenticity.asked")
    assert (entry["actor"], entry["facts"]) == (f"account:{officer}", {"domains": ["example.org"]})
    assert (Job.JUDGE, str(item)) in site.nudged
    assert "is being looked up" in desk.get(path).text
    site.casework.later(seconds=1)
    judge(site, item)
    page = desk.get(path).text
    assert "Every domain was looked up, as an officer asked." in page
    assert "Look them up all the same" not in page


def test_nobody_can_ask_where_look_ups_are_switched_off_or_nothing_is_left(site, officer, item):
    judge(site, item)
    path = f"/cases/{SLUG}/exhibits/{item}/authenticity"
    desk = site.browser(officer)
    assert "switched off here" in desk.get(path).text
    assert desk.post(path).status_code == 404
    assert site.entries("authenticity.asked") == []


@pytest.mark.parametrize("role", ["disclosure", "auditor"])
def test_who_only_reads_a_case_sees_no_button_and_may_not_ask(site, case, item, role):
    judge(site, item)
    person = site.person(role)
    site.join(case.id, person)
    path = f"/cases/{SLUG}/exhibits/{item}/authenticity"
    desk = with_dns(site).browser(person)
    page = desk.get(path)
    assert page.status_code == 200
    assert "Look them up all the same" not in page.text
    assert desk.post(path).status_code == 404
    assert site.entries("authenticity.asked") == []


def test_hostile_words_in_a_signature_stay_words(site, officer, case):
    raw = signed().replace(b"d=example.org", b"d=<script>alert(1)</script>")
    raw = b"ARC-Seal: i=1; d=<b>x</b>\r\n" + raw
    hostile = site.casework.mail(a_forward(raw), sender="amy@amy.example")
    judge(site, hostile)
    for path in ("", "/authenticity"):
        page = site.browser(officer).get(f"/cases/{SLUG}/exhibits/{hostile}{path}").text
        assert "<script>alert" not in page
        assert "<b>x" not in page


def test_a_text_has_a_page_that_says_there_is_nothing(site, officer, case):
    text = site.casework.file(b"hello", "text/plain", case)
    page = site.browser(officer).get(f"/cases/{SLUG}/exhibits/{text}/authenticity")
    assert "No signatures were judged" in page.text
