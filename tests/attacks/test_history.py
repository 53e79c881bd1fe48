"""Attacks on the log: edited entries, rebuilt trees, withheld entries and exhibits (threats 1, 2, 5, 7 and 8)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import rfc8785

from archive import tlog
from archive.custody import Action, exhibit_stream
from archive.signed_note import SigningKey
from archive.verify import VerificationError
from tests.attacks.forge import edit_line, lines, located, pack, put_lines, refused, remanifest, unpack, verify
from tests.attacks.ground import LOG_KEY, ORIGIN, POLICY, WITNESSED_POLICY, Ground, MemoryLedger, a_case

ENTRIES = "custody/entries.jsonl"
PROOFS = "custody/proofs.jsonl"
STREAMS = "custody/streams.jsonl"
FIRST = exhibit_stream("00000000-0000-5000-8000-000000000001")
SECOND = exhibit_stream("00000000-0000-5000-8000-000000000002")


@pytest.fixture
def ground() -> Ground:
    return a_case()


def test_an_edited_payload_is_found_at_its_entry(ground: Ground, tmp_path: Path) -> None:
    files = unpack(ground.export(tmp_path).path)
    edit_line(files, ENTRIES, 1, lambda line: line["payload"].update(actor="account:somebody"))
    assert located(refused(pack(remanifest(files)), tmp_path)) == (5, "entry 2")


def test_an_edited_leaf_with_its_payload_is_found_at_its_entry(ground: Ground, tmp_path: Path) -> None:
    files = unpack(ground.export(tmp_path).path)

    def rewrite(line: dict) -> None:
        line["payload"]["facts"]["size_bytes"] += 1
        line["leaf"]["payload_sha256"] = hashlib.sha256(rfc8785.dumps(line["payload"])).hexdigest()

    edit_line(files, ENTRIES, 1, rewrite)
    assert located(refused(pack(remanifest(files)), tmp_path)) == (5, "entry 2")


def rewritten(ground: Ground, key: SigningKey = LOG_KEY) -> Ground:
    """The same case with another first message, all hashes and signatures made anew."""
    forged = Ground(MemoryLedger(key))
    forged.open_case()
    for number, (exhibit_id, raw) in enumerate(sorted(ground.originals.items()), start=1):
        forged.archive(number, raw.replace(b"I know.", b"Hello!!") if number == 1 else raw)
        forged.ledger.record(exhibit_stream(f"somebody else's {number}"), Action.EXHIBIT_READ, number)
        forged.assign(exhibit_id, 20 + 2 * number)
    return forged


def test_a_tree_rebuilt_under_another_key_is_found_at_its_checkpoint(ground: Ground, tmp_path: Path) -> None:
    other_key = SigningKey.from_seed(ORIGIN, bytes(32))
    package = rewritten(ground, other_key).export(tmp_path)
    assert located(refused(package.path.read_bytes(), tmp_path)) == (3, "checkpoints/16.note")
    assert verify(package.path, None).state == "consistent"


def test_a_tree_rebuilt_with_the_logs_own_key_is_found_by_an_earlier_checkpoint(ground: Ground, tmp_path: Path) -> None:
    """Whoever holds database, bucket and key can make a package that verifies; an earlier package in other hands stops it."""
    earlier = unpack(ground.export(tmp_path, "first").path)["checkpoints/16.note"]
    forged = rewritten(ground)
    forged.export(tmp_path, "first-forged")
    package = forged.export(tmp_path, "second", earlier_sizes=[16])
    assert verify(package.path, POLICY).state == "verified"
    fault = refused(package.path.read_bytes(), tmp_path, earlier=[earlier])
    assert located(fault) == (4, "earlier note 1 (size 16)")
    assert "rewritten" in fault.reason


@pytest.mark.parametrize("grown", [False, True])
def test_a_ledger_rolled_back_with_its_key_that_goes_on_otherwise_is_found(
    ground: Ground, tmp_path: Path, *, grown: bool
) -> None:
    """The last exhibit with all its entries is gone, and nothing in the package lacks it."""
    earlier = unpack(ground.export(tmp_path, "first").path)["checkpoints/16.note"]
    rolled = a_case(items=2)
    for minutes in range(100, 106 if grown else 100):
        rolled.ledger.record("system", Action.VAULT_TESTED, minutes)
    package = rolled.export(tmp_path, "rolled", earlier_sizes=[16] if grown else [])
    assert verify(package.path, POLICY).state == "verified"
    fault = refused(package.path.read_bytes(), tmp_path, earlier=[earlier])
    assert located(fault) == (4, "earlier note 1 (size 16)")
    assert ("rewritten" if grown else "does not connect") in fault.reason
    unseen = refused(package.path.read_bytes(), tmp_path, policy=WITNESSED_POLICY)
    assert located(unseen) == (3, f"checkpoints/{len(rolled.ledger.entries)}.note")


def test_leaving_the_earlier_checkpoint_out_does_not_help(ground: Ground, tmp_path: Path) -> None:
    earlier = unpack(ground.export(tmp_path, "first").path)["checkpoints/16.note"]
    package = rewritten(ground).export(tmp_path, "forged", earlier_sizes=[5])
    fault = refused(package.path.read_bytes(), tmp_path, earlier=[earlier])
    assert located(fault) == (4, "earlier note 1 (size 16)")


def test_an_earlier_checkpoint_between_others_fails_closed(ground: Ground, tmp_path: Path) -> None:
    earlier = ground.ledger.note(7)
    package = ground.export(tmp_path, earlier_sizes=[5])
    fault = refused(package.path.read_bytes(), tmp_path, earlier=[earlier])
    assert located(fault) == (4, "earlier note 1 (size 7)")
    assert "does not connect" in fault.reason


def test_a_fork_joined_to_the_true_checkpoint_is_found_by_the_consistency_proof(ground: Ground, tmp_path: Path) -> None:
    true_note = ground.ledger.note(9)
    files = unpack(rewritten(ground).export(tmp_path, earlier_sizes=[9]).path)
    files["checkpoints/9.note"] = true_note
    fault = refused(pack(remanifest(files)), tmp_path, earlier=[true_note])
    assert located(fault) == (4, "checkpoints/consistency.jsonl, from 9 to 16")


def test_an_earlier_checkpoint_signed_by_nobody_known_is_refused(ground: Ground, tmp_path: Path) -> None:
    package = ground.export(tmp_path)
    stranger = ground.ledger.checkpoint(9).signed_by(SigningKey.from_seed(ORIGIN, bytes(32))).encode()
    assert located(refused(package.path.read_bytes(), tmp_path, earlier=[stranger])) == (4, "earlier note 1")
    assert located(refused(package.path.read_bytes(), tmp_path, earlier=[b"not a note"])) == (4, "earlier note 1")


def test_a_fork_that_no_witness_saw_is_found_where_the_policy_asks_for_one(ground: Ground, tmp_path: Path) -> None:
    forged = rewritten(ground).export(tmp_path, "forged")
    fault = refused(forged.path.read_bytes(), tmp_path, policy=WITNESSED_POLICY)
    assert located(fault) == (3, "checkpoints/16.note")
    assert "quorum" in fault.reason
    true = ground.export(tmp_path, "true", witnessed=True)
    verdict = verify(true.path, WITNESSED_POLICY)
    assert verdict.facts["witnesses"] == ("w1",)
    assert not any(text.startswith("Witnesses") for text in verdict.not_checked)


@pytest.mark.parametrize(
    ("number", "place"),
    [
        pytest.param(1, (6, "entry 4"), id="an exhibit's first entry"),
        pytest.param(2, (6, "case:6f9619ff-8b86-4d01-b42d-00cf4fc964ff, entry 8"), id="an assignment"),
        pytest.param(3, (6, FIRST), id="an exhibit's last entry"),
        pytest.param(-1, (6, "case:6f9619ff-8b86-4d01-b42d-00cf4fc964ff"), id="the case's last entry"),
    ],
)
def test_a_withheld_entry_is_found_in_its_stream(ground: Ground, tmp_path: Path, number: int, place: tuple) -> None:
    files = unpack(ground.export(tmp_path).path)
    for name in (ENTRIES, PROOFS):
        kept = lines(files, name)
        del kept[number]
        put_lines(files, name, kept)
    assert located(refused(pack(remanifest(files)), tmp_path)) == place


def test_the_cases_last_entries_withheld_behind_an_older_export_are_found(ground: Ground, tmp_path: Path) -> None:
    """An older package's export cannot stand at the end of a newer one's files."""
    ground.export(tmp_path, "older")
    fourth = ground.archive(40, b"From: him@example.test\r\n\r\nthe worst one\r\n")
    ground.assign(fourth, 60)
    files = unpack(ground.export(tmp_path, "newer").path)
    entries = lines(files, ENTRIES)
    older = next(at for at, line in enumerate(entries) if line["payload"]["action"] == "package.exported")
    put_lines(files, ENTRIES, entries[: older + 1])
    put_lines(files, PROOFS, lines(files, PROOFS)[: older + 1])
    fault = refused(pack(remanifest(files)), tmp_path)
    assert (fault.step, fault.item) == (6, "case:6f9619ff-8b86-4d01-b42d-00cf4fc964ff")


def test_a_withheld_exhibit_is_found_where_the_case_names_it(ground: Ground, tmp_path: Path) -> None:
    files = unpack(ground.export(tmp_path).path)
    streams = lines(files, STREAMS)
    pseudonym = next(line["stream"] for line in streams if line["label"] == SECOND)
    put_lines(files, STREAMS, [line for line in streams if line["label"] != SECOND])
    gone = {line["index"] for line in lines(files, ENTRIES) if line["leaf"]["stream"] == pseudonym}
    for name in (ENTRIES, PROOFS):
        put_lines(files, name, [line for line in lines(files, name) if line["index"] not in gone])
    for name in [name for name in files if name.startswith("data/items/00002/")]:
        files[name.replace("00002", "00003")] = files.pop(name.replace("00002", "00003"))
        del files[name]
    fault = refused(pack(remanifest(files)), tmp_path)
    assert located(fault) == (6, "entry 8")
    assert "missing" in fault.reason


def test_an_exhibit_of_another_case_cannot_be_slipped_in(ground: Ground, tmp_path: Path) -> None:
    stray = ground.archive(50, b"never assigned")
    ground.references[stray] = "ABC/9"
    fault = refused(ground.export(tmp_path).path.read_bytes(), tmp_path)
    assert located(fault) == (6, exhibit_stream(stray))
    assert "assigns" in fault.reason


def test_an_assignment_that_names_another_history_of_the_exhibit_is_found(ground: Ground, tmp_path: Path) -> None:
    """The named leaf binds the exhibit's history at that moment, whatever its stream says later."""
    exhibit_id = ground.archive(50, b"one more")
    head = ground.ledger.heads[exhibit_stream(exhibit_id)]
    ground.ledger.heads[exhibit_stream(exhibit_id)] = replace(head, leaf_hash=bytes(32))
    ground.references[exhibit_id] = "ABC/4"
    entry = ground.ledger.record(
        ground.case, Action.EXHIBIT_ASSIGNED, 60, exhibit_stream(exhibit_id), exhibit_id=exhibit_id, reference="ABC/4"
    )
    ground.ledger.heads[exhibit_stream(exhibit_id)] = head
    assert located(refused(ground.export(tmp_path).path.read_bytes(), tmp_path)) == (6, f"entry {entry.index}")


