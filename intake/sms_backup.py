"""Where messages lie in a backup of SMS Backup & Restore: offsets into its bytes, nothing altered.

A backup is XML, hundreds of megabytes of it, often with references that no XML parser takes (emoji as two halves of a
surrogate pair), and often cut. So it is not parsed here but cut at its tags, in one pass and in the memory of one tag:
no entity is expanded, nothing is fetched, and behind a fault the next message is found again. What is read of a message
is read from its own bytes alone (`intake.reading.backups`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import Final, TypeAlias

from intake.reading.backups import CALL, MMS, SMS
from intake.reading.xml_slice import TAG

Bytes: TypeAlias = bytes | mmap

RECORDS: Final = frozenset({SMS, MMS, CALL})
ROOTS: Final = frozenset({"smses", "calls", "allsms", "allcalls"})
MOST_RECORD_BYTES: Final = 128 * 1024**2
_SNIFFED: Final = 64 * 1024

NOT_ENDED: Final = "begun and not ended"
NOT_BEGUN: Final = "ended and not begun"
MALFORMED: Final = "not XML"
STRAY_TEXT: Final = "text between messages"
UNKNOWN: Final = "an element that is no message"
TOO_LARGE: Final = f"larger than {MOST_RECORD_BYTES} bytes"
ENDS_EARLY: Final = "the file ends early"
DECLARATION: Final = "a declaration, which is not followed: nothing is expanded or fetched"
TWO_BYTES: Final = "in UTF-16, which is not cut into messages"

_NAME: Final = re.compile(rb"</?([A-Za-z_][\w:.-]{0,60}+)", re.ASCII)
_SPACE: Final = re.compile(rb"\s*+")
_DECLARES: Final = b"<!DOCTYPE"
_ENDS: Final = ((b"<!--", b"-->"), (b"<?", b"?>"))
_BEFORE_ROOT: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s++|(?><\?.*?\?>)|(?><!--.*?-->)|(?><!DOCTYPE[^<>\[]*+(?:\[.*?\]\s*+)?>))*+", re.DOTALL
)
_ENCODING: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?<\?xml[^<>]{1,100}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_COUNT: Final = re.compile(rb"\scount\s*=\s*[\"'](\d{1,9})[\"']")


@dataclass(frozen=True, slots=True)
class Record:
    """One message or call: its bytes are `whole[start:end]`, from its `<` to its last `>`."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A stretch of the backup that is no message, and why; it is in the archive as part of the backup."""

    start: int
    end: int
    because: str


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup says of itself: its character set and, where it says, how many messages it holds."""

    encoding: str
    count: int | None


def backup_of(whole: Bytes) -> Backup | None:
    """What a backup says of itself; None where a file is none."""
    beginning = whole[:_SNIFFED]
    if _is_two_bytes(beginning):
        return Backup("utf-16", None)
    before = _BEFORE_ROOT.match(beginning)
    root = TAG.match(beginning, before.end() if before else 0)
    if root is None or root["close"] or root["name"].decode() not in ROOTS:
        return None
    encoding = _ENCODING.match(beginning)
    count = _COUNT.search(root[0])
    return Backup(encoding[1].decode() if encoding else "utf-8", int(count[1]) if count else None)


def _is_two_bytes(beginning: bytes) -> bool:
    order = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(beginning[:2])
    return order is not None and any(f"<{root}".encode(order) in beginning for root in ROOTS)


def records_in(whole: Bytes) -> Iterator[Record | Skipped]:
    """Every message of a backup, and every stretch that is none, in order; they never overlap.

    Left out are only space, comments, processing instructions and the tags of the root. Linear in time for any bytes.
    """
    if _is_two_bytes(whole[:_SNIFFED]):
        yield Skipped(0, len(whole), TWO_BYTES)
        return
    yield from _Cutter(whole).cut()


class _Cutter:
    """One pass over a backup. `_open` is the message whose end tag has not come yet."""

    def __init__(self, whole: Bytes) -> None:
        self._whole = whole
        self._open: tuple[str, int] | None = None
        self._is_ended = False
        self._never: set[bytes] = set()

    def cut(self) -> Iterator[Record | Skipped]:
        position, end = 3 if self._whole[:3] == b"\xef\xbb\xbf" else 0, len(self._whole)
        while position < end:
            found = self._whole.find(b"<", position)
            start = end if found < 0 else found
            text = self._space_end(position)
            if self._open is None and text < start:
                yield Skipped(text, start, STRAY_TEXT)
            position = start
            if start < end:
                position = self._aside(start)
                if position == start:
                    position, pieces = self._declared(start) or self._markup(start)
                    yield from pieces
        if self._open is not None:
            yield Skipped(self._open[1], end, NOT_ENDED)
        if not self._is_ended:
            yield Skipped(end, end, ENDS_EARLY)

    def _space_end(self, position: int) -> int:
        match = _SPACE.match(self._whole, position)
        return match.end() if match else position

    def _aside(self, start: int) -> int:
        """Where a comment or processing instruction ends; `start` where there is none, or it never ends."""
        for mark, last in _ENDS:
            if self._whole[start : start + len(mark)] == mark and mark not in self._never:
                found = self._whole.find(last, start + len(mark))
                if found >= 0:
                    return found + len(last)
                self._never.add(mark)  # nor does any behind it: asked once, so that time stays linear
        return start

    def _declared(self, start: int) -> tuple[int, list[Record | Skipped]] | None:
        """A document type is passed over whole: what it declares is no message, and nothing is made of it."""
        if self._whole[start : start + len(_DECLARES)] != _DECLARES:
            return None
        ends, opens = self._whole.find(b">", start), self._whole.find(b"[", start)
        if 0 <= opens < ends:
            ends = self._whole.find(b"]>", opens) + 1
        end = ends + 1 if ends > start else len(self._whole)
        return end, [*self._give_up(start), Skipped(start, end, DECLARATION)]

    def _markup(self, start: int) -> tuple[int, list[Record | Skipped]]:
        match = TAG.match(self._whole, start)
        if match is None:
            return self._malformed(start)
        name, end = match["name"].decode(), match.end()
        if match["close"]:
            return end, self._closed(name, start, end)
        is_empty = self._whole[end - 2 : end - 1] == b"/"
        return end, self._opened(name, start, end, is_empty=is_empty)

    def _opened(self, name: str, start: int, end: int, *, is_empty: bool) -> list[Record | Skipped]:
        if name in RECORDS:
            left = self._give_up(start)
            if is_empty:
                return [*left, _record(start, end, name)]
            self._open = (name, start)
            return left
        if name in ROOTS:
            self._is_ended = is_empty
            return self._give_up(start)
        return [] if self._open else [Skipped(start, end, UNKNOWN)]

    def _closed(self, name: str, start: int, end: int) -> list[Record | Skipped]:
        if self._open is not None and self._open[0] == name:
            begun, self._open = self._open[1], None
            return [_record(begun, end, name)]
        if name in ROOTS:
            self._is_ended = True
            return self._give_up(start)
        return [Skipped(start, end, NOT_BEGUN)] if self._open is None and name in RECORDS else []

    def _give_up(self, end: int) -> list[Record | Skipped]:
        begun, self._open = self._open, None
        return [] if begun is None else [Skipped(begun[1], end, NOT_ENDED)]

    def _malformed(self, start: int) -> tuple[int, list[Record | Skipped]]:
        """A tag that is none: a message's ends the one before it, another inside a message is that one's own."""
        found = self._whole.find(b"<", start + 1)
        end = len(self._whole) if found < 0 else found
        name = _NAME.match(self._whole, start)
        is_record = name is not None and name[1].decode() in RECORDS
        if self._open is not None and not is_record:
            return end, []
        return end, [*self._give_up(start), Skipped(start, end, MALFORMED)]


def _record(start: int, end: int, name: str) -> Record | Skipped:
    return Skipped(start, end, TOO_LARGE) if end - start > MOST_RECORD_BYTES else Record(start, end, name)
