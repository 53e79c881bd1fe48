"""What an evidence package is made of, handed in as plain data: the caller's snapshot of one case."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from archive.ledger import LedgerEntry


@dataclass(frozen=True, slots=True)
class Derived:
    """Something we made from an original: `path` below the item's `derived/`, `maker` the tool with its version."""

    path: str
    maker: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PackageExhibit:
    """One exhibit as the snapshot holds it.

    Attributes:
        id: The exhibit's id.
        reference: `ABC/1`, or None where none was allocated.
        sha256: Of the original, lower-case hex, as its `exhibit.archived` entry records it; so are `sha512`,
            `size_bytes`, `channel`, `received_at`, `delivered_at` and `media_type`.
        extension: Of the original's file name in the package, for instance `eml` or `form`.
        read: Opens the original and yields its bytes piece by piece.
        derive: Makes the derived files, one exhibit at a time.
        withheld: Why the original is not in this edition; None where it is.
        judged: Makes the files of what its signatures came to; their paths are below its folder in `data/authenticity`.
    """

    id: str
    reference: str | None
    sha256: str
    sha512: str
    size_bytes: int
    channel: str
    received_at: datetime
    delivered_at: datetime | None
    media_type: str
    extension: str
    read: Callable[[], Iterable[bytes]] = field(repr=False)
    derive: Callable[[], Iterable[Derived]] = field(default=tuple, repr=False)
    withheld: str | None = None
    judged: Callable[[], Iterable[Derived]] = field(default=tuple, repr=False)


@dataclass(frozen=True, slots=True)
class DisclosedStream:
    """A stream that the package discloses: the key that opens its pseudonym, and its last entry at the snapshot."""

    label: str
    key: bytes = field(repr=False)
    seq: int
    leaf_hash: bytes

    @property
    def pseudonym(self) -> str:
        """The name that the ledger's leaves have for it."""
        return hmac.new(self.key, self.label.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class PackageSource:
    """Everything a package is made of, as the caller's snapshot of the case holds it.

    Attributes:
        package_id: Its id.
        edition: `full` or `disclosure`.
        snapshot_at: When the snapshot was taken; aware.
        organisation: Who makes the package.
        software: Name and version of the software, for bag-info.txt.
        case: The case's stream at the snapshot.
        exhibit_streams: Streams of all exhibits ever assigned to the case up to `case.seq`, any order; consumed once.
        exhibits: The same exhibits, in order of (received_at, id). Consumed once.
        renderings: Further files below `data/`, for instance `timeline.json`: bytes, or pieces made while they are
            written.
        withheld: Leaf index to reason, for entries whose payloads this edition withholds or which were erased.
        policy: The trust policy, copied into the package as a convenience.
        tsa_roots: Certificates of the timestamp authorities, PEM, likewise; empty where there is none.
        closes: Why an entry that comes after the snapshot must not be told in this edition; None where it may.
    """

    package_id: str
    edition: str
    snapshot_at: datetime
    organisation: str
    software: str
    case: DisclosedStream
    exhibit_streams: Iterable[DisclosedStream]
    exhibits: Iterable[PackageExhibit]
    renderings: Mapping[str, bytes | Iterable[bytes]]
    withheld: Mapping[int, str]
    policy: bytes
    tsa_roots: bytes = b""
    closes: Callable[[LedgerEntry], str | None] = lambda _entry: None


@dataclass(frozen=True, slots=True)
class Seal:
    """One checkpoint as the package holds it.

    Attributes:
        note: The signed note, with every cosignature there is.
        tokens: Timestamp responses over it, by a plain name of their authority.
        received: Ledger entries that record tokens of this checkpoint, at the moment they were received.
    """

    note: bytes = field(repr=False)
    tokens: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    received: Sequence[LedgerEntry] = ()
