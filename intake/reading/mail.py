"""A mail, read: the message it forwards if it forwards one, else the contributor's own.

Which message is the original: one attached whole beats one quoted in the text, and of several quoted ones the outermost
is it (the others stay as a chain). `reported_from`, `claimed`, `subject` and `text` are then the original's, and what
the contributor wrote above it is `note`.

A mail that forwards nothing is the contributor's own words: its text is shown, nobody is reported, and no time is
claimed. Its Date header is when *she* pressed send; the door's `received_at` says that better, and as a claimed time it
would put the offender's conduct at the minute she reported it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from intake.reading import limits
from intake.reading.bodies import Content, attachment_of, read_content
from intake.reading.dates import claimed_from
from intake.reading.diary import entry_of, hints_of
from intake.reading.fields import Block, decode_field
from intake.reading.forwarded import Inline, find_forward, is_separator, quotes_a_message
from intake.reading.header_people import people_of, person_of
from intake.reading.identifiers import find_identifiers, url_as_ascii
from intake.reading.model import (
    Attachment,
    Claimed,
    Direction,
    Forward,
    Headers,
    Identifier,
    Reading,
    Reported,
    displayable,
)
from intake.reading.parts import Part, Walker

_MACHINES: Final = ("auto-submitted", "precedence", "list-id", "x-autoreply", "x-auto-response-suppress")
_IN_DOUBT: Final = "another message is quoted in the text; it is not certain that it was forwarded, so nobody is named"
_DISAGREE: Final = "the text and the HTML of this mail name different authors: neither is taken"


def read_mail(raw: bytes, version: int, *, is_original: bool = False) -> Reading:
    """Read one mail. Total but for resources: the caller bounds time and memory.

    Args:
        raw: The mail's bytes.
        version: Of the reader.
        is_original: The mail itself is the original: a file that was uploaded or imported, not a mail sent to us.
    """
    walker = Walker()
    mail = walker.open_mail(raw)
    content = read_content(mail, walker)
    opened = open_originals(content, walker)
    if is_original or _was_resent(mail):
        rule = "file" if is_original else "resent"
        reading = of_originals(version, mail, [Opened(mail, content, 0)], walker, Forward(rule))
    elif opened and not content.is_report:
        reading = of_originals(version, mail, opened, walker, Forward("attached"))
        reading = replace(reading, note=_note(content.plain))
    else:
        reading = _without_original(version, mail, content, walker)
    remote = [address for each in (content, *(one.content for one in opened)) for address in each.remote]
    return finish(
        reading,
        headers=headers_of(mail.block),
        attachments=attachments_of(content, opened),
        remote_content=tuple(dict.fromkeys(map(displayable, remote)))[: limits.REMOTE],
        walker=walker,
    )


def _was_resent(mail: Part) -> bool:
    """Whether this is the original itself, redirected by another than its author (RFC 5322 3.6.6)."""
    resenders = people_of(mail.block, "resent-from")
    authors = {each.address for each in people_of(mail.block, "from")}
    return len(resenders) == 1 and resenders[0].address is not None and resenders[0].address not in authors


@dataclass(frozen=True, slots=True)
class Opened:
    """A mail attached to the mail, or to one attached to it (`depth` 1 and more)."""

    mail: Part
    content: Content
    depth: int


def open_originals(content: Content, walker: Walker) -> list[Opened]:
    """Every mail attached to a mail, and to those."""
    opened: list[Opened] = []
    waiting = [(mail, 0) for mail in content.originals]
    while waiting:
        mail, depth = waiting.pop(0)
        inner = read_content(mail, walker)
        opened.append(Opened(mail, inner, depth))
        waiting += [(each, depth + 1) for each in inner.originals]
    return opened


def of_originals(version: int, mail: Part, opened: Sequence[Opened], walker: Walker, forward: Forward) -> Reading:
    """The reading of `mail`, whose original is the one of `opened` that lies outermost."""
    outermost = [each for each in opened if each.depth == 0]
    first = outermost[0]
    author = person_of(first.mail.block, "from", walker.note)
    claimed = _claimed_of(first.mail.block)
    text, subject = first.content.plain, _subject(first.mail.block)
    if len(outermost) > 1:
        # Several originals in one forward are several events; which is meant is not ours to choose.
        walker.note("several messages are attached: each has to be looked at by itself")
        authors = {person_of(each.mail.block, "from", walker.note) for each in outermost}
        author, claimed = (authors.pop() if len(authors) == 1 else Reported()), Claimed()
        text, subject = _listed(outermost), _subject(mail.block)
    to, cc = people_of(first.mail.block, "to"), people_of(first.mail.block, "cc")
    return Reading(
        version=version,
        direction="unknown" if forward.rule == "file" else _direction(mail, author, (*to, *cc)),
        claimed=claimed,
        reported_from=author,
        reported_to=to,
        reported_cc=cc,
        subject=subject,
        text=text,
        original_headers=headers_of(first.mail.block),
        forward=forward,
        identifiers=_identifiers(text, first.content.links),
    )


def _listed(originals: Sequence[Opened]) -> str:
    texts = []
    for each in originals:
        block = each.mail.block
        head = [
            f"{name}: {decode_field(value)}"
            for name in ("From", "Date", "Subject")
            if (value := block.first(name)) is not None
        ]
        texts.append("\n".join([*head, "", each.content.plain]))
    return "\n\n\n".join(texts)[: limits.TEXT_CHARACTERS]


def _without_original(version: int, mail: Part, content: Content, walker: Walker) -> Reading:
    subject = _subject(mail.block)
    found = None if content.is_report else _inline(mail, content, subject, walker)
    if found is not None:
        return _with_inline(version, mail, content, found)
    text = content.plain
    is_quoting = quotes_a_message(text)
    if is_quoting:
        walker.note(_IN_DOUBT)
    plain = Reading(
        version=version,
        subject=subject,
        text=text,
        identifiers=_identifiers(text, content.links),
        own_words=not is_quoting and _is_own_words(mail, content),
    )
    entry = entry_of(text) or entry_of(subject or "")
    if entry is not None:
        return replace(plain, kind=entry.kind, claimed=entry.claimed, hints=hints_of(text), own_words=True)
    return plain


def _is_own_words(mail: Part, content: Content) -> bool:
    """Whether whoever sent a mail that quotes nothing wrote it, as far as can be told: words, no file, no machine."""
    is_automatic = content.is_report or any(mail.block.first(name) is not None for name in _MACHINES)
    return bool(content.plain.strip()) and not (is_automatic or content.files)


def _inline(mail: Part, content: Content, subject: str | None, walker: Walker) -> Inline | None:
    """The forward that the text quotes. Text and HTML are both read, and must not contradict each other."""
    recipients = frozenset(
        each.address.casefold() for name in ("to", "cc") for each in people_of(mail.block, name) if each.address
    )
    from_text = find_forward(content.plain, subject, recipients, () if content.has_both else content.marked)
    if not content.has_both:
        return from_text
    from_html = find_forward(content.html, subject, recipients, content.marked)
    if from_text is None or from_html is None:
        return from_text or from_html
    if _differ(from_text.author, from_html.author):
        walker.note(_DISAGREE)
        return replace(from_text, author=Reported())
    return from_text


def _differ(one: Reported, other: Reported) -> bool:
    if one.address and other.address:
        return one.address.casefold() != other.address.casefold()
    return bool(one.name and other.name and one.name.casefold() != other.name.casefold())


def _with_inline(version: int, mail: Part, content: Content, found: Inline) -> Reading:
    return Reading(
        version=version,
        direction=_direction(mail, found.author, (*found.to, *found.cc)),
        claimed=claimed_from(found.date_text, "quoted", found.languages),
        reported_from=found.author,
        reported_to=found.to,
        reported_cc=found.cc,
        subject=found.subject,
        text=found.body,
        note=_note(found.above),
        forward=Forward(
            found.rule, found.source, found.header_start, found.header_end, found.body_end, found.chain, found.spans
        ),
        identifiers=_identifiers(found.body, content.links),
    )


def _note(above: str) -> str | None:
    """The contributor's own words above the original, without the lines a mail program put there."""
    lines = [line for line in above.split("\n") if not is_separator(line)]
    return "\n".join(lines).strip() or None


