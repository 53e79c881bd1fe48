"""Decisions and answers on a real database and vault: once each, recorded each, whatever dies in between."""

import hashlib
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from archive import offender
from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel, media_source_id
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.errors import UnknownAcquisitionError, VaultUnavailableError
from archive.tables import (
    contributor,
    contributor_contact,
    exhibit,
    reply,
    reply_item,
)
from replies.deciding import decide_for, undecided
from replies.egress import Egress
from replies.mailing import mail_sender
from replies.outcome import Refused, Sent, Unknown
from replies.policy import Limits, Send, Silent
from replies.reasons import Reason
from replies.sending import LOST_AFTER, due, give_up_lost
from replies.wall import wall_of
from replies.wording import DISCREET
from tests.replies.house import LATER, LIMITS, STRANGER
from tests.replies.people import ADDRESS, NIGHT, NOW, NUMBER
from tests.replies.servers import OUR_ADDRESS, Mailbox, smtp


def test_a_text_is_answered_once_after_the_burst_and_every_step_is_a_custody_entry(house):
    item = house.text()
    decided = house.decide(item)
    assert decided.decision == Send(house.amy.contacts[0], NOW + timedelta(seconds=120), DISCREET)
    assert house.send_due(now=NOW + timedelta(seconds=119)) == []
    assert house.send_due() == [decided.reply_id]
    assert house.send_due(now=LATER + timedelta(days=1)) == []
    assert house.carrier.sent == [(NUMBER, DISCREET)]
    (row,) = house.replies()
    assert (row.state, row.provider_id) == ("sent", "SM1")
    (_, first), (_, attempted), (_, sent) = house.entries(item)
    assert house.actions(item) == ["reply.decided", "reply.attempted", "reply.sent"]
    assert (first["decision"], first["due_at"]) == ("send", "2026-11-23T12:02:00.000Z")
    assert attempted["raw"] == attempted["words"] == DISCREET
    assert attempted["sha256"] == hashlib.sha256(DISCREET.encode()).hexdigest()
    assert sent["provider_id"] == "SM1"
    assert house.alerts() == []


def test_a_burst_gets_one_answer(house):
    items = [house.text() for _ in range(5)]
    decided = [house.decide(item, now=NOW + timedelta(seconds=20 * n)) for n, item in enumerate(items)]
    assert len({one.reply_id for one in decided}) == 1
    assert [one.decision.joins for one in decided] == [False, True, True, True, True]
    assert {one.due_at for one in decided} == {NOW + timedelta(seconds=120)}
    house.send_due()
    assert len(house.carrier.sent) == 1
    assert house.actions(items[0]) == ["reply.decided", "reply.attempted", "reply.sent"]
    assert house.entries(items[0])[1][1]["exhibits"] == [str(item) for item in items]
    assert house.actions(items[4]) == ["reply.decided"]


def test_an_answer_stands_with_the_item_that_planned_it_even_if_another_read_its_clock_earlier(house):
    """Two workers: the second waited for the first one's commit, its own time read before. Found by a soak run."""
    joiner, planner = house.text(), house.text()
    house.decide(planner, now=NOW + timedelta(milliseconds=5))
    assert house.decide(joiner, now=NOW).decision.joins
    house.send_due()
    assert house.actions(planner) == ["reply.decided", "reply.attempted", "reply.sent"]
    assert house.actions(joiner) == ["reply.decided"]


def test_what_comes_after_an_answer_left_begins_the_next_one(house):
    house.decide(house.text())
    house.send_due()
    house.decide(house.text(at=LATER), now=LATER)
    house.send_due(now=LATER + timedelta(minutes=3))
    assert len(house.carrier.sent) == 2


def test_the_twelfth_answer_that_one_connection_plans_is_planned_like_the_first(house):
    # psycopg prepares a statement at its fifth use; PostgreSQL plans it for any value after five more.
    items = [house.text() for _ in range(12)]
    with house.engine.begin() as connection:
        for item in items:
            made = decide_for(connection, item, vault=house.installation.vault, now=NOW, limits=LIMITS)
            assert isinstance(made.decision, Send)
            connection.execute(update(reply).values(state="sent"))
    assert len(house.replies()) == 12


