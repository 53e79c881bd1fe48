"""Files that are handed over and hold mails: Outlook's `.msg`, and zips. Each is itself the original, or originals."""

from __future__ import annotations

from dataclasses import replace

from intake.reading import limits
from intake.reading.bodies import Content, read_content
from intake.reading.containers import OUTLOOK_TYPES
from intake.reading.mail import attachments_of, finish, headers_of, of_originals, open_originals
from intake.reading.model import Forward, Reading, displayable
from intake.reading.parts import Part, Walker


def read_file(raw: bytes, version: int, media_type: str, name: str | None) -> Reading:
    """Read a `.msg` file, or a zip of mails. A zip without mails is a file with a name. Total, as `read_mail`.

    Args:
        raw: The file's bytes.
        version: Of the reader.
        media_type: What it was said to be.
        name: Its name, to show where no single message gives a subject.
    """
    walker = Walker()
    file = walker.open_file(raw, media_type)
    content = _content_of(file, walker)
    if not content.originals:
        return _without_mails(version, media_type, name, walker)
    opened = open_originals(content, walker)
    reading = of_originals(version, file, opened, walker, Forward("file"))
    is_single = len(content.originals) == 1
    remote = [address for each in opened for address in each.content.remote]
    return finish(
        reading if is_single else replace(reading, subject=name),
        headers=headers_of(opened[0].mail.block) if is_single else (),
        attachments=attachments_of(content, opened),
        remote_content=tuple(dict.fromkeys(map(displayable, remote)))[: limits.REMOTE],
        walker=walker,
    )


def _content_of(file: Part, walker: Walker) -> Content:
    """The mails in a file. The file itself is the exhibit, and none of its own attachments."""
    content = Content()
    if file.is_mail:
        content.originals.append(file.children[0])
    elif file.form == "zip":
        for each in file.children:
            inner = read_content(each, walker)
            content.files += inner.files
            content.originals += inner.originals
    return content


def _without_mails(version: int, media_type: str, name: str | None, walker: Walker) -> Reading:
    plain = Reading(version, subject=name, defects=tuple(map(displayable, walker.defects)))
    if media_type not in OUTLOOK_TYPES:
        return plain
    because = "; ".join(plain.defects) or "not an Outlook message"
    return replace(plain, state="unreadable", unreadable_because=because)
