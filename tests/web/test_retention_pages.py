"""The retention page: what may be done is offered to whoever may do it, and what a rule refuses is said there."""

import pytest
from sqlalchemy import update

from archive import disposal, retention
from archive.tables import disposal as disposals

SLUG = "42-1234-26"
PAGE = f"/cases/{SLUG}/retention"
REVIEW = {"review-day": "27", "review-month": "3", "review-year": "2090"}


@pytest.fixture
def officer(site):
    return site.person()


@pytest.fixture
def case(site, officer):
    return site.case("42/1234/26", officer)


@pytest.fixture
def desk(site, case, officer):
    return site.browser(officer)


def done(answer):
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert answer.headers["Location"].endswith(PAGE)


def ask(desk):
    done(desk.post(f"{PAGE}/close", {"reason": "convicted", **REVIEW}, form_on=PAGE))
    done(desk.post(f"{PAGE}/dispose", {"reason": "the period is over"}, form_on=PAGE))


def test_an_officer_reviews_holds_closes_and_opens_again_each_with_a_reason(site, case, desk):
    done(desk.post(f"{PAGE}/review", {"reason": "a trial is listed", **REVIEW}, form_on=PAGE))
    assert "27 March 2090" in desk.text(PAGE)
    done(desk.post(f"{PAGE}/hold", {"reason": "an appeal <b>"}, form_on=PAGE))
    assert "an appeal &lt;b&gt;" in desk.text(PAGE)
    done(desk.post(f"{PAGE}/lift", {"reason": "dismissed"}, form_on=PAGE))
    done(desk.post(f"{PAGE}/close", {"reason": "convicted"}, form_on=PAGE))
    assert "Closed 23 November 2026" in desk.text(PAGE)
    done(desk.post(f"{PAGE}/reopen", {"reason": "news"}, form_on=PAGE))
    assert "locks are extended every night" in desk.text(PAGE)
    assert [entry["reason"] for entry in site.entries("case.closed")] == ["convicted"]
    assert site.entries("hold.placed")[0]["actor"].startswith("account:")


@pytest.mark.parametrize("act", ["close", "review", "hold"])
def test_an_act_without_a_reason_is_refused_where_it_was_asked(desk, act):
    answer = desk.post(f"{PAGE}/{act}", {"reason": " ", **REVIEW}, form_on=PAGE)
    assert answer.status_code == 400
    text = answer.get_data(as_text=True)
    assert "Say why: the reason is kept in the ledger" in text
    assert "<title>Error: " in text


@pytest.mark.parametrize(
    "written", [("", "", ""), ("31", "2", "2090"), ("x", "3", "2090"), ("1", "1", "2020"), ("1", "1", "0")]
)
def test_a_review_date_that_is_none_is_refused_with_an_example(desk, written):
    data = dict(zip(REVIEW, written, strict=True))
    answer = desk.post(f"{PAGE}/review", {"reason": "x", **data}, form_on=PAGE)
    assert answer.status_code == 400
    assert "There is a problem" in answer.get_data(as_text=True)


def test_two_people_decide_on_a_disposal(site, case, desk):
    ask(desk)
    assert "a supervisor, must decide" in desk.text(PAGE)
    with site.casework.archive.engine.connect() as connection:
        asked = disposal.request_of(connection, case.id)
    address = f"/cases/{SLUG}/disposal/{asked.id}"
    assert desk.post(address, {"decision": "approve"}, form_on=PAGE).status_code == 404, "an officer does not decide"
    chief = site.browser(site.person("supervisor"))
    done(chief.post(address, {"decision": "approve"}, form_on=PAGE))
    assert "Approved 23 November 2026" in chief.text(PAGE)
    assert chief.post(address, {"decision": "refuse", "reason": "x"}, form_on=PAGE).status_code == 400


def test_a_supervisor_does_not_agree_with_herself(site, case):
    chief = site.browser(site.person("supervisor"))
    ask(chief)
    with site.casework.archive.engine.connect() as connection:
        asked = disposal.request_of(connection, case.id)
    assert "Approve the disposal" not in chief.text(PAGE)
    answer = chief.post(f"/cases/{SLUG}/disposal/{asked.id}", {"decision": "approve"}, form_on=PAGE)
    assert answer.status_code == 400
    assert "another person" in answer.get_data(as_text=True).lower()


@pytest.mark.parametrize("role", ["auditor", "disclosure"])
def test_who_may_look_may_not_change_anything(site, case, role):
    person = site.person(role)
    site.join(case.id, person)
    desk = site.browser(person)
    assert "Place a legal hold" not in desk.text(PAGE)
    token = desk.token("/cases")
    answer = desk.client.post(f"{PAGE}/close", data={"reason": "x", "csrf_token": token})
    assert answer.status_code == 404


def test_a_review_that_is_due_stands_on_the_case(site, case, officer):
    with site.casework.archive.engine.begin() as connection:
        retention.review_case(
            connection,
            case.id,
            review_by=site.casework.at.date().replace(day=24),
            reason="x",
            at=site.casework.at,
            actor="account:x",
        )
    site.casework.later(days=2)
    with site.casework.archive.engine.begin() as connection:
        retention.remind(connection, now=site.casework.at)
    assert "its review was due on 24 November 2026" in site.browser(officer).text(f"/cases/{SLUG}")


def test_pages_of_a_disposed_case_say_so(site, case, desk):
    ask(desk)
    with site.casework.archive.engine.begin() as connection:
        connection.execute(update(disposals).values(approved=True, decided_by="account:x", done_at=site.casework.at))
    for page in ("", "/timeline", "/package", "/continuity"):
        answer = desk.get(f"/cases/{SLUG}{page}")
        assert answer.status_code == 410, page
        assert "was disposed of" in answer.get_data(as_text=True)
    assert "Disposed of 23 November 2026" in desk.text(PAGE)
