"""The witness: every status of the specification, and that it never cosigns two roots of a size nor goes back."""

import hashlib
import multiprocessing
import threading
from datetime import UTC, datetime

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from archive import tlog
from archive.errors import NoteRejectedError, PolicyError
from archive.signed_note import Checkpoint, Note, Signature, SigningKey
from archive.tlog import EMPTY_ROOT
from archive.witness import MAX_PROOF_LINES, Submission, Witness, parse_logs
from archive.witness_records import MOST_CONTRADICTIONS, Records, name_of

ORIGIN = "archive.example/ledger"
LOG = SigningKey.from_seed(ORIGIN, bytes(range(32)))
NEXT = SigningKey.from_seed(ORIGIN, bytes(range(1, 33)))
OTHER = SigningKey.from_seed("other.example/log", bytes(range(2, 34)))
OWN = SigningKey.from_seed("witness.example/w1", bytes(32))
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Tree:
    """A log in memory: what it could honestly, or dishonestly, ask to have cosigned."""

    def __init__(self, leaves, origin=ORIGIN):
        self.origin, self.nodes, self.size = origin, {}, 0
        for leaf in leaves:
            frontier = [self.nodes[node] for node in tlog.frontier_indexes(self.size)]
            added = tlog.append_nodes(self.size, frontier, [tlog.leaf_hash(leaf)])
            self.nodes |= {(level, index): digest for level, index, digest in added}
            self.size += 1

    def checkpoint(self, size):
        frontier = [self.nodes[node] for node in tlog.frontier_indexes(size)]
        return Checkpoint(self.origin, size, tlog.root(size, frontier) if size else EMPTY_ROOT)

    def proof(self, old, new):
        return tuple(tlog.consistency_path(old, new, lambda level, index: self.nodes[level, index]))

    def asks(self, old, new, *, proof=None, keys=(LOG,)):
        """The body of a request from one size to another."""
        checkpoint = self.checkpoint(new)
        note = Note(checkpoint.text, tuple(key.sign(checkpoint.text) for key in keys))
        proof = proof if proof is not None else self.proof(old, new) if old <= new else ()
        return Submission(old, proof, note, checkpoint, b"").encode()


HONEST = Tree([b"leaf %d" % number for number in range(64)])
FORKED = Tree([b"leaf %d" % number if number != 3 else b"another history" for number in range(64)])


@pytest.fixture
def witness(tmp_path):
    return made(tmp_path)


def made(folder, *keys):
    logs = parse_logs("".join(f"log {key.verifier.encode()}\n" for key in keys or (LOG,)))
    return Witness(OWN, logs, Records(folder / "logs"), lambda: AT)


def cosigned(witness, origin=ORIGIN):
    with witness.records.of(origin) as record:
        note = record.latest()
    return Checkpoint.parse(note.text) if note else None


