"""What was found out about one exhibit's messages: judgements, and the DNS answers behind them. Plain data.

JSON: canonical (RFC 8785), so that its digest can stand in the ledger and be computed by anyone (docs/package.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final, Literal, TypeAlias

import rfc8785

from intake.reading.model import Slice

VERSION: Final = 1
"""Raised whenever the same bytes and the same DNS answers would be judged differently."""

Result: TypeAlias = Literal["pass", "weak", "partial", "fail", "none", "temporary", "not_checked"]
"""`none`: nothing to judge by. `temporary`: DNS did not answer yet. See docs/glossary.md, "authenticity"."""
RESULTS: Final[tuple[Result, ...]] = ("pass", "weak", "partial", "fail", "none", "temporary", "not_checked")
Subject: TypeAlias = Literal["original", "forward"]
Method: TypeAlias = Literal["dkim", "arc", "spf", "dmarc"]
Alignment: TypeAlias = Literal["strict", "relaxed", "no"]
Outcome: TypeAlias = Literal["found", "absent", "empty", "timeout", "failure", "not_asked"]
"""`absent`: no such name. `empty`: the name has no record of this type. `not_asked`: by a rule of ours."""


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """One answer of DNS, as it came.

    Attributes:
        name: What was asked, with its final dot.
        outcome: What came of it; `because` says more where none was found.
        records: The text of each record, its strings joined; bytes as Latin-1.
        resolver: Who was asked, `address:port`.
        asked_at: By our clock, as every document renders times.
        ttl: Seconds the answer may be kept, the least on its way.
        authenticated: Whether the resolver says that it validated the answer (the AD bit, RFC 4035).
        wire: The whole response, base64.
    """

    name: str
    outcome: Outcome
    records: tuple[str, ...] = ()
    resolver: str | None = None
    asked_at: str | None = None
    ttl: int | None = None
    authenticated: bool = False
    wire: str | None = None
    because: str | None = None
    type: str = "TXT"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One signature, one seal, or one result that our own mail server wrote down.

    Attributes:
        method: `dkim`, `arc`, or what the server checked.
        result: What it comes to; `reasons` say why, in words for people.
        domain: Who signed, in A-labels; None where nothing is signed.
        place: Which signature, counted from the top; of a seal, its instance.
        selector: Of the key; `queried` is the DNS name of it, None where no look-up was needed or allowed.
        aligned: Whether the signer is the domain in From (RFC 7489 3.1).
        body_octets: `l=`: how much of the body is signed; None: all.
        signed_at: `t=` and `expires_at` `x=`, as the signature claims.
        stated_by: Of a result that our mail server wrote down: its name.
        says: Of a seal, what the sealer wrote down; of a server's result, its words.
    """

    method: Method
    result: Result
    reasons: tuple[str, ...]
    domain: str | None = None
    place: int = 0
    selector: str | None = None
    queried: str | None = None
    algorithm: str | None = None
    key_bits: int | None = None
    aligned: Alignment | None = None
    signed_headers: tuple[str, ...] = ()
    body_octets: int | None = None
    signed_at: str | None = None
    expires_at: str | None = None
    stated_by: str | None = None
    says: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedMessage:
    """One message in an exhibit.

    Attributes:
        of: `original`, or the `forward` it came in.
        part: Number of the attachment it is; None: the exhibit's bytes themselves.
        place: Slices that lead from the exhibit's bytes to the message's; empty: all of them.
        nested: It lies within another original.
        sha256: Of the message's bytes.
        from_domain: Domain in its one From address, in A-labels; None where it has not just one.
    """

    of: Subject
    part: int | None
    place: tuple[Slice, ...]
    nested: bool
    sha256: str
    size_bytes: int
    from_domain: str | None
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class Authenticity:
    """Everything found out about one exhibit at one time.

    Attributes:
        received_at: When the exhibit was received: expiry is judged by this.
        judged_at: When DNS was asked and signatures were judged.
        asked: An officer had every domain looked up.
        state: `temporary` while DNS owes an answer.
        unjudged: Why there are messages in it that were not judged.
    """

    received_at: str
    judged_at: str
    asked: bool
    state: Literal["final", "temporary"]
    messages: tuple[JudgedMessage, ...]
    dns: tuple[DnsAnswer, ...] = field(default=(), repr=False)
    unjudged: tuple[str, ...] = ()
    version: int = VERSION

    def canonical(self) -> bytes:
        """The document whose digest stands in the ledger; each DNS answer with the digest of its file."""
        document = _plain(self)
        for number, answer in enumerate(self.dns, start=1):
            raw = answer_file(answer)
            document["dns"][number - 1] |= {"file": dns_file(number), "sha256": hashlib.sha256(raw).hexdigest()}
        return rfc8785.dumps(document)

    @property
    def original_passed(self) -> bool:
        """Whether every original has a signature that passed; those within another original aside."""
        outermost = [each for each in self.messages if each.of == "original" and not each.nested]
        return bool(outermost) and not self.unjudged and all(map(_passed, outermost))


