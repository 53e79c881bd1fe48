"""Sending links on a real database: once or never, by the one door out, and without the token in anything that is kept."""

from __future__ import annotations

import email
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from archive import visit
from archive.case import case_by_id
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, contributor_of, enrol
from archive.link import LinkKind, Terms
from archive.link_register import register_of
from archive.tables import alert, contributor, custody_entry, custody_payload, link, link_sending
from cli import composition
from replies.egress import Egress
from replies.link_sending import LOST_AFTER, LinkDesk, give_up_lost, issue_link, note_undelivered, preview, send_link
from replies.links import SendLink
from replies.mailing import mail_sender
from replies.outcome import Refused, Sent, Unknown
from replies.policy import Limits, Silent
from replies.reasons import Reason
from replies.sending import send_due
from replies.wall import wall_of
from tests.replies.people import ADDRESS, NUMBER
from tests.replies.servers import OUR_ADDRESS, Mailbox, smtp
from tests.sequencing import sequencing
from tests.timeline.casework import Casework

PAGES = "https://larch.example.net"


@dataclass
class Carrier:
    """Stands where Twilio does: keeps what it is told to send, and answers as it is told to."""

    outcome: object = field(default_factory=lambda: Sent("SM1"))
    sent: list = field(default_factory=list)

    def send(self, to, words):
        self.sent.append((to, words))
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@dataclass
class House:
    """One installation with Amy enrolled, who agreed to links, and a desk that sends them."""

    installation: object
    casework: Casework
    amy: object
    carrier: Carrier
    desk: LinkDesk

    @property
    def engine(self):
        return self.installation.engine

    def terms(self, **more):
        return Terms(LinkKind.DIARY, self.casework.at + timedelta(days=7), **more)

    def send(self, contact=0, **more):
        return send_link(self.desk, self.amy, self.amy.contacts[contact], self.terms(), actor="cli:tests", **more)

    def rows(self, query):
        with self.engine.connect() as connection:
            return connection.execute(query).all()

    def facts(self):
        query = (
            select(custody_payload.c.body)
            .join(custody_entry, custody_entry.c.id == custody_payload.c.entry_id)
            .order_by(custody_entry.c.id)
        )
        found = [json.loads(bytes(row.body)) for row in self.rows(query)]
        return [(each["action"], each["facts"]) for each in found if each["action"].startswith("link.")]

    def change(self, **values):
        with self.engine.begin() as connection:
            connection.execute(update(contributor).values(**values))
            self.amy = contributor_of(connection, self.amy.id)


@pytest.fixture
def house(installation):
    casework = Casework(installation.archive, installation.sequencer)
    case = casework.case()
    contacts = [Contact(ContactKind.EMAIL, ADDRESS), Contact(ContactKind.PHONE, NUMBER)]
    agreed = SafeContact(ReplyStyle.DISCREET, links_allowed=True)
    with installation.engine.begin() as connection:
        amy = enrol(
            connection,
            case.id,
            name="Amy Carter",
            contacts=contacts,
            safe_contact=agreed,
            at=casework.at,
            actor="cli:tests",
        )
        amy = contributor_of(connection, amy.id)
    carrier = Carrier()
    desk = LinkDesk(
        installation.engine, PAGES, Egress(carrier, None, wall_of(installation.engine)), Limits(), casework.now
    )
    house = House(installation, casework, amy, carrier, desk)
    # Contacts come in a fixed order from the database: mailbox, then phone.
    assert [contact.kind for contact in amy.contacts] == [ContactKind.EMAIL, ContactKind.PHONE]
    return house


PHONE = 1


def test_a_link_goes_out_by_text_once_and_every_step_is_a_custody_entry(house):
    made = house.send(PHONE)
    assert made.outcome == Sent("SM1")
    assert house.carrier.sent == [(NUMBER, f"Here it is: {made.address}")]
    token = made.address.removeprefix(f"{PAGES}/diary/")
    with house.engine.begin() as connection:
        assert visit.begin(connection, token, LinkKind.DIARY, now=house.casework.at).link == made.link
    (_, issued), (_, attempted), (_, sent), _ = house.facts()
    assert [action for action, _ in house.facts()] == ["link.issued", "link.attempted", "link.sent", "link.opened"]
    words = f"Here it is: {made.address}".encode()
    hidden = f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"
    assert attempted["raw"] == f"Here it is: {PAGES}/diary/{hidden}"
    assert attempted["token_replaced_by"] == hidden
    assert "replaced" in attempted["note"]
    assert (attempted["sha256"], attempted["size_bytes"]) == (hashlib.sha256(words).hexdigest(), len(words))
    # Whoever holds the message can show that it is the one: the token put back gives the bytes of that digest.
    assert attempted["raw"].replace(hidden, token).encode() == words
    assert hidden == f"sha256:{issued['token_sha256']}"
    assert sent["provider_id"] == "SM1"
    assert house.rows(select(alert)) == []