def test_the_first_checkpoint_and_those_that_continue_it_are_cosigned(witness):
    for old, new in [(0, 0), (0, 5), (5, 5), (5, 20), (20, 64)]:
        answer = witness.add_checkpoint(HONEST.asks(old, new))
        assert answer.status == 200, answer
        text = HONEST.checkpoint(new).text
        # As the specification says: the answer, put behind the note, is a note with our cosignature.
        note = Note.parse(Note(text, (LOG.sign(text),)).encode() + answer.body.encode())
        assert note.signers([LOG.verifier, OWN.witness]) == {LOG.verifier: None, OWN.witness: int(AT.timestamp())}
        assert cosigned(witness) == HONEST.checkpoint(new)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        pytest.param(b"", 400, "", id="nothing"),
        pytest.param(b"\xff\xfe", 400, "", id="no text"),
        pytest.param(HONEST.asks(10, 20).replace(b"old 10", b"old 010"), 400, "", id="leading nought"),
        pytest.param(HONEST.asks(10, 20).replace(b"old 10", b"old -1"), 400, "", id="negative"),
        pytest.param(HONEST.asks(10, 20).replace(b"old 10", b"OLD 10"), 400, "", id="another word"),
        pytest.param(HONEST.asks(10, 20).replace(b"old 10", b"old  10"), 400, "", id="two spaces"),
        pytest.param(HONEST.asks(10, 20).replace(b"old 10", b"old 99999999999999999999"), 400, "", id="huge"),
        pytest.param(HONEST.asks(10, 20).replace(b"\n", b"\r\n"), 400, "", id="carriage returns"),
        pytest.param(HONEST.asks(10, 20)[:-1], 400, "", id="last line not ended"),
        pytest.param(HONEST.asks(10, 20, proof=(b"\0",)), 400, "one hash", id="a hash too short"),
        pytest.param(HONEST.asks(10, 20).replace(b"=\n", b"\n", 1), 400, "base64", id="no base64"),
        pytest.param(HONEST.asks(10, 20, proof=(bytes(32),) * (MAX_PROOF_LINES + 1)), 400, "63", id="proof too long"),
        pytest.param(HONEST.asks(21, 20), 400, "larger", id="old size above the new"),
        pytest.param(Tree([b"x"], "other.example/log").asks(0, 1), 404, "not know", id="unknown log"),
        pytest.param(HONEST.asks(10, 20, keys=(OTHER,)), 403, "no key", id="signed by nobody known"),
        pytest.param(HONEST.asks(10, 20, keys=(NEXT,)), 403, "no key", id="a key of the same name not known"),
        pytest.param(HONEST.asks(0, 20), 409, "10\n", id="an older old size"),
        pytest.param(HONEST.asks(0, 5), 409, "10\n", id="a smaller checkpoint"),
        pytest.param(HONEST.asks(15, 20), 409, "10\n", id="a newer old size"),
        pytest.param(FORKED.asks(10, 20), 422, "consistency", id="another history"),
        pytest.param(HONEST.asks(10, 20, proof=()), 422, "consistency", id="no proof"),
        pytest.param(HONEST.asks(10, 20, proof=(bytes(32),) * 3), 422, "consistency", id="a wrong proof"),
        pytest.param(HONEST.asks(10, 10, proof=(bytes(32),)), 422, "consistency", id="a proof where none belongs"),
        pytest.param(FORKED.asks(10, 10), 409, "another root", id="another root of the same size"),
        pytest.param(FORKED.asks(0, 10), 409, "10\n", id="another root of the same size from nought"),
    ],
)
def test_every_refusal_is_as_specified_and_changes_nothing(witness, body, status, says):
    witness.add_checkpoint(HONEST.asks(0, 10))
    answer = witness.add_checkpoint(body)
    assert answer.status == status
    assert says in answer.body
    assert (answer.media_type == "text/x.tlog.size") == (answer.body == "10\n")
    assert cosigned(witness) == HONEST.checkpoint(10)


def test_a_false_signature_under_a_known_key_is_forbidden_even_beside_a_true_one(tmp_path):
    witness = made(tmp_path, LOG, NEXT)
    text = HONEST.checkpoint(5).text
    false = Signature(ORIGIN, NEXT.verifier.key_id, bytes(64))
    note = Note(text, (LOG.sign(text), false))
    assert witness.add_checkpoint(b"old 0\n\n" + note.encode()).status == 403
    assert cosigned(witness) is None


def test_before_the_first_checkpoint_the_last_size_is_nought(witness):
    answer = witness.add_checkpoint(HONEST.asks(5, 10))
    assert (answer.status, answer.media_type, answer.body) == (409, "text/x.tlog.size", "0\n")
    assert witness.add_checkpoint(HONEST.asks(0, 10, proof=(bytes(32),))).status == 422
    assert witness.records.contradictions() == []


def test_an_empty_tree_has_one_root(witness):
    note = Checkpoint(ORIGIN, 0, bytes(32)).signed_by(LOG)
    assert witness.add_checkpoint(b"old 0\n\n" + note.encode()).status == 422


@pytest.mark.parametrize(("old", "new"), [(10, 20), (10, 10), (0, 10)])
def test_a_fork_that_the_log_signed_is_kept_as_it_came_beside_what_was_cosigned(witness, old, new):
    witness.add_checkpoint(HONEST.asks(0, 10))
    body = FORKED.asks(old, new)
    answer = witness.add_checkpoint(body)
    assert answer.contradicts
    (place,) = witness.records.contradictions()
    assert (place / "submitted").read_bytes() == body
    # Anyone can check it from the two files: the log's own key is on both, and they cannot both be one history.
    ours = Note.parse((place / "cosigned").read_bytes())
    theirs = Submission.parse((place / "submitted").read_bytes())
    assert set(ours.signers([LOG.verifier, OWN.witness])) == {LOG.verifier, OWN.witness}
    assert theirs.note.signers([LOG.verifier]) == {LOG.verifier: None}
    assert theirs.checkpoint.root == FORKED.checkpoint(new).root
    witness.add_checkpoint(body)
    assert witness.records.contradictions() == [place]


