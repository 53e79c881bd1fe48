"""The public pages in a real browser: leaving, staying on our host, and being usable by everybody."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web.conftest import AXE_RULES, DESKTOP, PHONE, SMALL_PHONE
from web import guide

ALL = guide.PAGES
WIDTHS = pytest.mark.parametrize("width", [DESKTOP, PHONE, SMALL_PHONE])


@pytest.fixture
def address(serve, public_app):
    return serve(public_app)


class Outside:
    """Everything beyond our own host: answers with an empty page and remembers what was asked."""

    def __init__(self, context, address) -> None:
        self.asked = []
        context.route(lambda url: not url.startswith(address), self._answer)

    def _answer(self, route) -> None:
        self.asked.append((route.request.url, route.request.headers.get("referer")))
        route.fulfill(body="<title>Weather</title>", content_type="text/html")


@pytest.fixture
def outside(context, address):
    return Outside(context, address)


def assert_usable(page) -> None:
    page.wait_for_load_state()
    results = Axe().run(page, options=AXE_RULES)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@WIDTHS
def test_every_page_is_usable_on_every_width_and_asks_nobody_else(page, outside, address, width):
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_viewport_size({"width": width, "height": 800})
    for shown in ALL:
        page.goto(address + shown.path)
        assert_usable(page)
    assert outside.asked == []
    assert complaints == []
    assert page.context.cookies() == []


@WIDTHS
def test_the_answers_are_usable_whatever_was_answered(page, outside, address, width):
    page.set_viewport_size({"width": width, "height": 800})
    for answers, heading in (
        ({}, "Are you at risk?"),
        ({"q1": "no"}, "What you can do"),
        ({"q3": "yes"}, "Take it seriously"),
    ):
        page.goto(address + guide.RISK.path)
        for name, answer in answers.items():
            page.locator(f"input[name={name}][value={answer}]").check()
        page.get_by_role("button", name="Show me what to do").click()
        assert page.get_by_role("heading", level=1).inner_text() == heading
        assert page.url == address + guide.RISK.path
        assert_usable(page)
    assert page.context.cookies() == []


def test_one_press_leaves_every_page_and_back_does_not_return(page, outside, address, brand):
    for shown in ALL:
        page.goto("about:blank")
        page.goto(address + shown.path)
        page.get_by_role("button", name="Exit this page").click()
        page.wait_for_url(brand.exit_link)
        page.go_back()
        assert page.url == "about:blank", shown.path
    assert outside.asked == [(brand.exit_link, None)] * len(ALL)


def test_three_presses_of_shift_leave(page, outside, address, brand):
    page.goto(address + guide.RECORDS.path)
    for _ in range(3):
        page.keyboard.press("Shift")
    page.wait_for_url(brand.exit_link)
    assert page.title() == "Weather"


def test_the_exit_is_the_second_thing_the_tab_key_finds(page, outside, address, brand):
    page.goto(address + guide.CALLS.path)
    found = []
    for _ in range(2):
        page.keyboard.press("Tab")
        found.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert sorted(found) == ["Exit this page", "Skip to main content"]
    page.locator(".govuk-js-exit-this-page-skiplink").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(brand.exit_link)


def test_leaving_after_answering_leaves_no_answers_to_go_back_to(page, outside, address, brand):
    page.goto("about:blank")
    page.goto(address + guide.RISK.path)
    page.locator("input[name=q1][value=yes]").check()
    page.get_by_role("button", name="Show me what to do").click()
    page.get_by_role("button", name="Exit this page").click()
    page.wait_for_url(brand.exit_link)
    page.go_back()
    assert page.locator("input:checked").count() == 0


def test_without_script_everything_still_works(browser, address, brand):
    context = browser.new_context(java_script_enabled=False, viewport={"width": SMALL_PHONE, "height": 640})
    outside = Outside(context, address)
    page = context.new_page()
    for shown in ALL:
        page.goto(address + shown.path)
        assert page.get_by_role("heading", level=1).inner_text() == shown.heading
    page.goto(address + guide.RISK.path)
    page.locator("input[name=q2][value=yes]").check()
    page.get_by_role("button", name="Show me what to do").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Take it seriously"
    page.locator(".govuk-exit-this-page__button").click()
    page.wait_for_url(brand.exit_link)
    assert outside.asked == [(brand.exit_link, None)]
    context.close()


def test_printed_pages_show_neither_exit_nor_header(page, address):
    page.emulate_media(media="print")
    page.goto(address + guide.DIARY.path)
    assert not page.locator(".govuk-exit-this-page").is_visible()
    assert not page.locator(".govuk-generic-header").is_visible()
    assert page.get_by_text("What happened").is_visible()