def _passed(message: JudgedMessage) -> bool:
    return any(each.method == "dkim" and each.result == "pass" for each in message.judgements)


def dns_file(number: int) -> str:
    """Where the answer of that number lies in a package, below its exhibit's folder."""
    return f"dns/{number:03d}.txt"


def answer_file(answer: DnsAnswer) -> bytes:
    """A DNS answer as a text file: a line for each fact, `record:` once for each record, nothing but ASCII."""
    facts = {
        "name": answer.name,
        "type": answer.type,
        "outcome": answer.outcome,
        "because": answer.because,
        "resolver": answer.resolver,
        "asked-at": answer.asked_at,
        "ttl": answer.ttl,
        "authenticated": "yes" if answer.authenticated else "no",
    }
    lines = [f"{name}: {_one_line(str(value))}" for name, value in facts.items() if value is not None]
    lines += [f"record: {_one_line(record)}" for record in answer.records]
    lines += [f"wire: {answer.wire}"] if answer.wire else []
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _one_line(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


def read_answer(raw: bytes) -> DnsAnswer:
    """The answer that `answer_file` wrote.

    Raises:
        ValueError: It is not of that form.
    """
    pairs = [line.split(": ", 1) for line in raw.decode("ascii").splitlines()]
    if any(len(pair) != 2 for pair in pairs):  # noqa: PLR2004 - a name and a value
        raise ValueError("a line that is no fact")
    told = {name: _opened(value) for name, value in pairs if name != "record"}
    return DnsAnswer(
        name=told["name"],
        outcome=told["outcome"],  # type: ignore[arg-type] # compared with the record, where a wrong word shows
        records=tuple(_opened(value) for name, value in pairs if name == "record"),
        resolver=told.get("resolver"),
        asked_at=told.get("asked-at"),
        ttl=int(told["ttl"]) if "ttl" in told else None,
        authenticated=told.get("authenticated") == "yes",
        wire=told.get("wire"),
        because=told.get("because"),
        type=told.get("type", "TXT"),
    )


def _opened(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def from_json(document: Mapping[str, Any]) -> Authenticity:
    """What `Authenticity.canonical` wrote.

    Raises:
        KeyError, TypeError: The document is not one of ours.
    """
    return Authenticity(
        received_at=document["received_at"],
        judged_at=document["judged_at"],
        asked=document["asked"],
        state=document["state"],
        messages=tuple(map(_message, document["messages"])),
        dns=tuple(map(_answer, document["dns"])),
        unjudged=tuple(document["unjudged"]),
        version=document["version"],
    )


def _answer(document: Mapping[str, Any]) -> DnsAnswer:
    known = {name: value for name, value in document.items() if name not in {"file", "sha256"}}
    return DnsAnswer(**{**known, "records": tuple(document["records"])})


def _message(document: Mapping[str, Any]) -> JudgedMessage:
    place = tuple(Slice(**each) for each in document["place"])
    return JudgedMessage(**{**document, "place": place, "judgements": tuple(map(_judgement, document["judgements"]))})


def _judgement(document: Mapping[str, Any]) -> Judgement:
    lists = {name: tuple(document[name]) for name in ("reasons", "signed_headers")}
    return Judgement(**{**document, **lists})
