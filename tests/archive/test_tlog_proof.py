"""Proofs of one entry: the specification's form to the byte, and any change refused (c2sp.org/tlog-proof)."""

from __future__ import annotations

import base64
import json

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import tlog
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import NotSequencedYetError, ProofError
from archive.ledger import record
from archive.tlog_proof import TlogProof, proof_of
from archive.trust_policy import Policy
from cli.composition import now
from tests.archive.test_tlog_notes import PUBLIC_NOTE
from tests.attacks.ground import LOG_KEY, POLICY, WITNESSED_POLICY, a_case

LEDGER = a_case().ledger
SIZE = len(LEDGER.entries)


def proof(index: int, *, witnessed: bool = False) -> TlogProof:
    path = tlog.inclusion_path(index, SIZE, lambda level, at: LEDGER.nodes[level, at])
    return TlogProof(index, tuple(path), LEDGER.note(witnessed=witnessed), LEDGER.entries[index].leaf)


def test_a_proof_has_the_form_of_the_specification_line_by_line() -> None:
    made = proof(2)
    lines = made.encode().decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == f"extra {base64.b64encode(LEDGER.entries[2].leaf).decode()}"
    assert lines[2] == "index 2"
    assert [base64.b64decode(line) for line in lines[3 : 3 + len(made.path)]] == list(made.path)
    assert lines[3 + len(made.path)] == ""
    assert "\n".join(lines[4 + len(made.path) :]).encode() == made.note


# The form of the example in the specification (commit 0065ea5b), around a checkpoint of a public log: of one entry its
# index and path are made up, so that it can be read and does not verify.
EXAMPLE = (
    b"c2sp.org/tlog-proof@v1\n"
    b"extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6\n"
    b"index 73894\n"
    b"gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
    b"B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"
    b"\n"
) + PUBLIC_NOTE


def test_the_example_of_the_specification_is_read_and_written_again() -> None:
    found = TlogProof.parse(EXAMPLE)
    assert (found.index, found.extra, len(found.path)) == (73894, b"age-v1.2.1-darwin-arm64.tar.gz", 2)
    assert found.note == PUBLIC_NOTE
    assert found.encode() == EXAMPLE
    with pytest.raises(ProofError):
        found.verify(bytes(32))


def test_a_proof_without_extra_data_or_path_is_one_too() -> None:
    single = TlogProof(0, (), PUBLIC_NOTE)
    assert single.encode() == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + PUBLIC_NOTE
    assert TlogProof.parse(single.encode()) == single


@pytest.mark.parametrize("index", range(SIZE))
def test_every_entry_of_a_ledger_is_proved_under_its_own_leaf_and_no_other(index: int) -> None:
    made = TlogProof.parse(proof(index, witnessed=True).encode())
    assert made.extra is not None
    assert made.verify(tlog.leaf_hash(made.extra)).size == SIZE
    assert Policy.parse(WITNESSED_POLICY).verify(made.note).witnesses.keys() == {"w1"}
    with pytest.raises(ProofError):
        made.verify(LEDGER.entries[(index + 1) % SIZE].leaf_hash)


RAW = proof(5).encode()


@settings(max_examples=300)
@given(st.integers(0, 8 * len(RAW) - 1))
def test_no_flipped_bit_proves_anything_else(bit: int) -> None:
    flipped = bytearray(RAW)
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        found = TlogProof.parse(bytes(flipped))
        found.verify(LEDGER.entries[5].leaf_hash)
        Policy.parse(POLICY).verify(found.note)
    except Exception as error:  # noqa: BLE001 - which family depends on the bit
        assert type(error).__name__ in {"ProofError", "NoteRejectedError"}  # noqa: PT017
        return
    # Extra data is not authenticated: whoever uses it hashes it first.
    assert found.extra != LEDGER.entries[5].leaf


@given(st.binary())
def test_any_bytes_are_refused_or_written_again_as_they_were(raw: bytes) -> None:
    try:
        found = TlogProof.parse(raw)
    except ProofError:
        return
    assert found.encode() == raw


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"@v1", b"@v2"),
        lambda raw: raw.replace(b"index 5", b"index 05"),
        lambda raw: raw.replace(b"index 5", b"index -5"),
        lambda raw: raw.replace(b"index 5\n", b""),
        lambda raw: raw.replace(b"\n\n", b"\n", 1),
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b"=\n", b"\n", 1),
    ],
)
def test_another_form_is_refused(change) -> None:
    with pytest.raises(ProofError):
        TlogProof.parse(change(RAW)).verify(LEDGER.entries[5].leaf_hash)


def test_the_ledger_of_an_installation_proves_its_entries(installation) -> None:
    with installation.engine.begin() as connection:
        record(connection, CustodyEntry(SYSTEM, Action.VAULT_TESTED, "system:tests", now()))
    with installation.engine.connect() as connection, pytest.raises(NotSequencedYetError):
        proof_of(connection, 0)
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        made = proof_of(connection, 0)
        with pytest.raises(NotSequencedYetError):
            proof_of(connection, 10_000)
    policy = Policy.parse(f"log {installation.sequencer.key.verifier.encode()}\nquorum none\n")
    assert policy.verify(made.note).checkpoint == made.verify(tlog.leaf_hash(made.extra))


def test_the_command_writes_the_proof_and_says_where_it_is(installation, tmp_path, monkeypatch) -> None:
    from cli.main import main

    with installation.engine.begin() as connection:
        record(connection, CustodyEntry(SYSTEM, Action.VAULT_TESTED, "system:tests", now()))
    installation.sequencer.run_once()
    for name, value in installation.environ.items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "entry-0.tlog-proof"
    done = CliRunner().invoke(main, ["proof", "0", "-o", str(out), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    made = TlogProof.parse(out.read_bytes())
    assert answer["index"] == made.index == 0
    assert made.verify(tlog.leaf_hash(made.extra)).size == answer["checkpoint_size"]
    missing = CliRunner().invoke(main, ["proof", "99999", "-o", str(out)])
    assert missing.exit_code == 1
    assert LOG_KEY.name not in missing.output
