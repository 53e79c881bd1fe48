"""Mail to a contributor's own address: a claim on her case, never a way into it, and never a reason to answer."""

import json
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from archive.acquisition import Acquisition, Channel
from archive.alias import aliases_tagged, give_alias, live_aliases
from archive.assignment import BY_ALIAS, Belonging
from archive.case import open_case
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.custody import Action, case_stream
from archive.ledger import entries_of
from archive.redaction import MARK, Redactor
from archive.replay import replay
from archive.tables import acquisition, exhibit, mail_alias, reply
from archive.told import Told
from cli import composition
from cli.composition import now
from replies.deciding import decide_for
from replies.policy import Limits
from settings import Settings, SettingsError
from tests.intake.test_fetch import fetch, rows
from tests.timeline.casework import Casework


class Office:
    """Cases and people of a test."""

    def __init__(self, installation):
        self.installation = installation
        with installation.engine.begin() as connection:
            self.officer = Casework(installation.archive, installation.sequencer).account(connection)

    def case(self, reference):
        with self.installation.engine.begin() as connection:
            return open_case(connection, reference, officer=self.officer, title=None, at=now(), actor="cli:test")

    def person(self, case, *addresses, name="Amy Carter"):
        agreed = SafeContact(ReplyStyle.PLAIN)
        contacts = [Contact(ContactKind.EMAIL, each) for each in addresses]
        with self.installation.engine.begin() as connection:
            return enrol(
                connection, case.id, name=name, contacts=contacts, safe_contact=agreed, at=now(), actor="cli:test"
            )

    def alias(self, person):
        with self.installation.engine.begin() as connection:
            return give_alias(connection, person, at=now(), actor="cli:test")


@pytest.fixture
def office(installation):
    return Office(installation)


def mail(sender, alias, *more):
    to = ", ".join(f"desk+{each.tag}@force.example" for each in (alias, *more))
    return f"From: {sender}\r\nTo: {to}\r\nMessage-ID: <{sender}>\r\nDate: Mon, 1 Jan 2026 10:00:00 +0000\r\n\r\nlook\r\n".encode()


def arrive(installation, desk, *mails):
    """Fetch the mails; the rows of what came, with what the policy decided beside."""
    desk.drop(*mails)
    fetch(installation, desk)
    query = (
        select(exhibit, acquisition.c.alias_id, acquisition.c.sender)
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .order_by(acquisition.c.source_id)
    )
    with installation.engine.begin() as connection:
        found = connection.execute(query).all()
        for row in found:
            decide_for(connection, row.id, vault=installation.vault, now=now(), limits=Limits())
    return found


def answers(installation):
    return [row.contact_id for row in rows(installation, reply)]


def test_an_enrolled_sender_files_by_her_alias_as_without_it(installation, desk, office):
    amy = office.person(office.case("1"), "amy@example.org")
    (row,) = arrive(installation, desk, mail("amy@example.org", office.alias(amy)))
    assert (row.case_id, row.contributor_id, row.quarantined_at) == (amy.case_id, amy.id, None)
    assert answers(installation) == [amy.contacts[0].id]


def test_a_sender_enrolled_twice_files_where_the_alias_says(installation, desk, office):
    first = office.person(office.case("1"), "amy@example.org")
    second = office.person(office.case("2"), "amy@example.org")
    row, without = arrive(
        installation, desk, mail("amy@example.org", office.alias(second)), b"From: amy@example.org\r\n\r\nx"
    )
    assert (row.case_id, row.contributor_id) == (second.case_id, second.id)
    assert (without.case_id, without.quarantined_because) == (None, "ambiguous sender")
    assert first.case_id != second.case_id
    # Which of the two she wants answered as is not known: silence.
    assert answers(installation) == []


def test_an_alias_alone_files_nothing_and_answers_nobody(installation, desk, office):
    amy = office.person(office.case("1"), "amy@example.org")
    alias = office.alias(amy)
    (row,) = arrive(installation, desk, mail("stranger@example.org", alias))
    assert (row.case_id, row.contributor_id, row.alias_id) == (None, None, alias.id)
    assert (row.quarantined_because, row.quarantined_at is not None) == (BY_ALIAS, True)
    assert answers(installation) == []


