"""Attacks on time: swapped, stripped, foreign and back-dated tokens, and those that authorities make wrong (threat 19)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.custody import SYSTEM, Action
from archive.package import Seal
from archive.verify import UnreadableError, VerificationError, token_content
from tests.attacks.authority import LATER, NOON, Authority, naming, sealing, stating, with_certificates
from tests.attacks.authority import without_certificate_id as nameless
from tests.attacks.forge import Few, Files, located, pack, remanifest, unpack, verify
from tests.attacks.ground import NINE, POLICY, WITNESSED_POLICY, Ground, a_case
from tests.attacks.test_history import rewritten
from tests.browser_verifier import browser_verifier

SEARCHES = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
GOOD, SECOND = Authority.make("good"), Authority.make("second")
FOREIGN = Authority.make("foreign")
NOTE, TOKEN = "checkpoints/16.note", "checkpoints/16.good.tsr"
ASKING = POLICY + GOOD.policy_lines("good")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ground = a_case()
    ground.tsa_roots = GOOD.roots
    return ground.export(
        tmp_path_factory.mktemp("stamped"), earlier_sizes=[6], witnessed=True, seal=sealing({"good": GOOD})
    ).path


@pytest.fixture
def files(package: Path) -> Files:
    return unpack(package)


def fault_of(files: Files, folder: Path, policy: str = ASKING, **given) -> VerificationError:
    (folder / "forged.zip").write_bytes(pack(remanifest(files)))
    with pytest.raises(VerificationError) as caught:
        verify(folder / "forged.zip", policy, **given)
    assert "no check foresaw" not in caught.value.reason
    return caught.value


def test_a_package_with_the_token_that_the_policy_asks_for_is_verified_by_zip_and_policy_alone(package: Path) -> None:
    verdict = verify(package, ASKING)
    assert verdict.state == "verified"
    assert verdict.facts["tokens"] == 1
    assert {"checkpoint": 16, "authority": "good", "time": "2026-11-23T12:00:00Z"} in verdict.facts["timestamps"]
    assert "All of it existed by 2026-11-23T12:00:00Z, as good vouch." in verdict.meaning
    assert not any(text.startswith("Time:") for text in verdict.not_checked)


def test_roots_given_by_the_reader_count_in_place_of_the_policys(package: Path, tmp_path: Path) -> None:
    assert verify(package, POLICY, tsa_roots=GOOD.roots, require_timestamps=1).facts["tokens"] == 1
    assert verify(package, ASKING, tsa_roots=GOOD.roots + FOREIGN.roots).facts["tokens"] == 1
    assert located(fault_of(unpack(package), tmp_path, tsa_roots=FOREIGN.roots)) == (9, TOKEN)
    with pytest.raises(UnreadableError):
        verify(package, ASKING, tsa_roots=b"no certificate")


def test_without_roots_tokens_are_not_checked_and_the_verdict_says_so(package: Path, tmp_path: Path) -> None:
    verdict = verify(package, POLICY)
    assert verdict.facts["tokens"] == 0
    assert any("2 tokens were not checked" in text for text in verdict.not_checked)
    assert any(text.startswith("Time: no timestamp authority") for text in verdict.not_checked)
    fault = fault_of(unpack(package), tmp_path, POLICY, require_timestamps=1)
    assert located(fault) == (9, NOTE)
    assert "no root certificate was given" in fault.reason


def test_a_stripped_token_is_missed_where_one_is_asked_for(files: Files, tmp_path: Path) -> None:
    del files[TOKEN]
    assert located(fault_of(files, tmp_path)) == (9, NOTE)
    assert located(fault_of(files, tmp_path, POLICY, tsa_roots=GOOD.roots, require_timestamps=1)) == (9, NOTE)
    (tmp_path / "stripped.zip").write_bytes(pack(remanifest(files)))
    assert verify(tmp_path / "stripped.zip", POLICY).facts["tokens"] == 0


def test_a_swapped_token_is_over_something_else(files: Files, tmp_path: Path) -> None:
    files[TOKEN] = files["checkpoints/6.good.tsr"]
    fault = fault_of(files, tmp_path)
    assert located(fault) == (9, TOKEN)
    assert "something else" in fault.reason


def test_a_foreign_token_is_refused_also_beside_a_good_one(files: Files, tmp_path: Path) -> None:
    """Back-dated by a made-up authority, with that authority's root brought along in the package."""
    foreign = FOREIGN.stamp(files[NOTE], datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    assert located(fault_of({**files, "checkpoints/16.made-up.tsr": foreign}, tmp_path)) == (
        9,
        "checkpoints/16.made-up.tsr",
    )
    files[TOKEN] = foreign
    assert located(fault_of(files, tmp_path)) == (9, TOKEN)
    files["trust/tsa-roots.pem"] = FOREIGN.roots
    assert fault_of(files, tmp_path).step == 8


def test_a_root_inside_the_package_is_not_trusted(tmp_path: Path) -> None:
    """The whole package is made by the attacker: his root in it counts for nothing."""
    ground = a_case()
    ground.tsa_roots = FOREIGN.roots
    package = ground.export(tmp_path, seal=sealing({"good": FOREIGN}))
    with pytest.raises(VerificationError) as caught:
        verify(package.path, ASKING)
    assert located(caught.value) == (9, NOTE)
    assert verify(package.path, POLICY).facts["tokens"] == 0


def test_history_made_anew_with_the_signing_key_cannot_keep_its_old_token(tmp_path: Path) -> None:
    """It can have a new one: then the authority says how late it was made."""
    true = a_case()
    size, old = len(true.ledger.entries), GOOD.stamp(true.ledger.note())
    forged = rewritten(true)
    forged.tsa_roots = GOOD.roots

    def kept(note: bytes) -> Seal:
        return Seal(note, {"good": old if note.split(b"\n")[1] == b"%d" % size else GOOD.stamp(note, LATER)})

    package = forged.export(tmp_path, "kept", earlier_sizes=[size], seal=kept)
    assert located(fault_of(unpack(package.path), tmp_path)) == (9, f"checkpoints/{size}.good.tsr")
    again = rewritten(true)
    again.tsa_roots = GOOD.roots
    late = again.export(tmp_path, "late", seal=sealing({"good": GOOD}, LATER))
    assert "All of it existed by 2027-12-28" in verify(late.path, ASKING).meaning


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(lambda note: GOOD.forged(note, nameless), id="without ESSCertIDv2"),
        pytest.param(lambda note: GOOD.forged(note, naming(FOREIGN.key.certificate)), id="naming another certificate"),
        pytest.param(
            lambda note: GOOD.forged(note, stating(lambda info: info["message_imprint"].__setitem__("hashed_message", b"\x00" * 32))),
            id="over another digest",
        ),
        pytest.param(lambda note: GOOD.stamp_data(note + b"x"), id="over other bytes"),
        pytest.param(lambda note: GOOD.stamp_data(note, algorithm="sha512"), id="over another kind of digest"),
        pytest.param(lambda note: GOOD.stamp(note, LATER + timedelta(days=2000)), id="after its certificate"),
        pytest.param(lambda note: GOOD.stamp(note)[:-1], id="cut off"),
        pytest.param(lambda note: GOOD.stamp(note) + b"\x00", id="with something behind it"),
        pytest.param(lambda note: b"", id="empty"),
        pytest.param(lambda note: b"<html>Sign in to the network</html>", id="a captive portal"),
        pytest.param(lambda note: GOOD.stamp(note).replace(b"\x02\x01\x00", b"\x02\x01\x02", 1), id="rejected"),
        pytest.param(lambda note: bytes([0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]), id="a rejection alone"),
    ],
)  # fmt: skip
def test_a_token_that_is_made_wrong_is_refused_at_its_name(files: Files, tmp_path: Path, token) -> None:
    files[TOKEN] = token(files[NOTE])
    assert located(fault_of(files, tmp_path)) == (9, TOKEN)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param({"purposes": (ExtendedKeyUsageOID.CODE_SIGNING,)}, id="for signing code"),
        pytest.param({"critical": False}, id="not critical"),
        pytest.param({"purposes": ()}, id="for anything"),
        pytest.param(
            {"purposes": (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING)}, id="for two purposes"
        ),
        pytest.param({"until": NOON - timedelta(days=1)}, id="expired before the token"),
    ],
)
def test_a_certificate_that_may_not_sign_timestamps_is_refused(files: Files, tmp_path: Path, made: dict) -> None:
    wrong = Authority.make("good", **made)
    files[TOKEN], files["checkpoints/6.good.tsr"] = wrong.stamp(files[NOTE]), wrong.stamp(files["checkpoints/6.note"])
    fault = fault_of(files, tmp_path, POLICY, tsa_roots=wrong.roots, require_timestamps=1)
    assert located(fault) == (9, TOKEN)


