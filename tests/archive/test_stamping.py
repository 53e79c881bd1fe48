"""Every checkpoint worth it gets a token of every authority, whatever authorities do meanwhile; nothing waits for them."""

import hashlib
import itertools
import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from archive.asking import parsed_authorities
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.database import engine, migrate
from archive.errors import AuthorityUnreachableError
from archive.ledger import checkpoint_note, checkpoint_size, record
from archive.stamp_debts import due, health, owe_at_once, unstamped_since
from archive.stamping import Stamper
from archive.tables import alert, custody_payload, timestamp_attempt, timestamp_due, timestamp_token
from archive.timestamps import stamped_bytes, tokens_of
from archive.token_check import Roots, check_token
from cli import composition
from settings import Settings, SettingsError
from tests.archive.authority import REPLY, authority, granting, respond, serving
from workers.authorities import ask


class Clock:
    """Our clock, which a test may move."""

    def __init__(self):
        self.ahead = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.ahead


class Bench:
    """One installation with fake authorities beside it."""

    def __init__(self, installation, made, servers, **changes):
        self.installation, self.made, self.servers, self.clock = installation, made, servers, Clock()
        self.stamper = Stamper(
            engine=installation.engine,
            authorities=parsed_authorities([server.url for server in servers]),
            roots=Roots.parse(made.root.pem),
            ask=ask,
            now=self.clock,
            chance=lambda: 0.5,
            **changes,
        )

    @property
    def names(self):
        return self.stamper.names

    def grow(self):
        """One entry more, under a signed checkpoint; its size."""
        with self.installation.engine.begin() as connection:
            record(connection, CustodyEntry(SYSTEM, Action.VAULT_TESTED, "system:tests", composition.now()))
        return self.sign()

    def sign(self):
        while self.installation.sequencer.run_once():
            pass
        with self.installation.engine.connect() as connection:
            return checkpoint_size(connection)

    def tick(self):
        """What beat and worker do: plan, then try each debt that is due."""
        planned = self.stamper.plan()
        for size, name in planned:
            self.stamper.stamp(size, name)
        return planned

    def rows(self, query):
        with self.installation.engine.connect() as connection:
            return connection.execute(query).all()

    def tokens(self, size):
        with self.installation.engine.connect() as connection:
            return tokens_of(connection, size)

    def health(self):
        with self.installation.engine.connect() as connection:
            return health(connection, self.names)

    def outcomes(self):
        return [row.outcome for row in self.rows(select(timestamp_attempt).order_by(timestamp_attempt.c.id))]


@pytest.fixture(scope="module")
def made():
    return authority(today=True)


@pytest.fixture
def bench(installation, made):
    with serving(granting(made)) as server:
        yield Bench(installation, made, [server])


def test_a_grown_ledger_gets_a_token_over_the_note_and_the_ledger_its_digest(bench):
    size = bench.grow()
    assert bench.tick() == [(size, bench.names[0])]
    (token,) = bench.tokens(size)
    with bench.installation.engine.connect() as connection:
        note = checkpoint_note(connection, size)
    assert stamped_bytes(note) == note
    again = check_token(token.response, note, bench.stamper.roots)
    assert (again.gen_time, again.signer) == (token.gen_time, token.signer)
    assert token.not_later_than == token.gen_time + timedelta(seconds=1.5)
    assert token.sha256 == hashlib.sha256(token.response).hexdigest()
    bodies = [json.loads(row.body) for row in bench.rows(select(custody_payload.c.body))]
    (received,) = [body for body in bodies if body["action"] == "timestamp.received"]
    assert received["facts"]["token_sha256"] == token.sha256
    assert received["facts"]["checkpoint_size"] == size
    assert bench.rows(select(timestamp_due)) == []
    assert bench.outcomes() == ["received"]


def test_the_request_asks_with_sha_256_a_nonce_and_for_certificates(bench):
    from asn1crypto import tsp

    bench.grow()
    bench.tick()
    ((request, headers),) = bench.servers[0].asked
    fields = tsp.TimeStampReq.load(request).native
    assert fields["message_imprint"]["hash_algorithm"]["algorithm"] == "sha256"
    assert fields["cert_req"] is True
    assert fields["nonce"] > 2**32
    assert headers["Content-Type"] == "application/timestamp-query"


