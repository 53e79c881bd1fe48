"""Whether a link may be sent: a table for every rule, and properties over all of them."""

from dataclasses import replace
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.contributor import Contact, ContactKind, ReplyStyle
from replies.links import SUBJECTS, WITHHELD, WORDS, SendLink, Wanted, decide_link, is_telling, preferred
from replies.policy import History, Silent
from replies.quiet_hours import is_quiet
from replies.reasons import EXPLAINED, Reason
from replies.wording import forbidden_in
from tests.replies.people import ADDRESS, AGREED, AMY, LIMITS, MAILBOX, NIGHT, NOW, NUMBER, PHONE, nobody
from tests.replies.test_policy import agreements, histories, moments, mostly

WITH_LINKS = replace(AGREED, links_allowed=True)
BETH = replace(AMY, safe_contact=WITH_LINKS)
PAGES = "https://larch.example.net"
LANDLINE, FOREIGN = "+442079460123", "+15005550006"


def agreeing(**what):
    return replace(BETH, safe_contact=replace(WITH_LINKS, **what))


def known_by(value, kind=ContactKind.PHONE):
    return replace(BETH, contacts=(Contact(kind, value, UUID(int=11)),))


def decided(
    person=BETH,
    contact=PHONE,
    enrolled=None,
    public_url=PAGES,
    history=History(),  # noqa: B008 - frozen
    now=NOW,
    limits=LIMITS,
    is_offender=nobody,
):
    wanted = Wanted(person, contact, {person.id} if enrolled is None else enrolled, public_url)
    return decide_link(wanted, history, now, limits, is_offender)


@pytest.mark.parametrize(
    ("person", "contact", "decision"),
    [
        (BETH, PHONE, SendLink(PHONE, "Here it is:", None)),
        (BETH, MAILBOX, SendLink(MAILBOX, "Here it is:", "Here it is")),
        (agreeing(style=ReplyStyle.PLAIN), PHONE, SendLink(PHONE, "Your page is ready:", None)),
        (agreeing(wording="Lovely, see you soon x"), PHONE, SendLink(PHONE, "Here it is:", None)),
    ],
)
def test_who_agreed_to_links_is_sent_one_at_once(person, contact, decision):
    assert decided(person, contact) == decision


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        pytest.param({"contact": Contact(ContactKind.PHONE, "+447700900999")}, Reason.UNKNOWN_SENDER, id="not hers"),
        pytest.param({"enrolled": set()}, Reason.UNKNOWN_SENDER, id="left, or not enrolled any more"),
        pytest.param({"enrolled": {UUID(int=9)}}, Reason.UNKNOWN_SENDER, id="another's now"),
        pytest.param({"enrolled": {BETH.id, UUID(int=9)}}, Reason.AMBIGUOUS, id="enrolled twice"),
        pytest.param({"person": AMY}, Reason.LINKS_NOT_AGREED, id="links not agreed"),
        pytest.param({"person": agreeing(style=ReplyStyle.NONE)}, Reason.STYLE_NONE, id="no answers agreed"),
        pytest.param({"person": agreeing(review_by=date(2026, 11, 22))}, Reason.AGREEMENT_EXPIRED, id="out of date"),
        pytest.param({"person": agreeing(quiet=(time(11), time(13)))}, Reason.QUIET_NOW, id="quiet hours"),
        pytest.param(
            {"person": agreeing(quiet=NIGHT), "now": NOW.replace(hour=23)}, Reason.QUIET_NOW, id="quiet at night"
        ),
        pytest.param({"person": agreeing(quiet=(time(9), time(9)))}, Reason.ALWAYS_QUIET, id="quiet all day"),
        pytest.param({"person": agreeing(timezone="Mars/Olympus")}, Reason.UNKNOWN_ZONE, id="no such zone"),
        pytest.param(
            {"person": known_by(LANDLINE), "contact": known_by(LANDLINE).contacts[0]}, Reason.LANDLINE, id="a landline"
        ),
        pytest.param(
            {"person": known_by(FOREIGN), "contact": known_by(FOREIGN).contacts[0]}, Reason.FOREIGN_NUMBER, id="foreign"
        ),
        pytest.param({"is_offender": {NUMBER}.__contains__}, Reason.OFFENDER_IDENTIFIER, id="the offender's"),
        pytest.param({"limits": replace(LIMITS, texts=False)}, Reason.SWITCHED_OFF, id="texts switched off"),
        pytest.param(
            {"contact": MAILBOX, "limits": replace(LIMITS, mails=False)}, Reason.SWITCHED_OFF, id="mails switched off"
        ),
        pytest.param({"limits": replace(LIMITS, own=frozenset({NUMBER}))}, Reason.OWN_ADDRESS, id="our own number"),
        pytest.param({"history": History(in_the_day=24)}, Reason.RATE_CAP, id="enough for one contact"),
        pytest.param({"history": History(all_in_the_day=500)}, Reason.COST_CAP, id="enough for a day"),
        pytest.param({"public_url": "https://intake.example.police.uk"}, Reason.TELLING_ADDRESS, id="police in it"),
        pytest.param({"public_url": "https://antistalking.example.org"}, Reason.TELLING_ADDRESS, id="in one word"),
    ],
)
def test_a_link_is_not_sent_where_any_rule_says_no_and_the_officer_reads_what_to_do(given_, reason):
    assert decided(**given_) == Silent(reason)
    assert WITHHELD[reason]


