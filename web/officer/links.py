"""Personal links of a case: issued, shown once, sent if they may be, listed, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import segno
from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import Connection

from archive.case import Case
from archive.contributor import Contact, Contributor, contributors_of
from archive.custody import Action, case_stream
from archive.link import Link, LinkKind, Terms, revoke
from archive.link_register import register_of
from replies.link_sending import Issued, issue_link, preview, send_link, state_of
from replies.links import WITHHELD
from replies.policy import Silent
from web import pins
from web.access import Right, case_or_404, requires, signed_in
from web.accounts import emails_of
from web.collaborators import Web
from web.officer.looks import record_look

USUAL_DAYS: Final = 14
MOST_DAYS: Final = 365
MOST_REASON_CHARACTERS: Final = 300
BY_HAND: Final = "hand"
KINDS: Final = {LinkKind.DIARY: "Diary", LinkKind.UPLOAD: "Uploads"}


@dataclass(frozen=True, slots=True)
class Order:
    """A form, read: the link that is wanted, or what is wrong with it, by field."""

    terms: Terms | None = None
    pin: str | None = None
    send_to: Contact | None = None
    faults: Mapping[str, str] = field(default_factory=dict)


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/links` and what follows from it."""

    @blueprint.get("/cases/<slug>/links")
    @requires(Right.SEE_CASE, in_case=True)
    def show_links(slug: str) -> str:
        """The links of a case, newest first, and whom another can be made for."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.SEE_CASE)
            people = contributors_of(connection, case.id)
            found = register_of(connection, case.id)
            names = emails_of(connection)
            record_look(connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="links")
        return _render(
            "officer/links.html",
            case,
            people=people,
            rows=[(each, state_words(each.link, web.now())) for each in found],
            people_by_id={person.id: person for person in people},
            names=names,
        )

    @blueprint.get("/cases/<slug>/links/new/<uuid:contributor_id>")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def show_new_link(slug: str, contributor_id: UUID) -> str:
        """Ask what kind of link, for how long, and how she gets it."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            person = _person_or_404(connection, case, contributor_id)
            record_look(connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="new link")
        return _form(web, case, person, {"days": str(USUAL_DAYS), "send": BY_HAND}, {})

    @blueprint.post("/cases/<slug>/links/new/<uuid:contributor_id>")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def issue(slug: str, contributor_id: UUID) -> Response:
        """Make the link and show it this once; with a contact, send it too, if it may be sent."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            person = _person_or_404(connection, case, contributor_id)
        order = read_order(request.form, person, now=web.now())
        made = _carry_out(web, person, order) if order.terms else None
        if isinstance(made, Silent):
            order = Order(faults={"send": f"It was not sent, and no link was made. {WITHHELD[made.reason]}"})
        if made is None or isinstance(made, Silent):
            return make_response(_form(web, case, person, request.form.to_dict(), order.faults), 400)
        shown = _render(
            "officer/link_issued.html",
            case,
            person=person,
            made=made,
            state=state_of(made.outcome) if made.outcome else None,
            pin=order.pin,
            qr=_qr(made.address),
            kinds=KINDS,
        )
        return make_response(shown)

    @blueprint.post("/cases/<slug>/links/<uuid:link_id>/revoke")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def revoke_link(slug: str, link_id: UUID) -> Response:
        """End a link at once, and every visit of it."""
        reason = request.form.get("reason", "").replace("\x00", "").strip()[:MOST_REASON_CHARACTERS] or None
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            done = revoke(connection, link_id, case_id=case.id, at=web.now(), actor=signed_in().actor, reason=reason)
        if not done:
            abort(404)
        return make_response(redirect(url_for("officer.show_links", slug=slug), 303))


def read_order(form: Mapping[str, str], person: Contributor, *, now: datetime) -> Order:
    """Read the form.

    Args:
        form: Fields as sent.
        person: Whom the link is for; only her own contacts can be chosen.
        now: From when its days count.
    """
    faults: dict[str, str] = {}
    if form.get("kind") not in set(LinkKind):
        faults["kind"] = "Choose what the link is for"
    written = form.get("days", "").strip()
    days = int(written) if written.isascii() and written.isdigit() and len(written) <= len(str(MOST_DAYS)) else 0
    if not 1 <= days <= MOST_DAYS:
        faults["days"] = f"Write for how many days it works, from 1 to {MOST_DAYS}"
    contacts = {str(contact.id): contact for contact in person.contacts}
    send = form.get("send", "")
    if send != BY_HAND and send not in contacts:
        faults["send"] = "Choose how they get the link"
    if faults:
        return Order(faults=faults)
    pin = pins.new_pin() if form.get("pin") == "yes" else None
    terms = Terms(
        LinkKind(form["kind"]),
        now + timedelta(days=days),
        one_time=form.get("one_time") == "yes",
        shows_earlier=form.get("shows_earlier") == "yes",
        pin_hash=pins.hash_pin(pin) if pin else None,
    )
    return Order(terms, pin, contacts.get(send))


def state_words(link: Link, now: datetime) -> tuple[str, str]:
    """What state a link is in, and the colour of its tag."""
    if link.revoked_at is not None:
        return "Revoked", "red"
    if link.used_up_at is not None:
        return "Used up", "grey"
    return ("Expired", "grey") if now >= link.expires_at else ("Works", "green")


def _carry_out(web: Web, person: Contributor, order: Order) -> Issued | Silent:
    assert order.terms is not None  # noqa: S101 - narrows for mypy: an order without faults has terms
    desk, actor = web.link_desk(), signed_in().actor
    if order.send_to is None:
        return issue_link(desk, person, order.terms, actor=actor)
    return send_link(desk, person, order.send_to, order.terms, actor=actor)


def _qr(address: str) -> Markup:
    """The address as a picture in the page itself: handed from screen to camera it passes no other machine."""
    title = "The link, for a phone's camera"
    return Markup(segno.make(address, error="m").svg_inline(scale=5, title=title))  # noqa: S704 - drawn, not typed


def _person_or_404(connection: Connection, case: Case, contributor_id: UUID) -> Contributor:
    people = contributors_of(connection, case.id)
    return next((person for person in people if person.id == contributor_id), None) or abort(404)


def _form(web: Web, case: Case, person: Contributor, written: Mapping[str, str], faults: Mapping[str, str]) -> str:
    """The form, which says of each contact beforehand whether a link could go there now."""
    decisions = preview(web.link_desk(), person)
    return _render(
        "officer/link_new.html",
        case,
        person=person,
        written=written,
        faults=faults,
        kinds=KINDS,
        most_days=MOST_DAYS,
        contacts=[
            (contact, WITHHELD[decision.reason] if isinstance(decision, Silent) else None, decision)
            for contact, decision in decisions
        ],
    )


def _render(template: str, case: Case, **more: Any) -> str:
    return render_template(template, officer=signed_in(), case=case, **more)
