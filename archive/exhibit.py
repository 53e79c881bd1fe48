"""Exhibit references and where exhibits lie in the vault."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ExhibitRef:
    """`ABC/1`: initials of the person who produces the item and a consecutive number; allocated once, never reused."""

    initials: str
    number: int

    def __str__(self) -> str:
        return f"{self.initials}/{self.number}"

    @classmethod
    def of(cls, initials: str | None, number: int | None) -> Self | None:
        """The reference in two columns, or None where none was allocated."""
        return cls(initials, number) if initials and number else None


def initials_of(name: str) -> str:
    """Initials of a person's name for her exhibits, upper case; `X` where the name has no letter.

    >>> initials_of("Amy Beth Carter")
    'ABC'
    """
    words = re.findall(r"[^\W\d_]+", name)
    return "".join(word[0].upper() for word in words)[:4] or "X"


def vault_key(acquisition_id: UUID) -> str:
    """The key of an original: per acquisition, so that equal bytes never link two cases."""
    return f"items/{acquisition_id}"