def test_a_certificate_that_has_expired_since_was_good_when_it_signed(tmp_path: Path) -> None:
    old = Authority.make("old", until=NOON + timedelta(days=1))
    package = a_case().export(tmp_path, seal=sealing({"old": old}))
    assert verify(package.path, POLICY, tsa_roots=old.roots, require_timestamps=1).facts["tokens"] == 1


def test_an_intermediate_may_come_with_the_token_or_with_the_roots_and_is_no_root(files: Files, tmp_path: Path) -> None:
    deep = Authority.make("deep", intermediate=True)
    del files["checkpoints/6.good.tsr"]
    token = files.pop(TOKEN)
    assert token
    files["checkpoints/16.deep.tsr"] = deep.stamp(files[NOTE])
    (tmp_path / "deep.zip").write_bytes(pack(remanifest(files)))
    assert verify(tmp_path / "deep.zip", POLICY, tsa_roots=deep.with_intermediates).facts["tokens"] == 1
    assert fault_of(files, tmp_path, POLICY, tsa_roots=deep.roots).step == 9
    just_between = deep.with_intermediates.removeprefix(deep.roots)
    assert fault_of(files, tmp_path, POLICY, tsa_roots=just_between).step == 9
    files["checkpoints/16.deep.tsr"] = deep.forged(files[NOTE], with_certificates(*deep.between))
    (tmp_path / "deep.zip").write_bytes(pack(remanifest(files)))
    assert verify(tmp_path / "deep.zip", POLICY, tsa_roots=deep.roots).facts["tokens"] == 1