def test_cosignatures_that_come_later_change_nothing_of_what_was_stamped(bench):
    size = bench.grow()
    with bench.installation.engine.connect() as connection:
        note = checkpoint_note(connection, size)
    cosigned = note + "— witness.example/w1 JML9ygAAAABrA+XlvW0U\n".encode()
    assert stamped_bytes(cosigned) == note


def test_a_ledger_that_grew_by_tokens_alone_is_not_stamped_again(bench):
    bench.grow()
    bench.tick()
    size = bench.sign()
    bench.clock.ahead += timedelta(hours=1)
    assert bench.tick() == []
    assert bench.tokens(size) == []
    assert bench.rows(select(text("1")).select_from(timestamp_token)) == [(1,)]
    size = bench.grow()
    assert bench.tick() == [(size, bench.names[0])]


def test_it_is_stamped_once_in_every_interval_however_fast_it_grows(bench):
    bench.grow()
    assert len(bench.tick()) == 1
    bench.grow()
    assert bench.tick() == []
    bench.clock.ahead += timedelta(minutes=4, seconds=50)
    assert bench.tick() == []
    bench.clock.ahead += timedelta(seconds=20)
    # Here the token's time lies five minutes before our clock, which is another test's business.
    assert len(bench.stamper.plan()) == 1


BAD_ANSWERS = [
    pytest.param(lambda made: (503, "text/plain", b"busy"), "not_a_reply", "HTTP 503", id="wrong status"),
    pytest.param(lambda made: (302, REPLY, b""), "not_a_reply", "HTTP 302", id="redirect"),
    pytest.param(lambda made: (200, "text/html", b"<html>sign in"), "not_a_reply", "text/html", id="HTML with 200"),
    pytest.param(lambda made: (200, REPLY, b"<html>"), "rejected", "not a timestamp response", id="HTML as a reply"),
    pytest.param(lambda made: (200, REPLY, b""), "not_a_reply", "0 bytes", id="empty body"),
    pytest.param(lambda made: {"nonce": 5}, "rejected", "nonce", id="wrong nonce"),
    pytest.param(lambda made: {"status": "rejection"}, "rejected", "not today", id="rejection"),
    pytest.param(lambda made: {"named": ()}, "rejected", "ESSCertID", id="no ESSCertID"),
    pytest.param(lambda made: {"imprint": bytes(32)}, "rejected", "other bytes", id="wrong imprint"),
    pytest.param(lambda made: "foreign", "rejected", "no chain", id="foreign root"),
    pytest.param(lambda made: {"ahead": 120}, "off_clock", "apart", id="two minutes ahead"),
    pytest.param(lambda made: {"ahead": -120}, "off_clock", "apart", id="two minutes behind"),
]


def bad(made, wish):
    if isinstance(wish, tuple):
        return lambda request: wish
    if wish == "foreign":
        foreign = authority(today=True)
        return granting(foreign, certificates=(foreign.signer, foreign.root))

    def answer(request):
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=wish.get("ahead", 0))
        rest = {name: value for name, value in wish.items() if name != "ahead"}
        return 200, REPLY, respond(request, made, at=at, **rest)

    return answer


@pytest.mark.parametrize(("wish", "outcome", "because"), BAD_ANSWERS)
def test_a_bad_answer_is_recorded_kept_and_asked_for_again(bench, wish, outcome, because):
    bench.servers[0].answer = bad(bench.made, wish(bench.made))
    size = bench.grow()
    assert bench.tick() == [(size, bench.names[0])]
    assert bench.tokens(size) == []
    (attempt,) = bench.rows(select(timestamp_attempt))
    assert attempt.outcome == outcome
    assert because in attempt.because
    assert attempt.request == bench.servers[0].asked[0][0]
    assert attempt.response is not None
    (debt,) = bench.rows(select(timestamp_due))
    assert (debt.tries, debt.claimed_until) == (1, None)
    assert debt.next_at > attempt.ended_at
    assert bench.tick() == []
    bench.servers[0].answer = granting(bench.made)
    bench.clock.ahead += timedelta(seconds=15)
    assert bench.tick() == [(size, bench.names[0])]
    assert len(bench.tokens(size)) == 1


