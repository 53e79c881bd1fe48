"""Messages forwarded inline: who wrote the original, to whom, when, about what, by the lines a mail program put there.

One pass over the lines, in linear time, without backtracking over the text. The first thing that could be the head of
another message decides, so the *outermost* message is the original and what it quotes stays inside it:

    rule            what is seen                                          taken as a forward
    opening         "Begin forwarded message:" and a quoted header        always
    dashes          "---- Forwarded message ----" and a quoted header     always
    one-line        Yahoo: the same, all in a single line                 always
    original        "---- Original Message ----" and a quoted header      unless the subject says reply
    rule            a line of underscores and a quoted header             unless the subject says reply
    block           a quoted header alone, From first, three fields       only if the subject says forward
    attribution     "On <date>, <name> <address> wrote:"                  only if the subject says forward

In HTML of which no word is known, `marked_headers` tells a header by the element it stands in (the rule is its name).

Anything else is no forward. A wrong name on a timeline is worse than none: where lines leave doubt, nobody is named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from intake.reading import limits
from intake.reading.addresses import read_people, read_person
from intake.reading.attributions import attribution_at
from intake.reading.forward_words import ENDS, FORWARD_PREFIXES, FORWARDED, OPENINGS, REPLY_IN, REPLY_PREFIXES, fold
from intake.reading.marked_headers import Marked, marked_header
from intake.reading.model import InnerForward, Reported, Span, SpanField
from intake.reading.quoted_headers import (
    COLONS,
    EDGE,
    Line,
    QuotedHeader,
    label_of,
    quoted_lines,
    read_bare_header,
    read_header,
    read_one_line,
    span_of,
)

Kind: TypeAlias = Literal["forward", "reply", "other", "unknown"]

_RULE: Final = re.compile(r"(?:[_]{8,}|[-]{8,}|[=]{8,}|[─—]{8,})")
_DASHES: Final = "=*~\u2013\u2014-"
_DASHED: Final = re.compile(
    rf"[{_DASHES}]{{3,100}} {{0,2}}(?=[^\s{_DASHES}])([^\n]{{2,120}}?)[ \t]{{0,2}}"
    rf"(?:[{_DASHES}]{{4,100}}|[{_DASHES}]{{3}}(?=[ \t]*$))[ \t]*"
)
_PREFIX: Final = re.compile(
    r"\s*(?:\[[^\]\n]{1,40}\]\s*)*\[?([^\s:\uff1a\[\]]{1,20})(?:\[\d+\]|\(\d+\))?\s*[:\uff1a]\s*"
)
_OUTLOOK_ORIGINAL: Final = "-----Original"
_STRONG: Final = ("opening", "dashes", "one-line", "gmail_attr", "moz-email-headers-table")
_WEAK: Final = ("original", "rule", "block", "attribution", "divRplyFwdMsg")
_CLOSING_DASHES: Final = frozenset(_DASHES)
_MOST_INNER: Final = 50
_MOST_BLANK: Final = 4
_MOST_HEADS: Final = 1_000
_LONGEST_OPENING: Final = 80
_SHORTEST_OPENING: Final = 3


@dataclass(frozen=True, slots=True)
class Inline:
    """An original found in the text. Spans are characters of `source`; `above` is what stands outside the forward."""

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
    spans: tuple[Span, ...] = ()


def find_forward(
    text: str, subject: str | None, recipients: frozenset[str] = frozenset(), marked: Sequence[Marked] = ()
) -> Inline | None:
    """The outermost message that `text` forwards; None if it forwards none, or that is in doubt.

    Args:
        text: A mail's text, lines ended by LF.
        subject: The mail's own subject; None where it has none or it is not known.
        recipients: Whom the mail is addressed to, case-folded. A message *from* one of them that is set off weakly is
            being answered, not forwarded.
        marked: Where the text was HTML, the headers that its elements marked as such.
    """
    source = text.replace("\r\n", "\n")[: limits.TEXT_CHARACTERS]
    kind, rest = subject_kind(subject)
    lines, outermost = _heads(source, kind == "forward")
    if outermost is None and marked and _heads(source, False)[1] is None:
        outermost = marked_header(lines, marked)
    if outermost is None:
        return None
    number, rule, header = outermost
    if not _is_forward(rule, kind, header, subject) or _is_pasted(rule, subject, lines, header):
        return None
    result = _result(source, lines, number, rule, header, rest)
    return None if rule in _WEAK and (result.author.address or "").casefold() in recipients else result


@lru_cache(maxsize=2)
def _heads(source: str, says_forward: bool) -> tuple[Sequence[Line], tuple[int, str, QuotedHeader] | None]:  # noqa: FBT001 - of a cache
    """A text's lines, and its first head. Remembered, for a mail that forwards nothing is asked twice."""
    lines = quoted_lines(source)
    return lines, _outermost(lines, says_forward=says_forward)