def test_a_link_goes_out_by_mail_and_the_mail_says_nothing_but_where(house):
    mailbox = Mailbox()
    with smtp(mailbox) as port:
        mails = mail_sender(f"smtp://127.0.0.1:{port}", OUR_ADDRESS)
        house.desk = replace(house.desk, egress=Egress(None, mails, wall_of(house.engine)))
        made = house.send()
    assert isinstance(made.outcome, Sent)
    ((_, recipients, content),) = mailbox.taken
    mail = email.message_from_bytes(content)
    assert recipients == [ADDRESS]
    assert (mail["Subject"], mail.get_payload().strip()) == ("Here it is", f"Here it is: {made.address}")
    (attempted,) = [facts for action, facts in house.facts() if action == "link.attempted"]
    token = made.address.rpartition("/")[2]
    assert token not in json.dumps(attempted)
    assert attempted["raw"].replace(attempted["token_replaced_by"], token).encode() == content
    assert attempted["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"links_allowed": False}, Reason.LINKS_NOT_AGREED),
        ({"reply_style": "none"}, Reason.STYLE_NONE),
        ({"quiet_from": "11:00", "quiet_to": "13:00"}, Reason.QUIET_NOW),
        ({"review_by": "2026-11-01"}, Reason.AGREEMENT_EXPIRED),
        ({"left_at": "2026-11-01T00:00:00Z"}, Reason.UNKNOWN_SENDER),
    ],
)
def test_where_a_rule_says_no_no_link_is_made_and_that_is_entered(house, values, reason):
    house.change(**values)
    assert house.send(PHONE) == Silent(reason)
    assert house.carrier.sent == []
    assert house.rows(select(link)) == []
    assert [(action, facts["because"]) for action, facts in house.facts()] == [("link.withheld", reason.value)]
    assert dict(preview(house.desk, house.amy))[house.amy.contacts[PHONE]] == Silent(reason)


def test_a_link_is_never_planned_for_when_the_quiet_hours_end(house):
    house.change(quiet_from="11:00", quiet_to="13:00")
    assert house.send(PHONE) == Silent(Reason.QUIET_NOW)
    house.casework.later(hours=2)
    send_due(house.engine, house.desk.egress, vault=house.installation.vault, now=house.casework.now, limits=Limits())
    assert house.carrier.sent == []
    assert isinstance(house.send(PHONE).outcome, Sent)


def test_a_number_enrolled_elsewhere_since_gets_nothing(house):
    other = house.casework.case("42/9/26")
    house.casework.enrol(other, "Somebody Else", phone=NUMBER)
    assert house.send(PHONE) == Silent(Reason.AMBIGUOUS)
    assert house.carrier.sent == []


def test_the_wall_is_asked_again_at_the_door(house):
    house.desk = replace(house.desk, egress=Egress(house.carrier, None, lambda _kind, _value: "no"))
    made = house.send(PHONE)
    assert made.outcome == Refused("no")
    assert house.carrier.sent == []


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Refused("the number or its carrier blocks our texts"), "failed"),
        (Unknown("Twilio answered 502"), "unknown"),
        (RuntimeError("the carrier burst"), "unknown"),
    ],
)
def test_a_message_that_did_not_go_is_shown_and_never_sent_again(house, outcome, state):
    house.carrier.outcome = outcome
    made = house.send(PHONE)
    assert not isinstance(made.outcome, Sent)
    (row,) = house.rows(select(link_sending.c.state, link_sending.c.failed_because))
    assert (row.state, row.failed_because) == (state, made.outcome.because)
    (told,) = house.rows(select(alert.c.kind, alert.c.text))
    assert told.kind == f"link_{state}"
    assert made.outcome.because in told.text
    for _ in range(2):
        house.casework.later(minutes=10)
        send_due(
            house.engine, house.desk.egress, vault=house.installation.vault, now=house.casework.now, limits=Limits()
        )
    assert len(house.carrier.sent) == 1
    with house.engine.connect() as connection:
        (found,) = register_of(connection, house.amy.case_id)
    assert (found.sending, found.sent_to) == (state, NUMBER)


