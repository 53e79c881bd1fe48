"""Messages forwarded inline: who wrote the original, to whom, when, about what, out of the lines that a mail program put there.

One pass over the lines, in linear time, without backtracking over the text. The first thing in the text that could be the
head of another message decides, so the *outermost* message is the original and what it quotes stays inside it:

    rule            what is seen                                          taken as a forward
    opening         "Begin forwarded message:" and a quoted header        always
    dashes          "---- Forwarded message ----" and a quoted header     always
    one-line        Yahoo: the same, all in a single line                 always
    original        "---- Original Message ----" and a quoted header      unless the subject says reply
    rule            a line of underscores and a quoted header             unless the subject says reply
    block           a quoted header alone, From first, three fields       only if the subject says forward
    attribution     "On <date>, <name> <address> wrote:"                  only if the subject says forward

Anything else is no forward. A wrong name on a timeline is worse than none: where the lines leave doubt, nobody is named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from intake.reading import limits
from intake.reading.addresses import clean_name, read_people, read_person
from intake.reading.forward_words import (
    FORWARD_PREFIXES,
    FORWARDED,
    LABELS,
    LONGEST_LABEL,
    OPENINGS,
    REPLY_IN,
    REPLY_PREFIXES,
    USER_WORDS,
    WROTE,
    Field,
)
from intake.reading.model import InnerForward, Reported

Kind: TypeAlias = Literal["forward", "reply", "other", "unknown"]

_QUOTE: Final = re.compile(r"[\ufeff\u200b]*(?:[ \t]?>)*")
_EDGE: Final = " \t\ufeff\u200b\u200e\u200f\xa0\r"
_RULE: Final = re.compile(r"(?:[_]{8,}|[-]{8,}|[=]{8,}|[─—]{8,})")
_DASHED: Final = re.compile(r"-{3,100} ?(?=[^-\s])([^\n]{2,120}?)[ \t]?-{4,100}[ \t]*")
_PREFIX: Final = re.compile(r"\s*(?:\[[^\]\n]{1,40}\]\s*)*([^\s:：\[\]]{1,20})(?:\[\d+\]|\(\d+\))?\s*[:：]\s*")
_OUTLOOK_ORIGINAL: Final = "-----Original"
_MOST_BLANK: Final = 4
_MOST_FIELDS: Final = 20
_MOST_INNER: Final = 50
_LONGEST_ATTRIBUTION: Final = 400
_NUMERIC_DATE: Final = re.compile(
    r"\d{1,4}[./-] ?\d{1,2}[./-] ?\d{1,4}\.?,?(?: \S{1,6})?? \d{1,2}[:.]\d{2}(?:[:.]\d{2})?"
)
_QUOTED_NAME: Final = re.compile(r"[\"“„«]\s?([^\"“”„«»]{1,200}?)\s?[\"”“»]\s*\(?$")


@dataclass(frozen=True, slots=True)
class Inline:
    """An original found in the text. Spans are characters of `source`; `above` is everything before the header block."""

    rule: str
    source: str
    author: Reported
    to: tuple[Reported, ...]
    cc: tuple[Reported, ...]
    subject: str | None
    date_text: str | None
    languages: frozenset[str]
    above: str
    body: str
    header_start: int
    header_end: int
    body_end: int
    chain: tuple[InnerForward, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    depth: int
    text: str


@dataclass(slots=True)
class _Header:
    """A quoted header block: the text of each field, and the first line after it."""

    values: dict[Field, str] = field(default_factory=dict)
    languages: list[frozenset[str]] = field(default_factory=list)
    start: int = 0
    next_line: int = 0
    depth: int = 0

    @property
    def language(self) -> frozenset[str]:
        common = frozenset.intersection(*self.languages) if self.languages else frozenset()
        return common or (self.languages[0] if self.languages else frozenset())


def find_forward(text: str, subject: str | None, recipients: frozenset[str] = frozenset()) -> Inline | None:
    """The outermost message that `text` forwards; None if it forwards none, or that is in doubt.

    Args:
        text: A mail's text, lines ended by LF.
        subject: The mail's own subject; None where it has none or it is not known.
        recipients: Whom the mail is addressed to, case-folded. A message *from* one of them that is set off weakly is
            being answered, not forwarded.
    """
    lines = _lines(text.replace("\r\n", "\n")[: limits.TEXT_CHARACTERS])
    source = text.replace("\r\n", "\n")[: limits.TEXT_CHARACTERS]
    kind, rest = subject_kind(subject)
    for number, line in enumerate(lines):
        found = _at(lines, number, line)
        if found is None:
            continue
        rule, header = found
        if not _is_forward(rule, kind, header, subject):
            if rule == "attribution" and kind == "forward":
                continue
            return None
        result = _result(source, lines, number, rule, header, rest)
        is_weak = rule in ("original", "rule", "block", "attribution")
        return None if is_weak and (result.author.address or "").casefold() in recipients else result
    return None


def subject_kind(subject: str | None) -> tuple[Kind, str | None]:
    """What the outermost prefix of a subject says of the mail, and the subject without it."""
    if subject is None:
        return "unknown", None
    match = _PREFIX.match(subject)
    word = "" if match is None else match[1].casefold()
    if match is not None and word in FORWARD_PREFIXES:
        return "forward", subject[match.end() :].strip()
    return ("reply" if word in REPLY_PREFIXES else "other"), subject.strip()


def is_separator(line: str) -> bool:
    """Whether a line is only what a mail program sets between messages."""
    text = line.strip(_EDGE + ">")
    return bool(text) and (_RULE.fullmatch(text) is not None or _DASHED.fullmatch(text) is not None)


def _is_forward(rule: str, kind: Kind, header: _Header, subject: str | None) -> bool:
    if rule in ("opening", "dashes", "one-line"):
        return True
    prefix = _PREFIX.match(subject or "")
    if prefix is not None and REPLY_IN.get(prefix[1].casefold()) in header.language:
        return False
    if rule in ("original", "rule"):
        return kind != "reply"
    return kind == "forward" and (rule != "attribution" or "from" in header.values)


def _lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    position = 0
    for raw in text.split("\n"):
        end = position + len(raw)
        if not raw:
            lines.append(_Line(position, end, 0, ""))
        else:
            quote = _QUOTE.match(raw)
            width = 0 if quote is None else quote.end()
            lines.append(_Line(position, end, raw.count(">", 0, width), raw[width:].strip(_EDGE)))
        position = end + 1
    return lines


def _at(lines: Sequence[_Line], number: int, line: _Line) -> tuple[str, _Header] | None:
    """The head of another message at this line, if there is one."""
    text = line.text
    if not text:
        return None
    if text[0] == "-" and (match := _DASHED.match(text)):
        return _after_dashes(lines, number, match)
    if _RULE.fullmatch(text):
        header = _read_header(lines, number + 1, fewest=3)
        return None if header is None else ("rule", header)
    if text[-1] in "::" or text.casefold() in OPENINGS:
        if text.rstrip("::. ").casefold() in OPENINGS and (header := _read_header(lines, number + 1, fewest=2)):
            return "opening", header
        if (attribution := _attribution(lines, number)) is not None:
            return "attribution", attribution
    if _label(text, "from") and (header := _read_header(lines, number, fewest=3)):
        return "block", header
    return _wrapped_attribution(lines, number)


def _after_dashes(lines: Sequence[_Line], number: int, match: re.Match[str]) -> tuple[str, _Header] | None:
    text, phrase = lines[number].text, match[1].casefold()
    says_forwarded = any(stem in phrase for stem in FORWARDED)
    rest = text[match.end() :]
    if rest:
        header = _read_one_line(rest, number, lines[number].depth)
        return ("one-line", header) if header is not None and says_forwarded else None
    header = _read_header(lines, number + 1, fewest=2)
    if header is None:
        return None
    return ("dashes" if says_forwarded else "original"), header


def _label(text: str, wanted: Field | None = None) -> tuple[dict[str, Field], str] | None:
    """The label a line begins with, as language → field, and the value after its colon."""
    colon = text.find(":", 0, LONGEST_LABEL + 6)
    wide = text.find("：", 0, LONGEST_LABEL + 6)
    if colon < 0 or 0 <= wide < colon:
        colon = wide
    if colon < 1:
        return None
    meanings = LABELS.get(text[:colon].strip(" \t*\xa0").casefold())
    if meanings is None or (wanted is not None and wanted not in meanings.values()):
        return None
    return meanings, text[colon + 1 :].strip(" \t\xa0").removeprefix("*").strip(" \t\xa0")


def _read_header(lines: Sequence[_Line], first: int, *, fewest: int) -> _Header | None:
    """The quoted header that begins at `first`, after at most a few blank lines, if it names a From and `fewest` fields in all."""
    number = first
    while number < len(lines) and number - first < _MOST_BLANK and not lines[number].text:
        number += 1
    if number >= len(lines) or _label(lines[number].text) is None:
        return None
    header = _Header(start=lines[number].start, depth=lines[number].depth)
    last: Field | None = None
    while number < len(lines) and number - first < _MOST_FIELDS + _MOST_BLANK:
        line = lines[number]
        read = _label(line.text) if line.text else None
        name = None if read is None else _meaning(read[0], header)
        if read is not None and name is not None and line.depth == header.depth:
            if name != "other":
                header.values[name] = read[1]
                header.languages.append(frozenset(language for language, meant in read[0].items() if meant == name))
            last = name
        elif last is not None and line.text and line.depth == header.depth and _continues(header, last, lines, number):
            if last != "other":
                header.values[last] = f"{header.values[last]} {line.text}"
        else:
            break
        number += 1
    header.next_line = number
    return header if "from" in header.values and len(header.values) >= fewest else None


def _meaning(meanings: dict[str, Field], header: _Header) -> Field | None:
    """The field that a label names: by the header's language so far; None for a field that the header has already."""
    known = header.language
    names = {name for language, name in meanings.items() if language in known} or set(meanings.values())
    fresh = [
        name for name in ("from", "to", "cc", "subject", "date", "other") if name in names and name not in header.values
    ]
    return fresh[0] if fresh else None


