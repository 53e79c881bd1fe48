"""The public pages: plain, server-rendered, for somebody frightened, on a phone that may be watched.

They set no cookie, store nothing, need no script and load nothing from elsewhere. Which pages there are stands in
`web/guide.py`, the twelve questions in `web/risk.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from flask import Blueprint, render_template, request

from replies.wording import DISCREET, PLAIN
from web import guide, risk, search_engines
from web.brand import Brand
from web.translations import N_

KIBIBYTE: Final = 1024
# Twelve answers are a few hundred bytes.
LARGEST_FORM_BYTES: Final = 8 * KIBIBYTE
BLUEPRINT: Final = "public"


def make_blueprint(brand: Brand, public_url: str) -> Blueprint:
    """Return the public pages. They change nothing, so an application with CSRF protection exempts them.

    A CSRF token would need a cookie, and a cookie would tell who was here.
    """
    blueprint = Blueprint(BLUEPRINT, __name__)
    for page in guide.PAGES:
        blueprint.add_url_rule(page.path, page.endpoint, view_func=_show, defaults={"page": page})
    blueprint.add_url_rule(guide.RISK.path, "risk_answer", view_func=_answer_all, methods=["POST"])
    blueprint.add_url_rule(guide.RISK_STEP.path, "risk_first", view_func=_first_question)
    blueprint.add_url_rule(guide.RISK_STEP.path, "risk_step", view_func=_answer_one, methods=["POST"])
    search_engines.add_routes(blueprint, public_url.rstrip("/"))
    blueprint.context_processor(
        lambda: {
            "brand": brand,
            "groups": guide.GROUPS,
            "guide": guide,
            "questions": risk.QUESTIONS,
            "discreet_words": DISCREET,
            "plain_words": PLAIN,
            "public_url": public_url.rstrip("/"),
        }
    )
    return blueprint


def _show(page: guide.Page) -> str:
    # A form ends with its button, not with a way past it.
    following = None if page is guide.RISK else guide.next_page(page)
    return render_template(f"public/{page.template}", page=page, back=guide.back(page), next_page=following)


def _answer_all() -> str:
    """Say what the answers call for, and forget them: they reach no address, log, session or table."""
    request.max_content_length = LARGEST_FORM_BYTES
    answers = risk.parse(request.form)
    if not answers:
        return render_template("public/risk.html", page=guide.RISK, back=guide.START.path, unanswered=True)
    return _advice(answers, back=guide.RISK.path)


def _first_question() -> str:
    return _question(risk.step({}))


def _answer_one() -> str:
    """One screen of the questions: what was answered before comes back with each form, and is kept nowhere else."""
    request.max_content_length = LARGEST_FORM_BYTES
    step = risk.step(request.form)
    if step.question is not None:
        return _question(step)
    if not step.answers:
        return _question(risk.step({}), unanswered=True)
    return _advice(step.answers, back=guide.RISK_STEP.path)


def _question(step: risk.Step, *, unanswered: bool = False) -> str:
    question = step.question or risk.QUESTIONS[0]
    return render_template(
        "public/risk_step.html",
        page=guide.RISK_STEP,
        back=guide.back(guide.RISK_STEP),
        question=question,
        given=step.answers.get(question.name),
        carried=risk.carried(step.answers, but=question),
        unanswered=unanswered,
    )


def _advice(answers: Mapping[str, risk.Answer], *, back: str) -> str:
    found = risk.any_yes(answers)
    page = replace(guide.RISK, heading=N_("Take it seriously") if found else N_("What you can do"))
    return render_template(
        "public/risk_answer.html",
        page=page,
        back=back,
        next_page=guide.next_page(guide.RISK),
        any_yes=found,
    )
