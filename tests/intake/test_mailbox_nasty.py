"""A server that breaks, lies or stops at any point: every other mail still comes, byte for byte, and nothing hangs."""

import contextlib
import time
from datetime import UTC, datetime

import pytest

from intake.errors import (
    InsecureMailboxError,
    LoginRefusedError,
    MailboxBusyError,
    MailboxUnavailableError,
    NoSuchMailboxError,
    UidValidityChangedError,
)
from intake.imap import Mailbox
from intake.mailbox_url import MailboxUrl
from intake.retrieval import Gap, Limits, Line, Retrieved, retrieve
from tests.intake.nasty_server import Nasty

READ_SECONDS = 0.3
MOST_BYTES = 300_000
USUAL = Limits()
BODIES = {uid: b"From: a@example.org\r\n\r\nmail %d\r\n" % uid * uid for uid in (3, 5, 8, 13)}


@contextlib.contextmanager
def nasty(**script):
    server = Nasty(**({"bodies": dict(BODIES)} | script))
    try:
        yield server
    finally:
        server.close()


def opener(server):
    url = MailboxUrl.parse(f"imap://desk:sesame@127.0.0.1:{server.port}/INBOX")
    return lambda: Mailbox.open(url, connect_seconds=2, read_seconds=READ_SECONDS, most_bytes=MOST_BYTES)


def gets(server, uids=(3, 5, 8, 13), limits=USUAL, uidvalidity=7):
    with Line(opener(server), uidvalidity) as line:
        return {one.uid: one for chunk in retrieve(line, uids, limits) for one in chunk}


def bytes_of(found):
    return {uid: one.raw for uid, one in found.items() if isinstance(one, Retrieved)}


NASTY = [
    *("nil", "nothing", "empty", "no", "bad_line", "cut", "bye", "freeze", "short_literal", "other_bytes"),
    *("huge", "endless", "other_uid", "two_bodies"),
]


def test_a_good_server_gives_every_mail_as_it_is():
    with nasty() as server:
        found = gets(server)
    assert bytes_of(found) == BODIES
    assert found[5].mail.internaldate == datetime(2023, 11, 14, 21, 13, 20, tzinfo=UTC)
    assert found[5].mail.internaldate_text == "14-Nov-2023 22:13:20 +0100"
    assert found[5].mail.flags == ("\\Seen", "123", "None")


@pytest.mark.parametrize("fault", NASTY)
def test_one_mail_that_cannot_be_had_keeps_no_other_out(fault):
    began = time.monotonic()
    with nasty(faults={5: fault}) as server:
        found = gets(server)
    assert bytes_of(found) == {uid: body for uid, body in BODIES.items() if uid != 5}
    assert isinstance(found[5], Gap)
    assert found[5].because
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("fault", NASTY)
def test_a_fault_that_passes_costs_nothing(fault):
    with nasty(faults=dict.fromkeys(BODIES, fault), spell=1) as server:
        assert bytes_of(gets(server)) == BODIES


@pytest.mark.parametrize("fault", ["twice", "quoted", "same_body_twice", "no_flags"])
def test_lawful_but_unusual_answers_are_understood(fault):
    bodies = {1: b"short", 2: b"0123", 3: b"12345", 4: b"NIL", 5: b"()"}
    with nasty(bodies=bodies, faults=dict.fromkeys(bodies, fault)) as server:
        found = gets(server, tuple(bodies))
    assert bytes_of(found) == {1: b"short", 2: b"0123", 3: b"12345", 4: b"NIL", 5: b"()"}


@pytest.mark.parametrize("limits", [USUAL, Limits(chunk_bytes=10)], ids=["whole", "in pieces"])
def test_nothing_is_not_taken_for_a_mail_that_another_connection_moved_away(limits):
    with nasty(faults={5: "moved_by_another"}) as server:
        found = gets(server, limits=limits)
    assert bytes_of(found) == {uid: body for uid, body in BODIES.items() if uid != 5}
    assert 5 not in found


@pytest.mark.parametrize("limits", [USUAL, Limits(chunk_bytes=10)], ids=["whole", "in pieces"])
def test_no_byte_of_a_mail_that_is_said_to_have_some_is_a_gap(limits):
    with nasty(faults={5: "empty"}) as server:
        found = gets(server, limits=limits)
    assert bytes_of(found) == {uid: body for uid, body in BODIES.items() if uid != 5}
    assert found[5] == Gap(5, f"the server gives no byte of it, and says that it has {len(BODIES[5])}")


