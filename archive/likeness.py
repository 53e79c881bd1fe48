"""What two ways of writing the same number or address have in common: by this they are compared, and by nothing else.

A likeness is no address: nothing is ever sent to one. It errs on the side of being the same, because what is compared
by it is whom we must not write to.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

SIGNIFICANT_DIGITS: Final = 10
"""National numbers are compared by their last ten digits: 07700 900456, +44 7700 900456 and 0044 (0)7700… are one."""

_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_SCHEME: Final = re.compile(r"(?:mailto|tel|sms|smsto|whatsapp|rcs):", re.IGNORECASE)
_ONE_MAILBOX: Final = {"googlemail.com": "gmail.com"}
_DOTS_IGNORED: Final = frozenset({"gmail.com"})


def likeness(value: str) -> str:
    """What a number or address is compared by; empty where it is neither.

    Addresses: case, look-alike forms of Unicode, what stands behind a plus, and the ways of writing an international
    domain make no difference; dots make none at Gmail. Numbers: their last ten digits, in whichever script.
    """
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", value)).strip().strip("<>").strip()
    plain = _SCHEME.sub("", plain, count=1).casefold()
    if "@" in plain:
        return _of_address(plain)
    digits = "".join(str(unicodedata.digit(letter)) for letter in plain if letter.isdigit())
    return digits[-SIGNIFICANT_DIGITS:]


def _of_address(plain: str) -> str:
    local, _, domain = plain.rpartition("@")
    local = local.strip().strip('"')
    domain = _ascii(domain.strip().rstrip("."))
    domain = _ONE_MAILBOX.get(domain, domain)
    name = local.partition("+")[0] or local
    if domain in _DOTS_IGNORED:
        name = name.replace(".", "")
    return f"{name}@{domain}" if name and domain else ""


def _ascii(domain: str) -> str:
    """An international domain as DNS writes it; as it stands where it cannot be written so."""
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return domain
