"""What is said of an upload: how much may come in, what its sender says of a file, how far it is, what was received."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How much may come in.

    Attributes:
        most_bytes: Of one file; at most 5 GiB, what a vault takes at once.
        daily_bytes: By one link in 24 hours.
        daily_files: By one link in 24 hours.
        waiting_bytes: Of all files that are not in the vault yet: texts need room in the same database.
    """

    most_bytes: int = 2 * 1024**3
    daily_bytes: int = 10 * 1024**3
    daily_files: int = 500
    waiting_bytes: int = 40 * 1024**3


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the sender's side says of a file. None of it is believed; all of it is kept.

    Attributes:
        name: Its name, byte for byte as it was sent.
        declared_type: The media type it was said to have.
        size_bytes: How long it will be.
        fingerprint: What tells the sender's side that it is the same file, SHA-256 in hex, if it says so.
    """

    name: bytes
    declared_type: str
    size_bytes: int
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """One file on its way.

    Attributes:
        id: Its id, and its acquisition's.
        position: Bytes that are committed.
        name: Its name, as it can be shown.
        finished_at: When its acquisition was recorded, if it was.
        ends_at: When it is taken as it stands, if no more comes.
    """

    id: UUID
    position: int
    size_bytes: int
    name: str
    name_base64: str
    declared_type: str
    ends_at: datetime
    finished_at: datetime | None

    @property
    def is_whole(self) -> bool:
        """Whether every byte is here."""
        return self.position == self.size_bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was received: what its sender is told."""

    id: UUID
    name: str
    size_bytes: int
    sha256: str
    received_at: datetime
    code: str
