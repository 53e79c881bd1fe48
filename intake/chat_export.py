"""Where messages lie in a WhatsApp export (`.txt`): offsets into its bytes, every line accounted for.

A message is its first line and those that go on. Which number of a date is the day is proven by the file: a number past
twelve somewhere excludes the other order for all of it; where nothing does, or lines contradict, the order stays open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import Final

from intake.reading.chats import DAY_FIRST, MONTH_FIRST, Beginning, beginning_of

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


def is_chat(whole: bytes | mmap, name: str = "") -> bool:
    """Whether a file is such an export: its first line that is not empty begins a message, and another does.

    One is enough where the file has the name of an export.
    """
    beginning = whole[:SNIFFED_BYTES]
    found = [entry for entry in entries_in(beginning) if entry.begins or beginning[entry.start : entry.end].strip()]
    fewest = 1 if any(known in name.lower() for known in _NAMED) else _FEWEST
    return len(found) >= fewest and all(entry.begins for entry in found)


def entries_in(whole: bytes | mmap) -> Iterator[Entry]:
    """Every entry, in order, without a gap between them."""
    start, begins = 0, None
    position, end = 0, len(whole)
    while position < end:
        newline = whole.find(b"\n", position)
        line_end = end if newline < 0 else newline + 1
        head = whole[position : min(line_end, position + _LINE_BYTES)].decode("utf-8", "replace")
        found = beginning_of(head)
        if found is not None:
            if position > start:
                yield Entry(start, position, begins)
            start, begins = position, found
        position = line_end
    if end > start:
        yield Entry(start, end, begins)


def order_of(whole: bytes | mmap) -> str:
    """Which of day and month comes first in all of a file, proven by a date in it; empty where it is not."""
    excluded: set[str] = set()
    for entry in entries_in(whole):
        if entry.begins is not None:
            excluded |= {order for order in (DAY_FIRST, MONTH_FIRST) if entry.begins.excludes(order)}
    left = {DAY_FIRST, MONTH_FIRST} - excluded
    return left.pop() if len(left) == 1 else ""
