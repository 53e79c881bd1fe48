"""Accounts, signing in, sessions and limits."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from archive.tables import account, session
from tests.web.officers import PASSWORD, make_site
from web import sessions
from web.accounts import (
    NOBODYS_HASH,
    Account,
    Credentials,
    Role,
    account_by_email,
    add_account,
    change_password,
    check_password,
    credentials_of,
    one_time_password,
)
from web.errors import (
    AccountExistsError,
    NotAnAddressError,
    UnknownAccountError,
    UnknownRoleError,
    WeakPasswordError,
)

EMAIL = "dc.jones@force.example"
NEW = "seven green bottles hanging"


def sign_in(browser, email=EMAIL, password=PASSWORD, **more):
    return browser.post("/sign-in", {"email": email, "password": password, **more})


def test_an_account_is_added_with_a_password_that_works_once_and_must_be_changed(site):
    engine = site.casework.archive.engine
    with engine.begin() as connection:
        password = add_account(connection, "DC.Jones@Force.example", "officer", at=site.casework.at, actor="cli:ops")
        assert account_by_email(connection, " dc.jones@force.example").must_change_password
    browser = site.browser()
    answer = sign_in(browser, password=password)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/password")
    assert browser.get("/cases").headers["Location"] == "/password"
    assert browser.post("/password", {"new": NEW, "again": NEW}).headers["Location"] == "/cases"
    assert browser.get("/cases").status_code == 200
    assert sign_in(site.browser(), password=password).status_code == 403
    assert sign_in(site.browser(), password=NEW).headers["Location"] == "/cases"
    (entry,) = site.entries("account.added")
    assert (entry["actor"], entry["facts"]["email"]) == ("cli:ops", EMAIL)
    assert password not in str(entry)
    assert [len(site.entries(action)) for action in ("password.changed", "account.signed_in")] == [1, 2]
    assert len(site.entries("account.sign_in_refused")) == 1


def test_an_account_that_cannot_be_is_refused(site):
    with site.casework.archive.engine.begin() as connection:
        add_account(connection, EMAIL, "officer", at=site.casework.at, actor="cli:ops")
        with pytest.raises(AccountExistsError, match="has an account already"):
            add_account(connection, EMAIL.upper(), "auditor", at=site.casework.at, actor="cli:ops")
        with pytest.raises(NotAnAddressError, match="is no e-mail address"):
            add_account(connection, "jones", "officer", at=site.casework.at, actor="cli:ops")
        with pytest.raises(UnknownRoleError, match="choose one of officer"):
            add_account(connection, "a@b.example", "king", at=site.casework.at, actor="cli:ops")
        with pytest.raises(UnknownAccountError, match="holdfast user add"):
            account_by_email(connection, "nobody@force.example")


def test_one_time_passwords_are_long_and_never_the_same():
    made = {one_time_password() for _ in range(200)}
    assert len(made) == 200
    assert {len(password) for password in made} == {24}


def test_the_hash_that_nobody_has_costs_what_a_real_one_costs():
    assert not PasswordHasher().check_needs_rehash(NOBODYS_HASH)


def test_an_unknown_address_gets_the_same_answer_in_the_same_time(site):
    with site.casework.archive.engine.begin() as connection:
        add_account(connection, EMAIL, "officer", at=site.casework.at, actor="cli:ops")
        known, unknown = credentials_of(connection, EMAIL), credentials_of(connection, "nobody@force.example")

    def took(credentials):
        began = time.perf_counter()
        assert check_password(credentials, "wrong") is None
        return time.perf_counter() - began

    pairs = [(took(known), took(unknown)) for _ in range(5)]
    known_time, unknown_time = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert 0.5 < known_time / unknown_time < 2

    def answer(email):
        shown = sign_in(site.browser(), email=email, password="wrong")
        page = shown.get_data(as_text=True)
        return shown.status_code, len(page.replace(email, ""))

    assert answer(EMAIL) == answer("nobody@force.example")


def test_the_password_that_opens_nobodys_hash_still_opens_no_account():
    assert check_password(Credentials(None, PasswordHasher(1, 8, 1).hash("x")), "x") is None


def test_attempts_on_unknown_addresses_are_counted_and_fill_no_ledger(site):
    for number in range(3):
        assert sign_in(site.browser(), email=f"x{number}@force.example").status_code == 403
    assert site.entries("account.sign_in_refused") == []
    assert b'holdfast_counted_total{name="sign_in_unknown"} 3.0' in site.browser().get("/metrics").data


@pytest.mark.parametrize(
    ("password", "because"),
    [
        ("short", "at least 12"),
        ("a" * 300, "at most 256"),
        ("aaaaaaaaaaaab", "more different"),
        ("dc.jones is my name", "without your name"),
        (PASSWORD, "not the one you have now"),
    ],
)
def test_a_weak_password_is_refused_in_words(site, password, because):
    person = site.person(email=EMAIL)
    with site.casework.archive.engine.begin() as connection, pytest.raises(WeakPasswordError, match=because):
        change_password(
            connection, Account(person, EMAIL, Role.OFFICER, must_change_password=False), password, at=site.casework.at
        )


def test_changing_a_password_asks_for_the_old_one_and_ends_other_sessions(site):
    person = site.person(email=EMAIL)
    here, elsewhere = site.browser(person), site.browser(person)
    wrong = here.post("/password", {"old": "no", "new": NEW, "again": NEW})
    assert (wrong.status_code, "is not right" in wrong.get_data(as_text=True)) == (400, True)
    differs = here.post("/password", {"old": PASSWORD, "new": NEW, "again": NEW + "x"})
    assert differs.status_code == 400
    assert here.post("/password", {"old": PASSWORD, "new": NEW, "again": NEW}).status_code == 303
    assert here.get("/cases").status_code == 200
    assert elsewhere.get("/cases").headers["Location"] == "/sign-in"


def test_a_session_ends_when_idle_and_after_ten_hours_whatever_is_done(site):
    person = site.person()
    idle, busy = site.browser(person), site.browser(person)
    for _ in range(20):
        site.casework.later(minutes=29)
        assert busy.get("/cases").status_code == 200
    assert idle.get("/cases").status_code == 303
    site.casework.later(minutes=25)
    assert busy.get("/cases").status_code == 303


def test_signing_out_ends_the_session_on_the_server(site):
    browser = site.browser(site.person())
    token = browser.client.get_cookie("holdfast").value
    assert browser.post("/sign-out", form_on="/cases").headers["Location"] == "/sign-in"
    thief = site.browser()
    thief.client.set_cookie("holdfast", token)
    assert thief.get("/cases").status_code == 303
    assert len(site.entries("account.signed_out")) == 1


def test_a_session_of_an_account_made_inactive_ends_at_once(site):
    person = site.person(email=EMAIL)
    browser = site.browser(person)
    with site.casework.archive.engine.begin() as connection:
        connection.execute(update(account).values(active=False))
    assert browser.get("/cases").status_code == 303
    assert sign_in(site.browser()).status_code == 403


def test_the_database_holds_no_token_that_would_open_a_session(site):
    person = site.person()
    with site.casework.archive.engine.begin() as connection:
        token = sessions.begin(connection, person, now=site.casework.at)
        stored = connection.execute(select(session.c.token_sha256)).scalars().all()
        assert token not in stored
        assert sessions.resume(connection, stored[0], now=site.casework.at) is None
        assert sessions.resume(connection, token, now=site.casework.at + timedelta(minutes=1)).id == person
        assert sessions.resume(connection, "\udcff\x00", now=site.casework.at) is None


def test_over_https_the_cookie_is_bound_to_the_host(installation):
    site = make_site(installation, secure_cookies=True)
    site.person(email=EMAIL)
    client = site.app.test_client()
    page = client.get("/sign-in", base_url="https://force.example")
    token = page.get_data(as_text=True).partition('name="csrf_token" value="')[2].partition('"')[0]
    form = {"email": EMAIL, "password": PASSWORD, "csrf_token": token}
    answer = client.post("/sign-in", base_url="https://force.example", data=form)
    assert answer.status_code == 303
    (cookie,) = [found for found in answer.headers.getlist("Set-Cookie") if found.startswith("__Host-holdfast=")]
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/cases/42-1234-26/timeline?words=x", "/cases/42-1234-26/timeline?words=x"),
        ("//evil.example", "/cases"),
        ("/\\evil.example", "/cases"),
        ("/%5Cevil.example", "/cases"),
        ("/%2F/evil.example", "/cases"),
        ("https://evil.example", "/cases"),
        ("/a\r\nSet-Cookie: x=y", "/cases"),
        ("", "/cases"),
    ],
)
def test_after_signing_in_one_goes_to_a_page_of_ours_and_nowhere_else(site, wanted, led):
    site.person(email=EMAIL)
    assert sign_in(site.browser(), next=wanted).headers["Location"] == led


def test_who_asks_for_a_page_comes_back_to_it_after_signing_in(site):
    assert site.browser().get("/cases/42-1/timeline?words=a+b").headers["Location"] == (
        "/sign-in?next=%2Fcases%2F42-1%2Ftimeline%3Fwords%3Da%2Bb"
    )


def test_an_account_is_tried_ten_times_and_then_not_for_a_while_also_with_the_right_password(site):
    site.person(email=EMAIL)
    site.person(email="other@force.example")
    for _ in range(10):
        assert sign_in(site.browser(), password="wrong").status_code == 403
    refused = sign_in(site.browser())
    assert refused.status_code == 429
    assert "Wait 15 minutes" in refused.get_data(as_text=True)
    assert sign_in(site.browser(), email=" DC.JONES@force.example").status_code == 429
    assert sign_in(site.browser(), email="other@force.example").status_code == 303


def test_one_address_cannot_try_every_account(site):
    for number in range(60):
        assert sign_in(site.browser(), email=f"x{number}@force.example", password="wrong").status_code == 403
    assert sign_in(site.browser(), email="y@force.example").status_code == 429


def test_right_passwords_use_up_no_attempts(site):
    site.person(email=EMAIL)
    for _ in range(12):
        assert sign_in(site.browser()).status_code == 303


def test_attempts_are_counted_by_each_process_while_the_broker_is_away(installation):
    site = make_site(installation, limits_url="redis://127.0.0.1:1/0")
    site.person(email=EMAIL)
    answers = [sign_in(site.browser(), password="wrong").status_code for _ in range(12)]
    assert set(answers) == {403, 429}
    assert answers[-1] == 429


def test_attempts_are_counted_together_in_the_broker(installation):
    sites = [make_site(installation, limits_url=installation.settings.need("broker_url")) for _ in range(2)]
    email = f"{id(sites)}@force.example"
    sites[0].person(email=email)
    for number in range(10):
        assert sign_in(sites[number % 2].browser(), email=email, password="wrong").status_code == 403
    assert [sign_in(site.browser(), email=email).status_code for site in sites] == [429, 429]