def test_deciding_twice_is_deciding_once(house):
    item = house.text()
    first, second = house.decide(item), house.decide(item)
    assert (second.decision, second.reply_id) == (None, first.reply_id)
    assert house.actions(item) == ["reply.decided"]
    assert len(house.replies()) == 1


def test_a_stranger_is_decided_once_as_silence_and_gets_nothing(house):
    item = house.text(sender=STRANGER)
    assert house.decide(item).decision == Silent(Reason.UNKNOWN_SENDER)
    assert house.decide(item).decision is None
    house.send_due()
    assert house.carrier.sent == []
    ((action, facts),) = house.entries(item)
    assert (action, facts["decision"], facts["reason"]) == ("reply.decided", "silent", "unknown_sender")


def test_the_sweep_finds_what_has_no_decision_quarantined_items_too(house):
    mine, strangers = house.text(), house.text(sender=STRANGER)
    with house.engine.connect() as connection:
        assert set(undecided(connection)) == {mine, strangers}
        assert len(undecided(connection, most=1)) == 1
    house.decide(mine)
    house.decide(strangers)
    with house.engine.connect() as connection:
        assert undecided(connection) == []


def test_what_is_not_an_exhibit_cannot_be_decided(house):
    item = Acquisition.of(b"Body=x", channel=Channel.SMS, source_id="SMx", at=NOW, media_type="text/plain")
    with house.engine.begin() as connection:
        receive(connection, item, Belonging(sender=NUMBER))
    with pytest.raises(UnknownAcquisitionError):
        house.decide(item.id)
    with house.engine.connect() as connection:
        assert undecided(connection) == []


def test_an_item_that_is_not_settled_is_left_for_the_sweep(house):
    item = house.text()
    settled = {"case_id": house.case_id, "contributor_id": house.amy.id, "initials": "AC", "number": 1}
    house.change(exhibit, **dict.fromkeys(settled))
    assert house.decide(item).decision == Silent(Reason.NOT_ARCHIVED)
    assert house.entries(item) == []
    house.change(exhibit, **settled)
    assert isinstance(house.decide(item).decision, Send)


def test_a_picture_of_a_text_has_no_answer_of_its_own(house):
    item = house.text()
    picture = house.text(sender=None, parent_id=item, source_id=media_source_id("SM1", "ME1"))
    assert house.decide(picture).decision == Silent(Reason.PART_OF_A_TEXT)


@pytest.mark.parametrize("written", [f"whatsapp:{NUMBER}", f"rcs:{NUMBER}"])
def test_what_came_by_another_service_of_the_carrier_is_not_answered_by_text(house, written):
    assert house.decide(house.text(written=written)).decision == Silent(Reason.OTHER_WAY)


def test_an_item_an_officer_imported_is_not_answered(house):
    item = house.text(case_id=house.case_id, contributor_id=house.amy.id)
    assert house.decide(item).decision == Silent(Reason.IMPORTED)


def test_a_mail_is_answered_in_its_thread_with_the_exact_bytes_in_the_ledger(house):
    item = house.mail()
    mailbox = Mailbox()
    decided = house.decide(item)
    with smtp(mailbox) as port:
        egress = Egress(None, mail_sender(f"smtp://127.0.0.1:{port}", OUR_ADDRESS), wall_of(house.engine))
        outcome = house.send_one(decided.reply_id, egress=egress)
    assert isinstance(outcome, Sent)
    ((_, recipients, content),) = mailbox.taken
    assert recipients == [ADDRESS]
    assert b"\r\nIn-Reply-To: <m1@example.org>\r\n" in content
    facts = house.entries(item)[1][1]
    assert facts["raw"].encode() == content
    assert facts["message_id"] == outcome.provider_id
    assert facts["size_bytes"] == len(content)


