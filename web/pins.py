"""PINs of personal links: six digits of ours, told by another way than the link; kept as argon2id (RFC 9106)."""

from __future__ import annotations

import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

DIGITS: Final = 6
# Whatever else is written into the field is no PIN, and costs no more to refuse.
MOST_CHARACTERS: Final = 64


def new_pin() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def hash_pin(pin: str) -> str:
    """What is kept of a PIN."""
    return PasswordHasher().hash(pin)


def is_pin(pin_hash: str, written: str) -> bool:
    """Whether this is the PIN, spaces left out."""
    try:
        return PasswordHasher().verify(pin_hash, "".join(written[:MOST_CHARACTERS].split()))
    except (VerificationError, InvalidHashError):
        return False
