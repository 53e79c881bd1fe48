"""The trust policy: who must have signed, and what happens when they have not."""

import pytest

from archive.errors import NoteRejectedError, PolicyError
from archive.signed_note import Checkpoint, SigningKey
from archive.trust_policy import Policy

LOG = SigningKey.from_seed("archive.example/ledger", bytes(range(32)))
NEXT_LOG = SigningKey.from_seed("archive.example/ledger", bytes(range(1, 33)))
WITNESSES = {
    name: SigningKey.from_seed(f"witness.example/{name}", name.encode().ljust(32))
    for name in ("x1", "x2", "x3", "y1", "y2")
}
CHECKPOINT = Checkpoint("archive.example/ledger", 39, bytes(range(32)))
WITNESS_LINES = "".join(f"witness {name} {key.witness.encode()}\n" for name, key in WITNESSES.items())
TWO_LEVELS = f"""# two organisations must have seen it
log {LOG.verifier.encode()} https://archive.example/

{WITNESS_LINES}group X 2 x1 x2 x3
\tgroup Y any y1 y2
group both all X Y
quorum  both
"""


def note_with(*names: str) -> bytes:
    cosignatures = [WITNESSES[name].cosign(CHECKPOINT.text, 1_790_000_000) for name in names]
    return CHECKPOINT.signed_by(LOG).signed_also(*cosignatures).encode()


@pytest.mark.parametrize("names", [("x1", "x2", "y1"), ("x1", "x3", "y2"), ("x1", "x2", "x3", "y1", "y2")])
def test_a_checkpoint_that_meets_the_quorum_is_established(names: tuple[str, ...]) -> None:
    verified = Policy.parse(TWO_LEVELS).verify(note_with(*names))
    assert verified.checkpoint == CHECKPOINT
    assert verified.logs == (LOG.verifier,)
    assert verified.witnesses == dict.fromkeys(names, 1_790_000_000)
    assert verified.quorum == "both"


@pytest.mark.parametrize("names", [(), ("x1", "y1"), ("x1", "x2"), ("x1", "x2", "x3"), ("y1", "y2")])
def test_a_checkpoint_short_of_the_quorum_is_rejected(names: tuple[str, ...]) -> None:
    with pytest.raises(NoteRejectedError, match="quorum"):
        Policy.parse(TWO_LEVELS).verify(note_with(*names))


def test_the_same_witness_twice_counts_once() -> None:
    with pytest.raises(NoteRejectedError, match="quorum"):
        Policy.parse(TWO_LEVELS).verify(note_with("x1", "x1", "y1"))


def test_a_quorum_of_none_asks_for_the_log_alone() -> None:
    policy = Policy.parse(f"log {LOG.verifier.encode()}\nquorum none\n")
    assert policy.verify(note_with()).witnesses == {}


def test_witnesses_alone_do_not_make_a_checkpoint() -> None:
    cosigned = CHECKPOINT.signed_by(NEXT_LOG).signed_also(WITNESSES["x1"].cosign(CHECKPOINT.text, 1))
    policy = Policy.parse(f"log {LOG.verifier.encode()}\nwitness w {WITNESSES['x1'].witness.encode()}\nquorum w\n")
    with pytest.raises(NoteRejectedError, match="no log"):
        policy.verify(cosigned.encode())


def test_a_key_cannot_sign_for_another_origin() -> None:
    elsewhere = Checkpoint("other.example/ledger", 39, bytes(32)).signed_by(LOG)
    with pytest.raises(NoteRejectedError, match="origin"):
        Policy.parse(f"log {LOG.verifier.encode()}\nquorum none").verify(elsewhere.encode())


def test_during_a_rotation_either_key_of_the_log_is_enough() -> None:
    policy = Policy.parse(f"log {LOG.verifier.encode()}\nlog {NEXT_LOG.verifier.encode()}\nquorum none\n")
    assert policy.verify(CHECKPOINT.signed_by(LOG).encode()).logs == (LOG.verifier,)
    both = CHECKPOINT.signed_by(NEXT_LOG).signed_also(LOG.sign(CHECKPOINT.text))
    assert policy.verify(both.encode()).logs == (LOG.verifier, NEXT_LOG.verifier)


def test_octets_that_are_not_text_are_allowed_in_comments_and_names() -> None:
    policy = Policy.parse(
        b"# \xff\xfe\nwitness \xc3\x28 %s\nquorum \xc3\x28\n" % WITNESSES["x1"].witness.encode().encode()
    )
    assert list(policy.witnesses) == ["\udcc3("]


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"log {LOG.verifier.encode()}\n",
        "quorum none\nquorum none\n",
        "quorum nobody\n",
        f"quorum x1\n{WITNESS_LINES}",
        f"log {LOG.witness.encode()}\nquorum none\n",
        f"witness w {LOG.verifier.encode()}\nquorum none\n",
        f"witness none {LOG.witness.encode()}\nquorum none\n",
        f"log {LOG.verifier.encode()}\nlog {LOG.verifier.encode()}\nquorum none\n",
        f"{WITNESS_LINES}{WITNESS_LINES}quorum none\n",
        f"{WITNESS_LINES}group g 0 x1\nquorum g\n",
        f"{WITNESS_LINES}group g 2 x1\nquorum g\n",
        f"{WITNESS_LINES}group g most x1 x2\nquorum g\n",
        f"{WITNESS_LINES}group g any\nquorum g\n",
        f"{WITNESS_LINES}group g 1 x1 x1\nquorum g\n",
        f"{WITNESS_LINES}group g any x1\ngroup h any x1\nquorum h\n",
        f"{WITNESS_LINES}group g any g\nquorum g\n",
        f"{WITNESS_LINES}group g any none\nquorum g\n",
        "trust everybody\nquorum none\n",
        "quorum none\r\n",
        "log example.com/foo\nquorum none\n",
    ],
)
def test_a_policy_that_is_not_exactly_clear_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        Policy.parse(text)
