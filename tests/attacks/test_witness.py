"""History rebuilt or rolled back by somebody who holds database, vault and signing key: the witness does not go along.

Threats 5, 6 and 7 of docs/threat-model.md, on a real installation with its real sequencer, and against the verifier.
"""

from __future__ import annotations

import shutil

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy import select

from archive import tlog, verify
from archive.errors import NoteRejectedError, NotWitnessedError
from archive.log_keys import log_keys, policy_text
from archive.signed_note import Checkpoint, Note, Signature, SigningKey
from archive.tables import custody_leaf
from archive.trust_policy import Policy
from archive.witness import Submission
from archive.witnessing import State
from tests.archive.test_ledger import as_owner
from tests.archive.test_witnessing import Bench
from tests.attacks.forge import located, pack, refused, remanifest, unpack
from tests.attacks.ground import LOG_KEY, WITNESS_KEY, WITNESSED_POLICY, a_case


@pytest.fixture
def bench(installation, tmp_path):
    return Bench(installation, tmp_path)


def rebuilt(bench):
    """Change the first entry and make everything that follows from it anew, with the log's own key."""
    leaves = [bytes(row.leaf) for row in bench.look(select(custody_leaf).order_by(custody_leaf.c.leaf_index))]
    leaves[0] = leaves[0].replace(b'"v":1', b'"v":2')
    nodes = tlog.append_nodes(0, [], [tlog.leaf_hash(leaf) for leaf in leaves])
    known = {(level, index): digest for level, index, digest in nodes}
    root = tlog.root(len(leaves), [known[node] for node in tlog.frontier_indexes(len(leaves))])
    sequencer = bench.installation.sequencer
    note = Checkpoint(sequencer.key.name, len(leaves), root).signed_by(sequencer.key)
    as_owner(
        bench.installation,
        "ALTER TABLE cosignature DISABLE TRIGGER USER",
        "DELETE FROM cosignature",
        "DELETE FROM checkpoint",
        f"UPDATE custody_leaf SET leaf = '\\x{leaves[0].hex()}', leaf_hash = '\\x{tlog.leaf_hash(leaves[0]).hex()}' "
        "WHERE leaf_index = 0",
        *(f"UPDATE tree_node SET hash = '\\x{h.hex()}' WHERE level = {lv} AND idx = {at}" for lv, at, h in nodes),
        f"INSERT INTO checkpoint VALUES ({len(leaves)}, '\\x{root.hex()}', '\\x{note.encode().hex()}', now())",
    )
    sequencer.outside.write_bytes(note.encode())
    return note


@pytest.mark.parametrize("goes_on", [False, True])
def test_history_rebuilt_with_the_logs_own_key_is_refused_told_and_kept_by_the_witness(bench, goes_on):
    true = bench.grow(entries=5)
    bench.collector.collect()
    forged = rebuilt(bench)
    if goes_on:
        # Database, kept checkpoint and key agree: the sequencer alone has no way to know, and signs on.
        assert bench.grow(entries=3) > true
    with pytest.raises(NotWitnessedError):
        bench.collector.witnessed(at_least=true)
    assert bench.alerts() == ["witness_contradicts"]
    assert bench.standing().state == State.CONTRADICTS
    (place,) = bench.witness.records.contradictions()
    key = bench.installation.sequencer.key.verifier
    kept = Submission.parse((place / "submitted").read_bytes()).note
    before = Note.parse((place / "cosigned").read_bytes())
    # Two histories under one key: whoever holds these two files needs nothing and nobody else to show it.
    assert key in kept.signers([key])
    assert key in before.signers([key])
    assert kept.text == forged.text or Checkpoint.parse(kept.text).size > true
    assert before.text != forged.text
    with pytest.raises(NoteRejectedError, match="quorum"):
        bench.policy().verify(kept.encode())


def test_an_attackers_own_witness_does_not_count_for_whoever_holds_the_published_policy(bench):
    bench.grow()
    published = bench.policy()
    own = SigningKey.generate(bench.key.name)
    forged = rebuilt(bench)
    with pytest.raises(NoteRejectedError, match="quorum"):
        published.verify(forged.signed_also(own.cosign(forged.text, 1)).encode())


def test_a_backup_put_back_together_with_the_kept_checkpoint_is_told_by_the_witness(bench, stack, tmp_path):
    """The sequencer cannot know where everything it could compare with was rolled back, too."""
    from tests.archive.test_restored_backup import dumped, restored

    bench.grow(entries=2)
    bench.collector.collect()
    dump, kept = dumped(stack, bench.installation, tmp_path), tmp_path / "kept"
    shutil.copy(bench.installation.sequencer.outside, kept)
    newest = bench.grow(entries=3)
    bench.collector.collect()
    shutil.copy(kept, bench.installation.sequencer.outside)
    with restored(stack, bench.installation, dump) as older:
        bench.installation = older
        bench.collector = type(bench.collector)(
            older.engine, bench.collector.witnesses, 1, bench.post, bench.collector.now
        )
        assert bench.grow() < newest
        bench.collector.collect()
        assert bench.alerts() == ["witness_contradicts"]
        assert f"{newest} entries" in bench.standing().because


