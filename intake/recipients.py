"""To which aliases a mail came: whatever its headers say of recipients that could be the secret part of one.

Servers tell the envelope's recipient in headers of their own, each in another; Bcc is told there alone. A tag counts
wherever an address of a recipient holds it, whatever the domain: servers rewrite domains, and a tag cannot be guessed.
"""

from __future__ import annotations

import re
from typing import Final

from archive.alias import TAG_LENGTH
from intake.outer_headers import header_lines

MOST_VALUE_BYTES: Final = 64 * 1024
LONGEST_LOCAL: Final = 128
MOST_TAGS: Final = 50
_RECIPIENT: Final = re.compile(
    rb"((?:x-)?(?:original|delivered|envelope|forwarded|rcpt)-to|apparently-to"
    rb"|(?:resent-)?(?:to|cc|bcc)|received)[ \t]*:",
    re.IGNORECASE,
)
_FOR: Final = re.compile(rf"\bfor\s+<?([^\s<>;]{{1,{LONGEST_LOCAL}}}@)", re.IGNORECASE)
_DELIMITER: Final = re.compile(r"[\s<>,;:()\"]")
_TAG: Final = re.compile(rf"(?<![a-z0-9])[a-z2-7]{{{TAG_LENGTH}}}(?![a-z0-9])")


def alias_tags(raw: bytes) -> frozenset[str]:
    """What could be secret parts of aliases in the recipients' local parts; most mails have none."""
    found: set[str] = set()
    for line in header_lines(raw):
        named = _RECIPIENT.match(line)
        if named is None:
            continue
        value = line[named.end() : named.end() + MOST_VALUE_BYTES].decode("latin-1").lower()
        if named[1].lower() == b"received":
            value = " ".join(_FOR.findall(value))
        for before in value.split("@")[:-1]:
            local = _DELIMITER.split(before[-LONGEST_LOCAL:])[-1] or before[-LONGEST_LOCAL:].rpartition('"')[0]
            found.update(_TAG.findall(local))
            if len(found) > MOST_TAGS:
                return frozenset()
    return frozenset(found)
