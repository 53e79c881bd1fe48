"""One contributor: what she agreed, to be reviewed; numbers that let nothing through; contacts in doubt."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from archive.case import Case
from archive.contributor import Contributor, ReplyStyle, agree_anew, contributors_of
from archive.custody import Action, case_stream
from archive.offender import confirm, is_confirmed, settle_doubt
from replies.delivery import clear_opt_out
from web.access import Right, case_or_404, requires, signed_in
from web.collaborators import Web
from web.officer.agreement import read_agreement, written_of
from web.officer.enrolment import SAYINGS
from web.officer.looks import record_look

MOST_REASON_CHARACTERS: Final = 300


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/contributors/<id>` and what an officer settles there."""

    @blueprint.get("/cases/<slug>/contributors/<uuid:contributor_id>")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def show_contributor(slug: str, contributor_id: UUID) -> str:
        """What she agreed, and how her contacts stand."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            person = _person_or_404(connection, case, contributor_id)
            record_look(connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="contributor")
            return _page(connection, case, person, written_of(person.safe_contact), {})

    @blueprint.post("/cases/<slug>/contributors/<uuid:contributor_id>")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def change_agreement(slug: str, contributor_id: UUID) -> Response:
        """Put what she agrees now in the place of what she agreed."""
        faults: dict[str, str] = {}
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            person = _person_or_404(connection, case, contributor_id)
            form = request.form.to_dict()
            agreed = read_agreement(
                form,
                person.contacts,
                faults,
                today=web.now().date(),
                signals=web.signals,
                before=person.safe_contact,
            )
            if not _reason() and agreed.style is not ReplyStyle.NONE:
                faults["reason"] = "Say how you asked them: the reason is kept in the ledger"
            if faults:
                return make_response(_page(connection, case, person, form, faults), 400)
            agree_anew(connection, person, agreed, at=web.now(), actor=signed_in().actor, reason=_reason() or None)
        return make_response(redirect(url_for("officer.show_case", slug=slug), 303))

    @blueprint.post("/cases/<slug>/contributors/<uuid:contributor_id>/contacts/<uuid:contact_id>/<act>")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def settle_contact(slug: str, contributor_id: UUID, contact_id: UUID, act: str) -> Response:
        """`theirs` or `offender` for a contact in doubt; `opted-in` for a number that lets texts through again."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            person = _person_or_404(connection, case, contributor_id)
            if not _reason():
                faults = {"settled": "Say how you found out: the reason is kept in the ledger"}
                return make_response(_page(connection, case, person, written_of(person.safe_contact), faults), 400)
            if not _settle(connection, web, case, person, contact_id, act):
                abort(404)
        return make_response(
            redirect(url_for("officer.show_contributor", slug=slug, contributor_id=contributor_id), 303)
        )


def _settle(connection: Connection, web: Web, case: Case, person: Contributor, contact_id: UUID, act: str) -> bool:
    contact = next((one for one in person.contacts if one.id == contact_id), None)
    if contact is None:
        return False
    at, actor, reason = web.now(), signed_in().actor, _reason()
    if act == "theirs":
        return settle_doubt(connection, contact.id, case.id, at=at, actor=actor, reason=reason)
    if act == "opted-in":
        return clear_opt_out(connection, contact.id, case.id, at=at, actor=actor, reason=reason)
    if act == "offender":
        confirm(connection, case.id, contact.value, at=at, actor=actor, reason=reason)
        return True
    return False


def _page(
    connection: Connection, case: Case, person: Contributor, written: dict[str, str], faults: dict[str, str]
) -> str:
    barred = {contact.id for contact in person.contacts if is_confirmed(connection, contact.value)}
    return render_template(
        "officer/contributor.html",
        officer=signed_in(),
        case=case,
        person=person,
        written=written,
        faults=faults,
        barred=barred,
        **SAYINGS,
    )


def _person_or_404(connection: Connection, case: Case, contributor_id: UUID) -> Contributor:
    found = next((one for one in contributors_of(connection, case.id) if one.id == contributor_id), None)
    return found or abort(404)


def _reason() -> str:
    return request.form.get("reason", "").replace("\x00", "").strip()[:MOST_REASON_CHARACTERS]
