"""A message as signatures see it: its header fields byte for byte, its body with CRLF line ends. Bounded and linear.

dkimpy splits a message by itself, in time that grows with the square of a long field, and canonicalises bodies by an
expression that takes hours for a megabyte of blanks. Messages are split and bodies prepared here; what dkimpy makes of
the prepared body is what it makes of the original (a property test holds the two together).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from intake.errors import UnusableError
from intake.reading.limits import MEBIBYTE

MOST_BYTES: Final = 64 * MEBIBYTE
HEADER_BYTES: Final = MEBIBYTE
FIELDS: Final = 2_000

_END: Final = re.compile(rb"\r?\n\r?\n")
_BREAK: Final = re.compile(rb"\r?\n")
_FIELD: Final = re.compile(rb"([!-9;-~]{1,200}):")
_BLANKS: Final = re.compile(rb"[\t ]+")


class UnjudgeableError(UnusableError):
    """A message that no signature can be judged on; why, in words for people."""


@dataclass(frozen=True)  # no slots: what is worked out of the body is kept
class Message:
    """Fields in their order, each with the value as it stands (ends in CRLF), and the body, prepared for signatures."""

    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes = field(repr=False)

    def every(self, name: bytes) -> list[bytes]:
        """The values of every field of that name (lower case), from the top."""
        return [value for key, value in self.fields if key.lower() == name]

    @cached_property
    def relaxed_body(self) -> bytes:
        """The body with runs of blanks as one, and none before a line's end (RFC 6376 3.4.4, but for its last line)."""
        return _BLANKS.sub(b" ", self.body).replace(b" \r\n", b"\r\n")


def split(raw: bytes) -> Message:
    """Split a message.

    Raises:
        UnjudgeableError: It is too large, or its header block is none.
    """
    if len(raw) > MOST_BYTES:
        raise UnjudgeableError(f"It is larger than is judged ({MOST_BYTES} bytes).")
    if raw.startswith((b"\n", b"\r\n")):
        raise UnjudgeableError("It has no header.")
    end = _END.search(raw)
    head, body = (raw[: end.start()], raw[end.end() :]) if end else (raw.removesuffix(b"\n").removesuffix(b"\r"), b"")
    if len(head) > HEADER_BYTES:
        raise UnjudgeableError(f"Its header is larger than is judged ({HEADER_BYTES} bytes).")
    return Message(_fields(_BREAK.split(head)), _BREAK.sub(b"\r\n", body))


def _fields(lines: Sequence[bytes]) -> tuple[tuple[bytes, bytes], ...]:
    found: list[tuple[bytes, list[bytes]]] = []
    for number, line in enumerate(lines):
        if line[:1] in {b" ", b"\t"} and found:
            found[-1][1].append(line)
        elif match := _FIELD.match(line):
            found.append((match[1], [line[match.end() :]]))
        elif not (number == 0 and line.startswith((b"From ", b">From "))):
            raise UnjudgeableError("Its header has a line that is no header field.")
        if len(found) > FIELDS:
            raise UnjudgeableError(f"It has more header fields than are judged ({FIELDS}).")
    return tuple((name, b"".join(line + b"\r\n" for line in value)) for name, value in found)
