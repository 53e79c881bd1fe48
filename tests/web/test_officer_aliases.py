"""Addresses of their own, on officers' pages: given, shown to who works on the case alone, and what claims a case by one."""

import re

import pytest

from archive.accession import Belonging
from archive.acquisition import Acquisition, Channel
from archive.alias import give_alias
from web.brand import Brand

REFERENCE, SLUG = "42/1234/26", "42-1234-26"
ADDRESS = re.compile(r"desk\+[a-z2-7]{20}@force\.example")


@pytest.fixture
def site(installation):
    from tests.web.officers import make_site

    return make_site(installation, brand=Brand(intake_address="desk@force.example"))


@pytest.fixture
def desk(site):
    officer = site.person(email="dc.jones@force.example")
    site.case(REFERENCE, officer)
    return site.browser(officer)


def enrol(desk):
    form = {"name": "Amy Beth Carter", "emails": "amy@example.org", "seen": "no", "reply": "none"}
    assert desk.post(f"/cases/{SLUG}/enrol", form).status_code == 303


def test_enrolment_gives_an_address_that_the_page_shows_renews_and_ends(site, desk):
    enrol(desk)
    page = f"/cases/{SLUG}/addresses"
    (first,) = ADDRESS.findall(desk.text(page))
    assert first in desk.text(f"/cases/{SLUG}/enrol")
    (action,) = re.findall(rf'action="({page}/[0-9a-f-]+)"', desk.text(page))
    assert desk.post(action, form_on=page).status_code == 303
    (second,) = ADDRESS.findall(desk.text(page))
    assert second != first
    assert desk.post(f"{action}/end", form_on=page).status_code == 303
    assert ADDRESS.findall(desk.text(page)) == []
    assert (len(site.entries("alias.given")), len(site.entries("alias.ended"))) == (2, 2)


def test_somebody_known_by_nothing_else_is_enrolled_with_an_address_that_is_handed_over(site, desk):
    form = {"name": "Amy Beth Carter", "seen": "no", "reply": "none", "by_alias": "yes"}
    answer = desk.post(f"/cases/{SLUG}/enrol", form)
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    (address,) = ADDRESS.findall(page)
    assert "by a way that nobody else reads" in page
    assert answer.headers["Cache-Control"] == "no-store"
    (enrolled,) = site.entries("contributor.enrolled")
    (given,) = site.entries("alias.given")
    assert given["facts"]["contributor_id"] == enrolled["facts"]["contributor_id"]
    assert address.partition("+")[2].partition("@")[0] not in str(site.entries("alias.given"))
    assert "address of their own</a> alone" in desk.text(f"/cases/{SLUG}")
    assert "Enter at least one number" in desk.post(f"/cases/{SLUG}/enrol", {**form, "by_alias": ""}).get_data(
        as_text=True
    )


def test_nobody_is_to_be_answered_who_has_no_number_or_address(site, desk):
    form = {"name": "Amy Beth Carter", "seen": "no", "reply": "discreet", "by_alias": "yes", "review_by": "2027-01-01"}
    answer = desk.post(f"/cases/{SLUG}/enrol", form)
    assert (answer.status_code, "choose no answers" in answer.get_data(as_text=True)) == (400, True)
    assert site.entries("contributor.enrolled") == []


def test_who_does_not_work_on_the_case_learns_no_address(site, desk):
    enrol(desk)
    stranger, auditor = site.browser(site.person()), site.browser(site.person("auditor"))
    for browser in (stranger, auditor):
        assert browser.get(f"/cases/{SLUG}/addresses").status_code == 404
    assert not ADDRESS.search(auditor.text(f"/cases/{SLUG}"))


def test_what_claims_a_case_waits_where_those_who_work_on_it_see_it_and_nobody_else(site, desk):
    work = site.casework
    with work.archive.engine.begin() as connection:
        from archive.case import case_of

        case = case_of(connection, REFERENCE)
    amy = work.enrol(case, email="amy@example.org")
    with work.archive.engine.begin() as connection:
        alias = give_alias(connection, amy, at=work.at, actor="cli:test")
    raw = b"From: new@example.org\r\nSubject: claims a case\r\n\r\nx\r\n"
    item = Acquisition.of(raw, channel=Channel.EMAIL, source_id="imap:a/b/1/1", at=work.at, media_type="message/rfc822")
    work.archive.accession_now([(item, Belonging(sender="new@example.org", alias_id=alias.id))], now=work.at)
    other = site.person()
    site.case("7/26", other)
    stranger = site.browser(other)
    shown = desk.text("/quarantine")
    assert "new@example.org" in shown
    assert REFERENCE in shown
    assert "new@example.org" not in stranger.text("/quarantine")
    assert stranger.get(f"/quarantine/{item.id}").status_code == 404
    assert stranger.get(f"/cases/7-26/enrol?quarantined={item.id}").status_code == 404
    assert "new@example.org" in desk.text(f"/cases/{SLUG}/enrol?quarantined={item.id}")
