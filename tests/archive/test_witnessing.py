"""Collecting cosignatures: kept only if true, never in anybody's way, and a contradiction is told once and loudly."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import NotWitnessedError, PolicyError, WitnessUnreachableError
from archive.ledger import checkpoint_size, cosigned_note, entries_of, record
from archive.log_keys import log_keys, policy_text
from archive.signed_note import Checkpoint, Note, SigningKey
from archive.tables import alert, cosignature
from archive.trust_policy import Policy
from archive.witness import Witness, parse_logs
from archive.witness_records import Records
from archive.witnessing import Collector, KnownWitness, Reply, State, parsed_witnesses, standing_of, unwitnessed_since
from cli.composition import now

HERE = "http://witness.test"


class Bench:
    """An installation and its witness, without HTTP between them."""

    def __init__(self, installation, folder):
        self.installation = installation
        installation.sequencer.announce()
        self.key = SigningKey.generate("witness.example/w1")
        logs = parse_logs(f"log {installation.sequencer.key.verifier.encode()}\n")
        self.witness = Witness(self.key, logs, Records(folder / "records"), now)
        self.known = KnownWitness(self.key.witness, HERE, self.key.name)
        self.asked, self.answer, self.clock = [], self.by_the_witness, now()
        self.collector = Collector(installation.engine, (self.known,), 1, self.post, lambda: self.clock)

    def post(self, url, body):
        self.asked.append((url, body))
        return self.answer(body)

    def by_the_witness(self, body):
        answer = self.witness.add_checkpoint(body)
        return Reply(int(answer.status), answer.media_type.partition(";")[0], answer.body.encode())

    def grow(self, entries=1):
        with self.installation.engine.begin() as connection:
            for _ in range(entries):
                record(connection, CustodyEntry(SYSTEM, Action.QUARANTINE_VIEWED, "system:tests", now()))
        self.installation.sequencer.run_once()
        with self.installation.engine.connect() as connection:
            return checkpoint_size(connection)

    def look(self, query):
        with self.installation.engine.connect() as connection:
            return connection.execute(query).all()

    def standing(self):
        with self.installation.engine.connect() as connection:
            return standing_of(connection, self.known)

    def alerts(self):
        return [row.kind for row in self.look(select(alert.c.kind).order_by(alert.c.at))]

    def policy(self):
        with self.installation.engine.connect() as connection:
            return Policy.parse(policy_text(log_keys(connection), [self.known], 1))

    def note(self, size):
        with self.installation.engine.connect() as connection:
            return cosigned_note(connection, size)


@pytest.fixture
def bench(installation, tmp_path):
    return Bench(installation, tmp_path)


def test_a_cosigned_checkpoint_meets_the_policy_and_one_that_is_not_does_not(bench):
    size = bench.grow()
    with pytest.raises(Exception, match="quorum"):
        bench.policy().verify(bench.note(size))
    bench.collector.collect()
    verified = bench.policy().verify(bench.note(size))
    assert verified.checkpoint.size == size
    assert list(verified.witnesses) == ["witness.example/w1"]
    assert bench.standing().state == State.COSIGNED


def test_each_new_checkpoint_is_brought_once_and_proved_from_the_last(bench):
    first = bench.grow()
    bench.collector.collect()
    bench.collector.collect()
    assert len(bench.asked) == 1
    for _ in range(3):
        size = bench.grow(entries=3)
        bench.collector.collect()
    assert [url for url, _ in bench.asked] == [f"{HERE}/add-checkpoint"] * 4
    assert bench.asked[1][1].startswith(b"old %d\n" % first)
    assert [row.checkpoint_size for row in bench.look(select(cosignature))][-1] == size


def test_a_witness_that_stands_elsewhere_says_where_and_is_asked_again_from_there(bench):
    bench.grow()
    bench.collector.collect()
    bench.grow(entries=4)
    # The answer was lost on its way: the witness knows more than we hold.
    bench.by_the_witness(bench.collector._submission(bench.known, None).encode())
    size = bench.grow()
    bench.collector.collect()
    assert len(bench.asked) == 3
    assert bench.policy().verify(bench.note(size)).checkpoint.size == size
    assert bench.alerts() == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: Reply(200, "text/plain", b""), id="nothing"),
        pytest.param(lambda _: Reply(200, "text/plain", b"\xff"), id="no text"),
        pytest.param(lambda _: Reply(200, "text/html", b"<html>Sign in to the network</html>"), id="a portal"),
        pytest.param(lambda _: Reply(200, "text/plain", "— x AAAAAAAA\n".encode()), id="another key"),
        pytest.param(lambda _: Reply(404, "text/plain", b"\n"), id="does not know us"),
        pytest.param(lambda _: Reply(403, "text/plain", b"\n"), id="does not know our key"),
    ],
)
def test_what_does_not_verify_is_not_kept_and_told(bench, answer):
    size, bench.answer = bench.grow(), answer
    bench.collector.collect()
    bench.collector.collect()
    assert bench.look(select(cosignature)) == []
    assert bench.standing().state == State.REFUSES
    assert bench.alerts() == ["witness_refuses"]
    assert bench.note(size).count("—".encode()) == 1


def test_a_cosignature_of_another_checkpoint_is_not_kept(bench):
    bench.grow()
    other = Checkpoint(bench.installation.settings.origin, 1, bytes(32)).text
    bench.answer = lambda _: Reply(200, "text/plain", f"{bench.key.cosign(other, 1)}\n".encode())
    bench.collector.collect()
    assert bench.look(select(cosignature)) == []
    assert bench.alerts() == ["witness_refuses"]


def forked(bench):
    """A witness of this ledger that has cosigned another history of it."""
    key = bench.installation.sequencer.key
    note = Checkpoint(key.name, 1, bytes(32)).signed_by(key)
    bench.witness.add_checkpoint(b"old 0\n\n" + note.encode())


def test_a_witness_that_knows_another_history_is_an_alert_and_an_entry_once(bench):
    forked(bench)
    bench.grow(entries=5)
    for _ in range(3):
        bench.collector.collect()
    assert bench.alerts() == ["witness_contradicts"]
    assert bench.standing().state == State.CONTRADICTS
    assert "another history" in bench.standing().because
    bench.grow()
    with bench.installation.engine.connect() as connection:
        acts = [entry.facts()["action"] for entry in entries_of(connection, [SYSTEM])]
    assert acts.count(Action.WITNESS_CONTRADICTED) == 1
    assert len(bench.witness.records.contradictions()) >= 1


def test_another_root_of_the_same_size_is_a_contradiction(bench):
    forked(bench)
    with bench.installation.engine.connect() as connection:
        assert checkpoint_size(connection) == 0
    bench.installation.sequencer.run_once()
    with bench.installation.engine.connect() as connection:
        assert checkpoint_size(connection) == 1
    bench.collector.collect()
    assert bench.standing().state == State.CONTRADICTS


def test_a_witness_that_has_seen_more_than_there_is_tells_of_a_rollback(bench):
    bench.grow()
    bench.answer = lambda _: Reply(409, "text/x.tlog.size", b"1000\n")
    bench.collector.collect()
    assert bench.alerts() == ["witness_contradicts"]
    assert "1000 entries" in bench.standing().because


def test_a_witness_that_forgot_what_it_cosigned_is_told(bench):
    bench.grow()
    bench.collector.collect()
    bench.grow()
    bench.answer = lambda _: Reply(409, "text/x.tlog.size", b"0\n")
    bench.collector.collect()
    assert bench.alerts() == ["witness_refuses"]


@pytest.mark.parametrize("body", [b"", b"x\n", b"-1\n", b"01\n", b"5", b"99999999999999999999999\n", b"5\n\n"])
def test_a_conflict_without_a_proper_size_is_no_size(bench, body):
    bench.grow()
    bench.answer = lambda _: Reply(409, "text/x.tlog.size", body)
    bench.collector.collect()
    assert len(bench.asked) == 1
    assert bench.standing().state == State.CONTRADICTS


def test_a_witness_that_keeps_telling_sizes_is_given_up(bench):
    bench.grow(entries=9)
    sizes = iter(range(1, 9))
    bench.answer = lambda _: Reply(409, "text/x.tlog.size", b"%d\n" % next(sizes))
    bench.collector.collect()
    assert len(bench.asked) == 3
    assert bench.standing().state == State.AWAY


def test_a_witness_that_is_away_is_asked_again_and_told_of_after_an_hour(bench):
    def away(_):
        raise WitnessUnreachableError("ConnectTimeout")

    size, bench.answer = bench.grow(), away
    bench.collector.collect()
    bench.clock += timedelta(minutes=59)
    bench.collector.collect()
    assert bench.alerts() == []
    bench.clock += timedelta(minutes=2)
    bench.collector.collect()
    bench.collector.collect()
    assert bench.alerts() == ["witness_away"]
    with bench.installation.engine.connect() as connection:
        assert unwitnessed_since(connection, [bench.known], 1) < datetime.now(UTC)
    bench.answer = bench.by_the_witness
    bench.collector.collect()
    assert bench.standing().state == State.COSIGNED
    assert bench.policy().verify(bench.note(size)).checkpoint.size == size
    with bench.installation.engine.connect() as connection:
        assert unwitnessed_since(connection, [bench.known], 1) is None


def test_signing_goes_on_while_a_witness_hangs(bench):
    """Promise 3: nothing waits for a witness but who asks for one."""
    asked, let_go = threading.Event(), threading.Event()

    def hang(body):
        asked.set()
        let_go.wait(60)
        return bench.by_the_witness(body)

    size, bench.answer = bench.grow(), hang
    thread = threading.Thread(target=bench.collector.collect)
    thread.start()
    assert asked.wait(60)
    grown = bench.grow()
    let_go.set()
    thread.join()
    assert grown > size
    assert bench.policy().verify(bench.note(size)).checkpoint.size == size


def test_a_package_is_closed_with_a_checkpoint_that_the_quorum_cosigned(bench):
    size = bench.grow()
    assert bench.collector.witnessed(at_least=size) == size
    unseen = bench.grow()
    bench.answer = lambda _: Reply(503, "text/plain", b"")
    assert bench.collector.witnessed(at_least=size) == size
    with pytest.raises(NotWitnessedError, match="doctor"):
        bench.collector.witnessed(at_least=unseen)


def test_two_collectors_at_once_keep_one_line_each(bench):
    size = bench.grow(entries=3)
    threads = [threading.Thread(target=bench.collector.collect) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [row.checkpoint_size for row in bench.look(select(cosignature))] == [size]
    assert bench.alerts() == []


def test_nobody_is_asked_where_nobody_is_set_and_the_policy_says_unwitnessed(bench):
    size = bench.grow()
    alone = Collector(bench.installation.engine, (), 1, bench.post, now)
    assert alone.witnessed(at_least=size) == size
    assert bench.asked == []
    with bench.installation.engine.connect() as connection:
        policy = policy_text(log_keys(connection), (), 1)
    assert "UNWITNESSED" in policy
    assert Policy.parse(policy).verify(bench.note(size)).witnesses == {}


def test_a_quorum_of_two_of_three_is_in_the_policy(bench):
    keys = [SigningKey.generate(f"witness.example/w{number}") for number in range(3)]
    known = [KnownWitness(key.witness, "https://w.example", key.name) for key in keys]
    size = bench.grow()
    with bench.installation.engine.connect() as connection:
        policy = Policy.parse(policy_text(log_keys(connection), known, 2))
    note = Note.parse(bench.note(size))
    with pytest.raises(Exception, match="quorum"):
        policy.verify(note.signed_also(keys[0].cosign(note.text, 1)).encode())
    both = note.signed_also(*(key.cosign(note.text, 1) for key in keys[1:]))
    assert set(policy.verify(both.encode()).witnesses) == {keys[1].name, keys[2].name}


W1, W2 = (SigningKey.generate(f"w{number}.example/w") for number in (1, 2))


def test_witnesses_are_pairs_of_key_and_address():
    words = [W1.witness.encode(), "https://w1.example/a/", W2.witness.encode(), "http://127.0.0.1:8090"]
    assert [(each.name, each.url) for each in parsed_witnesses(words)] == [
        ("w1.example/w", "https://w1.example/a"),
        ("w2.example/w", "http://127.0.0.1:8090"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        [W1.witness.encode()],
        ["https://w1.example", W1.witness.encode()],
        [W1.verifier.encode(), "https://w1.example"],
        [W1.witness.encode(), "ftp://w1.example"],
        [W1.witness.encode(), "https://"],
        [W1.witness.encode(), "https://user:secret@w1.example"],
        [W1.witness.encode(), "https://w1.example/?x=1"],
        [W1.witness.encode(), "https://w1.example", W1.witness.encode(), "https://w2.example"],
    ],
)
def test_other_words_are_no_witnesses(words):
    with pytest.raises(PolicyError):
        parsed_witnesses(words)


def test_a_cosignature_row_needs_a_checkpoint(bench):
    with pytest.raises(Exception, match="foreign key"), bench.installation.engine.begin() as connection:
        connection.execute(text(f"INSERT INTO cosignature VALUES (77, '{uuid4()}', 'line', now())"))
