"""Numbers and addresses confirmed as the offender's: nothing is ever sent to them."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from archive.case import Case
from archive.custody import Action, case_stream
from archive.offender import NotAnIdentifierError, confirm, confirmed_in, withdraw
from timeline.named import senders_of
from web.access import Right, case_or_404, may, requires, signed_in
from web.accounts import emails_of
from web.collaborators import Web
from web.officer.looks import record_look

MOST_VALUE_CHARACTERS: Final = 254
MOST_REASON_CHARACTERS: Final = 300


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/offender` and what is confirmed there."""

    @blueprint.get("/cases/<slug>/offender")
    @requires(Right.SEE_CASE, in_case=True)
    def show_offender(slug: str) -> str:
        """What is confirmed, and what evidence names as its senders."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.SEE_CASE)
            record_look(connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="offender")
            return _page(connection, case, {}, {})

    @blueprint.post("/cases/<slug>/offender")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def confirm_identifier(slug: str) -> Response:
        """Confirm one."""
        written = {name: request.form.get(name, "").replace("\x00", "").strip() for name in ("value", "reason")}
        value, reason = written["value"][:MOST_VALUE_CHARACTERS], written["reason"][:MOST_REASON_CHARACTERS]
        faults = {} if reason else {"reason": "Say what makes you sure: the reason is kept in the ledger"}
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            try:
                if not faults:
                    confirm(connection, case.id, value, at=web.now(), actor=signed_in().actor, reason=reason)
            except NotAnIdentifierError:
                faults["value"] = "Write a telephone number or an e-mail address"
            if faults:
                return make_response(_page(connection, case, written, faults), 400)
        return make_response(redirect(url_for("officer.show_offender", slug=slug), 303))

    @blueprint.post("/cases/<slug>/offender/<uuid:identifier_id>/withdraw")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def withdraw_identifier(slug: str, identifier_id: UUID) -> Response:
        """Take a confirmation back."""
        reason = request.form.get("reason", "").replace("\x00", "").strip()[:MOST_REASON_CHARACTERS]
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            if not reason:
                faults = {"withdrawn": "Say why it is somebody else's: the reason is kept in the ledger"}
                return make_response(_page(connection, case, {}, faults), 400)
            if not withdraw(connection, case.id, identifier_id, at=web.now(), actor=signed_in().actor, reason=reason):
                abort(404)
        return make_response(redirect(url_for("officer.show_offender", slug=slug), 303))


def _page(connection: Connection, case: Case, written: dict[str, str], faults: dict[str, str]) -> str:
    return render_template(
        "officer/offender.html",
        officer=signed_in(),
        case=case,
        confirmed=confirmed_in(connection, case.id),
        named=senders_of(connection, case.id),
        names=emails_of(connection),
        written=written,
        faults=faults,
        may_work=may(signed_in(), Right.WORK_ON_CASE),
    )
