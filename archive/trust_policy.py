"""Whom a reader of checkpoints trusts: logs, witnesses, and how many of the witnesses must have cosigned.

The policy comes from outside (a release page, a court filing, a partner), never from the thing it judges.
Source: c2sp.org/tlog-policy.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from archive.errors import NoteRejectedError, PolicyError
from archive.signed_note import COSIGNATURE, ED25519, Checkpoint, Note, VerifierKey

NONE = "none"
OURS = "#holdfast"
_COUNTS = tuple("123456789")
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Group:
    """At least `threshold` of `members` (names of witnesses or groups) must have witnessed."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """A checkpoint whose signatures a policy has accepted.

    `witnesses` maps the policy's name of each witness that cosigned to the POSIX time it did so.
    """

    checkpoint: Checkpoint
    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, int]
    quorum: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Trusted logs and witnesses, and the quorum.

    `timestamps` and `tsa_roots` are ours, in lines that are comments to other tools (docs/package.md): how many
    timestamp authorities must vouch for a package's newest checkpoint, and the names of their roots by sha256.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, Group]
    quorum: str
    timestamps: int = 0
    tsa_roots: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: bytes | str) -> Self:
        """Read a policy file.

        Raises:
            PolicyError: With the line that is wrong.
        """
        # Octets above 0x7f are opaque to the specification; surrogateescape keeps them as they are.
        text = raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")
        if any((character < " " and character not in "\t\n") or character == "\x7f" for character in text):
            raise PolicyError("", "a policy holds no control characters but tab and newline")
        draft = _Draft()
        for line in text.split("\n"):
            words = line.replace("\t", " ").split(" ")
            words = [word for word in words if word]
            if words and words[0].lower().startswith(OURS):
                draft.take_ours(line, words)
            elif words and not words[0].startswith("#"):
                draft.take(line, words)
        if draft.quorum is None:
            raise PolicyError("", "a policy has exactly one quorum line")
        return cls(tuple(draft.logs), draft.witnesses, draft.groups, draft.quorum, draft.timestamps, draft.tsa_roots)

    def verify(self, raw: bytes) -> VerifiedCheckpoint:
        """Return the checkpoint in a note only if a known log signed it under its own name and the quorum cosigned.

        Raises:
            NoteRejectedError: It is malformed, forged, of another log, or not witnessed as this policy demands.
        """
        note = Note.parse(raw)
        signers = note.signers([*self.logs, *self.witnesses.values()])
        if not signers.keys() & set(self.logs):
            raise NoteRejectedError("no log that the policy knows has signed it")
        checkpoint = Checkpoint.parse(note.text)
        logs = tuple(key for key in self.logs if key in signers and key.name == checkpoint.origin)
        if not logs:
            raise NoteRejectedError(f"its origin {checkpoint.origin!r} is not the name of the key that signed it")
        witnesses = {name: signers[key] or 0 for name, key in self.witnesses.items() if key in signers}
        if self.quorum != NONE and not self._witnessed(self.quorum, witnesses):
            raise NoteRejectedError(f"the quorum {self.quorum!r} is not met: cosigned by {sorted(witnesses) or NONE}")
        return VerifiedCheckpoint(checkpoint, logs, witnesses, self.quorum)

    def _witnessed(self, name: str, cosigned: Mapping[str, int]) -> bool:
        # Groups refer only to earlier lines, and each name to one group at most: this ends.
        if name in self.witnesses:
            return name in cosigned
        group = self.groups[name]
        return sum(self._witnessed(member, cosigned) for member in group.members) >= group.threshold


@dataclass(slots=True)
class _Draft:
    """A policy as far as its lines have been read."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)
    quorum: str | None = None
    timestamps: int = 0
    tsa_roots: dict[str, str] = field(default_factory=dict)

    def take_ours(self, line: str, words: list[str]) -> None:
        match words:
            case ["#holdfast", "timestamps", count] if count in _COUNTS and not self.timestamps:
                self.timestamps = int(count)
            case ["#holdfast", "tsa-root", name, digest] if _DIGEST.fullmatch(digest):
                if digest in self.tsa_roots or name in self.tsa_roots.values():
                    raise PolicyError(line, "a root or its name is there twice")
                self.tsa_roots[digest] = name
            case _:
                raise PolicyError(line, f"a {OURS} line that is not understood")

    def take(self, line: str, words: list[str]) -> None:
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self.logs.append(self._new_key(line, vkey, ED25519))
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self.witnesses[self._new_name(line, name)] = self._new_key(line, vkey, COSIGNATURE)
            case ["group", name, threshold, *members] if members:
                self.groups[self._new_name(line, name)] = self._new_group(line, threshold, members)
            case ["quorum", name] if self.quorum is None:
                if name != NONE and name not in self.witnesses and name not in self.groups:
                    raise PolicyError(line, "the quorum is not defined on a line before")
                self.quorum = name
            case _:
                raise PolicyError(line, "not a line of a policy (log, witness, group, one quorum)")

    def _new_key(self, line: str, vkey: str, kind: int) -> VerifierKey:
        key = VerifierKey.parse(vkey)
        if key.kind != kind:
            raise PolicyError(line, f"a key of kind {key.kind:#04x} where {kind:#04x} belongs")
        known = self.logs if kind == ED25519 else self.witnesses.values()
        if any(key.public == other.public for other in known):
            raise PolicyError(line, "the same public key twice")
        return key

    def _new_name(self, line: str, name: str) -> str:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise PolicyError(line, f"the name {name!r} is taken")
        return name

    def _new_group(self, line: str, threshold: str, members: list[str]) -> Group:
        for member in members:
            if member in self.grouped or (member not in self.witnesses and member not in self.groups):
                raise PolicyError(line, f"{member!r} is not defined on a line before, or is a member already")
            self.grouped.add(member)
        words = {"any": 1, "all": len(members)}
        count = words.get(threshold, int(threshold) if threshold.isascii() and threshold.isdigit() else 0)
        if not 1 <= count <= len(members):
            raise PolicyError(line, "a threshold is any, all, or a number from 1 to that of the members")
        return Group(count, tuple(members))


def time_lines(roots: Mapping[str, str], required: int) -> str:
    """The lines of a policy that demand timestamps.

    Args:
        roots: Names of authorities' root certificates by their sha256.
        required: How many of them must vouch.
    """
    named = "".join(f"{OURS} tsa-root {name} {digest}\n" for digest, name in roots.items())
    return f"{named}{OURS} timestamps {required}\n" if roots else ""


def named_roots(roots: Iterable[x509.Certificate]) -> dict[str, str]:
    """Root certificates by sha256, each with a plain name made of its subject's."""
    named: dict[str, str] = {}
    for root in roots:
        words = root.subject.get_attributes_for_oid(NameOID.COMMON_NAME) or list(root.subject)
        said = re.sub(r"[^a-z0-9.]+", "-", str(words[0].value).lower()).strip("-") if words else ""
        name = said or "authority"
        digest = root.fingerprint(hashes.SHA256()).hex()
        named[digest] = name if name not in named.values() else f"{name}-{digest[:8]}"
    return named
