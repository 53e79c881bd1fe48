"""The header that a mail program quotes above a forwarded message: its lines, by their labels in some forty languages.

Linear: every line is looked at a bounded number of times, and a label is one look-up in a table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from typing import Final, NamedTuple

from intake.reading.forward_words import LABELS, LONGEST_LABEL, Field, fold

EDGE: Final = " \t\ufeff\u200b\u200e\u200f\xa0\r"
"""What may stand invisibly at the ends of a line."""
COLONS: Final = (":", "\uff1a")
_QUOTE: Final = re.compile(r"[\ufeff\u200b]*(?:[ \t]?>)*")
_MOST_BLANK: Final = 4
_MOST_LINES: Final = 30
_MOST_BARE: Final = 8


class Line(NamedTuple):
    """One line of a text: its span, how deep it is quoted, and its words without the quote marks.

    Not a dataclass: a hostile text has a hundred thousand lines, and these are made three times as fast.
    """

    start: int
    end: int
    depth: int
    text: str


@dataclass(slots=True)
class QuotedHeader:
    """A quoted header block: the text of each field, and the first line after it.

    `places`: the lines of each field that a label names, and what each line adds to it.
    """

    values: dict[Field, str] = field(default_factory=dict)
    languages: list[frozenset[str]] = field(default_factory=list)
    start: int = 0
    next_line: int = 0
    depth: int = 0
    is_spaced: bool = False
    places: dict[Field, list[tuple[Line, str]]] = field(default_factory=dict)

    @property
    def language(self) -> frozenset[str]:
        """The languages that all its labels have in common; else those of its first label."""
        common = frozenset.intersection(*self.languages) if self.languages else frozenset()
        return common or (self.languages[0] if self.languages else frozenset())


def quoted_lines(text: str) -> list[Line]:
    """`text` in lines."""
    lines: list[Line] = []
    position = 0
    for raw in text.split("\n"):
        end = position + len(raw)
        if not raw:
            lines.append(Line(position, end, 0, ""))
        else:
            quote = _QUOTE.match(raw)
            width = 0 if quote is None else quote.end()
            lines.append(Line(position, end, raw.count(">", 0, width), raw[width:].strip(EDGE)))
        position = end + 1
    return lines


def label_of(text: str, wanted: Field | None = None) -> tuple[dict[str, Field], str] | None:
    """The label a line begins with, as language → field, and the value after its colon."""
    colon = text.find(":", 0, LONGEST_LABEL + 6)
    wide = text.find("\uff1a", 0, LONGEST_LABEL + 6)
    if colon < 0 or 0 <= wide < colon:
        colon = wide
    if colon < 1:
        return None
    meanings = _meanings_of(text[:colon])
    if meanings is None or (wanted is not None and wanted not in meanings.values()):
        return None
    return meanings, text[colon + 1 :].strip(" \t\xa0").removeprefix("*").strip(" \t\xa0")


@lru_cache(maxsize=1_000)
def _meanings_of(label: str) -> dict[str, Field] | None:
    """What a label means, by language. Remembered, for a hostile text asks ten thousand times for the same one."""
    return LABELS.get(fold(label.strip(" \t*\xa0")))


def read_header(lines: Sequence[Line], first: int, *, fewest: int) -> QuotedHeader | None:
    """The quoted header that begins at `first`, after at most a few blank lines.

    None unless it names a From, and `fewest` fields in all. A label that comes twice begins something else.
    """
    number = first
    while number < len(lines) and number - first < _MOST_BLANK and not lines[number].text:
        number += 1
    if number >= len(lines) or label_of(lines[number].text) is None:
        return None
    header = QuotedHeader(start=lines[number].start, depth=lines[number].depth)
    last: Field | None = None
    for number in range(number, min(len(lines), number + _MOST_LINES)):  # noqa: B020 - goes on from there
        line = lines[number]
        if not line.text and _is_spaced(header, lines, number):
            continue
        if not line.text or line.depth != header.depth:
            break
        read = label_of(line.text)
        name = last if read is None else _meaning(read[0], header)
        if name is None or (read is None and not _continues(header, name, lines, number)):
            break
        _take(header, name, line, read)
        header.next_line, last = number + 1, name
    return header if "from" in header.values and len(header.values) >= fewest else None


def _is_spaced(header: QuotedHeader, lines: Sequence[Line], number: int) -> bool:
    """Whether a blank line is one of those between all labels of a header whose every line was a paragraph of HTML."""
    if number + 1 >= len(lines) or lines[number + 1].depth != header.depth or not lines[number + 1].text:
        return False
    read = label_of(lines[number + 1].text)
    header.is_spaced = header.is_spaced or len(header.values) == 1
    return header.is_spaced and read is not None and _meaning(read[0], header) is not None


def _take(header: QuotedHeader, name: Field, line: Line, read: tuple[dict[str, Field], str] | None) -> None:
    if name == "other":
        return
    header.places.setdefault(name, []).append((line, line.text if read is None else read[1]))
    if read is None:
        header.values[name] = f"{header.values[name]} {line.text}"
        return
    header.values[name] = read[1]
    header.languages.append(frozenset(language for language, meant in read[0].items() if meant == name))


def _meaning(meanings: dict[str, Field], header: QuotedHeader) -> Field | None:
    """The field that a label names: by the header's language so far; None for a field that the header has already."""
    known = header.language
    names = {name for language, name in meanings.items() if language in known} or set(meanings.values())
    fresh = [
        name for name in ("from", "to", "cc", "subject", "date", "other") if name in names and name not in header.values
    ]
    return fresh[0] if fresh else None


