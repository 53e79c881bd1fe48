"""What an exhibit's signatures came to, line by line, and an officer's wish to have every domain looked up."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, url_for

from archive.acquisition import parsed
from archive.custody import Action
from archive.jobs import Job
from intake.authenticity.records import ask, due_of, newest, not_looked_up
from web.access import Right, may, requires, signed_in
from web.collaborators import Web
from web.components import on_screen
from web.officer.exhibits import held_or_404, look

RESULT_WORDS: Final = {
    "pass": "Passed",
    "weak": "Fits, but is weak",
    "partial": "Fits, but covers a part only",
    "fail": "Did not pass",
    "none": "None there",
    "temporary": "Waits for DNS",
    "not_checked": "Not checked",
}
METHOD_WORDS: Final = {"dkim": "DKIM signature", "arc": "ARC seal", "spf": "SPF", "dmarc": "DMARC"}


def _moment(text: str) -> str:
    return on_screen(parsed(text))


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/exhibits/<id>/authenticity`."""
    blueprint.add_app_template_filter(RESULT_WORDS.__getitem__, "result_words")
    blueprint.add_app_template_filter(METHOD_WORDS.__getitem__, "method_words")
    blueprint.add_app_template_filter(_moment, "moment_on_screen")

    @blueprint.get("/cases/<slug>/exhibits/<uuid:exhibit_id>/authenticity")
    @requires(Right.SEE_CASE, in_case=True)
    def show_authenticity(slug: str, exhibit_id: UUID) -> str:
        """Every signature, seal and answer of DNS, and what may still be looked up."""
        with web.engine.begin() as connection:
            case, held = held_or_404(connection, slug, exhibit_id)
            found, due = newest(connection, exhibit_id), due_of(connection, exhibit_id)
            look(connection, web, Action.EXHIBIT_VIEWED, case, exhibit_id, part="authenticity")
        return render_template(
            "officer/authenticity.html",
            officer=signed_in(),
            case=case,
            held=held,
            found=found,
            due=due,
            domains=not_looked_up(found) if found else [],
            dns=web.dns,
            may_work=may(signed_in(), Right.WORK_ON_CASE),
        )

    @blueprint.post("/cases/<slug>/exhibits/<uuid:exhibit_id>/authenticity")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def ask_authenticity(slug: str, exhibit_id: UUID) -> Response:
        """Have every domain of this exhibit looked up; whoever asks was warned, and is named in the ledger."""
        if not web.dns:
            abort(404)
        with web.engine.begin() as connection:
            held_or_404(connection, slug, exhibit_id, Right.WORK_ON_CASE)
            found = newest(connection, exhibit_id)
            domains = not_looked_up(found) if found else []
            if not domains:
                abort(404)
            ask(connection, exhibit_id, domains=domains, now=web.now(), actor=signed_in().actor)
        web.nudge(Job.JUDGE, str(exhibit_id))
        return make_response(redirect(url_for("officer.show_authenticity", slug=slug, exhibit_id=exhibit_id), 303))
