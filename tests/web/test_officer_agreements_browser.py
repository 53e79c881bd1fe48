"""Pages of agreements, of the offender's identifiers and of attached words, in a real browser."""

import pytest
from sqlalchemy import select, update

from archive.case import case_of
from archive.contributor import contributors_of
from archive.offender import confirm, doubt
from archive.tables import contributor, contributor_contact
from replies.follow_ups import attach, words_of
from tests.web.conftest import DESKTOP, PHONE, SMALL_PHONE
from tests.web.test_officer_browser import TALL, desk, keep, told  # noqa: F401 - fixtures
from tests.web.test_public_browser import assert_usable


@pytest.fixture
def pages(site, told):  # noqa: F811
    """A contact in doubt and opted out, a private word agreed, an identifier confirmed, words beside a text."""
    _, slug, items = told
    at = site.casework.at
    with site.casework.archive.engine.begin() as connection:
        case = case_of(connection, "42/1234/26")
        (amy,) = contributors_of(connection, case.id)
        connection.execute(
            update(contributor).values(
                reply_style="discreet", questions_allowed=True, language="cy", duress_mark=site.web.signals.mark("abcd")
            )
        )
        first = connection.execute(select(contributor_contact.c.id).order_by(contributor_contact.c.value)).scalars()
        contact = next(iter(first))
        doubt(connection, contact, case.id, at=at)
        connection.execute(update(contributor_contact).values(opted_out_at=at))
        confirm(connection, case.id, "07700 900321", at=at, actor="cli:sam", reason="he said so")
        attach(
            connection,
            items["text 7"],
            words_of(connection, items["text 8"]),
            at=at,
            actor="cli:sam",
            reason="she rang",
        )
    return {
        "case-agreed": f"/cases/{slug}",
        "contributor": f"/cases/{slug}/contributors/{amy.id}",
        "offender": f"/cases/{slug}/offender",
        "exhibit-said": f"/cases/{slug}/exhibits/{items['text 7']}",
        "exhibit-follow-up": f"/cases/{slug}/exhibits/{items['text 8']}",
    }


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_each_page_is_usable_and_asks_nobody_else(pages, desk, width):  # noqa: F811
    desk.set_viewport_size({"width": width, "height": TALL})
    for name, path in pages.items():
        desk.goto(desk.address + path)
        keep(desk, f"{name}-{width}")
        assert_usable(desk)
        desk.set_viewport_size({"width": SMALL_PHONE, "height": TALL})
        assert desk.evaluate("document.documentElement.scrollWidth") == SMALL_PHONE, path
        desk.set_viewport_size({"width": width, "height": TALL})
    assert desk.asked == []
    assert desk.complaints == []


def test_a_review_with_faults_is_usable(pages, desk):  # noqa: F811
    desk.set_viewport_size({"width": DESKTOP, "height": TALL})
    desk.goto(desk.address + pages["contributor"])
    desk.get_by_role("button", name="This is what they agree").click()
    desk.get_by_role("alert").wait_for()
    keep(desk, "contributor-faults")
    assert_usable(desk)