def test_an_automatic_mail_is_silence_and_recorded(house):
    item = house.mail("Auto-Submitted: auto-replied")
    assert house.decide(item).decision == Silent(Reason.AUTOMATIC_MAIL)
    assert house.entries(item)[0][1]["reason"] == "automatic_mail"


def test_reply_to_and_its_kin_never_change_whom_an_answer_goes_to(house):
    him = "him@example.org"
    item = house.mail(
        f"Reply-To: {him}", f"Return-Path: <{him}>", f"Disposition-Notification-To: {him}", f"Sender: {him}"
    )
    mailbox = Mailbox()
    reply_id = house.decide(item).reply_id
    with smtp(mailbox) as port:
        egress = Egress(None, mail_sender(f"smtp://127.0.0.1:{port}", OUR_ADDRESS), wall_of(house.engine))
        house.send_one(reply_id, egress=egress)
    assert [recipients for _, recipients, _ in mailbox.taken] == [[ADDRESS]]
    assert him.encode() not in mailbox.taken[0][2]


@pytest.mark.parametrize(
    ("outcome", "state", "action"),
    [(Refused("Twilio refused it"), "failed", "reply.failed"), (Unknown("lost"), "unknown", "reply.unknown")],
)
def test_an_answer_that_did_not_surely_go_out_is_shown_and_never_sent_again(house, outcome, state, action):
    item = house.text()
    house.decide(item)
    house.carrier.outcome = outcome
    house.send_due()
    house.send_due(now=LATER + timedelta(days=1))
    assert len(house.carrier.sent) == 1
    (row,) = house.replies()
    assert (row.state, row.failed_because) == (state, outcome.because)
    assert house.actions(item) == ["reply.decided", "reply.attempted", action]
    assert house.alerts() == [f"answer_{state}"]


class Died(BaseException):
    """The process was killed."""


def test_a_crash_between_attempt_and_answer_ends_as_unknown_and_is_never_sent_again(house):
    item = house.text()
    reply_id = house.decide(item).reply_id

    def die():
        raise Died

    house.carrier.meanwhile = die
    with pytest.raises(Died):
        house.send_one(reply_id)
    assert house.replies()[0].state == "attempting"
    assert house.actions(item) == ["reply.decided", "reply.attempted"]
    house.carrier.meanwhile = None
    assert house.send_due(now=LATER + LOST_AFTER) == []
    assert house.replies()[0].state == "attempting"
    assert house.send_due(now=LATER + LOST_AFTER + timedelta(seconds=1)) == [reply_id]
    assert house.send_one(reply_id, now=LATER + timedelta(hours=1)) is None
    assert len(house.carrier.sent) == 1
    assert house.replies()[0].state == "unknown"
    assert house.actions(item) == ["reply.decided", "reply.attempted", "reply.unknown"]
    assert house.alerts() == ["answer_unknown"]
    with house.engine.begin() as connection:
        assert give_up_lost(connection, now=LATER + timedelta(days=1)) == []


def test_the_attempt_is_committed_before_anything_leaves(house):
    item = house.text()
    reply_id = house.decide(item).reply_id
    seen = []
    house.carrier.meanwhile = lambda: seen.append((house.replies()[0].state, house.actions(item)[-1]))
    house.send_one(reply_id)
    assert seen == [("attempting", "reply.attempted")]


def test_two_workers_that_race_send_once(house):
    reply_id = house.decide(house.text()).reply_id
    together = threading.Barrier(2)
    outcomes = []

    def work():
        together.wait()
        outcomes.append(house.send_one(reply_id))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(house.carrier.sent) == 1
    assert sorted(outcomes, key=str) == sorted([None, Sent("SM1")], key=str)


