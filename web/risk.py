"""The twelve questions of "Are you at risk?", in our own words: asked all at once or one per screen, never scored.

The public page keeps nothing: answers arrive in the body of a form, travel on as its hidden fields, and decide what
the next page says. A personal link shows the same questions with the macros of `templates/public/risk_parts.html`,
reads them with `parse` and keeps what `answered` returns, if she asked for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from web.translations import N_, gettext


class Answer(StrEnum):
    """What was ticked. A question that was left out has no answer."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Question:
    """One yes or no question: its place, and its text in English, to be shown by `_(question.text)`."""

    number: int
    text: str

    @property
    def name(self) -> str:
        """What its field in a form is called."""
        return f"q{self.number}"


@dataclass(frozen=True, slots=True)
class Answered:
    """One question as it was put to somebody, and what she answered; None where she left it out."""

    number: int
    question: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Step:
    """Where somebody is in the questions, one per screen.

    Attributes:
        question: The question to show; None after the last.
        answers: Everything answered so far, this question's own earlier answer included.
    """

    question: Question | None
    answers: Mapping[str, Answer]


QUESTIONS: Final = tuple(
    Question(number, text)
    for number, text in enumerate(
        (
            N_("Are you very frightened?"),
            N_("Before this, did they or anyone else abuse you at home, stalk you or harass you?"),
            N_("Have they broken or wrecked any of your things?"),
            N_("Do they turn up without warning more than three times a week?"),
            N_("Have they followed you, or hung around near your home or work?"),
            N_("Have they threatened to hurt you, or to hurt you in a sexual way?"),
            N_("Since it began, have they harassed anyone else, such as your family or a friend?"),
            N_("Since it began, have they been violent to anyone else?"),
            N_("Have they got other people to help them?"),
            N_("In the past year, have they had a problem with drugs, with alcohol or with their mental health?"),
            N_("Have they tried or threatened to kill themselves, or acted as if all is over for them?"),
            N_("Are they in trouble with the police, or have they been in the past?"),
        ),
        start=1,
    )
)
BACK: Final = "back"


def parse(form: Mapping[str, str]) -> dict[str, Answer]:
    """The answers in a form, by the questions' names. Anything else in it is left out, whatever it is."""
    known = set(Answer)
    return {each.name: Answer(form[each.name]) for each in QUESTIONS if form.get(each.name) in known}


def any_yes(answers: Mapping[str, Answer]) -> bool | None:
    """Tell whether any question was answered yes; None where none was answered at all. Never a score."""
    return Answer.YES in answers.values() if answers else None


def answered(answers: Mapping[str, Answer]) -> tuple[Answered, ...]:
    """All twelve questions in their order, in the words they were shown in, with what was answered."""
    return tuple(Answered(each.number, gettext(each.text), answers.get(each.name)) for each in QUESTIONS)


def step(form: Mapping[str, str]) -> Step:
    """Read one screen of the questions and say which comes next.

    A form says in `at` which question it showed, and in `go` whether its way back was pressed. Whatever else it says,
    there is a screen to show: at worst the first one.
    """
    at = _number(form.get("at", ""), among=range(len(QUESTIONS) + 2))
    going_to = at - 1 if form.get("go") == BACK else at + 1
    shown = QUESTIONS[max(going_to, 1) - 1] if going_to <= len(QUESTIONS) else None
    return Step(shown, parse(form))


def carried(answers: Mapping[str, Answer], *, but: Question | None) -> Iterable[tuple[str, Answer]]:
    """The answers that a screen must carry on as hidden fields: all but the one it asks for."""
    return [(name, answer) for name, answer in answers.items() if but is None or name != but.name]


def _number(text: str, *, among: range) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(among.stop)) else 0
    return number if number in among else 0
