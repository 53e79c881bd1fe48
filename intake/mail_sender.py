"""Who sent a mail, as far as its one From header says: read from the raw bytes, before and apart from any parser.

Only an unambiguous answer counts. None sends the mail to quarantine, where a person looks; a guess would put it into
somebody's case.
"""

from __future__ import annotations

import re

from intake.addresses import normal_email
from intake.outer_headers import header_lines

MOST_VALUE_CHARACTERS = 4096
_FROM = re.compile(rb"from[ \t]*:", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*\)", re.DOTALL)
_ANGLE = re.compile(r"<([^<>]*)>")
_OPEN = re.compile(r'["()<>]')


def mail_sender(raw: bytes) -> str | None:
    """The single address of exactly one From header, in normal form; None where there is not exactly one.

    Source: RFC 5322 3.6 (exactly one From), 3.6.2 (several authors are lawful: they are ambiguous to us all the same).
    """
    values = [line[found.end() :] for line in header_lines(raw) if (found := _FROM.match(line))]
    if len(values) != 1 or len(values[0]) > MOST_VALUE_CHARACTERS:
        return None
    try:
        return _single_address(values[0].decode("utf-8"))
    except UnicodeDecodeError:
        return None


def _single_address(value: str) -> str | None:
    # Quoted names and comments may hold anything, addresses included: they are not the address.
    bare = _COMMENT.sub(" ", _QUOTED.sub(" ", value))
    angles = _ANGLE.findall(bare)
    if len(angles) > 1:
        return None
    if angles:
        rest = _ANGLE.sub(" ", bare)
        # "Smith, Jane <…>" unquoted is a name; another address beside a comma or semicolon is a list.
        if _OPEN.search(rest) or ("@" in rest and ("," in rest or ";" in rest)):
            return None
        return normal_email(angles[0])
    return None if _OPEN.search(bare) else normal_email(bare)