def test_two_tokens_of_one_authority_are_one_voice(files: Files, tmp_path: Path) -> None:
    files["checkpoints/16.twice.tsr"] = GOOD.stamp(files[NOTE], NOON + timedelta(seconds=5))
    fault = fault_of(files, tmp_path, require_timestamps=2)
    assert located(fault) == (9, NOTE)
    assert "there are 1: good" in fault.reason


def test_two_authorities_are_two(files: Files, tmp_path: Path) -> None:
    both = POLICY + GOOD.policy_lines("good", required=2) + f"#holdfast tsa-root second {SECOND.root_sha256}\n"
    assert located(fault_of(files, tmp_path, both)) == (9, NOTE)
    ground = a_case()
    ground.tsa_roots = GOOD.roots + SECOND.roots
    package = ground.export(tmp_path, seal=sealing({"good": GOOD, "second": SECOND}))
    verdict = verify(package.path, both)
    assert verdict.facts["tokens"] == 2


@pytest.mark.parametrize(
    "name", ["checkpoints/16..tsr", "checkpoints/016.good.tsr", "checkpoints/15.good.tsr", "checkpoints/good.tsr"]
)
def test_a_token_of_no_checkpoint_is_refused(files: Files, tmp_path: Path, name: str) -> None:
    files[name] = files[TOKEN]
    assert fault_of(files, tmp_path).step in {3, 9, 1}


def test_tokens_without_end_are_refused(files: Files, tmp_path: Path) -> None:
    for number in range(17):
        files[f"checkpoints/16.n{number}.tsr"] = files[TOKEN]
    assert "one too many" in fault_of(files, tmp_path).reason


@pytest.mark.parametrize(
    "lines",
    [
        "#holdfast", "#holdfast timestamp 1", "#holdfast timestamps 0", "#holdfast timestamps one", "#Holdfast timestamps 1",
        "#holdfast timestamps 1\n#holdfast timestamps 1", "#holdfast tsa-root a 00", "#holdfast-timestamps 1",
        f"#holdfast tsa-root a {'0' * 64}\n#holdfast tsa-root a {'1' * 64}",
        f"#holdfast tsa-root a {'0' * 64}\n#holdfast tsa-root b {'0' * 64}",
    ],
)  # fmt: skip
def test_a_requirement_that_is_not_understood_is_never_passed_over(package: Path, lines: str) -> None:
    with pytest.raises(UnreadableError):
        verify(package, f"{POLICY}{lines}\n")


