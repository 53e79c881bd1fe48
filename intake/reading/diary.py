"""Entries in the contributor's own words: `LOG …` and `CALL …`, by text or mail, kept verbatim."""

from __future__ import annotations

import re
from typing import Final, Literal

_PREFIX: Final = re.compile(r"[\s\ufeff]{0,50}(LOG|DIARY|CALL)(?=[\s:,.\-\u2013\u2014]|$)", re.IGNORECASE)
_SHOUTED: Final = re.compile(r"[:,.\-\u2013\u2014\n]|$")


def diary_kind(text: str) -> Literal["diary", "call"] | None:
    """Whether a text is a diary or call entry: it begins with the word in capitals, or with the word and a mark.

    "Call me back or else" is a message; "CALL 07700 900123 …" and "call: …" are entries.
    """
    match = _PREFIX.match(text)
    if match is None:
        return None
    if not match[1].isupper() and _SHOUTED.match(text, match.end()) is None:
        return None
    return "call" if match[1].upper() == "CALL" else "diary"
