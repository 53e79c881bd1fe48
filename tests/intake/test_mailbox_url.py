"""Where a mailbox is: what the setting says, decoded once, and refused with a sentence that never shows the password."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.errors import MailboxUrlError
from intake.mailbox_url import MailboxUrl, parsed_mailboxes

TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


def test_every_part_is_percent_decoded():
    url = MailboxUrl.parse("imaps://desk%40force.example:p%3A%2F%40%25w@Mail.Example:1993/Post/K%C3%BCche")
    assert (url.user, url.password, url.folder) == ("desk@force.example", "p:/@%w", "Post/Küche")
    assert (url.host, url.port, url.tls) == ("mail.example", 1993, True)
    assert url.account == "desk@force.example@mail.example"


@given(user=TEXTS, password=TEXTS)
def test_any_user_and_password_survive_the_way_through_the_setting(user, password):
    url = MailboxUrl.parse(f"imaps://{quote(user, safe='')}:{quote(password, safe='')}@mail.example/")
    assert (url.user, url.password) == (user, password)


@pytest.mark.parametrize(
    ("url", "port", "folder"),
    [
        ("imap://u:p@h.example", 143, "INBOX"),
        ("imaps://u:p@h.example/", 993, "INBOX"),
        ("imaps://u:p@h.example/inbox", 993, "INBOX"),
        ("imap://u:p@[::1]:7/Box", 7, "Box"),
    ],
)
def test_what_is_left_out_is_the_usual(url, port, folder):
    parsed = MailboxUrl.parse(url)
    assert (parsed.port, parsed.folder) == (port, folder)


@pytest.mark.parametrize(
    "url",
    [
        "https://u:sesame@h.example/INBOX",
        "imaps://u@h.example/INBOX",
        "imaps://:sesame@h.example/INBOX",
        "imaps://u:sesame@/INBOX",
        "imaps://u:sesame@h.example:port/INBOX",
        "imaps://u:sesame%FF@h.example/INBOX",
        "imaps://u:sesame%0D%0ALOGOUT@h.example/INBOX",
        "imaps://u:sesame@h.example/Archived",
        "imaps://u:sesame@[h.example/INBOX",
        "imaps://u;AUTH=XOAUTH2:sesame@h.example/INBOX",
        "imaps://;AUTH=XOAUTH2@h.example/INBOX",
        "",
    ],
)
def test_what_is_no_mailbox_is_refused_without_telling_the_password(url):
    with pytest.raises(MailboxUrlError) as caught:
        MailboxUrl.parse(url)
    assert "sesame" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text(string.printable, max_size=60))
def test_any_text_is_a_mailbox_or_refused(text):
    try:
        parsed = MailboxUrl.parse(f"imaps://{text}")
    except MailboxUrlError:
        return
    assert parsed.host
    assert parsed.user
    assert bool(parsed.password) is not parsed.by_token


def test_the_password_is_in_no_representation():
    assert "sesame" not in repr(MailboxUrl.parse("imaps://u:sesame@h.example"))


@pytest.mark.parametrize("mechanism", [";AUTH=XOAUTH2", ";auth=xoauth2"])
def test_a_mailbox_may_log_in_by_tokens(mechanism):
    url = MailboxUrl.parse(f"imaps://desk%40force.example{mechanism}@outlook.office365.com/INBOX")
    assert (url.user, url.password, url.by_token) == ("desk@force.example", "", True)


def test_several_mailboxes_stand_on_lines_or_with_spaces_between():
    text = " imaps://a:p@h.example/INBOX\n\timaps://a:p@h.example/Second  imap://b:p@[::1]/ \n"
    assert [url.name for url in parsed_mailboxes(text)] == ["a@h.example/INBOX", "a@h.example/Second", "b@::1/INBOX"]
    assert parsed_mailboxes("  \n") == ()


@pytest.mark.parametrize(
    "text", ["imaps://a:sesame@h.example sesame", "imaps://a:p@h.example/ imap://a:sesame@H.EXAMPLE:7/inbox"]
)
def test_which_of_several_is_wrong_is_said_by_its_number_alone(text):
    with pytest.raises(MailboxUrlError, match="number 2") as caught:
        parsed_mailboxes(text)
    assert "sesame" not in str(caught.value)
