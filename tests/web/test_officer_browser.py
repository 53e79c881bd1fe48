"""Officers' pages in a real browser: usable by everybody, on a desk and on a phone, with scripts and without."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from archive.accession import receive
from archive.acquisition import Acquisition, Channel
from archive.alerts import raise_alert
from archive.completeness import Compared, Gap, state
from archive.parking import park
from archive.tables import contributor
from tests.web import story
from tests.web.conftest import DESKTOP, PHONE, SMALL_PHONE
from tests.web.test_public_browser import assert_usable
from web import sessions

WIDTHS = pytest.mark.parametrize("width", [DESKTOP, PHONE])
# Events off the screen are not laid out, and what is not laid out is not checked.
TALL = 6000
PICTURES = os.environ.get("HOLDFAST_SCREENSHOTS")


@pytest.fixture
def told(site):
    return story.tell(site)


@pytest.fixture
def desk(site, told, serve, context):
    """A browser signed in as the officer, in front of the whole application."""
    address = serve(site.app)
    officer, *_ = told
    with site.casework.archive.engine.begin() as connection:
        token = sessions.begin(connection, officer, now=site.casework.at)
    context.add_cookies([{"name": "holdfast", "value": token, "url": address}])
    asked = []
    context.route(
        lambda url: not url.startswith(address), lambda route: (asked.append(route.request.url), route.abort())
    )
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.address, page.asked, page.complaints = address, asked, complaints
    return page


def keep(page, name: str) -> None:
    """Keep a picture of the page, with everything folded open, where a folder for pictures is named."""
    if PICTURES:
        page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
        page.screenshot(path=Path(PICTURES) / f"{name}.png")
        page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = false))")


def record_statements(connection, at):
    gaps = (
        Gap("imap:desk%40force.example/INBOX/17/204", "the server has no body to give (NIL)", explained=True),
        Gap("imap:desk%40force.example/INBOX/17/211", "the folder listed it, and had it no more when it was asked for"),
    )
    mailbox = Compared("mailbox:desk@force.example@imap.force.example/INBOX", None, at, 1204, 1202, gaps=gaps)
    beside = {"sent_by_us": 80, "sent_and_not_by_us": 1, "to_other_numbers": 0}
    texts = Compared("texts:AC00000000000000000000000000000001", at, at, 318, 317, 3, waiting=1, beside=beside)
    for compared in (mailbox, texts):
        state(connection, compared, at=at, actor="system:beat")


def flood(site):
    """Twenty-four texts in a few minutes of a number enrolled, and as many of one that is not."""
    for sender in (story.SENDER, "+447700900888"):
        for n in range(24):
            site.casework.later(seconds=11)
            site.casework.text(f"answer me {'!' * (n % 5)}", sender=sender)
        site.casework.later(minutes=1)


def addresses(told, site):
    _, slug, items = told
    raw = Acquisition.of(b"x", channel=Channel.SMS, source_id="SMparked", at=site.casework.at, media_type="text/plain")
    quarantined = site.casework.made[-1]
    with site.casework.archive.engine.begin() as connection:
        raise_alert(connection, "mailbox", at=site.casework.at, text="The mailbox was made anew by its server.")
        record_statements(connection, site.casework.at + timedelta(minutes=5))
        receive(connection, raw)
        park(
            connection,
            raw.id,
            because="the vault holds other bytes under its key",
            at=site.casework.at,
            actor="system:x",
        )
    flood(site)
    with site.casework.archive.engine.connect() as connection:
        person = connection.execute(select(contributor.c.id).where(contributor.c.left_at.is_(None))).scalars().first()
    return {
        "aliases": f"/cases/{slug}/addresses",
        "offender": f"/cases/{slug}/offender",
        "contributor": f"/cases/{slug}/contributors/{person}",
        "authenticity": f"/cases/{slug}/exhibits/{items['attached']}/authenticity",
        "cases": "/cases",
        "new-case": "/cases/new",
        "case": f"/cases/{slug}",
        "enrol": f"/cases/{slug}/enrol",
        "timeline": f"/cases/{slug}/timeline",
        "timeline-filtered": f"/cases/{slug}/timeline?channel=sms&words=light&order=newest",
        "timeline-nothing": f"/cases/{slug}/timeline?words=nowhere",
        "exhibit-text": f"/cases/{slug}/exhibits/{items['text 6']}",
        "exhibit-attached": f"/cases/{slug}/exhibits/{items['attached']}",
        "exhibit-inline": f"/cases/{slug}/exhibits/{items['inline']}",
        "continuity": f"/cases/{slug}/continuity",
        "packages": f"/cases/{slug}/package",
        "links": f"/cases/{slug}/links",
        "retention": f"/cases/{slug}/retention",
        "quarantine": "/quarantine",
        "quarantined": f"/quarantine/{quarantined}",
        "parked": "/parked",
        "completeness": "/completeness",
        "password": "/password",
    }


@WIDTHS
def test_every_page_is_usable_on_every_width_and_asks_nobody_else(site, told, desk, width):
    desk.set_viewport_size({"width": width, "height": TALL})
    for name, path in addresses(told, site).items():
        desk.goto(desk.address + path)
        keep(desk, f"{name}-{width}")
        assert_usable(desk)
    assert desk.asked == []
    assert desk.complaints == []


def test_no_page_is_wider_than_the_smallest_phone(site, told, desk):
    desk.set_viewport_size({"width": SMALL_PHONE, "height": TALL})
    for path in addresses(told, site).values():
        desk.goto(desk.address + path)
        assert desk.evaluate("document.documentElement.scrollWidth") == SMALL_PHONE, path


@WIDTHS
def test_forms_with_faults_are_usable(site, told, desk, width):
    _, slug, _ = told
    desk.set_viewport_size({"width": width, "height": TALL})
    for name, path, button in (("enrol", f"/cases/{slug}/enrol", "Enrol"), ("new-case", "/cases/new", "Open case")):
        desk.goto(desk.address + path)
        desk.get_by_role("button", name=button).click()
        desk.get_by_role("alert").wait_for()
        keep(desk, f"{name}-faults-{width}")
        assert_usable(desk)


@WIDTHS
def test_signing_in_and_errors_are_usable(site, told, desk, width):
    desk.set_viewport_size({"width": width, "height": TALL})
    desk.context.clear_cookies()
    desk.goto(desk.address + "/cases")
    keep(desk, f"sign-in-{width}")
    assert_usable(desk)
    desk.get_by_label("E-mail address").fill(story.OFFICER)
    desk.locator("#password").fill("wrong")
    desk.get_by_role("button", name="Sign in").click()
    desk.locator(".govuk-error-summary").wait_for()
    assert_usable(desk)
    for path in ("/cases/none", "/none"):
        desk.goto(desk.address + path)
        keep(desk, f"error{path.replace('/', '-')}-{width}")
        assert_usable(desk)


def test_the_pages_work_without_scripts(site, told, desk, browser):
    _, slug, items = told
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(desk.context.cookies())
    page = context.new_page()
    page.goto(f"{desk.address}/cases/{slug}/timeline")
    page.get_by_label("Words").fill("silver")
    page.get_by_role("button", name="Apply filters").click()
    page.get_by_role("link", name="silver car").or_(page.locator(".moj-timeline__title a")).first.click()
    assert str(items["text 6"]) in page.url
    page.goto(f"{desk.address}/cases/{slug}/package")
    page.get_by_role("button", name="Build a package").click()
    expect(page.get_by_role("link", name="reload this page")).to_be_visible()
    context.close()


def test_a_keyboard_reaches_the_content_first_and_the_chart_by_name(site, told, desk):
    _, slug, _ = told
    desk.goto(f"{desk.address}/cases/{slug}/timeline")
    desk.keyboard.press("Tab")
    assert desk.evaluate("document.activeElement.textContent") == "Skip to main content"
    chart = desk.get_by_role("img")
    assert "Contacts per week" in chart.locator("title").first.text_content()
