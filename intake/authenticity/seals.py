"""ARC (RFC 8617): what servers on the way wrote down about a message when they took it, sealed one over the other.

A seal that holds says that its domain wrote down what stands there: it is worth as much as that domain's word, and no
more. Large providers seal what they receive, so the original in a contributor's mailbox often has its provider's seal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from intake.authenticity.keys import Key, verifies
from intake.authenticity.message import Message
from intake.authenticity.model import Judgement, Result
from intake.authenticity.signatures import NAMES, Circumstances, key_for, key_name, require_body
from intake.authenticity.tags import BadTagsError, Tags, domain_name, read_tags
from intake.reading.model import displayable

SEALS: Final = 10
"""Of one message; RFC 8617 allows fifty. Each costs a look-up."""
SAYS_CHARACTERS: Final = 2_000
_RESULTS, _SIGNATURE, _SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
_KINDS: Final = (_RESULTS, _SIGNATURE, _SEAL)


@dataclass(frozen=True, slots=True)
class _Set:
    """One server's three fields: what it saw, its signature over the message, its seal over all fields so far."""

    instance: int
    results: tuple[bytes, bytes]
    signature: tuple[bytes, bytes]
    seal: tuple[bytes, bytes]
    seal_tags: Tags


def judge_seals(message: Message, around: Circumstances) -> tuple[Judgement, ...]:
    """A judgement for each seal, the oldest first; none where the message has no seals."""
    there = [(name, value) for name, value in message.fields if name.lower() in _KINDS]
    if not there:
        return ()
    try:
        sets = _sets(there)
    except BadTagsError as error:
        return (Judgement("arc", "fail", (f"The seals are no chain. {error.because}",)),)
    if len(sets) > SEALS:
        return (Judgement("arc", "not_checked", (f"It has {len(sets)} seals; {SEALS} are judged.",)),)
    broken = _broken(sets[-1], message, around)
    return tuple(_judge(sets[: each.instance], around, broken) for each in sets)


def _sets(there: Sequence[tuple[bytes, bytes]]) -> list[_Set]:
    """The sets in order.

    Raises:
        BadTagsError: One lacks a field or has it twice, a number is missing, or a seal says what it must not.
    """
    found: dict[int, dict[bytes, tuple[bytes, bytes]]] = {}
    if len(there) > SEALS * len(_KINDS) * 5:
        raise BadTagsError("There are more of them than anybody makes.")
    for name, value in there:
        mine = found.setdefault(_instance(name.lower(), value), {})
        if name.lower() in mine:
            raise BadTagsError("A number is there twice.")
        mine[name.lower()] = (name, value)
    if sorted(found) != list(range(1, len(found) + 1)) or any(len(each) != len(_KINDS) for each in found.values()):
        raise BadTagsError("A part of it is missing.")
    return [_set(instance, found[instance]) for instance in sorted(found)]


def _instance(kind: bytes, value: bytes) -> int:
    # What a server wrote down is no tag list beyond its first tag.
    tags = read_tags(value.partition(b";")[0] if kind == _RESULTS else value)
    number = tags.number("i")
    if number is None:
        raise BadTagsError("A field has no number.")
    return number


def _set(instance: int, found: Mapping[bytes, tuple[bytes, bytes]]) -> _Set:
    tags = read_tags(found[_SEAL][1])
    if tags.get("h") is not None or tags.need("a") != "rsa-sha256":
        raise BadTagsError("A seal is of a kind that there is not.")
    if tags.need("cv") != ("none" if instance == 1 else "pass"):
        raise BadTagsError("A server found it broken already.")
    return _Set(instance, found[_RESULTS], found[_SIGNATURE], found[_SEAL], tags)


def _broken(newest: _Set, message: Message, around: Circumstances) -> Judgement | None:
    """Why the message is not the one that was sealed last; None where it is."""
    judged = Judgement("arc", "fail", (), place=newest.instance)
    try:
        tags = read_tags(newest.signature[1])
        judged = _named(tags, judged)
        names = _covered(tags)
        # RFC 8617 4.1.2: relaxed where nothing is said.
        tags = Tags({"c": "relaxed/relaxed", **tags.values})
        body, _ = require_body(tags, message)
    except BadTagsError as error:
        return replace(judged, reasons=(error.because,))
    key = key_for(judged, around)
    if isinstance(key, Judgement):
        return key
    include = [name.encode() for name in names]
    if verifies(key, tags, newest.signature, fields=message.fields, include=include, body=body):
        return None
    return replace(judged, reasons=("The message is not the one that was sealed: it was changed since.",))


def _covered(tags: Tags) -> tuple[str, ...]:
    names = tags.names("h")
    if tags.need("a") != "rsa-sha256" or "from" not in names or "arc-seal" in names or len(names) > NAMES:
        raise BadTagsError("The sealed signature is none that there can be.")
    return names


def _named(tags: Tags, judged: Judgement) -> Judgement:
    domain, selector = domain_name(tags.need("d")), domain_name(tags.need("s"))
    if domain is None or selector is None or "." not in domain:
        raise BadTagsError("It names no domain and key that there can be.")
    return replace(judged, domain=domain, selector=selector, algorithm="rsa-sha256")


def _judge(sets: Sequence[_Set], around: Circumstances, broken: Judgement | None) -> Judgement:
    """Judge the last of these seals: it covers what all before it wrote down."""
    mine = sets[-1]
    judged = Judgement("arc", "fail", (), place=mine.instance, says=_says(mine.results[1]))
    try:
        judged = _named(mine.seal_tags, judged)
        mine.seal_tags.octets("b")
    except BadTagsError as error:
        return replace(judged, reasons=(error.because,))
    if broken is not None and broken.result == "fail":
        return replace(judged, reasons=broken.reasons)
    key = key_for(judged, around)
    if isinstance(key, Judgement):
        return key
    judged = replace(judged, queried=key_name(judged), key_bits=key.bits)
    if not _holds(sets, key):
        return replace(judged, reasons=("The seal does not fit what stands there: something was changed.",))
    if broken is not None:
        return replace(judged, result=broken.result, reasons=broken.reasons)
    holds = f"{judged.domain} sealed what it had found when it took the message. It is worth as much as its word."
    result: Result = "pass"
    return replace(judged, result=result, reasons=(holds,))


def _holds(sets: Sequence[_Set], key: Key) -> bool:
    # dkimpy picks fields of one name from the bottom up: the oldest lies lowest, as servers put theirs on top.
    oldest_first = [
        part
        for each in sets
        for part in (each.results, each.signature, *((each.seal,) if each is not sets[-1] else ()))
    ]
    tags = Tags({**{name: value for name, value in sets[-1].seal_tags.values.items() if name != "bh"}, "c": "relaxed"})
    return verifies(
        key,
        tags,
        sets[-1].seal,
        fields=oldest_first[::-1],
        include=[name.lower() for name, _ in oldest_first],
        body=b"",
    )


def _says(value: bytes) -> str:
    """What the server wrote down, without its number, on one line."""
    text = " ".join(value.partition(b";")[2].decode("utf-8", "replace").split())
    return displayable(text)[:SAYS_CHARACTERS]
