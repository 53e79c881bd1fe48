"""The form of a safe contact: how, when, in what words and language a contributor agreed to be answered."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from datetime import date, time
from functools import lru_cache
from typing import Any, Final
from zoneinfo import available_timezones

from archive.agreed_words import Signals
from archive.contributor import Contact, ContactKind, Language, ReplyStyle, SafeContact
from intake.addresses import is_uk_mobile
from replies.errors import WordingRefusedError
from replies.wording import DISCREET, PLAIN, QUESTIONS, WORDS, checked

ANSWERS: Final = {"discreet": DISCREET, "plain": PLAIN}
WELSH_ANSWERS: Final = {style.value: words for style, words in WORDS[Language.WELSH].items()}
LANGUAGES: Final = {Language.ENGLISH: "English", Language.WELSH: "Welsh"}
QUESTION: Final = QUESTIONS[Language.ENGLISH][0]
MOST_WORDS_CHARACTERS: Final = 300

Faults = MutableMapping[str, str]


def read_agreement(
    form: Mapping[str, str],
    contacts: tuple[Contact, ...],
    faults: Faults,
    *,
    today: date,
    signals: Signals,
    before: SafeContact | None = None,
) -> SafeContact:
    """Read the form; what is wrong goes into `faults`, by field.

    Args:
        form: Fields as sent.
        contacts: Her numbers and addresses.
        faults: Gains what is wrong.
        today: A review date before this is refused.
        signals: Makes marks of words agreed in private.
        before: The agreement so far, whose private words stay where the form gives none.
    """
    style = ReplyStyle(form["reply"]) if form.get("reply") in set(ReplyStyle) else ReplyStyle.NONE
    who = form.get("who_else_sees", "").replace("\x00", "").strip()[:MOST_WORDS_CHARACTERS]
    links, questions = form.get("links") == "yes", form.get("questions") == "yes"
    _check_others(form, contacts, faults, style)
    _check_more(form, faults, style=style, links=links, questions=questions)
    seen = form.get("seen", "")
    return SafeContact(
        style=style,
        wording=_wording(form, faults),
        quiet=_quiet(form, faults),
        timezone=_timezone(form, faults),
        review_by=_review_by(form, faults, today),
        who_else_sees=who or (seen if seen in {"yes", "unsure"} else None),
        links_allowed=links,
        language=Language(form["language"]) if form.get("language") in set(Language) else Language.ENGLISH,
        questions_allowed=questions,
        duress_mark=_mark(form, faults, "duress", signals, before.duress_mark if before else None),
        stop_mark=_mark(form, faults, "stop", signals, before.stop_mark if before else None),
    )


def written_of(agreed: SafeContact) -> dict[str, Any]:
    """An agreement as the form's fields; words agreed in private are not among them."""
    quiet_from, quiet_to = agreed.quiet or (None, None)
    seen = agreed.who_else_sees
    return {
        "reply": agreed.style.value,
        "seen": seen if seen in {"yes", "unsure"} else "yes" if seen else "",
        "who_else_sees": "" if seen in {None, "yes", "unsure"} else seen,
        "wording": agreed.wording or "",
        "quiet_from": quiet_from.strftime("%H:%M") if quiet_from else "",
        "quiet_to": quiet_to.strftime("%H:%M") if quiet_to else "",
        "timezone": agreed.timezone,
        "review_by": agreed.review_by.isoformat() if agreed.review_by else "",
        "links": "yes" if agreed.links_allowed else "",
        "questions": "yes" if agreed.questions_allowed else "",
        "language": agreed.language.value,
    }


def _check_others(form: Mapping[str, str], contacts: tuple[Contact, ...], faults: Faults, style: ReplyStyle) -> None:
    if form.get("seen") not in {"no", "yes", "unsure"}:
        faults["seen"] = "Say whether anyone else could see this phone or mailbox"
    if style is ReplyStyle.NONE or form.get("agreed") == "yes":
        return
    if form.get("seen") != "no":
        faults["reply"] = "Someone else may see an answer: choose no answers, or say that they know and want them"
    landlines = [one.value for one in contacts if one.kind is ContactKind.PHONE and not is_uk_mobile(one.value)]
    if landlines:
        faults["reply"] = (
            f"{landlines[0]} is not a UK mobile, so an answer may be read aloud: choose no answers, or agree"
        )


def _check_more(form: Mapping[str, str], faults: Faults, *, style: ReplyStyle, links: bool, questions: bool) -> None:
    """A link opens what an answer only mentions: agreed to by itself, and never where nothing may be answered."""
    if links and style is ReplyStyle.NONE:
        faults["links"] = "They want no answers, so no link can be sent: take this away, or choose what we may answer"
    elif links and form.get("seen") != "no" and form.get("agreed") != "yes":
        faults["links"] = "Someone else may see a link and open it: take this away, or say that they know and want it"
    if questions and style is ReplyStyle.NONE:
        faults["questions"] = "They want no answers, so nothing can be asked: take this away, or choose an answer"


def _wording(form: Mapping[str, str], faults: Faults) -> str | None:
    words = form.get("wording", "").replace("\x00", "").strip()[:MOST_WORDS_CHARACTERS]
    if not words:
        return None
    try:
        return checked(words)
    except WordingRefusedError as error:
        faults["wording"] = f"Choose other words: {error.because}"
        return None


def _quiet(form: Mapping[str, str], faults: Faults) -> tuple[time, time] | None:
    first, last = form.get("quiet_from", "").strip(), form.get("quiet_to", "").strip()
    if not first and not last:
        return None
    try:
        quiet = time.fromisoformat(first), time.fromisoformat(last)
    except ValueError:
        faults["quiet_from"] = "Write both quiet hours as a time, like 22:00 and 07:00"
        return None
    return quiet[0].replace(second=0, microsecond=0), quiet[1].replace(second=0, microsecond=0)


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """Time zones by their names in the IANA database."""
    return frozenset(available_timezones())


def _timezone(form: Mapping[str, str], faults: Faults) -> str:
    written = form.get("timezone", "").strip() or SafeContact(ReplyStyle.NONE).timezone
    if written not in known_zones():
        faults["timezone"] = "Write the time zone by its name, like Europe/London or Europe/Madrid"
    return written


def _review_by(form: Mapping[str, str], faults: Faults, today: date) -> date | None:
    written = form.get("review_by", "").strip()
    if not written:
        return None
    try:
        day = date.fromisoformat(written)
    except ValueError:
        faults["review_by"] = "Write the review date as 2027-01-31"
        return None
    if day < today:
        faults["review_by"] = "The review date must be today or later: after it nothing is answered"
    return day


def _mark(form: Mapping[str, str], faults: Faults, name: str, signals: Signals, before: str | None) -> str | None:
    """The mark of a new word; the one so far where none was written, none where it is to be forgotten."""
    words = form.get(name, "").strip()[:MOST_WORDS_CHARACTERS]
    if form.get(f"forget_{name}") == "yes":
        return None
    if not words:
        return before
    try:
        return signals.mark(words)
    except ValueError as error:
        faults[name] = f"Choose other words: {error}"
        return before
