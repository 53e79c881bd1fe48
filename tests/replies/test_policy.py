"""Whether a contributor is answered: a table for every rule, and properties over all of them."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.acquisition import Channel
from archive.contributor import Contact, ContactKind, ReplyStyle
from replies.policy import History, Limits, Send, Silent, decide, decide_again
from replies.quiet_hours import is_quiet
from replies.reasons import EXPLAINED, Reason
from replies.wording import DISCREET, forbidden_in
from tests.replies.people import (
    ADDRESS,
    AGREED,
    AMY,
    LIMITS,
    MAIL,
    MAILBOX,
    NIGHT,
    NOW,
    NUMBER,
    PHONE,
    TEXT,
    agreeing,
    decided,
    nobody,
)

LANDLINE, FOREIGN, PERSONAL = "+442079460123", "+15005550006", "+447000900123"


def known_by(value, kind=ContactKind.PHONE):
    return replace(AMY, contacts=(Contact(kind, value),))


def standing(**how):
    return replace(AMY, contacts=(replace(PHONE, **how), MAILBOX))


def test_a_text_of_an_enrolled_contributor_is_answered_after_the_burst_by_the_same_number():
    assert decided() == Send(PHONE, NOW + timedelta(seconds=120), DISCREET)


def test_a_mail_of_an_enrolled_contributor_is_answered_to_the_same_address():
    assert decided(MAIL) == Send(MAILBOX, NOW + timedelta(seconds=120), DISCREET)


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        pytest.param({"item": replace(TEXT, archived=False)}, Reason.NOT_ARCHIVED, id="not archived"),
        pytest.param({"item": replace(TEXT, part=True)}, Reason.PART_OF_A_TEXT, id="a picture of a text"),
        pytest.param({"item": replace(TEXT, imported=True)}, Reason.IMPORTED, id="imported"),
        pytest.param({"item": replace(TEXT, observed_again=True)}, Reason.OBSERVED_AGAIN, id="observed again"),
        pytest.param({"item": replace(TEXT, channel=Channel.UPLOAD)}, Reason.NOT_A_MESSAGE, id="an upload"),
        pytest.param({"item": replace(TEXT, channel=Channel.DIARY)}, Reason.NOT_A_MESSAGE, id="a form"),
        pytest.param({"item": replace(TEXT, enrolled=2), "person": None}, Reason.AMBIGUOUS, id="enrolled twice"),
        pytest.param({"item": replace(TEXT, enrolled=0), "person": None}, Reason.UNKNOWN_SENDER, id="a stranger"),
        pytest.param({"item": replace(TEXT, assigned_to=None)}, Reason.UNKNOWN_SENDER, id="in quarantine"),
        pytest.param({"item": replace(TEXT, assigned_to=UUID(int=9))}, Reason.AMBIGUOUS, id="another's item"),
        pytest.param({"item": replace(TEXT, sender="+447700900999")}, Reason.UNKNOWN_SENDER, id="another number"),
        pytest.param({"item": replace(TEXT, sender=ADDRESS)}, Reason.UNKNOWN_SENDER, id="an address sends no text"),
        pytest.param({"item": replace(TEXT, by_plain_text=False)}, Reason.OTHER_WAY, id="by WhatsApp"),
        pytest.param({"limits": replace(LIMITS, own=frozenset({NUMBER}))}, Reason.OWN_ADDRESS, id="our own number"),
        pytest.param({"is_offender": {NUMBER}.__contains__}, Reason.OFFENDER_IDENTIFIER, id="the offender's"),
        pytest.param({"limits": replace(LIMITS, texts=False)}, Reason.SWITCHED_OFF, id="texts switched off"),
        pytest.param({"item": MAIL, "limits": replace(LIMITS, mails=False)}, Reason.SWITCHED_OFF, id="mails off"),
        pytest.param({"person": agreeing(style=ReplyStyle.NONE)}, Reason.STYLE_NONE, id="no answers agreed"),
        pytest.param({"person": agreeing(review_by=date(2026, 11, 22))}, Reason.AGREEMENT_EXPIRED, id="expired"),
        pytest.param({"person": agreeing(timezone="Mars/Olympus")}, Reason.UNKNOWN_ZONE, id="no such zone"),
        pytest.param({"person": agreeing(timezone="../etc")}, Reason.UNKNOWN_ZONE, id="a zone that is a path"),
        pytest.param({"person": agreeing(timezone="")}, Reason.UNKNOWN_ZONE, id="no zone"),
        pytest.param({"person": agreeing(quiet=(time(9), time(9)))}, Reason.ALWAYS_QUIET, id="quiet all day"),
        pytest.param(
            {"item": replace(TEXT, sender=LANDLINE), "person": known_by(LANDLINE)}, Reason.LANDLINE, id="a landline"
        ),
        pytest.param(
            {"item": replace(TEXT, sender=PERSONAL), "person": known_by(PERSONAL)}, Reason.LANDLINE, id="070 number"
        ),
        pytest.param(
            {"item": replace(TEXT, sender=FOREIGN), "person": known_by(FOREIGN)}, Reason.FOREIGN_NUMBER, id="foreign"
        ),
        pytest.param(
            {"item": replace(MAIL, sender="amŷ@example.org"), "person": known_by("amŷ@example.org", ContactKind.EMAIL)},
            Reason.UNUSABLE_ADDRESS,
            id="an address beyond ASCII",
        ),
        pytest.param({"person": standing(opted_out=True)}, Reason.OPTED_OUT, id="opted out"),
        pytest.param({"person": standing(doubted=True)}, Reason.CONTACT_DOUBTED, id="in doubt"),
        pytest.param({"item": replace(MAIL, headers=None)}, Reason.AUTOMATIC_MAIL, id="unreadable header"),
        pytest.param(
            {"item": replace(MAIL, headers=(*MAIL.headers, ("Auto-Submitted", "auto-replied")))},
            Reason.AUTOMATIC_MAIL,
            id="an automatic mail",
        ),
        pytest.param({"item": replace(TEXT, came_at=NOW - timedelta(days=8))}, Reason.TOO_LATE, id="a week old"),
        pytest.param({"history": History(in_the_day=24)}, Reason.RATE_CAP, id="too many to her"),
        pytest.param({"history": History(all_in_the_day=500)}, Reason.COST_CAP, id="too many in all"),
    ],
)
def test_each_rule_alone_is_enough_for_silence(given_, reason):
    assert decided(**given_) == Silent(reason)


def test_every_reason_is_explained_to_the_officer():
    assert set(EXPLAINED) == set(Reason)


def test_an_agreement_holds_through_its_last_day_where_she_is():
    one_day = agreeing(review_by=date(2026, 7, 1), timezone="Europe/London")
    last_minute = datetime(2026, 7, 1, 22, 57, tzinfo=UTC)  # 23:57 in summer time; with the burst 23:59
    fresh = replace(TEXT, came_at=last_minute)
    assert isinstance(decided(fresh, one_day, now=last_minute), Send)
    assert decided(fresh, one_day, now=last_minute + timedelta(minutes=1)) == Silent(Reason.AGREEMENT_EXPIRED)


def test_an_answer_that_quiet_hours_move_past_the_agreement_is_silence():
    until_today = agreeing(review_by=date(2026, 11, 23), quiet=NIGHT)
    late = NOW.replace(hour=23)
    assert decided(replace(TEXT, came_at=late), until_today, now=late) == Silent(Reason.AGREEMENT_EXPIRED)


def test_quiet_hours_move_an_answer_to_their_end():
    late = NOW.replace(hour=23)
    decision = decided(replace(TEXT, came_at=late), agreeing(quiet=NIGHT), now=late)
    assert decision == Send(PHONE, datetime(2026, 11, 24, 7, tzinfo=UTC), DISCREET)


def test_further_items_of_a_burst_share_the_planned_answer_even_at_the_cap():
    planned = NOW + timedelta(seconds=40)
    capped = History(planned_for=planned, in_the_day=24, all_in_the_day=500)
    assert decided(history=capped) == Send(PHONE, planned, DISCREET, joins=True)


def test_her_own_words_are_sent_and_unsafe_ones_are_not():
    assert decided(person=agreeing(wording="Lovely, see you soon x")).wording == "Lovely, see you soon x"
    assert decided(person=agreeing(wording="The police have it")).wording == DISCREET


def test_a_planned_answer_goes_when_it_is_due():
    assert decide_again(PHONE, AMY, NOW, NOW, LIMITS, nobody) == Send(PHONE, NOW, DISCREET)


@pytest.mark.parametrize(
    ("person", "is_offender", "now", "reason"),
    [
        pytest.param(None, nobody, NOW, Reason.UNKNOWN_SENDER, id="left, or enrolled twice"),
        pytest.param(replace(AMY, contacts=(MAILBOX,)), nobody, NOW, Reason.UNKNOWN_SENDER, id="number taken away"),
        pytest.param(agreeing(style=ReplyStyle.NONE), nobody, NOW, Reason.STYLE_NONE, id="changed her mind"),
        pytest.param(AMY, {NUMBER}.__contains__, NOW, Reason.OFFENDER_IDENTIFIER, id="confirmed since"),
        pytest.param(standing(opted_out=True), nobody, NOW, Reason.OPTED_OUT, id="opted out since"),
        pytest.param(standing(doubted=True), nobody, NOW, Reason.CONTACT_DOUBTED, id="in doubt since"),
        pytest.param(agreeing(review_by=None), nobody, NOW + timedelta(days=8), Reason.TOO_LATE, id="a week later"),
    ],
)
def test_what_changed_since_planning_withdraws_an_answer(person, is_offender, now, reason):
    assert decide_again(PHONE, person, NOW, now, LIMITS, is_offender) == Silent(reason)


def test_an_answer_that_waited_into_the_quiet_hours_waits_for_their_end():
    late = NOW.replace(hour=23)
    decision = decide_again(PHONE, agreeing(quiet=NIGHT), NOW, late, LIMITS, nobody)
    assert decision == Send(PHONE, datetime(2026, 11, 24, 7, tzinfo=UTC), DISCREET)


def mostly(usual, *others):
    """Usually `usual`: a rule that is broken in half of the examples would hide the other rules."""
    return st.sampled_from([usual] * 12 + list(others))


numbers = mostly(NUMBER, "+447700900999", LANDLINE, FOREIGN, "+447700900100")
addresses = mostly(ADDRESS, "him@example.org", "desk@example.net", "mailer-daemon@example.org")
contacts = st.builds(Contact, st.just(ContactKind.PHONE), numbers) | st.builds(
    Contact, st.just(ContactKind.EMAIL), addresses
)
header_names = st.sampled_from(
    [
        "From",
        "Reply-To",
        "Return-Path",
        "Sender",
        "List-Post",
        "Disposition-Notification-To",
        "Errors-To",
        "To",
        "X-Loop",
    ]
)
extra_headers = st.lists(st.tuples(header_names, addresses | st.text(max_size=30)), max_size=4).map(tuple)
agreements = st.builds(
    replace,
    st.just(AGREED),
    style=mostly(ReplyStyle.DISCREET, *ReplyStyle),
    wording=st.none() | st.text(max_size=40) | st.sampled_from(["Ta", "police evidence", "see www.example.org"]),
    quiet=st.none() | st.tuples(st.times(), st.times()),
    timezone=mostly("Europe/London", "Asia/Kathmandu", "America/St_Johns", "Nowhere"),
    review_by=st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31)),
)
people = st.builds(
    replace,
    st.just(AMY),
    id=mostly(AMY.id, UUID(int=9)),
    contacts=mostly((PHONE, MAILBOX)) | st.lists(contacts, max_size=3).map(tuple),
    safe_contact=agreements,
)
items = st.builds(
    replace,
    st.just(TEXT) | st.builds(replace, st.just(MAIL), headers=extra_headers.map(lambda extra: (*MAIL.headers, *extra))),
    archived=mostly(True, False),
    assigned_to=mostly(AMY.id, None),
    enrolled=mostly(1, 0, 2),
    part=mostly(False, True),
    imported=mostly(False, True),
) | st.builds(replace, st.just(TEXT), channel=st.sampled_from(Channel), sender=st.none() | numbers | addresses)
histories = st.builds(History, st.none() | st.just(NOW), st.integers(0, 26), mostly(0, 499, 500))
moments = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(
    items,
    st.none() | people,
    histories,
    moments,
    st.sets(st.sampled_from([ADDRESS, NUMBER, "+447700900999"]), max_size=1),
)
def test_whatever_comes_an_answer_goes_only_to_the_enrolled_sender_when_every_rule_is_met(
    item, person, history, now, offenders
):
    decision = decide(replace(item, came_at=now), person, history, now, LIMITS, offenders.__contains__)
    if isinstance(decision, Silent):
        return
    assert item.archived
    assert person is not None
    assert item.assigned_to == person.id
    assert item.enrolled == 1
    assert decision.contact in person.contacts
    assert decision.contact.value == item.sender
    assert item.sender not in offenders | LIMITS.own
    assert not forbidden_in(decision.wording)
    agreed = person.safe_contact
    assert agreed.style is not ReplyStyle.NONE
    zone = ZoneInfo(agreed.timezone)
    assert not is_quiet(decision.when, agreed.quiet, zone)
    assert agreed.review_by is None or decision.when.astimezone(zone).date() <= agreed.review_by


@given(extra_headers)
def test_no_header_of_a_mail_changes_whom_the_answer_goes_to(extra):
    decision = decided(replace(MAIL, headers=(*MAIL.headers, *extra)))
    assert isinstance(decision, Silent) or decision.contact == MAILBOX


@given(people, st.booleans(), st.booleans())
def test_nothing_is_answered_before_it_is_archived(person, part, imported):
    item = replace(TEXT, archived=False, part=part, imported=imported)
    assert decide(item, person, History(), NOW, Limits(), nobody) == Silent(Reason.NOT_ARCHIVED)
