"""The diary in a real browser: usable by everybody on any phone, with and without script, and by keyboard alone."""

from __future__ import annotations

import re
from functools import partial

import pytest
from playwright.sync_api import expect

from archive.link import LinkKind
from tests.web.conftest import DESKTOP, PHONE, SMALL_PHONE
from tests.web.links import hold
from tests.web.test_public_browser import Outside, assert_says_error, assert_usable
from timeline.readings import read_exhibit
from web import sessions

WIDTHS = pytest.mark.parametrize("width", [DESKTOP, PHONE, SMALL_PHONE])
INCIDENT = ["what", "where", "person", "vehicle", "others", "since", "scale", "kept", "photos"]
GO_ON = "Save and go on"


@pytest.fixture
def holder(site):
    case = site.case("42/1234/26", site.person())
    return hold(site, site.casework.enrol(case), LinkKind.DIARY)


@pytest.fixture
def address(serve, site):
    return serve(site.app)


def go_on(page):
    page.get_by_role("button", name=GO_ON).click()


def at(page, slug):
    page.wait_for_url(re.compile(rf"/{slug}$"))


def fill_when(page):
    page.locator("input[value=exact]").check()
    go_on(page)
    at(page, "day")
    for name, words in (("day-day", "20"), ("day-month", "11"), ("day-year", "2026"), ("time", "9.30pm")):
        page.locator(f"#{name}").fill(words)
    go_on(page)


def tell_when(page, check):
    """The first two pages, with each of their errors on the way."""
    page.get_by_role("button", name="Write down what happened").click()
    at(page, "when")
    check()
    go_on(page)
    page.locator("#when-error").wait_for()
    assert_says_error(page)
    check()
    page.locator("input[value=exact]").check()
    go_on(page)
    at(page, "day")
    check()
    page.locator("#time").fill("9:30")
    go_on(page)
    page.locator("#day-error").wait_for()
    page.locator("#time-error").wait_for()
    check()
    page.locator(".govuk-back-link").click()
    at(page, "when")
    fill_when(page)


def tell_the_rest(page, check):
    for slug in INCIDENT:
        at(page, slug)
        check()
        if slug == "what":
            go_on(page)
            page.locator("#what-error").wait_for()
            check()
            page.locator("#what").fill("He was at the bus stop.\nHe followed me home. " + "x" * 90)
        if slug == "scale":
            page.locator("input[value='8']").check()
        if slug == "photos":
            picture = {"name": "van.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff" + b"x" * 2000}
            page.locator("#photos").set_input_files([picture])
        go_on(page)


def review_and_send(page, check):
    page.get_by_role("heading", name="Check what you wrote").wait_for()
    check()
    page.get_by_role("link", name="Change What happened").click()
    page.locator("#what").wait_for()
    assert page.locator("#what").input_value().startswith("He was at the bus stop.\nHe followed")
    go_on(page)
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("heading", name="We have it").wait_for()
    check()


def answer_the_questions(page, check):
    page.get_by_role("button", name="Write down more").click()
    page.get_by_role("heading", name="Your diary").wait_for()
    check()
    page.get_by_role("link", name="Answer twelve questions").click()
    page.get_by_role("heading", name="Who sees the answers").wait_for()
    check()
    page.get_by_role("button", name="Go on to the questions").click()
    page.get_by_role("button", name="Send my answers").click()
    page.locator("#q1-error").wait_for()
    check()
    page.locator("input[name=q1][value=yes]").check()
    page.get_by_role("button", name="Send my answers").click()
    page.get_by_role("heading", name="We have your answers").wait_for()
    check()


