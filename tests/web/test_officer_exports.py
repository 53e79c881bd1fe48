"""What officers see of an export that came in: that it waits, what came out of it, and what did not."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from tests.intake.test_exports import SMS
from workers.exports import export_taker

SLUG = "42-1234-26"


@pytest.fixture
def officer(site):
    return site.person(email="dc.jones@force.example")


@pytest.fixture
def held(site, officer):
    made = site.case("42/1234/26", officer)
    site.casework.enrol(made, email="amy@amy.example")
    message = EmailMessage()
    message["From"], message["Subject"] = "amy@amy.example", "my phone"
    message.set_content("Everything.\n")
    more = SMS.replace(b'count="3"', b'count="4"')
    message.add_attachment(more, maintype="text", subtype="xml", filename="sms.xml")
    return site.casework.mail(message.as_bytes(), sender="amy@amy.example")


def shown(site, officer, held):
    return site.browser(officer).get(f"/cases/{SLUG}/exhibits/{held}").text


def test_the_page_says_that_it_waits_then_what_came_out_of_it_and_what_did_not(site, officer, held):
    assert "waits to be taken apart" in shown(site, officer, held)
    export_taker(site.casework.archive, now=site.casework.now).take(held)
    page = shown(site, officer, held)
    assert "4 exhibits came out of it" in page
    assert "Calls" in page
    assert "Not taken whole: it says that it holds 4 messages, 3 were found" in page
