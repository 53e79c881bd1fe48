"""Sending files in a real browser: usable by everybody, going on where it stopped, leaving no trace on the phone."""

import hashlib
import random

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select

from archive.tables import acquisition, upload
from intake.upload_model import UploadLimits
from tests.web.conftest import AXE_RULES, DESKTOP, PHONE, SMALL_PHONE
from tests.web.officers import make_site
from tests.web.test_public_browser import assert_says_error
from tests.web.uploads import Sender

WIDTHS = pytest.mark.parametrize("width", [DESKTOP, PHONE, SMALL_PHONE])
MIB = 1024 * 1024
SECONDS = 60_000


@pytest.fixture
def site(installation):
    return make_site(installation, upload_limits=UploadLimits(most_bytes=10 * MIB))


@pytest.fixture
def sender(site):
    return Sender(site)


@pytest.fixture
def address(serve, site):
    return serve(site.app)


@pytest.fixture
def outside(context, address):
    """What was asked of any other host; nothing is answered."""
    asked = []

    def refuse(route):
        asked.append(route.request.url)
        route.abort()

    context.route(lambda url: not url.startswith(address), refuse)
    return asked


@pytest.fixture
def video(tmp_path):
    """A file of three pieces."""
    path = tmp_path / "IMG_0001 (1).mov"
    path.write_bytes(random.Random(3).randbytes(9 * MIB))
    return path


def assert_usable(page):
    page.wait_for_load_state()
    results = Axe().run(page, options=AXE_RULES)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def kept(site):
    with site.casework.archive.engine.connect() as connection:
        return {row.door["filename"]: row.sha256 for row in connection.execute(select(acquisition))}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def traces(page):
    return page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")


def wait_for(page, held):
    """Until the second piece is on its way: the first is here then."""
    for _ in range(SECONDS // 100):
        if held:
            return
        page.wait_for_timeout(100)
    raise AssertionError("no second piece was sent")


@WIDTHS
def test_files_are_sent_with_script_and_every_page_on_the_way_is_usable(
    page, outside, address, site, sender, video, tmp_path, width
):
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    small = tmp_path / "screenshot.png"
    small.write_bytes(b"\x89PNG small")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(address + sender.path)
    assert_usable(page)
    page.get_by_role("button", name="Send").click()
    assert_says_error(page)
    assert page.locator(".govuk-error-summary:visible").inner_text().count("Choose a file first.") == 1
    assert_usable(page)
    page.locator("#files").set_input_files([video, small])
    expect(page.get_by_role("progressbar")).to_have_count(2)
    assert_usable(page)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/sent", timeout=SECONDS)
    assert page.get_by_role("heading", level=1).inner_text() == "We have your files"
    expect(page.locator(".hf-code")).to_have_count(2)
    assert_usable(page)
    assert kept(site) == {video.name: sha256(video), small.name: sha256(small)}
    code = page.locator(".hf-code").first.inner_text()
    assert traces(page) == [0, 0, ""]
    page.get_by_role("link", name="Check a receipt").click()
    assert_usable(page)
    page.get_by_role("button", name="Check").click()
    assert_says_error(page)
    assert_usable(page)
    page.get_by_label("Your receipt").fill(code.lower())
    page.get_by_role("button", name="Check").click()
    assert "We have it, since 23 November 2026." in page.locator("main [role=status]").inner_text()
    assert_usable(page)
    assert outside == []
    assert complaints == []
    assert page.context.cookies() == []


@WIDTHS
def test_files_are_sent_without_script_and_every_page_on_the_way_is_usable(
    browser, address, site, sender, video, width
):
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(address + sender.path)
    page.get_by_role("button", name="Send").click()
    assert_says_error(page)
    expect(page.get_by_role("link", name="Choose a file first.")).to_be_visible()
    page.locator("#files").set_input_files(video)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/sent", timeout=SECONDS)
    assert kept(site) == {video.name: sha256(video)}
    page.get_by_role("link", name="Check a receipt").click()
    page.get_by_label("Your receipt").fill("nonsense")
    page.get_by_role("button", name="Check").click()
    assert "No such code." in page.locator("main [role=status]").inner_text()
    assert context.cookies() == []
    context.close()


def test_a_lost_connection_is_said_and_the_file_goes_on_by_itself(page, address, site, sender, video):
    lost = []

    def lose_some(route):
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] == str(4 * MIB) and len(lost) < 2:
            lost.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/files/*", lose_some)
    page.goto(address + sender.path)
    page.locator("#files").set_input_files(video)
    page.get_by_role("button", name="Send").click()
    page.get_by_text("The connection is lost. We try again by ourselves.").first.wait_for(timeout=SECONDS)
    page.wait_for_url("**/sent", timeout=SECONDS)
    assert len(lost) == 2
    assert kept(site) == {video.name: sha256(video)}