def _outermost(lines: Sequence[Line], *, says_forward: bool) -> tuple[int, str, QuotedHeader] | None:
    """The first head of another message, and its line; None where there is none, or it lies inside something quoted."""
    heads, quote = 0, None
    for number, line in enumerate(lines):
        if quote is not None and line.text and line.depth <= quote:
            quote = None
        may_be_head = line.text != "" and _may_be_head(lines, number)
        heads += may_be_head
        if heads > _MOST_HEADS:
            return None  # no letter has that many; and each costs a look at the lines after it
        found = _at(lines, number, line, may_be_head=may_be_head)
        if found is None:
            continue
        rule, header = found
        if quote is not None:
            return None  # inside what an attribution quotes: its author is the outermost, and is not told
        if rule == "attribution" and says_forward and "from" not in header.values:
            quote = line.depth  # or the contributor's own "he wrote on Monday:" above what she forwards
        elif not (rule == "block" and says_forward and header.depth > 0):  # that one is quoted in her note
            return number, rule, header
    return None


def _may_be_head(lines: Sequence[Line], number: int) -> bool:
    """Whether a line is a From, or the date that some programs (GMX) put above it."""
    read = label_of(lines[number].text)
    if read is None:
        return False
    names = read[0].values()
    if "date" in names and number + 1 < len(lines):
        return "from" in names or label_of(lines[number + 1].text, "from") is not None
    return "from" in names


def _is_pasted(rule: str, subject: str | None, lines: Sequence[Line], header: QuotedHeader) -> bool:
    """Whether a header alone may have been pasted into a note above what was forwarded.

    Programs that set off what they forward by a header alone write "FW:". Above "--- Forwarded message ---", in a mail
    whose subject says "Fwd:", such a header is as likely the contributor's: then nobody is named.
    """
    prefix = _PREFIX.match(subject or "")
    if rule != "block" or prefix is None or fold(prefix[1]) not in ("fwd", "fwd."):
        return False
    following = range(header.next_line, len(lines))
    return any(
        found is not None and found[0] in _STRONG
        for number in following
        if (found := _at(lines, number, lines[number], may_be_head=False)) is not None
    )


def quotes_a_message(text: str) -> bool:
    """Whether `text` holds the head of another message at all, forwarded or answered."""
    return _heads(text.replace("\r\n", "\n")[: limits.TEXT_CHARACTERS], False)[1] is not None


def subject_kind(subject: str | None) -> tuple[Kind, str | None]:
    """What the outermost prefix of a subject says of the mail, and the subject without it."""
    if subject is None:
        return "unknown", None
    match = _PREFIX.match(subject)
    word = "" if match is None else fold(match[1])
    if match is not None and word in FORWARD_PREFIXES:
        return "forward", subject[match.end() :].strip()
    return ("reply" if word in REPLY_PREFIXES else "other"), subject.strip()


def is_separator(line: str) -> bool:
    """Whether a line is only what a mail program sets between messages."""
    text = line.strip(EDGE + ">")
    return bool(text) and (_RULE.fullmatch(text) is not None or _DASHED.fullmatch(text) is not None)


def _is_forward(rule: str, kind: Kind, header: QuotedHeader, subject: str | None) -> bool:
    if rule in _STRONG:
        # Quoted in a reply, it is something that the one she answers had forwarded.
        return not (kind == "reply" and header.depth > 0)
    prefix = _PREFIX.match(subject or "")
    if prefix is not None and REPLY_IN.get(fold(prefix[1])) in header.language:
        return False
    if rule in ("original", "rule", "divRplyFwdMsg"):
        return kind != "reply"
    return kind == "forward"


