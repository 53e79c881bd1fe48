"""The public pages in a real browser: leaving, staying on our host, and being usable by everybody."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.web.conftest import AXE_RULES, DESKTOP, PHONE, SMALL_PHONE
from web import guide, risk

ALL = guide.PAGES
MOST_STOPS = 60
WIDTHS = (SMALL_PHONE, PHONE, DESKTOP)


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


def assert_says_error(page) -> None:
    """Its title begins with the word, once the page that answers has come."""
    expect(page).to_have_title(re.compile("^Error: "))


def assert_usable(page) -> None:
    """No violation that axe finds and nothing wider than the screen, on each width; axe is loaded once for all three."""
    page.wait_for_load_state()
    page.evaluate(Axe().axe_script)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        found = page.evaluate("options => axe.run(document, options)", {**AXE_RULES, "resultTypes": ["violations"]})
        faults = [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found["violations"]]
        assert faults == [], (page.url, width)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width


def without_script(app):
    """The same pages to a browser that runs no script of theirs. (One that runs none at all cannot run axe either.)"""

    def answer(environ, start_response):
        def start(status, headers, exc_info=None):
            strict = [(name, re.sub("script-src [^;]*", "script-src 'none'", value)) for name, value in headers]
            return start_response(status, strict, exc_info)

        return app(environ, start)

    return answer


@pytest.fixture(params=[lambda app: app, without_script], ids=["with script", "without script"])
def visitor(request, context, serve, public_app):
    """A page of a visitor's, where ours is, and what lies outside."""
    page = context.new_page()
    page.address = serve(request.param(public_app))
    page.outside = Outside(context, page.address)
    page.runs_script = request.param is not without_script
    return page


def test_every_page_is_usable_on_every_width_and_asks_nobody_else(visitor):
    complaints = []
    visitor.on("console", lambda message: complaints.append(message.text))
    visitor.on("pageerror", lambda error: complaints.append(str(error)))
    for shown in ALL:
        visitor.goto(visitor.address + shown.path)
        assert_usable(visitor)
    assert visitor.outside.asked == []
    # Each page says once that its scripts were not let in.
    assert [said for said in complaints if visitor.runs_script or "Content Security Policy" not in said] == []
    assert visitor.evaluate("document.body.matches('.js-enabled')") == visitor.runs_script
    assert visitor.context.cookies() == []


def test_the_answers_are_usable_whatever_was_answered(visitor):
    for answers, heading in (
        ({}, "Are you at risk?"),
        ({"q1": "no"}, "What you can do"),
        ({"q3": "yes"}, "Take it seriously"),
    ):
        visitor.goto(visitor.address + guide.RISK.path)
        for name, answer in answers.items():
            visitor.locator(f"input[name={name}][value={answer}]").check()
        visitor.get_by_role("button", name="Show me what to do").click()
        expect(visitor.get_by_role("heading", level=1)).to_have_text(heading)
        assert visitor.url == visitor.address + guide.RISK.path
        assert_usable(visitor)
    assert visitor.context.cookies() == []


def test_one_question_a_screen_leads_to_the_same_advice(visitor):
    """With one step back on the way, and what was said before still there."""
    visitor.goto(visitor.address + guide.RISK.path)
    visitor.get_by_role("link", name="See one question at a time").click()
    visitor.get_by_label("No").check()
    visitor.get_by_role("button", name="Continue").click()
    visitor.get_by_label("Yes").check()
    visitor.get_by_role("button", name="Continue").click()
    visitor.get_by_role("button", name="Question before").click()
    expect(visitor.get_by_role("group")).to_contain_text(risk.QUESTIONS[1].text)
    expect(visitor.get_by_label("Yes")).to_be_checked()
    assert_usable(visitor)
    for _ in risk.QUESTIONS[1:]:
        visitor.get_by_role("button", name="Continue").click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Take it seriously")
    assert visitor.url == visitor.address + guide.RISK_STEP.path
    assert visitor.context.cookies() == []
    assert visitor.outside.asked == []