def test_a_page_that_was_reloaded_goes_on_where_the_file_stopped(page, address, site, sender, video):
    offsets = []
    held = []

    def hold_the_second(route):
        offset = route.request.headers.get("upload-offset")
        if route.request.method == "PATCH":
            offsets.append(int(offset))
            if offset == str(4 * MIB) and not held:
                held.append(route)
                return
        route.continue_()

    page.route("**/files/*", hold_the_second)
    page.goto(address + sender.path)
    page.locator("#files").set_input_files(video)
    page.get_by_role("button", name="Send").click()
    wait_for(page, held)
    page.reload()
    assert traces(page) == [0, 0, ""]
    page.locator("#files").set_input_files(video)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/sent", timeout=SECONDS)
    assert offsets.count(0) == 1
    assert kept(site) == {video.name: sha256(video)}
    with site.casework.archive.engine.connect() as connection:
        assert len(connection.execute(select(upload)).all()) == 1


def test_stopping_keeps_what_was_sent_and_sending_goes_on(page, address, site, sender, video):
    held = []

    def hold_the_second(route):
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] == str(4 * MIB) and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/files/*", hold_the_second)
    page.goto(address + sender.path)
    page.locator("#files").set_input_files(video)
    page.get_by_role("button", name="Send").click()
    wait_for(page, held)
    page.get_by_role("button", name="Stop for now").click()
    assert "Press Send to go on" in page.locator("main [role=status]").inner_text()
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/sent", timeout=SECONDS)
    assert kept(site) == {video.name: sha256(video)}


def test_a_file_that_is_too_big_is_said_before_a_byte_is_sent(page, address, site, sender, tmp_path):
    big = tmp_path / "long.mov"
    big.write_bytes(bytes(11 * MIB))
    page.set_viewport_size({"width": SMALL_PHONE, "height": 700})
    page.goto(address + sender.path)
    page.locator("#files").set_input_files(big)
    page.get_by_role("button", name="Send").click()
    summary = page.locator(".govuk-error-summary:visible")
    assert "long.mov: This file is too big. The most we can take is 10.5 MB." in summary.inner_text()
    expect(summary).to_be_focused()
    assert_usable(page)
    assert kept(site) == {}
    with site.casework.archive.engine.connect() as connection:
        assert connection.execute(select(upload)).all() == []


def test_everything_can_be_done_by_keyboard(page, address, site, sender, tmp_path):
    small = tmp_path / "a.txt"
    small.write_bytes(b"a")
    page.goto(address + sender.path)
    page.locator("#files").focus()
    page.locator("#files").set_input_files(small)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Send"
    page.keyboard.press("Enter")
    page.wait_for_url("**/sent", timeout=SECONDS)
    assert kept(site) == {"a.txt": sha256(small)}


def test_a_visit_that_died_in_the_middle_says_what_to_do(page, address, site, sender, video):
    def end_it(route):
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] == str(4 * MIB):
            site.casework.later(hours=13)
        route.continue_()

    page.route("**/files/*", end_it)
    page.goto(address + sender.path)
    page.locator("#files").set_input_files(video)
    page.get_by_role("button", name="Send").click()
    page.locator(".govuk-error-summary:visible").wait_for(timeout=SECONDS)
    assert "Open your link again and choose the same file." in page.locator(".govuk-error-summary:visible").inner_text()
    page.unroute("**/files/*")
    page.goto(address + sender.holder.address)
    page.locator("#files").set_input_files(video)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/sent", timeout=SECONDS)
    assert kept(site) == {video.name: sha256(video)}