def test_without_openssl_a_token_is_not_taken_on_trust(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(VerificationError) as caught:
        verify(package, ASKING, in_browser=False)
    assert located(caught.value) == (9, "openssl")


def test_a_program_that_is_not_openssl_as_we_know_it_vouches_for_nothing(
    package: Path, tmp_path: Path, monkeypatch
) -> None:
    for number, script in enumerate(
        ["exit 0", "echo 'Verification: FAILED'", "echo 'ts: Unknown option -attime' >&2; exit 1"]
    ):
        program = tmp_path / f"openssl{number}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
        monkeypatch.setattr("shutil.which", lambda name, program=program: str(program))
        with pytest.raises(VerificationError) as caught:
            verify(package, ASKING, in_browser=False)
        assert caught.value.step == 9


@SEARCHES
@given(st.binary(max_size=200))
def test_any_bytes_in_place_of_a_token_are_refused_without_a_crash(raw: bytes) -> None:
    with pytest.raises((ValueError, IndexError, OverflowError)):
        token_content(raw)


@settings(SEARCHES, max_examples=60)
@given(data=st.data())
def test_a_flipped_bit_in_a_token_is_refused_or_changes_nothing_that_is_said(
    package: Path, tmp_path: Path, data
) -> None:
    """A token carries bits that nothing is read from (the status text, names in certificates that are not used)."""
    files = unpack(package)
    before = verify(package, ASKING)
    raw = bytearray(files[TOKEN])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "flipped.zip").write_bytes(pack(remanifest({**files, TOKEN: bytes(raw)})))
    flipped = tmp_path / "flipped.zip"
    assert outcome(flipped) in [before, (9, TOKEN)]
    if FEW_FLIPS():
        answer = browser_verifier().verify(flipped, ASKING)
        assert answer == json.loads(json.dumps(asdict(before))) or (answer["step"], answer["item"]) == (9, TOKEN)


FEW_FLIPS = Few(20)


def outcome(path: Path) -> object:
    try:
        return verify(path, ASKING, in_browser=False)
    except VerificationError as fault:
        return located(fault)


# --- the archive's own clock ------------------------------------------------------------------------------------------


def with_anchor(ground: Ground, *, minutes: int = 15) -> dict[str, bytes]:
    """Stamp the ledger as it is, and record the token in it: what comes later is later than the token."""
    note = ground.ledger.note()
    token = GOOD.stamp(note, NINE + timedelta(minutes=minutes))
    ground.ledger.record(
        SYSTEM, Action.TIMESTAMP_RECEIVED, minutes, token_sha256=hashlib.sha256(token).hexdigest(),
        checkpoint_size=len(ground.ledger.entries),
    )  # fmt: skip
    return {"note": note, "token": token}


def dated(tmp_path: Path, minutes: int) -> tuple[Ground, Path]:
    """A case in which an exhibit says it was assigned at `minutes`, between two tokens at a quarter past and at noon."""
    ground = Ground()
    ground.open_case()
    first = ground.archive(1, b"From: him@example.test\r\n\r\nI know.\r\n")
    made = with_anchor(ground)
    size = int(made["note"].split(b"\n")[1])
    ground.assign(first, minutes)
    recorded = [
        entry
        for entry in ground.ledger.entries
        if entry.stream == SYSTEM and b"timestamp.received" in (entry.payload or b"")
    ]
    ground.tsa_roots = GOOD.roots

    def seal(note: bytes) -> Seal:
        if note.split(b"\n")[1] == b"%d" % size:
            return Seal(note, {"good": made["token"]}, recorded)
        return Seal(note, {"good": GOOD.stamp(note, NOON)})

    return ground, ground.export(tmp_path, earlier_sizes=[size], seal=seal).path


def test_a_clock_that_fits_the_tokens_passes(tmp_path: Path) -> None:
    assert verify(dated(tmp_path, 30)[1], ASKING).facts["tokens"] == 1


@pytest.mark.parametrize("days", [-2, 2])
def test_a_clock_two_days_off_either_way_is_found_at_its_entry(tmp_path: Path, days: int) -> None:
    ground, package = dated(tmp_path, 30 + days * 24 * 60)
    wrong = next(entry.index for entry in ground.ledger.entries if b"exhibit.assigned" in (entry.payload or b""))
    with pytest.raises(VerificationError) as caught:
        verify(package, ASKING)
    assert caught.value.step == 9
    assert caught.value.item in {f"entry {wrong}", f"entry {wrong + 1}"}


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b"timestamp.received", b"timestamp.believed"),
        lambda line: line.replace(b'"index":', b'"index": '),
        lambda line: line.replace(b'"proof":["', b'"proof":["00'),
        lambda line: line + line,
        lambda line: b"{}\n",
        lambda line: b"\n",
    ],
)
def test_a_forged_record_of_a_token_is_refused(tmp_path: Path, change) -> None:
    files = unpack(dated(tmp_path, 30)[1])
    files["checkpoints/anchors.jsonl"] = change(files["checkpoints/anchors.jsonl"])
    fault = fault_of(files, tmp_path)
    assert fault.step == 5
    assert fault.item.startswith(("checkpoints/anchors.jsonl", "entry"))


def test_witness_and_tokens_together_meet_a_policy_that_asks_for_both(package: Path) -> None:
    verdict = verify(package, WITNESSED_POLICY + GOOD.policy_lines("good"))
    assert (verdict.facts["witnesses"], verdict.facts["tokens"]) == (("w1",), 1)