def test_an_authority_that_is_away_is_recorded_too(bench):
    size = bench.grow()
    bench.stamper = replace(bench.stamper, ask=away)
    bench.tick()
    (attempt,) = bench.rows(select(timestamp_attempt))
    assert (attempt.outcome, attempt.because, attempt.response) == ("unreachable", "ConnectTimeout", None)
    assert bench.tokens(size) == []


def away(_url, _request):
    raise AuthorityUnreachableError("ConnectTimeout")


def test_an_authority_that_fails_again_and_again_is_left_alone_and_then_tried_once(bench):
    bench.servers[0].answer = lambda request: (500, "text/plain", b"")
    size = bench.grow()
    for _ in range(3):
        bench.tick()
        bench.clock.ahead += timedelta(seconds=35)
    assert len(bench.servers[0].asked) == 3
    (fares,) = bench.health()
    assert fares.failures == 3
    assert fares.open_until > bench.clock()
    assert bench.tick() == []
    assert bench.stamper.stamp(size, bench.names[0]) is False
    assert len(bench.servers[0].asked) == 3
    bench.servers[0].answer = granting(bench.made)
    bench.clock.ahead = timedelta()
    with bench.installation.engine.begin() as connection:
        connection.execute(text("UPDATE timestamp_authority SET open_until = now() - interval '1 second'"))
        connection.execute(text("UPDATE timestamp_due SET next_at = now() - interval '1 second'"))
    assert bench.tick() == [(size, bench.names[0])]
    assert bench.health()[0].failures == 0
    assert bench.health()[0].open_until is None


def test_only_one_tries_an_authority_that_failed_often(bench):
    bench.servers[0].answer = lambda request: (500, "text/plain", b"")
    sizes = [bench.grow(), bench.grow()]
    for size in sizes:
        bench.stamper.stamp_now(size)
        bench.stamper.stamp_now(size)
    with bench.installation.engine.begin() as connection:
        connection.execute(text("UPDATE timestamp_authority SET failures = 5, open_until = now() - interval '1 s'"))
        connection.execute(text("UPDATE timestamp_due SET next_at = now() - interval '1 second'"))
    before = len(bench.servers[0].asked)
    release = threading.Event()

    def slowly(request):
        release.wait(20)
        return 500, "text/plain", b""

    bench.servers[0].answer = slowly
    first = threading.Thread(target=bench.stamper.stamp, args=(sizes[0], bench.names[0]))
    first.start()
    until(lambda: len(bench.servers[0].asked) == before + 1)
    assert bench.stamper.stamp(sizes[1], bench.names[0]) is False
    release.set()
    first.join()
    assert len(bench.servers[0].asked) == before + 1


def until(look, seconds=30):
    give_up_at = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_one_authority_away_does_not_hold_up_the_other(installation, made):
    with serving(granting(made)) as good, serving(lambda request: (500, "text/plain", b"")) as broken:
        bench = Bench(installation, made, [broken, good])
        size = bench.grow()
        assert len(bench.tick()) == 2
        assert [token.authority for token in bench.tokens(size)] == [bench.names[1]]
        assert [each.failures for each in bench.health()] == [1, 0]


def test_after_an_outage_the_newest_checkpoint_is_stamped_and_the_outage_keeps_its_age(bench):
    bench.stamper = replace(bench.stamper, ask=away)
    bench.grow()
    bench.tick()
    (first,) = bench.rows(select(timestamp_due))
    for _ in range(3):
        bench.clock.ahead += timedelta(minutes=6)
        newest = bench.grow()
        bench.tick()
    (debt,) = bench.rows(select(timestamp_due))
    assert (debt.checkpoint_size, debt.since) == (newest, first.since)
    assert debt.tries > first.tries