def _continues(header: QuotedHeader, last: Field, lines: Sequence[Line], number: int) -> bool:
    """Whether a line without a label goes on with the field above it: a wrapped list of people, a wrapped subject."""
    text = lines[number].text
    if last in ("to", "cc", "from") and (
        header.values[last][-1:] in (",", ";", "") or (text[0] == "<" and "@" in text)
    ):
        return "@" in text or header.values[last][-1:] in (",", ";")
    following = lines[number + 1] if last != "other" and number + 1 < len(lines) else None
    if following is None or following.depth != header.depth or not ({"from", "to"} - header.values.keys()):
        return False
    read = label_of(following.text)
    return read is not None and _meaning(read[0], header) in ("from", "to", "date", "subject")


def read_bare_header(lines: Sequence[Line], first: int) -> QuotedHeader | None:
    """A quoted header whose labels have no colons (eM Client): `From Dan <…>`, `To …`, `Date …`, `Subject …`.

    Only for below a line that says "forwarded": all four fields, each on its line, From first and with an address.
    """
    if first >= len(lines) or "@" not in lines[first].text:
        return None
    near = list(takewhile(_is_labelled, map(_with_colon, lines[first : first + _MOST_BARE])))
    header = read_header(near, 0, fewest=4) if near and label_of(near[0].text, "from") is not None else None
    if header is None or not {"to", "date", "subject"} <= header.values.keys():
        return None
    header.next_line += first
    return header


def _with_colon(line: Line) -> Line:
    label, space, value = line.text.partition(" ")
    if not space or label.endswith(COLONS) or _meanings_of(label) is None:
        return line
    return line._replace(text=f"{label}: {value}")


def _is_labelled(line: Line) -> bool:
    return label_of(line.text) is not None


def read_one_line(text: str, number: int, depth: int) -> QuotedHeader | None:
    """Yahoo's header, all in one line without spaces before its labels: `From: … To: … Cc: … Sent: … Subject: …`."""
    colon = text.find(":", 0, LONGEST_LABEL + 3)
    meanings = {} if colon < 0 else LABELS.get(fold(text[:colon].strip(EDGE)), {})
    for language, name in meanings.items():
        if name == "from":
            values = _split_one_line(text[colon + 1 :], language)
            if values is not None:
                return QuotedHeader(values, [frozenset({language})], number, number + 1, depth)
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
        values[current] = text[position : place[0]].strip(EDGE)  # type: ignore[index]
        position, current = place[1], name
    values["subject"] = text[position:].strip(EDGE)
    return values


def _find_label(text: str, position: int, language: str, name: Field) -> tuple[int, int] | None:
    """The first place of one of a language's labels for a field, and the end of that label."""
    places: list[tuple[int, int, int]] = []
    # Some have lost their colon: Portuguese "…CETAssunto You will", Polish "…>Dw Kim Lee".
    colon = {"subject": r"(?: ?[:\uff1a]| )", "cc": r"(?: ?[:\uff1a]|(?<=>dw) )"}.get(name, r" ?[:\uff1a]")
    for label, meanings in LABELS.items():
        if meanings.get(language) == name:
            pattern = re.compile(re.escape(label) + colon, re.IGNORECASE)
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


def span_of(source: str, header: QuotedHeader, name: Field, within: tuple[int, int]) -> tuple[int, int] | None:
    """Where in `source` the words of a field stand; `within` are the header's lines. None where they are not found."""
    pieces = [(line, text) for line, text in header.places.get(name, ()) if text]
    if pieces:
        (first, opening), (last, closing) = pieces[0], pieces[-1]
        # A value is the end of its line: what its label repeats of it stands before.
        start, end = source.rfind(opening, first.start, first.end), source.rfind(closing, last.start, last.end)
        return None if start < 0 or end < 0 else (start, end + len(closing))
    value = header.values.get(name, "")
    start = source.find(value, *within)
    if start >= 0:
        return (start, start + len(value)) if value else None
    # An attribution's person is put together: the name from before the address, often in quotes.
    words = [word.strip('"<>') for word in value.split(" ") if word.strip('"<>')]
    start = source.find(words[0], *within)
    end = source.find(words[-1], max(start, within[0]), within[1])
    return None if start < 0 or end < 0 else (start, end + len(words[-1]))
