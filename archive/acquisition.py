"""Acquisitions: one receipt of bytes, exactly as they came.

The call that receives bytes makes the `Acquisition`, and making it computes the digests: there is no
acquisition without them (promise 2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

# Ours and fixed for ever: ids must come out the same in a rebuilt index.
NAMESPACE = UUID("6b1f3f0e-6c0c-5b52-9a4e-4f6f6c646661")
OBSERVATION = "#observation:"


class Channel(StrEnum):
    """The door a message came in by."""

    EMAIL = "email"
    SMS = "sms"
    UPLOAD = "upload"
    DIARY = "diary"


@dataclass(frozen=True, slots=True)
class Acquisition:
    """One receipt of bytes.

    Attributes:
        id: UUIDv5 of channel and source id; the same receipt told twice has the same id.
        raw: The bytes as received, untouched.
        sha256: Lower-case hex digest of `raw`, computed when it was received; `sha512` likewise.
        channel: The door.
        source_id: The channel's own id in full form (see the functions below).
        received_at: Our clock, aware, UTC: first receipt.
        delivered_at: The provider's clock (INTERNALDATE, Twilio's DateCreated), if it told.
        media_type: What the door says the bytes are.
        door: Facts the door observed (headers, signature result, public URL, flags); JSON without floats.
    """

    id: UUID
    raw: bytes = field(repr=False)
    sha256: str
    sha512: str = field(repr=False)
    channel: Channel
    source_id: str
    received_at: datetime
    media_type: str
    delivered_at: datetime | None = None
    door: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(  # noqa: D102 - the class says what each is
        cls,
        raw: bytes,
        *,
        channel: Channel,
        source_id: str,
        at: datetime,
        media_type: str,
        delivered_at: datetime | None = None,
        door: Mapping[str, Any] | None = None,
    ) -> Acquisition:
        return cls(
            id=acquisition_id(channel, source_id),
            raw=raw,
            sha256=hashlib.sha256(raw).hexdigest(),
            sha512=hashlib.sha512(raw).hexdigest(),
            channel=channel,
            source_id=source_id,
            received_at=at.astimezone(UTC),
            media_type=media_type,
            delivered_at=delivered_at.astimezone(UTC) if delivered_at else None,
            door=dict(door or {}),
        )

    @property
    def size_bytes(self) -> int:
        """Length of the received bytes."""
        return len(self.raw)


@dataclass(frozen=True, slots=True)
class LargeAcquisition:
    """One receipt of bytes too many to hold at once: they lie in the database in pieces (`archive.pieces`).

    Attributes as `Acquisition`, without `raw`; the digests were computed over the pieces by the call that received the
    last of them.
    """

    id: UUID
    sha256: str
    sha512: str = field(repr=False)
    size_bytes: int
    channel: Channel
    source_id: str
    received_at: datetime
    media_type: str
    delivered_at: datetime | None = None
    door: Mapping[str, Any] = field(default_factory=dict, repr=False)


def acquisition_id(channel: Channel, source_id: str) -> UUID:
    """The id under which this receipt is known, for ever and in every rebuild."""
    return uuid5(NAMESPACE, f"{channel.value}\n{source_id}")


def observation_source_id(source_id: str, sha256: str) -> str:
    """The source id of a further observation: the same source id was told again with other bytes."""
    return f"{source_id}{OBSERVATION}{sha256}"


def imap_source_id(account: str, mailbox: str, uidvalidity: int, uid: int) -> str:
    """`imap:<account>/<mailbox>/<uidvalidity>/<uid>`, parts percent-encoded (RFC 3986)."""
    return f"imap:{quote(account, safe='')}/{quote(mailbox, safe='')}/{uidvalidity}/{uid}"


def media_source_id(message_sid: str, media_sid: str) -> str:
    """`MessageSid/MediaSid`, as Twilio names a picture of a text."""
    return f"{quote(message_sid, safe='')}/{quote(media_sid, safe='')}"


def upload_source_id(link_id: UUID, number: int) -> str:
    """`upload:<link id>/<n>`: the n-th file that came in by a link."""
    return f"upload:{link_id}/{number}"


def file_source_id(container_sha256: str, offset: int) -> str:
    """`file:<container sha256>#<offset>`: a message within an imported file."""
    return f"file:{container_sha256}#{offset}"


def rendered(at: datetime) -> str:
    """A moment as every document here writes it: UTC, milliseconds, `Z` (RFC 3339)."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def parsed(text: str) -> datetime:
    """The moment that `rendered` wrote.

    Raises:
        ValueError: The text is not of that form.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