def by_hand(contacts):
    return [
        *contacts.values(),
        Contact(ContactKind.PHONE, LANDLINE, UUID(int=21)),
        Contact(ContactKind.PHONE, FOREIGN, UUID(int=22)),
        Contact(ContactKind.PHONE, "+447700900999", UUID(int=23)),
        Contact(ContactKind.EMAIL, "him@example.org", UUID(int=24)),
    ]


anybody = st.sampled_from(by_hand({"phone": PHONE, "mailbox": MAILBOX}))
people = st.builds(
    replace,
    st.just(BETH),
    contacts=mostly((PHONE, MAILBOX)) | st.lists(anybody, max_size=3).map(tuple),
    safe_contact=st.builds(replace, agreements, links_allowed=mostly(True, False)),
)
pages = mostly(PAGES, "https://www.example.police.uk", "http://127.0.0.1:8080", "", "https://evidence.example.org")


@given(
    people,
    mostly(PHONE, MAILBOX) | anybody,
    mostly({BETH.id}, set(), {BETH.id, UUID(int=9)}),
    pages,
    histories,
    moments,
    st.sets(st.sampled_from([ADDRESS, NUMBER]), max_size=1),
)
def test_whatever_is_asked_a_link_goes_only_where_every_rule_is_met(
    person, contact, enrolled, url, history, now, offenders
):
    decision = decided(person, contact, enrolled, url, history, now, is_offender=offenders.__contains__)
    agreed = person.safe_contact
    if isinstance(decision, Silent):
        assert WITHHELD[decision.reason]
        assert EXPLAINED[decision.reason]
        return
    assert decision.contact == contact
    assert contact in person.contacts
    assert enrolled == {person.id}
    assert agreed.links_allowed
    assert agreed.style is not ReplyStyle.NONE
    assert contact.value not in offenders | LIMITS.own | {LANDLINE, FOREIGN}
    zone = ZoneInfo(agreed.timezone)
    assert not is_quiet(now, agreed.quiet, zone)
    assert agreed.review_by is None or now.astimezone(zone).date() <= agreed.review_by
    assert "police" not in url
    assert "evidence" not in url
    assert history.in_the_day < LIMITS.contributor_daily


@given(people, anybody, histories, moments)
def test_without_her_word_no_link_is_ever_sent(person, contact, history, now):
    unasked = replace(person, safe_contact=replace(person.safe_contact, links_allowed=False))
    assert isinstance(decided(unasked, contact, history=history, now=now), Silent)


def test_the_words_before_a_link_say_nothing():
    for words in (*(one for said in WORDS.values() for one in said.values()), *SUBJECTS.values()):
        assert forbidden_in(words) == []
        assert words.isascii()


@pytest.mark.parametrize(
    ("url", "telling"),
    [
        ("https://larch.example.net", False),
        ("https://larch.example.net/police", False),
        ("http://127.0.0.1:8080", False),
        ("https://www.exampleshire.police.uk", True),
        ("https://exampleshirePOLICE.example", True),
        ("https://anti-stalk-ing.example", True),
        ("https://holdfast.example.net", True),
        ("not an address", False),
    ],
)
def test_an_address_tells_by_its_host(url, telling):
    assert is_telling(url) is telling


def test_a_text_is_preferred_where_nobody_chose():
    assert preferred(replace(BETH, contacts=(MAILBOX, PHONE))) == PHONE
    assert preferred(replace(BETH, contacts=(MAILBOX,))) == MAILBOX
    assert preferred(replace(BETH, contacts=())) is None


def test_links_are_sent_again_when_the_quiet_hours_are_over():
    morning = datetime(2026, 11, 24, 7, 0, tzinfo=NOW.tzinfo)
    assert isinstance(decided(agreeing(quiet=NIGHT), now=morning), SendLink)
