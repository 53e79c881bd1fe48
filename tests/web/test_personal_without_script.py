"""Personal pages where their scripts are not let in: nothing axe finds on any width, in errors too.

A browser that runs no script at all cannot run axe either; that everything can be done in one is tested beside each room.
"""

from functools import partial

import pytest
from argon2 import PasswordHasher

from archive.link import LinkKind
from tests.web.links import hold
from tests.web.test_diary_browser import answer_the_questions, review_and_send, tell_the_rest, tell_when
from tests.web.test_public_browser import assert_says_error, assert_usable, without_script
from tests.web.uploads import Sender


@pytest.fixture
def address(serve, site):
    return serve(without_script(site.app))


@pytest.fixture
def amy(site):
    return site.casework.enrol(site.case("42/1234/26", site.person()))


def test_the_whole_diary_is_usable(page, site, amy, address):
    page.goto(address + hold(site, amy, LinkKind.DIARY).address)
    check = partial(assert_usable, page)
    check()
    assert page.evaluate("document.body.matches('.js-enabled')") is False
    for walk in (tell_when, tell_the_rest, review_and_send, answer_the_questions):
        walk(page, check)


def test_sending_files_and_checking_a_receipt_are_usable(page, site, address, tmp_path):
    page.goto(address + Sender(site).path)
    assert_usable(page)
    page.get_by_role("button", name="Send").click()
    assert_says_error(page)
    assert_usable(page)
    note = tmp_path / "note.txt"
    note.write_text("He was there again.")
    page.locator("#files").set_input_files(note)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/sent")
    assert_usable(page)
    page.get_by_role("link", name="Check a receipt").click()
    page.get_by_role("button", name="Check").click()
    assert_says_error(page)
    assert_usable(page)


def test_a_pin_and_a_link_that_works_no_more_are_usable(page, site, amy, address):
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    page.goto(address + "/diary/" + "A" * 43)
    assert_usable(page)
    page.goto(address + hold(site, amy, pin_hash=cheap.hash("493817")).address)
    assert page.get_by_role("heading", level=1).inner_text() == "Enter your PIN"
    assert_usable(page)
    page.get_by_label("Your PIN").fill("000000")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("alert").wait_for()
    assert_usable(page)
