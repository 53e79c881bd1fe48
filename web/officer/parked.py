"""What was set aside for a person, with its reason, and what must be looked at."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from sqlalchemy import Select, select

from archive.alerts import mark_seen
from archive.custody import SYSTEM, Action
from archive.jobs import Job
from archive.parking import unpark
from archive.tables import acquisition, alert, exhibit
from intake.media_waiting import parked_media, unpark_media
from web.access import Right, requires, signed_in
from web.collaborators import Web
from web.officer.looks import record_look

MOST_SHOWN = 100
MOST_REASON_CHARACTERS = 500


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/parked`."""

    @blueprint.get("/parked")
    @requires(Right.SETTLE)
    def list_parked() -> str:
        """Parked acquisitions, oldest first, and alerts that no case has."""
        columns = (
            *(acquisition.c.id, acquisition.c.channel, acquisition.c.received_at, acquisition.c.size_bytes),
            *(acquisition.c.parked_because, acquisition.c.parked_at),
        )
        parked = select(*columns).where(acquisition.c.state == "parked").order_by(acquisition.c.parked_at)
        with web.engine.begin() as connection:
            items = connection.execute(parked.limit(MOST_SHOWN)).all()
            media = parked_media(connection, most=MOST_SHOWN)
            alerts = connection.execute(_unseen().limit(MOST_SHOWN)).all()
            shown = [*(str(item.id) for item in items), *(each.source_id for each in media)]
            record_look(connection, Action.PARKED_VIEWED, SYSTEM, at=web.now(), shown=shown)
        return render_template("officer/parked.html", officer=signed_in(), items=items, media=media, alerts=alerts)

    @blueprint.post("/parked/<uuid:acquisition_id>/unpark")
    @requires(Right.SETTLE)
    def try_again(acquisition_id: UUID) -> Response:
        """Let it wait for accession again; commit, then nudge."""
        reason = _reason()
        with web.engine.begin() as connection:
            if not unpark(connection, acquisition_id, at=web.now(), actor=signed_in().actor, reason=reason):
                abort(404)
        web.nudge(Job.ACCESSION, str(acquisition_id))
        return make_response(redirect(url_for("officer.list_parked"), 303))

    @blueprint.post("/parked/media/unpark")
    @requires(Right.SETTLE)
    def fetch_again() -> Response:
        """Have a parked picture of a text asked for again; commit, then nudge."""
        reason = _reason()
        source_id = request.form.get("source_id", "").replace("\x00", "")
        with web.engine.begin() as connection:
            text_id = unpark_media(connection, source_id, at=web.now(), actor=signed_in().actor, reason=reason)
        if text_id is not None:  # else somebody was quicker
            web.nudge(Job.FETCH_MEDIA, str(text_id))
        return make_response(redirect(url_for("officer.list_parked"), 303))

    @blueprint.post("/parked/alerts/<uuid:alert_id>/seen")
    @requires(Right.SETTLE)
    def see_alert(alert_id: UUID) -> Response:
        """Set an alert that no case has aside."""
        with web.engine.begin() as connection:
            if connection.execute(_unseen().where(alert.c.id == alert_id)).first() is None:
                abort(404)
            mark_seen(connection, alert_id, at=web.now(), actor=signed_in().actor)
        return make_response(redirect(url_for("officer.list_parked"), 303))


def _reason() -> str | None:
    return request.form.get("reason", "").replace("\x00", "").strip()[:MOST_REASON_CHARACTERS] or None


def _unseen() -> Select[Any]:
    """Alerts of no case, newest first; what is parked stands in the list itself."""
    return (
        select(alert.c.id, alert.c.at, alert.c.text)
        .outerjoin(exhibit, exhibit.c.id == alert.c.acquisition_id)
        .where(
            alert.c.seen_at.is_(None),
            alert.c.case_id.is_(None),
            exhibit.c.case_id.is_(None),
            alert.c.kind != "parked",
        )
        .order_by(alert.c.at.desc())
    )
