"""A text, as Twilio's webhook brought it: the form's bytes, read.

A forwarded text is a *new* text: its sender is the contributor and its time is the forward's. Who wrote the original
and when is known only where the body says so, in the ways phones copy a message. Else both stay empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from intake.reading import limits
from intake.reading.addresses import is_number, read_person
from intake.reading.dates import claimed_from
from intake.reading.diary import entry_of
from intake.reading.identifiers import find_identifiers, international
from intake.reading.model import REPLACED, Claimed, Direction, Forward, Reading, Reported, Span, SpanField, displayable
from intake.reading.transfer import decode_text

_FIELDS_LIMIT: Final = 2_000
_SHOWN: Final = re.compile(
    r"From|To|Body|NumMedia|NumSegments|MessageSid|SmsSid|AccountSid|Forwarded|FrequentlyForwarded|ProfileName|WaId|OptOutType|ErrorCode"
    r"|Media(Url|ContentType)\d+|Latitude|Longitude|Address|Label|ButtonText|OriginalRepliedMessageS\w+"
)
_LABEL: Final = re.compile(
    r"[ \t>*]{0,8}(from|sender|sent by|to|date|sent|time|received|date/time|message|body|text|type|priority|status)"
    r"[ \t]{0,3}[:\uff1a*]{1,2}[ \t]*(.*)",
    re.IGNORECASE,
)
_LABELS: Final = {
    "from": "from", "sender": "from", "sent by": "from",
    "to": "to",
    "date": "date", "sent": "date", "time": "date", "received": "received", "date/time": "date",
    "type": "type", "priority": "priority", "status": "status",
    "message": "body", "body": "body", "text": "body",
}  # fmt: skip
_PREFIX: Final = re.compile(
    r"\s{0,20}(?:fwd?|forwarded(?: message)?|forward)[ \t]{0,3}[:\uff1a]\s{0,10}", re.IGNORECASE
)
_ONE_LINE: Final = re.compile(
    r"[ \t]{0,20}(?:message |text |sms )?from[: ]{1,3}([^\n:]{1,80}?)[ ,]{1,3}(?:sent|received|on|at)[ :]{1,3}"
    r"([^\n]{4,60}?)(?::(?=[ \n])|\n)",
    re.IGNORECASE,
)
_NUMBER_FIRST: Final = re.compile(
    r"[ \t]{0,20}(?:message |text |sms )?from[: ]{1,3}(\+?[0-9][0-9 ()-]{6,20}[0-9])[ \t]{0,3}(?:[:\n]|-\s)",
    re.IGNORECASE,
)


_BRACKET: Final = re.compile(r"^\u200e?\[(\d{1,4}[:./-]\d{1,2}[^\]\n]{2,30})\] ([^:\n]{1,80}): ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Copied:
    """A message copied into a text: who, when, and where in the body each stands."""

    rule: str
    who: str | None
    when: str | None
    to: str | None
    start: int
    body_start: int


def read_text(raw: bytes, version: int) -> Reading:
    """Read a webhook's form. Total: what is missing or broken is empty."""
    fields, defects = read_form(raw)
    body = next((value for name, value in fields if name == "Body"), "")
    shown = displayable(body)
    if shown != body:
        defects = (*defects, REPLACED)
    headers = tuple(
        (displayable(name), displayable(value)) for name, value in fields if _SHOWN.fullmatch(name) and name != "Body"
    )
    entry = entry_of(shown)
    if entry is not None:
        return Reading(
            version,
            kind=entry.kind,
            claimed=entry.claimed,
            text=shown,
            headers=headers,
            identifiers=find_identifiers(shown),
            hints=entry.hints,
            own_words=True,
            defects=defects,
        )
    return _message(version, shown, headers, defects)


def _message(version: int, shown: str, headers: tuple[tuple[str, str], ...], defects: tuple[str, ...]) -> Reading:
    copied = _labelled(shown) or _one_line(shown) or _bracketed(shown)
    if copied is None:
        return Reading(version, text=shown, headers=headers, identifiers=find_identifiers(shown), defects=defects)
    text = shown[copied.body_start :]
    author = _person(copied.who)
    to = _person(copied.to)
    return Reading(
        version,
        direction=_direction(author, to),
        claimed=Claimed()
        if copied.when is None
        else claimed_from(_plain_date(copied.when), "stated", frozenset({"en"})),
        reported_from=author,
        reported_to=() if to.is_empty else (to,),
        text=text,
        note=shown[: copied.start].strip() or None,
        headers=headers,
        forward=Forward(copied.rule, shown, copied.start, copied.body_start, len(shown), spans=_spans(shown, copied)),
        identifiers=find_identifiers(text),
        defects=defects,
    )


def _spans(shown: str, copied: _Copied) -> tuple[Span, ...]:
    stated: tuple[tuple[SpanField, str | None], ...] = (("from", copied.who), ("date", copied.when), ("to", copied.to))
    places = ((name, shown.find(words, copied.start, copied.body_start), len(words)) for name, words in stated if words)
    found = tuple(Span(name, start, start + length) for name, start, length in places if start >= 0)
    return (*found, Span("body", copied.body_start, len(shown)))


