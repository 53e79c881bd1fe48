"""The watcher announces every mail until it is put away, survives every break, and ends when told."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from archive.jobs import Job
from archive.marks import get_mark
from archive.tables import acquisition, alert, location, mark
from cli.composition import now
from intake.errors import UidValidityChangedError
from intake.fetching import fetch_batch
from intake.imap import Mailbox
from intake.locating import MailboxEpoch
from intake.mailbox import SEEN, Announced, Pace, Watcher
from intake.mailbox_url import MailboxUrl
from tests.intake.conftest import Desk
from tests.intake.nasty_server import Nasty

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUICK = Pace(poll_seconds=30, again=timedelta(seconds=30), lost_pause=(0.05, 0.2), refused_pause=(0.05, 0.2))


class Queue(list):
    """What was nudged."""

    def __call__(self, job, *ids):
        assert job is Job.FETCH_MAIL
        self.append(ids)

    def uids(self):
        return [uid for *_, uids in self for uid in uids]


def until(condition, seconds=20):
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


class Watch:
    """A watcher that runs in a thread for the length of a `with`."""

    def __init__(self, installation, url, *, nudge, pace=QUICK, read_seconds=5):
        self.stop = threading.Event()
        watcher = Watcher(
            url,
            lambda: Mailbox.open(url, connect_seconds=2, read_seconds=read_seconds),
            installation.engine,
            nudge,
            now=now,
            pace=pace,
        )
        self.thread = threading.Thread(target=watcher.run, args=(self.stop,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(timeout=15)
        assert not self.thread.is_alive()


def a_watcher(installation, desk, nudge, *, clock=now, pace=QUICK):
    return Watcher(desk.url, desk.open, installation.engine, nudge, now=clock, pace=pace)


def seen(installation, name=None):
    """What the last look at a mailbox left; at any of them where no name is given."""
    with installation.engine.connect() as connection:
        if name:
            return get_mark(connection, f"{SEEN}{name}")
        return connection.execute(select(mark.c.value).where(mark.c.name.startswith(SEEN))).scalar()


def test_mail_that_comes_while_the_watcher_waits_is_announced_at_once(installation, desk):
    queue = Queue()
    desk.drop(b"first")
    with Watch(installation, desk.url, nudge=queue):
        until(lambda: queue.uids() == [1])
        time.sleep(1.2)  # beyond the first short wait, so that IDLE is what wakes it
        began = time.monotonic()
        desk.drop(b"second")
        until(lambda: queue.uids() == [1, 2])
        assert time.monotonic() - began < 10
    account, mailbox, uidvalidity, uids = queue[0]
    assert (account, mailbox, uids) == (desk.url.account, "INBOX", [1])
    assert str(uidvalidity) in seen(installation)["mailbox"]


def test_watched_and_fetched_until_the_folder_is_empty(installation, desk):
    queue = Queue()
    mails = [b"From: a@example.org\r\n\r\n%d\r\n" % each for each in range(7)]
    desk.drop(*mails)
    watcher = a_watcher(installation, desk, queue, pace=Pace(batch=3))
    with desk.open() as mailbox:
        assert watcher.look(mailbox).announced == 7
    assert [len(uids) for *_, uids in queue] == [3, 3, 1]
    for account, folder, uidvalidity, uids in queue:
        epoch = MailboxEpoch(account, folder, uidvalidity)
        assert len(fetch_batch(desk.open, installation.archive, epoch, uids, now=now).archived) == len(uids)
    with desk.open() as mailbox:
        found = watcher.look(mailbox)
    assert (found.present, found.announced) == (0, 0)
    with installation.engine.connect() as connection:
        assert len(connection.execute(select(acquisition)).all()) == 7


def test_what_is_archived_but_could_not_be_moved_is_announced_again(installation, desk, monkeypatch):
    desk.drop(b"x")
    queue = Queue()
    with desk.open() as mailbox:
        a_watcher(installation, desk, queue).look(mailbox)
        (account, folder, uidvalidity, uids) = queue[0]
        with monkeypatch.context() as patched:
            patched.setattr(Mailbox, "move", lambda *_: None)
            fetch_batch(desk.open, installation.archive, MailboxEpoch(account, folder, uidvalidity), uids, now=now)
        a_watcher(installation, desk, queue).look(mailbox)
    assert queue.uids() == [1, 1]


def test_without_move_what_is_archived_is_not_announced_again(installation, desk_without_move):
    desk = desk_without_move
    desk.drop(b"x")
    queue = Queue()
    with desk.open() as mailbox:
        a_watcher(installation, desk, queue).look(mailbox)
        (account, folder, uidvalidity, uids) = queue[0]
        fetch_batch(desk.open, installation.archive, MailboxEpoch(account, folder, uidvalidity), uids, now=now)
        desk.drop(b"y")
        a_watcher(installation, desk, queue).look(mailbox)
    assert queue.uids() == [1, 2]


def test_after_a_new_uidvalidity_everything_is_announced_under_it(installation, desk_without_move):
    desk = desk_without_move
    desk.drop(b"x", b"y")
    queue = Queue()
    watcher = a_watcher(installation, desk, queue)
    with desk.open() as mailbox:
        watcher.look(mailbox)
    (account, folder, uidvalidity, uids) = queue.pop()
    fetch_batch(desk.open, installation.archive, MailboxEpoch(account, folder, uidvalidity), uids, now=now)
    desk.server.forget(desk.user)
    with desk.open() as mailbox:
        watcher.look(mailbox)
    assert queue.uids() == [1, 2]
    assert queue[0][2] != uidvalidity


def test_an_announcement_is_repeated_less_and_less_often(installation, desk):
    desk.drop(b"x")
    queue, clock = Queue(), [NOON]
    watcher = a_watcher(installation, desk, queue, clock=lambda: clock[0], pace=Pace(again=timedelta(minutes=2)))
    announced_at = []
    with desk.open() as mailbox:
        for minute in range(0, 64, 1):
            clock[0] = NOON + timedelta(minutes=minute)
            if watcher.look(mailbox).announced:
                announced_at.append(minute)
    assert announced_at == [0, 2, 6, 14, 30, 62]


@given(
    st.lists(st.sets(st.integers(1, 30)), max_size=12),
    st.integers(1, 10),
)
def test_whatever_comes_and_goes_no_mail_is_forgotten_and_the_workers_are_not_flooded(looks, most):
    announced = Announced(Pace(most_pending=most, again=timedelta(minutes=1)))
    told = set()
    for present in looks:
        due, waiting = announced.due(sorted(present), NOON)
        told &= present
        assert not told & set(due)
        told |= set(due)
        assert len(told) == min(most, len(present))
        assert waiting == len(present) - len(told)
    # Looked at for long enough, all that stays is announced.
    rest, later = set(range(1, 41)), NOON + timedelta(days=1)
    while rest:
        due, waiting = announced.due(sorted(rest), later)
        assert due
        rest -= set(due)
        later += timedelta(hours=2)
    assert waiting == 0


@pytest.mark.parametrize("idle", ["dies", "freezes"])
def test_a_connection_that_dies_is_opened_again_without_a_busy_loop(installation, idle):
    server = Nasty({1: b"x"}, idle=idle)
    url = MailboxUrl.parse(f"imap://desk:x@127.0.0.1:{server.port}")
    queue = Queue()
    try:
        with Watch(installation, url, nudge=queue, read_seconds=0.3):
            until(lambda: server.connections >= 3)
            began, before = time.monotonic(), server.connections
            time.sleep(1)
            assert server.connections - before <= 25 * (time.monotonic() - began)
            server.bodies[2] = b"y"
            server.idle = "quiet"
            until(lambda: set(queue.uids()) == {1, 2})
    finally:
        server.close()


def test_a_wrong_password_is_one_alert_and_slow_repeats(installation):
    server = Nasty({}, login_answer=b"NO [AUTHENTICATIONFAILED] wrong")
    url = MailboxUrl.parse(f"imap://desk:sesame@127.0.0.1:{server.port}")
    try:
        with Watch(installation, url, nudge=Queue()):
            until(lambda: server.connections >= 3)
            server.login_answer = b"OK in"
            until(lambda: seen(installation) is not None)
    finally:
        server.close()
    with installation.engine.connect() as connection:
        (row,) = connection.execute(select(alert)).all()
    assert row.kind == "mailbox"
    assert "sesame" not in row.text


def test_a_server_without_idle_is_polled(installation):
    server = Nasty({1: b"x"}, capabilities=b"IMAP4rev1 MOVE")
    url = MailboxUrl.parse(f"imap://desk:x@127.0.0.1:{server.port}")
    queue = Queue()
    try:
        with Watch(installation, url, nudge=queue, pace=Pace(poll_seconds=0.1)):
            until(lambda: queue.uids() == [1])
            server.bodies[2] = b"y"
            until(lambda: queue.uids() == [1, 2])
    finally:
        server.close()
    assert not server.told.is_set()


def test_it_ends_within_seconds_while_it_waits(installation, desk):
    with Watch(installation, desk.url, nudge=Queue()) as watch:
        until(lambda: seen(installation) is not None)
        began = time.monotonic()
        watch.stop.set()
        watch.thread.join(timeout=10)
        assert time.monotonic() - began < 5


def test_mail_that_comes_between_the_look_and_the_wait_is_not_left_for_the_next_poll(installation, dovecot):
    desk = Desk(dovecot)
    queue = Queue()

    class Late(Mailbox):
        def select(self):
            folder = super().select()
            if not desk.holds():
                desk.drop(b"late")
            return folder

        def uids(self, mails):
            return super().uids(mails) if mails else []

    stop = threading.Event()
    watcher = Watcher(desk.url, lambda: Late.open(desk.url), installation.engine, queue, now=now, pace=QUICK)
    thread = threading.Thread(target=watcher.run, args=(stop,))
    thread.start()
    try:
        until(lambda: queue.uids() == [1], seconds=15)
    finally:
        stop.set()
        thread.join(timeout=15)


@pytest.mark.parametrize("idle", ["ends", "chatters", "cries"])
def test_a_server_that_wakes_us_for_nothing_costs_little(installation, idle):
    server = Nasty({1: b"x"}, idle=idle)
    url = MailboxUrl.parse(f"imap://desk:x@127.0.0.1:{server.port}")
    queue = Queue()
    try:
        with Watch(installation, url, nudge=queue, read_seconds=2, pace=replace(QUICK, poll_seconds=6)):
            until(lambda: queue.uids() == [1])
            began, before = time.monotonic(), len(server.commands)
            time.sleep(2)
            assert len(server.commands) - before <= 25 * (time.monotonic() - began)
            server.bodies[2] = b"y"
            server.idle = "quiet"
            until(lambda: set(queue.uids()) == {1, 2}, seconds=60)
    finally:
        server.close()


def test_a_mailbox_that_is_away_for_long_is_told_once(installation):
    url = MailboxUrl.parse("imap://desk:sesame@127.0.0.1:1/INBOX")
    pace = Pace(lost_pause=(0.05, 0.1), away_seconds=0.2)
    with Watch(installation, url, nudge=Queue(), pace=pace):
        until(lambda: _alerts(installation))
        time.sleep(0.5)
    (text,) = _alerts(installation)
    assert text.startswith("desk@127.0.0.1/INBOX: it could not be looked at")
    assert "sesame" not in text


def _alerts(installation):
    with installation.engine.connect() as connection:
        return list(connection.execute(select(alert.c.text)).scalars())


def test_a_folder_made_anew_between_the_look_and_the_fetch_is_fetched_under_its_new_name_once(installation):
    server = Nasty({uid: b"From: a@example.org\r\n\r\n%d" % uid for uid in (1, 2, 3)}, capabilities=b"IMAP4rev1 IDLE")
    url = MailboxUrl.parse(f"imap://desk:x@127.0.0.1:{server.port}")
    queue = Queue()

    def fetch_all():
        for account, folder, uidvalidity, uids in queue:
            epoch = MailboxEpoch(account, folder, uidvalidity)
            try:
                fetch_batch(lambda: Mailbox.open(url), installation.archive, epoch, uids, now=now)
            except UidValidityChangedError:
                continue
        queue.clear()

    watcher = Watcher(url, lambda: Mailbox.open(url), installation.engine, queue, now=now, pace=QUICK)
    try:
        with Mailbox.open(url) as mailbox:
            watcher.look(mailbox)
            fetch_all()
            server.bodies[4] = b"From: a@example.org\r\n\r\nnew"
            watcher.look(mailbox)
            server.uidvalidity = 8
            server.bodies = {uid + 10: body for uid, body in server.bodies.items()}
            fetch_all()
        with Mailbox.open(url) as mailbox:
            watcher.look(mailbox)
            fetch_all()
            watcher.look(mailbox)
    finally:
        server.close()
    assert queue == []
    with installation.engine.connect() as connection:
        assert len(connection.execute(select(acquisition)).all()) == 4
        assert len(connection.execute(select(location)).all()) == 3


def test_a_hundred_thousand_mails_are_announced_a_few_thousand_at_a_time(installation):
    server = Nasty(dict.fromkeys(range(1, 120_001), b"x"))
    url = MailboxUrl.parse(f"imap://desk:x@127.0.0.1:{server.port}")
    queue = Queue()
    try:
        with Mailbox.open(url) as mailbox:
            watcher = Watcher(url, lambda: mailbox, installation.engine, queue, now=now)
            found = watcher.look(mailbox)
    finally:
        server.close()
    assert (found.present, found.announced, found.waiting) == (120_000, 5000, 115_000)
    assert queue.uids() == list(range(1, 5001))
