"""The pages of the guide: where each is, what the tab says, what its heading says, and in which order they are read.

Tabs, history and addresses are seen by others: `title` and `path` stay neutral, and what a page is about stands in its
heading. Texts are English here and translated where they are shown.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

from web.translations import N_


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        path: Its address, neutral.
        template: Its file in `templates/public/`.
        title: What the tab says, nothing telling.
        heading: Its first heading.
        summary: One line for its tile, and for search engines.
    """

    path: str
    template: str
    title: str
    heading: str
    summary: str = ""

    @property
    def endpoint(self) -> str:
        """The name Flask knows the page by."""
        return self.template.removesuffix(".html")


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together, as the start page and the index show them."""

    name: str
    pages: tuple[Page, ...]


START: Final = Page(
    "/",
    "start.html",
    N_("Start"),
    N_("When someone will not leave you alone"),
    N_("How to get help, keep safe and keep records."),
)
ALL_PAGES: Final = Page("/help", "all_pages.html", N_("All pages"), N_("All pages"), N_("Everything there is to read."))
SHORT: Final = Page(
    "/help/one-page", "short.html", N_("One page"), N_("The short version"), N_("All that matters most, on one page.")
)
HARASSMENT: Final = Page(
    "/help/what-it-means",
    "harassment.html",
    N_("What it means"),
    N_("What harassment is"),
    N_("When it scares you or upsets you."),
)
STALKING: Final = Page(
    "/help/on-and-on", "stalking.html", N_("On and on"), N_("What stalking is"), N_("When someone cannot let you go.")
)
EXAMPLES: Final = Page(
    "/help/examples",
    "examples.html",
    N_("Examples"),
    N_("What it can look like"),
    N_("From texts and gifts to threats."),
)
SCALE: Final = Page(
    "/help/how-many",
    "scale.html",
    N_("How many"),
    N_("You are not the only one"),
    N_("How many people it happens to."),
)
RISK: Final = Page(
    "/are-you-at-risk",
    "risk.html",
    N_("Questions"),
    N_("Are you at risk?"),
    N_("Twelve short questions. We keep no answers."),
)
RISK_STEP: Final = Page("/are-you-at-risk/one", "risk_step.html", N_("Questions"), N_("Are you at risk?"))
SAFETY: Final = Page(
    "/help/day-to-day", "safety.html", N_("Day to day"), N_("Keeping safe"), N_("Outside, on the phone and online.")
)
KNOWN: Final = Page(
    "/help/someone-you-know",
    "known.html",
    N_("Someone you know"),
    N_("If you know who it is"),
    N_("Why no answer is best."),
)
CALLS: Final = Page(
    "/help/calls", "calls.html", N_("Calls"), N_("Calls you do not want"), N_("What to do when the phone rings.")
)
PHONE: Final = Page(
    "/help/your-phone",
    "your_phone.html",
    N_("Your phone"),
    N_("If someone looks at your phone"),
    N_("What stays on it, and what you can do."),
)
RECORDS: Final = Page(
    "/help/keeping-records",
    "records.html",
    N_("Keeping records"),
    N_("Keeping records"),
    N_("What to write down, and what to keep."),
)
DIARY: Final = Page(
    "/help/diary-page",
    "diary_page.html",
    N_("Page to print"),
    N_("A diary page to print"),
    N_("Questions to fill in by hand."),
)
FORWARDING: Final = Page(
    "/help/sending-to-us",
    "forwarding.html",
    N_("Sending"),
    N_("Sending us texts and emails"),
    N_("Where to, how, and who sees it."),
)
REPORT: Final = Page(
    "/help/telling-someone",
    "report.html",
    N_("Telling someone"),
    N_("Telling the police"),
    N_("How to report it, and what happens then."),
)
SUPPORT: Final = Page(
    "/help/support",
    "support.html",
    N_("Support"),
    N_("People who can help"),
    N_("A helpline, and others you can talk to."),
)
PRIVACY: Final = Page(
    "/privacy", "privacy.html", N_("Privacy"), N_("Your privacy"), N_("What these pages keep about you: nothing.")
)
ACCESSIBILITY: Final = Page(
    "/accessibility",
    "accessibility.html",
    N_("Accessibility"),
    N_("Can you use these pages?"),
    N_("What to do if something here is hard to use."),
)

GROUPS: Final = (
    Group(N_("Get help"), (REPORT, SUPPORT, RISK)),
    Group(N_("Keep safe"), (SAFETY, KNOWN, CALLS, PHONE)),
    Group(N_("Keep records"), (RECORDS, FORWARDING, DIARY)),
    Group(N_("Understand it"), (HARASSMENT, STALKING, EXAMPLES, SCALE)),
)
# What to read next: from understanding to acting. A page that is not in it ends where it ends.
READING_ORDER: Final = (
    HARASSMENT, STALKING, EXAMPLES, SCALE, RISK, SAFETY, KNOWN, CALLS, RECORDS, REPORT, SUPPORT, FORWARDING
)  # fmt: skip
# What a visitor can open by its address, and a search engine may list.
PAGES: Final = (START, SHORT, ALL_PAGES, *(page for group in GROUPS for page in group.pages), PRIVACY, ACCESSIBILITY)


def back(page: Page) -> str:
    """Where the way back of a page leads; nowhere from the start page."""
    if page is START:
        return ""
    if page is RISK_STEP:
        return RISK.path
    return ALL_PAGES.path if page.path.startswith(f"{ALL_PAGES.path}/") else START.path


def next_page(page: Page) -> Page | None:
    """What is best read after a page."""
    return dict(itertools.pairwise(READING_ORDER)).get(page)
