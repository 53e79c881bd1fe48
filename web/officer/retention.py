"""How long a case is kept: closing, review dates, legal holds, and a disposal that two people decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from archive import disposal, retention
from archive.case import Case
from archive.custody import Action, case_stream
from archive.errors import RetentionRefusedError
from web.access import Right, case_or_404, may, requires, signed_in
from web.accounts import emails_of
from web.collaborators import Web
from web.officer.looks import record_look

MOST_REASON_CHARACTERS: Final = 1000


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/retention` and the acts on it, one form each."""

    @blueprint.get("/cases/<slug>/retention")
    @requires(Right.SEE_CASE, in_case=True)
    def show_retention(slug: str) -> str:
        """How long this case is kept, and what may be done about it."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.SEE_CASE, even_disposed=True)
            record_look(connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="retention")
            return _page(connection, web, case)

    @blueprint.post("/cases/<slug>/retention/<act>")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def act_on_retention(slug: str, act: str) -> Response:
        """Close, reopen, review, hold, lift a hold, ask for disposal."""
        return _act(web, slug, Right.WORK_ON_CASE, ACTS.get(act))

    @blueprint.post("/cases/<slug>/disposal/<uuid:disposal_id>")
    @requires(Right.DECIDE_DISPOSAL, in_case=True)
    def decide_disposal(slug: str, disposal_id: UUID) -> Response:
        """Agree to a disposal or refuse it."""

        def decide(connection: Connection, case: Case, reason: str, web: Web) -> None:
            asked = disposal.request_of(connection, case.id)
            if asked is None or asked.id != disposal_id:
                abort(404)
            approve = request.form.get("decision") == "approve"
            disposal.decide(
                connection, disposal_id, approve=approve, reason=reason, at=web.now(), actor=signed_in().actor
            )

        return _act(web, slug, Right.DECIDE_DISPOSAL, decide)


def _act(web: Web, slug: str, right: Right, act: Callable[[Connection, Case, str, Web], None] | None) -> Response:
    """Do one act and show the page again; what a rule refuses is said where it was asked."""
    reason = request.form.get("reason", "").replace("\x00", "").strip()[:MOST_REASON_CHARACTERS]
    try:
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, right)
            if act is None:
                abort(404)
            act(connection, case, reason, web)
    except RetentionRefusedError as error:
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, right)
            return make_response(_page(connection, web, case, error=str(error)), 400)
    return make_response(redirect(url_for("officer.show_retention", slug=slug), 303))


def _page(connection: Connection, web: Web, case: Case, *, error: str | None = None) -> str:
    asked = disposal.request_of(connection, case.id)
    return render_template(
        "officer/retention.html",
        officer=signed_in(),
        case=case,
        kept=retention.retention_of(connection, case.id),
        asked=asked,
        names=emails_of(connection),
        today=web.now().date(),
        error=error,
        written=request.form,
        may_work=may(signed_in(), Right.WORK_ON_CASE),
        may_decide=may(signed_in(), Right.DECIDE_DISPOSAL) and asked and asked.asked_by != signed_in().actor,
    )


def _close(connection: Connection, case: Case, reason: str, web: Web) -> None:
    review_by = (
        _written_date() if any(request.form.get(f"review-{part}") for part in ("day", "month", "year")) else None
    )
    retention.close_case(connection, case.id, review_by=review_by, reason=reason, at=web.now(), actor=signed_in().actor)


def _reopen(connection: Connection, case: Case, reason: str, web: Web) -> None:
    retention.reopen_case(connection, case.id, reason=reason, at=web.now(), actor=signed_in().actor)


def _review(connection: Connection, case: Case, reason: str, web: Web) -> None:
    retention.review_case(
        connection, case.id, review_by=_written_date(), reason=reason, at=web.now(), actor=signed_in().actor
    )


def _hold(connection: Connection, case: Case, reason: str, web: Web) -> None:
    retention.place_hold(connection, case.id, reason=reason, at=web.now(), actor=signed_in().actor)


def _lift(connection: Connection, case: Case, reason: str, web: Web) -> None:
    retention.lift_hold(connection, case.id, reason=reason, at=web.now(), actor=signed_in().actor)


def _ask(connection: Connection, case: Case, reason: str, web: Web) -> None:
    disposal.ask(connection, case.id, reason=reason, at=web.now(), actor=signed_in().actor)


ACTS: Final = {"close": _close, "reopen": _reopen, "review": _review, "hold": _hold, "lift": _lift, "dispose": _ask}


def _written_date() -> date:
    parts = [request.form.get(f"review-{part}", "").strip() for part in ("year", "month", "day")]
    try:
        year, month, day = (int(part) for part in parts)
        return date(year, month, day)
    except ValueError:
        raise RetentionRefusedError("write the review date as day, month and year, for example 27 3 2027") from None
