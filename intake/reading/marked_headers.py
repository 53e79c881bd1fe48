"""Quoted headers in a language that has no row of ours: by the element a program puts them in, and their order there.

Only where the text shows no head of a message at all. What each line must be is checked as far as it can be without
knowing its label: one address, a date, a list of people. Any line that does not fit, and nobody is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from intake.reading.addresses import read_people, read_person
from intake.reading.forward_words import Field
from intake.reading.quoted_headers import COLONS, Line, QuotedHeader, label_of

Mark: TypeAlias = Literal["gmail_attr", "divRplyFwdMsg", "moz-email-headers-table"]


class Marked(NamedTuple):
    """The lines that an element holds in which a mail program puts a quoted header, and nothing else."""

    mark: Mark
    lines: tuple[str, ...]


_ORDERS: Final[dict[Mark, tuple[Field, ...]]] = {
    "gmail_attr": ("from", "date", "subject", "to"),
    "divRplyFwdMsg": ("from", "date", "to", "subject"),
    "moz-email-headers-table": ("subject", "date", "from", "to"),
}
_LONGEST_LABEL: Final = 40
_DASHES: Final = ("---", "\u2014\u2014")


def marked_header(lines: Sequence[Line], marked: Sequence[Marked]) -> tuple[int, Mark, QuotedHeader] | None:
    """The first marked header that its order tells: the line its head begins at, and the element it stood in."""
    for each in marked:
        first = _place(lines, each.lines)
        if first is not None:
            header = _read(lines[first : first + len(each.lines)], first, each.mark)
            if header is not None:
                return first, each.mark, header
    return None


def _place(lines: Sequence[Line], wanted: tuple[str, ...]) -> int | None:
    texts = [line.text for line in lines]
    for number, text in enumerate(texts):
        if text == wanted[0] and tuple(texts[number : number + len(wanted)]) == wanted:
            return number
    return None


def _read(lines: Sequence[Line], first: int, mark: Mark) -> QuotedHeader | None:
    full = [line for line in lines if line.text]
    if mark == "gmail_attr":
        # Without its line of dashes it is the "On Monday Dan wrote:" above an answer.
        if not full or not full[0].text.startswith(_DASHES):
            return None
        full = full[1:]
    if len(full) != len(_ORDERS[mark]):
        return None
    header = QuotedHeader(start=full[0].start, next_line=first + len(lines), depth=full[0].depth)
    for name, line in zip(_ORDERS[mark], full, strict=True):
        value = _value(line.text, name)
        if value is None:
            return None
        header.values[name] = value
        header.places[name] = [(line, value)]
    return header if _fits(header) else None


def _value(text: str, name: Field) -> str | None:
    """What stands after a label that we do not know, or that names this field in some language."""
    places = [place for colon in COLONS if 0 < (place := text.find(colon)) <= _LONGEST_LABEL]
    known = label_of(text)
    if not places or (known is not None and name not in known[0].values()):
        return None
    return text[min(places) + 1 :].strip()


def _fits(header: QuotedHeader) -> bool:
    values = header.values
    return (
        read_person(values["from"]).address is not None
        and any(each.address is not None for each in read_people(values["to"]))
        and sum(map(str.isdigit, values["date"])) > len("2026")
        and "@" not in values["date"]
    )
