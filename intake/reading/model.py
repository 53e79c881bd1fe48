"""What a reader makes of one acquisition: who, when, what, and how sure. Derived and replaceable; never the evidence.

A `Reading` is display material. The exhibit is the raw bytes; everything here can be made again from them by the reader
version it names. Nothing in it is guessed: what the bytes do not state is empty, and `defects` says what was odd.

JSON: `to_json` and `from_json` round-trip exactly for every reading that `read` makes. Characters that neither JSON in
PostgreSQL nor a page can carry (NUL, other control characters, lone surrogates) are replaced by `displayable` on the
way into a reading, and once more, as a last guard, on the way into JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final, Literal, TypeAlias, TypeVar

State: TypeAlias = Literal["read", "unreadable"]
Kind: TypeAlias = Literal["message", "diary", "call", "answers", "attachment"]
"""An "attachment": a file whose messages are events of their own."""
Direction: TypeAlias = Literal["inbound", "outbound", "unknown"]
Zone: TypeAlias = Literal["stated", "unknown"]
Precision: TypeAlias = Literal["second", "minute", "day", "month", "unknown"]
Source: TypeAlias = Literal["header", "quoted", "stated", "export", "none"]
Role: TypeAlias = Literal["attachment", "original", "inline"]
IdentifierKind: TypeAlias = Literal["phone", "email", "url", "plate", "handle"]
SpanField: TypeAlias = Literal["from", "to", "cc", "subject", "date", "body"]
HintKind: TypeAlias = Literal["time", "place"]
Headers: TypeAlias = tuple[tuple[str, str], ...]

# C0 controls except tab, line feed and carriage return; NUL among them. Lone surrogates cannot be encoded at all.
_UNSHOWABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_CONTROL_PICTURES: Final = 0x2400
_FIRST_SURROGATE: Final = 0xD800
REPLACED: Final = "some characters cannot be shown and were replaced"


@dataclass(frozen=True, slots=True)
class Claimed:
    """When the message says it was written: their clock, never ours.

    `at` is ISO 8601 local time, without an offset unless the zone is stated; None when the date is missing, unreadable,
    or its day and month could be swapped (`order_ambiguous`). `text` keeps the words that were read. `approximate`: she
    said "about".
    """

    at: str | None = None
    zone: Zone = "unknown"
    precision: Precision = "unknown"
    source: Source = "none"
    text: str | None = None
    order_ambiguous: bool = False
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Reported:
    """A person as the item names them: a claim, not an identification."""

    name: str | None = None
    address: str | None = None
    number: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nobody is named."""
        return self.name is None and self.address is None and self.number is None


