"""The one-file verifier: its own arithmetic against other implementations, its command line, and its plain words."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import tlog, verify
from archive.errors import NoteRejectedError, PolicyError, ProofError
from archive.trust_policy import Policy
from tests.archive.test_tlog import GREAT_TREE, SIZES, flip
from tests.archive.test_tlog_notes import GO_KEY, GO_NOTE, PUBLIC_LOG, PUBLIC_NOTE, PUBLIC_WITNESS
from tests.attacks.ground import LOG_KEY, POLICY, WITNESS_KEY, WITNESSED_POLICY, a_case

VERIFIER = Path(verify.__file__)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


# --- its own arithmetic -----------------------------------------------------------------------------------------------

# RFC 8032 7.1: secret key, public key, message, signature of tests 1 to 3.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_ed25519_agrees_with_the_vectors_of_rfc_8032(public: str, message: str, signature: str) -> None:
    key, text, made = (bytes.fromhex(part) for part in (public, message, signature))
    assert verify.ed25519_verifies(key, text, made)
    assert not verify.ed25519_verifies(key, text + b"x", made)
    assert not verify.ed25519_verifies(key, text, flip_bit(made, 9))
    assert not verify.ed25519_verifies(flip_bit(key, 100), text, made)


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.integers(0, 511))
def test_ed25519_accepts_what_the_library_signs_and_nothing_flipped(seed: bytes, message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify.ed25519_verifies(public, message, signature)
    assert not verify.ed25519_verifies(public, message, flip_bit(signature, bit))


def test_ed25519_refuses_a_second_form_of_the_same_signature() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signature = key.sign(b"m")
    other = (int.from_bytes(signature[32:], "little") + verify.ORDER).to_bytes(32, "little")
    assert not verify.ed25519_verifies(key.public_key().public_bytes_raw(), b"m", signature[:32] + other)
    for malformed in (b"", signature[:-1], signature + b"\x00"):
        assert not verify.ed25519_verifies(key.public_key().public_bytes_raw(), b"m", malformed)
    assert not verify.ed25519_verifies(b"\xff" * 32, b"m", signature)
    assert not verify.ed25519_verifies(b"", b"m", signature)


@settings(deadline=None)
@given(st.data(), SIZES)
def test_inclusion_is_judged_as_the_archive_judges_it(data: st.DataObject, size: int) -> None:
    leaf = data.draw(st.integers(0, size + 2))
    path = tlog.inclusion_path(min(leaf, size - 1), size, GREAT_TREE.read)
    hashes = [GREAT_TREE.leaves[min(leaf, size - 1)], GREAT_TREE.root(size), *path]
    if data.draw(st.booleans()):
        hashes = flip(hashes, data.draw(st.integers(0, 256 * len(hashes) - 1)))
    length = data.draw(st.integers(2, len(hashes)) | st.just(len(hashes)))
    checkpoint = verify.Checkpoint("o", size, hashes[1])
    archive_agrees = holds(tlog.verify_inclusion, hashes[0], leaf, size, hashes[2:length], hashes[1])
    assert verify.Tree(checkpoint).holds(hashes[0], leaf, written(hashes[2:length]), 0) == archive_agrees


@settings(deadline=None)
@given(st.data(), SIZES)
def test_proofs_one_after_another_are_judged_as_each_alone(data: st.DataObject, size: int) -> None:
    """What was followed for one proof is not followed again for the next, and is no credit for a false one."""
    tree = verify.Tree(verify.Checkpoint("o", size, GREAT_TREE.root(size)))
    leaves = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=12).map(sorted))
    for leaf in leaves:
        hashes = [GREAT_TREE.leaves[leaf], *tlog.inclusion_path(leaf, size, GREAT_TREE.read)]
        if data.draw(st.booleans()):
            hashes = flip(hashes, data.draw(st.integers(0, 256 * len(hashes) - 1)))
        hashes = hashes[: data.draw(st.integers(1, len(hashes)) | st.just(len(hashes)))]
        archive_agrees = holds(tlog.verify_inclusion, hashes[0], leaf, size, hashes[1:], GREAT_TREE.root(size))
        assert tree.holds(hashes[0], leaf, written(hashes[1:]), 0) == archive_agrees


@settings(deadline=None)
@given(st.data())
def test_a_proof_in_another_form_is_refused_also_where_its_hashes_are_known(data: st.DataObject) -> None:
    size, leaf = 11, data.draw(st.integers(0, 10))
    tree = verify.Tree(verify.Checkpoint("o", size, GREAT_TREE.root(size)))
    proof = written(tlog.inclusion_path(leaf, size, GREAT_TREE.read))
    assert tree.holds(GREAT_TREE.leaves[leaf], leaf, proof, 0)
    at = data.draw(st.integers(0, len(proof)))
    other = proof[:at] + data.draw(st.binary(max_size=2)) + proof[at + data.draw(st.integers(0, 2)) :]
    assert tree.holds(GREAT_TREE.leaves[leaf], leaf, other, 0) == (other == proof)


def written(path: list[bytes]) -> bytes:
    """A path as the proofs of a package have it."""
    return b",".join(b'"%b"' % digest.hex().encode() for digest in path) + b"]}"


@settings(deadline=None)
@given(st.data(), SIZES)
def test_consistency_is_judged_as_the_archive_judges_it(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(0, new - 1))
    path = tlog.consistency_path(old, new, GREAT_TREE.read)
    hashes = [GREAT_TREE.root(old) if old else tlog.EMPTY_ROOT, GREAT_TREE.root(new), *path]
    if data.draw(st.booleans()):
        hashes = flip(hashes, data.draw(st.integers(0, 256 * len(hashes) - 1)))
    length = data.draw(st.integers(2, len(hashes)) | st.just(len(hashes)))
    archive_agrees = holds(tlog.verify_consistency, old, new, hashes[2:length], hashes[0], hashes[1])
    before, after = verify.Checkpoint("o", old, hashes[0]), verify.Checkpoint("o", new, hashes[1])
    assert verify.consistent(before, after, hashes[2:length]) == archive_agrees


def holds(check: object, *arguments: object) -> bool:
    try:
        check(*arguments)  # type: ignore[operator]
    except ProofError:
        return False
    return True


def flip_bit(raw: bytes, bit: int) -> bytes:
    altered = bytearray(raw)
    altered[bit // 8] ^= 1 << bit % 8
    return bytes(altered)


@given(JSON)
def test_canonical_json_is_what_the_library_of_rfc_8785_writes(value: object) -> None:
    raw = rfc8785.dumps(value)
    assert rfc8785.dumps(verify.canonical(5, "x", raw)) == raw


@given(st.text() | st.binary())
def test_any_other_json_is_refused_and_nothing_else_happens(text: str | bytes) -> None:
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        value = verify.canonical(5, "x", raw)
    except verify.VerificationError:
        return
    assert rfc8785.dumps(value) == raw


# --- notes and policies -----------------------------------------------------------------------------------------------


def test_a_public_checkpoint_and_its_cosignature_verify() -> None:
    policy = verify.Policy(f"log {PUBLIC_LOG}\nwitness remora {PUBLIC_WITNESS}\nquorum remora\n")
    checkpoint = verify.read_checkpoint(3, "note", PUBLIC_NOTE, policy)
    assert checkpoint.size == 1432088532
    assert checkpoint.witnesses == ("remora",)
    assert policy.met_by(checkpoint.witnesses)


def test_a_note_that_is_no_checkpoint_is_refused() -> None:
    with pytest.raises(verify.VerificationError):
        verify.read_checkpoint(3, "note", GO_NOTE, verify.Policy(f"log {GO_KEY}\nquorum none\n"))


CHECKPOINT = a_case().ledger.checkpoint()
GOOD_NOTE = CHECKPOINT.signed_by(LOG_KEY).signed_also(WITNESS_KEY.cosign(CHECKPOINT.text, 1_790_000_000)).encode()


@settings(deadline=None)
@given(st.integers(0, 8 * len(GOOD_NOTE) - 1) | st.none(), st.sampled_from([POLICY, WITNESSED_POLICY]))
def test_notes_are_judged_as_the_archive_judges_them(bit: int | None, text: str) -> None:
    raw = GOOD_NOTE if bit is None else flip_bit(GOOD_NOTE, bit)
    policy = verify.Policy(text)
    try:
        found = verify.read_checkpoint(3, "note", raw, policy)
        accepted = policy.met_by(found.witnesses)
    except verify.VerificationError:
        accepted = False
    try:
        expected = bool(Policy.parse(text).verify(raw))
    except NoteRejectedError:
        expected = False
    assert accepted == expected


W = [f"witness w{n} {type(LOG_KEY).from_seed(f'w{n}', bytes([n]) * 32).witness.encode()}" for n in range(3)]
POLICY_LINES = st.sampled_from(
    [
        f"log {LOG_KEY.verifier.encode()}",
        f"log {LOG_KEY.verifier.encode()} https://archive.example/",
        f"log {LOG_KEY.witness.encode()}",
        f"witness x {WITNESS_KEY.witness.encode()}",
        *W,
        "group g any w0 w1",
        "group g 2 w0 w1",
        "group g 3 w0 w1",
        "group h all g w2",
        "group h 0 w2",
        "group h 01 w2",
        "group none any w2",
        "quorum none",
        "quorum g",
        "quorum h",
        "quorum w0 ",
        "# a comment",
        "",
        "\t",
        "quorum\tw1",
        "nonsense",
        "quorum none\x7f",
        "log a+00000000+AAAA",
    ]
)


@settings(max_examples=300)
@given(st.lists(POLICY_LINES, max_size=8, unique=True))
def test_policies_are_read_as_the_archive_reads_them(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    try:
        expected = Policy.parse(text)
    except PolicyError:
        with pytest.raises(verify.UnreadableError):
            verify.Policy(text)
        return
    found = verify.Policy(text)
    assert found.quorum == expected.quorum
    assert [(key.name, key.key_id) for key in found.logs] == [(key.name, key.key_id) for key in expected.logs]
    assert found.groups == {name: (group.threshold, list(group.members)) for name, group in expected.groups.items()}


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package, the policy and an earlier note, as somebody outside holds them."""
    folder = tmp_path_factory.mktemp("bench")
    ground = a_case()
    package = ground.export(folder, "p", earlier_sizes=[9])
    package.path.rename(folder / "p.zip")
    (folder / "policy").write_text(POLICY)
    (folder / "earlier.note").write_bytes(ground.ledger.note(9))
    (folder / "other.note").write_bytes(ground.ledger.note(7))
    (folder / "text.zip").write_text("not a ZIP")
    (folder / "broken.zip").write_bytes((folder / "p.zip").read_bytes()[:-1])
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["p.zip", "--policy", "policy"], 0, "Verified."),
        (["p.zip", "--policy", "policy", "--earlier", "earlier.note"], 0, "1 earlier notes continued"),
        (
            ["p.zip", "--policy", "policy", "--earlier", "other.note"],
            1,
            "step 4 (Consistency), earlier note 1 (size 7)",
        ),
        (["p.zip"], 1, "NOT verified"),
        (["p.zip", "--policy", "policy", "--require-timestamps", "1"], 1, "step 9 (Timestamps)"),
        (["p.zip", "--policy", "policy", "--tsa-roots", "policy"], 2, "UNREADABLE"),
        (["p.zip", "--policy", "policy", "--tsa-roots", "missing"], 2, "UNREADABLE"),
        (["broken.zip", "--policy", "policy"], 1, "step 1 (ZIP form), end of the ZIP"),
        (["text.zip", "--policy", "policy"], 2, "UNREADABLE"),
        (["missing.zip", "--policy", "policy"], 2, "UNREADABLE"),
        ([".", "--policy", "policy"], 2, "UNREADABLE"),
        (["p.zip", "--policy", "missing"], 2, "UNREADABLE"),
        (["p.zip", "--policy", "p.zip"], 2, "UNREADABLE"),
        (["p.zip", "--policy", "policy", "--earlier", "missing"], 2, "UNREADABLE"),
    ],
)
def test_the_exit_code_and_the_words_say_the_same(
    bench: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    arguments: list[str], code: int, words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(bench)
    assert verify.main(arguments) == code
    assert words in capfd.readouterr().out


def test_the_json_says_it_too(bench: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(bench)
    assert verify.main(["p.zip", "--policy", "policy", "--json"]) == 0
    verdict = json.loads(capfd.readouterr().out)
    assert verdict["state"] == "verified"
    assert verdict["facts"]["tokens"] == 0
    assert verify.main(["broken.zip", "--policy", "policy", "--json"]) == 1
    place = json.loads(capfd.readouterr().out)
    assert (place["state"], place["step"], place["item"]) == ("not verified", 1, "end of the ZIP")
    assert verify.main(["text.zip", "--json"]) == 2
    assert json.loads(capfd.readouterr().out)["state"] == "unreadable"


def test_the_file_works_alone_without_the_archive_and_without_any_package(bench: Path) -> None:
    alone = bench / "alone"
    alone.mkdir()
    (alone / "verify.py").write_bytes(VERIFIER.read_bytes())
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", str(bench / "p.zip"), "--policy", str(bench / "policy")],
        cwd=alone,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert b"Verified." in done.stdout


def test_it_imports_the_standard_library_alone_and_speaks_python_3_9() -> None:
    tree = ast.parse(VERIFIER.read_text(), feature_version=(3, 9))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= set(sys.stdlib_module_names)
    assert not imported & {"socket", "urllib", "http"}


def test_the_only_program_it_ever_starts_is_openssl() -> None:
    tree = ast.parse(VERIFIER.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    started = [call for call in calls if ast.unparse(call.func).startswith(("subprocess.", "os.system", "os.exec"))]
    assert [ast.unparse(call.func) for call in started] == ["subprocess.run"]
    looked_up = [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "shutil.which"]
    assert looked_up == ["'openssl'"]


def test_it_never_claims_too_much() -> None:
    text = VERIFIER.read_text().lower()
    for claim in ("court-admissible", "admissible", "tamper-proof", "proves who", "compliant with"):
        assert claim not in text


def test_a_hostile_name_is_shown_and_not_obeyed(bench: Path, capfd: pytest.CaptureFixture[str]) -> None:
    raw = (bench / "p.zip").read_bytes().replace(b"bagit.txt", b"ba\x1b[2J.txt"[:9])
    (bench / "hostile.zip").write_bytes(raw)
    assert verify.main([str(bench / "hostile.zip")]) == 1
    assert "\x1b" not in capfd.readouterr().out


def test_more_streams_than_are_kept_in_memory_are_followed_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = a_case(items=5).export(tmp_path)
    kept = verify.verify(made.path, POLICY)
    monkeypatch.setattr(verify, "KEPT_STREAMS", 1)
    assert verify.verify(made.path, POLICY) == kept