def test_somebody_is_told_once_after_an_hour_without_a_token_and_again_after_the_next_outage(bench):
    bench.stamper = replace(bench.stamper, ask=away)
    bench.grow()
    bench.tick()
    alerts = select(alert).where(alert.c.kind == "timestamps_missing")
    bench.clock.ahead += timedelta(minutes=59)
    bench.tick()
    assert bench.rows(alerts) == []
    bench.clock.ahead += timedelta(minutes=2)
    bench.tick()
    bench.tick()
    (told,) = bench.rows(alerts)
    assert bench.names[0] in told.text
    assert "ConnectTimeout" in told.text
    bench.clock.ahead, bench.stamper = timedelta(), replace(bench.stamper, ask=ask)
    with bench.installation.engine.begin() as connection:
        connection.execute(text("UPDATE timestamp_authority SET open_until = NULL"))
        connection.execute(text("UPDATE timestamp_due SET next_at = now() - interval '1 second'"))
    assert len(bench.tick()) == 1
    bench.stamper = replace(bench.stamper, ask=away)
    bench.grow()
    for minutes in (6, 62):
        bench.clock.ahead += timedelta(minutes=minutes)
        bench.tick()
    assert len(bench.rows(alerts)) == 2


def test_two_workers_get_one_token(bench):
    size = bench.grow()
    planned = bench.stamper.plan()
    answer, slow = bench.servers[0].answer, threading.Event()

    def slowly(request):
        slow.wait(0.3)
        return answer(request)

    bench.servers[0].answer = slowly
    workers = [threading.Thread(target=bench.stamper.stamp, args=planned[0]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(bench.servers[0].asked) == 1
    assert len(bench.tokens(size)) == 1
    entries = [row.body for row in bench.rows(select(custody_payload.c.body)) if b"timestamp.received" in row.body]
    assert len(entries) == 1


def test_a_second_token_of_a_worker_thought_dead_is_noted_and_not_kept(bench):
    size = bench.grow()
    ((_, name),) = bench.stamper.plan()
    answer = bench.servers[0].answer
    inner = itertools.count()

    def while_another_is_quicker(request):
        if next(inner) == 0:
            with bench.installation.engine.begin() as connection:
                connection.execute(text("UPDATE timestamp_due SET claimed_until = now() - interval '1 second'"))
            assert bench.stamper.stamp(size, name)
        return answer(request)

    bench.servers[0].answer = while_another_is_quicker
    assert bench.stamper.stamp(size, name)
    assert len(bench.tokens(size)) == 1
    assert bench.outcomes() == ["received", "received"]


def test_a_dead_workers_debt_is_tried_again(bench):
    size = bench.grow()
    ((_, name),) = bench.stamper.plan()

    def killed(_url, _request):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(bench.stamper, ask=killed).stamp(size, name)
    assert bench.tick() == []
    with bench.installation.engine.begin() as connection:
        connection.execute(text("UPDATE timestamp_due SET claimed_until = now() - interval '1 second'"))
    assert bench.tick() == [(size, name)]
    assert len(bench.tokens(size)) == 1


def test_a_package_has_its_tokens_at_once(installation, made):
    with serving(granting(made)) as one, serving(granting(made)) as two:
        bench = Bench(installation, made, [one, two])
        stamped = bench.stamper.stamp_now(bench.grow())
        assert sorted(token.authority for token in stamped.tokens) == sorted(bench.names)
        assert stamped.missing == {}


def test_a_package_goes_without_a_token_that_does_not_come_and_says_why(installation, made):
    release = threading.Event()

    def never(request):
        release.wait(30)
        return 500, "text/plain", b""

    with serving(granting(made)) as good, serving(never) as hanging, serving(lambda _: (503, "a/b", b"")) as broken:
        bench = Bench(installation, made, [good, hanging, broken], patience=timedelta(seconds=2))
        size = bench.grow()
        stamped = bench.stamper.stamp_now(size)
        assert [token.authority for token in stamped.tokens] == [bench.names[0]]
        assert stamped.missing == {bench.names[1]: "it has not answered yet", bench.names[2]: "HTTP 503, a/b, 0 bytes"}
        release.set()
        until(lambda: len(bench.outcomes()) == 3)
        wanted = {row.authority: row.wanted_for for row in bench.rows(select(timestamp_due))}
        assert wanted == {bench.names[1]: "package", bench.names[2]: "package"}


def test_without_authorities_nothing_is_owed_and_a_package_does_not_wait(installation, made):
    bench = Bench(installation, made, [], patience=timedelta(minutes=10))
    size = bench.grow()
    assert bench.tick() == []
    assert bench.stamper.stamp_now(size).missing == {}


def test_an_authority_that_is_not_configured_any_more_owes_nothing(bench):
    bench.stamper = replace(bench.stamper, ask=away)
    bench.grow()
    bench.tick()
    bench.stamper = replace(bench.stamper, authorities=parsed_authorities(["http://127.0.0.1:9/other"]))
    bench.clock.ahead += timedelta(minutes=6)
    bench.grow()
    bench.tick()
    assert [row.authority for row in bench.rows(select(timestamp_due))] == ["http://127.0.0.1:9/other"]


def test_what_no_token_covers_is_known_by_its_age_without_any_schedule(bench):
    def since():
        with bench.installation.engine.connect() as connection:
            return unstamped_since(connection)

    assert since() is None
    bench.grow()
    first = since()
    bench.grow()
    assert since() == first is not None
    bench.tick()
    bench.sign()
    assert since() is None


@pytest.mark.parametrize("table", ["timestamp_token", "timestamp_attempt"])
def test_tokens_and_attempts_are_written_once(bench, table):
    bench.grow()
    bench.tick()
    with (
        pytest.raises(DBAPIError, match="permission denied"),
        bench.installation.engine.begin() as connection,
    ):
        connection.execute(text(f"UPDATE {table} SET authority = 'x'"))
    owner = composition.owner_engine(bench.installation.settings)
    for statement in (f"UPDATE {table} SET authority = 'x'", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(DBAPIError, match="written once"), owner.begin() as connection:
            connection.execute(text(statement))
    owner.dispose()


def test_the_embedded_authority_stamps_and_is_known_as_a_demonstration(installation):
    stamper = composition.stamper(installation.settings, installation.engine)
    bench = Bench(installation, authority(), [])
    bench.stamper = stamper
    size = bench.grow()
    (token,) = stamper.stamp_now(size).tokens
    assert token.demonstration
    assert token.signer == "Holdfast demonstration timestamps, Holdfast demonstration authority"


def test_names_of_authorities_hold_no_credentials():
    (found,) = parsed_authorities(["https://user:secret@tsa.example:8443/stamp?key=1"])
    assert found.name == "https://tsa.example:8443/stamp"
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"HOLDFAST_TSA_URLS": "ftp://tsa.example"}, id="not HTTP"),
        pytest.param({"HOLDFAST_TSA_URLS": "http://a/x http://b@a/x"}, id="one twice"),
        pytest.param({"HOLDFAST_TSA_URLS": "http://a/x"}, id="no roots"),
        pytest.param({"HOLDFAST_TSA_URLS": "http://a/x", "HOLDFAST_TSA_ROOTS": "/nowhere.pem"}, id="roots missing"),
    ],
)
def test_a_process_does_not_start_on_authorities_it_could_not_judge(environ):
    with pytest.raises(SettingsError, match="HOLDFAST_TSA"):
        composition.stamper(Settings.from_environment(environ), None)


def test_a_ledger_that_was_there_before_tokens_is_kept_and_can_be_stamped(stack):
    owner = engine(stack.fresh_database().owner, pool_size=1)
    migrate(owner, to="0004")
    with owner.begin() as connection:
        connection.execute(text("INSERT INTO checkpoint VALUES (7, 'root', 'note', now())"))
        before = connection.execute(text("SELECT * FROM checkpoint")).all()
    migrate(owner, to="0005")
    with owner.begin() as connection:
        assert connection.execute(text("SELECT * FROM checkpoint")).all() == before
        owe_at_once(connection, 7, ["http://tsa.example/"], now=datetime.now(UTC))
        owed = due(connection, ["http://tsa.example/"], now=datetime.now(UTC))
    owner.dispose()
    assert owed == [(7, "http://tsa.example/")]
