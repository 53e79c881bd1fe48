"""The twelve questions on a personal link: answers are sent only after a plain page that says who sees them.

What is sent is an acquisition like any other. It is never scored, and nothing of it is kept until she presses "Send".
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request

from archive import visit as visits
from archive.jobs import Job
from archive.link import LinkKind
from archive.visit import Visit
from intake import drafts
from intake.diary_document import Asked
from intake.drafts import Draft, DraftKind
from intake.errors import DraftEndedError, UnknownDraftError
from web import diary_review, guide, risk
from web.collaborators import Web
from web.personal import PersonalPage, personal
from web.translations import N_

KIBIBYTE: Final = 1024
# Twelve answers are a few hundred bytes.
MOST_FORM_BYTES: Final = 8 * KIBIBYTE

FIRST: Final = PersonalPage(N_("Questions"), N_("Twelve questions about risk"))
QUESTIONS: Final = PersonalPage(N_("Questions"), N_("Are you at risk?"))
SENT: Final = PersonalPage(N_("Done"), N_("We have your answers"))


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/diary/s/<key>/questions`: who sees the answers, the questions, the receipt."""

    @blueprint.get("/diary/s/<key>/questions")
    @personal(web, LinkKind.DIARY)
    def explain(visit: Visit) -> str:
        """Who sees the answers, before any is asked for."""
        if visit.used_up_here:
            raise DraftEndedError(FIRST.title)
        return render_template("diary/questions_first.html", page=FIRST, visit=visit, back=visit.path)

    @blueprint.post("/diary/s/<key>/questions")
    @personal(web, LinkKind.DIARY)
    def begin_questions(visit: Visit) -> Response:
        """She has read it and goes on."""
        with web.engine.begin() as connection:
            made = drafts.begin(connection, visit, DraftKind.ANSWERS, now=web.now())
        answer = redirect(_path(visit, made), HTTPStatus.SEE_OTHER)
        assert isinstance(answer, Response)  # noqa: S101 - narrows for mypy: Flask's redirect makes Flask's response
        return answer

    @blueprint.get("/diary/s/<key>/questions/<uuid:draft_id>")
    @personal(web, LinkKind.DIARY)
    def ask(visit: Visit, draft_id: UUID) -> Response:
        """The questions; or, once they were sent, the receipt."""
        with web.engine.connect() as connection:
            found = drafts.draft_of(connection, visit, draft_id)
        if found.finished:
            return _receipt(web, visit, found, {})
        return _ask(visit, _still_open(visit, found))

    @blueprint.post("/diary/s/<key>/questions/<uuid:draft_id>")
    @personal(web, LinkKind.DIARY)
    def send_answers(visit: Visit, draft_id: UUID) -> Response:
        """Receive the answers: once, however often she presses."""
        request.max_content_length = MOST_FORM_BYTES
        answers = risk.parse(request.form)
        asked = tuple(Asked(f"q{each.number}", each.question, each.answer) for each in risk.answered(answers))
        with web.engine.begin() as connection:
            found = drafts.draft_of(connection, visit, draft_id, lock=True)
            if answers and not found.finished:
                _still_open(visit, found)
                visits.use_up(connection, visit, now=web.now())
                drafts.send_answers(connection, visit, draft_id, asked, web.receipts, now=web.now())
                found = drafts.draft_of(connection, visit, draft_id)
        if not answers and not found.finished:
            return _ask(visit, _still_open(visit, found), unanswered=True)
        web.nudge(Job.ACCESSION)
        return _receipt(web, visit, found, answers)


def _still_open(visit: Visit, found: Draft) -> Draft:
    if found.kind is not DraftKind.ANSWERS:
        raise UnknownDraftError(str(found.id))
    if found.ended_at is not None or visit.used_up_here:
        raise DraftEndedError(str(found.id))
    return found


def _ask(visit: Visit, found: Draft, *, unanswered: bool = False) -> Response:
    shown = render_template(
        "diary/questions.html",
        page=QUESTIONS,
        visit=visit,
        back=f"{visit.path}/questions",
        action=_path(visit, found),
        questions=risk.QUESTIONS,
        unanswered=unanswered,
    )
    return make_response(shown, HTTPStatus.UNPROCESSABLE_ENTITY if unanswered else HTTPStatus.OK)


def _receipt(web: Web, visit: Visit, found: Draft, answers: dict[str, risk.Answer]) -> Response:
    """The receipt, and what the answers call for: from the form alone, for they can be read nowhere from here."""
    with web.engine.connect() as connection:
        sent = diary_review.sent(connection, found, web.receipts)
    shown = render_template(
        "diary/questions_sent.html",
        page=SENT,
        visit=visit,
        sent=sent,
        any_yes=risk.any_yes(answers),
        guide=guide,
    )
    return make_response(shown)


def _path(visit: Visit, found: Draft) -> str:
    return f"{visit.path}/questions/{found.id}"
