"""Exports that come by mail or by a link: each message its own event, once, whatever dies; the export itself kept."""

from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import func, select

from archive.accession import Belonging
from archive.acquisition import Acquisition, Channel
from archive.assignment import assign
from archive.custody import Action
from archive.errors import VaultUnavailableError
from archive.tables import acquisition, alert, custody_payload, exhibit, unpacking
from cli.composition import now
from intake import taking_apart
from intake.exports import MOST_TRIES, due, outcome_of
from intake.importing import files_of, import_files
from tests.intake.test_import import MBOX
from tests.reading.containers import zipped
from tests.timeline.casework import Casework
from timeline.events import events_of
from timeline.readings import read_exhibit
from workers.exports import export_taker

SMS = b"""<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>
<smses count="3">
<sms address="+447700900123" date="1600000000000" type="1" body="first" contact_name="Dan" />
<sms address="+447700900123" date="1600000060000" type="2" body="second" contact_name="Dan" />
<call number="+447700900123" duration="0" date="1600000120000" type="3" />
</smses>
"""
CHAT = b"21/11/2026, 22:13 - Dan: Hello\n21/11/2026, 22:14 - Sam: No\n21/11/2026, 22:15 - Dan: I am here\n"
PICTURE = b"a picture"
CHAT_ZIP = zipped(
    {"WhatsApp Chat with Dan.txt": CHAT + b"21/11/2026, 22:16 - Dan: IMG-1.jpg (file attached)\n", "IMG-1.jpg": PICTURE}
)
MAIL = b"From: Dan <dan@example.org>\nDate: Mon, 23 Nov 2026 10:00:00 +0000\nSubject: %s\n\nI saw you.\n"
MAILS_ZIP = zipped({"one.eml": MAIL % b"one", "two.eml": MAIL % b"two"})
SENDER = "amy@example.org"


class Desk:
    """A case with one enrolled contributor, and what comes in from her."""

    def __init__(self, installation):
        self.archive = installation.archive
        self.engine = installation.engine
        work = Casework(installation.archive, installation.sequencer)
        self.case = work.case()
        self.other = work.case("42/9999/26")
        self.person = work.enrol(self.case, email=SENDER)
        self.taker = export_taker(self.archive, now=now)
        self.serial = 0

    def mail(self, *files, sender=SENDER):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, "desk@force.example", "my phone"
        message.set_content("Here is everything.\n")
        for name, raw, kind in files:
            main, sub = kind.split("/")
            message.add_attachment(raw, maintype=main, subtype=sub, filename=name)
        self.serial += 1
        source = f"imap:a/INBOX/1/{self.serial}"
        item = Acquisition.of(
            message.as_bytes(), channel=Channel.EMAIL, source_id=source, at=now(), media_type="message/rfc822"
        )
        (done,) = self.archive.accession_now([(item, Belonging(sender=sender))], now=now())
        read_exhibit(self.engine, self.archive.vault, done, now=now)
        return done

    def link(self, name, raw, kind="application/octet-stream"):
        self.serial += 1
        facts = {"filename": name, "declared_type": kind, "link": "x"}
        item = Acquisition.of(
            raw,
            channel=Channel.UPLOAD,
            source_id=f"upload:{self.case.id}/{self.serial}",
            at=now(),
            media_type=kind,
            door=facts,
        )
        belonging = Belonging(case_id=self.case.id, contributor_id=self.person.id)
        (done,) = self.archive.accession_now([(item, belonging)], now=now())
        read_exhibit(self.engine, self.archive.vault, done, now=now)
        return done

    def outcome(self, exhibit_id):
        with self.engine.connect() as connection:
            return outcome_of(connection, exhibit_id)

    def due(self, at=None):
        with self.engine.connect() as connection:
            return due(connection, now=at or now(), most=10)

    def events(self, case=None):
        with self.engine.connect() as connection:
            return [each.to_json() for each in events_of(connection, (case or self.case).id)]

    def texts(self, case=None):
        return [each["text"] for each in self.events(case) if each["kind"] in ("message", "call") and each["text"]]

    def bytes_of(self, *kinds):
        query = select(exhibit, acquisition).join(acquisition, acquisition.c.id == exhibit.c.id)
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(acquisition.c.source_id)).all()
        vault = self.archive.vault
        return {vault.read(row.vault_key, row.vault_version, sha256=row.sha256) for row in rows}


@pytest.fixture
def desk(installation):
    return Desk(installation)