def test_leaving_out_every_question_says_so_at_the_first(visitor):
    visitor.goto(visitor.address + guide.RISK_STEP.path)
    for _ in risk.QUESTIONS:
        visitor.get_by_role("button", name="Continue").click()
    assert_says_error(visitor)
    assert visitor.get_by_role("link", name="Answer at least one question").get_attribute("href") == "#q1"
    assert_usable(visitor)


def test_the_questions_can_be_answered_with_keys_alone(page, outside, address):
    page.goto(address + guide.RISK_STEP.path)
    for _ in risk.QUESTIONS:
        walk_to(page, "input[type=radio]")
        page.keyboard.press("Space")
        walk_to(page, "button:not([name])")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Take it seriously")


def walk_to(page, selector) -> None:
    """Press Tab until the focus is on it."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the Tab key never found {selector}")


def test_the_tab_key_finds_everything_in_the_order_it_is_read_and_shows_where_it_is(page, outside, address):
    for shown in ALL:
        page.goto(address + shown.path)
        # Radio buttons of one question are one stop; the arrow keys choose among them.
        expected = page.evaluate(
            """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden])')]
                .filter((each) => each.type !== 'radio' || each.value === 'yes')
                .map((each) => each.href || each.id || each.textContent.trim())"""
        )
        found = []
        for _ in expected:
            page.keyboard.press("Tab")
            found.append(
                page.evaluate(
                    "document.activeElement.href || document.activeElement.id || document.activeElement.textContent.trim()"
                )
            )
            assert page.evaluate(
                """() => { const style = getComputedStyle(document.activeElement), box = document.activeElement.getBoundingClientRect(),
                    label = document.activeElement.labels?.[0];
                    const own = [style, label && getComputedStyle(label, '::before')].filter(Boolean);
                    return box.width > 0 && own.some((each) => each.outlineStyle !== 'none' || each.boxShadow !== 'none'); }"""
            ), (shown.path, found[-1])
        assert found == expected, shown.path


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
    expect(page).to_have_title("Weather")


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


def test_leaving_in_the_middle_of_the_questions_leaves_no_answers_to_go_back_to(page, outside, address, brand):
    page.goto(address + guide.RISK_STEP.path)
    page.get_by_label("Yes").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Are you at risk?").wait_for()
    for _ in range(3):
        page.keyboard.press("Shift")
    page.wait_for_url(brand.exit_link)
    page.go_back()
    assert page.locator("input:checked, input[type=hidden][name^=q]").count() == 0


def test_without_script_every_page_can_be_left(browser, address, brand):
    context = browser.new_context(java_script_enabled=False, viewport={"width": SMALL_PHONE, "height": 640})
    outside = Outside(context, address)
    page = context.new_page()
    for shown in ALL:
        page.goto(address + shown.path)
        assert page.get_by_role("heading", level=1).inner_text() == shown.heading
        page.locator(".govuk-exit-this-page__button").click()
        page.wait_for_url(brand.exit_link)
    assert outside.asked == [(brand.exit_link, None)] * len(ALL)
    context.close()


def test_paper_shows_the_words_and_nothing_that_can_be_pressed(page, outside, address):
    page.emulate_media(media="print")
    for shown in (*ALL, guide.RISK_STEP):
        page.goto(address + shown.path)
        assert page.get_by_role("heading", level=1).is_visible()
        for unwanted in (
            ".govuk-exit-this-page",
            ".govuk-generic-header",
            ".govuk-back-link",
            ".govuk-skip-link",
            ".govuk-button",
            ".hf-footer",
            ".hf-next",
        ):
            for each in page.locator(unwanted).all():
                assert not each.is_visible(), (shown.path, unwanted)


def test_each_page_prints_on_few_sheets_and_the_diary_page_on_one(page, outside, address):
    for shown in ALL:
        page.goto(address + shown.path)
        printed = page.pdf(format="A4", margin=dict.fromkeys(("top", "right", "bottom", "left"), "15mm"))
        sheets = len(re.findall(rb"/Type /Page\b", printed))
        assert 1 <= sheets <= (1 if shown is guide.DIARY else 2), shown.path