def test_what_nobody_known_signed_is_not_kept(witness):
    witness.add_checkpoint(HONEST.asks(0, 10))
    for body in (FORKED.asks(10, 20, keys=(NEXT,)), FORKED.asks(10, 10, keys=(OTHER,))):
        witness.add_checkpoint(body)
    assert witness.records.contradictions() == []


def test_contradictions_cannot_fill_the_disk(witness):
    witness.add_checkpoint(HONEST.asks(0, 10))
    for number in range(MOST_CONTRADICTIONS + 5):
        note = Checkpoint(ORIGIN, 20, hashlib.sha256(b"%d" % number).digest()).signed_by(LOG)
        assert witness.add_checkpoint(b"old 10\n\n" + note.encode()).status == 422
    assert len(witness.records.contradictions()) == MOST_CONTRADICTIONS


def test_repeated_and_foreign_signature_lines_do_not_grow_the_record(witness):
    text = HONEST.checkpoint(5).text
    note = Note(text, (LOG.sign(text),) * 40 + (Signature("x", b"1234", b"5"),) * 24)
    assert witness.add_checkpoint(b"old 0\n\n" + note.encode()).status == 200
    with witness.records.of(ORIGIN) as record:
        assert [line.name for line in record.latest().signatures] == [ORIGIN, OWN.name]
    assert witness.add_checkpoint(HONEST.asks(5, 6)).status == 200


def test_while_a_log_changes_its_key_both_count_and_either_will_do(tmp_path):
    witness = made(tmp_path, LOG, NEXT)
    for old, new, keys in [(0, 5, (LOG,)), (5, 8, (LOG, NEXT)), (8, 9, (NEXT,))]:
        assert witness.add_checkpoint(HONEST.asks(old, new, keys=keys)).status == 200
    assert witness.add_checkpoint(FORKED.asks(9, 12, keys=(NEXT,))).contradicts


def test_logs_are_kept_apart(tmp_path):
    witness = made(tmp_path, LOG, OTHER)
    theirs = Tree([b"theirs"], OTHER.name)
    assert witness.add_checkpoint(HONEST.asks(0, 10)).status == 200
    assert witness.add_checkpoint(theirs.asks(0, 1, keys=(OTHER,))).status == 200
    assert cosigned(witness).size == 10
    # A log cannot sign for another: the origin says whose keys count.
    assert witness.add_checkpoint(FORKED.asks(10, 10, keys=(OTHER,))).status == 403


def test_a_damaged_record_stops_the_witness_rather_than_beginning_anew(witness):
    witness.add_checkpoint(HONEST.asks(0, 10))
    path = witness.records.folder / name_of(ORIGIN) / "checkpoint"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(NoteRejectedError):
        witness.add_checkpoint(HONEST.asks(0, 20))
    path.write_bytes(Checkpoint("other.example/log", 1, bytes(32)).signed_by(LOG).encode())
    with pytest.raises(NoteRejectedError, match="another log"):
        witness.add_checkpoint(HONEST.asks(0, 20))


def test_the_logs_file_may_be_a_published_policy():
    policy = (
        f"# of the archive\nlog {LOG.verifier.encode()} https://archive.example/\n\tlog\t{NEXT.verifier.encode()}\n"
        f"witness w1 {OWN.witness.encode()} https://w1.example/\nquorum w1\nlog {LOG.verifier.encode()}\n"
    )
    assert parse_logs(policy) == {ORIGIN: (NEXT.verifier, LOG.verifier)}
    with pytest.raises(PolicyError):
        parse_logs("log not-a-key\n")
    with pytest.raises(PolicyError, match="witness"):
        parse_logs(f"log {OWN.witness.encode()}\n")


@hypothesis.given(st.binary(max_size=400))
def test_any_bytes_are_a_submission_or_refused(raw):
    try:
        submission = Submission.parse(raw)
    except NoteRejectedError:
        return
    assert submission.encode() == raw


