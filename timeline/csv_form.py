"""Tables as CSV that a spreadsheet opens without running anything in it (RFC 4180, UTF-8 with byte order mark)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

BYTE_ORDER_MARK: Final = "\ufeff"
# What a spreadsheet takes for the start of a formula, also full-width and behind white space (OWASP, CSV injection).
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe_cell(value: str) -> str:
    """The value, with an apostrophe before what a spreadsheet would take for a formula.

    >>> safe_cell("=1+1")
    "'=1+1"
    """
    return f"'{value}" if value.startswith(_FORMULA_STARTS) or value.lstrip().startswith(_FORMULA_STARTS) else value


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A CSV document line by line, CRLF as RFC 4180 has it; every cell made safe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(BYTE_ORDER_MARK)
    writer.writerow(header)
    yield buffer.getvalue()
    for row in rows:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([safe_cell(cell.replace("\x00", "␀")) for cell in row])
        yield buffer.getvalue()
