"""The contributor's own words about a forwarded text, attached by an officer, and taken away again."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, request, url_for
from sqlalchemy import Connection

from replies.errors import NotHerWordsError
from replies.follow_ups import attach, detach, words_of
from web.access import Right, requires, signed_in
from web.collaborators import Web
from web.officer.exhibits import held_or_404

MOST_REASON_CHARACTERS: Final = 300


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """What an exhibit's page offers about the words that belong to it."""

    @blueprint.post("/cases/<slug>/exhibits/<uuid:exhibit_id>/words")
    @requires(Right.WORK_ON_CASE, in_case=True)
    def attach_words(slug: str, exhibit_id: UUID) -> Response:
        """Put her words, an exhibit of their own, beside this one; without any, take them away."""
        reason = request.form.get("reason", "").replace("\x00", "").strip()[:MOST_REASON_CHARACTERS]
        with web.engine.begin() as connection:
            held_or_404(connection, slug, exhibit_id, Right.WORK_ON_CASE)
            if not reason:
                abort(400)
            _change(connection, web, exhibit_id, request.form.get("words", ""), reason)
        return make_response(redirect(url_for("officer.show_exhibit", slug=slug, exhibit_id=exhibit_id), 303))


def _change(connection: Connection, web: Web, exhibit_id: UUID, written: str, reason: str) -> None:
    at, actor = web.now(), signed_in().actor
    if not written:
        if not detach(connection, exhibit_id, at=at, actor=actor, reason=reason):
            abort(404)
        return
    try:
        attach(connection, exhibit_id, words_of(connection, UUID(written)), at=at, actor=actor, reason=reason)
    except (NotHerWordsError, ValueError):
        abort(400)
