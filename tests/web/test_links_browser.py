"""Personal links in a real browser: the officers' pages and what she sees, on every width, with and without script."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Blueprint
from playwright.sync_api import expect
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import update

from archive.link import LinkKind, revoke
from archive.tables import contributor
from replies.outcome import Refused
from tests.web.conftest import DESKTOP, PHONE, SMALL_PHONE
from tests.web.links import Carrier, hold, site_that_sends
from tests.web.test_public_browser import assert_says_error, assert_usable
from web import sessions
from web.personal import personal

WIDTHS = pytest.mark.parametrize("width", [DESKTOP, PHONE, SMALL_PHONE])
TALL = 3000
PICTURES = os.environ.get("HOLDFAST_SCREENSHOTS")
SLUG = "42-1234-26"


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
def site(installation, carrier):
    site = site_that_sends(installation, carrier)
    room = Blueprint("room", __name__)

    # Beside the diary's own first page, so that these tests do not depend on it.
    @room.get("/diary/s/<key>/room")
    @personal(site.web, LinkKind.DIARY)
    def show(visit):
        return f"visit of {visit.link.id}"

    site.app.register_blueprint(room)
    return site


@pytest.fixture
def officer(site):
    return site.person(email="dc.jones@force.example")


@pytest.fixture
def amy(site, officer):
    case = site.case("42/1234/26", officer, "Operation Larch")
    person = site.casework.enrol(case, phone="+447700900001", email="amy@example.org")
    with site.casework.archive.engine.begin() as connection:
        connection.execute(update(contributor).values(reply_style="discreet", links_allowed=True))
    return person


@pytest.fixture
def outside(context):
    """Whatever would leave this host, noted and stopped."""
    asked = []
    context.route(
        lambda url: not url.startswith("http://127.0.0.1"),
        lambda route: (asked.append(route.request.url), route.abort()),
    )
    return asked


@pytest.fixture
def desk(site, officer, serve, context, outside):
    address = serve(site.app)
    with site.casework.archive.engine.begin() as connection:
        token = sessions.begin(connection, officer, now=site.casework.at)
    context.add_cookies([{"name": "holdfast", "value": token, "url": address}])
    page = context.new_page()
    page.address, page.complaints = address, []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


def keep(page, name):
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"links-{name}.png", full_page=True)


def go(page, address):
    """Load a page and all that belongs to it: a file that is left half-way is left open by the server of the tests."""
    page.goto(address, wait_until="networkidle")


@WIDTHS
def test_officers_make_send_see_and_end_links_on_every_width(site, amy, desk, carrier, outside, width):
    desk.set_viewport_size({"width": width, "height": TALL})
    desk.goto(f"{desk.address}/cases/{SLUG}")
    desk.get_by_role("link", name="Links", exact=True).click()
    keep(desk, f"none-{width}")
    assert_usable(desk)
    desk.get_by_role("link", name="Make a link for Amy Beth Carter").click()
    keep(desk, f"new-{width}")
    assert_usable(desk)
    desk.get_by_label("For how many days").fill("many")
    desk.get_by_role("button", name="Make the link").click()
    desk.get_by_role("alert").wait_for()
    keep(desk, f"faults-{width}")
    assert_says_error(desk)
    assert_usable(desk)
    desk.get_by_label("Diary").check()
    desk.get_by_label("For how many days").fill("7")
    desk.get_by_label("It asks for a PIN").check()
    desk.get_by_label("Send it by text to +447700900001").check()
    carrier.outcome = Refused("the number or its carrier blocks our texts (Twilio error 30004)")
    desk.get_by_role("button", name="Make the link").click()
    desk.get_by_role("heading", name="Link for Amy Beth Carter").wait_for()
    keep(desk, f"made-{width}")
    assert_usable(desk)
    assert desk.locator("#link").inner_text().startswith("https://larch.example.net/diary/")
    expect(desk.locator(".hf-qr svg")).to_be_visible()
    hold(site, amy, days=1)
    desk.get_by_role("link", name="All links of this case").click()
    keep(desk, f"list-{width}")
    assert_usable(desk)
    desk.get_by_role("button", name="Revoke").first.click()
    desk.get_by_text("Revoked").wait_for()
    desk.goto(f"{desk.address}/cases/{SLUG}/enrol")
    keep(desk, f"enrol-{width}")
    assert_usable(desk)
    # The browser itself remarks on the one answer that says what was wrong with the form.
    assert (outside, [text for text in desk.complaints if "400" not in text]) == ([], [])


@pytest.fixture
def pin_hash():
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("493817")


@WIDTHS
@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_what_she_meets_is_usable_on_every_width_without_a_cookie(site, amy, serve, browser, pin_hash, width, script):
    holder = hold(site, amy, pin_hash=pin_hash)
    address = serve(site.app)
    context = browser.new_context(java_script_enabled=script, viewport={"width": width, "height": 800})
    asked, complaints = [], []
    context.route(
        lambda url: not url.startswith(address), lambda route: (asked.append(route.request.url), route.abort())
    )
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))

    def look(name):
        keep(page, f"{name}-{width}{'' if script else '-plain'}")
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        if script:
            assert_usable(page)
        assert "diary" not in page.title().lower()

    go(page, address + "/diary/" + "A" * 43)
    assert page.get_by_role("heading", level=1).inner_text() == "This link does not work any more"
    look("gone")
    go(page, address + holder.address)
    assert holder.token not in page.url
    opened = page.url
    go(page, f"{opened}/room")
    assert page.get_by_role("heading", level=1).inner_text() == "Enter your PIN"
    look("pin")
    for _ in range(4):
        page.get_by_label("Your PIN").fill("000000")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("alert").wait_for()
    assert_says_error(page)
    look("pin-wrong")
    page.get_by_label("Your PIN").fill("000000")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Wait, then try again")
    look("pin-locked")
    site.casework.later(minutes=15)
    go(page, f"{opened}/room")
    page.get_by_label("Your PIN").fill("493 817")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(opened, wait_until="networkidle")
    assert (context.cookies(), asked) == ([], [])
    assert [text for text in complaints if "403" not in text and "404" not in text and "429" not in text] == []
    context.close()


def test_a_keyboard_gives_the_pin_and_one_press_leaves(site, amy, serve, page, pin_hash, brand):
    page.context.route(lambda url: not url.startswith("http://127"), lambda route: route.fulfill(body="elsewhere"))
    holder = hold(site, amy, pin_hash=pin_hash)
    address = serve(site.app)
    go(page, address + holder.address)
    opened = page.url
    go(page, f"{opened}/room")
    page.get_by_label("Your PIN").focus()
    page.keyboard.type("493817")
    page.keyboard.press("Enter")
    page.wait_for_url(opened)
    go(page, f"{opened}/room")
    assert str(holder.link.id) in page.content()
    go(page, address + "/diary/gone")
    page.get_by_role("button", name="Exit this page").click()
    page.wait_for_url(lambda url: not url.startswith(address))
    page.go_back()
    assert "does not work any more" not in page.content()


@pytest.mark.parametrize("width", [DESKTOP, SMALL_PHONE])
def test_with_a_dead_database_the_page_is_honest_and_usable(site, amy, serve, page, width):
    holder = hold(site, amy)
    opened = holder.open()
    address = serve(site.app)
    page.set_viewport_size({"width": width, "height": 800})

    def away(_connection, cursor, *_):
        cursor.execute("SELECT 1/0")

    engine = site.casework.archive.engine
    sqlalchemy_event.listen(engine, "before_cursor_execute", away)
    try:
        go(page, f"{address}{opened}/room")
        assert page.get_by_role("heading", level=1).inner_text() == "This does not work just now"
        keep(page, f"dead-{width}")
        assert_usable(page)
    finally:
        sqlalchemy_event.remove(engine, "before_cursor_execute", away)


def test_a_revoked_link_ends_the_page_that_is_open(site, amy, serve, page):
    holder = hold(site, amy)
    address = serve(site.app)
    go(page, address + holder.address)
    opened = page.url
    go(page, f"{opened}/room")
    assert str(holder.link.id) in page.content()
    with site.casework.archive.engine.begin() as connection:
        revoke(
            connection,
            holder.link.id,
            case_id=holder.link.case_id,
            at=site.casework.at + timedelta(seconds=1),
            actor="cli:tests",
        )
    page.reload()
    assert page.get_by_role("heading", level=1).inner_text() == "This link does not work any more"