def test_without_a_carrier_nothing_is_promised(house):
    house.desk = replace(house.desk, egress=Egress(None, None, wall_of(house.engine)))
    assert isinstance(house.send(PHONE).outcome, Refused)
    # A mail cannot even be written down without a server to send it.
    assert isinstance(house.send().outcome, Refused)
    assert [action for action, _ in house.facts()].count("link.not_sent") == 2


def test_a_process_that_dies_between_attempt_and_answer_leaves_unknown_and_not_a_second_text(house):
    class Died(BaseException):
        pass

    house.carrier.outcome = Died()
    with pytest.raises(Died):
        house.send(PHONE)
    assert [row.state for row in house.rows(select(link_sending.c.state))] == ["attempting"]
    with house.engine.begin() as connection:
        assert give_up_lost(connection, now=house.casework.at + LOST_AFTER) == []
    house.casework.at += LOST_AFTER + timedelta(seconds=1)
    send_due(house.engine, house.desk.egress, vault=house.installation.vault, now=house.casework.now, limits=Limits())
    assert [row.state for row in house.rows(select(link_sending.c.state))] == ["unknown"]
    assert len(house.carrier.sent) == 1
    assert [row.kind for row in house.rows(select(alert.c.kind))] == ["link_unknown"]


def test_a_text_that_did_not_arrive_after_all_is_told_to_the_officer_once(house):
    made = house.send(PHONE)
    with house.engine.begin() as connection:
        assert not note_undelivered(connection, "SM-another", "undelivered", at=house.casework.at)
        assert note_undelivered(connection, "SM1", "undelivered", at=house.casework.at)
        assert not note_undelivered(connection, "SM1", "undelivered", at=house.casework.at)
        (found,) = register_of(connection, made.link.case_id)
    assert (found.sending, found.failed_because) == ("failed", "the carrier could not deliver it (undelivered)")
    assert [row.kind for row in house.rows(select(alert.c.kind))] == ["link_failed"]


def test_links_count_like_answers_against_what_one_contact_may_get(house):
    house.desk = replace(house.desk, limits=Limits(contributor_daily=2))
    assert [type(house.send(PHONE)).__name__ for _ in range(3)] == ["Issued", "Issued", "Silent"]
    house.casework.later(hours=25)
    assert dict(preview(house.desk, house.amy))[house.amy.contacts[PHONE]] == SendLink(
        house.amy.contacts[PHONE], "Here it is:", None
    )


def test_a_link_to_hand_over_is_sent_to_nobody(house):
    made = issue_link(house.desk, house.amy, house.terms(), actor="cli:tests")
    assert made.outcome is None
    assert house.carrier.sent == []
    assert made.address not in repr(made)


def test_a_package_of_the_case_holds_no_byte_of_the_token(house, tmp_path):
    made = house.send(PHONE)
    token = made.address.rpartition("/")[2]
    with house.engine.begin() as connection:
        opened = visit.begin(connection, token, LinkKind.DIARY, now=house.casework.at)
    house.casework.text("he came again", sender=NUMBER)
    secrets = [token, opened.key]
    forms = [form for secret in secrets for form in (secret.encode(), secret.encode().hex().encode())]
    forms += [secret[3:40].encode() for secret in secrets]
    installation = house.installation
    installation.sequencer.announce()
    with house.engine.connect() as connection:
        case = case_by_id(connection, made.link.case_id)
    exporter = composition.exporter(installation.settings, installation.archive)
    with sequencing(installation):
        exporter.export(case, tmp_path / "case.zip", edition="full", actor="cli:tests", progress=lambda *_: None)
    out = (tmp_path / "case.zip").read_bytes()
    searched = 0
    with zipfile.ZipFile(io.BytesIO(out)) as package:
        for name in package.namelist():
            searched += 1
            for form in forms:
                assert form not in package.read(name), name
    for form in forms:
        assert form not in out
    assert searched > 10
    assert b"link.attempted" in out
    assert hashlib.sha256(token.encode()).hexdigest().encode() in out