@pytest.mark.parametrize(
    ("name", "raw", "kind", "taken", "holds"),
    [
        ("sms-2026.xml", SMS, "text/xml", {"sms": 2, "call": 1}, "backup"),
        ("WhatsApp Chat with Dan.txt", CHAT, "text/plain", {"chat": 3}, "chat"),
        ("WhatsApp Chat with Dan.zip", CHAT_ZIP, "application/zip", {"chat": 4, "file of a chat": 1}, "chat"),
        ("inbox.mbox", MBOX, "application/mbox", {"mail": 2}, "mailbox"),
        ("mails.zip", MAILS_ZIP, "application/x-zip-compressed", {}, "zip"),
    ],
)
@pytest.mark.parametrize("way", ["mail", "link"])
def test_each_message_of_an_export_is_an_event_of_its_own(desk, tmp_path, way, name, raw, kind, taken, holds):
    held = desk.mail((name, raw, kind)) if way == "mail" else desk.link(name, raw, kind)
    assert desk.due() == [held]
    assert desk.taker.take(held)
    found = desk.outcome(held)
    assert (found.state, found.taken, found.because) == ("whole", taken, None)
    assert found.holds == (holds if way == "link" else None)

    (tmp_path / name).write_bytes(raw)
    (imported,) = import_files(desk.archive, files_of([tmp_path / name]), Belonging(case_id=desk.case.id), now=now)
    # The same items as `import` makes, and no more; but for a link's file, which is an exhibit already.
    assert imported.repeats == len(imported.ids) - (way == "link")
    assert found.exhibits == imported.repeats
    assert desk.due() == []


def test_the_messages_stand_on_the_timeline_as_they_are_and_the_export_as_a_file(desk):
    held = desk.link("sms-2026.xml", SMS, "text/xml")
    desk.taker.take(held)
    events = desk.events()
    assert {each["text"] for each in events if each["kind"] == "message"} == {"first", "second"}
    assert [each["kind"] for each in events if each["id"] == str(held)] == ["attachment"]
    assert {each["grade"] for each in events} == {"C"}
    said = [each for each in events if each["text"] == "first"]
    assert said[0]["reported_from"]["number"] == "+447700900123"
    assert said[0]["contributor"] == "Amy Beth Carter"


def test_a_chat_by_link_is_no_event_itself_once_its_messages_are(desk):
    held = desk.link("chat.txt", CHAT, "text/plain")
    desk.taker.take(held)
    (file,) = [each for each in desk.events() if each["id"] == str(held)]
    assert (file["kind"], file["text"], file["claimed_source"]) == ("attachment", "", "export")


def test_the_mail_stays_the_event_that_it_is_and_the_export_lies_beside_it(desk):
    held = desk.mail(("sms-2026.xml", SMS, "text/xml"))
    desk.taker.take(held)
    (mail,) = [each for each in desk.events() if each["id"] == str(held)]
    assert mail["kind"] != "attachment"
    assert SMS in desk.bytes_of()
    beside = [each for each in mail["attachments"] if "/" not in each["id"]]
    assert [each["size_bytes"] for each in beside] == [len(SMS)]


def test_what_is_no_message_is_counted_and_told(desk):
    held = desk.link("x.mbox", b"no mailbox at all\n", "application/mbox")
    desk.taker.take(held)
    found = desk.outcome(held)
    assert (found.state, found.exhibits) == ("failed", 0)
    assert "no message was found in it" in found.because
    broken = desk.mail(("sms.xml", SMS.replace(b'count="3"', b'count="4"'), "text/xml"))
    desk.taker.take(broken)
    assert desk.outcome(broken).state == "partly"
    assert "it says that it holds 4 messages, 3 were found" in desk.outcome(broken).because


@pytest.mark.parametrize(
    ("name", "raw", "kind"),
    [("notes.txt", b"I saw him at ten.\n", "text/plain"), ("photos.zip", zipped({"a.jpg": b"x"}), "application/zip")],
)
def test_other_files_stay_as_they_are(desk, name, raw, kind):
    held = desk.mail((name, raw, kind))
    desk.taker.take(held)
    assert desk.outcome(held).state == "nothing"
    assert len(desk.events()) == 1


def test_the_one_mail_in_a_zip_that_a_forward_is_about_is_no_second_event(desk):
    held = desk.mail(("one.zip", zipped({"one.eml": MAIL % b"one"}), "application/zip"))
    assert desk.events()[0]["reported_from"]["address"] == "dan@example.org"
    desk.taker.take(held)
    assert desk.outcome(held).state == "nothing"
    assert len(desk.events()) == 1


def test_what_strangers_send_is_taken_apart_only_once_an_officer_assigns_it(desk):
    held = desk.mail(("sms.xml", SMS, "text/xml"), sender="stranger@example.org")
    assert desk.due() == []
    assert desk.taker.take(held)
    assert desk.outcome(held).state == "waiting"
    with desk.engine.begin() as connection:
        assign(connection, held, desk.case.id, contributor=desk.person, at=now(), actor="account:x")
    assert desk.due() == [held]
    desk.taker.take(held)
    assert {"first", "second"} <= set(desk.texts())


def test_the_same_export_again_gives_no_event_twice(desk):
    for _ in range(2):
        held = desk.mail(("sms.xml", SMS, "text/xml"))
        desk.taker.take(held)
        assert desk.outcome(held).state == "whole"
    assert sorted(desk.texts()).count("first") == 1


