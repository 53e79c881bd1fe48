"""Mailboxes and Twilio against the archive, each by itself, and what is stated of each."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from archive.tables import acquisition, alert, completeness
from cli.composition import now
from intake.errors import MailboxUnavailableError
from intake.imap import Mailbox
from intake.mail_reconciling import reconcile_mailbox
from intake.mailboxes import Mailboxes
from intake.reconciling import NotCompared, Sources, Stated, reconcile_all, unexplained
from services.twilio_api import Account
from services.twilio_store import INBOUND, OUTBOUND, Store
from tests.intake.serving import Serving


def mail(number):
    return b"From: her@example.org\r\nSubject: %d\r\n\r\nfar from here %d\r\n" % (number, number)


def compare(desk, installation):
    return reconcile_mailbox(opened_at, desk.url, installation.archive, now=now)


def opened_at(url):
    return Mailbox.open(url, connect_seconds=5, read_seconds=10)


def in_the_archive(installation):
    with installation.engine.connect() as connection:
        return connection.execute(select(acquisition)).all()


def test_mails_that_nobody_announced_are_taken_in(installation, desk):
    desk.drop(*(mail(number) for number in range(5)))
    found = compare(desk, installation)
    assert (found.seen, found.archived, found.taken, found.gaps) == (5, 5, 5, ())
    assert found.source == f"mailbox:{desk.url.name}"
    assert {row.channel for row in in_the_archive(installation)} == {"email"}
    # They were put away, and are known from now on.
    again = compare(desk, installation)
    assert (again.seen, again.archived, again.taken, again.unexplained) == (5, 5, 0, ())
    assert again.beside == {"put_away": 5}
    assert len(in_the_archive(installation)) == 5


def test_a_mail_that_somebody_moved_away_before_it_was_archived_is_found_among_those_that_were(installation, desk):
    desk.drop(mail(1), mail(2))
    compare(desk, installation)
    desk.drop(mail(3), mail(1))  # one of them has the very bytes of a mail that was archived
    with desk.open() as mailbox:
        folder = mailbox.select()
        mailbox.move(mailbox.uids(folder.mails))
    assert desk.holds() == {}
    before = desk.holds("Archived")
    found = compare(desk, installation)
    assert (found.seen, found.archived, found.taken, found.gaps) == (4, 4, 1, ())
    assert sorted(row.size_bytes for row in in_the_archive(installation)) == [len(mail(n)) for n in (1, 2, 3)]
    assert desk.holds("Archived") == before
    again = compare(desk, installation)
    assert (again.seen, again.archived, again.taken) == (4, 4, 0)


def test_where_mails_cannot_be_moved_they_are_known_where_they_lie(installation, desk_without_move):
    desk_without_move.drop(*(mail(number) for number in range(3)))
    compare(desk_without_move, installation)
    again = compare(desk_without_move, installation)
    assert (again.seen, again.archived, again.taken) == (3, 3, 0)


class Stubborn:
    """A mailbox that lists a mail and does not give it."""

    def __init__(self, mailbox, uid, answer):
        self._mailbox, self._uid, self._answer = mailbox, uid, answer

    def __getattr__(self, name):
        return getattr(self._mailbox, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._mailbox.__exit__(*error)

    def fetch(self, uids):
        if self._uid in uids:
            return self._answer(self._mailbox, uids)
        return self._mailbox.fetch(uids)


def no_body(mailbox, uids):
    return {uid: replace(each, raw=None) for uid, each in mailbox.fetch(uids).items()}


def connection_lost(_mailbox, _uids):
    raise MailboxUnavailableError("give mails", "cut")


@pytest.mark.parametrize(("answer", "explained"), [(no_body, True), (connection_lost, False)])
def test_a_mail_the_server_does_not_give_is_named_and_explained_only_by_the_servers_own_word(
    installation, desk_without_move, answer, explained
):
    desk = desk_without_move
    desk.drop(mail(1), mail(2))
    found = reconcile_mailbox(lambda _: Stubborn(desk.open(), 1, answer), desk.url, installation.archive, now=now)
    (gap,) = found.gaps
    assert gap.source_id.endswith("/1")
    assert gap.explained is explained
    assert (found.seen, found.archived, len(found.unexplained)) == (2, 1, 0 if explained else 1)
    healed = compare(desk, installation)
    assert (healed.seen, healed.archived, healed.gaps) == (2, 2, ())


def test_a_mail_that_vanishes_between_the_look_and_the_fetch_is_not_explained(installation, desk_without_move):
    desk = desk_without_move
    desk.drop(mail(1), mail(2))

    def robbed(_url):
        mailbox = desk.open()
        uids = mailbox.uids
        mailbox.uids = lambda mails: [*uids(mails), 77]
        return mailbox

    found = reconcile_mailbox(robbed, desk.url, installation.archive, now=now)
    (gap,) = found.unexplained
    assert gap.source_id.endswith("/77")
    assert (found.seen, found.archived) == (3, 2)


@pytest.fixture
def twilio(tmp_path):
    with Serving() as server:
        store = Store(tmp_path / "twilio.sqlite")
        server.serve(store, Account("AC1", "token", "+447700900100", server.url))
        yield server, store


class Clock:
    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return now() + timedelta(seconds=self.ahead)

    def wait(self, seconds):
        self.ahead += seconds


def test_each_source_is_stated_by_itself_and_one_that_is_away_keeps_no_other_back(installation, desk, twilio):
    server, store = twilio
    store.add(INBOUND, "+447700900001", "+447700900100", "lost on the way", "received")
    store.add(OUTBOUND, "+447700900100", "+447700900001", "by somebody else", "delivered")
    desk.drop(mail(1))
    away = replace(desk.url, port=1, folder="Elsewhere")
    sources = Sources(server.api("AC1", "token"), "AC1", Mailboxes((away, desk.url)))
    clock = Clock()
    clock.ahead = 600
    results = reconcile_all(installation.archive, sources, now=clock, actor="system:test", wait=clock.wait)
    texts, elsewhere, mails = results
    assert isinstance(texts, Stated)
    assert (texts.compared.seen, texts.compared.archived, texts.compared.taken) == (1, 1, 1)
    assert texts.compared.beside["sent_and_not_by_us"] == 1
    assert isinstance(elsewhere, NotCompared)
    assert isinstance(mails, Stated)
    assert mails.compared.archived == 1
    assert unexplained(results)
    assert not unexplained([texts, mails])
    with installation.engine.connect() as connection:
        assert len(connection.execute(select(completeness)).all()) == 2
        kinds = set(connection.execute(select(alert.c.kind)).scalars())
    assert {"completeness_not_compared", "texts_sent_by_others"} <= kinds
    sources.texts.close()


def test_whoever_asks_by_hand_waits_for_texts_whose_webhook_may_be_on_its_way(installation, twilio):
    server, store = twilio
    store.add(INBOUND, "+447700900001", "+447700900100", "just now", "received")
    sources = Sources(server.api("AC1", "token"), "AC1", Mailboxes(()))
    (left,) = reconcile_all(installation.archive, sources, now=now, actor="system:test")
    assert (left.compared.seen, left.compared.waiting, left.compared.taken) == (1, 1, 0)
    clock = Clock()
    (stated,) = reconcile_all(installation.archive, sources, now=clock, actor="system:test", wait=clock.wait)
    assert (stated.compared.seen, stated.compared.archived, stated.compared.taken) == (1, 1, 1)
    assert clock.ahead == 30
    sources.texts.close()