def test_workers_that_decide_a_burst_at_once_share_one_answer(house):
    items = [house.text() for _ in range(6)]
    together = threading.Barrier(3)
    decided = []

    def work(mine):
        together.wait()
        decided.extend(house.decide(item) for item in mine)

    workers = [threading.Thread(target=work, args=(items[n::3],)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(decided) == 6
    assert len({one.reply_id for one in decided}) == len(house.replies()) == 1
    assert [one.decision.joins for one in decided].count(False) == 1


def test_items_that_arrive_while_answers_leave_are_each_answered_by_an_answer_sent_once(house):
    at_once = Limits(burst=timedelta(0), contributor_daily=1000)
    items = [house.text() for _ in range(15)]
    deciding_done = threading.Event()

    def decide_some(mine):
        for item in mine:
            house.decide(item, limits=at_once)

    def send_until_done():
        while not deciding_done.is_set():
            house.send_due(now=NOW, limits=at_once)

    deciders = [threading.Thread(target=decide_some, args=(items[n::3],)) for n in range(3)]
    senders = [threading.Thread(target=send_until_done) for _ in range(2)]
    for thread in deciders + senders:
        thread.start()
    for thread in deciders:
        thread.join()
    deciding_done.set()
    for thread in senders:
        thread.join()
    house.send_due(now=NOW, limits=at_once)
    replies = house.replies()
    assert {row.state for row in replies} == {"sent"}
    assert len(house.carrier.sent) == len(replies)
    with house.engine.connect() as connection:
        answered = {row.exhibit_id: row.reply_id for row in connection.execute(select(reply_item))}
    assert set(answered) == set(items)
    assert set(answered.values()) == {row.id for row in replies}
    named = [item for exhibit_id in items for action, facts in house.entries(exhibit_id) if action == "reply.attempted"
             for item in facts["exhibits"]]  # fmt: skip
    assert sorted(named) == sorted(map(str, items))


def confirm(house, value):
    with house.engine.begin() as connection:
        offender.confirm(connection, house.case_id, value, at=NOW, actor="cli:test", reason="he admitted it")


@pytest.mark.parametrize("written", [NUMBER, "07700 900123", "+44 (0)7700 900123", "0044 7700900123"])
def test_a_number_confirmed_as_the_offenders_is_never_answered_however_it_is_written(house, written):
    confirm(house, written)
    assert house.decide(house.text()).decision == Silent(Reason.OFFENDER_IDENTIFIER)
    house.decide(house.text())
    assert house.alerts() == ["offender_enrolled"]


def test_a_confirmation_after_planning_withdraws_the_answer(house):
    item = house.mail()
    house.decide(item)
    confirm(house, ADDRESS.upper())
    house.send_due()
    assert house.replies()[0].state == "withdrawn"
    assert house.entries(item)[-1][1]["reason"] == "offender_identifier"
    assert house.alerts() == ["offender_enrolled"]


def test_a_confirmation_in_the_last_moment_stops_at_the_door(house):
    reply_id = house.decide(house.text()).reply_id
    egress = Egress(house.carrier, None, wall_of(house.engine))
    inner = egress.wall

    def wall(kind, value):
        confirm(house, NUMBER)
        return inner(kind, value)

    outcome = house.send_one(reply_id, egress=replace(egress, wall=wall))
    assert isinstance(outcome, Refused)
    assert house.carrier.sent == []
    assert house.alerts() == ["offender_enrolled"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((contributor, {"left_at": NOW}), Reason.UNKNOWN_SENDER),
        ((contributor, {"reply_style": "none"}), Reason.STYLE_NONE),
        ((contributor, {"review_by": NOW.date() - timedelta(days=1)}), Reason.AGREEMENT_EXPIRED),
        ((contributor_contact, {"value": STRANGER}), Reason.UNKNOWN_SENDER),
    ],
)
def test_a_planned_answer_is_withdrawn_when_what_was_agreed_changes(house, change, reason):
    item = house.text()
    house.decide(item)
    house.change(change[0], **change[1])
    house.send_due()
    assert house.carrier.sent == []
    assert house.replies()[0].state == "withdrawn"
    assert house.entries(item)[-1][1]["reason"] == reason


def test_the_off_switch_withdraws_what_was_planned(house):
    house.decide(house.text())
    house.send_due(limits=Limits(texts=False))
    assert house.carrier.sent == []
    assert house.replies()[0].state == "withdrawn"


def test_an_answer_that_waited_into_the_quiet_hours_goes_in_the_morning(house):
    item = house.text()
    house.decide(item)
    house.change(contributor, quiet_from=NIGHT[0].strftime("%H:%M"), quiet_to=NIGHT[1].strftime("%H:%M"))
    night, morning = NOW.replace(hour=23), NOW.replace(day=24, hour=7)
    assert house.send_due(now=night) == []
    assert house.carrier.sent == []
    assert house.replies()[0].due_at == morning
    assert len(house.send_due(now=morning)) == 1
    assert house.actions(item) == ["reply.decided", "reply.decided", "reply.attempted", "reply.sent"]


def test_at_most_so_many_answers_go_to_one_contact_in_a_day(house):
    limits = Limits(contributor_daily=2)
    moment = NOW
    for _ in range(2):
        house.decide(house.text(at=moment), now=moment, limits=limits)
        moment += timedelta(minutes=10)
        house.send_due(now=moment)
    last = house.text(at=moment)
    assert house.decide(last, now=moment, limits=limits).decision == Silent(Reason.RATE_CAP)
    tomorrow = NOW + timedelta(days=1, minutes=30)
    assert isinstance(house.decide(house.text(at=tomorrow), now=tomorrow, limits=limits).decision, Send)


def test_the_days_limit_on_all_answers_is_silence_and_one_alert(house):
    limits = Limits(all_daily=1)
    house.decide(house.text(), limits=limits)
    house.send_due()
    for _ in range(2):
        assert house.decide(house.mail(at=LATER), now=LATER, limits=limits).decision == Silent(Reason.COST_CAP)
    assert house.alerts() == ["answers_capped"]


def test_an_answer_to_a_mail_waits_while_the_vault_is_away(house, monkeypatch):
    decided = house.decide(house.mail())

    def away(*_):
        raise VaultUnavailableError("read", "away")

    with monkeypatch.context() as patch:
        patch.setattr(house.installation.vault, "stream", away)
        assert house.send_due() == []
    assert house.replies()[0].state == "planned"
    with house.engine.connect() as connection:
        assert due(connection, now=LATER) == [decided.reply_id]


def test_a_decision_that_fails_halfway_leaves_nothing(house, monkeypatch):
    item = house.text()
    monkeypatch.setattr("replies.deciding.record_decision", lambda *_, **__: (_ for _ in ()).throw(Died))
    with pytest.raises(Died):
        house.decide(item)
    with house.engine.connect() as connection:
        assert connection.execute(select(reply_item)).all() == []
        assert undecided(connection) == [item]
    assert house.replies() == []


def test_without_a_carrier_the_officer_sees_a_failed_answer(house):
    house.decide(house.text())
    house.send_due(egress=Egress(None, None, wall_of(house.engine)))
    assert house.replies()[0].state == "failed"
    house.decide(house.mail())
    house.send_due(egress=Egress(None, None, wall_of(house.engine)))
    assert {row.state for row in house.replies()} == {"failed"}
    assert house.alerts() == ["answer_failed"]


def test_the_wall_knows_only_contacts_of_exactly_one_person_enrolled_now(house):
    wall = wall_of(house.engine)
    assert wall(ContactKind.PHONE, NUMBER) is None
    assert wall(ContactKind.EMAIL, NUMBER) is not None
    assert wall(ContactKind.PHONE, STRANGER) is not None
    with house.engine.begin() as connection:
        enrol(
            connection,
            house.case_id,
            name="Twin",
            contacts=[Contact(ContactKind.PHONE, NUMBER)],
            safe_contact=SafeContact(ReplyStyle.DISCREET),
            at=NOW,
            actor="cli:test",
        )
    assert wall(ContactKind.PHONE, NUMBER) is not None
    assert house.decide(house.text()).decision == Silent(Reason.AMBIGUOUS)
