"""Outlook's `.msg` files ([MS-OXMSG], in a compound file), by python-oxmsg and olefile, inside a guard.

Both raise many kinds of error for damaged files, and olefile would read one long stream again for each of thousands of
directory entries: so a file whose streams claim more bytes than it has is not opened.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from intake.reading import limits
from intake.reading.model import Slice
from intake.reading.pieces import Known, Message, Piece, UnopenableError, head_of, texts_of

if TYPE_CHECKING:
    from oxmsg.properties import Properties
    from oxmsg.storage import Storage

COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How every compound file begins."""
STREAM: Final = "msg;"
"""Before the path of a stream, in a slice's encoding. No mail can state it: a semicolon ends what a header states."""

_ENTRIES: Final = 4_000
_TOP_HEADER, _INNER_HEADER, _PART_HEADER = 32, 24, 8
_EMBEDDED: Final = 5
_TO, _CC = 1, 2
_CHARSET: Final = re.compile(rb"charset=[\"']?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
# Property ids of [MS-OXPROPS].
_SUBJECT, _HEADERS, _BODY, _HTML, _CODEPAGE = 0x0037, 0x007D, 0x1000, 0x1013, 0x3FDE
_SUBMITTED, _DELIVERED = 0x0039, 0x0E06
_AUTHORS: Final = ((0x0042, 0x5D02, 0x0065), (0x0C1A, 0x5D01, 0x0C1F))
"""Name, SMTP address and address: of whom the message is from, and of who pressed send."""
_ROLE, _NAME, _ADDRESS, _SMTP = 0x0C15, 0x3001, 0x3003, 0x39FE
_METHOD, _LONG_NAME, _SHORT_NAME, _MIME = 0x3705, 0x3707, 0x3704, 0x370E

T = TypeVar("T")


def read_outlook(raw: bytes) -> Message:
    """The message in a `.msg` file.

    Raises:
        UnopenableError: these bytes are none, or are too damaged; for any bytes, nothing else.
    """
    try:
        return _message(_storage(raw), _TOP_HEADER, len(raw), 0)
    except UnopenableError:
        raise
    except Exception as error:
        raise UnopenableError(f"not a whole Outlook message ({type(error).__name__})") from error


def stream_of(raw: bytes, path: str) -> bytes:
    """One stream of a compound file.

    Raises:
        UnopenableError: there is none.
    """
    from olefile import OleFileIO

    try:
        with OleFileIO(io.BytesIO(raw)) as ole:
            _check(ole, len(raw))
            with ole.openstream(path.split("/")) as stream:
                return bytes(stream.read())
    except UnopenableError:
        raise
    except Exception as error:
        raise UnopenableError(f"no such stream ({type(error).__name__})") from error


def _storage(raw: bytes) -> Storage:
    from olefile import OleFileIO
    from oxmsg.storage import Storage

    with OleFileIO(io.BytesIO(raw)) as ole:  # given bytes, olefile may take them for a path
        _check(ole, len(raw))
        return Storage.from_ole(ole)


def _check(ole: Any, size: int) -> None:
    entries = [entry for entry in ole.direntries if entry is not None]
    if len(entries) > _ENTRIES:
        raise UnopenableError(f"an Outlook message of more than {_ENTRIES} records")
    if sum(entry.size for entry in entries if entry.entry_type == 2) > 2 * size:  # noqa: PLR2004 - STGTY_STREAM
        raise UnopenableError("an Outlook message that claims more bytes than it has")


def _message(storage: Storage, header: int, size: int, depth: int) -> Message:
    from oxmsg.properties import Properties

    found = Properties(storage, header)
    if not any(each.name.startswith("__properties_version1.0") for each in storage.streams):
        raise UnopenableError("not an Outlook message")
    head, stands_in = head_of(_text(found, _HEADERS), _known(storage, found))
    return Message(
        head,
        texts_of(_text(found, _BODY), _html(found)),
        tuple(_file(each, size, depth) for each in storage.iter_attachment_storages()),
        stands_in,
    )


def _known(storage: Storage, found: Properties) -> Known:
    from oxmsg.properties import Properties

    people = [Properties(each, _PART_HEADER) for each in storage.iter_recipient_storages()]
    roles = [(_guarded(each.int_prop_value, _ROLE), _person(each, _NAME, _SMTP, _ADDRESS)) for each in people]
    authors = (_person(found, *ids) for ids in _AUTHORS)
    return Known(
        author=next((each for each in authors if each != (None, None)), (None, None)),
        to=tuple(person for role, person in roles if role == _TO),
        cc=tuple(person for role, person in roles if role == _CC),
        subject=_text(found, _SUBJECT),
        at=_moment(found, _SUBMITTED) or _moment(found, _DELIVERED),
    )


def _person(found: Properties, name: int, *addresses: int) -> tuple[str | None, str | None]:
    stated = (_text(found, each) for each in addresses)
    return _text(found, name), next((each for each in stated if each and "@" in each), None)


def _file(storage: Storage, size: int, depth: int) -> Piece:
    from oxmsg.properties import Properties

    found = Properties(storage, _PART_HEADER)
    name = _text(found, _LONG_NAME) or _text(found, _SHORT_NAME) or _text(found, _NAME)
    if depth < limits.DEPTH and _guarded(found.int_prop_value, _METHOD) == _EMBEDDED:
        inner = next((each for each in storage.storages if each.name == "__substg1.0_3701000D"), None)
        if inner is not None and any(each.name == "__properties_version1.0" for each in inner.streams):
            message = _message(inner, _INNER_HEADER, size, depth + 1)
            return Piece(b"", "application/vnd.ms-outlook", name, message=message)
    stream = next((each for each in storage.streams if each.name == "__substg1.0_37010102"), None)
    if stream is None:
        return Piece(b"", "application/octet-stream", name, Slice(0, 0, ""))
    place = Slice(0, size, STREAM + stream.path)
    return Piece(stream.bytes_, _text(found, _MIME) or "application/octet-stream", name, place)


def _text(found: Properties, pid: int) -> str | None:
    text = _guarded(found.str_prop_value, pid)
    return None if text is None else text.rstrip("\x00")[: limits.HTML_CHARACTERS]


def _html(found: Properties) -> str | None:
    html = _guarded(found.binary_prop_value, _HTML)
    if html is None:
        return _text(found, _HTML)
    from intake.reading.transfer import decode_text

    stated = _CHARSET.search(html[:2_000])
    codepage = _guarded(found.int_prop_value, _CODEPAGE)
    named = stated[1].decode("ascii") if stated else ("utf-8" if codepage in (None, 65001) else f"cp{codepage}")
    return decode_text(html[: limits.HTML_CHARACTERS], named)[0]


def _moment(found: Properties, pid: int) -> datetime | None:
    at = _guarded(found.date_prop_value, pid)
    return at.astimezone(UTC) if isinstance(at, datetime) and at.tzinfo is not None else None


def _guarded(read: Callable[[int], T], pid: int) -> T | None:
    """One property; None where it is damaged: the others may be whole."""
    with suppress(Exception):
        return read(pid)
    return None
