"""A witness: cosigns a log's checkpoint only if it continues the last one it cosigned of that log.

That is all a witness says, and it is what nobody who holds a log's database, vault and signing key can make up: once a
witness in other hands has cosigned, a rewritten history is refused, and kept as evidence, because the rewriter's own
signature is on it.

Source: c2sp.org/tlog-witness (`add-checkpoint`), with the later draft's 403 for a false signature under a known key.
Beyond it: a checkpoint with extension lines is refused (400), an empty tree has one root only (422).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Self

from archive.errors import NoteRejectedError, PolicyError, ProofError
from archive.signed_note import ED25519, MAX_TREE_SIZE, SIZE_PATTERN, Checkpoint, Note, SigningKey, VerifierKey
from archive.tlog import EMPTY_ROOT, HASH_BYTES, verify_consistency
from archive.witness_records import Records

MAX_PROOF_LINES = 63
# A note may have 64 signatures, and those of ML-DSA are 3.3 kB each.
MAX_BODY_BYTES = 256 * 1024
PLAIN, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Submission:
    """What a log sends: from which size on, by which proof, to which checkpoint. Nothing of it is verified yet."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint
    raw: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Take a request's body apart.

        Raises:
            NoteRejectedError: It is not an old size, at most 63 hashes, a blank line and a signed checkpoint.
        """
        head, blank, signed = raw.partition(b"\n\n")
        first, *lines = head.split(b"\n")
        word, space, size = first.decode("latin-1").partition(" ")
        if not blank or word != "old" or not space or not SIZE_PATTERN.fullmatch(size) or int(size) > MAX_TREE_SIZE:
            raise NoteRejectedError("it does not begin with a line `old` and a size")
        if len(lines) > MAX_PROOF_LINES:
            raise NoteRejectedError(f"it has more than {MAX_PROOF_LINES} lines of proof")
        note = Note.parse(signed)
        return cls(int(size), tuple(_hash(line) for line in lines), note, Checkpoint.parse(note.text), raw)

    def encode(self) -> bytes:
        """Write the body that `parse` reads."""
        proof = "".join(f"{base64.b64encode(digest).decode()}\n" for digest in self.proof)
        return f"old {self.old}\n{proof}\n".encode() + self.note.encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status of HTTP, a body and its type.

    Attributes:
        status: 200, 400, 403, 404, 409 or 422.
        body: Cosignature lines, a size, or a sentence.
        media_type: Of the body.
        because: Why it was refused, for our log; empty where it was cosigned.
        contradicts: The log signed something that does not continue what it signed before, and it was kept.
    """

    status: int
    body: str
    media_type: str = PLAIN
    because: str = ""
    contradicts: bool = False


def judge(submission: Submission, latest: Checkpoint | None) -> Answer | None:
    """Say why a validly signed checkpoint must not be cosigned; None where it may.

    Args:
        submission: Signed by a key of its log.
        latest: The last checkpoint of this log that was cosigned.
    """
    asked, known = submission.checkpoint, latest.size if latest else 0
    if submission.old > asked.size:
        return _refused(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's")
    forked = latest is not None and latest.size == asked.size and latest.root != asked.root
    if submission.old != known:
        # Told first, as the specification says; a second root for a size we cosigned is kept all the same.
        because = f"the last cosigned size is {known}, not {submission.old}"
        return Answer(HTTPStatus.CONFLICT, f"{known}\n", SIZE, because, contradicts=forked)
    if forked:
        return _refused(HTTPStatus.CONFLICT, f"another root was cosigned for size {known}", contradicts=True)
    if asked.size == 0 and asked.root != EMPTY_ROOT:
        return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, "an empty tree has another root")
    try:
        before = latest.root if latest else EMPTY_ROOT
        verify_consistency(submission.old, asked.size, submission.proof, before, asked.root)
    except ProofError as error:
        return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), contradicts=0 < known < asked.size)
    return None


@dataclass(frozen=True, slots=True)
class Witness:
    """One witness: a key, the logs it knows and what it has cosigned.

    Attributes:
        key: Its own key.
        logs: By origin, the keys each log signs with: several while one is being replaced.
        records: What was cosigned last, and what contradicted it, on disk.
        now: The clock.
    """

    key: SigningKey
    logs: Mapping[str, tuple[VerifierKey, ...]]
    records: Records
    now: Callable[[], datetime]

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign a checkpoint, or say why not. Whatever is answered is on disk before.

        Raises:
            NoteRejectedError: Our own record of this log is damaged; nothing is cosigned until it is put back.
            OSError: It cannot be read or written; nothing was cosigned.
        """
        try:
            submission = Submission.parse(body)
        except NoteRejectedError as error:
            return _refused(HTTPStatus.BAD_REQUEST, str(error))
        keys = self.logs.get(submission.checkpoint.origin)
        if keys is None:
            return _refused(HTTPStatus.NOT_FOUND, "this witness does not know that log")
        try:
            signers = submission.note.signers(keys)
        except NoteRejectedError as error:
            return _refused(HTTPStatus.FORBIDDEN, str(error))
        # One line for each key that counts: what else was sent along must not grow our record.
        named = {(line.name, line.key_id): line for line in submission.note.signatures}
        lines = tuple(named[key.name, key.key_id] for key in signers)
        return self._compare_and_persist(submission, replace(submission.note, signatures=lines))

    def _compare_and_persist(self, submission: Submission, signed: Note) -> Answer:
        # One at a time for each log, in whatever process: between the look and the write nobody else may look.
        with self.records.of(submission.checkpoint.origin) as record:
            latest = record.latest()
            refusal = judge(submission, Checkpoint.parse(latest.text) if latest else None)
            if refusal is not None:
                if refusal.contradicts and latest is not None:
                    record.keep_contradiction(submission.checkpoint, submission.raw, latest)
                return refusal
            cosignature = self.key.cosign(signed.text, int(self.now().timestamp()))
            record.replace(signed.signed_also(cosignature))
        return Answer(HTTPStatus.OK, f"{cosignature}\n")


def parse_logs(text: str) -> dict[str, tuple[VerifierKey, ...]]:
    """Read the logs a witness knows: the `log` lines of a c2sp.org/tlog-policy file; other lines are left aside.

    So an installation's published policy will do as it is.

    Raises:
        PolicyError: A `log` line holds no key that signs a log.
    """
    logs: dict[str, tuple[VerifierKey, ...]] = {}
    for line in text.split("\n"):
        words = line.split()
        if words[:1] == ["log"] and len(words) > 1:
            key = VerifierKey.parse(words[1])
            if key.kind != ED25519:
                raise PolicyError(line, "this is a witness's key, not a log's")
            logs[key.name] = (*(each for each in logs.get(key.name, ()) if each != key), key)
    return logs


def _refused(status: HTTPStatus, because: str, *, contradicts: bool = False) -> Answer:
    return Answer(status, f"{because}\n", because=because, contradicts=contradicts)


def _hash(line: bytes) -> bytes:
    try:
        raw = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteRejectedError("a line of the proof is not base64") from error
    if len(raw) != HASH_BYTES or base64.b64encode(raw) != line:
        raise NoteRejectedError("a line of the proof is not one hash in canonical base64")
    return raw
