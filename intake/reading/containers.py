"""Which attached files are containers, and what is in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from intake.reading import limits
from intake.reading.bundles import DEFLATED, ZIPPED, entries_in, entry_bytes, inflate
from intake.reading.model import Slice, displayable
from intake.reading.outlook import COMPOUND, STREAM, read_outlook, stream_of
from intake.reading.pieces import Piece, UnopenableError
from intake.reading.tnef import SIGNATURE, read_tnef
from intake.reading.transfer import decode_transfer

Container: TypeAlias = Literal["outlook", "winmail", "zip"]

OUTLOOK_TYPES: Final = frozenset({"application/vnd.ms-outlook", "application/x-msg", "application/msoutlook"})
ZIP_TYPES: Final = frozenset({"application/zip", "application/x-zip-compressed", "application/x-zip"})
_TOO_LARGE: Final = "the files together are larger than the reader unpacks"
_TNEF_TYPES: Final = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_MAILS_IN_ZIPS: Final = {
    ".eml": "message/rfc822",
    ".msg": "application/vnd.ms-outlook",
    ".zip": "application/zip",
    ".dat": "application/ms-tnef",
}


def container_in(data: bytes, media_type: str, name: str | None) -> Container | None:
    """What kind of container `data` is: by what it is said to be, and by how it begins."""
    named = (name or "").lower()
    if data.startswith(COMPOUND) and (media_type in OUTLOOK_TYPES or named.endswith(".msg")):
        return "outlook"
    if data.startswith(SIGNATURE) and (media_type in _TNEF_TYPES or named.endswith((".dat", ".tnef"))):
        return "winmail"
    if data.startswith(ZIPPED) and (media_type in ZIP_TYPES or named.endswith(".zip")):
        return "zip"
    return None


def may_be_container(media_type: str, name: str | None) -> bool:
    """Whether a file is worth decoding to see."""
    named = (name or "").lower()
    return media_type in OUTLOOK_TYPES | ZIP_TYPES | _TNEF_TYPES or named.endswith((".msg", ".dat", ".tnef", ".zip"))


def pieces_in(
    container: Container, data: bytes, spend: Callable[[int], bool], note: Callable[[str], None]
) -> tuple[Piece, ...]:
    """What a container holds; of a zip, its mails.

    Args:
        container: From `container_in`.
        data: Its bytes.
        spend: Asked before that many bytes are opened or unpacked: whether they may be.
        note: Told what was passed over.

    Raises:
        UnopenableError: it cannot be opened.
    """
    if not spend(len(data)):
        raise UnopenableError(_TOO_LARGE)
    if container == "zip":
        return _mails_in_zip(data, spend, note)
    read = read_outlook if container == "outlook" else read_tnef
    return (Piece(b"", "application/vnd.ms-outlook", message=read(data)),)


def _mails_in_zip(data: bytes, spend: Callable[[int], bool], note: Callable[[str], None]) -> tuple[Piece, ...]:
    found: list[Piece] = []
    for entry in entries_in(data):
        media_type = _MAILS_IN_ZIPS.get(entry.name[-4:].lower())
        if media_type is None:
            continue
        # Asked for damaged entries too: thousands of them may share the same packed bytes.
        if entry.why_not is None and not spend(entry.size_bytes):
            note(f"a mail in a zip was not read: {_TOO_LARGE}")
            continue
        try:
            unpacked = entry_bytes(data, entry)
        except UnopenableError as error:
            note(f"a mail in a zip was not read: {error.because}")
            continue
        if len(found) >= limits.PARTS:
            note("more mails in a zip than the reader looks at")
            break
        name = displayable(entry.name.replace("\\", "/").rpartition("/")[2])
        found.append(Piece(unpacked, media_type, name, entry.place))
    return tuple(found)


def slice_bytes(raw: bytes, slices: tuple[Slice, ...]) -> bytes:
    """`raw`, narrowed and decoded or unpacked by each slice in turn.

    Raises:
        UnopenableError: a container on the way does not hold what it held when it was read.
    """
    for each in slices:
        inside = raw[each.offset : each.offset + each.length]
        if each.encoding == DEFLATED:
            raw = inflate(inside)
        elif each.encoding.startswith(STREAM):
            raw = stream_of(inside, each.encoding.removeprefix(STREAM))
        else:
            raw = decode_transfer(inside, each.encoding)[0]
    return raw
