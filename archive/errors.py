"""Every error the archive raises, on one page.

ArchiveError
├── TransientError                  try again: the only family a task retries
│   ├── VaultUnavailableError
│   ├── AuthorityUnreachableError
│   ├── NotSequencedYetError
│   ├── NotWitnessedError
│   ├── NotStampedError
│   ├── CaseMovedError
│   └── WitnessUnreachableError
├── RefusedError                    a rule said no: tell the person, never retry
│   ├── UnknownAcquisitionError
│   ├── UnknownCaseError
│   ├── CaseExistsError
│   ├── AlreadyAssignedError
│   ├── KeyRefusedError
│   ├── VaultNotTrustedError
│   ├── LinkGoneError
│   ├── PinNeededError
│   ├── NotEmptyError
│   ├── AuditRunningError
│   ├── RetentionRefusedError
│   └── PolicyError
└── IntegrityFault                  evidence is not what was recorded: stop, park, alert
    ├── DigestMismatchError
    ├── LockMissingError
    ├── OverwrittenError
    ├── PieceMissingError
    ├── LedgerForkedError
    ├── ProofError
    ├── NoteRejectedError
    ├── TokenRejectedError
    ├── UnverifiablePackageError
    ├── EnvelopeError
    ├── MissingFromVaultError
    └── RebuildError
"""

from __future__ import annotations


class ArchiveError(Exception):
    """Anything the archive refuses, cannot do now, or finds wrong."""


class TransientError(ArchiveError):
    """Something outside is not there now; the same call may work later."""


class VaultUnavailableError(TransientError):
    """The vault did not answer, or answered that it cannot now."""

    def __init__(self, act: str, because: str) -> None:
        super().__init__(act, because)
        self.act, self.because = act, because

    def __str__(self) -> str:
        return f"the vault could not {self.act}: {self.because}"


class AuthorityUnreachableError(TransientError):
    """A timestamp authority did not answer, or not in time."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return f"the timestamp authority did not answer: {self.because}"


class NotSequencedYetError(TransientError):
    """The sequencer has not yet given these entries their place in the ledger."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} is not under a signed checkpoint yet: is the sequencer running?"


class RefusedError(ArchiveError):
    """A rule said no. The person is told; nothing is retried."""


class NotWitnessedError(TransientError):
    """Fewer witnesses than the policy asks for have cosigned: a package would not verify."""

    def __init__(self, size: int, quorum: int) -> None:
        super().__init__(size, quorum)
        self.size, self.quorum = size, quorum

    def __str__(self) -> str:
        return (
            f"the checkpoint of {self.size} entries is not cosigned by {self.quorum} witnesses, and a package that the "
            "published policy refuses is not made; `holdfast doctor` says how each witness stands"
        )


class NotStampedError(TransientError):
    """Fewer timestamp authorities than the policy asks for vouch for a checkpoint: a package would not verify."""

    def __init__(self, size: int, required: int, there: int) -> None:
        super().__init__(size, required, there)
        self.size, self.required, self.there = size, required, there

    def __str__(self) -> str:
        return (
            f"{self.there} of {self.required} timestamp authorities vouch for the checkpoint of {self.size} entries, "
            "and a package that the published policy refuses is not made; `holdfast doctor` says how each stands"
        )


class CaseMovedError(TransientError):
    """While a package was made, something was done that its edition must leave out and could no longer announce."""

    def __init__(self, stream: str, index: int) -> None:
        super().__init__(stream, index)
        self.stream, self.index = stream, index

    def __str__(self) -> str:
        return f"{self.stream}: entry {self.index} came while the package was made; make it again"


class WitnessUnreachableError(TransientError):
    """A witness did not answer in time."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return f"the witness did not answer: {self.because}"


class UnknownAcquisitionError(RefusedError):
    """No acquisition has this id."""

    def __init__(self, acquisition_id: str) -> None:
        super().__init__(acquisition_id)
        self.acquisition_id = acquisition_id

    def __str__(self) -> str:
        return f"no acquisition has the id {self.acquisition_id}"


class UnknownCaseError(RefusedError):
    """No case has this reference."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference

    def __str__(self) -> str:
        return f"no case has the reference {self.reference!r}; open it first with `holdfast case open`"


class CaseExistsError(RefusedError):
    """The reference, or another that reads the same in an address, is taken."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference

    def __str__(self) -> str:
        return f"a case with the reference {self.reference!r} is open already"


class AlreadyAssignedError(RefusedError):
    """An exhibit belongs to one case at a time."""

    def __init__(self, exhibit_id: str) -> None:
        super().__init__(exhibit_id)
        self.exhibit_id = exhibit_id

    def __str__(self) -> str:
        return f"exhibit {self.exhibit_id} is assigned already"


class KeyRefusedError(RefusedError):
    """A signing key may not do this: it is not announced, not live, not of this ledger, or the last one."""

    def __init__(self, key: str, because: str) -> None:
        super().__init__(key, because)
        self.key, self.because = key, because

    def __str__(self) -> str:
        return f"{self.because}: {self.key}"


class VaultNotTrustedError(RefusedError):
    """The vault failed, or never passed, the WORM self-test: evidence is not accepted into it."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return f"the vault is not trusted with evidence: {self.because}; run `holdfast doctor`"


