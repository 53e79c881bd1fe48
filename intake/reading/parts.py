"""The structure of a mail as slices of its raw bytes. Nothing is re-serialised: every slice is what the sender wrote.

The standard library's parser is not used for structure: it loses mails that are attached in base64, raises for some
real headers, and cannot say where in the bytes a part lay (issue 5 and the intake report have the measurements).

A part's slice runs from its first header line to the line break before the next delimiter, which RFC 2046 5.1.1 counts
to the delimiter: so the slice of an attached original is byte for byte what its DKIM signature covers.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from intake.reading import limits
from intake.reading.bundles import DEFLATED
from intake.reading.containers import OUTLOOK_TYPES, container_in, may_be_container, pieces_in
from intake.reading.fields import Block, Parameters, decode_field, read_block, read_parameters
from intake.reading.model import Slice
from intake.reading.pieces import Message, Piece, UnopenableError
from intake.reading.transfer import decode_transfer

_STANDS_IN: Final = "some header fields are Outlook's own record: its file has none, or not all, of the transport's"
_DASHES: Final = re.compile(rb"^--[^\r\n]{0,300}", re.MULTILINE)
_ENCODED: Final = frozenset({"base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue", "uue"})
# An equals sign that quoted-printable could not hold, as in `=?utf-8?q?…`: the part is not in it, whatever it says.
_NOT_QUOTED: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]{0,20}\r?\n|\Z)")
_MAIL_FIELDS: Final = frozenset(
    {"from", "date", "subject", "received", "message-id", "to", "return-path", "mime-version"}
)
_FEWEST_MAIL_FIELDS: Final = 3
_SNIFFED: Final = 64 * 1024
_MAIL_TYPES: Final = frozenset(
    {"message/rfc822", "message/global", "message/news", "application/eml", "application/x-eml"}
)
_MAYBE_MAIL: Final = frozenset(
    {"application/octet-stream", "text/plain", "application/download", "application/x-download", "", *OUTLOOK_TYPES}
)


Form: TypeAlias = Literal["", "parts", "mail", "outlook", "embedded", "winmail", "zip"]
"""What a part's children are: parts, the one mail in it, that mail out of Outlook's form (embedded: without bytes of
its own), or what a `winmail.dat` or a zip holds."""

_NO_FIELDS: Final = Block((), 0, ())
_NO_PARAMETERS: Final = Parameters("", {})


@dataclass(frozen=True, slots=True)
class Part:
    """One node: its header block, its place in `data`, its children (a multipart's parts, or the one attached mail)."""

    data: bytes = field(repr=False)
    outer: tuple[Slice, ...]
    start: int
    body_start: int
    end: int
    block: Block
    content: Parameters
    disposition: Parameters
    encoding: str
    children: tuple[Part, ...] = ()
    form: Form = ""

    @property
    def media_type(self) -> str:
        """As stated, lower-cased; else the default of where it stands."""
        return self.content.value

    @property
    def is_mail(self) -> bool:
        """Whether this part is an attached mail that could be opened."""
        return self.form in ("mail", "outlook", "embedded")

    @property
    def body(self) -> Slice:
        """Where its content lies in `data`, still encoded."""
        return Slice(self.body_start, self.end - self.body_start, self.encoding)

    @property
    def name(self) -> str | None:
        """Its file name, if it states one."""
        stated = self.disposition.parameters.get("filename") or self.content.parameters.get("name")
        return stated.replace("\n", " ").strip()[: limits.DOOR_CHARACTERS] if stated else None

    def decoded(self) -> tuple[bytes, str | None]:
        """Its content, decoded, and what was wrong with it."""
        return decode_transfer(self.data[self.body_start : self.end], self.encoding)


@dataclass(slots=True)
class Walker:
    """Opens one mail. Keeps the count of parts and the list of what was odd, over all nested mails."""

    defects: list[str] = field(default_factory=list)
    parts: int = 0
    unpacked: int = 0

    def open_mail(self, data: bytes) -> Part:
        """The tree of a whole mail. Total: any bytes are a mail, at worst one without headers."""
        return self._open(_Source(data, ()), 0, len(data), 0, "text/plain")

    def open_file(self, data: bytes, media_type: str) -> Part:
        """A file that is no mail, with the mails in it, if there are any."""
        return self._open_piece(Piece(data, media_type), (), 0)

    def note(self, defect: str) -> None:
        """Keep what was odd, once."""
        if defect not in self.defects and len(self.defects) < limits.DEFECTS:
            self.defects.append(defect)

    def _open(self, source: _Source, start: int, end: int, depth: int, default_type: str) -> Part:
        self.parts += 1
        block = read_block(source.data, start, end)
        for defect in block.defects:
            self.note(defect)
        content = read_parameters(block.first("content-type"))
        if "/" not in content.value:
            content = Parameters(default_type, content.parameters)
        encoding = decode_field(block.first("content-transfer-encoding") or b"").split(";")[0].strip().lower()
        part = Part(
            data=source.data,
            outer=source.outer,
            start=start,
            body_start=min(block.body_start, end),
            end=end,
            block=block,
            content=content,
            disposition=read_parameters(block.first("content-disposition")),
            encoding=encoding,
        )
        form, children = self._children(source, part, depth)
        return part if not children else replace(part, form=form, children=children)

    def _children(self, source: _Source, part: Part, depth: int) -> tuple[Form, tuple[Part, ...]]:
        is_multipart = part.media_type.startswith("multipart/")
        is_container = not is_multipart and may_be_container(part.media_type, part.name)
        if not (is_multipart or is_container or _may_be_mail(part)):
            return "", ()
        if depth >= limits.DEPTH:
            self.note("parts nested deeper than the reader looks")
            return "", ()
        if is_multipart:
            return "parts", self._open_multipart(source, part, depth)
        if is_container:
            form, inside = self._open_container(part, depth)
            if inside:
                return form, inside
        return "mail", self._open_attached(source, part, depth) if _may_be_mail(part) else ()

    def _open_container(self, part: Part, depth: int) -> tuple[Form, tuple[Part, ...]]:
        data, _ = part.decoded()
        container = container_in(data, part.media_type, part.name)
        if container is None:
            return "", ()
        if container == "zip" and sum(each.encoding == DEFLATED for each in part.outer) >= limits.NESTING:
            self.note("zips nested deeper than the reader looks")
            return "", ()
        try:
            pieces = pieces_in(container, data, self._may_unpack, self.note)
        except UnopenableError as error:
            self.note(f"a file was not opened: {error.because}")
            return "", ()
        outer = (*part.outer, part.body)
        if container == "zip":
            return "zip", self._open_pieces(pieces, outer, depth)
        message = self._open_message(pieces[0].message, outer, depth)
        return (container, (message,)) if container == "outlook" else (container, message.children)

    def _may_unpack(self, size: int) -> bool:
        if self.unpacked + size > limits.UNPACKED_BYTES:
            return False
        self.unpacked += size
        return True

    def _open_pieces(self, pieces: tuple[Piece, ...], outer: tuple[Slice, ...], depth: int) -> tuple[Part, ...]:
        opened: list[Part] = []
        for piece in pieces:
            if self.parts >= limits.PARTS:
                self.note("more parts than the reader looks at")
                break
            opened.append(self._open_piece(piece, outer, depth + 1))
        return tuple(opened)

    def _open_piece(self, piece: Piece, outer: tuple[Slice, ...], depth: int) -> Part:
        self.parts += 1
        is_file = piece.place is not None
        part = Part(
            data=piece.data,
            outer=outer if piece.place is None else (*outer, piece.place),
            start=0,
            body_start=0,
            end=len(piece.data),
            block=_NO_FIELDS,
            content=Parameters(piece.media_type.lower(), {} if is_file else {"charset": "utf-8"}),
            disposition=Parameters("attachment", {"filename": piece.name or ""}) if is_file else _NO_PARAMETERS,
            encoding="",
        )
        if piece.message is not None and depth < limits.DEPTH:
            mail = self._open_message(piece.message, part.outer, depth + 1)
            return replace(part, form="outlook" if is_file else "embedded", children=(mail,))
        form, children = self._children(_Source(part.data, part.outer), part, depth)
        return part if not children else replace(part, form=form, children=children)

    def _open_message(self, message: Message | None, outer: tuple[Slice, ...], depth: int) -> Part:
        """A message that Outlook kept field by field, as if it were a mail."""
        assert message is not None  # noqa: S101 - narrows for mypy: only zips hold pieces that are none
        if message.stands_in:
            self.note(_STANDS_IN)
        mail = Part(
            data=message.head,
            outer=outer,
            start=0,
            body_start=len(message.head),
            end=len(message.head),
            block=read_block(message.head, 0, len(message.head)),
            content=Parameters("multipart/mixed", {}),
            disposition=_NO_PARAMETERS,
            encoding="",
            form="parts",
        )
        texts = self._open_pieces(message.texts, outer, depth)
        if len(texts) > 1:
            texts = (replace(mail, content=Parameters("multipart/alternative", {}), block=_NO_FIELDS, children=texts),)
        return replace(mail, children=(*texts, *self._open_pieces(message.files, outer, depth)))

    def _open_multipart(self, source: _Source, part: Part, depth: int) -> tuple[Part, ...]:
        default = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
        children: list[Part] = []
        spans = source.between(part.content.parameters.get("boundary", ""), part.body_start, part.end)
        if not spans:
            self.note("a multipart without its boundary")
        for start, end in spans:
            if self.parts >= limits.PARTS:
                self.note("more parts than the reader looks at")
                break
            children.append(self._open(source, start, end, depth + 1, default))
        return tuple(children)

    def _open_attached(self, source: _Source, part: Part, depth: int) -> tuple[Part, ...]:
        """The mail inside a part, in whatever transfer encoding it truly is."""
        if self.parts >= limits.PARTS:
            self.note("more parts than the reader looks at")
            return ()
        raw = part.data[part.body_start : part.end]
        stated = part.media_type in _MAIL_TYPES
        is_quoted = part.encoding == "quoted-printable" and _NOT_QUOTED.search(raw) is None
        if not is_quoted and looks_like_mail(raw, stated=stated):
            # Also where a transfer encoding is claimed that is not there: RFC 2046 forbids one, some senders write it.
            return (self._open(source, part.body_start, part.end, depth + 1, "text/plain"),)
        encoding = part.encoding if part.encoding in _ENCODED else "base64"
        decoded, _ = decode_transfer(raw, encoding)
        if not looks_like_mail(decoded, stated=stated):
            return ()
        inner = _Source(decoded, (*part.outer, Slice(part.body_start, part.end - part.body_start, encoding)))
        return (self._open(inner, 0, len(decoded), depth + 1, "text/plain"),)


def _may_be_mail(part: Part) -> bool:
    if part.media_type in _MAIL_TYPES:
        return True
    if part.name is None and part.media_type in {"application/octet-stream", *OUTLOOK_TYPES}:
        return True
    return part.media_type in _MAYBE_MAIL and (part.name or "").lower().endswith((".eml", ".mht", ".msg"))


def looks_like_mail(data: bytes, *, stated: bool) -> bool:
    """Whether `data` starts with a mail's header block. One that is stated to be a mail needs a single known field."""
    block = read_block(data, 0, min(len(data), _SNIFFED))
    known = {name.lower() for name, _ in block.fields} & _MAIL_FIELDS
    return len(known) >= (1 if stated else _FEWEST_MAIL_FIELDS)


class _Source:
    """Bytes to open parts in, and an index of their possible delimiter lines: finding a boundary is one look-up."""

    def __init__(self, data: bytes, outer: tuple[Slice, ...]) -> None:
        self.data = data
        self.outer = outer
        self._index: dict[bytes, list[int]] | None = None

    def between(self, boundary: str, start: int, end: int) -> list[tuple[int, int]]:
        """The spans of the parts that `boundary` delimits; without a final delimiter the last goes up to `end`."""
        if not boundary:
            return []
        key = b"--" + boundary.encode("utf-8", "surrogateescape").rstrip()
        opening = self._places(key, start, end)
        closing = self._places(key + b"--", start, end)
        final = next((place for place in closing if opening and place > opening[0]), end)
        places = [place for place in opening if place < final]
        return [self._span(place, stop, end) for place, stop in pairwise([*places, final])]

    def _span(self, place: int, stop: int, end: int) -> tuple[int, int]:
        newline = self.data.find(b"\n", place, end)
        start = end if newline < 0 else newline + 1
        if stop != end:  # a delimiter stands there, and the line break before it is part of it
            stop -= self.data.startswith(b"\n", stop - 1)
            stop -= self.data.startswith(b"\r", stop - 1)
        return start, max(start, stop)

    def _places(self, key: bytes, start: int, end: int) -> list[int]:
        if self._index is None:
            self._index = {}
            for match in _DASHES.finditer(self.data):
                self._index.setdefault(match[0].rstrip(), []).append(match.start())
        places = self._index.get(key, [])
        return places[bisect_left(places, start) : bisect_left(places, end)]