def test_a_mail_without_a_byte_is_a_mail():
    with nasty(bodies=BODIES | {4: b""}) as server:
        found = gets(server, (3, 4, 5, 8, 13))
    assert bytes_of(found) == BODIES | {4: b""}
    assert found[4].stated_size is None


@pytest.mark.parametrize("stated", [0, 1, 10_000])
def test_a_wrong_size_is_noted_and_keeps_nothing_out(stated):
    with nasty(stated={8: stated}) as server:
        found = gets(server)
    assert bytes_of(found) == BODIES
    assert found[8].stated_size == stated
    assert found[5].stated_size is None


@pytest.mark.parametrize("piece", [1, 7, 64, 100_000])
@pytest.mark.parametrize("stated", [None, 5, 100_000])
def test_large_mails_come_in_pieces_whatever_their_size_is_said_to_be(piece, stated):
    limits = Limits(chunk_bytes=90, piece_bytes=piece)
    with nasty(stated={} if stated is None else {13: stated}) as server:
        found = gets(server, limits=limits)
    assert bytes_of(found) == BODIES
    assert found[13].stated_size == stated


@pytest.mark.parametrize("fault", ["no", "bad_line", "cut", "bye", "freeze", "nothing"])
def test_a_piece_that_fails_is_fetched_again_from_the_start(fault):
    with nasty(faults={13: fault}, spell=1) as server:
        found = gets(server, limits=Limits(chunk_bytes=90, piece_bytes=200))
    assert bytes_of(found) == BODIES


def test_a_mail_too_large_for_memory_is_a_gap():
    with nasty() as server:
        found = gets(server, limits=Limits(chunk_bytes=10, mail_bytes=len(BODIES[8])))
    assert isinstance(found[13], Gap)
    assert set(bytes_of(found)) == {3, 5, 8}


def test_a_mail_larger_than_memory_whose_size_is_a_lie_is_a_gap():
    with nasty(stated={13: 91}) as server:
        found = gets(server, limits=Limits(chunk_bytes=90, piece_bytes=50, mail_bytes=200))
    assert isinstance(found[13], Gap)


def test_mails_that_are_gone_are_passed_over():
    with nasty() as server:
        assert set(gets(server, (1, 3, 4, 5, 99))) == {3, 5}


def test_chunks_are_bounded_by_count_and_bytes():
    bodies = dict.fromkeys(range(1, 8), b"x" * 100)
    with nasty(bodies=bodies) as server, Line(opener(server), 7) as line:
        by_count = [len(chunk) for chunk in retrieve(line, list(bodies), Limits(mails=3))]
        by_bytes = [len(chunk) for chunk in retrieve(line, list(bodies), Limits(chunk_bytes=250))]
    assert by_count == [3, 3, 1]
    assert by_bytes == [2, 2, 2, 1]


def test_another_uidvalidity_is_refused_before_anything_is_fetched():
    with nasty(uidvalidity=8) as server, pytest.raises(UidValidityChangedError):
        gets(server)


def test_a_busy_server_is_left_alone():
    with nasty(faults={3: "busy"}) as server, pytest.raises(MailboxBusyError):
        gets(server)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ({"login_answer": b"NO [AUTHENTICATIONFAILED] wrong"}, LoginRefusedError),
        ({"login_answer": b"NO [UNAVAILABLE] later"}, MailboxBusyError),
        ({"login_answer": b"NO [LIMIT] too many"}, MailboxBusyError),
        ({"login_answer": None}, MailboxUnavailableError),
        ({"login_answer": b"BAD what?"}, LoginRefusedError),
        ({"greeting": b"* BYE too many\r\n"}, MailboxUnavailableError),
        ({"greeting": b"HTTP/1.1 200 OK\r\n"}, MailboxUnavailableError),
        ({"greeting": b"\x16\x03\x01\r\n"}, MailboxUnavailableError),
        ({"greeting": b""}, MailboxUnavailableError),
        ({"select_answer": b"NO [NONEXISTENT] no such"}, NoSuchMailboxError),
        ({"select_answer": b"NO [INUSE] locked"}, MailboxBusyError),
    ],
)
def test_wrong_password_busy_server_and_missing_folder_are_three_errors(script, error):
    with nasty(**script) as server, pytest.raises(error) as caught:
        gets(server)
    assert "sesame" not in str(caught.value)


def test_a_server_that_is_away_is_a_transient_error():
    with nasty() as server:
        pass
    with pytest.raises(MailboxUnavailableError):
        gets(server)


def test_a_password_never_crosses_a_network_in_the_clear(monkeypatch):
    with nasty() as server:
        monkeypatch.setattr("intake.imap.is_loopback", lambda host: False)
        with pytest.raises(InsecureMailboxError):
            gets(server)


