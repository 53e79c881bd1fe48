"""A case's continuity: every act on it and on its exhibits, newest first."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from archive.completeness import newest
from archive.custody import Action, case_stream
from timeline.continuity import PER_PAGE, case_entries
from web.access import Right, case_or_404, requires, signed_in
from web.accounts import emails_of
from web.collaborators import Web
from web.officer.looks import record_look


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/continuity`."""

    @blueprint.get("/cases/<slug>/continuity")
    @requires(Right.SEE_CASE, in_case=True)
    def show_continuity(slug: str) -> str:
        """A page of the case's custody entries and its exhibits'."""
        below = request.args.get("below", type=int)
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.SEE_CASE)
            entries = case_entries(connection, case.id, below=below if below and below < 2**63 else None)
            names = emails_of(connection)
            stated = newest(connection)
            record_look(
                connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="continuity", below=below
            )
        return render_template(
            "officer/continuity.html",
            officer=signed_in(),
            case=case,
            entries=entries,
            names=names,
            stated=stated,
            below=below,
            older=entries[-1].id if len(entries) == PER_PAGE else None,
        )
