"""What became of one attempt to send an answer. There is no second attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Sent:
    """The carrier took it, under this id."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not go out; `because` says what a person can do about it."""

    because: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have gone out: the connection was lost after the request had left."""

    because: str


Outcome: TypeAlias = Sent | Refused | Unknown