@dataclass(frozen=True, slots=True)
class Slice:
    """`length` bytes at `offset` of some bytes, and the transfer encoding they are in ("" for none)."""

    offset: int
    length: int
    encoding: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part of a mail that is a file, as a slice.

    `sha256` and `size_bytes` are of the decoded bytes. `offset` and `length` are a slice of the raw bytes of the
    acquisition, or, where `outer` is not empty, of what decoding those slices in turn gives (an original that was
    attached in base64 has no slice of its own in the raw bytes). Role "original": a mail attached whole.
    """

    index: int
    name: str | None
    media_type: str
    sha256: str
    size_bytes: int
    offset: int
    length: int
    encoding: str
    role: Role
    outer: tuple[Slice, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """Where one field of an original stands: characters `start` to `end` (exclusive) of `Forward.source`."""

    field: SpanField
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class InnerForward:
    """A message quoted inside the original: its author had forwarded or quoted it. Kept as a chain, outermost first."""

    author: Reported
    subject: str | None
    date_text: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Forward:
    """How the original was found.

    `rule` names the reader's rule: "attached"; "file", for an uploaded mail, itself the original; "resent", for
    one that was redirected; or an inline one. For those `source` is the decoded text that was read, and the spans
    (character offsets, end exclusive) say where in it the header block and the body lie. `spans` say where the words
    of each field stand that the reading took from there; readers before version 4 gave none.
    """

    rule: str
    source: str | None = None
    header_start: int = 0
    header_end: int = 0
    body_end: int = 0
    chain: tuple[InnerForward, ...] = ()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Identifier:
    """A phone number, address, link, plate or handle. The span is in `Reading.text`; None in a link's target."""

    kind: IdentifierKind
    value: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """Words of an entry that seem to say when or where, as they stand there: never turned into a time or a place."""

    kind: HintKind
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One acquisition, read. See the module docstring for what it may be used for.

    Of a picture or recording, or of those that came in it: `facts` are what their bytes tell (EXIF as it stands there,
    which may say where she lives), `length_ms` how long a recording is, and `search_hint` words that a program seems to
    see in a picture: for searching alone, often wrong, never shown as what it says.

    Of an entry written on a personal page, `account` holds each answer by the name of its question, and `unfinished`
    that she had not sent it when her visit ended. `own_words`: whoever sent it in wrote it, as far as can be told.
    """

    version: int
    state: State = "read"
    kind: Kind = "message"
    direction: Direction = "unknown"
    claimed: Claimed = field(default_factory=Claimed)
    reported_from: Reported = field(default_factory=Reported)
    reported_to: tuple[Reported, ...] = ()
    reported_cc: tuple[Reported, ...] = ()
    subject: str | None = None
    text: str = ""
    note: str | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: Headers = ()
    original_headers: Headers = ()
    forward: Forward | None = None
    identifiers: tuple[Identifier, ...] = ()
    hints: tuple[Hint, ...] = ()
    account: Headers = ()
    unfinished: bool = False
    own_words: bool = False
    remote_content: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    unreadable_because: str | None = None
    facts: Headers = ()
    length_ms: int | None = None
    search_hint: str = ""


def displayable(text: str) -> str:
    """`text` with control characters as their pictures (NUL becomes ␀), lone surrogates as U+FFFD. For display only."""
    return _UNSHOWABLE.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "\ufffd" if code >= _FIRST_SURROGATE else chr(_CONTROL_PICTURES + code)


def to_json(reading: Reading) -> dict[str, Any]:
    """The reading as plain JSON values. Never raises for a `Reading`."""
    document = _plain(reading)
    assert isinstance(document, dict)  # noqa: S101 - narrows for mypy: a dataclass always gives a dict
    return document


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return displayable(value) if isinstance(value, str) else value


T = TypeVar("T")


def _one(kind: type[T], document: Mapping[str, Any], **given: object) -> T:
    return kind(**{**document, **given})


def from_json(document: Mapping[str, Any]) -> Reading:
    """The reading that `to_json` wrote.

    Raises:
        KeyError, TypeError: the document is not one of ours.
    """
    forward = document["forward"]
    return _one(
        Reading,
        document,
        claimed=_one(Claimed, document["claimed"]),
        reported_from=_one(Reported, document["reported_from"]),
        reported_to=tuple(_one(Reported, each) for each in document["reported_to"]),
        reported_cc=tuple(_one(Reported, each) for each in document["reported_cc"]),
        attachments=tuple(map(_attachment, document["attachments"])),
        headers=tuple((name, value) for name, value in document["headers"]),
        original_headers=tuple((name, value) for name, value in document["original_headers"]),
        forward=None if forward is None else _forward(forward),
        identifiers=tuple(_one(Identifier, each) for each in document["identifiers"]),
        # Readers before version 2 knew none of these.
        hints=tuple(_one(Hint, each) for each in document.get("hints", ())),
        account=tuple((name, value) for name, value in document.get("account", ())),
        remote_content=tuple(document["remote_content"]),
        facts=tuple((name, value) for name, value in document.get("facts", ())),
        defects=tuple(document["defects"]),
    )


def _forward(document: Mapping[str, Any]) -> Forward:
    spans = tuple(_one(Span, each) for each in document.get("spans", ()))
    return _one(Forward, document, chain=tuple(map(_inner, document["chain"])), spans=spans)


def _attachment(document: Mapping[str, Any]) -> Attachment:
    return _one(Attachment, document, outer=tuple(_one(Slice, each) for each in document["outer"]))


def _inner(document: Mapping[str, Any]) -> InnerForward:
    return _one(InnerForward, document, author=_one(Reported, document["author"]))
