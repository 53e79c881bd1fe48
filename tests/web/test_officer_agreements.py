"""Officers' pages of what contributors agree, of whom nobody may write to, and of words that belong to another item."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from archive.contributor import Language, ReplyStyle, agree_anew, contributors_of
from archive.offender import confirmed_in, doubt
from archive.tables import contributor_contact, follow_up
from intake.reading.model import Reading

REFERENCE, SLUG = "42/1234/26", "42-1234-26"
ENROLMENT = {
    "name": "Beth Dale", "phones": "07700 900777", "emails": "beth@example.org", "seen": "no", "reply": "discreet",
    "language": "cy", "questions": "yes", "timezone": "Europe/Madrid", "duress": "purple umbrella",
    "stop": "cancel my order",
}  # fmt: skip


@pytest.fixture
def officer(site):
    return site.person(email="dc.jones@force.example")


@pytest.fixture
def case(site, officer):
    return site.case(REFERENCE, officer, "Operation Larch")


@pytest.fixture
def desk(site, officer):
    return site.browser(officer)


@pytest.fixture
def beth(site, case, desk):
    assert desk.post(f"/cases/{SLUG}/enrol", ENROLMENT).status_code == 303
    return person_of(site, case)


def person_of(site, case):
    with site.web.engine.connect() as connection:
        return contributors_of(connection, case.id)[-1]


def page_of(person):
    return f"/cases/{SLUG}/contributors/{person.id}"


def settle(desk, person, contact, act, reason):
    return desk.post(f"{page_of(person)}/contacts/{contact.id}/{act}", {"reason": reason}, form_on=page_of(person))


def agreement(**changed):
    usual = {"seen": "no", "reply": "plain", "language": "en", "timezone": "Europe/London", "reason": "in person"}
    return {**usual, **changed}


def test_everything_she_agreed_is_kept_and_the_private_words_are_nowhere(site, case, beth):
    agreed = beth.safe_contact
    assert (agreed.language, agreed.questions_allowed, agreed.timezone) == (Language.WELSH, True, "Europe/Madrid")
    assert site.web.signals.is_within(agreed.duress_mark, "I lost my Purple umbrella.")
    assert site.web.signals.is_whole(agreed.stop_mark, "Cancel my order!")
    (entry,) = site.entries("contributor.enrolled")
    assert "umbrella" not in str(entry)
    assert "duress" not in str(entry)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"wording": "The police have it"}, "draw conclusions"),
        ({"wording": "x" * 200}, "one text holds"),
        ({"timezone": "Mars/Olympus"}, "Write the time zone"),
        ({"reply": "none"}, "nothing can be asked"),
        ({"duress": "ow"}, "at least 4 letters"),
        ({"stop": "a b c d e f g h"}, "1 to 6 words"),
    ],
)
def test_what_is_wrong_with_an_agreement_is_said(site, case, desk, changed, fault):
    answer = desk.post(f"/cases/{SLUG}/enrol", {**ENROLMENT, **changed})
    assert answer.status_code == 400
    assert fault in answer.get_data(as_text=True)
    assert site.entries("contributor.enrolled") == []


def test_her_page_shows_what_she_agreed_and_never_the_private_words(site, desk, beth):
    shown = desk.text(page_of(beth))
    assert "Beth Dale" in shown
    assert "One is agreed. Forget it" in shown
    assert "umbrella" not in shown


def test_a_review_changes_the_agreement_and_keeps_private_words_that_were_not_written_anew(site, case, desk, beth):
    answer = desk.post(page_of(beth), agreement(wording="Ta x", review_by="2027-05-01"))
    assert answer.status_code == 303
    agreed = person_of(site, case).safe_contact
    assert (agreed.style, agreed.wording, agreed.language) == (ReplyStyle.PLAIN, "Ta x", Language.ENGLISH)
    assert agreed.duress_mark == beth.safe_contact.duress_mark
    (entry,) = site.entries("agreement.changed")
    assert (entry["reason"], entry["facts"]["review_by"]) == ("in person", "2027-05-01")


def test_private_words_are_forgotten_when_the_officer_says_so(site, case, desk, beth):
    desk.post(page_of(beth), agreement(forget_duress="yes", forget_stop="yes"))
    agreed = person_of(site, case).safe_contact
    assert (agreed.duress_mark, agreed.stop_mark) == (None, None)


def test_a_review_needs_how_she_was_asked_but_silence_needs_nothing(site, case, desk, beth):
    assert desk.post(page_of(beth), agreement(reason="")).status_code == 400
    assert desk.post(page_of(beth), agreement(reason="", reply="none")).status_code == 303
    assert person_of(site, case).safe_contact.style is ReplyStyle.NONE


def test_a_contact_in_doubt_is_settled_with_a_reason(site, case, desk, beth):
    contact = beth.contacts[0]
    with site.web.engine.begin() as connection:
        doubt(connection, contact.id, case.id, at=site.casework.at)
    assert "In doubt" in desk.text(f"/cases/{SLUG}")
    assert settle(desk, beth, contact, "theirs", "").status_code == 400
    assert settle(desk, beth, contact, "theirs", "rang her at work").status_code == 303
    assert not any(one.doubted for one in person_of(site, case).contacts)
    assert settle(desk, beth, contact, "theirs", "again").status_code == 404


def test_a_contact_in_doubt_is_confirmed_as_the_offenders(site, case, desk, beth):
    contact = beth.contacts[0]
    with site.web.engine.begin() as connection:
        doubt(connection, contact.id, case.id, at=site.casework.at)
    settle(desk, beth, contact, "offender", "she says so")
    with site.web.engine.connect() as connection:
        assert [one.value for one in confirmed_in(connection, case.id)] == [contact.value]
    assert "Confirmed as an offender" in desk.text(page_of(beth))


def test_an_opted_out_number_says_what_to_do_and_is_cleared(site, case, desk, beth):
    phone = next(one for one in beth.contacts if one.value.startswith("+"))
    with site.web.engine.begin() as connection:
        mine = contributor_contact.c.id == phone.id
        connection.execute(update(contributor_contact).where(mine).values(opted_out_at=site.casework.at))
    assert "Opted out" in desk.text(f"/cases/{SLUG}")
    assert "they send START from this phone" in desk.text(page_of(beth))
    settle(desk, beth, phone, "opted-in", "she sent START")
    assert not any(one.opted_out for one in person_of(site, case).contacts)
    assert len(site.entries("contact.opt_out_cleared")) == 1


@pytest.mark.parametrize("act", ["nonsense", "theirs", "opted-in"])
def test_what_is_not_so_cannot_be_settled(desk, beth, act):
    assert settle(desk, beth, beth.contacts[0], act, "x").status_code == 404


def test_an_identifier_is_confirmed_shown_and_taken_back(site, case, desk):
    address = f"/cases/{SLUG}/offender"
    assert desk.post(address, {"value": "07700 900321", "reason": ""}).status_code == 400
    assert desk.post(address, {"value": "Liam", "reason": "sure"}).status_code == 400
    assert desk.post(address, {"value": "07700 900321", "reason": "he admitted it"}).status_code == 303
    assert "07700 900321" in desk.text(address)
    with site.web.engine.connect() as connection:
        (one,) = confirmed_in(connection, case.id)
    assert desk.post(f"{address}/{one.id}/withdraw", {"reason": ""}, form_on=address).status_code == 400
    assert desk.post(f"{address}/{one.id}/withdraw", {"reason": "a typing error"}, form_on=address).status_code == 303
    assert "Nothing is confirmed yet" in desk.text(address)
    assert [entry["reason"] for entry in site.entries("offender.confirmed")] == ["he admitted it"]


def test_senders_that_evidence_names_are_offered_but_not_the_contributors_own(site, case, desk):
    person = site.casework.enrol(case, phone="+447700900001", email="amy@example.org")
    for number in ("+447700900321", "+447700900321", "+447700900001"):
        site.casework.text(
            "x", reading=Reading(version=1, text="x", reported_from=replace(Reading(1).reported_from, number=number))
        )
    shown = desk.text(f"/cases/{SLUG}/offender")
    assert "+447700900321, in 2 items" in shown
    assert "+447700900001, in" not in shown
    assert person.name not in shown


def test_an_officer_puts_words_beside_a_text_and_takes_them_away(site, case, desk):
    site.casework.enrol(case, phone="+447700900001", email="amy@example.org")
    item = site.casework.text("you will be sorry", reading=Reading(version=1, text="you will be sorry"))
    site.casework.later(minutes=5)
    said = "that was my cousin Kim"
    words = site.casework.text(said, reading=Reading(version=1, text=said))
    address = f"/cases/{SLUG}/exhibits/{item}"
    assert "A later text of theirs" in desk.text(address)
    assert desk.post(f"{address}/words", {"words": str(words), "reason": ""}, form_on=address).status_code == 400
    assert desk.post(f"{address}/words", {"words": "no id", "reason": "x"}, form_on=address).status_code == 400
    assert (
        desk.post(f"{address}/words", {"words": str(words), "reason": "she rang"}, form_on=address).status_code == 303
    )
    assert said in desk.text(address)
    assert "own words about another exhibit" in desk.text(f"/cases/{SLUG}/exhibits/{words}")
    assert desk.post(f"{address}/words", {"words": "", "reason": "a mistake"}, form_on=address).status_code == 303
    assert said not in desk.text(address)
    with site.web.engine.connect() as connection:
        assert all(connection.execute(select(follow_up.c.detached_at)).scalars())


def test_pages_of_agreements_are_for_those_who_work_on_the_case(site, case, beth):
    auditor = site.browser(site.person("auditor"))
    assert auditor.get(page_of(beth)).status_code == 404
    assert auditor.get(f"/cases/{SLUG}/offender").status_code == 200
    assert auditor.post(f"/cases/{SLUG}/offender", {"value": "07700 900321", "reason": "x"}).status_code in {403, 404}
    stranger = site.browser(site.person())
    assert stranger.get(page_of(beth)).status_code == 404


def test_silence_by_her_own_words_shows_on_the_case(site, case, desk, beth):
    with site.web.engine.begin() as connection:
        silent = replace(beth.safe_contact, style=ReplyStyle.NONE)
        agree_anew(connection, beth, silent, at=site.casework.at, actor="system:replies", reason="her own stop words")
    assert "None" in desk.text(f"/cases/{SLUG}")
