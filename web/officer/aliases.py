"""Addresses of their own: an alias of the mailbox for each contributor of a case, given, renewed and ended."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, url_for
from sqlalchemy import Connection

from archive.alias import Alias, end_alias, give_alias, live_aliases
from archive.case import Case
from archive.contributor import Contributor, contributors_of
from archive.custody import Action, case_stream
from web.access import Right, case_or_404, requires, signed_in
from web.brand import Brand
from web.collaborators import Web
from web.officer.looks import record_look


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/addresses`: for who works on the case, because whoever knows an alias can claim the case."""

    @blueprint.get("/cases/<slug>/addresses")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def list_aliases(slug: str) -> str:
        """Every contributor with the address that is hers alone."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            rows = alias_rows(connection, case, web.brand)
            record_look(connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="addresses")
        return render_template("officer/aliases.html", officer=signed_in(), case=case, rows=rows)

    @blueprint.post("/cases/<slug>/addresses/<uuid:contributor_id>")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def give_address(slug: str, contributor_id: UUID) -> Response:
        """Give a new address; the one before ends."""
        with web.engine.begin() as connection:
            person = _person(connection, slug, contributor_id)
            give_alias(connection, person, at=web.now(), actor=signed_in().actor)
        return make_response(redirect(url_for("officer.list_aliases", slug=slug), 303))

    @blueprint.post("/cases/<slug>/addresses/<uuid:contributor_id>/end")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def end_address(slug: str, contributor_id: UUID) -> Response:
        """End the address: what is sent to it waits in quarantine, unless its sender is known."""
        with web.engine.begin() as connection:
            person = _person(connection, slug, contributor_id)
            end_alias(connection, person, at=web.now(), actor=signed_in().actor)
        return make_response(redirect(url_for("officer.list_aliases", slug=slug), 303))


def handed_over(web: Web, case: Case, person: Contributor, given: Alias) -> str:
    """The page that gives an officer an address just made, with what to say when it is handed over."""
    return render_template(
        "officer/alias_given.html",
        officer=signed_in(),
        case=case,
        person=person,
        address=given.address(web.brand.alias_pattern),
    )


def alias_rows(connection: Connection, case: Case, brand: Brand) -> list[tuple[Contributor, bool, str | None]]:
    """Each contributor of a case, whether she has an address of her own, and that address where it is still known."""
    aliases = live_aliases(connection, case.id)
    found = []
    for person in contributors_of(connection, case.id):
        alias = aliases.get(person.id)
        found.append((person, alias is not None, alias.address(brand.alias_pattern) if alias else None))
    return found


def _person(connection: Connection, slug: str, contributor_id: UUID) -> Contributor:
    case = case_or_404(connection, slug, Right.WORK_ON_CASE)
    people = {person.id: person for person in contributors_of(connection, case.id)}
    return people.get(contributor_id) or abort(404)
