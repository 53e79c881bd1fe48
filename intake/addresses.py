"""Numbers and addresses in normal form, so that a sender is recognised however the door writes her."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

DEFAULT_REGION = "GB"
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\[\]\\]+@[^\s@<>\"(),:;\[\]\\]+\.[^\s@<>\"(),:;\[\]\\]+")
LONGEST_ADDRESS = 254
_UK_MOBILE = re.compile(r"\+447(?:[1-57-9]\d|624)\d+", re.ASCII)
_UK_E164_LENGTH = 13


@lru_cache(maxsize=4096)
def normal_phone(number: str, *, region: str = DEFAULT_REGION) -> str | None:
    """A number as E.164, or None where it is none (a name, a short code, withheld).

    Args:
        number: As written; Twilio's channel prefix (`whatsapp:`) is set aside.
        region: Country of numbers written without one.
    """
    try:
        parsed = phonenumbers.parse(number.rpartition(":")[2], region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def normal_email(address: str) -> str | None:
    """A plain address in lower case, or None where it is none.

    The local part is folded too: no provider met in practice tells case apart, and a person on a phone does not either.
    """
    address = address.strip().lower()
    return address if len(address) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(address) else None


def is_uk_mobile(number: str) -> bool:
    """Whether an E.164 number is a UK mobile: a text to a landline may be read aloud to whoever answers.

    Source: Ofcom's National Telephone Numbering Plan: 071 to 075 and 077 to 079 are mobiles (07700 900 is kept for
    drama), 070 is personal numbering, 076 is pagers but for 07624, the Isle of Man's mobiles.
    """
    return len(number) == _UK_E164_LENGTH and _UK_MOBILE.fullmatch(number) is not None
