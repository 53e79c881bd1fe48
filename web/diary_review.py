"""What the diary shows again: all answers before they are sent, the receipt, earlier entries where she chose that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from archive.visit import Visit
from intake import drafts
from intake.diary_document import Known, Photo, When
from intake.drafts import Draft, DraftKind
from intake.receipts import Receipts
from timeline.readings import current
from web import diary_pages
from web.diary_pages import Field, Look, Page
from web.translations import gettext as _
from web.words import claimed_words, clipped


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One page of an entry on the page with all answers.

    Attributes:
        page: The page, to name it and to lead back to it.
        parts: What was answered: a label (empty where the page has one field) and the words.
    """

    page: Page
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """What the receipt of an entry says."""

    kind: DraftKind
    at: datetime
    code: str
    photos: int


@dataclass(frozen=True, slots=True)
class EarlierEntry:
    """One entry that was sent by this link before; `words` and `when` are empty until it was read."""

    kind: DraftKind
    ended_at: datetime
    finished: bool
    when: str
    words: str
    code: str


def rows(found: Draft, photos: Sequence[Photo]) -> list[ReviewRow]:
    """Every page that was asked, or may be, with what was answered."""
    pages = [page for page in diary_pages.PAGES[found.kind] if diary_pages.asks(page, found.answers)]
    return [ReviewRow(page, tuple(_parts(page, found, photos))) for page in pages]


def _parts(page: Page, found: Draft, photos: Sequence[Photo]) -> Iterator[tuple[str, str]]:
    when = found.answers.get("when")
    if page is diary_pages.PHOTOS:
        yield from (("", photo.name or _("A file")) for photo in photos)
    elif page is diary_pages.WHEN:
        if isinstance(when, When):
            yield "", _known_words(when)
    elif page is diary_pages.DAY:
        if isinstance(when, When):
            yield from _day_parts(when)
    else:
        for one in page.fields:
            if words := _field_words(one, found):
                yield _(one.label) if len(page.fields) > 1 else "", words


def _known_words(when: When) -> str:
    texts = {choice.value: choice.text for choice in diary_pages.WHEN.fields[0].choices}
    return _(texts[when.known.value])


def _day_parts(when: When) -> Iterator[tuple[str, str]]:
    day, words = day_words(when), when.words
    if day:
        yield "", day
    if words:
        yield "", words


def day_words(when: When) -> str:
    """A day and time as they were understood: `21 November 2026 at 21:30`."""
    if when.day is None:
        return when.time or ""
    whole = len(when.day) == len("2026-11-21")
    day = datetime.fromisoformat(when.day if whole else f"{when.day}-01")  # a day has no zone
    shown = f"{day.day} {day:%B %Y}" if whole else f"{day:%B %Y}"
    shown = _("%(day)s at %(time)s", day=shown, time=when.time) if when.time else shown
    return _("about %(when)s", when=shown) if when.known is Known.ABOUT else shown


def _field_words(one: Field, found: Draft) -> str:
    answer = found.answers.get(one.name)
    if isinstance(answer, bool):
        return _("Yes") if answer else _("No")
    if one.look is Look.SCALE and isinstance(answer, int):
        return _("%(number)s out of 10", number=answer)
    return answer if isinstance(answer, str) else ""


def begun_as(found: Draft) -> str:
    """How a draft that is still open is called in a list."""
    what = found.answers.get("what") or found.answers.get("said") or found.answers.get("number")
    return clipped(what).split("\n")[0][:80] if isinstance(what, str) else ""


def sent(connection: Connection, found: Draft, receipts: Receipts) -> Sent:
    """The receipt of an entry that was sent."""
    code = receipts.code(found.entry_id, found.sha256 or "")
    at = found.ended_at or found.began_at
    return Sent(found.kind, at, code, len(drafts.photos_of(connection, found.entry_id)))


def earlier(connection: Connection, visit: Visit, receipts: Receipts) -> list[EarlierEntry]:
    """What was sent by this link before, newest first. Only for links whose holder chose that it may be shown."""
    return [_earlier(connection, one, receipts) for one in drafts.earlier(connection, visit)]


def _earlier(connection: Connection, one: drafts.Earlier, receipts: Receipts) -> EarlierEntry:
    found = current(connection, one.exhibit_id)
    return EarlierEntry(
        kind=one.kind,
        ended_at=one.ended_at,
        finished=one.finished,
        when=claimed_words(found.claimed) if found else "",
        words=clipped(found.text) if found and one.kind is not DraftKind.ANSWERS else "",
        code=receipts.code(one.exhibit_id, one.sha256) if one.finished else "",
    )
