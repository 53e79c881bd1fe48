"""Who reaches what: every route of the application against every role, members and others."""

from __future__ import annotations

from uuid import uuid4

import pytest

from web import access
from web.access import ROLES_WITH, SEE_EVERY_CASE, Right, is_in_case, may, right_of
from web.accounts import Role
from web.app import Web, create_app
from web.officer import BLUEPRINT

# Answer to anyone, show nothing of a case and set no cookie; each has tests of its own.
OPEN_BLUEPRINTS = {"public", "health", "personal", "diary", "uploads", "receipts"}
REDIRECTS = {302, 303}
# What of these stands in an address here names nothing that is there.
UNKNOWN = {
    "acquisition_id",
    "alert_id",
    "index",
    "contributor_id",
    "link_id",
    "act",
    "disposal_id",
    "contact_id",
    "identifier_id",
}
NOTHING_THERE = ("download_package", "quarantined", "picture", "ask_authenticity")


def routes(app):
    """Every rule with each of its methods that a person or program sends."""
    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods & {"GET", "POST", "PUT", "PATCH", "DELETE"}):
            yield rule, method


def address(rule, slug, exhibit, package):
    values = {
        "slug": slug,
        "exhibit_id": exhibit,
        "acquisition_id": uuid4(),
        "package_id": package,
        "index": 1,
        "alert_id": uuid4(),
        "contributor_id": uuid4(),
        "contact_id": uuid4(),
        "identifier_id": uuid4(),
        "link_id": uuid4(),
        "act": "nothing",
        "disposal_id": uuid4(),
    }
    with_values = {name: values[name] for name in rule.arguments}
    return rule.build(with_values)[1]


def test_every_route_declares_a_right_or_is_open_to_all(site):
    undeclared = [
        rule.rule
        for rule, _ in routes(site.app)
        if rule.endpoint != "static"
        and rule.endpoint.partition(".")[0] not in OPEN_BLUEPRINTS
        and right_of(site.app.view_functions[rule.endpoint]) is None
    ]
    assert undeclared == []


def test_every_route_with_a_case_in_its_address_is_declared_to_be_in_a_case(site):
    for rule, _ in routes(site.app):
        if rule.endpoint.startswith(f"{BLUEPRINT}."):
            assert is_in_case(site.app.view_functions[rule.endpoint]) == ("slug" in rule.arguments), rule.rule


def test_a_route_that_declares_nothing_answers_nobody(site):
    site.app.view_functions["officer.list_cases"] = lambda: "evidence"
    for role in Role:
        assert site.browser(site.person(role)).get("/cases").status_code == 404
    assert site.browser().get("/cases").status_code == 404


@pytest.fixture
def world(site):
    """A case with one exhibit and one package asked for, its member in each role, and an outsider in each role."""
    officer = site.person()
    case = site.case("42/1234/26", officer)
    person = site.casework.enrol(case, phone="+447700900001")
    assert person.case_id == case.id
    exhibit = site.casework.text("evidence words")
    answer = site.browser(officer).post(f"/cases/{case.slug}/package")
    package = answer.headers["Location"].rpartition("/")[2]
    members = {role: site.person(role) for role in Role}
    for member in members.values():
        site.join(case.id, member)
    outsiders = {role: site.person(role) for role in Role}
    return case, exhibit, package, members, outsiders


def expected(right, role, *, in_case, is_member):
    """Whether the matrix lets them through; what comes then is the view's business."""
    if role not in ROLES_WITH[right]:
        return False
    return not in_case or is_member or role in SEE_EVERY_CASE


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("is_member", [True, False], ids=["member", "outsider"])
def test_the_matrix_holds_for_every_route(site, world, role, is_member):
    site.app.config["WTF_CSRF_ENABLED"] = False
    case, exhibit, package, members, outsiders = world
    person = (members if is_member else outsiders)[role]
    for rule, method in routes(site.app):
        view = site.app.view_functions[rule.endpoint]
        right = right_of(view)
        if right is None or right is Right.ANYONE or rule.endpoint == "officer.sign_out":
            continue
        answer = site.browser(person).client.open(address(rule, case.slug, exhibit, package), method=method)
        let_in = expected(right, role, in_case=is_in_case(view), is_member=is_member)
        # Of no exhibit in quarantine, nothing parked, no part 1, no picture, no package ready and no DNS, the view says 404.
        unknown = UNKNOWN & rule.arguments or rule.endpoint.endswith(NOTHING_THERE)
        if let_in and not unknown:
            assert answer.status_code in {200, 303, 400}, (rule.rule, method, answer.status_code)
        elif not let_in:
            assert answer.status_code == 404, (rule.rule, method, answer.status_code)
            assert b"evidence words" not in answer.data
            assert case.reference.encode() not in answer.data


