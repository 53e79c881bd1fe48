"""The list of cases, opening one, and a case's first page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection, func, select

from archive.alerts import mark_seen
from archive.case import Case, open_case
from archive.contributor import contributors_of
from archive.custody import SYSTEM, Action, case_stream
from archive.errors import CaseExistsError
from archive.tables import alert, exhibit
from archive.witnessed import last_seen
from timeline.summary import summary_of
from web.access import Right, case_or_404, cases_for, may, requires, signed_in
from web.accounts import emails_of
from web.collaborators import Web
from web.officer.looks import record_look

MOST_REFERENCE_CHARACTERS = 60
MOST_TITLE_CHARACTERS = 200
MOST_ALERTS = 20


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases`, `/cases/new`, `/cases/<ref>`."""

    @blueprint.get("/cases")
    @requires(Right.SIGNED_IN)
    def list_cases() -> str:
        """The cases of whoever is signed in."""
        with web.engine.begin() as connection:
            cases = cases_for(connection, signed_in())
            counted = _exhibit_counts(connection, cases)
            record_look(
                connection, Action.CASE_VIEWED, SYSTEM, at=web.now(), page="cases", shown=[str(one.id) for one in cases]
            )
        return render_template(
            "officer/cases.html",
            officer=signed_in(),
            cases=cases,
            counted=counted,
            may_open=may(signed_in(), Right.OPEN_CASE),
        )

    @blueprint.get("/cases/new")
    @requires(Right.OPEN_CASE)
    def show_new_case() -> str:
        """The form to open a case."""
        return render_template("officer/new_case.html", officer=signed_in(), error=None, written={})

    @blueprint.post("/cases/new")
    @requires(Right.OPEN_CASE)
    def open_new_case() -> Response:
        """Open a case with whoever is signed in as its officer."""
        reference = request.form.get("reference", "").strip()
        title = request.form.get("title", "").strip()
        try:
            opened = _open(web, reference, title)
        except CaseExistsError:
            written = {"reference": reference, "title": title}
            error = "Write a reference that has a letter or a digit and is not open already"
            shown = render_template("officer/new_case.html", officer=signed_in(), error=error, written=written)
            return make_response(shown, 400)
        return make_response(redirect(url_for("officer.show_enrolment", slug=opened.slug), 303))

    @blueprint.get("/cases/<slug>")
    @requires(Right.SEE_CASE, in_case=True)
    def show_case(slug: str) -> str:
        """A case's people, numbers and ways on."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.SEE_CASE)
            people = contributors_of(connection, case.id)
            summary = summary_of(connection, case.id)
            alerts = _alerts(connection, case)
            officer_in_case = emails_of(connection).get(f"account:{case.officer_in_case}", "")
            seen = last_seen(connection)
            record_look(connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="case")
        return render_template(
            "officer/case.html",
            officer=signed_in(),
            case=case,
            people=people,
            summary=summary,
            alerts=alerts,
            officer_in_case=officer_in_case,
            seen=seen,
            today=web.now().date(),
            may_work=may(signed_in(), Right.WORK_ON_CASE),
        )

    @blueprint.post("/cases/<slug>/alerts/<uuid:alert_id>/seen")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def see_case_alert(slug: str, alert_id: UUID) -> Response:
        """Set an alert of this case aside."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            if alert_id not in {one.id for one in _alerts(connection, case)}:
                abort(404)
            mark_seen(connection, alert_id, at=web.now(), actor=signed_in().actor)
        return make_response(redirect(url_for("officer.show_case", slug=slug), 303))


def _open(web: Web, reference: str, title: str) -> Case:
    if len(reference) > MOST_REFERENCE_CHARACTERS or not reference.isprintable():
        raise CaseExistsError(reference)
    with web.engine.begin() as connection:
        person = signed_in()
        return open_case(
            connection,
            reference,
            officer=person.id,
            title=title[:MOST_TITLE_CHARACTERS].replace("\x00", "") or None,
            at=web.now(),
            actor=person.actor,
        )


def _exhibit_counts(connection: Connection, cases: list[Case]) -> dict[object, int]:
    query = (
        select(exhibit.c.case_id, func.count().label("found"))
        .where(exhibit.c.case_id.in_([case.id for case in cases]))
        .group_by(exhibit.c.case_id)
    )
    return {row.case_id: row.found for row in connection.execute(query)}


def _alerts(connection: Connection, case: Case) -> Sequence[Any]:
    """What somebody must look at in this case, newest first."""
    query = (
        select(alert.c.id, alert.c.at, alert.c.text)
        .outerjoin(exhibit, exhibit.c.id == alert.c.acquisition_id)
        .where((alert.c.case_id == case.id) | (exhibit.c.case_id == case.id), alert.c.seen_at.is_(None))
        .order_by(alert.c.at.desc())
        .limit(MOST_ALERTS)
    )
    return connection.execute(query).all()
