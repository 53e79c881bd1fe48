"""Signed notes, checkpoints and cosignatures against other people's vectors, and against alteration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import NoteRejectedError, PolicyError
from archive.signed_note import Checkpoint, Note, Signature, SigningKey, VerifierKey

# golang.org/x/mod/sumdb/note, the first implementation of the form.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_PRIVATE_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    f"{GO_TEXT}\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
# The example of c2sp.org/signed-note.
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()
# A checkpoint of a public Certificate Transparency log with the lines of five witnesses, as it was published.
PUBLIC_LOG = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
PUBLIC_WITNESS = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
PUBLIC_NOTE = """arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
""".encode()
KEY = SigningKey.from_seed("archive.example/ledger", bytes(range(32)))
WITNESS = SigningKey.from_seed("witness.example/w1", bytes(32))
CHECKPOINT = Checkpoint("archive.example/ledger", 39, bytes(range(32)))


@pytest.mark.parametrize(
    ("key", "raw"), [pytest.param(GO_KEY, GO_NOTE, id="go"), pytest.param(C2SP_KEY, C2SP_NOTE, id="c2sp")]
)
def test_notes_of_other_implementations_verify(key: str, raw: bytes) -> None:
    note = Note.parse(raw)
    assert note.signers([VerifierKey.parse(key)]) == {VerifierKey.parse(key): None}
    assert note.encode() == raw


def test_a_private_key_of_another_implementation_makes_the_same_note() -> None:
    key = SigningKey.parse(GO_PRIVATE_KEY)
    assert key.encode() == GO_PRIVATE_KEY
    assert key.verifier.encode() == GO_KEY
    assert Note(GO_TEXT, (key.sign(GO_TEXT),)).encode() == GO_NOTE


def test_a_public_checkpoint_with_a_cosignature_verifies_and_unknown_signatures_are_ignored() -> None:
    log, witness = VerifierKey.parse(PUBLIC_LOG), VerifierKey.parse(PUBLIC_WITNESS)
    note = Note.parse(PUBLIC_NOTE)
    assert note.signers([log, witness]) == {log: None, witness: 0x6A122120}
    assert Checkpoint.parse(note.text).size == 1432088532
    assert Checkpoint.parse(note.text).text == note.text


def test_the_text_ends_at_the_last_blank_line() -> None:
    text = "one\n\ntwo\n\n— not a signature\n"
    note = Note(text, (KEY.sign(text),))
    assert Note.parse(note.encode()) == note
    assert Note.parse(note.encode()).signers([KEY.verifier]) == {KEY.verifier: None}


@given(st.integers(0))
def test_no_flipped_bit_of_a_signed_checkpoint_passes_as_the_same_statement(number: int) -> None:
    raw = CHECKPOINT.signed_by(KEY).signed_also(WITNESS.cosign(CHECKPOINT.text, 1_790_000_000)).encode()
    altered = flip(raw, number)
    both = {KEY.verifier: None, WITNESS.witness: 1_790_000_000}
    try:
        note = Note.parse(altered)
        signers = note.signers([KEY.verifier, WITNESS.witness])
    except NoteRejectedError:
        return
    # A flip in a name or key id makes a signature unknown: allowed, but then it no longer counts.
    assert note.text == CHECKPOINT.text
    assert signers != both
    assert signers.items() <= both.items()


def test_a_false_signature_under_a_known_key_rejects_the_note_even_beside_a_good_one() -> None:
    good = CHECKPOINT.signed_by(KEY)
    false = Signature(WITNESS.name, WITNESS.witness.key_id, bytes(72))
    with pytest.raises(NoteRejectedError, match=r"witness\.example/w1"):
        good.signed_also(false).signers([KEY.verifier, WITNESS.witness])
    assert good.signed_also(false).signers([KEY.verifier]) == {KEY.verifier: None}


def test_a_cosignature_is_bound_to_its_time() -> None:
    cosignature = WITNESS.cosign(CHECKPOINT.text, 100)
    moved = Signature(cosignature.name, cosignature.key_id, bytes(8) + cosignature.signature[8:])
    with pytest.raises(NoteRejectedError):
        Note(CHECKPOINT.text, (moved,)).signers([WITNESS.witness])


def test_a_witness_key_that_signs_as_a_log_does_not_cosign() -> None:
    plain = WITNESS.sign(CHECKPOINT.text)
    as_cosignature = Signature(plain.name, WITNESS.witness.key_id, plain.signature)
    with pytest.raises(NoteRejectedError):
        Note(CHECKPOINT.text, (as_cosignature,)).signers([WITNESS.witness])


def test_sixteen_signatures_and_more_are_accepted() -> None:
    others = [Signature(f"other.example/{number}", bytes(4), bytes(64)) for number in range(40)]
    note = Note(CHECKPOINT.text, (*others, KEY.sign(CHECKPOINT.text)))
    assert Note.parse(note.encode()).signers([KEY.verifier]) == {KEY.verifier: None}


def test_a_note_that_nobody_known_signed_says_nothing() -> None:
    with pytest.raises(NoteRejectedError, match="no key"):
        CHECKPOINT.signed_by(KEY).signers([WITNESS.verifier])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"\n\n\xe2\x80\x94 a AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 a AAAAAAAA",
        b"text\n\n\xe2\x80\x94 a AAAA\n",
        b"text\n\n\xe2\x80\x94 a AAAAAAB=\n",
        b"text\n\n\xe2\x80\x94 a AAAAAAA\n",
        b"text\n\n\xe2\x80\x94 a\n",
        b"text\n\n\xe2\x80\x94 a b AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 a+b AAAAAAAA\n",
        b"text\n\n- a AAAAAAAA\n",
        b"text\r\n\r\n\xe2\x80\x94 a AAAAAAAA\r\n",
        b"te\xff\n\n\xe2\x80\x94 a AAAAAAAA\n",
        b"te\x00xt\n\n\xe2\x80\x94 a AAAAAAAA\n",
        b"text\n\n" + b"\xe2\x80\x94 a AAAAAAAA\n" * 65,
    ],
)
def test_what_is_not_a_signed_note_is_refused(raw: bytes) -> None:
    with pytest.raises(NoteRejectedError):
        Note.parse(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_refused(raw: bytes) -> None:
    try:
        note = Note.parse(raw)
    except NoteRejectedError:
        return
    assert note.encode() == raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n39\n",
        "o\n39\nAAAA\n",
        f"\n39\n{'A' * 43}=\n",
        f"o\n039\n{'A' * 43}=\n",
        f"o\n-1\n{'A' * 43}=\n",
        f"o\n+1\n{'A' * 43}=\n",
        f"o\n٣\n{'A' * 43}=\n",
        f"o\n{2**63}\n{'A' * 43}=\n",
        f"o\n39\n{'A' * 42}B=\n",
        f"o\n39\n{'A' * 43}=\nextension\n",
        f"o\n39\n{'A' * 43}=",
    ],
)
def test_a_checkpoint_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(NoteRejectedError):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        C2SP_KEY.replace("530d903a", "530d903b"),
        C2SP_KEY.replace("530d903a", "530D903A"),
        C2SP_KEY[:-1],
        C2SP_KEY + "A",
        C2SP_KEY.replace("example.com/foo", "example.com/fo o"),
        VerifierKey("a", 6, bytes(32)).encode(),
    ],
)
def test_a_key_in_another_form_or_with_a_foreign_id_is_refused(vkey: str) -> None:
    with pytest.raises(PolicyError):
        VerifierKey.parse(vkey)


def test_a_private_key_is_not_shown_by_accident() -> None:
    secret = KEY.encode()
    assert SigningKey.parse(secret + "\n").verifier == KEY.verifier
    assert secret.rpartition("+")[2] not in repr(KEY)
    with pytest.raises(PolicyError) as caught:
        SigningKey.parse(secret[:-3])
    assert secret[-20:-3] not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "a\u2003b"])
def test_a_key_name_has_no_spaces_and_no_plus(name: str) -> None:
    with pytest.raises(PolicyError):
        SigningKey.generate(name)


def flip(raw: bytes, number: int) -> bytes:
    altered = bytearray(raw)
    altered[number // 8 % len(raw)] ^= 1 << number % 8
    return bytes(altered)
