"""What containers (Outlook files, `winmail.dat`, zips) hold, before it is made parts of a mail.

A container is opened for reading only. Its bytes stay what they are; a piece says where in them its own bytes lie.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from intake.errors import UnusableError
from intake.reading.model import Slice

_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f]+")
_FIELD_LINE: Final = re.compile(r"[!-9;-~]{1,200}[ \t]*:")
_STANDING_IN: Final = ("From", "To", "Cc", "Subject", "Date")


class UnopenableError(UnusableError):
    """A container that cannot be opened, or not within its limits. The container itself is kept."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file inside a container, or a stretch of a message's text.

    `place` says where its bytes lie in the container's; None for text, and for a message that has no bytes of its own
    there. `message`: what the piece is, where the container itself tells it field by field.
    """

    data: bytes = field(repr=False)
    media_type: str
    name: str | None = None
    place: Slice | None = None
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as Outlook keeps it: a header block, and its text and files.

    `stands_in`: some fields of the block are Outlook's own record, where the transport left none.
    """

    head: bytes
    texts: tuple[Piece, ...]
    files: tuple[Piece, ...]
    stands_in: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What Outlook's own record says of a message."""

    author: tuple[str | None, str | None] = (None, None)
    to: tuple[tuple[str | None, str | None], ...] = ()
    cc: tuple[tuple[str | None, str | None], ...] = ()
    subject: str | None = None
    at: datetime | None = None


def head_of(transport: str | None, known: Known) -> tuple[bytes, bool]:
    """A message's header block: the transport's, as it stands, and fields of Outlook's record for those it lacks.

    Returns:
        The block with its blank line, and whether Outlook's record stands in for anything.
    """
    kept = _from_first_field(transport or "")
    have = {line.partition(":")[0].strip().lower() for line in kept.split("\n") if _FIELD_LINE.match(line)}
    values = {
        "From": _people((known.author,)),
        "To": _people(known.to),
        "Cc": _people(known.cc),
        "Subject": known.subject or "",
        "Date": "" if known.at is None else format_datetime(known.at),
    }
    added = [
        f"{name}: {_BREAKS.sub(' ', values[name])}\r\n"
        for name in _STANDING_IN
        if name.lower() not in have and values[name]
    ]
    head = (kept + "\r\n" if kept else "") + "".join(added) + "\r\n"
    return head.encode("utf-8", "replace"), bool(added)


def _from_first_field(transport: str) -> str:
    """Without the line "Microsoft Mail Internet Headers Version 2.0" that some servers put first, and what ends it."""
    lines = transport.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    first = next((number for number, line in enumerate(lines[:5]) if _FIELD_LINE.match(line)), None)
    if first is None:
        return ""
    fields = lines[first:]
    end = next((number for number, line in enumerate(fields) if not line.strip()), len(fields))
    return "\r\n".join(fields[:end])


def _people(people: Sequence[tuple[str | None, str | None]]) -> str:
    return ", ".join(shown for name, address in people if (shown := _person(name, address)))


def _person(name: str | None, address: str | None) -> str:
    # An Exchange address ("/O=FIRST/CN=RECIPIENTS/CN=DAN") names nobody outside its own house.
    mail = _BREAKS.sub("", address).strip() if address and "@" in address else None
    shown = _BREAKS.sub(" ", name or "").replace("\\", " ").replace('"', "'").strip()
    if shown and mail and shown.strip("'").casefold() != mail.casefold():
        return f'"{shown}" <{mail}>'
    return f"<{mail}>" if mail else (f'"{shown}"' if shown else "")


def texts_of(plain: str | None, html: str | None) -> tuple[Piece, ...]:
    """A message's text in the forms it has."""
    return tuple(
        Piece(text.encode("utf-8", "replace"), media_type)
        for text, media_type in ((plain, "text/plain"), (html, "text/html"))
        if text and text.strip("\x00 \r\n\t")
    )
