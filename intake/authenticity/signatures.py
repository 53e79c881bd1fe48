"""DKIM signatures (RFC 6376), each judged on its own and strictly: what it covers, by which key, at which time.

dkimpy alone calls a message verified to which a second Subject was added, whose From was never signed, or that grew by
text below a length limit; and it judges expiry by the clock of whoever looks. Everything but the arithmetic is judged
here (issue 5; the integrity report has what was measured).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias

from dkim.canonicalization import CanonicalizationPolicy, InvalidCanonicalizationPolicyError

from archive.acquisition import rendered
from intake.authenticity.domains import alignment_of
from intake.authenticity.keys import FEWEST_BITS, STRONG_BITS, BadKeyError, Key, key_in, verifies
from intake.authenticity.message import Message
from intake.authenticity.model import DnsAnswer, Judgement, Result
from intake.authenticity.tags import BadTagsError, Tags, domain_name, read_tags

SIGNATURES: Final = 8
"""Of one message. Mailing services add two or three; each costs a digest of the whole body."""
ONCE: Final = (
    *(b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id"),
    *(b"mime-version", b"content-type", b"content-transfer-encoding"),
)
"""Fields that come once (RFC 5322 3.6, RFC 2045 3): of two, programs show the one or the other."""
NAMES: Final = 200
"""Of fields in `h=`: each is looked for among all."""
COVERED: Final = (b"subject", b"date", b"to")
"""What people read beside From and the text: a signature that leaves one out says nothing of it."""
ALGORITHMS: Final = {"rsa-sha256": hashlib.sha256, "ed25519-sha256": hashlib.sha256, "rsa-sha1": hashlib.sha1}
CLOCKS_APART_SECONDS: Final = 3600
"""How far a signer's clock may be ahead of ours."""

Lookup: TypeAlias = Callable[[str, str], DnsAnswer]
"""`lookup(name, domain)`: the answer of DNS for a TXT name of that domain, or why there is none."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a message is judged by besides its bytes: when it was received, its author's domain, and DNS."""

    received_at: datetime
    from_domain: str | None
    lookup: Lookup


def judge_signatures(message: Message, around: Circumstances) -> tuple[Judgement, ...]:
    """A judgement for each DKIM signature, from the top; one that says so where there is none."""
    found = [(name, value) for name, value in message.fields if name.lower() == b"dkim-signature"]
    if not found:
        return (Judgement("dkim", "none", ("The message has no DKIM signature.",)),)
    judged = [_judge(message, each, place, around) for place, each in enumerate(found[:SIGNATURES])]
    if len(found) > SIGNATURES:
        more = f"{len(found) - SIGNATURES} further signatures were not judged: no honest message has so many."
        judged.append(Judgement("dkim", "not_checked", (more,), place=SIGNATURES))
    return tuple(judged)


def _judge(message: Message, signature: tuple[bytes, bytes], place: int, around: Circumstances) -> Judgement:
    failed = Judgement("dkim", "fail", (), place=place)
    try:
        tags = read_tags(signature[1])
        failed = _described(tags, failed)
        _require_sound(tags, failed, message)
        body, length = require_body(tags, message)
    except BadTagsError as error:
        return replace(failed, reasons=(error.because,))
    except (OverflowError, ValueError):
        return replace(failed, reasons=("It holds a value that nobody signs with.",))
    key = key_for(failed, around)
    if isinstance(key, Judgement):
        return key
    judged = replace(
        failed,
        queried=key_name(failed),
        key_bits=key.bits,
        aligned=alignment_of(str(failed.domain), around.from_domain),
    )
    names = [name.encode() for name in judged.signed_headers]
    if not verifies(key, tags, signature, fields=message.fields, include=names, body=body):
        return replace(judged, reasons=("The signature does not fit the header: something signed was changed.",))
    weak = [*_weak_by_key(judged, key, tags), *_weak_by_time(tags, around.received_at), *_weak_by_whom(judged, around)]
    return _weighed(judged, message, length, weak)


def _described(tags: Tags, judged: Judgement) -> Judgement:
    """What the signature says of itself; nothing is believed yet."""
    domain = domain_name(tags.need("d"))
    selector = domain_name(tags.need("s"))
    judged = replace(judged, domain=domain, selector=selector, algorithm=tags.need("a").lower())
    if domain is None or selector is None or "." not in domain:
        raise BadTagsError("It names no domain and key that there can be.")
    return replace(
        judged,
        signed_headers=_names(tags),
        body_octets=tags.number("l"),
        signed_at=_moment(tags.number("t")),
        expires_at=_moment(tags.number("x")),
    )


def _names(tags: Tags) -> tuple[str, ...]:
    names = tags.names("h")
    if len(names) > NAMES:
        raise BadTagsError(f"It names more fields than are judged ({NAMES}).")
    return names


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else rendered(datetime.fromtimestamp(seconds, UTC))


def _require_sound(tags: Tags, judged: Judgement, message: Message) -> None:
    """What a signature must have, and must not allow, whoever made it.

    Raises:
        BadTagsError: It does not hold.
    """
    if tags.need("v") != "1":
        raise BadTagsError("It is of a version that there is not.")
    if judged.algorithm not in ALGORITHMS or tags.need("a") != judged.algorithm:
        raise BadTagsError("It is of a kind that is not known.")
    tags.octets("b")
    if "dns/txt" not in (tags.get("q") or "dns/txt").replace(" ", "").split(":"):
        raise BadTagsError("Its key is not to be found in DNS.")
    signed_at, expires_at = tags.number("t"), tags.number("x")
    if signed_at is not None and expires_at is not None and expires_at < signed_at:
        raise BadTagsError("It ended before it was made.")
    if "from" not in judged.signed_headers:
        raise BadTagsError("It does not cover From, so it says of nobody that he wrote this (RFC 6376 5.4).")
    identity = domain_name((tags.get("i") or f"@{judged.domain}").rpartition("@")[2])
    if identity is None or not f".{identity}".endswith(f".{judged.domain}"):
        raise BadTagsError("It speaks for another domain than the one that signed.")
    _require_single(judged, message)


