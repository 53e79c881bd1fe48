"""Where messages lie in a WhatsApp export (`.txt`): offsets into its bytes, every line accounted for.

A message is its first line and those that go on. Which number of a date is the day is proven by the file: a number past
twelve somewhere excludes the other order for all of it; where nothing does, or lines contradict, the order stays open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import Final

from intake.handed import forget
from intake.reading.chat_lines import Beginning, beginning_of

_LINE_BYTES: Final = 1_000
_FEWEST: Final = 2
"""Beginnings that make a file a chat: an export begins with a line of WhatsApp's own."""
SNIFFED_BYTES: Final = 256 * 1024
"""Enough to tell."""
_NAMED: Final = ("whatsapp", "_chat.txt")


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, a line of WhatsApp's own, or (`begins` is None) what stands before the first: `whole[start:end]`."""

    start: int
    end: int
    begins: Beginning | None
    is_first: bool = False

    @property
    def is_message(self) -> bool:
        """Whether somebody is named, other than by the notice that a chat of an iPhone begins with."""
        named = self.begins is not None and self.begins.sender is not None
        return named and not (self.is_first and self.begins is not None and self.begins.is_notice)


def is_chat(whole: bytes | mmap, name: str = "") -> bool:
    """Whether a file is such an export: its first line that is not empty begins a message, and another does.

    One is enough where the file has the name of an export.
    """
    beginning = whole[:SNIFFED_BYTES]
    found = [entry for entry in entries_in(beginning) if entry.begins or beginning[entry.start : entry.end].strip()]
    fewest = 1 if any(known in name.lower() for known in _NAMED) else _FEWEST
    return len(found) >= fewest and all(entry.begins for entry in found)


def entries_in(whole: bytes | mmap) -> Iterator[Entry]:
    """Every entry, in order, without a gap between them.

    An export keeps to one form of line: one in another form was pasted into a message, and is nobody's beginning.
    """
    start, begins, form, is_first = 0, None, None, False
    position, end = 0, len(whole)
    while position < end:
        newline = whole.find(b"\n", position)
        line_end = end if newline < 0 else newline + 1
        head = whole[position : min(line_end, position + _LINE_BYTES)].decode("utf-8", "replace")
        found = beginning_of(head)
        if found is not None and form in (None, found.form):
            if position > start:
                yield Entry(start, position, begins, is_first)
            start, begins, form, is_first = position, found, found.form, form is None
        position = line_end
    if end > start:
        yield Entry(start, end, begins, is_first)


def order_of(whole: bytes | mmap) -> str:
    """Which of day, month and year comes first in all of a file, proven by its dates; empty where it is not."""
    left: set[str] | None = None
    latest: dict[str, int] = {}
    for entry in entries_in(whole):
        forget(whole, entry.start, entry.end)
        begins = entry.begins
        if begins is None or len(begins.orders) == 1:
            continue
        left = set(begins.orders) if left is None else left & begins.orders
        left -= {order for order in left if begins.excludes(order) or _goes_back(begins, order, latest)}
    return left.pop() if left and len(left) == 1 else ""


def _goes_back(begins: Beginning, order: str, latest: dict[str, int]) -> bool:
    """Whether the years would run backwards: asked only where the year may be any of the three numbers."""
    year = begins.in_order(order)[0]
    before = latest.get(order, year)
    latest[order] = max(year, before)
    return len(begins.orders) > _FEWEST and year < before
