"""What our own receiving mail server found out about a message, as it wrote it down (RFC 8601).

Anybody can write an Authentication-Results field. Only those count that name a server of ours (a setting), and only
the topmost, with those directly at it: what lies below came with the message. The server must remove forged ones that
bear its own name (RFC 8601 5); docs/operations.md says how to see that it does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from intake.authenticity.message import Message
from intake.authenticity.model import Judgement, Method, Result
from intake.authenticity.tags import domain_name
from intake.reading.model import displayable

LONGEST: Final = 16 * 1024
MOST: Final = 20
SAYS_CHARACTERS: Final = 500
_METHOD: Final = re.compile(r"(dkim|spf|dmarc|arc)(?:/1)?=([a-z]{1,20})(?![\w-])", re.IGNORECASE)
_METHODS: Final[dict[str, Method]] = {"dkim": "dkim", "spf": "spf", "dmarc": "dmarc", "arc": "arc"}
_DOMAIN: Final = {
    "dkim": re.compile(r"header\.(?:d|i)=\"?([^\s;\"]{1,320})", re.IGNORECASE),
    "spf": re.compile(r"smtp\.(?:mailfrom|helo)=\"?([^\s;\"]{1,320})", re.IGNORECASE),
    "dmarc": re.compile(r"header\.from=\"?([^\s;\"]{1,320})", re.IGNORECASE),
    "arc": re.compile(r"header\.d=\"?([^\s;\"]{1,320})", re.IGNORECASE),
}
_AS: Final[dict[str, Result]] = {
    "pass": "pass",
    "fail": "fail",
    "permerror": "fail",
    "hardfail": "fail",
    "softfail": "weak",
    "neutral": "weak",
    "policy": "weak",
    "none": "none",
    "temperror": "not_checked",
}


def stated_results(message: Message, servers: Collection[str]) -> tuple[Judgement, ...]:
    """What a server of ours wrote down; nothing where it did not.

    Args:
        message: The mail as it came to us.
        servers: Names (authserv-id) that our servers use, lower case.
    """
    found: list[Judgement] = []
    for text in _ours(message, servers):
        server, *resinfo = text.split(";")
        for each in resinfo[:MOST]:
            judged = _judgement(each.strip(), _server_of(server), len(found))
            found += [judged] if judged else []
    return tuple(found[:MOST])


def _ours(message: Message, servers: Collection[str]) -> Iterator[str]:
    """The topmost fields of our servers that lie together, without comments."""
    began = False
    for name, value in message.fields:
        if name.lower() == b"authentication-results" and len(value) <= LONGEST:
            text = without_comments(" ".join(value.decode("utf-8", "replace").split()))
            if _server_of(text.partition(";")[0]) in servers:
                began = True
                yield text
                continue
        if began:
            return


def _server_of(text: str) -> str:
    return (text.split() or [""])[0].strip('"').lower()


def without_comments(text: str) -> str:
    """A field's text without comments in brackets, which nest (RFC 5322 3.2.2); in one pass."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for letter in text:
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"' and not depth:
            quoted = not quoted
        elif letter == "(" and not quoted:
            depth += 1
        elif letter == ")" and not quoted and depth:
            depth -= 1
            continue
        if not depth:
            kept.append(letter)
    return "".join(kept)


def _judgement(text: str, server: str, place: int) -> Judgement | None:
    match = _METHOD.match(text)
    if match is None:
        return None
    method, word = match[1].lower(), match[2].lower()
    named = _DOMAIN[method].search(text)
    domain = domain_name(named[1].rpartition("@")[2]) if named else None
    reason = f"Our mail server {displayable(server)} found: {method} {word}."
    return Judgement(
        _METHODS[method],
        _AS.get(word, "not_checked"),
        (reason,),
        domain=domain,
        place=place,
        stated_by=displayable(server),
        says=displayable(text)[:SAYS_CHARACTERS],
    )