def test_what_another_case_has_already_comes_into_this_one_as_well(desk, tmp_path):
    (tmp_path / "chat.zip").write_bytes(CHAT_ZIP)
    list(import_files(desk.archive, files_of([tmp_path]), Belonging(case_id=desk.other.id), now=now))
    held = desk.mail(("chat.zip", CHAT_ZIP, "application/zip"))
    for _ in range(2):
        desk.taker.take(held)
    events = desk.events()
    assert sorted(each["text"] for each in events if each["claimed_at"])[:2] == ["Hello", "I am here"]
    with_picture = [each for each in events if each["attachments"] and each["claimed_at"]]
    assert [one["size_bytes"] for each in with_picture for one in each["attachments"]] == [len(PICTURE)]
    (again,) = import_files(desk.archive, files_of([tmp_path]), Belonging(case_id=desk.case.id), now=now)
    assert again.repeats == len(again.ids)


class Killed(BaseException):
    """The process ends here."""


def test_killed_after_any_batch_it_goes_on_and_nothing_is_lost_or_doubled(desk, monkeypatch):
    monkeypatch.setattr("intake.importing.BATCH_ITEMS", 1)
    held = desk.mail(("sms.xml", SMS, "text/xml"), ("chat.txt", CHAT, "text/plain"))
    taker, then = desk.taker, desk.taker.then
    batches = 0
    for number in range(20):

        def dies(arrived):
            then(arrived)
            raise Killed

        monkeypatch.setattr(taking_apart.exports, "MOST_TRIES", 100)
        mortal = replace(taker, then=dies if number % 2 else then, seconds=0.0)
        try:
            done = mortal.take(held)
        except Killed:
            done = False
        if done:
            break
        batches += 1
    assert batches > 6
    assert desk.outcome(held).state == "whole"
    assert desk.outcome(held).exhibits == 8
    assert sorted(desk.texts()).count("first") == 1
    assert sum(each["claimed_source"] == "export" and bool(each["claimed_at"]) for each in desk.events()) == 6


def test_an_export_that_ends_every_worker_is_left_whole_and_an_officer_is_told(desk):
    held = desk.link("sms.xml", SMS, "text/xml")

    def dies(_):
        raise Killed

    for _ in range(MOST_TRIES):
        with pytest.raises(Killed):
            replace(desk.taker, then=dies).take(held)
    assert desk.outcome(held).state == "waiting"
    assert desk.taker.take(held)
    found = desk.outcome(held)
    assert (found.state, found.because) == ("failed", "the program ended 5 times while it was at it")
    with desk.engine.connect() as connection:
        assert connection.execute(select(alert.c.kind, alert.c.acquisition_id)).all() == [("export_not_taken", held)]
    assert SMS in desk.bytes_of()


def test_a_fault_of_ours_is_tried_again_and_then_told(desk):
    held = desk.link("sms.xml", SMS, "text/xml")

    def fails(_):
        raise ValueError

    for _ in range(MOST_TRIES):
        assert not replace(desk.taker, then=fails).take(held)
    found = desk.outcome(held)
    assert (found.state, found.because) == ("failed", "it could not be taken apart: ValueError")


def test_a_vault_that_is_away_is_waited_for_as_long_as_it_takes(desk):
    held = desk.link("sms.xml", SMS, "text/xml")

    def away(_):
        raise VaultUnavailableError("put", "away")

    for _ in range(MOST_TRIES + 2):
        with pytest.raises(VaultUnavailableError):
            replace(desk.taker, then=away).take(held)
    assert desk.due() == []
    assert desk.due(now() + timedelta(minutes=1)) == [held]
    desk.taker.take(held)
    assert desk.outcome(held).state == "whole"


def test_too_many_items_are_left_in_the_file_and_it_says_so(desk, monkeypatch):
    monkeypatch.setattr(taking_apart, "MOST_ITEMS", 2)
    held = desk.link("sms.xml", SMS, "text/xml")
    desk.taker.take(held)
    found = desk.outcome(held)
    assert (found.state, found.exhibits) == ("partly", 2)
    assert found.because.startswith("it holds more than 2 items")


def test_one_worker_at_a_time_is_at_an_export(desk):
    held, second = desk.link("sms.xml", SMS, "text/xml"), desk.link("chat.txt", CHAT, "text/plain")
    seen = []

    def meanwhile(_):
        seen.append(desk.taker.take(second))

    replace(desk.taker, then=meanwhile).take(held)
    assert seen == [False]
    assert desk.taker.take(second)


def test_what_came_out_of_it_is_in_the_ledger(desk):
    held = desk.link("sms.xml", SMS, "text/xml")
    desk.taker.take(held)
    desk.taker.take(held)
    with desk.engine.connect() as connection:
        bodies = [bytes(each) for each in connection.execute(select(custody_payload.c.body)).scalars()]
    entries = [each for each in bodies if Action.EXHIBIT_UNPACKED.value.encode() in each]
    assert len(entries) == 1
    assert b'"exhibits":3' in entries[0]


def test_what_was_taken_out_is_not_looked_into_again(desk):
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "dan@example.org", "x"
    inner.set_content("look\n")
    inner.add_attachment(SMS, maintype="text", subtype="xml", filename="sms.xml")
    held = desk.link("mails.zip", zipped({"a.eml": inner.as_bytes()}), "application/zip")
    desk.taker.take(held)
    assert desk.due() == []
    with desk.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(unpacking)).scalar_one() == 1