def test_a_stream_under_a_false_key_or_label_is_found(ground: Ground, tmp_path: Path) -> None:
    files = unpack(ground.export(tmp_path).path)
    edit_line(files, STREAMS, 2, lambda line: line.update(key="00" * 32))
    assert located(refused(pack(remanifest(files)), tmp_path)) == (6, SECOND)
    edit_line(files, STREAMS, 2, lambda line: line.update(label=SECOND + "0"))
    assert located(refused(pack(remanifest(files)), tmp_path)) == (6, SECOND + "0")


def test_an_entry_of_an_undisclosed_stream_is_refused(ground: Ground, tmp_path: Path) -> None:
    files = unpack(ground.export(tmp_path).path)
    stranger = ground.ledger.entries[3]
    entries, proofs = lines(files, ENTRIES), lines(files, PROOFS)
    line = {
        "index": 3,
        "leaf": json.loads(stranger.leaf),
        "payload": json.loads(stranger.payload or b"null"),
        "withheld": None,
    }
    path = tlog.inclusion_path(3, 16, lambda level, index: ground.ledger.nodes[level, index])
    put_lines(files, ENTRIES, [*entries[:2], line, *entries[2:]])
    put_lines(files, PROOFS, [*proofs[:2], {"index": 3, "path": [digest.hex() for digest in path]}, *proofs[2:]])
    assert located(refused(pack(remanifest(files)), tmp_path)) == (6, "entry 3")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw.replace(b'"facts":{', b'"facts":{"a":1,"a":2,'), id="a key twice"),
        pytest.param(lambda raw: raw.replace(b'"facts":{', b'"facts":{"a":1.5,'), id="a float"),
        pytest.param(lambda raw: raw.replace(b'"facts":{', b'"facts":{"a":NaN,'), id="not a number"),
        pytest.param(lambda raw: raw.replace(b'"facts":{', b'"facts":{"\xff":1,'), id="not UTF-8"),
        pytest.param(lambda raw: raw.replace(b'"salt"', b'"sal"'), id="another field"),
        pytest.param(lambda raw: raw.replace(b"T09:01", b"T09:02"), id="another time than its leaf"),
        pytest.param(lambda raw: raw.replace(b'"stream":"exhibit', b'"stream":"Exhibit'), id="another stream"),
    ],
)
def test_a_payload_that_readers_could_read_differently_is_refused_even_from_the_log_itself(
    ground: Ground, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    entry = ground.ledger.record(FIRST, Action.EXHIBIT_VIEWED, 1)
    payload = change(entry.payload or b"")
    digest = hashlib.sha256(payload).hexdigest().encode()
    leaf = entry.leaf.replace(hashlib.sha256(entry.payload or b"").hexdigest().encode(), digest)
    again = a_case()
    again.ledger.append(replace(entry, leaf=leaf, leaf_hash=tlog.leaf_hash(leaf), payload=payload))
    fault = refused(again.export(tmp_path).path.read_bytes(), tmp_path)
    assert f"entry {entry.index}" in fault.item


def test_entries_in_another_order_or_twice_are_refused(ground: Ground, tmp_path: Path) -> None:
    files = unpack(ground.export(tmp_path).path)
    for change, item in (
        (lambda found: [found[1], found[0], *found[2:]], "entry 1"),
        (lambda found: [found[0], *found], "entry 1"),
    ):
        altered = dict(files)
        for name in (ENTRIES, PROOFS):
            put_lines(altered, name, change(lines(files, name)))
        assert located(refused(pack(remanifest(altered)), tmp_path)) == (5, item)


def test_proofs_that_are_swapped_missing_or_too_many_are_found(ground: Ground, tmp_path: Path) -> None:
    files = unpack(ground.export(tmp_path).path)
    proofs = lines(files, PROOFS)
    swapped = [{**proofs[0], "path": proofs[1]["path"]}, *proofs[1:]]
    for changed, item in (
        (swapped, "entry 1"),
        (proofs[:-1], "entry 14"),
        ([*proofs, proofs[-1]], "custody/proofs.jsonl"),
        ([proofs[1], proofs[0], *proofs[2:]], "entry 1"),
    ):
        put_lines(files, PROOFS, changed)
        assert located(refused(pack(remanifest(files)), tmp_path)) == (5, item)


def test_a_payload_taken_out_is_found_though_a_reason_is_given(ground: Ground, tmp_path: Path) -> None:
    files = unpack(ground.export(tmp_path).path)
    edit_line(files, ENTRIES, 1, lambda line: line.update(payload=None, withheld="sensitive"))
    assert located(refused(pack(remanifest(files)), tmp_path)) == (5, "entry 2")
    put_lines(files, "custody/withheld.jsonl", [{"index": 2, "reason": "sensitive"}])
    # Now entries and list agree; but the exhibit has no record of its bytes, and the list is bound by the export.
    assert located(refused(pack(remanifest(files)), tmp_path)) == (7, "data/items/00001")


def test_a_payload_that_the_export_withholds_is_listed_and_passes(ground: Ground, tmp_path: Path) -> None:
    read = next(entry for entry in ground.ledger.entries if entry.stream == FIRST and entry.stream_seq == 1)
    verdict = verify(ground.export(tmp_path, withheld={read.index: "names a third person"}).path, POLICY)
    assert any("1 entries are withheld" in text for text in verdict.not_checked)


def test_exhibits_assigned_while_the_package_was_made_are_told_of(ground: Ground, tmp_path: Path) -> None:
    def meanwhile() -> None:
        ground.assign(ground.archive(90, b"came in meanwhile"), 95)
        ground.ledger.record(FIRST, Action.EXHIBIT_VIEWED, 96)

    verdict = verify(ground.export(tmp_path, meanwhile=meanwhile).path, POLICY)
    assert verdict.facts["items"] == 3
    assert any(text.startswith("Later exhibits: 1 ") for text in verdict.not_checked)


def test_without_a_policy_nothing_is_called_verified(ground: Ground, tmp_path: Path) -> None:
    verdict = verify(ground.export(tmp_path).path, None)
    assert verdict.state == "consistent"
    assert "NOT verified" in verdict.meaning
    assert verdict.facts["signed_by"] == ()


def test_required_timestamps_that_are_not_there_are_a_fault(ground: Ground, tmp_path: Path) -> None:
    package = ground.export(tmp_path)
    with pytest.raises(VerificationError) as caught:
        verify(package.path, POLICY, require_timestamps=1)
    assert caught.value.step == 9
