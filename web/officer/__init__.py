"""The officers' pages. Each look at evidence is a custody entry that is committed before any of it is sent."""

from __future__ import annotations

from flask import Blueprint

from web.collaborators import Web
from web.officer import (
    aliases,
    authenticity,
    cases,
    completeness,
    continuity,
    contributors,
    enrolment,
    exhibits,
    follow_ups,
    links,
    offenders,
    packages,
    parked,
    pictures,
    quarantine,
    retention,
    signing_in,
    timelines,
)

BLUEPRINT = "officer"


def make_blueprint(web: Web) -> Blueprint:
    """All officers' pages on one blueprint; `web.guard` lets nobody reach one without the right it declares."""
    blueprint = Blueprint(BLUEPRINT, __name__)
    for room in (
        signing_in,
        cases,
        enrolment,
        aliases,
        contributors,
        offenders,
        links,
        timelines,
        exhibits,
        authenticity,
        follow_ups,
        pictures,
        continuity,
        packages,
        retention,
        quarantine,
        parked,
        completeness,
    ):
        room.add_routes(blueprint, web)
    blueprint.add_app_template_global(pictures.may_show, "may_show_picture")
    return blueprint
