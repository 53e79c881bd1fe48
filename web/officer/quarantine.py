"""Quarantine: archived, but from a sender nobody enrolled, or more than one did. Nothing here is ever answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row, exists, func, select

from archive.alias import claimed_case
from archive.assignment import assign, leave_in_quarantine
from archive.case import Case
from archive.contributor import Contributor, contributors_of
from archive.custody import SYSTEM, Action, exhibit_stream
from archive.errors import AlreadyAssignedError, UnknownAcquisitionError
from archive.jobs import Job
from archive.tables import acquisition, case, contributor, exhibit, mail_alias
from intake.reading.model import Reading
from replies.deciding import see_to_assigned
from timeline.folding import Place, rows
from timeline.readings import current, current_of
from web.access import Right, case_or_404, cases_for, requires, signed_in
from web.collaborators import Web
from web.officer.looks import record_look

PER_PAGE = 50
MOST_ON_A_PAGE = 1000
MOST_REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Item:
    """One quarantined exhibit, as the list shows it; `claims`: the case and contributor whose alias it was sent to."""

    id: UUID
    channel: str
    received_at: datetime
    sender: str | None
    because: str
    sha256: str
    size_bytes: int
    reading: Reading | None
    claims: str | None = None


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/quarantine` and what an officer decides there."""

    @blueprint.get("/quarantine")
    @requires(Right.SETTLE)
    def list_quarantine() -> str:
        """What waits for a decision, oldest first."""
        with web.engine.begin() as connection:
            lines = _lines(connection, connection.execute(_waiting(connection).limit(MOST_ON_A_PAGE)).all())
            total = _how_many(connection)
            shown = [str(item.id) for line in lines for item in line]
            record_look(connection, Action.QUARANTINE_VIEWED, SYSTEM, at=web.now(), shown=shown)
        return render_template(
            "officer/quarantine.html", officer=signed_in(), lines=lines, shown=len(shown), total=total
        )

    @blueprint.get("/quarantine/<uuid:exhibit_id>")
    @requires(Right.SETTLE)
    def show_quarantined(exhibit_id: UUID) -> str:
        """One item, and the three ways on."""
        return _one(web, exhibit_id)

    @blueprint.post("/quarantine/<uuid:exhibit_id>/assign")
    @requires(Right.SETTLE)
    def assign_quarantined(exhibit_id: UUID) -> Response:
        """Give it to a case, and to who produces it."""
        slug, _, person_id = request.form.get("to", "").partition(" ")
        if not slug:
            return make_response(_one(web, exhibit_id, {"to": "Choose a case"}), 400)
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.WORK_ON_CASE)
            person = _person(connection, case, person_id)
            _quarantined_or_404(connection, exhibit_id)
            try:
                assign(
                    connection,
                    exhibit_id,
                    case.id,
                    contributor=person,
                    at=web.now(),
                    actor=signed_in().actor,
                    reason=_reason(),
                )
                see_to_assigned(connection, exhibit_id, signals=web.signals, now=web.now())
            except (AlreadyAssignedError, UnknownAcquisitionError):
                abort(404)
        web.nudge(Job.JUDGE, str(exhibit_id))
        return make_response(redirect(url_for("officer.list_quarantine"), 303))

    @blueprint.post("/quarantine/<uuid:exhibit_id>/leave")
    @requires(Right.SETTLE)
    def leave_quarantined(exhibit_id: UUID) -> Response:
        """Leave it where it is, for a reason that the ledger keeps."""
        if not _reason():
            return make_response(_one(web, exhibit_id, {"reason": "Say why it stays in quarantine"}), 400)
        with web.engine.begin() as connection:
            _quarantined_or_404(connection, exhibit_id)
            try:
                leave_in_quarantine(connection, exhibit_id, at=web.now(), actor=signed_in().actor, reason=_reason())
            except UnknownAcquisitionError:
                abort(404)
        return make_response(redirect(url_for("officer.list_quarantine"), 303))