def test_somebody_enrolled_on_another_case_only_does_not_file_here_nor_there(installation, desk, office):
    amy = office.person(office.case("1"), "amy@example.org")
    bob = office.person(office.case("2"), "bob@example.org", name="Bob")
    (row,) = arrive(installation, desk, mail("bob@example.org", office.alias(amy)))
    assert (row.case_id, row.quarantined_because) == (None, BY_ALIAS)
    assert bob.case_id != row.case_id
    assert answers(installation) == []


def test_one_contributors_alias_used_by_another_of_the_same_case_files_what_the_sender_says(installation, desk, office):
    case = office.case("1")
    amy, bob = office.person(case, "amy@example.org"), office.person(case, "bob@example.org", name="Bob")
    (row,) = arrive(installation, desk, mail("bob@example.org", office.alias(amy)))
    assert (row.case_id, row.contributor_id) == (case.id, bob.id)


def test_aliases_of_two_cases_in_one_mail_claim_neither(installation, desk, office):
    amy = office.person(office.case("1"), "amy@example.org")
    bob = office.person(office.case("2"), "bob@example.org", name="Bob")
    (row,) = arrive(installation, desk, mail("stranger@example.org", office.alias(amy), office.alias(bob)))
    assert (row.alias_id, row.quarantined_because) == (None, "unknown sender")


def test_an_alias_that_ended_still_says_what_was_claimed_and_files_nothing_by_itself(installation, desk, office):
    amy = office.person(office.case("1"), "amy@example.org")
    old = office.alias(amy)
    new = office.alias(amy)
    with installation.engine.connect() as connection:
        assert live_aliases(connection, amy.case_id) == {amy.id: new}
    stranger, herself = arrive(installation, desk, mail("he@example.org", old), mail("amy@example.org", old))
    assert (stranger.case_id, stranger.alias_id, stranger.quarantined_because) == (None, old.id, BY_ALIAS)
    assert herself.case_id == amy.case_id


def test_a_tag_nobody_was_given_is_an_address_like_any_other(installation, desk, office):
    office.person(office.case("1"), "amy@example.org")
    raw = b"From: he@example.org\r\nTo: desk+" + b"a" * 20 + b"@force.example\r\n\r\nx\r\n"
    (row,) = arrive(installation, desk, raw)
    assert (row.alias_id, row.quarantined_because) == (None, "unknown sender")


def test_a_flood_to_an_alias_is_all_kept_and_raises_no_alert_for_each(installation, desk, office):
    from archive.tables import alert

    amy = office.person(office.case("1"), "amy@example.org")
    alias = office.alias(amy)
    found = arrive(installation, desk, *(mail(f"he{number}@example.org", alias) for number in range(60)))
    assert len(found) == 60
    assert {row.quarantined_because for row in found} == {BY_ALIAS}
    assert rows(installation, alert) == []


def test_the_ledger_has_the_digest_of_an_alias_and_never_its_secret_part(installation, office):
    amy = office.person(office.case("1"), "amy@example.org")
    alias = office.alias(amy)
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        told = list(entries_of(connection, [case_stream(amy.case_id)]))
    assert [entry.facts()["action"] for entry in told].count(Action.ALIAS_GIVEN) == 1
    assert all(alias.tag.encode() not in entry.payload for entry in told)


def test_what_travels_with_the_object_brings_the_claim_back():
    from uuid import uuid4

    belonging = Belonging(sender="a@b.example", alias_id=uuid4())
    assert Belonging.of_metadata(belonging.metadata()) == belonging