@WIDTHS
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_every_page_is_usable_in_errors_too_and_asks_nobody_else(browser, holder, address, width, script):
    context = browser.new_context(java_script_enabled=script, viewport={"width": width, "height": 700})
    outside = Outside(context, address)
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # axe is a script itself: without script the same pages are only walked.
    check = partial(assert_usable, page) if script else page.wait_for_load_state
    page.goto(address + holder.address)
    check()
    for walk in (tell_when, tell_the_rest, review_and_send, answer_the_questions):
        walk(page, check)
    page.get_by_role("button", name="Close").click()
    page.get_by_role("heading", name="You have closed this page").wait_for()
    assert outside.asked == []
    assert complaints == []
    assert context.cookies() == []
    context.close()


def test_a_call_is_usable_too(browser, site, holder, address):
    context = browser.new_context(viewport={"width": SMALL_PHONE, "height": 640})
    page = context.new_page()
    page.goto(address + holder.address)
    page.get_by_role("button", name="Write down a call").click()
    fill_when(page)
    for slug in ("number", "answered", "said", "since", "scale", "kept", "photos"):
        at(page, slug)
        assert_usable(page)
        go_on(page)
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("heading", name="We have it").wait_for()
    context.close()


def test_an_entry_can_be_written_and_sent_by_keyboard_alone(page, site, holder, address):
    page.goto(address + holder.address)

    def tab_to(words):
        for _ in range(40):
            page.keyboard.press("Tab")
            focused = page.evaluate("(document.activeElement.innerText || document.activeElement.id || '').trim()")
            if focused == words:
                return
        raise AssertionError(words)

    tab_to("Write down what happened")
    page.keyboard.press("Enter")
    at(page, "when")
    tab_to("when")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    tab_to(GO_ON)
    page.keyboard.press("Enter")
    at(page, "what")
    tab_to("what")
    page.keyboard.type("He rang the bell and ran.")
    tab_to("Save and go to the end")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Check what you wrote").wait_for()
    expect(page.get_by_text("I do not know")).to_be_visible()
    tab_to("Send")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="We have it").wait_for()


def test_leaving_by_one_press_leaves_nothing_to_go_back_to(page, site, holder, address, brand):
    outside = Outside(page.context, address)
    page.goto("about:blank")
    page.goto(address + holder.address)
    page.get_by_role("button", name="Write down what happened").click()
    at(page, "when")
    page.get_by_role("button", name="Exit this page").click()
    page.wait_for_url(re.compile("^(?!" + re.escape(address) + ")https"))
    assert holder.token not in str(outside.asked)
    assert len(outside.asked) == 1


def test_the_address_bar_never_keeps_the_token(page, holder, address):
    page.goto(address + holder.address)
    assert holder.token not in page.url
    assert page.url.startswith(f"{address}/diary/s/")


def test_the_whole_way_from_an_issued_link_to_the_officers_timeline(browser, site, holder, address):
    context = browser.new_context(viewport={"width": PHONE, "height": 800})
    page = context.new_page()
    page.goto(address + holder.address)
    page.get_by_role("button", name="Write down what happened").click()
    fill_when(page)
    page.locator("#what").fill("He stood at the gate and stared.")
    page.get_by_role("button", name="Save and go to the end").click()
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("heading", name="We have it").wait_for()
    context.close()
    work = site.casework
    for item in work.archive.accession_waiting(now=work.at):
        read_exhibit(work.archive.engine, work.archive.vault, item, now=work.now)
    with work.archive.engine.begin() as connection:
        token = sessions.begin(connection, site.person("supervisor"), now=work.at)
    context = browser.new_context(viewport={"width": DESKTOP, "height": 900})
    context.add_cookies([{"name": "holdfast", "value": token, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/cases/42-1234-26/timeline")
    expect(page.get_by_text("20 November 2026 at 21:30").first).to_be_visible()
    expect(page.get_by_text("He stood at the gate and stared.").first).to_be_visible()
    assert_usable(page)
    page.get_by_role("link", name=re.compile("Diary entry")).first.click()
    page.get_by_role("heading", name="Answer by answer").wait_for()
    assert_usable(page)
    context.close()