# --- the verifier's count ---------------------------------------------------------------------------------------------

CHECKPOINT = Checkpoint(LOG_KEY.name, 39, bytes(range(32)))
KEYS = [SigningKey.from_seed(f"witness.example/{number}", bytes([number]) * 32) for number in range(1, 7)]


@pytest.mark.parametrize(
    ("forge", "because"),
    [
        pytest.param(lambda note, true: note.signatures[:1], "quorum", id="left out"),
        pytest.param(
            lambda note, true: (*note.signatures[:1], true), "false", id="the true history's put on the forged"
        ),
        pytest.param(
            lambda note, true: (
                *note.signatures[:1],
                Signature(true.name, true.key_id, bytes(8) + note.signatures[1].signature[8:]),
            ),
            "false",
            id="another time",
        ),
        pytest.param(
            lambda note, true: (
                *note.signatures[:1],
                Signature(true.name, true.key_id, bytes(8) + WITNESS_KEY.sign(note.text).signature),
            ),
            "false",
            id="signed as a log signs",
        ),
        pytest.param(
            lambda note, true: (
                *note.signatures[:1],
                SigningKey.from_seed(WITNESS_KEY.name, bytes(32)).cosign(note.text, 1),
            ),
            "quorum",
            id="a witness of the same name",
        ),
        pytest.param(lambda note, true: note.signatures[1:], "no key", id="the log's own left out"),
    ],
)
def test_a_package_whose_cosignature_is_not_the_witnesses_own_is_refused_at_its_checkpoint(tmp_path, forge, because):
    files = unpack(a_case().export(tmp_path, witnessed=True).path)
    name = next(name for name in files if name.endswith(".note"))
    note = Note.parse(files[name])
    true = WITNESS_KEY.cosign(CHECKPOINT.text, 1)
    files[name] = Note(note.text, forge(note, true)).encode()
    fault = refused(pack(remanifest(files)), tmp_path, policy=WITNESSED_POLICY)
    assert located(fault) == (3, name)
    assert because in fault.reason


@st.composite
def policies(draw):
    """Witnesses in groups of groups, a quorum among them."""
    names = [f"w{number}" for number in range(draw(st.integers(1, len(KEYS))))]
    lines = [f"log {LOG_KEY.verifier.encode()}"]
    lines += [f"witness {name} {key.witness.encode()}" for name, key in zip(names, KEYS, strict=False)]
    free, groups = list(names), []
    for number in range(draw(st.integers(0, 3))):
        members = draw(st.lists(st.sampled_from(free), unique=True, min_size=1)) if free else []
        if not members:
            break
        threshold = draw(st.sampled_from(["any", "all", *map(str, range(1, len(members) + 1))]))
        lines.append(f"group g{number} {threshold} {' '.join(members)}")
        groups.append(f"g{number}")
        free = [name for name in free if name not in members] + [f"g{number}"]
    lines.append(f"quorum {draw(st.sampled_from(['none', *names, *groups]))}")
    return "\n".join(lines) + "\n"


def counted_by_hand(policy, cosigned):
    met = {name: name in cosigned for name in (f"w{number}" for number in range(len(KEYS)))} | {"none": True}
    for line in policy.splitlines():
        words = line.split()
        if words[0] == "group":
            count = sum(met[member] for member in words[3:])
            least = {"any": 1, "all": len(words) - 3}.get(words[2]) or int(words[2])
            met[words[1]] = count >= least
        elif words[0] == "quorum":
            return met[words[1]]
    raise AssertionError(policy)


@hypothesis.given(policies(), st.sets(st.integers(0, len(KEYS) - 1)), st.booleans())
def test_archive_and_verifier_count_cosignatures_alike_and_as_the_specification_says(policy, signing, twice):
    lines = [KEYS[number].cosign(CHECKPOINT.text, 1_790_000_000 + number) for number in sorted(signing)]
    note = CHECKPOINT.signed_by(LOG_KEY).signed_also(*lines, *(lines if twice else ())).encode()
    known = {f"w{number}" for number in signing if f"witness w{number} " in policy}
    expected = counted_by_hand(policy, known)
    ours = True
    try:
        assert set(Policy.parse(policy).verify(note).witnesses) == known
    except NoteRejectedError:
        ours = False
    theirs = verify.Policy(policy)
    read = verify.read_checkpoint(3, "note", note, theirs)
    assert set(read.witnesses) == known
    assert (ours, theirs.met_by(read.witnesses)) == (expected, expected)


def test_a_published_policy_reads_the_same_for_both(bench):
    size = bench.grow()
    bench.collector.collect()
    with bench.installation.engine.connect() as connection:
        published = policy_text(log_keys(connection), [bench.known], 1)
    read = verify.read_checkpoint(3, "note", bench.note(size), verify.Policy(published))
    assert read.witnesses == (bench.key.name,)
    assert verify.Policy(published).met_by(read.witnesses)