def test_what_changes_a_case_asks_in_its_own_transaction_for_the_right_that_the_route_declares(
    site, world, monkeypatch
):
    """Rights can be taken away between the guard and the change: a change asks again, and for no lesser right."""
    site.app.config["WTF_CSRF_ENABLED"] = False
    case, exhibit, package, members, _ = world
    asked = []
    monkeypatch.setattr(access, "may", lambda account, right: asked.append(right) or may(account, right))
    client = site.browser(members[Role.SUPERVISOR]).client
    for rule, method in routes(site.app):
        view = site.app.view_functions[rule.endpoint]
        if method == "GET" or not is_in_case(view) or rule.endpoint.endswith("ask_authenticity"):
            continue
        asked.clear()
        client.open(address(rule, case.slug, exhibit, package), method=method, data={"reason": "x", "value": "x"})
        assert set(asked) == {right_of(view)}, rule.rule


def test_nobody_who_is_not_signed_in_gets_past_the_sign_in_page(site, world):
    site.app.config["WTF_CSRF_ENABLED"] = False
    case, exhibit, package, *_ = world
    for rule, method in routes(site.app):
        right = right_of(site.app.view_functions[rule.endpoint])
        if right is None or right is Right.ANYONE:
            continue
        answer = site.browser().client.open(address(rule, case.slug, exhibit, package), method=method)
        assert answer.status_code in REDIRECTS, rule.rule
        assert answer.headers["Location"].startswith("/sign-in")


def test_unknown_and_forbidden_look_the_same(site, world):
    case, *_, outsiders = world
    outsider = site.browser(outsiders[Role.OFFICER])
    forbidden, unknown = outsider.get(f"/cases/{case.slug}"), outsider.get("/cases/no-such-case")
    assert (forbidden.status_code, unknown.status_code) == (404, 404)

    def body(answer):
        nonce = answer.get_data(as_text=True).partition('nonce="')[2].partition('"')[0]
        return answer.get_data(as_text=True).replace(nonce, "")

    assert body(forbidden) == body(unknown)


def test_an_administrator_sees_no_case_and_no_evidence(site, world):
    *_, members, _ = world
    page = site.browser(members[Role.ADMINISTRATOR]).text("/cases")
    assert "sees no cases and no evidence" in page
    assert "42/1234/26" not in page
    assert "/quarantine" not in page


def test_an_auditor_reads_every_case_and_changes_none(site, world):
    case, *_, outsiders = world
    auditor = site.browser(outsiders[Role.AUDITOR])
    page = auditor.text(f"/cases/{case.slug}")
    assert f"/cases/{case.slug}/enrol" not in page
    assert f"/cases/{case.slug}/package" not in page
    assert "evidence words" in auditor.text(f"/cases/{case.slug}/timeline")


def test_a_form_without_its_token_changes_nothing(site, world):
    case, _, _, members, _ = world
    client = site.browser(members[Role.OFFICER]).client
    for path in (f"/cases/{case.slug}/package", f"/cases/{case.slug}/enrol", "/cases/new", "/sign-out", "/sign-in"):
        assert client.post(path, data={"reference": "1/2"}).status_code == 400, path
    assert len(site.entries("package.requested")) == 1


def test_a_token_of_somebody_elses_form_is_worth_nothing(site, world):
    *_, members, _ = world
    stolen = site.browser(members[Role.SUPERVISOR]).token("/cases/new")
    client = site.browser(members[Role.OFFICER]).client
    client.get("/cases/new")
    assert client.post("/cases/new", data={"reference": "1/2/3", "csrf_token": stolen}).status_code == 400


def test_every_officers_answer_is_kept_by_no_cache_and_framed_by_nobody(site, world):
    case, exhibit, _, members, _ = world
    browser = site.browser(members[Role.OFFICER])
    for path in (
        "/cases",
        f"/cases/{case.slug}/timeline",
        f"/cases/{case.slug}/exhibits/{exhibit}/original",
        f"/cases/{case.slug}/timeline.json",
    ):
        headers = browser.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_behind_proxies_the_address_in_the_ledger_is_the_callers(installation, site):
    app = create_app(
        Web(installation.engine, installation.vault, site.casework.now, b"x" * 32, secure_cookies=False, proxies=1)
    )
    site.app = app
    site.person(email="dc.jones@force.example")
    browser = site.browser()
    form = {"email": "dc.jones@force.example", "password": "wrong", "csrf_token": browser.token("/sign-in")}
    browser.client.post("/sign-in", data=form, headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.7"})
    (entry,) = site.entries("account.sign_in_refused")
    assert entry["facts"]["address"] == "198.51.100.7"


def test_a_cases_stream_which_leaves_in_packages_does_not_say_where_officers_sit(site, world):
    case, exhibit, _, members, _ = world
    browser = site.browser(members[Role.OFFICER])
    for path in (f"/cases/{case.slug}", f"/cases/{case.slug}/timeline", f"/cases/{case.slug}/exhibits/{exhibit}"):
        browser.text(path)
    looks = site.entries("case.viewed") + site.entries("exhibit.viewed")
    assert looks
    assert "127.0.0.1" not in str(looks)
