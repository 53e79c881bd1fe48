"""Mail, from a real server into the real vault: byte for byte, once, whatever dies between two steps."""

import hashlib
import threading
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from archive.accession import Archive
from archive.case import open_case
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.custody import Action, exhibit_stream
from archive.errors import OverwrittenError, VaultUnavailableError
from archive.ledger import entries_of
from archive.marks import counts, get_mark
from archive.tables import acquisition, alert, exhibit, location
from archive.vault import Vault
from cli.composition import now
from intake import fetching
from intake.errors import OtherMailboxError, UidValidityChangedError
from intake.fetching import GAP_MARK, USUAL_LIMITS, FetchedBatch, fetch_batch
from intake.imap import Mailbox
from intake.locating import MailboxEpoch, known_uids
from intake.mailbox_url import MailboxUrl
from intake.retrieval import Limits
from tests.intake.conftest import Desk
from tests.intake.nasty_server import Nasty
from tests.timeline.casework import Casework

AT = 1_700_000_000
MAIL = b"From: Jane <jane@example.org>\r\nSubject: fwd\r\n\r\nhe wrote again\r\n"
CORPORA = Path(__file__).parents[1] / "reading" / "corpora" / "mail"


class Dies(BaseException):
    """A process that is killed runs no handler of ours."""


def fetch(installation, desk, *, limits=USUAL_LIMITS):
    """What a worker does with an announcement of everything in the folder."""
    with desk.open() as mailbox:
        folder = mailbox.select()
        uids = mailbox.uids(folder.mails)
    epoch = MailboxEpoch(desk.url.account, desk.url.folder, folder.uidvalidity)
    return fetch_batch(desk.open, installation.archive, epoch, uids, now=now, limits=limits)


def rows(installation, table):
    with installation.engine.connect() as connection:
        return connection.execute(select(table)).all()


def number(installation, table):
    return len(rows(installation, table))


def held(installation):
    """The bytes of every exhibit as the vault has them, checked against the recorded digest."""
    query = select(exhibit.c.vault_key, exhibit.c.vault_version, acquisition.c.sha256).join(
        acquisition, acquisition.c.id == exhibit.c.id
    )
    with installation.engine.connect() as connection:
        found = connection.execute(query).all()
    return sorted(installation.vault.read(row.vault_key, row.vault_version, sha256=row.sha256) for row in found)


def test_a_mail_is_archived_unaltered_with_what_the_server_said_and_then_moved(installation, desk):
    desk.drop(MAIL, at=AT)
    done = fetch(installation, desk)
    (row,) = rows(installation, acquisition)
    assert done == FetchedBatch(archived=(row.id,), put_away=1)
    assert held(installation) == [MAIL]
    assert row.source_id.startswith(f"imap:{desk.user}%40127.0.0.1/INBOX/")
    assert (row.channel, row.media_type, row.sender) == ("email", "message/rfc822", "jane@example.org")
    assert row.delivered_at == datetime.fromtimestamp(AT, UTC)
    assert row.door == {
        "account": f"{desk.user}@127.0.0.1",
        "mailbox": "INBOX",
        "uidvalidity": row.door["uidvalidity"],
        "uid": 1,
        "flags": row.door["flags"],
        "internaldate": "14-Nov-2023 22:13:20 +0000",
    }
    assert "\\Seen" not in row.door["flags"]
    assert desk.holds() == {}
    assert list(desk.holds("Archived").values()) == [MAIL]


def test_an_enrolled_sender_puts_the_mail_into_her_case(installation, desk):
    with installation.engine.begin() as connection:
        officer = Casework(installation.archive, installation.sequencer).account(connection)
        opened = open_case(connection, "22/1", officer=officer, title=None, at=now(), actor="cli:test")
        contact = Contact(ContactKind.EMAIL, "jane@example.org")
        enrol(
            connection,
            opened.id,
            name="Jane Doe",
            contacts=[contact],
            safe_contact=SafeContact(ReplyStyle.NONE),
            at=now(),
            actor="cli:test",
        )
    desk.drop(MAIL, MAIL.replace(b"jane@", b"stranger@"))
    fetch(installation, desk)
    assert sorted(str(row.initials) for row in rows(installation, exhibit)) == ["JD", "None"]