def _direction(author: Reported, to: Reported) -> Direction:
    return "inbound" if not author.is_empty and to.is_empty else "unknown"


def _labelled(body: str) -> _Copied | None:
    """Lines of `From: …`, `Sent: …`, `Message: …` at the start: Samsung, iOS and apps that copy messages."""
    position = (_PREFIX.match(body) or re.compile("").match(body)).end()  # type: ignore[union-attr]
    start = position
    found: dict[str, str] = {}
    while position < len(body):
        newline = body.find("\n", position)
        line_end = len(body) if newline < 0 else newline
        match = _LABEL.match(body, position, line_end)
        name = None if match is None else _LABELS[match[1].lower()]
        if match is None or name is None or name in found:
            break
        if name == "body":
            return _copied(found, start, match.start(2))
        found[name] = match[2].strip()
        position = line_end + 1
    return _copied(found, start, min(position, len(body)))


def _copied(found: Mapping[str, str], start: int, body_start: int) -> _Copied | None:
    """Two labels, or a From that is a telephone number: less is an ordinary sentence with a colon in it."""
    who = found.get("from")
    if who is None or (len(found) < 2 and not is_number(who)):  # noqa: PLR2004
        return None
    return _Copied("labels", who, found.get("date") or found.get("received"), found.get("to"), start, body_start)


def _one_line(body: str) -> _Copied | None:
    """`From +44… sent 21 Nov 2026 22:14: the words` and `From +44…: the words`."""
    start = match.end() if (match := _PREFIX.match(body)) else 0
    if dated := _ONE_LINE.match(body, start):
        who, when = dated[1].strip(), dated[2].strip()
        if is_number(who) or claimed_from(_plain_date(when), "stated").precision != "unknown":
            return _Copied("sentence", who, when, None, start, _past_space(body, dated.end()))
    if numbered := _NUMBER_FIRST.match(body, start):
        return _Copied("sentence", numbered[1], None, None, start, _past_space(body, numbered.end()))
    return None


def _bracketed(body: str) -> _Copied | None:
    """`[22:14, 21/11/2026] Dan Frost: the words`, as WhatsApp copies messages; of several by one person, no time."""
    heads = list(_BRACKET.finditer(body))
    if not heads or body[: heads[0].start()].strip():
        return None
    first = heads[0]
    if len({head[2].strip() for head in heads}) > 1 or claimed_from(first[1], "stated").text is None:
        return None  # a conversation: whose words are meant is not ours to choose
    if not any(map(str.isdigit, first[1])):
        return None
    if len(heads) > 1:
        return _Copied("copied", first[2].strip(), None, None, first.start(), first.start())
    return _Copied("copied", first[2].strip(), _time_last(first[1]), None, first.start(), first.end())


def _time_last(text: str) -> str:
    """`22:14, 21/11/2026` in the order that dates are written in."""
    before, comma, after = text.partition(",")
    return f"{after.strip()} {before.strip()}" if comma and ":" in before else text


def _past_space(body: str, position: int) -> int:
    return position + 1 if body.startswith((" ", "\n"), position) else position


def _plain_date(text: str) -> str:
    return re.sub(r"\b(\d{1,2})(?:st|nd|rd|th)\b", r"\1", text[:200])


def _person(text: str | None) -> Reported:
    """A name, number or both (`Dan +44 7700 900123`, `Dan (07700 900123)`)."""
    if not text:
        return Reported()
    text = text.strip(" \t*")
    number = re.search(r"\+?[0-9][0-9 ().\-]{5,20}[0-9]", text)
    if number is None:
        return read_person(text)
    name = (text[: number.start()] + text[number.end() :]).strip(" \t()<>[],-:")
    return Reported(name=name[: limits.DOOR_CHARACTERS] or None, number=international(number[0]) or number[0])


def read_form(raw: bytes) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The fields of an `application/x-www-form-urlencoded` body, in order, repeats and all (WHATWG URL 5.1).

    A bad percent escape stands for itself; bytes that are not UTF-8 are read as Windows-1252 and reported.
    """
    fields: list[tuple[str, str]] = []
    defects: dict[str, None] = {}
    for piece in raw.split(b"&", _FIELDS_LIMIT)[:_FIELDS_LIMIT]:
        if piece:
            name, _, value = piece.partition(b"=")
            (shown_name, _), (shown_value, odd) = _decode(name), _decode(value)
            fields.append((shown_name, shown_value[: limits.TEXT_CHARACTERS]))
            if odd is not None:
                defects.setdefault(odd)
    if raw.count(b"&") >= _FIELDS_LIMIT:
        defects.setdefault("more fields than the reader looks at")
    return tuple(fields), tuple(defects)


def _decode(value: bytes) -> tuple[str, str | None]:
    return decode_text(unquote_to_bytes(value.replace(b"+", b" ")), None)