def _at(lines: Sequence[Line], number: int, line: Line, *, may_be_head: bool) -> tuple[str, QuotedHeader] | None:
    """The head of another message at this line, if there is one."""
    text = line.text
    if not text:
        return None
    if text[0] in _DASHES and (match := _DASHED.match(text)):
        return _after_dashes(lines, number, match)
    if _RULE.fullmatch(text):
        header = read_header(lines, number + 1, fewest=3)
        return None if header is None else ("rule", header)
    if opening := _opening(text):
        header = read_header(lines, number + 1, fewest=2 if opening in OPENINGS else 3)
        found = ("opening", header) if header is not None else _named_attribution(lines, number + 1, "opening")
        if found is not None:
            return found
    if may_be_head and (header := read_header(lines, number, fewest=3)):
        return "block", header
    header = attribution_at(lines, number)
    return None if header is None else ("attribution", header)


def _named_attribution(lines: Sequence[Line], number: int, rule: str) -> tuple[str, QuotedHeader] | None:
    """The attribution that stands in the place of a header (Yandex, Yahoo on telephones), if it names its author."""
    for place in range(number, min(len(lines), number + _MOST_BLANK)):
        if lines[place].text:
            header = attribution_at(lines, place)
            return (rule, header) if header is not None and "from" in header.values else None
    return None


def _opening(text: str) -> str:
    """The line's words, case-folded, if they open a forwarded message: a known phrase, or a short one that says so."""
    if len(text) > _LONGEST_OPENING:
        return ""
    words = fold(text.rstrip(":\uff1a. "))
    if words in OPENINGS or (
        len(words) > _SHORTEST_OPENING and text.endswith(COLONS) and any(stem in words for stem in FORWARDED)
    ):
        return words
    return ""


def _after_dashes(lines: Sequence[Line], number: int, match: re.Match[str]) -> tuple[str, QuotedHeader] | None:
    text, phrase = lines[number].text, fold(match[1])
    says_forwarded = any(stem in phrase for stem in FORWARDED)
    rest = text[match.end() :]
    if rest:
        header = read_one_line(rest, number, lines[number].depth)
        return ("one-line", header) if header is not None and says_forwarded else None
    header = read_header(lines, number + 1, fewest=2)
    if header is None:
        if not says_forwarded:
            return None
        bare = read_bare_header(lines, number + 1)
        return ("dashes", bare) if bare is not None else _named_attribution(lines, number + 1, "dashes")
    return ("dashes" if says_forwarded else "original"), header


def _result(
    source: str, lines: Sequence[Line], number: int, rule: str, header: QuotedHeader, rest: str | None
) -> Inline:
    start = lines[number].start
    first, last = _body_lines(lines, number, header)
    body_start = lines[first].start if first < len(lines) else len(source)
    body_end = lines[last - 1].end if last > first else body_start
    # Outlook's own line stays in `above`, as the public suite has it; a reading's note leaves such lines out.
    head = header.start if rule == "original" and lines[number].text.startswith(_OUTLOOK_ORIGINAL) else start
    outside = (_unquoted(source[:head]), _unquoted(source[body_end:]))
    values = header.values
    return Inline(
        rule=rule,
        source=source,
        author=read_person(values.get("from", "")),
        to=read_people(values.get("to", "")),
        cc=read_people(values.get("cc", "")),
        subject=values.get("subject") if header.languages or header.places else rest,
        date_text=values.get("date") or None,
        languages=header.language,
        above="\n\n".join(filter(None, outside)),
        body=_body(source, lines[first:last], header.depth),
        header_start=start,
        header_end=body_start,
        body_end=body_end,
        chain=_chain(lines, first, last),
        spans=_spans(source, lines, number, header, (body_start, body_end)),
    )


_SPANNED: Final[tuple[SpanField, ...]] = ("from", "to", "cc", "subject", "date")


