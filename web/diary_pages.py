"""The pages of an entry: one thing on each, in an order, with the words they are asked in.

Tab titles and addresses are neutral; what a page asks stands in its heading. A page that may be left empty says so by
having no fault for it: only when it happened (which may be "I do not know") and what happened must be answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from intake.diary_document import FEAR, Answer, Known, When
from intake.drafts import DraftKind
from web.translations import N_


class Look(StrEnum):
    """How a question's field looks."""

    LINE = "line"
    WORDS = "words"
    CHOICE = "choice"
    SCALE = "scale"
    DAY = "day"
    CLOCK = "clock"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class Choice:
    """One radio button."""

    value: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a page.

    Attributes:
        name: The question's name in the canonical form, and the field's in the web form.
        label: What it is called; empty where the page's heading says it.
        look: How it looks.
        hint: A line below the label.
        rows: Height of a field for words.
        choices: Of radio buttons.
    """

    name: str
    label: str = ""
    look: Look = Look.WORDS
    hint: str = ""
    rows: int = 4
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an entry.

    Attributes:
        slug: Last part of its address.
        title: What the tab says: nothing telling.
        heading: What it asks.
        fields: What is filled in.
        summary: What the page with all answers calls it.
        advice: Name of the template part with words of its own above the fields, if it has some.
    """

    slug: str
    title: str
    heading: str
    fields: tuple[Field, ...]
    summary: str
    advice: str = ""


WHEN: Final = Page(
    "when",
    N_("When"),
    N_("Do you know when it was?"),
    (
        Field(
            "when",
            look=Look.CHOICE,
            choices=(
                Choice(Known.EXACT.value, N_("Yes, I know the day and the time")),
                Choice(
                    Known.ABOUT.value,
                    N_("I know about when"),
                    N_("Such as the day but not the time, or just the month."),
                ),
                Choice(Known.UNKNOWN.value, N_("I do not know")),
            ),
        ),
    ),
    N_("When it was"),
    advice="when",
)
DAY: Final = Page(
    "day",
    N_("Day"),
    N_("When was it?"),
    (
        Field("day", N_("Day"), Look.DAY, N_("Like 27 3 2026")),
        Field("time", N_("Time"), Look.CLOCK, N_("Like 9.30pm or 21:30, where you were")),
        Field("words", N_("Or say it in your own words"), Look.LINE, N_("Like “last week, after dark”")),
    ),
    N_("Day and time"),
)
WHAT: Final = Page(
    "what",
    N_("What"),
    N_("What happened?"),
    (Field("what", rows=10, hint=N_("Use your own words. Small things count too.")),),
    N_("What happened"),
)
WHERE: Final = Page(
    "where",
    N_("Place"),
    N_("Where did it happen?"),
    (Field("where", hint=N_("Like a street, a shop, or online. Say which app or site if it was online."), rows=3),),
    N_("Where"),
)
PERSON: Final = Page(
    "person",
    N_("Person"),
    N_("What were they like?"),
    (
        Field(
            "looked",
            N_("What did they look like?"),
            hint=N_("Like how tall they are, their hair and their age."),
            rows=3,
        ),
        Field(
            "sounded", N_("What did they sound like?"), hint=N_("Like an accent, or if they were loud or calm."), rows=2
        ),
        Field("wore", N_("What did they wear?"), rows=2),
    ),
    N_("The person"),
    advice="person",
)
VEHICLE: Final = Page(
    "vehicle",
    N_("Car"),
    N_("Was there a car, van or bike?"),
    (
        Field("vehicle_make", N_("Make"), Look.LINE, N_("Like Ford, or just what it was, such as a van")),
        Field("vehicle_colour", N_("Colour"), Look.LINE),
        Field("vehicle_plate", N_("Number plate"), Look.LINE, N_("Put in what you saw, even if it is only a part.")),
    ),
    N_("Car, van or bike"),
)
WITNESSES: Final = Page(
    "others",
    N_("Others"),
    N_("Who else saw or heard it?"),
    (Field("witnesses", hint=N_("Names help. Or say who they were, like “a man at the bus stop”."), rows=3),),
    N_("Who else saw it"),
)
EFFECT: Final = Page(
    "since",
    N_("Since then"),
    N_("How did it affect you?"),
    (
        Field(
            "effect", N_("How did it make you feel?"), hint=N_("Then, and since. Sleep, work and family count."), rows=4
        ),
        Field("changed", N_("What did you change because of it?"), hint=N_("Like taking another way home."), rows=4),
    ),
    N_("How it affected me"),
)
FEAR_PAGE: Final = Page(
    "scale",
    N_("Scale"),
    N_("How scared were you?"),
    (
        Field(
            "fear",
            look=Look.SCALE,
            hint=N_("1 is not scared. 10 is as scared as you can be. You do not have to say."),
            choices=(
                *(Choice(str(number), str(number)) for number in FEAR),
                Choice("none", N_("I do not want to say")),
            ),
        ),
    ),
    N_("How scared I was"),
)
KEPT: Final = Page(
    "kept",
    N_("Kept"),
    N_("Did you keep anything?"),
    (
        Field(
            "kept",
            hint=N_(
                "Like a letter, a text, a voice message or a call list. Say where it is now, and if you touched it."
            ),
            rows=4,
        ),
    ),
    N_("What I kept, and how"),
    advice="kept",
)
PHOTOS: Final = Page(
    "photos",
    N_("Photos"),
    N_("Do you have photos?"),
    (Field("photos", N_("Choose one or more files"), Look.FILES),),
    N_("Photos"),
    advice="photos",
)
NUMBER: Final = Page(
    "number",
    N_("Number"),
    N_("What number called?"),
    (Field("number", look=Look.LINE, hint=N_("Leave it empty if the number was hidden.")),),
    N_("Number"),
    advice="number",
)
ANSWERED: Final = Page(
    "answered",
    N_("Answered"),
    N_("Did you answer the call?"),
    (Field("answered", look=Look.CHOICE, choices=(Choice("yes", N_("Yes")), Choice("no", N_("No")))),),
    N_("Answered"),
)
SAID: Final = Page(
    "said",
    N_("Said"),
    N_("What was said?"),
    (Field("said", hint=N_("Word for word, if you can. If they left a message, or were silent, say so."), rows=8),),
    N_("What was said"),
)