@hypothesis.given(st.integers(0), st.sampled_from([b"", b"\n", b"old ", b"AAAA", b" ", b"=", b"\xe2\x80\x94 "]))
def test_any_change_to_a_good_request_is_refused_or_asks_the_same(tmp_path_factory, place, put):
    witness = made(tmp_path_factory.mktemp("witness"))
    witness.add_checkpoint(HONEST.asks(0, 10))
    body = HONEST.asks(10, 20)
    at = place % len(body)
    answer = witness.add_checkpoint(body[:at] + put + body[at + 1 :])
    assert answer.status in {200, 400, 403, 404, 409, 422}
    assert cosigned(witness) == HONEST.checkpoint(20 if answer.status == 200 else 10)


# The example of c2sp.org/tlog-witness.
EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()
ANSWER = """— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
"""


def test_the_specifications_own_example_is_read_and_written_byte_for_byte():
    read = Submission.parse(EXAMPLE)
    assert (read.old, len(read.proof), read.checkpoint.size) == (20852014, 4, 20852163)
    assert read.encode() == EXAMPLE
    behind = Note.parse(EXAMPLE.partition(b"\n\n")[2] + ANSWER.encode())
    assert [line.name for line in behind.signatures] == ["example.com/behind-the-sofa"] * 2 + ["witness.example/w1"] * 2


class CrashError(Exception):
    """The machine stopped here."""


class AnySequence(RuleBasedStateMachine):
    """Requests of two histories in any order, with crashes at any step of a write."""

    folders = None

    @initialize()
    def start(self):
        self.witness = made(self.folders.mktemp("witness"))
        self.roots, self.largest = {}, 0

    @rule(
        tree=st.sampled_from([HONEST, FORKED]),
        old=st.integers(0, 12),
        new=st.integers(0, 12),
        mix=st.booleans(),
        crash_at=st.none() | st.integers(0, 4),
    )
    def ask(self, tree, old, new, mix, crash_at):
        proof = HONEST.proof(old, new) if mix and old <= new else None
        body = tree.asks(old, new, proof=proof)
        with pytest.MonkeyPatch.context() as patch:
            if crash_at is not None:
                crash_after(patch, crash_at)
            try:
                answer = self.witness.add_checkpoint(body)
            except CrashError:
                return
        if answer.status == 200:
            assert self.roots.setdefault(new, tree.checkpoint(new).root) == tree.checkpoint(new).root
            assert new >= self.largest
            self.largest = new

    @invariant()
    def never_behind_what_was_answered(self):
        known = cosigned(self.witness)
        assert (known.size if known else 0) >= self.largest
        if known and known.size in self.roots:
            assert known.root == self.roots[known.size]


def crash_after(patch, steps):
    """Let so many steps of writing to disk happen, and no further one."""
    done = []

    def counted(really):
        def step(*args, **named):
            if len(done) >= steps:
                raise CrashError
            done.append(really)
            return really(*args, **named)

        return step

    import os
    from pathlib import Path

    patch.setattr(os, "fsync", counted(os.fsync))
    patch.setattr(Path, "replace", counted(Path.replace))
    patch.setattr(Path, "touch", counted(Path.touch))


def test_no_sequence_of_requests_and_crashes_makes_two_cosigned_roots_of_a_size_or_goes_back(tmp_path_factory):
    AnySequence.folders = tmp_path_factory
    hypothesis.stateful.run_state_machine_as_test(
        AnySequence, settings=hypothesis.settings(max_examples=60, stateful_step_count=30, deadline=None)
    )


def race(folder, which, start, answers):
    witness = made(folder)
    tree = (HONEST, FORKED)[which % 2]
    start.wait()
    for size in range(1, 41):
        known = cosigned(witness)
        old = known.size if known else 0
        for new in {max(old, size), old + 1}:
            if witness.add_checkpoint(tree.asks(old, new)).status == 200:
                answers.append((new, tree.checkpoint(new).root))


def test_racing_threads_and_processes_get_one_history(tmp_path):
    forking = multiprocessing.get_context("fork")
    with forking.Manager() as manager:
        answers, start = manager.list(), manager.Event()
        processes = [forking.Process(target=race, args=(tmp_path, number, start, answers)) for number in range(2)]
        threads = [threading.Thread(target=race, args=(tmp_path, number, start, answers)) for number in range(2)]
        for each in processes + threads:
            each.start()
        start.set()
        for each in processes + threads:
            each.join()
        found = list(answers)
    assert len({size for size, _ in found}) >= 20
    assert len(dict(found)) == len(set(found)), "two roots of one size were cosigned"
    assert cosigned(made(tmp_path)).size == max(size for size, _ in found)
