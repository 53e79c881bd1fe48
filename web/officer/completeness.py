"""Completeness: what each source of messages has, against what is archived, as it was stated in the ledger."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template

from archive.completeness import newest, statements
from archive.custody import SYSTEM, Action
from web.access import Right, requires, signed_in
from web.collaborators import Web
from web.officer.looks import record_look

SHOWN = timedelta(days=30)
# A nightly statement that is missing twice is noticed here.
LATE = timedelta(hours=50)


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/completeness`."""

    @blueprint.get("/completeness")
    @requires(Right.SEE_CASE)
    def show_completeness() -> str:
        """The newest statement of each source, and those of thirty days."""
        now = web.now()
        with web.engine.begin() as connection:
            current = newest(connection)
            earlier = statements(connection, since=now - SHOWN, most=200)
            record_look(connection, Action.COMPLETENESS_VIEWED, SYSTEM, at=now)
        return render_template(
            "officer/completeness.html",
            officer=signed_in(),
            current=[(each, now - each.at > LATE) for each in current],
            earlier=earlier,
        )