PAGES: Final[Mapping[DraftKind, tuple[Page, ...]]] = {
    DraftKind.INCIDENT: (
        WHEN, DAY, WHAT, WHERE, PERSON, VEHICLE, WITNESSES, EFFECT, FEAR_PAGE, KEPT, PHOTOS
    ),
    DraftKind.CALL: (WHEN, DAY, NUMBER, ANSWERED, SAID, EFFECT, FEAR_PAGE, KEPT, PHOTOS),
}  # fmt: skip
BY_SLUG: Final[Mapping[str, Page]] = {page.slug: page for pages in PAGES.values() for page in pages}
# What must be answered before an entry can be sent.
REQUIRED: Final[Mapping[DraftKind, tuple[Page, ...]]] = {
    DraftKind.INCIDENT: (WHEN, WHAT),
    DraftKind.CALL: (WHEN,),
}


def names_of(page: Page) -> tuple[str, ...]:
    """The questions of the canonical form that a page asks."""
    return ("when",) if page is DAY else tuple(field.name for field in page.fields)


def asks(page: Page, answers: Mapping[str, Answer]) -> bool:
    """Whether a page is shown: the day is asked for only of somebody who knows something of it."""
    if page is not DAY:
        return True
    when = answers.get("when")
    return isinstance(when, When) and when.known is not Known.UNKNOWN


def page_after(kind: DraftKind, page: Page, answers: Mapping[str, Answer]) -> Page | None:
    """The next page; None after the last."""
    pages = PAGES[kind]
    following = pages[pages.index(page) + 1 :]
    return next((one for one in following if asks(one, answers)), None)


def page_before(kind: DraftKind, page: Page, answers: Mapping[str, Answer]) -> Page | None:
    """The page before; None before the first."""
    pages = PAGES[kind]
    return next((one for one in reversed(pages[: pages.index(page)]) if asks(one, answers)), None)


def missing(kind: DraftKind, answers: Mapping[str, Answer]) -> Page | None:
    """The first page without whose answer an entry cannot be sent; None where nothing lacks."""
    for page in REQUIRED[kind]:
        if answers.get(names_of(page)[0]) is None:
            return page
    return None if _is_when_whole(answers.get("when")) else DAY


def _is_when_whole(when: Answer) -> bool:
    if not isinstance(when, When) or when.known is Known.UNKNOWN:
        return True
    if when.known is Known.EXACT:
        return when.time is not None and len(when.day or "") == len("2026-11-21")
    return bool(when.day or when.words)
