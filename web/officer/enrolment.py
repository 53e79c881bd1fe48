"""Enrolling a contributor: by what she is known, and how, if at all, she wants to be answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time
from functools import partial
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection, select

from archive.alias import claims_another, give_alias
from archive.assignment import assign
from archive.contributor import Contact, ContactKind, Contributor, ReplyStyle, SafeContact, enrol, enrolled_as
from archive.custody import Action, case_stream
from archive.tables import acquisition, exhibit
from intake.addresses import is_uk_mobile, normal_email, normal_phone
from replies.wording import DISCREET, PLAIN
from web.access import Right, case_or_404, requires, signed_in
from web.collaborators import Web
from web.officer.aliases import alias_rows
from web.officer.looks import record_look

MOST_CONTACTS = 10
ANSWERS = {"discreet": DISCREET, "plain": PLAIN}
MOST_NAME_CHARACTERS = 100
MOST_WORDS_CHARACTERS = 300


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
            answers=ANSWERS,
        )

    @blueprint.post("/cases/<slug>/enrol")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def enrol_person(slug: str) -> Response:
        """Enrol her; with `quarantined`, that sender's items are hers from here on."""
        found = read_form(request.form.to_dict(), today=web.now().date())
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
                give_alias(connection, person, at=web.now(), actor=signed_in().actor)
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
                answers=ANSWERS,
            )
            return make_response(shown, 400)
        return make_response(redirect(url_for("officer.show_case", slug=slug), 303))


def read_form(form: Mapping[str, str], *, today: date) -> Enrolment:
    """Read the form.

    Args:
        form: Fields as sent.
        today: A review date before this is refused.
    """
    faults: dict[str, str] = {}
    name = " ".join(form.get("name", "").replace("\x00", "").split())[:MOST_NAME_CHARACTERS]
    if not name:
        faults["name"] = "Enter the contributor's name"
    contacts = _contacts(form, faults)
    if not contacts and not faults.keys() & {"phones", "emails"}:
        faults["phones"] = "Enter at least one number or address: nobody can be recognised by a name"
    safe_contact = _safe_contact(form, contacts, faults, today)
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


def _safe_contact(
    form: Mapping[str, str], contacts: tuple[Contact, ...], faults: dict[str, str], today: date
) -> SafeContact:
    style = ReplyStyle(form["reply"]) if form.get("reply") in set(ReplyStyle) else ReplyStyle.NONE
    seen_by_others = form.get("seen", "")
    if seen_by_others not in {"no", "yes", "unsure"}:
        faults["seen"] = "Say whether anyone else could see this phone or mailbox"
    who = form.get("who_else_sees", "").replace("\x00", "").strip()[:MOST_WORDS_CHARACTERS]
    if seen_by_others != "no" and style is not ReplyStyle.NONE and form.get("agreed") != "yes":
        faults["reply"] = "Someone else may see an answer: choose no answers, or say that they know and want them"
    wording = form.get("wording", "").replace("\x00", "").strip()[:MOST_WORDS_CHARACTERS] or None
    links = form.get("links") == "yes"
    _check_links(form, faults, style=style, links=links)
    landlines = [one.value for one in contacts if one.kind is ContactKind.PHONE and not is_uk_mobile(one.value)]
    if landlines and style is not ReplyStyle.NONE and form.get("agreed") != "yes":
        faults["reply"] = (
            f"{landlines[0]} is not a UK mobile, so an answer may be read aloud: choose no answers, or agree"
        )
    return SafeContact(
        style=style,
        wording=wording,
        quiet=_quiet(form, faults),
        review_by=_review_by(form, faults, today),
        who_else_sees=who or (seen_by_others if seen_by_others in {"yes", "unsure"} else None),
        links_allowed=links,
    )


def _check_links(form: Mapping[str, str], faults: dict[str, str], *, style: ReplyStyle, links: bool) -> None:
    """A link opens what an answer only mentions: agreed to by itself, and never where nothing may be answered."""
    if links and style is ReplyStyle.NONE:
        faults["links"] = "They want no answers, so no link can be sent: take this away, or choose what we may answer"
    elif links and form.get("seen") != "no" and form.get("agreed") != "yes":
        faults["links"] = "Someone else may see a link and open it: take this away, or say that they know and want it"


def _quiet(form: Mapping[str, str], faults: dict[str, str]) -> tuple[time, time] | None:
    first, last = form.get("quiet_from", "").strip(), form.get("quiet_to", "").strip()
    if not first and not last:
        return None
    try:
        quiet = time.fromisoformat(first), time.fromisoformat(last)
    except ValueError:
        faults["quiet_from"] = "Write both quiet hours as a time, like 22:00 and 07:00"
        return None
    return quiet[0].replace(second=0, microsecond=0), quiet[1].replace(second=0, microsecond=0)


def _review_by(form: Mapping[str, str], faults: dict[str, str], today: date) -> date | None:
    written = form.get("review_by", "").strip()
    if not written:
        return None
    try:
        day = date.fromisoformat(written)
    except ValueError:
        faults["review_by"] = "Write the review date as 2027-01-31"
        return None
    if day < today:
        faults["review_by"] = "The review date must be today or later: after it nothing is answered"
    return day


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