def _continues(header: _Header, last: Field, lines: Sequence[_Line], number: int) -> bool:
    """Whether a line without a label goes on with the field above it: a wrapped list of people, or a wrapped subject."""
    text = lines[number].text
    if last in ("to", "cc", "from") and (
        header.values[last][-1:] in (",", ";", "") or (text[0] == "<" and "@" in text)
    ):
        return "@" in text or header.values[last][-1:] in (",", ";")
    following = lines[number + 1] if number + 1 < len(lines) else None
    if following is None or following.depth != header.depth or not ({"from", "to"} - header.values.keys()):
        return False
    read = _label(following.text)
    return read is not None and _meaning(read[0], header) in ("from", "to", "date", "subject")


def _read_one_line(text: str, number: int, depth: int) -> _Header | None:
    """Yahoo's header, all in one line without spaces before its labels: `From: … To: … Cc: … Sent: … Subject: …`."""
    colon = text.find(":", 0, LONGEST_LABEL + 3)
    meanings = {} if colon < 0 else LABELS.get(text[:colon].strip(_EDGE).casefold(), {})
    for language, name in meanings.items():
        if name == "from":
            values = _split_one_line(text[colon + 1 :], language)
            if values is not None:
                return _Header(values, [frozenset({language})], number, number + 1, depth)
    return None


