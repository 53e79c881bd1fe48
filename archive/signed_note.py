"""Signed notes, keys and checkpoints: the text forms in which the ledger's state leaves the building.

Sources: c2sp.org/signed-note (notes, verifier keys), c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature (Ed25519,
`cosignature/v1`). The rules easily missed, each tested: the text ends at the *last* blank line; signatures of unknown
keys are ignored; a bad signature under a known name and key id rejects the whole note; nothing of the text may be used
before a signature on it has verified.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from archive.errors import NoteRejectedError, PolicyError

ED25519 = 0x01
COSIGNATURE = 0x04
KEY_KINDS = (ED25519, COSIGNATURE)
KEY_BYTES = 32
KEY_ID_BYTES = 4
TIME_BYTES = 8
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 64
MAX_TREE_SIZE = 2**63 - 1
SIZE_PATTERN = re.compile("0|[1-9][0-9]{0,18}")
ROOT_BYTES = 32
PRIVATE_PREFIX = "PRIVATE+KEY+"
SIGNATURE_PREFIX = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name and kind it signs under; its text form is C2SP's vkey."""

    name: str
    kind: int
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a vkey, `<name>+<8 hex of key id>+<base64(kind || public key)>`.

        Raises:
            PolicyError: It is not one, its key id is not its own, or it is of a kind we cannot check.
        """
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        material = _decoded(encoded)
        if not _is_key_name(name) or material is None or len(material) != 1 + KEY_BYTES:
            raise PolicyError(text, "not a verifier key of ours: <name>+<key id>+<base64 of kind and 32 bytes>")
        key = cls(name, material[0], material[1:])
        if key.kind not in KEY_KINDS:
            raise PolicyError(text, f"keys of kind {key.kind:#04x} cannot be checked by this version")
        if key.key_id.hex() != key_id:
            raise PolicyError(text, f"the key id of this key is {key.key_id.hex()}")
        return key

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256(name || newline || kind || public key)."""
        return _key_id(self.name, self.kind, self.public)

    def encode(self) -> str:
        """Write the vkey that `parse` reads."""
        return f"{self.name}+{self.key_id.hex()}+{_encoded(bytes([self.kind]) + self.public)}"

    def verify(self, text: str, signature: bytes) -> int | None:
        """Return only if this key signed the note text: the POSIX time of a cosignature, None of a plain signature.

        Raises:
            NoteRejectedError: The signature does not verify.
        """
        signed, time = text.encode(), None
        if self.kind == COSIGNATURE:
            # Always: a plain signature under the cosigner's key is not a cosignature.
            time, signature = int.from_bytes(signature[:TIME_BYTES]), signature[TIME_BYTES:]
            signed = _cosigned(text, time)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, signed)
        except (InvalidSignature, ValueError) as error:
            raise NoteRejectedError(f"the signature of {self.name} ({self.key_id.hex()}) is false") from error
        return time


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key with its name. Only the sequencer, or a witness, ever holds one."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a new key. Raises PolicyError if the name cannot be a key name."""
        return cls._named(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """Make the key of a 32-byte seed. Raises PolicyError if the name cannot be a key name."""
        return cls._named(name, Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `PRIVATE+KEY+<name>+<key id>+<base64>` as Go's `note` package and `encode` write it.

        Raises:
            PolicyError: It is not one. The message does not repeat the secret.
        """
        name, _, rest = text.strip().removeprefix(PRIVATE_PREFIX).partition("+")
        key_id, _, encoded = rest.partition("+")
        material = _decoded(encoded)
        if not text.startswith(PRIVATE_PREFIX) or material is None or len(material) != 1 + KEY_BYTES:
            raise PolicyError(f"{PRIVATE_PREFIX}…", "not a private key in signed-note form")
        key = cls.from_seed(name, material[1:])
        if material[0] != ED25519 or key.verifier.key_id.hex() != key_id:
            raise PolicyError(f"{PRIVATE_PREFIX}{name}+{key_id}+…", "the private key is not of this name and key id")
        return key

    @classmethod
    def _named(cls, name: str, private: Ed25519PrivateKey) -> Self:
        if not _is_key_name(name):
            raise PolicyError(name, "a key name has no spaces and no plus sign, and is not empty")
        return cls(name, private)

    @property
    def verifier(self) -> VerifierKey:
        """The key under which this one signs checkpoints of its log."""
        return VerifierKey(self.name, ED25519, self.private.public_key().public_bytes_raw())

    @property
    def witness(self) -> VerifierKey:
        """The key under which this one cosigns checkpoints of other logs."""
        return replace(self.verifier, kind=COSIGNATURE)

    def encode(self) -> str:
        """Write the secret form that `parse` reads. For a file of mode 0400, and nothing else."""
        material = _encoded(bytes([ED25519]) + self.private.private_bytes_raw())
        return f"{PRIVATE_PREFIX}{self.name}+{self.verifier.key_id.hex()}+{material}"

    def sign(self, text: str) -> "Signature":
        """Sign a note text as the log."""
        return Signature(self.name, self.verifier.key_id, self.private.sign(text.encode()))

    def cosign(self, text: str, time: int) -> "Signature":
        """Cosign a checkpoint's text as a witness, at a POSIX time in seconds."""
        signature = time.to_bytes(TIME_BYTES) + self.private.sign(_cosigned(text, time))
        return Signature(self.name, self.witness.key_id, signature)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note, not yet verified."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{SIGNATURE_PREFIX}{self.name} {_encoded(self.key_id + self.signature)}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signature lines. The text means nothing until `signers` has returned."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Take a note apart. Says nothing about its signatures.

        Raises:
            NoteRejectedError: The bytes are not in the form of a signed note.
        """
        try:
            note = raw.decode()
        except UnicodeDecodeError as error:
            raise NoteRejectedError("it is not UTF-8") from error
        text, blank, signed = note.rpartition("\n\n")
        lines = signed.split("\n")
        if len(raw) > MAX_NOTE_BYTES or any(character < " " and character != "\n" for character in note):
            raise NoteRejectedError("it is too long, or holds control characters")
        if not blank or not text or lines[-1] or not 1 < len(lines) <= MAX_SIGNATURES + 1:
            raise NoteRejectedError("it is not a text, a blank line and signature lines")
        return cls(text + "\n", tuple(_signature(line) for line in lines[:-1]))

    def encode(self) -> bytes:
        """Write the bytes that `parse` reads."""
        return (self.text + "\n" + "".join(f"{signature}\n" for signature in self.signatures)).encode()

    def signed_also(self, *signatures: Signature) -> "Note":
        """Add signature lines, for instance those of witnesses."""
        return replace(self, signatures=self.signatures + signatures)

    def signers(self, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int | None]:
        """Say which of these keys signed the text, with the POSIX time where the signature is a cosignature.

        Raises:
            NoteRejectedError: A known key's signature is false, or no known key signed.
        """
        known = {(key.name, key.key_id): key for key in keys}
        signers = {}
        for line in self.signatures:
            if key := known.get((line.name, line.key_id)):
                signers[key] = key.verify(self.text, line.signature)
        if not signers:
            raise NoteRejectedError("no key that the policy knows has signed it")
        return signers


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The ledger's size and root hash under its origin: what a log signs."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint's note text.

        Raises:
            NoteRejectedError: It is not three lines in canonical form. Extension lines, which the specification allows
                and advises against, are refused: nobody could audit them.
        """
        match text.split("\n"):
            case [origin, size, encoded, ""] if origin and SIZE_PATTERN.fullmatch(size) and int(size) <= MAX_TREE_SIZE:
                root = _decoded(encoded)
            case _:
                raise NoteRejectedError("a checkpoint is three lines: origin, size and root")
        if root is None or len(root) != ROOT_BYTES:
            raise NoteRejectedError("the root of the checkpoint is not base64 of 32 bytes")
        return cls(origin, int(size), root)

    @property
    def text(self) -> str:
        """The note text that a log signs and a witness cosigns."""
        return f"{self.origin}\n{self.size}\n{_encoded(self.root)}\n"

    def signed_by(self, key: SigningKey) -> Note:
        """Make the signed note. The key's name should be the origin: verifiers demand it."""
        return Note(self.text, (key.sign(self.text),))


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(SIGNATURE_PREFIX).partition(" ")
    material = _decoded(encoded)
    if not line.startswith(SIGNATURE_PREFIX) or not space or not _is_key_name(name):
        raise NoteRejectedError("a signature line is not: em dash, name, base64")
    if material is None or len(material) <= KEY_ID_BYTES:
        raise NoteRejectedError("a signature is not base64 of a key id and a signature")
    return Signature(name, material[:KEY_ID_BYTES], material[KEY_ID_BYTES:])


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _key_id(name: str, kind: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:KEY_ID_BYTES]


def _is_key_name(name: str) -> bool:
    # Surrogates stand for octets that are not UTF-8: such a name could never be in a note.
    return bool(name) and not any(
        character == "+" or character < " " or character.isspace() or "\ud800" <= character <= "\udfff"
        for character in name
    )


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes | None:
    """Decode base64 in its one canonical form: spare bits set, or padding missing, would let a note have two forms."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if _encoded(raw) == text else None
