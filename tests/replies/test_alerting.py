"""Officers are told by mail that something waits, never what; reminders; and messages that did not arrive."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update

from archive.alerts import mark_seen, raise_alert
from archive.delivery import Report, note_report
from archive.tables import account, alert, contributor, custody_entry, reply
from intake.sms import TextDoor, make_door_app
from intake.twilio_signature import Signatures
from replies.alerting import AGAIN_AFTER, SUBJECT, URGENT_SUBJECT, WORDS, mail_alerts, raise_once
from replies.delivery import note, note_missed
from replies.egress import Egress
from replies.outcome import OPTED_OUT, Refused, Sent
from replies.policy import Limits, Silent
from replies.reasons import Reason
from replies.reminding import remind
from replies.wall import officers_of, wall_of
from tests.intake import test_sms as doors
from tests.replies.people import NOW

EVERY = timedelta(minutes=15)
SOON = NOW + timedelta(minutes=20)


@dataclass
class Post:
    """Stands where the mail server does."""

    address: str = "desk@example.net"
    outcome: object = field(default_factory=lambda: Sent("<1@example.net>"))
    sent: list = field(default_factory=list)

    def send(self, to, raw, _message_id):
        self.sent.append((to, raw))
        return self.outcome


@pytest.fixture
def post():
    return Post()


def mailed(house, post, now=SOON):
    egress = Egress(None, post, wall_of(house.engine), officers_of(house.engine))
    return mail_alerts(house.engine, egress, now=lambda: now, every=EVERY)


def alarm(house, kind="stopped", case=True, at=NOW):
    with house.engine.begin() as connection:
        raise_alert(connection, kind, at=at, case_id=house.case_id if case else None, text="the secret text")


def add_account(house, email, role, *, active=True):
    with house.engine.begin() as connection:
        connection.execute(
            insert(account).values(
                id=uuid4(), email=email, role=role, password_hash="x", must_change_password=False, active=active,
                created_at=NOW,
            )
        )  # fmt: skip


def test_an_officer_is_told_once_and_nothing_of_what_it_is(house, post):
    alarm(house)
    alarm(house, "answer_failed")
    assert mailed(house, post) == 1
    assert mailed(house, post, SOON + timedelta(days=1)) == 0
    ((to, raw),) = post.sent
    assert to == "o@example.net"
    head, _, body = raw.decode().partition("\r\n\r\n")
    assert body.strip() == WORDS
    assert f"Subject: {SUBJECT}" in head
    assert "Auto-Submitted: auto-generated" in head
    for telling in ("42/1/26", "Amy", "secret", "stopped", "holdfast", "case", "http"):
        assert telling.lower() not in raw.decode().lower()


def test_the_exact_bytes_are_in_the_ledger_before_the_mail_leaves(house, post):
    alarm(house)
    post.outcome = Refused("no")
    mailed(house, post)
    actions = [entry["action"] for entry in system_entries(house)]
    assert actions == ["alert.mail_attempted", "alert.mail_not_sent"]
    assert system_entries(house)[0]["facts"]["raw"] == post.sent[0][1].decode()


def system_entries(house):
    import json

    from archive.tables import custody_payload

    query = (
        select(custody_payload.c.body)
        .join(custody_entry, custody_entry.c.id == custody_payload.c.entry_id)
        .where(custody_entry.c.stream == "system")
        .order_by(custody_entry.c.id)
    )
    with house.engine.connect() as connection:
        found = [json.loads(bytes(row.body)) for row in connection.execute(query)]
    return [entry for entry in found if entry["action"].startswith("alert.mail")]


def test_what_is_not_urgent_is_gathered_and_a_duress_word_is_mailed_at_once(house, post):
    alarm(house)
    assert mailed(house, post, NOW + timedelta(minutes=1)) == 0
    alarm(house, "duress", at=NOW + timedelta(minutes=1))
    assert mailed(house, post, NOW + timedelta(minutes=1)) == 1
    assert f"Subject: {URGENT_SUBJECT}" in post.sent[0][1].decode()
    assert mailed(house, post) == 1


def test_a_refused_mail_is_tried_again_later_and_for_a_day(house, post):
    alarm(house)
    post.outcome = Refused("no")
    mailed(house, post)
    mailed(house, post, SOON + timedelta(minutes=1))
    assert len(post.sent) == 1
    post.outcome = Sent("<2@example.net>")
    assert mailed(house, post, SOON + AGAIN_AFTER) == 1
    alarm(house, at=NOW)
    assert mailed(house, post, NOW + timedelta(days=2)) == 0


def test_what_somebody_has_seen_needs_no_mail(house, post):
    alarm(house)
    with house.engine.begin() as connection:
        mark_seen(connection, connection.execute(select(alert.c.id)).scalar_one(), at=NOW, actor="account:1")
    assert mailed(house, post) == 0


def test_mail_goes_to_the_officers_of_the_case_and_of_no_case_to_supervisors(house, post):
    add_account(house, "other@example.net", "officer")
    add_account(house, "gone@example.net", "supervisor", active=False)
    add_account(house, "boss@example.net", "supervisor")
    add_account(house, "auditor@example.net", "auditor")
    alarm(house)
    mailed(house, post)
    alarm(house, case=False)
    mailed(house, post)
    assert [to for to, _ in post.sent] == ["o@example.net", "boss@example.net"]


def test_without_a_mail_server_the_page_alone_tells(house):
    alarm(house)
    egress = Egress(None, None, wall_of(house.engine), officers_of(house.engine))
    assert mail_alerts(house.engine, egress, now=lambda: SOON, every=EVERY) == 0
    assert house.alerts() == ["stopped"]


@pytest.mark.parametrize(
    ("day", "kinds"),
    [
        (date(2026, 12, 10), []),
        (date(2026, 11, 30), ["review_due"]),
        (date(2026, 11, 23), ["review_due"]),
        (date(2026, 11, 22), ["review_overdue"]),
    ],
)
def test_a_review_that_is_near_or_past_is_told_once(house, day, kinds):
    house.change(contributor, review_by=day)
    for _ in range(2):
        with house.engine.begin() as connection:
            remind(connection, now=NOW)
        with house.engine.begin() as connection:
            connection.execute(update(alert).values(seen_at=NOW))
    assert house.alerts() == kinds


def test_an_expired_agreement_is_silence_and_an_alert(house):
    house.change(contributor, review_by=date(2026, 11, 22))
    assert house.decide(house.text()).decision == Silent(Reason.AGREEMENT_EXPIRED)
    assert house.alerts() == ["review_overdue"]


def report(house, status, code=""):
    with house.engine.begin() as connection:
        note_report(connection, Report.of("SM1", status, code), at=SOON)
        return note(connection, "SM1", status, at=SOON)


def test_a_text_that_did_not_arrive_is_shown_with_what_to_do(house):
    item = house.text()
    house.decide(item)
    house.send_due()
    assert not report(house, "sent")
    assert report(house, "undelivered", "30005")
    assert not report(house, "undelivered", "30005")
    (row,) = house.replies()
    assert row.state == "undelivered"
    assert "30005" in row.failed_because
    assert house.actions(item)[-1] == "reply.undelivered"
    assert house.alerts() == ["answer_undelivered"]


def test_a_failure_told_before_the_answer_of_the_carrier_is_noted_too(house):
    house.decide(house.text())
    house.carrier.meanwhile = lambda: report(house, "failed", "30003")
    house.send_due()
    assert [row.state for row in house.replies()] == ["undelivered"]


def test_what_the_doors_hear_of_a_failed_answer_is_on_the_page_with_what_to_do(house):
    """The door and the note of it as production puts them together."""
    house.decide(house.text())
    house.send_due()
    door = TextDoor(
        house.engine, Signatures((doors.TOKEN,)), doors.ACCOUNT, doors.PUBLIC_URL, lambda: SOON, print, undelivered=note
    )
    client = make_door_app(door).test_client()
    told = doors.fields(MessageSid="SM1", MessageStatus="undelivered", ErrorCode="30006")
    assert doors.post(client, told, path=doors.STATUS).status_code == 204
    with house.engine.connect() as connection:
        (said,) = connection.execute(select(alert.c.text)).scalars()
    assert "use a mobile number or mail" in said
    assert [row.state for row in house.replies()] == ["undelivered"]


def test_a_failure_that_passed_the_commit_of_its_sending_unseen_is_noted_later_and_once(house):
    """The report came while the sending was being committed: neither saw the other."""
    house.decide(house.text())
    house.send_due()
    with house.engine.begin() as connection:
        note_report(connection, Report.of("SM1", "undelivered", "30003"), at=SOON)
        note_report(connection, Report.of("SMnobody's", "failed", ""), at=SOON)
    assert house.alerts() == []
    with house.engine.begin() as connection:
        assert note_missed(connection, at=SOON) == 1
    with house.engine.begin() as connection:
        assert note_missed(connection, at=SOON) == 0
    assert house.alerts() == ["answer_undelivered"]
    assert [row.state for row in house.replies()] == ["undelivered"]


def test_what_arrived_after_all_is_no_failure(house):
    house.decide(house.text())
    house.send_due()
    with house.engine.begin() as connection:
        for status in ("undelivered", "delivered"):
            note_report(connection, Report.of("SM1", status, ""), at=SOON)
        assert note_missed(connection, at=SOON) == 0


def test_failures_that_want_different_things_done_are_both_shown_and_the_same_one_once(house):
    for said in ("switched off", "opted out", "switched off"):
        with house.engine.begin() as connection:
            raise_once(connection, "answer_undelivered", at=SOON, case_id=None, text=said, by_text=True)
    assert house.alerts() == ["answer_undelivered"] * 2


def test_an_opt_out_is_shown_with_what_to_do_and_not_tried_again(house):
    house.carrier.outcome = Refused("this number opted out (Twilio error 21610)", OPTED_OUT)
    house.decide(house.text())
    house.send_due()
    assert house.alerts() == ["answer_failed"]
    assert house.decide(house.text()).decision == Silent(Reason.OPTED_OUT)
    assert len(house.carrier.sent) == 1


def test_the_days_limit_counts_all_of_her_numbers_together(house):
    limits = Limits(contributor_daily=1)
    house.decide(house.text(), limits=limits)
    house.send_due(limits=limits)
    assert house.decide(house.mail(at=SOON), now=SOON, limits=limits).decision == Silent(Reason.RATE_CAP)
    with house.engine.connect() as connection:
        assert connection.execute(select(reply.c.id)).all()
