"""What became of one attempt to send an answer. There is no second attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

OPTED_OUT: Final = 21610
"""Twilio's number for a text that it does not send because the recipient opted out."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The carrier took it, under this id."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not go out; `because` says what a person can do about it, `code` is the carrier's number for it."""

    because: str
    code: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have gone out: the connection was lost after the request had left."""

    because: str


Outcome: TypeAlias = Sent | Refused | Unknown