def _direction(mail: Part, author: Reported, receivers: Sequence[Reported]) -> Direction:
    """Whether the original came to the contributor or went out from her, judged by the addresses she forwards from."""
    senders = people_of(mail.block, "resent-from") or people_of(mail.block, "from")
    hers = {each.address.casefold() for each in senders if each.address}
    if author.address and author.address.casefold() in hers:
        return "outbound"
    if author.address and any(each.address and each.address.casefold() in hers for each in receivers):
        return "inbound"
    return "unknown"


def _claimed_of(block: Block) -> Claimed:
    values = block.every("date")
    return claimed_from(decode_field(values[0]), "header") if len(values) == 1 else Claimed()


def _subject(block: Block) -> str | None:
    value = block.first("subject")
    return None if value is None else decode_field(value)


def headers_of(block: Block) -> Headers:
    """A header block, to show."""
    return tuple((name, decode_field(value)) for name, value in block.fields)


def attachments_of(content: Content, opened: Sequence[Opened]) -> tuple[Attachment, ...]:
    """Every file of a mail and of the mails attached to it."""
    files = [file for each in (content, *(one.content for one in opened)) for file in each.files]
    return tuple(attachment_of(part, role, index) for index, (part, role) in enumerate(files))


def _identifiers(text: str, links: Sequence[str]) -> tuple[Identifier, ...]:
    found = find_identifiers(text)
    shown = {each.value for each in found}
    linked = dict.fromkeys(url_as_ascii(link) for link in links if link.startswith("http"))
    targets = [Identifier("url", link) for link in linked if link not in shown]
    return (*found, *targets)[: limits.IDENTIFIERS]


def finish(
    reading: Reading,
    *,
    headers: Headers,
    attachments: tuple[Attachment, ...],
    remote_content: tuple[str, ...],
    walker: Walker,
) -> Reading:
    """A reading, with what every mail's reading has."""
    return replace(
        reading,
        headers=headers,
        attachments=attachments,
        remote_content=remote_content,
        defects=tuple(map(displayable, walker.defects)),
    )
