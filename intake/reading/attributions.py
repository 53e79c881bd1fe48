"""The line above a quoted message: "On <date>, <name> <address> wrote:", in the order and words of many languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from intake.reading.addresses import clean_name, read_person
from intake.reading.dates import claimed_from
from intake.reading.forward_words import PARTICLES, USER_WORDS, WROTE, fold
from intake.reading.quoted_headers import COLONS, Line, QuotedHeader, label_of

_LONGEST: Final = 400
_NUMERIC_DATE: Final = re.compile(
    r"\d{1,4}[./-] ?\d{1,2}[./-] ?\d{1,4}\.?,?(?: \S{1,6})?? \d{1,2}[:.]\d{2}(?:[:.]\d{2})?"
)
# "On Saturday, 21 November 2026 at 22:14, …": between the word that introduces it and its time of day.
_WRITTEN_DATE: Final = re.compile(
    r"(?:On|Am|Le|El|Il giorno|Il|Em|Op|Den|Dne|W dniu|Dnia|Pe) "
    r"([^<>@\"]{8,60}?\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?!\d)(?: ?[ap]\.?m\.?)?(?: ?(?:GMT|UTC)?[+-]\d{1,4})?)(?=[, ])",
    re.IGNORECASE,
)
_QUOTED_NAME: Final = re.compile(r"[\"“„«]\s?([^\"“”„«»]{1,200}?)\s?[\"”“»]\s*\(?$")


def attribution_at(lines: Sequence[Line], number: int) -> QuotedHeader | None:
    """The attribution that begins at this line, in one line or wrapped into two.

    Its header has a "from" and a "date" only where both can be told with certainty. Without them it still shows that
    what follows is quoted, which is all that is needed to see an answer.
    """
    line = lines[number]
    if _may_end(line.text):
        return _attribution_of(line.text, line, number + 1)
    if number + 1 >= len(lines) or not lines[number + 1].text or label_of(line.text) is not None:
        return None
    following = lines[number + 1]
    if following.depth != line.depth or not _may_end(following.text):
        return None
    return _attribution_of(f"{line.text} {following.text}", line, number + 2)


def _may_end(text: str) -> bool:
    return text.endswith(COLONS) and len(text) <= _LONGEST


def _says_wrote(text: str) -> bool:
    folded = fold(text)
    # Gmail in Japanese and Chinese has no verb at all, only `… <address>:`.
    return text[:-1].rstrip().endswith(">") or any(word in folded for word in WROTE)


def _attribution_of(text: str, line: Line, next_line: int) -> QuotedHeader | None:
    if len(text) > _LONGEST or not any(map(str.isdigit, text)) or not _says_wrote(text):
        return None
    header = QuotedHeader(start=line.start, next_line=next_line, depth=line.depth)
    at = text.find("@")
    moment = _moment_of(text) if at > 0 else None
    if moment is not None:
        person = _attributed(text, moment)
        if person is not None:
            header.values["from"] = person
            header.values["date"] = moment[moment.lastindex or 0].strip()
    return header


def _moment_of(text: str) -> re.Match[str] | None:
    """The date of an attribution: one in numbers, else one in words that can be read for certain."""
    numeric = _NUMERIC_DATE.search(text)
    written = _WRITTEN_DATE.match(text) if numeric is None else None
    if written is None:
        return numeric
    return written if claimed_from(written[1], "quoted").at is not None else None


def _attributed(text: str, moment: re.Match[str]) -> str | None:
    """`name <address>`: the name is what stands in quotes before the address, or between the date and the address."""
    address = read_person(" ".join(re.findall(r"[^\s<>()]{1,64}@[^\s<>()]{1,255}", text))).address
    if address is None:
        return None
    before = text[: text.find(address)].rstrip(" <([")
    if quoted := _QUOTED_NAME.search(before):
        return f'"{quoted[1]}" <{address}>'
    if moment.end() <= len(before):
        before = before[moment.end() :]
    name = _without_verb(clean_name(before.strip(" ,")) or "")
    return f'"{name}" <{address}>' if name else f"<{address}>"


def _without_verb(name: str) -> str:
    """`name` without the words of the sentence before it ("heeft Dan Frost"): those that are no part of any name."""
    words = name.split(" ")
    while words and (fold(words[0]) in USER_WORDS or (words[0].islower() and fold(words[0]) not in PARTICLES)):
        words = words[1:]
    return " ".join(words)