def test_no_plus_address_of_a_known_address_is_left_in_words_for_disclosure():
    redactor = Redactor.of(["desk@force.example", "amy@example.org"], ["k7qa2b3c4d5e6f7g2h3j"])
    for text in (
        "to desk+k7qa2b3c4d5e6f7g2h3j@force.example",
        "to DESK+x@force.example",
        "to desk%2Bx%40force.example",
        "to amy+post@example.org",
        "to k7qa2b3c4d5e6f7g2h3j@reports.force.example",
    ):
        cleaned = redactor.clean(text)
        assert MARK in cleaned
        assert "+" not in cleaned
        assert "k7qa" not in cleaned
    assert redactor.clean("mydesk@force.example.org is another") != "mydesk@force.example.org is another"
    assert redactor.clean("nothing here") == "nothing here"


@pytest.mark.parametrize(
    ("environ", "pattern"),
    [
        ({}, "desk+*@holdfast.example"),
        ({"HOLDFAST_MAIL_FROM": "post@force.example"}, "post+*@force.example"),
        ({"HOLDFAST_ALIAS_ADDRESS": "*@reports.force.example"}, "*@reports.force.example"),
    ],
)
def test_the_address_of_an_alias_follows_from_the_settings(environ, pattern):
    assert composition.alias_pattern(Settings.from_environment(environ)) == pattern


@pytest.mark.parametrize(
    "written", ["desk@h.example", "*+*@h.example", "desk@*.example", "*", "x" * 50 + "*@h.example"]
)
def test_a_setting_no_address_comes_of_is_refused(written):
    with pytest.raises(SettingsError, match="HOLDFAST_ALIAS_ADDRESS"):
        composition.alias_pattern(Settings.from_environment({"HOLDFAST_ALIAS_ADDRESS": written}))


def test_every_address_of_an_alias_is_an_intake_address_that_disclosure_hides():
    told = {"HOLDFAST_MAIL_FROM": "post@force.example", "HOLDFAST_ALIAS_ADDRESS": "reports+*@h.example"}
    assert {"post@force.example", "reports@h.example"} <= set(
        composition.intake_addresses(Settings.from_environment(told))
    )


def test_an_index_rebuilt_from_the_ledger_alone_still_finds_an_alias_by_its_digest(installation, office):
    amy = office.person(office.case("1"), "amy@example.org")
    alias = office.alias(amy)
    installation.sequencer.run_once()
    with installation.engine.begin() as connection:
        (entry,) = [
            one
            for one in entries_of(connection, [case_stream(amy.case_id)])
            if one.facts()["action"] == Action.ALIAS_GIVEN
        ]
        told = Told(1, now(), json.loads(entry.payload))
        # As if the dump had been older: the row is gone, under another id nothing hinders.
        connection.execute(update(mail_alias).values(tag_sha256="gone", ended_at=now()))
        told = replace(told, payload={**told.payload, "facts": {**told.facts, "alias_id": str(uuid4())}})
        replay(connection, told)
        found = aliases_tagged(connection, [alias.tag])[alias.tag]
        assert (found.case_id, found.contributor_id, found.ended_at) == (amy.case_id, amy.id, None)
        assert found.address("desk+*@h.example") is None
        ended = {**told.payload, "action": Action.ALIAS_ENDED.value}
        replay(connection, replace(told, payload=ended))
        assert aliases_tagged(connection, [alias.tag])[alias.tag].ended_at == told.at


def test_a_new_number_that_claims_a_case_in_words_is_quarantined_and_not_answered(installation, office):
    amy = office.person(office.case("42/1234/26"), "amy@example.org")
    item = Acquisition.of(
        b"From=%2B447700900099&Body=This+is+Amy%2C+case+42%2F1234%2F26%2C+my+new+number",
        channel=Channel.SMS,
        source_id="SM" + "0" * 32,
        at=now(),
        media_type="application/x-www-form-urlencoded",
    )
    installation.archive.accession_now([(item, Belonging(sender="+447700900099"))], now=now())
    with installation.engine.begin() as connection:
        decide_for(connection, item.id, vault=installation.vault, now=now(), limits=Limits())
    (row,) = rows(installation, exhibit)
    assert (row.case_id, row.contributor_id, row.quarantined_because) == (None, None, "unknown sender")
    assert row.case_id != amy.case_id
    assert answers(installation) == []
