"""Where messages lie in an mbox file: offsets into its bytes, nothing altered and nothing unquoted.

An mbox has no standard (RFC 4155 describes the common form): a message follows a line `From sender date`, and a blank
line, which is the file's and not the message's, ends it. `>From` quoting stays as it is: undoing it would alter bytes,
and whether it was done cannot be known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

_STRICT = re.compile(
    rb"^From [^\r\n]{0,400}?\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +"
    rb"(?:\d{1,2} +)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [^\r\n]{0,60}\d{4}[^\r\n]{0,60}\r?\n",
    re.MULTILINE,
)
# Without a date to know it by, such a line follows a blank one and is followed by a header.
_LOOSE = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\r\n]*\r?\n(?=[!-9;-~]{1,100}:)")


@dataclass(frozen=True, slots=True)
class Slice:
    """One message of an mbox: its bytes are `whole[start:end]`; `line` is the `From ` line before it."""

    start: int
    end: int
    line: bytes


def messages_in(whole: bytes | mmap) -> Iterator[Slice]:
    """Every message, in order; none where the file does not begin as an mbox does. Empty ones are passed over.

    Where the first line has a date, only lines with one begin a message: a sentence in a mail may begin with `From `.
    """
    pattern = _STRICT if _STRICT.match(whole) else _LOOSE
    line = pattern.match(whole)
    following = pattern.finditer(whole, line.end()) if line else iter(())
    while line is not None:
        after = next(following, None)
        end = _without_blank_line(whole, line.end(), after.start() if after else len(whole))
        if end > line.end():
            yield Slice(line.end(), end, whole[line.start() : line.end()].rstrip(b"\r\n"))
        line = after


def looks_like_mbox(beginning: bytes) -> bool:
    """Whether a file begins as an mbox does, with a date in its first line."""
    return _STRICT.match(beginning) is not None


def _without_blank_line(whole: bytes | mmap, start: int, end: int) -> int:
    for blank in (b"\r\n", b"\n"):
        last = b"\n" + blank
        if end - len(last) >= start and whole[end - len(last) : end] == last:
            return end - len(blank)
    return end