def _split_one_line(text: str, language: str) -> dict[Field, str] | None:
    values: dict[Field, str] = {}
    position, current = 0, "from"
    wanted: tuple[Field, ...] = ("to", "cc", "date", "subject")
    for name in wanted:
        place = _find_label(text, position, language, name)
        if place is None and name == "cc":
            continue
        if place is None:
            return None
        values[current] = text[position : place[0]].strip(_EDGE)  # type: ignore[index]
        position, current = place[1], name
    values["subject"] = text[position:].strip(_EDGE)
    return values


def _find_label(text: str, position: int, language: str, name: Field) -> tuple[int, int] | None:
    """The first place of one of a language's labels for a field: after a bracket, a space or the end of a word before it."""
    places: list[tuple[int, int, int]] = []
    for label, meanings in LABELS.items():
        if meanings.get(language) == name:
            pattern = re.compile(
                re.escape(label) + (r" ?[::]" if name != "subject" else r"(?: ?[::]| )"), re.IGNORECASE
            )
            for match in pattern.finditer(text, position):
                if _starts_label(text, match.start()):
                    places.append((match.start(), -match.end(), match.end()))
                    break
    if not places:
        return None
    start, _, end = min(places)
    return start, end


def _starts_label(text: str, start: int) -> bool:
    """Labels begin with a capital, even after a zone's name ("CETEmne:") or an address ("…>Til:")."""
    return (
        text[start].isupper() or not text[start].isalpha() or not text[start - 1].isalnum() or not text[start].isascii()
    )


def _wrapped_attribution(lines: Sequence[_Line], number: int) -> tuple[str, _Header] | None:
    """An attribution in two lines: the second ends in the colon."""
    if number + 1 >= len(lines):
        return None
    following = lines[number + 1]
    if not following.text or following.text[-1] not in "::" or following.depth != lines[number].depth:
        return None
    if _label(lines[number].text) is not None or not _says_wrote(following.text):
        return None
    header = _attribution_of(f"{lines[number].text} {following.text}", lines[number], number + 2)
    return None if header is None else ("attribution", header)


def _attribution(lines: Sequence[_Line], number: int) -> _Header | None:
    return _attribution_of(lines[number].text, lines[number], number + 1)


def _says_wrote(text: str) -> bool:
    folded = text[-_LONGEST_ATTRIBUTION:].casefold()
    return any(word in folded for word in WROTE)


def _attribution_of(text: str, line: _Line, next_line: int) -> _Header | None:
    """ "On <date>, <name> <address> wrote:". Without an address it is seen as one (it ends the search) but names nobody."""
    if len(text) > _LONGEST_ATTRIBUTION or not _says_wrote(text) or not any(map(str.isdigit, text)):
        return None
    header = _Header(start=line.start, next_line=next_line, depth=line.depth)
    at = text.find("@")
    moment = _NUMERIC_DATE.search(text)
    if at > 0 and moment is not None:
        person = _attributed(text, moment)
        if person is not None:
            header.values["from"] = person
            header.values["date"] = moment[0].strip()
    return header


