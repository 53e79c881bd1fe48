"""The doctor's lines on mailboxes."""

import json

import pytest

from tests.intake.conftest import Desk, started
from tests.intake.nasty_server import Nasty


@pytest.fixture
def dovecot():
    server = started()
    yield server
    server.close()


def test_the_doctor_opens_every_mailbox_and_says_what_is_wrong_with_which(holdfast, dovecot):
    desk = Desk(dovecot)
    desk.drop(b"From: a@example.org\r\n\r\nx\r\n")
    refusing = Nasty({}, login_answer=b"NO [AUTHENTICATIONFAILED] no")
    try:
        urls = f"{dovecot.url(desk.user)} imap://desk:sesame@127.0.0.1:{refusing.port}/INBOX"
        printed = holdfast("doctor", "--json", code=1, HOLDFAST_IMAP_URL=urls)
    finally:
        refusing.close()
    found = {each["what"]: each for each in json.loads(printed)["findings"] if each["what"].startswith("mailbox")}
    well, ill = found[f"mailbox {desk.url.name}"], found["mailbox desk@127.0.0.1/INBOX"]
    assert (well["fault"], ill["fault"]) == (False, True)
    assert "1 mails in it" in well["says"]
    assert "refused the login" in ill["says"]
    assert "sesame" not in printed
    assert desk.holds()