class RetentionRefusedError(RefusedError):
    """What was asked would keep a case too short, or take it away against a rule."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return self.because


class LinkGoneError(RefusedError):
    """This link, or this visit of one, does not work; why is not said, so that nothing can be learnt by trying."""

    def __str__(self) -> str:
        return "this link does not work any more"


class PinNeededError(RefusedError):
    """The visit has begun, and the link's PIN was not given yet."""

    def __str__(self) -> str:
        return "the link's PIN is needed"


class IntegrityFault(ArchiveError):  # noqa: N818 - the glossary's word for this family
    """Evidence is not what was recorded: stop, park, alert."""


class DigestMismatchError(IntegrityFault):
    """The bytes read back are not the bytes that were received."""

    def __init__(self, key: str, expected: str, actual: str) -> None:
        # Positional arguments survive pickling between Celery's pool processes.
        super().__init__(key, expected, actual)
        self.key, self.expected, self.actual = key, expected, actual

    def __str__(self) -> str:
        return f"{self.key}: recorded sha256:{self.expected}, read sha256:{self.actual}"


class LockMissingError(IntegrityFault):
    """An object in the vault is not locked as it was asked to be."""

    def __init__(self, key: str, found: str) -> None:
        super().__init__(key, found)
        self.key, self.found = key, found

    def __str__(self) -> str:
        return f"{self.key}: the vault did not lock it as asked ({self.found})"


class OverwrittenError(IntegrityFault):
    """The vault took a second object under a key that must be written once."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"{self.key}: another object with other bytes lies under this key already"


class PieceMissingError(IntegrityFault):
    """The pieces of an upload do not make up the whole that was received."""

    def __init__(self, upload_id: str, at: int) -> None:
        super().__init__(upload_id, at)
        self.upload_id, self.at = upload_id, at

    def __str__(self) -> str:
        return f"upload {self.upload_id}: a piece is missing at byte {self.at}"


class LedgerForkedError(IntegrityFault):
    """The ledger contradicts what was signed before."""

    def __init__(self, index: int, because: str) -> None:
        super().__init__(index, because)
        self.index, self.because = index, because

    def __str__(self) -> str:
        return f"ledger entry {self.index}: {self.because}"


class PolicyError(RefusedError):
    """A key or a trust policy is not written as C2SP signed-note and tlog-policy say."""

    def __init__(self, line: str, because: str) -> None:
        super().__init__(line, because)
        self.line, self.because = line, because

    def __str__(self) -> str:
        return f"{self.because}: {self.line!r}"


class ProofError(IntegrityFault):
    """An inclusion or consistency proof does not prove what it should."""

    def __init__(self, kind: str, because: str) -> None:
        super().__init__(kind, because)
        self.kind, self.because = kind, because

    def __str__(self) -> str:
        return f"{self.kind} is not proved: {self.because}"


class NoteRejectedError(IntegrityFault):
    """A signed note is malformed, or not signed as the policy demands."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return f"signed note refused: {self.because}"


class TokenRejectedError(IntegrityFault):
    """A timestamp token does not prove what it should."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return f"timestamp token refused: {self.because}"


class UnverifiablePackageError(IntegrityFault):
    """A package made of this would not verify, so it is not made."""

    def __init__(self, item: str, because: str) -> None:
        super().__init__(item, because)
        self.item, self.because = item, because

    def __str__(self) -> str:
        return f"the package would not verify: {self.item}: {self.because}"


class EnvelopeError(IntegrityFault):
    """An encrypted object does not open: another secret, another name, or it was changed."""

    def __init__(self, name: str, because: str) -> None:
        super().__init__(name, because)
        self.name, self.because = name, because

    def __str__(self) -> str:
        return f"{self.name}: {self.because}"


class MissingFromVaultError(IntegrityFault):
    """A version that was written is not in the vault."""

    def __init__(self, key: str, version: str) -> None:
        super().__init__(key, version)
        self.key, self.version = key, version

    def __str__(self) -> str:
        return f"{self.key}: version {self.version} is not in the vault"


class RebuildError(IntegrityFault):
    """The vault does not hold a whole ledger that agrees with what was signed."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return f"the index cannot be rebuilt: {self.because}"


class NotEmptyError(RefusedError):
    """An index is rebuilt only into a database with no row in it."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table

    def __str__(self) -> str:
        return f"the database is not empty: {self.table} has rows. Make a new one, migrate it, and rebuild into that"


class AuditRunningError(RefusedError):
    """One audit at a time."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return "an audit is running already; it ends by itself, and one that was stopped is gone on with"