def _spans(
    source: str, lines: Sequence[Line], number: int, header: QuotedHeader, body: tuple[int, int]
) -> tuple[Span, ...]:
    """Where each field stands in the text that was read."""
    within = (lines[number].start, lines[header.next_line - 1].end)
    found = ((name, span_of(source, header, name, within)) for name in _SPANNED if name in header.values)
    return (*(Span(name, *span) for name, span in found if span is not None), Span("body", *body))


def _unquoted(text: str) -> str:
    """`text` without the lines that are nothing but quote marks."""
    kept = (line for line in text.split("\n") if line.strip(EDGE + ">") or not line.strip(EDGE))
    return "\n".join(kept).strip("\n" + EDGE)


def _past_blank(lines: Sequence[Line], number: int) -> int:
    while number < len(lines) and not lines[number].text:
        number += 1
    return number


def _ends_head(lines: Sequence[Line], number: int, first: int) -> bool:
    """Whether the body begins with the line of dashes that stood above the header, once more (Zoho)."""
    text = lines[first].text
    return text[0] in _DASHES and text == lines[number].text and _DASHED.fullmatch(text) is not None


def _body_lines(lines: Sequence[Line], number: int, header: QuotedHeader) -> tuple[int, int]:
    """First and last line of the body. Where the header is quoted, the first line outside the quote ends it."""
    first, last = _past_blank(lines, header.next_line), len(lines)
    if first < last and _ends_head(lines, number, first):
        first = _past_blank(lines, first + 1)
    last = _closing_line(lines, number, first) or last
    if header.depth:
        last = next((number for number in range(first, last) if _leaves_quote(lines, number, header.depth)), last)
    return first, last


def _closing_line(lines: Sequence[Line], number: int, first: int) -> int | None:
    """The line of dashes that ends the message, where its program always sets one: it names the author in the first.

    The last such line (Mutt, Horde): one that the author wrote, or that ends a message inside this, stands before it.
    """
    opening = lines[number]
    if "@" not in opening.text or opening.text[:1] not in _CLOSING_DASHES or _DASHED.fullmatch(opening.text) is None:
        return None
    return next((place for place in range(len(lines) - 1, first, -1) if _closes(lines[place], opening.depth)), None)


def _closes(line: Line, depth: int) -> bool:
    found = _DASHED.fullmatch(line.text) if line.depth == depth and line.text[:1] in _CLOSING_DASHES else None
    phrase = "" if found is None else fold(found[1])
    return phrase.startswith(ENDS) and any(stem in phrase for stem in FORWARDED)


def _leaves_quote(lines: Sequence[Line], number: int, depth: int) -> bool:
    """Whether a line is outside the quote. One that follows quoted words at once is their wrapped end (MailMate)."""
    line = lines[number]
    return bool(line.text) and line.depth < depth and not lines[number - 1].text


def _body(source: str, lines: Sequence[Line], depth: int) -> str:
    full = [line for line in lines if line.text]
    if full and all(line.depth > depth for line in full):
        depth += 1  # Missive quotes the body, not the header
    texts = [
        _stripped(source[line.start : line.end], depth) if line.text or line.depth > depth else "" for line in lines
    ]
    indented = [text for text in texts if text.strip()]
    if indented and all(text.startswith("    ") for text in indented):
        texts = [text.removeprefix("    ") for text in texts]
    return "\n".join(texts).strip("\n" + EDGE)


def _stripped(raw: str, depth: int) -> str:
    """A line without `depth` quote marks and the one space after them."""
    position = 0
    for _ in range(depth):
        found = position + raw.startswith((" ", "\t"), position)
        if not raw.startswith(">", found):
            break
        position = found + 1
    return raw[position + (position > 0 and raw.startswith(" ", position)) :].rstrip("\r")


def _chain(lines: Sequence[Line], first: int, last: int) -> tuple[InnerForward, ...]:
    """The messages quoted within the original's body, in order, by their header blocks."""
    inner: list[InnerForward] = []
    number, heads = first, 0
    while number < last and len(inner) < _MOST_INNER and heads < _MOST_HEADS:
        may_begin = label_of(lines[number].text) is not None
        heads += may_begin
        header = read_header(lines, number, fewest=3) if may_begin else None
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
