"""A look at a picture without opening what was sent: a small one made anew from its pixels, blurred until asked for.

The look is in the ledger before anything is shown. What cannot be previewed says so; the original is there to download.
"""

from __future__ import annotations

import base64
from typing import Final
from uuid import UUID

from flask import Blueprint, abort, render_template

from archive.custody import Action
from archive.errors import IntegrityFault
from intake.reading import PartMismatchError, part_bytes, preview_in_bounds
from intake.reading.preview import RAW_BYTES
from timeline.readings import current
from web.access import Right, requires, signed_in
from web.collaborators import Web
from web.officer import exhibits

# Such a file may run scripts or load things: nobody makes a picture of it here.
NEVER: Final = frozenset({"image/svg+xml", "image/svg"})
# What doors say where they were not told; it may well be a picture.
UNTOLD: Final = "application/octet-stream"


def may_show(media_type: str, size_bytes: int) -> bool:
    """Whether a file is worth a look for a picture in it, by what it was said to be."""
    kind = media_type.partition(";")[0].strip().lower()
    is_likely = kind.startswith("image/") or kind == UNTOLD
    return is_likely and kind not in NEVER and 0 < size_bytes <= RAW_BYTES


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/exhibits/<id>/picture` and `…/parts/<n>/picture`."""

    @blueprint.get("/cases/<slug>/exhibits/<uuid:exhibit_id>/picture")
    @requires(Right.SEE_CASE, in_case=True)
    def show_picture(slug: str, exhibit_id: UUID) -> str:
        """The picture that an exhibit is."""
        with web.engine.begin() as connection:
            case, held = exhibits.held_or_404(connection, slug, exhibit_id)
            if not may_show(held.media_type, held.size_bytes):
                abort(404)
            exhibits.look(connection, web, Action.EXHIBIT_VIEWED, case, exhibit_id, part="picture")
        return _page(case.slug, held, exhibits.read(web, held))

    @blueprint.get("/cases/<slug>/exhibits/<uuid:exhibit_id>/parts/<int:index>/picture")
    @requires(Right.SEE_CASE, in_case=True)
    def show_part_picture(slug: str, exhibit_id: UUID, index: int) -> str:
        """The picture that an attachment is."""
        with web.engine.begin() as connection:
            case, held = exhibits.held_or_404(connection, slug, exhibit_id)
            found = current(connection, exhibit_id)
            parts = [part for part in found.attachments if part.index == index] if found else []
            if not parts or not may_show(parts[0].media_type, parts[0].size_bytes):
                abort(404)
            facts = {"part": index, "sha256": parts[0].sha256, "as": "picture"}
            exhibits.look(connection, web, Action.EXHIBIT_VIEWED, case, exhibit_id, **facts)
        try:
            body = part_bytes(exhibits.read(web, held), parts[0])
        except PartMismatchError as error:
            raise exhibits.fault(web, held, IntegrityFault(str(error))) from error
        return _page(case.slug, held, body)

    def _page(slug: str, held: exhibits.Held, raw: bytes) -> str:
        made = preview_in_bounds(raw)
        picture = base64.b64encode(made).decode() if made else None
        path = f"/cases/{slug}/exhibits/{held.id}"
        return render_template("officer/picture.html", officer=signed_in(), held=held, path=path, picture=picture)