def _require_single(judged: Judgement, message: Message) -> None:
    for name in ONCE:
        there, covered = len(message.every(name)), judged.signed_headers.count(name.decode())
        if name == b"from" and there != 1:
            raise BadTagsError(f"There are {there} From fields; there must be one.")
        if there > max(covered, 1):
            shown = name.decode().title()
            raise BadTagsError(f"There are {there} {shown} fields, and it does not cover them all: one may be added.")


def require_body(tags: Tags, message: Message) -> tuple[bytes, int]:
    """The body if it is the one that was signed, prepared as the signature asks, and its length in the signed form.

    No key is needed to see that, and so no look-up.

    Raises:
        BadTagsError: It is not, or the signature asks for something unknown.
    """
    stated = "".join((tags.get("c") or "simple/simple").split())
    try:
        policy = CanonicalizationPolicy.from_c_value(stated.encode())
    except InvalidCanonicalizationPolicyError:
        raise BadTagsError("It asks for a form of the message that is not known.") from None
    body = message.relaxed_body if policy.body_algorithm.name == b"relaxed" else message.body
    signed = policy.canonicalize_body(body)
    limit = tags.number("l")
    if limit is not None and limit > len(signed):
        raise BadTagsError("More of the text was signed than there is now: it was cut.")
    digest = ALGORITHMS[tags.need("a")](signed[:limit] if limit is not None else signed).digest()
    if digest != tags.octets("bh"):
        raise BadTagsError("The text is not the one that was signed: it was changed on its way, by whomever.")
    return body, len(signed)


def key_name(judged: Judgement) -> str:
    """Where in DNS the key of a signature lies."""
    return f"{judged.selector}._domainkey.{judged.domain}."


def key_for(judged: Judgement, around: Circumstances) -> Key | Judgement:
    """The signer's key; or the judgement, where there is none to be had."""
    name = key_name(judged)
    answer = around.lookup(name, str(judged.domain))
    if answer.outcome == "not_asked":
        return replace(judged, result="not_checked", reasons=(answer.because or "Its key was not looked up.",))
    asked = replace(judged, queried=name)
    if answer.outcome in {"timeout", "failure"}:
        return replace(asked, result="temporary", reasons=("DNS did not answer when its key was looked up.",))
    if answer.outcome != "found":
        gone = "No key lies under the name that it gives. Keys are withdrawn after a while: this does not mean forged."
        return replace(asked, reasons=(gone,))
    try:
        key = key_in(answer, str(judged.algorithm))
    except BadKeyError as error:
        return replace(asked, reasons=(error.because,))
    if key.kind == "rsa" and key.bits < FEWEST_BITS:
        short = f"Its key has {key.bits} bits: anybody can compute it (RFC 8301)."
        return replace(asked, key_bits=key.bits, reasons=(short,))
    return key


def _weighed(judged: Judgement, message: Message, length: int, weak: list[str]) -> Judgement:
    """What a signature that fits comes to: everything that speaks against it is said."""
    uncovered = [*_uncovered(judged, message), *_beyond(judged, length)]
    twice = [each.decode().title() for each in ONCE if len(message.every(each)) > 1]
    weak = [*weak, *(f"There are two {each} fields: programs show the one or the other." for each in twice)]
    result: Result = "partial" if uncovered else "weak" if weak else "pass"
    fits = f"{judged.domain} signed this message, and what it signed was not changed since."
    return replace(judged, result=result, reasons=(fits, *uncovered, *weak))


def _uncovered(judged: Judgement, message: Message) -> list[str]:
    left_out = [
        name.decode().title() for name in COVERED if message.every(name) and name.decode() not in judged.signed_headers
    ]
    return [f"It does not cover {' and '.join(left_out)}."] if left_out else []


def _beyond(judged: Judgement, length: int) -> list[str]:
    more = 0 if judged.body_octets is None else length - judged.body_octets
    return (
        [f"It covers the first {judged.body_octets} bytes of the text; {more} more may be anybody's."] if more else []
    )


def _weak_by_key(judged: Judgement, key: Key, tags: Tags) -> list[str]:
    found = []
    if judged.algorithm == "rsa-sha1":
        found.append("It is by SHA-1, which is broken (RFC 8301).")
    if key.kind == "rsa" and key.bits < STRONG_BITS:
        found.append(f"Its key has {key.bits} bits, fewer than {STRONG_BITS}.")
    if key.testing:
        found.append("The domain says that it is only trying signatures out.")
    identity = domain_name((tags.get("i") or f"@{judged.domain}").rpartition("@")[2])
    if key.same_domain and identity != judged.domain:
        found.append("The key is not for names below the domain.")
    return found


def _weak_by_time(tags: Tags, received_at: datetime) -> list[str]:
    at, signed_at, expires_at = received_at.timestamp(), tags.number("t"), tags.number("x")
    found = []
    if expires_at is not None and expires_at < at:
        found.append(f"It ended on {_moment(expires_at)}, before we received it.")
    if signed_at is not None and signed_at > at + CLOCKS_APART_SECONDS:
        found.append(f"It claims to be of {_moment(signed_at)}, after we received it.")
    return found


def _weak_by_whom(judged: Judgement, around: Circumstances) -> list[str]:
    if judged.aligned != "no":
        return []
    author = around.from_domain or "nobody in particular"
    return [f"{judged.domain} signed it, and From names {author}: it says nothing of that author."]
