"""Whom nobody may write to: confirmed identifiers however they are written, and what evidence alone may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from archive import offender
from archive.case import open_case
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.likeness import likeness
from archive.tables import contributor_contact
from replies.policy import Send, Silent
from replies.reasons import Reason
from replies.wall import DOUBTED, NO_OFFICER, OFFENDER, officers_of, wall_of
from tests.replies.people import ADDRESS, NOW, NUMBER

HIM = "+447700900456"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+447700900456", "07700 900456"),
        ("+447700900456", "0044 (0)7700-900456"),
        ("+447700900456", "tel:+44 7700 900 456"),
        ("+447700900456", "whatsapp:+447700900456"),
        ("+447700900456", "０７７００　９００４５６"),
        ("+447700900456", "٠٧٧٠٠٩٠٠٤٥٦"),
        ("+447700900456", "\u202a+44 7700 900456\u202c"),
        ("dan@example.org", "Dan@Example.ORG"),
        ("dan@example.org", "dan+news@example.org"),
        ("dan@example.org", "<mailto:dan@example.org>"),
        ("dan@example.org", "mailto:dan@example.org"),
        ("dan@example.org", "dan@example.org."),
        ("dan@example.org", "ｄａｎ@example.org"),
        ("dan@example.org", "d\u200ban@example.org"),
        ("dan@bücher.example", "dan@xn--bcher-kva.example"),
        ("dan.carter@gmail.com", "dancarter+x@googlemail.com"),
        ("straße@example.org", "STRASSE@example.org"),
    ],
)
def test_two_ways_of_writing_are_alike(one, other):
    assert likeness(one) == likeness(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+447700900456", "+447700900457"),
        ("dan@example.org", "dan@example.net"),
        ("dan@example.org", "dan.carter@example.org"),
        ("d.an@example.org", "dan@example.org"),
        ("dan@example.org", "+447700900456"),
    ],
)
def test_others_are_not(one, other):
    assert likeness(one) != likeness(other)


@pytest.mark.parametrize("value", ["", "Dan", "@", "+@example.org"])
def test_what_is_neither_is_alike_to_nothing_useful(value):
    assert likeness(value) in {"", "+@example.org"}


@given(st.text(max_size=60))
def test_any_words_have_a_likeness_that_is_alike_to_itself(value):
    found = likeness(value)
    assert likeness(found) == found or "@" in found


@given(st.sampled_from(["dan", "dan.smith", "d_s"]), st.text("abcXYZ019", max_size=8), st.booleans())
def test_nothing_behind_a_plus_and_no_capital_hides_an_address(name, tag, large):
    written = f"{name}+{tag}@example.org"
    assert likeness(written.upper() if large else written) == likeness(f"{name}@example.org")


def confirm(house, value, case_id=None):
    with house.engine.begin() as connection:
        offender.confirm(connection, case_id or house.case_id, value, at=NOW, actor="cli:test", reason="he said so")


def enrol_him(house, value=HIM, at=NOW, case_id=None):
    kind = ContactKind.EMAIL if "@" in value else ContactKind.PHONE
    with house.engine.begin() as connection:
        person = enrol(
            connection, case_id or house.case_id, name="Dan Smith", contacts=[Contact(kind, value)],
            safe_contact=SafeContact(ReplyStyle.DISCREET), at=at, actor="cli:test",
        )  # fmt: skip
        offender.doubt_named(connection, person, at=at)
        return person


def doubted(house, value=HIM):
    with house.engine.connect() as connection:
        query = select(contributor_contact.c.doubted_at).where(contributor_contact.c.value == value)
        return connection.execute(query).scalar() is not None


def test_a_confirmed_identifier_bars_in_every_case_and_says_so_where_somebody_is_enrolled_with_it(house):
    with house.engine.begin() as connection:
        officer = connection.exec_driver_sql("SELECT id FROM account").scalar_one()
        other = open_case(connection, "43/1/26", officer=officer, title=None, at=NOW, actor="cli:test")
    confirm(house, "07700 900123", other.id)
    assert house.decide(house.text()).decision == Silent(Reason.OFFENDER_IDENTIFIER)
    assert wall_of(house.engine)(ContactKind.PHONE, NUMBER) == OFFENDER
    assert house.alerts() == ["offender_enrolled"]


def test_a_confirmation_taken_back_bars_no_more(house):
    confirm(house, NUMBER)
    with house.engine.begin() as connection:
        (one,) = offender.confirmed_in(connection, house.case_id)
        assert offender.withdraw(connection, house.case_id, one.id, at=NOW, actor="cli:test", reason="a mistake")
        assert not offender.withdraw(connection, house.case_id, one.id, at=NOW, actor="cli:test", reason="twice")
    assert isinstance(house.decide(house.text()).decision, Send)


def test_enrolling_a_confirmed_offender_raises_the_alarm_and_answers_nothing(house):
    confirm(house, HIM)
    enrol_him(house)
    assert house.decide(house.text(sender=HIM)).decision == Silent(Reason.OFFENDER_IDENTIFIER)
    assert house.alerts() == ["offender_enrolled"]


def test_whom_evidence_named_before_is_doubted_when_somebody_enrols_it(house):
    house.arrive("From +44 7700 900456: I will find you")
    enrol_him(house, at=NOW.replace(hour=13))
    assert doubted(house)
    later = NOW.replace(hour=14)
    decided = house.decide(house.text(sender=HIM, at=later), now=later)
    assert decided.decision == Silent(Reason.CONTACT_DOUBTED)
    assert wall_of(house.engine)(ContactKind.PHONE, HIM) == DOUBTED
    assert house.alerts() == ["contact_doubted"]


def test_an_officer_settles_a_doubt(house):
    house.arrive("From 07700 900456: see you on Sunday, love mum")
    person = enrol_him(house, at=NOW.replace(hour=13))
    with house.engine.begin() as connection:
        settle = (connection, person.contacts[0].id, house.case_id)
        assert offender.settle_doubt(*settle, at=NOW, actor="cli:test", reason="it is her mother")
        assert not offender.settle_doubt(*settle, at=NOW, actor="cli:test", reason="twice")
    later = NOW.replace(hour=14)
    assert isinstance(house.decide(house.text(sender=HIM, at=later), now=later).decision, Send)


def test_evidence_written_after_an_enrolment_cannot_silence_anybody(house):
    enrol_him(house, at=NOW.replace(hour=1))
    house.arrive("From 07700 900456: forged to silence him")
    house.arrive("From 07700 900456: forged once more")
    assert not doubted(house)
    assert isinstance(house.decide(house.text(sender=HIM)).decision, Send)
    assert house.alerts() == ["contact_named"]


def test_what_came_before_the_enrolment_and_is_read_after_it_casts_doubt_too(house):
    early = NOW.replace(hour=1)
    item = house.text(body="From 07700 900456: hello", at=early)
    enrol_him(house, at=NOW.replace(hour=2))
    house.read_really(item, "From 07700 900456: hello", at=NOW)
    assert doubted(house)


def test_her_own_address_in_her_own_forward_is_no_clash(house):
    house.arrive(f"From {NUMBER}: I wrote this to him")
    assert house.alerts() == []
    assert isinstance(house.decide(house.text()).decision, Send)


@pytest.mark.parametrize("value", ["Dan", "12", "", "£500"])
def test_what_is_no_identifier_cannot_be_confirmed(house, value):
    with pytest.raises(offender.NotAnIdentifierError), house.engine.begin() as connection:
        offender.confirm(connection, house.case_id, value, at=NOW, actor="cli:test", reason="x")


def test_the_wall_before_officers_lets_active_accounts_through_and_nobody_else(house):
    wall = officers_of(house.engine)
    assert wall("o@example.net") is None
    assert wall(ADDRESS) == NO_OFFICER
    confirm(house, "O@example.net")
    assert wall("o@example.net") == OFFENDER
    with house.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE account SET active = false")
    assert wall("o@example.net") == NO_OFFICER
