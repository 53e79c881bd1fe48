"""What a mail shows, out of its parts: its text, its files, the mails attached to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from intake.reading import limits
from intake.reading.marked_headers import Marked
from intake.reading.model import REPLACED, Attachment, Role, Slice, displayable
from intake.reading.parts import Part, Walker
from intake.reading.text_of_html import HtmlText, text_of_html
from intake.reading.transfer import decode_text

_TEXT: Final = frozenset({"text/plain", "text/html", "text/enriched", "text/"})


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of a mail's text, in the one or two forms it was sent in."""

    plain: str | None
    html: HtmlText | None


@dataclass(slots=True)
class Content:
    """Everything of one mail but its headers. `originals` are the mails attached to it, which are among its `files`.

    `wrapped`: its text as a `winmail.dat` repeats it, for a mail that has no other.
    """

    segments: list[Segment] = field(default_factory=list)
    wrapped: list[Segment] = field(default_factory=list)
    files: list[tuple[Part, Role]] = field(default_factory=list)
    originals: list[Part] = field(default_factory=list)
    is_report: bool = False

    @property
    def plain(self) -> str:
        """The text as sent where it was sent as text, else out of the HTML."""
        return _join(
            each.plain if each.plain and each.plain.strip() else _html(each) or each.plain for each in self.segments
        )

    @property
    def html(self) -> str:
        """The text of the HTML where there is any, else the plain text."""
        return _join(_html(each) or each.plain for each in self.segments)

    @property
    def marked(self) -> tuple[Marked, ...]:
        """The quoted headers that the elements of its HTML mark."""
        return tuple(mark for each in self.segments if each.html for mark in each.html.marked)

    @property
    def has_both(self) -> bool:
        """Whether some of it came in both forms."""
        return any(each.html is not None and (each.plain or "").strip() for each in self.segments)

    @property
    def remote(self) -> tuple[str, ...]:
        """What showing its HTML would fetch."""
        found = [address for each in self.segments if each.html for address in each.html.remote]
        return tuple(dict.fromkeys(found))[: limits.REMOTE]

    @property
    def links(self) -> tuple[str, ...]:
        """Where the links of its HTML lead."""
        found = [address for each in self.segments if each.html for address in each.html.links]
        return tuple(dict.fromkeys(found))[: limits.REMOTE]


def _html(segment: Segment) -> str | None:
    return segment.html.text if segment.html is not None and segment.html.text.strip() else None


def _join(texts: Iterator[str | None]) -> str:
    joined = "\n".join(text for text in texts if text)
    return joined.replace("\r\n", "\n").replace("\r", "\n")[: limits.TEXT_CHARACTERS]


def read_content(mail: Part, walker: Walker) -> Content:
    """The text, files and attached mails of `mail`. An attached mail is not looked into here: it is read on its own."""
    content = Content()
    _collect(mail, content, walker, in_related=False)
    if not content.plain.strip():
        content.segments += content.wrapped
    return content


def _collect(part: Part, content: Content, walker: Walker, *, in_related: bool) -> None:
    if part.is_mail:
        if part.form != "embedded":
            content.files.append((part, "original"))
        content.originals.append(part.children[0])
    elif part.form in ("winmail", "zip"):
        content.files.append((part, "attachment"))
        _collect_container(part, content, walker)
    elif part.media_type == "multipart/alternative" and _is_simple(part):
        content.segments.append(_alternatives(part, walker))
    elif part.media_type.startswith("multipart/"):
        content.is_report = content.is_report or part.media_type == "multipart/report"
        for child in part.children:
            _collect(child, content, walker, in_related=in_related or part.media_type == "multipart/related")
        if not part.children:
            content.segments.append(Segment(_text(part, walker), None))
    elif is_text(part):
        content.segments.append(_segment(part, walker))
    else:
        is_inline = in_related or part.disposition.value == "inline" or part.block.first("content-id") is not None
        content.files.append((part, "inline" if is_inline else "attachment"))


def _collect_container(part: Part, content: Content, walker: Walker) -> None:
    for child in part.children:
        if is_text(child) or child.media_type == "multipart/alternative":
            content.wrapped.append(_alternatives(child, walker) if child.children else _segment(child, walker))
        else:
            _collect(child, content, walker, in_related=False)


def _is_simple(part: Part) -> bool:
    """Whether all that a multipart/alternative holds is text in two forms (Apple Mail puts files inside, too)."""
    return all(is_text(child) for child in part.children) and bool(part.children)


def is_text(part: Part) -> bool:
    """Whether a part is words to show rather than a file."""
    return part.media_type in _TEXT and part.disposition.value != "attachment" and part.name is None


def _alternatives(part: Part, walker: Walker) -> Segment:
    read = [_segment(child, walker) for child in part.children]
    plain = next((each.plain for each in read if each.plain and each.plain.strip()), None)
    return Segment(plain, next((each.html for each in reversed(read) if each.html is not None), None))


def _segment(part: Part, walker: Walker) -> Segment:
    text = _text(part, walker)
    if part.media_type != "text/html":
        return Segment(text, None)
    html = text_of_html(text)
    for defect in html.defects:
        walker.note(defect)
    return Segment(None, html)


def _text(part: Part, walker: Walker) -> str:
    data, odd = part.decoded()
    text, strange = decode_text(data[: 4 * limits.HTML_CHARACTERS], part.content.parameters.get("charset"))
    shown = displayable(text)
    for defect in (odd, strange, None if shown == text else REPLACED):
        if defect is not None:
            walker.note(defect)
    return _unflowed(shown, part) if part.content.parameters.get("format", "").lower() == "flowed" else shown


def _unflowed(text: str, part: Part) -> str:
    """RFC 3676: a line that ends in a space goes on in the next one of the same quote depth."""
    delete_space = part.content.parameters.get("delsp", "").lower() == "yes"
    lines: list[str] = []
    is_open = False
    for line in text.replace("\r\n", "\n").split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:].removeprefix(" ")
        if is_open and lines and depth == len(lines[-1]) - len(lines[-1].lstrip(">")):
            lines[-1] += content
        else:
            lines.append(">" * depth + (" " if depth and content else "") + content)
        is_open = line.endswith(" ") and content.rstrip() != "--" and bool(content.strip())
        if is_open and delete_space:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)


def attachment_of(part: Part, role: Role, index: int) -> Attachment:
    """The record of a file, with the digest of its decoded bytes."""
    data = _mail_bytes(part) if role == "original" and part.form == "mail" else part.decoded()[0]
    place = _place(part, role)
    return Attachment(
        index=index,
        name=None if part.name is None else displayable(part.name),
        media_type=displayable(part.media_type)[: limits.DOOR_CHARACTERS],
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        offset=place.offset,
        length=place.length,
        encoding=place.encoding,
        role=role,
        outer=part.outer,
    )


def _place(part: Part, role: Role) -> Slice:
    if role != "original" or part.form == "outlook":
        return part.body
    mail = part.children[0]
    if len(mail.outer) > len(part.outer):
        return mail.outer[-1]
    return Slice(part.body_start, part.end - part.body_start, "")


def _mail_bytes(part: Part) -> bytes:
    mail = part.children[0]
    return mail.data[mail.start : mail.end]
