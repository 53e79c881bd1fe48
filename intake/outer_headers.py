"""The outer header of a mail, from its raw bytes, before and apart from any parser: whole lines, nothing decoded."""

from __future__ import annotations

import re

# No honest header block is larger; what a hostile one costs stays bounded.
MOST_HEADER_BYTES = 256 * 1024
_BLOCK_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def header_lines(raw: bytes) -> list[bytes]:
    """The lines of the header block, folded ones joined."""
    head = raw[:MOST_HEADER_BYTES]
    if head.startswith((b"\n", b"\r\n")):
        return []
    end = _BLOCK_END.search(head)
    block = _FOLD.sub(b" ", head[: end.start()] if end else head)
    return block.replace(b"\r", b"\n").split(b"\n")
