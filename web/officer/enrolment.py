"""Enrolling a contributor: by what she is known, and how, if at all, she wants to be answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection, select

from archive.agreed_words import Signals
from archive.alias import claims_another, give_alias
from archive.assignment import assign
from archive.contributor import Contact, ContactKind, Contributor, ReplyStyle, SafeContact, enrol, enrolled_as
from archive.custody import Action, case_stream
from archive.offender import doubt_named
from archive.tables import acquisition, exhibit
from intake.addresses import normal_email, normal_phone
from replies.deciding import see_to_assigned
from web.access import Right, case_or_404, requires, signed_in
from web.collaborators import Web
from web.officer.agreement import ANSWERS, LANGUAGES, QUESTION, WELSH_ANSWERS, read_agreement
from web.officer.aliases import alias_rows, handed_over
from web.officer.looks import record_look

MOST_CONTACTS = 10
MOST_NAME_CHARACTERS = 100
SAYINGS: Mapping[str, Any] = {
    "answers": ANSWERS,
    "welsh_answers": WELSH_ANSWERS,
    "question": QUESTION,
    "languages": LANGUAGES,
}
"""What the form shows of what is said in answers."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A form, read: what to enrol, or what is wrong with it, by field."""

    name: str = ""
    contacts: tuple[Contact, ...] = ()
    safe_contact: SafeContact = field(default_factory=partial(SafeContact, ReplyStyle.NONE))
    faults: Mapping[str, str] = field(default_factory=dict)


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/enrol`."""

    @blueprint.get("/cases/<slug>/enrol")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def show_enrolment(slug: str) -> str:
        """Show the form; with `quarantined` it starts from that item's sender."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            item = _quarantined(request.args.get("quarantined", ""))
            sender = _sender(connection, item, case.id) if item else None
            aliases = alias_rows(connection, case, web.brand)
            record_look(connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="enrol")
        if item and sender is None:
            abort(404)
        written = _from_sender(sender or "")
        return render_template(
            "officer/enrol.html",
            officer=signed_in(),
            case=case,
            written=written,
            aliases=aliases,
            faults={},
            quarantined=item,
            **SAYINGS,
        )

    @blueprint.post("/cases/<slug>/enrol")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def enrol_person(slug: str) -> Response:
        """Enrol her; with `quarantined`, that sender's items are hers from here on."""
        found = read_form(request.form.to_dict(), today=web.now().date(), signals=web.signals)
        item = _quarantined(request.form.get("quarantined", ""))
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            found = _refuse_enrolled(connection, found)
            aliases = alias_rows(connection, case, web.brand)
            if not found.faults:
                person = enrol(
                    connection,
                    case.id,
                    name=found.name,
                    contacts=found.contacts,
                    safe_contact=found.safe_contact,
                    at=web.now(),
                    actor=signed_in().actor,
                )
                doubt_named(connection, person, at=web.now())
                given = give_alias(connection, person, at=web.now(), actor=signed_in().actor)
                if item:
                    _assign_from(connection, web, person, item)
        if found.faults:
            shown = render_template(
                "officer/enrol.html",
                officer=signed_in(),
                case=case,
                written=request.form,
                aliases=aliases,
                faults=found.faults,
                quarantined=item,
                **SAYINGS,
            )
            return make_response(shown, 400)
        if not found.contacts:
            return make_response(handed_over(web, case, person, given))
        return make_response(redirect(url_for("officer.show_case", slug=slug), 303))


def read_form(form: Mapping[str, str], *, today: date, signals: Signals) -> Enrolment:
    """Read the form.

    Args:
        form: Fields as sent.
        today: A review date before this is refused.
        signals: Makes marks of words agreed in private.
    """
    faults: dict[str, str] = {}
    name = " ".join(form.get("name", "").replace("\x00", "").split())[:MOST_NAME_CHARACTERS]
    if not name:
        faults["name"] = "Enter the contributor's name"
    contacts = _contacts(form, faults)
    by_alias = form.get("by_alias") == "yes"
    if not contacts and not by_alias and not faults.keys() & {"phones", "emails"}:
        faults["phones"] = "Enter at least one number or address: nobody can be recognised by a name"
    safe_contact = read_agreement(form, contacts, faults, today=today, signals=signals)
    if not contacts and by_alias and safe_contact.style is not ReplyStyle.NONE:
        faults["reply"] = "Without a number or address of theirs nobody can be answered: choose no answers"
    return Enrolment(name, contacts, safe_contact, faults)


def _contacts(form: Mapping[str, str], faults: dict[str, str]) -> tuple[Contact, ...]:
    found: dict[str, Contact] = {}
    kinds = (
        ("phones", ContactKind.PHONE, normal_phone, "telephone number"),
        ("emails", ContactKind.EMAIL, normal_email, "e-mail address"),
    )
    for key, kind, normal, called in kinds:
        for line in form.get(key, "").replace(",", "\n").split("\n")[:MOST_CONTACTS]:
            written = line.strip()
            value = normal(written) if written else None
            if value and "\x00" not in value:
                found[value] = Contact(kind, value)
            elif written:
                faults[key] = f"“{written[:50]}” is not a {called}"
    return tuple(found.values())


def _refuse_enrolled(connection: Connection, found: Enrolment) -> Enrolment:
    """A sender enrolled twice is ambiguous: what she sends would be quarantined for both cases."""
    taken = {
        "phones" if one.kind is ContactKind.PHONE else "emails": f"{one.value} is enrolled already, here or elsewhere"
        for one in found.contacts
        if enrolled_as(connection, one.value)
    }
    return replace(found, faults={**found.faults, **taken})


def _quarantined(written: str) -> UUID | None:
    try:
        return UUID(written) if written else None
    except ValueError:
        abort(404)


def _sender(connection: Connection, item: UUID, case_id: UUID) -> str | None:
    query = (
        select(acquisition.c.sender)
        .join(exhibit, exhibit.c.id == acquisition.c.id)
        .where(exhibit.c.id == item, exhibit.c.case_id.is_(None), exhibit.c.quarantined_at.isnot(None))
        .where(~claims_another(case_id))
    )
    row = connection.execute(query).first()
    return None if row is None else row.sender or ""


def _from_sender(sender: str) -> dict[str, str]:
    return {"emails": sender} if "@" in sender else {"phones": sender}


def _assign_from(connection: Connection, web: Web, person: Contributor, item: UUID) -> None:
    """The quarantined items of the sender she was enrolled from become her exhibits, oldest first."""
    sender = _sender(connection, item, person.case_id)
    if sender is None:
        abort(404)
    same = acquisition.c.sender == sender if sender else exhibit.c.id == item
    query = (
        select(exhibit.c.id)
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .where(exhibit.c.case_id.is_(None), exhibit.c.quarantined_at.isnot(None), same)
        .where(~claims_another(person.case_id))
        .order_by(acquisition.c.received_at, exhibit.c.id)
    )
    for exhibit_id in connection.execute(query).scalars().all():
        assign(
            connection,
            exhibit_id,
            person.case_id,
            contributor=person,
            at=web.now(),
            actor=signed_in().actor,
            reason="sender enrolled",
        )
        see_to_assigned(connection, exhibit_id, signals=web.signals, now=web.now())