def test_odd_bytes_come_as_the_server_gives_them(installation, desk):
    odd = [
        b"From: a@b.example\r\n\r\nno final newline",
        b"bare\rcarriage\r\n",
        bytes(range(1, 256)).replace(b"\n", b"\r\n").replace(b"\r\r\n", b"\r\n"),
        b"\r\n",
        b"",
        b"x" * 100_000,
        b"a: " + b"y" * 2_000_000 + b"\r\n\r\n",
    ]
    desk.drop(*odd)
    given = sorted(desk.holds().values())
    fetch(installation, desk, limits=Limits(chunk_bytes=100_000, piece_bytes=70_000))
    assert held(installation) == given == sorted(odd)


def test_every_mail_of_the_corpora_is_in_the_vault_byte_for_byte(installation, desk):
    mails = [path.read_bytes() for path in sorted(CORPORA.rglob("*")) if path.is_file()]
    assert len(mails) > 100
    desk.drop(*mails)
    given = sorted(desk.holds().values())
    done = fetch(installation, desk)
    assert (len(done.archived), done.gaps, done.faults) == (len(mails), (), 0)
    assert held(installation) == given
    # Dovecot writes line ends as CRLF and NUL as 0x80; nothing else differs from the files.
    assert given == sorted(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").replace(b"\0", b"\x80") for raw in mails)


def test_the_same_mail_twice_is_two_acquisitions(installation, desk):
    desk.drop(MAIL, MAIL, at=AT)
    assert len(fetch(installation, desk).archived) == 2
    assert held(installation) == [MAIL, MAIL]


def kill_before(monkeypatch, owner, name, *, after=False, calls=1):
    """The process ends at the `calls`-th call of `name`, before it does anything, or `after` it did everything."""
    original, seen = getattr(owner, name), []
    lock = threading.Lock()

    def dying(*positional, **named):
        with lock:
            seen.append(name)
            last = len(seen) == calls
        if last and not after:
            raise Dies
        result = original(*positional, **named)
        if last:
            raise Dies
        return result

    monkeypatch.setattr(owner, name, dying)


STEPS = [
    (Mailbox, "sizes"),
    (Mailbox, "fetch"),
    (fetching, "located"),
    (Vault, "put"),
    (Archive, "_record_fresh"),
    (Archive, "accession_now"),
    (fetching, "_note_gaps"),
    (Mailbox, "_create"),
    (Mailbox, "move"),
]


@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_process_that_dies_before_or_after_any_step_loses_and_doubles_nothing(
    installation, dovecot, monkeypatch, owner, step
):
    mails = [MAIL, MAIL, b"From: b@example.org\r\n\r\nother\r\n"]
    for after in (False, True):
        desk = Desk(dovecot)
        desk.drop(*mails, at=AT)
        with monkeypatch.context() as patched, pytest.raises(Dies):
            kill_before(patched, owner, step, after=after)
            fetch(installation, desk)
        fetch(installation, desk)
        assert desk.holds() == {}
        assert sorted(desk.holds("Archived").values()) == sorted(mails)
    assert held(installation) == sorted([*mails, *mails])
    assert number(installation, acquisition) == 6
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        for row in connection.execute(select(exhibit)).all():
            actions = [entry.facts()["action"] for entry in entries_of(connection, [exhibit_stream(row.id)])]
            assert actions.count(Action.EXHIBIT_ARCHIVED) == 1


def test_death_between_two_puts_into_the_vault_repeats_without_a_second_object(installation, desk, monkeypatch):
    mails = [b"From: a@example.org\r\n\r\n%d\r\n" % each for each in range(6)]
    desk.drop(*mails)
    with monkeypatch.context() as patched, pytest.raises(Dies):
        kill_before(patched, Vault, "put", calls=4)
        fetch(installation, desk)
    assert number(installation, acquisition) == 0
    fetch(installation, desk)
    assert held(installation) == sorted(mails)


def test_two_workers_with_the_same_announcement_archive_each_mail_once(installation, desk):
    mails = [b"From: a@example.org\r\n\r\n%d\r\n" % each for each in range(20)]
    desk.drop(*mails)
    failures = []

    def work():
        try:
            fetch(installation, desk)
        except Exception as error:  # noqa: BLE001 - told by the assertion below
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
    fetch(installation, desk)
    assert held(installation) == sorted(mails)
    assert desk.holds() == {}
    # Dovecot moves by copying: told twice at once it may copy twice. The mailbox has it twice, the archive once.
    assert set(desk.holds("Archived").values()) == set(mails)


def test_a_vault_that_is_away_leaves_every_mail_where_it_is(installation, desk, monkeypatch):
    desk.drop(MAIL)

    def away(*_, **__):
        raise VaultUnavailableError("store", "away")

    with monkeypatch.context() as patched, pytest.raises(VaultUnavailableError):
        patched.setattr(Vault, "put", away)
        fetch(installation, desk)
    assert list(desk.holds().values()) == [MAIL]
    assert number(installation, acquisition) == 0


def test_a_mail_whose_place_in_the_vault_is_taken_stays_in_its_folder(installation, desk, monkeypatch):
    desk.drop(MAIL, b"From: b@example.org\r\n\r\nfine\r\n")
    original = Vault.put

    def taken(self, key, body, **rest):
        if body == MAIL:
            raise OverwrittenError(key)
        return original(self, key, body, **rest)

    with monkeypatch.context() as patched:
        patched.setattr(Vault, "put", taken)
        done = fetch(installation, desk)
    assert (done.faults, len(done.archived)) == (1, 1)
    assert list(desk.holds().values()) == [MAIL]
    assert [row.kind for row in rows(installation, alert)] == ["fault"]


def test_a_uid_that_is_used_again_for_other_bytes_is_a_further_observation(installation):
    server = Nasty({1: MAIL})
    url = MailboxUrl.parse(f"imap://desk:x@127.0.0.1:{server.port}")
    epoch = MailboxEpoch(url.account, url.folder, 7)

    def open_mailbox():
        return Mailbox.open(url)

    try:
        fetch_batch(open_mailbox, installation.archive, epoch, [1], now=now)
        server.bodies[1] = b"other"
        fetch_batch(open_mailbox, installation.archive, epoch, [1], now=now)
    finally:
        server.close()
    assert held(installation) == sorted([MAIL, b"other"])
    assert server.moved == [1, 1]


def test_an_announcement_of_another_uidvalidity_is_refused(installation, desk):
    desk.drop(MAIL)
    with pytest.raises(UidValidityChangedError):
        epoch = MailboxEpoch(desk.url.account, "INBOX", 1)
        fetch_batch(desk.open, installation.archive, epoch, [1], now=now)
    assert list(desk.holds().values()) == [MAIL]


@pytest.mark.parametrize(("account", "folder"), [("other@127.0.0.1", "INBOX"), (None, "Other")])
def test_an_announcement_for_another_mailbox_is_refused(installation, desk, account, folder):
    desk.drop(MAIL)
    with desk.open() as mailbox:
        uidvalidity = mailbox.select().uidvalidity
    with pytest.raises(OtherMailboxError):
        epoch = MailboxEpoch(account or desk.url.account, folder, uidvalidity)
        fetch_batch(desk.open, installation.archive, epoch, [1], now=now)
    assert list(desk.holds().values()) == [MAIL]


def test_without_move_mails_stay_and_are_marked_and_known(installation, desk_without_move):
    desk = desk_without_move
    desk.drop(MAIL)
    assert fetch(installation, desk).put_away == 1
    assert list(desk.holds().values()) == [MAIL]
    with desk.open() as mailbox:
        folder = mailbox.select()
        assert mailbox.facts(1).flags.count("$HoldfastArchived") == 1
    epoch = MailboxEpoch(desk.url.account, desk.url.folder, folder.uidvalidity)
    with installation.engine.connect() as connection:
        assert known_uids(connection, epoch, [1, 2]) == {1}


def test_after_a_new_uidvalidity_nothing_is_doubled_and_nothing_lost(installation, desk_without_move):
    desk = desk_without_move
    other = b"From: b@example.org\r\n\r\nother\r\n"
    desk.drop(MAIL, MAIL, other, at=AT)
    first = fetch(installation, desk)
    before = {row.source_id for row in rows(installation, acquisition)}
    desk.server.forget(desk.user)
    # The same twice and once more, the same bytes received at another time, and a new one.
    desk.drop(MAIL, at=AT)
    desk.drop(other, at=AT + 1)
    desk.drop(b"From: c@example.org\r\n\r\nnew\r\n", at=AT)
    second = fetch(installation, desk)
    assert (len(second.located), len(second.archived)) == (3, 3)
    assert set(second.located) == set(first.archived)
    assert number(installation, acquisition) == 6
    sources = {row.source_id for row in rows(installation, location)}
    assert len(sources) == 3
    assert not sources & before
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        for exhibit_id in first.archived:
            actions = [entry.facts()["action"] for entry in entries_of(connection, [exhibit_stream(exhibit_id)])]
            assert actions.count(Action.EXHIBIT_LOCATED) == 1
    # A third look finds every mail known, and a fourth epoch finds them all again.
    third = fetch(installation, desk)
    assert (len(third.located), len(third.archived), number(installation, location)) == (3, 3, 3)
    desk.server.forget(desk.user)
    fourth = fetch(installation, desk)
    assert (len(fourth.located), len(fourth.archived), number(installation, acquisition)) == (6, 0, 6)


def test_death_while_mails_are_located_again_doubles_nothing(installation, desk_without_move, monkeypatch):
    desk = desk_without_move
    desk.drop(MAIL, MAIL, at=AT)
    fetch(installation, desk)
    desk.server.forget(desk.user)
    desk.drop(MAIL, at=AT)
    for owner, step, after in [(fetching, "locate", True), (Vault, "put", False), (Archive, "_record_fresh", False)]:
        with monkeypatch.context() as patched, pytest.raises(Dies):
            kill_before(patched, owner, step, after=after)
            fetch(installation, desk)
    fetch(installation, desk)
    assert (number(installation, acquisition), number(installation, location)) == (3, 2)


def test_a_mail_the_server_does_not_give_is_one_alert_until_it_comes(installation):
    server = Nasty({1: MAIL, 2: b"fine"}, faults={1: "nil"})
    url = MailboxUrl.parse(f"imap://desk:x@127.0.0.1:{server.port}")
    epoch = MailboxEpoch(url.account, url.folder, 7)

    def run():
        return fetch_batch(lambda: Mailbox.open(url), installation.archive, epoch, [1, 2], now=now)

    try:
        first, second = run(), run()
        with installation.engine.connect() as connection:
            assert "NIL" in get_mark(connection, f"{GAP_MARK}{epoch.source_id(1)}")["because"]
            assert counts(connection)["mail_gaps"] == 1
        server.faults.clear()
        third = run()
    finally:
        server.close()
    assert (first.gaps, len(first.archived), second.gaps, len(third.archived)) == ((1,), 1, (1,), 1)
    assert [row.kind for row in rows(installation, alert)] == ["mail_gap"]
    assert held(installation) == sorted([MAIL, b"fine"])
    with installation.engine.connect() as connection:
        assert "filled_at" in get_mark(connection, f"{GAP_MARK}{epoch.source_id(1)}")


def test_a_size_that_is_not_true_is_a_fact_of_the_door(installation):
    server = Nasty({1: MAIL}, stated={1: 7})
    url = MailboxUrl.parse(f"imap://desk:x@127.0.0.1:{server.port}")
    try:
        fetch_batch(
            lambda: Mailbox.open(url), installation.archive, MailboxEpoch(url.account, "INBOX", 7), [1], now=now
        )
    finally:
        server.close()
    (row,) = rows(installation, acquisition)
    assert row.door["stated_size"] == 7
    assert row.sha256 == hashlib.sha256(MAIL).hexdigest()


@pytest.mark.parametrize(
    "fault", ["nil", "cut", "short_literal", "bye", "freeze", "other_uid", "two_bodies", "other_bytes", "bad_line"]
)
def test_whatever_a_server_does_to_one_mail_each_is_archived_once_with_its_bytes_when_all_is_well(installation, fault):
    """NIL bodies, truncated literals, BYE in the middle, frozen sockets and lying UIDs, all the way into the vault."""
    mails = {uid: b"From: a@example.org\r\n\r\nmail %d\r\n" % uid * uid for uid in (3, 5, 8)}
    server = Nasty(dict(mails), faults={5: fault})
    url = MailboxUrl.parse(f"imap://desk:x@127.0.0.1:{server.port}")
    epoch = MailboxEpoch(url.account, url.folder, 7)

    def run():
        opened = partial(Mailbox.open, url, read_seconds=0.3, most_bytes=300_000)
        return fetch_batch(opened, installation.archive, epoch, [3, 5, 8], now=now)

    try:
        bad = run()
        assert held(installation) == sorted([mails[3], mails[8]])
        # Where it lied about one mail, that one stays in its folder.
        assert (bad.gaps, sorted(server.moved)) == ((5,), [3, 8])
        server.faults.clear()
        assert len(run().archived) == 1
    finally:
        server.close()
    assert held(installation) == sorted(mails.values())
    assert sorted(row.source_id.rpartition("/")[2] for row in rows(installation, acquisition)) == ["3", "5", "8"]
    assert sorted(server.moved) == [3, 5, 8]