def _attributed(text: str, moment: re.Match[str]) -> str | None:
    """`name <address>` out of an attribution: the name is what stands in quotes before the address, or between date and address."""
    address = read_person(" ".join(re.findall(r"[^\s<>()]{1,64}@[^\s<>()]{1,255}", text))).address
    if address is None:
        return None
    before = text[: text.find(address)].rstrip(" <([")
    if quoted := _QUOTED_NAME.search(before):
        return f'"{quoted[1]}" <{address}>'
    if moment.end() <= len(before):
        before = before[moment.end() :]
    name = clean_name(before.strip(" ,")) or ""
    first = name.split(" ")[0].casefold()
    if first in USER_WORDS:
        name = name[len(first) :].strip()
    return f'"{name}" <{address}>' if name else f"<{address}>"


def _result(source: str, lines: Sequence[_Line], number: int, rule: str, header: _Header, rest: str | None) -> Inline:
    start = lines[number].start
    first, last = _body_lines(lines, header)
    body_start = lines[first].start if first < len(lines) else len(source)
    body_end = lines[last - 1].end if last > first else body_start
    # Outlook's own line above a header is left for the reader of `above` to recognise: only the header block is the forward's.
    head = header.start if rule == "original" and lines[number].text.startswith(_OUTLOOK_ORIGINAL) else start
    above = source[:head] + ("\n" + source[body_end:] if source[body_end:].strip(_EDGE + "\n>") else "")
    values = header.values
    return Inline(
        rule=rule,
        source=source,
        author=read_person(values.get("from", "")),
        to=read_people(values.get("to", "")),
        cc=read_people(values.get("cc", "")),
        subject=rest if rule == "attribution" else values.get("subject"),
        date_text=values.get("date") or None,
        languages=header.language,
        above=_unquoted(above).strip("\n" + _EDGE),
        body=_body(source, lines[first:last], header.depth),
        header_start=start,
        header_end=body_start,
        body_end=body_end,
        chain=_chain(lines, first, last),
    )


def _unquoted(above: str) -> str:
    return "\n".join(line for line in above.split("\n") if line.strip(_EDGE + ">") or not line.strip(_EDGE))


def _body_lines(lines: Sequence[_Line], header: _Header) -> tuple[int, int]:
    """First and last line of the body. Where the header is quoted, the first line outside the quote ends it."""
    first, last = header.next_line, len(lines)
    while first < last and not lines[first].text:
        first += 1
    if header.depth:
        last = next((number for number in range(first, last) if _leaves_quote(lines, number, header.depth)), last)
    return first, last


def _leaves_quote(lines: Sequence[_Line], number: int, depth: int) -> bool:
    """Whether a line is outside the quote. One that follows quoted words at once is their wrapped end (MailMate)."""
    line = lines[number]
    return bool(line.text) and line.depth < depth and not lines[number - 1].text


def _body(source: str, lines: Sequence[_Line], depth: int) -> str:
    full = [line for line in lines if line.text]
    if full and all(line.depth > depth for line in full):
        depth += 1  # Missive quotes the body, not the header
    texts = [
        _stripped(source[line.start : line.end], depth) if line.text or line.depth > depth else "" for line in lines
    ]
    indented = [text for text in texts if text.strip()]
    if indented and all(text.startswith("    ") for text in indented):
        texts = [text[4:] if text.startswith("    ") else text for text in texts]
    return "\n".join(texts).strip("\n" + _EDGE)


def _stripped(raw: str, depth: int) -> str:
    """A line without `depth` quote marks and the one space after them."""
    position = 0
    for _ in range(depth):
        found = position + raw.startswith((" ", "\t"), position)
        if not raw.startswith(">", found):
            break
        position = found + 1
    return raw[position + (position > 0 and raw.startswith(" ", position)) :].rstrip("\r")


def _chain(lines: Sequence[_Line], first: int, last: int) -> tuple[InnerForward, ...]:
    """The messages quoted within the original's body, in order, by their header blocks."""
    inner: list[InnerForward] = []
    number = first
    while number < last and len(inner) < _MOST_INNER:
        header = _read_header(lines, number, fewest=3) if _label(lines[number].text) is not None else None
        if header is None:
            number += 1
            continue
        values = header.values
        end = lines[min(header.next_line, last) - 1].end
        inner.append(
            InnerForward(read_person(values["from"]), values.get("subject"), values.get("date"), header.start, end)
        )
        number = max(header.next_line, number + 1)
    return tuple(inner)