def _one(web: Web, exhibit_id: UUID, faults: dict[str, str] | None = None) -> str:
    with web.engine.begin() as connection:
        item = _item(_quarantined_or_404(connection, exhibit_id), current(connection, exhibit_id))
        cases = cases_for(connection, signed_in(), Right.WORK_ON_CASE)
        people = [(case, contributors_of(connection, case.id)) for case in cases]
        stream = exhibit_stream(exhibit_id)
        record_look(connection, Action.EXHIBIT_VIEWED, stream, at=web.now(), page="quarantine")
    return render_template(
        "officer/quarantined.html", officer=signed_in(), item=item, people=people, faults=faults or {}
    )


def _reason() -> str | None:
    return request.form.get("reason", "").replace("\x00", "").strip()[:MOST_REASON_CHARACTERS] or None


def _person(connection: Connection, case: Case, written: str) -> Contributor | None:
    if not written:
        return None
    people = {str(person.id): person for person in contributors_of(connection, case.id)}
    return people.get(written) or abort(404)


def _waiting(connection: Connection) -> Any:
    """What waits and may be seen by who asks: what claims a case by an alias, only by who works on that case."""
    cases = [each.id for each in cases_for(connection, signed_in(), Right.WORK_ON_CASE)]
    claimed, beside = claimed_case(), acquisition.alias("beside")
    claims = (
        select(case.c.reference + ", " + contributor.c.name)
        .join(mail_alias, mail_alias.c.case_id == case.c.id)
        .join(contributor, contributor.c.id == mail_alias.c.contributor_id)
        .where(mail_alias.c.id == acquisition.c.alias_id)
        .correlate(acquisition)
        .scalar_subquery()
    )
    return (
        select(
            claims.label("claims"),
            exhibit.c.id,
            exhibit.c.quarantined_at,
            exhibit.c.quarantined_because,
            acquisition.c.parent_id,
            exists(select(beside.c.id).where(beside.c.parent_id == exhibit.c.id)).label("has_more"),
            acquisition.c.channel,
            acquisition.c.received_at,
            acquisition.c.sender,
            acquisition.c.sha256,
            acquisition.c.size_bytes,
        )
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .where(exhibit.c.case_id.is_(None), exhibit.c.quarantined_at.isnot(None), exhibit.c.left_at.is_(None))
        .where(claimed.is_(None) | claimed.in_(cases))
        .order_by(exhibit.c.quarantined_at, exhibit.c.id)
    )


def _how_many(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(_waiting(connection).subquery())).scalar_one())


def _quarantined_or_404(connection: Connection, exhibit_id: UUID) -> Row[Any]:
    return connection.execute(_waiting(connection).where(exhibit.c.id == exhibit_id)).first() or abort(404)


def _lines(connection: Connection, waiting: Sequence[Row[Any]]) -> list[list[Item]]:
    """What waits in rows, those of a flood together: alike in door, sender, reason and claim, and plain."""
    found = {row.id: row for row in waiting}
    readings = current_of(connection, list(found))
    places = (Place(row.id, row.quarantined_at, _alike(row, readings.get(row.id))) for row in waiting)
    folded = islice(rows(places), PER_PAGE)
    return [[_item(found[place.id], readings.get(place.id)) for place in row] for row in folded]


def _alike(row: Row[Any], read: Reading | None) -> tuple[object, ...] | None:
    if read is None or read.state != "read" or row.parent_id or row.has_more:
        return None
    is_plain = read.kind == "message" and not (read.attachments or read.remote_content or read.unfinished)
    return (row.channel, row.sender, row.quarantined_because, row.claims) if is_plain else None


def _item(row: Row[Any], read: Reading | None) -> Item:
    return Item(
        id=row.id,
        channel=row.channel,
        received_at=row.received_at,
        sender=row.sender,
        because=row.quarantined_because,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        reading=read,
        claims=row.claims,
    )
