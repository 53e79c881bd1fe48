"""The public pages: plain, server-rendered, for somebody frightened, on a phone that may be watched.

They set no cookie, store nothing, need no script and load nothing from elsewhere. Their tab titles and addresses stay
neutral, because history and tabs are seen by others; what a page is about stands in its heading.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template, request

from replies.wording import DISCREET, PLAIN
from web.brand import Brand

KIBIBYTE: Final = 1024
# Twelve answers are a few hundred bytes.
LARGEST_FORM_BYTES: Final = 8 * KIBIBYTE


@dataclass(frozen=True, slots=True)
class Page:
    """One page: where it is, what the tab says (nothing telling), what its heading and its tile say."""

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


@dataclass(frozen=True, slots=True)
class Question:
    """One yes or no question of the risk page, in our own words."""

    name: str
    text: str


START: Final = Page("/", "start.html", "Start", "When someone will not leave you alone")
ALL_PAGES: Final = Page("/help", "all_pages.html", "All pages", "All pages")
HARASSMENT: Final = Page(
    "/help/what-it-means", "harassment.html", "What it means", "What harassment is", "When it scares you or upsets you."
)
STALKING: Final = Page(
    "/help/on-and-on", "stalking.html", "On and on", "What stalking is", "When someone cannot let you go."
)
EXAMPLES: Final = Page(
    "/help/examples", "examples.html", "Examples", "What it can look like", "From texts and gifts to threats."
)
SCALE: Final = Page(
    "/help/how-many", "scale.html", "How many", "You are not the only one", "How many people it happens to."
)
RISK: Final = Page(
    "/are-you-at-risk", "risk.html", "Questions", "Are you at risk?", "Twelve short questions. We keep no answers."
)
SAFETY: Final = Page(
    "/help/day-to-day", "safety.html", "Day to day", "Keeping safe", "Outside, on the phone and online."
)
KNOWN: Final = Page(
    "/help/someone-you-know", "known.html", "Someone you know", "If you know who it is", "Why no answer is best."
)
CALLS: Final = Page("/help/calls", "calls.html", "Calls", "Calls you do not want", "What to do when the phone rings.")
PHONE: Final = Page(
    "/help/your-phone",
    "your_phone.html",
    "Your phone",
    "If someone looks at your phone",
    "What stays on it, and what you can do.",
)
RECORDS: Final = Page(
    "/help/keeping-records",
    "records.html",
    "Keeping records",
    "Keeping records",
    "What to write down, and what to keep.",
)
DIARY: Final = Page(
    "/help/diary-page", "diary_page.html", "Page to print", "A diary page to print", "Questions to fill in by hand."
)
FORWARDING: Final = Page(
    "/help/sending-to-us",
    "forwarding.html",
    "Sending",
    "Sending us texts and emails",
    "Where to, how, and who sees it.",
)
REPORT: Final = Page(
    "/help/telling-someone",
    "report.html",
    "Telling someone",
    "Telling the police",
    "How to report it, and what happens then.",
)
SUPPORT: Final = Page(
    "/help/support", "support.html", "Support", "People who can help", "A helpline, and others you can talk to."
)
PRIVACY: Final = Page("/privacy", "privacy.html", "Privacy", "Your privacy")
ACCESSIBILITY: Final = Page("/accessibility", "accessibility.html", "Accessibility", "Can you use these pages?")

GROUPS: Final = (
    Group("Get help", (REPORT, SUPPORT, RISK)),
    Group("Keep safe", (SAFETY, KNOWN, CALLS, PHONE)),
    Group("Keep records", (RECORDS, FORWARDING, DIARY)),
    Group("Understand it", (HARASSMENT, STALKING, EXAMPLES, SCALE)),
)
# What to read next: from understanding to acting. A page that is not in it ends where it ends.
READING_ORDER: Final = (
    HARASSMENT, STALKING, EXAMPLES, SCALE, RISK, SAFETY, KNOWN, CALLS, RECORDS, REPORT, SUPPORT, FORWARDING
)  # fmt: skip
PLAIN_PAGES: Final = (
    *(page for group in GROUPS for page in group.pages if page is not RISK), START, ALL_PAGES, PRIVACY, ACCESSIBILITY
)  # fmt: skip

QUESTIONS: Final = tuple(
    Question(f"q{number}", text)
    for number, text in enumerate(
        (
            "Are you very frightened?",
            "Before this, did they or anyone else abuse you at home, stalk you or harass you?",
            "Have they broken or wrecked things that belong to you?",
            "Do they turn up without warning more than three times a week?",
            "Have they followed you, or hung around near your home or work?",
            "Have they threatened to hurt you, or to attack you in a sexual way?",
            "Since this began, have they harassed anyone else, such as your family or friends?",
            "Since this began, have they been violent to anyone else?",
            "Have they got other people to help them?",
            "In the past year, did they have problems with drugs, alcohol or their mental health?",
            "Have they tried or threatened to kill themselves, or acted as if all is over for them?",
            "Have they been in trouble with the police, now or in the past?",
        ),
        start=1,
    )
)


def make_blueprint(brand: Brand) -> Blueprint:
    """Return the public pages. They change nothing, so an application with CSRF protection exempts them.

    A CSRF token would need a cookie, and a cookie would tell who was here.
    """
    blueprint = Blueprint("public", __name__)
    for page in PLAIN_PAGES:
        blueprint.add_url_rule(page.path, page.endpoint, view_func=_show, defaults={"page": page})
    blueprint.add_url_rule(RISK.path, RISK.endpoint, view_func=_show, defaults={"page": RISK})
    blueprint.add_url_rule(RISK.path, "risk_answer", view_func=_answer_risk, methods=["POST"])
    blueprint.context_processor(
        lambda: {
            "brand": brand,
            "groups": GROUPS,
            "phone_page": PHONE,
            "risk_page": RISK,
            "questions": QUESTIONS,
            "discreet_words": DISCREET,
            "plain_words": PLAIN,
        }
    )
    return blueprint


def any_yes(answers: Mapping[str, str]) -> bool | None:
    """Tell whether any of the twelve questions was answered yes; None where none was answered at all. Never a score."""
    given = {answers.get(question.name) for question in QUESTIONS} & {"yes", "no"}
    return "yes" in given if given else None


def _show(page: Page) -> str:
    # A form ends with its button, not with a way past it.
    following = None if page is RISK else _next_page(page)
    return render_template(f"public/{page.template}", page=page, back=_back(page), next_page=following)


def _answer_risk() -> str:
    """Say what the answers call for, and forget them: they reach no address, log, session or table."""
    request.max_content_length = LARGEST_FORM_BYTES
    found = any_yes(request.form)
    if found is None:
        return render_template("public/risk.html", page=RISK, back=ALL_PAGES.path, next_page=None, unanswered=True)
    page = Page(RISK.path, "risk_answer.html", RISK.title, "Take it seriously" if found else "What you can do")
    following = _next_page(RISK)
    return render_template("public/risk_answer.html", page=page, back=RISK.path, next_page=following, any_yes=found)


def _back(page: Page) -> str:
    if page is START:
        return ""
    return ALL_PAGES.path if page.path.startswith(f"{ALL_PAGES.path}/") else START.path


def _next_page(page: Page) -> Page | None:
    following = dict(itertools.pairwise(READING_ORDER))
    return following.get(page)