def test_a_time_without_a_zone_is_no_time():
    with nasty(internaldate=b"14-Nov-2023 22:13:20") as server:
        found = gets(server)
    assert bytes_of(found) == BODIES
    assert found[3].mail.internaldate is None


def test_a_read_only_folder_is_read():
    with nasty(select_answer=b"OK [READ-ONLY] open") as server, opener(server)() as mailbox:
        assert not mailbox.select().writable
        assert set(mailbox.fetch([3])) == {3}


@pytest.mark.parametrize("idle", ["dies", "freezes"])
def test_a_connection_that_died_in_idle_is_noticed(idle):
    began = time.monotonic()
    with nasty(idle=idle) as server, opener(server)() as mailbox:
        mailbox.select()
        with pytest.raises(MailboxUnavailableError):
            mailbox.idle(0.3, lambda: False)
        mailbox.drop()
    assert time.monotonic() - began < 5


def test_a_wait_ends_when_it_should():
    with nasty() as server, opener(server)() as mailbox:
        mailbox.select()
        began = time.monotonic()
        assert not mailbox.idle(60, lambda: True)
        assert not mailbox.idle(0.05, lambda: False)
        assert time.monotonic() - began < 2


def test_nothing_is_asked_for_that_a_server_may_fail_on_and_nothing_that_changes_a_mail():
    with nasty() as server:
        gets(server)
        gets(server, limits=Limits(chunk_bytes=90, piece_bytes=50))
        with opener(server)() as mailbox:
            mailbox.uids(mailbox.select().mails)
            mailbox.idle(0.05, lambda: False)
    asked = b"\n".join(server.commands).upper()
    assert b"BODY.PEEK[]" in asked
    for never in (b"ENVELOPE", b"BODYSTRUCTURE", b" BODY[", b"RFC822]", b"EXPUNGE", b"STORE", b":*", b"CLOSE"):
        assert never not in asked


@pytest.mark.parametrize("word", [b"CAPABILITY", b"LOGIN", b"SELECT", b"UID SEARCH", b"UID FETCH"])
def test_a_server_that_freezes_at_any_command_is_left_in_time(word):
    with nasty(freezes_at=word) as server, pytest.raises(MailboxUnavailableError), opener(server)() as mailbox:
        mailbox.uids(mailbox.select().mails)
        mailbox.facts(3)


def test_a_mail_larger_than_was_said_and_than_one_answer_holds_comes_in_pieces():
    bodies = {1: b"x" * (MOST_BYTES + 1), 2: b"small"}
    limits = Limits(chunk_bytes=MOST_BYTES // 2, piece_bytes=MOST_BYTES // 2)
    with nasty(bodies=bodies, stated={1: 10}, faults={1: "larger_than_said"}, spell=2) as server:
        found = gets(server, (1, 2), limits=limits)
    assert bytes_of(found) == bodies
    assert found[1].stated_size == 10


def test_what_a_server_announces_is_never_waited_for_in_memory():
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with nasty(faults=dict.fromkeys(BODIES, "huge")) as server:
        found = gets(server)
    assert all(isinstance(one, Gap) for one in found.values())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_folder_of_150_000_mails_is_listed_though_no_line_may_be_so_long():
    uids = range(4_000_000_000, 4_000_000_000 + 150_000)
    with nasty(bodies=dict.fromkeys(uids, b"")) as server:
        url = MailboxUrl.parse(f"imap://desk:sesame@127.0.0.1:{server.port}/INBOX")
        with Mailbox.open(url) as mailbox:
            assert mailbox.uids(mailbox.select().mails) == list(uids)


@pytest.mark.parametrize("exists", [0, 2, 60_000])
def test_a_wrong_count_of_mails_hides_none_of_them(exists):
    with nasty(exists=exists) as server, opener(server)() as mailbox:
        assert mailbox.uids(mailbox.select().mails) == sorted(BODIES)


def test_uids_that_are_none_are_passed_over():
    with nasty(bodies={0: b"", 7: b"x", 2**32: b"", 2**70: b""}) as server, opener(server)() as mailbox:
        assert mailbox.uids(mailbox.select().mails) == [7]


def test_a_uidvalidity_that_changes_while_mails_are_fetched_ends_the_batch():
    with nasty(faults={5: "bye"}, spell=1) as server, Line(opener(server), 7) as line:
        chunks = retrieve(line, [3, 5, 8], Limits(mails=1))
        assert bytes_of({one.uid: one for one in next(chunks)}) == {3: BODIES[3]}
        server.uidvalidity = 8
        with pytest.raises(UidValidityChangedError):
            list(chunks)
