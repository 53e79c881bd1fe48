"""Photos of an entry: files of a plain form, each received at once by the link, naming the entry it belongs to."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from flask import request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from archive.visit import Visit
from intake import drafts
from intake.diary_document import MOST_PHOTOS
from intake.errors import DraftEndedError, OverQuotaError, TooLargeError
from web import tus
from web.collaborators import Web
from web.translations import gettext as _
from web.upload import keep_file, size_of, too_much_at_once

FIELD: Final = "photos"
FORM_BYTES: Final = 1024 * 1024


def take(web: Web, visit: Visit, draft_id: UUID) -> dict[str, str]:
    """Receive the files that came with the page of photos, each committed by itself.

    Returns:
        What was wrong, by the field's name; what was received before stays received.

    Raises:
        UnknownDraftError: The visit has no such draft.
        DraftEndedError: It was sent or given up: nothing more can belong to it.
    """
    with web.engine.connect() as connection:
        found = drafts.draft_of(connection, visit, draft_id)
        have = len(drafts.photos_of(connection, found.entry_id))
    if found.ended_at is not None or visit.used_up_here:
        raise DraftEndedError(str(draft_id))
    request.max_content_length = web.upload_limits.most_bytes + FORM_BYTES
    tus.set_patience()
    try:
        chosen = [file for file in request.files.getlist(FIELD) if file.filename]
    except RequestEntityTooLarge:
        return {FIELD: too_much_at_once(web)}
    except OSError as error:  # the sender fell silent
        raise ClientDisconnected from error
    if have + len(chosen) > MOST_PHOTOS:
        return {FIELD: _("That is too many files for one entry. Send the rest with a new one")}
    faults = [fault for file in chosen if (fault := _take_one(web, visit, file, found.entry_id))]
    return {FIELD: faults[0]} if faults else {}


def _take_one(web: Web, visit: Visit, file: FileStorage, entry: UUID) -> str:
    name = file.filename or ""
    try:
        keep_file(
            web,
            visit,
            file.stream,
            name=name,
            declared_type=file.content_type or "",
            size_bytes=size_of(file),
            parent_id=entry,
        )
    except TooLargeError as error:
        return tus.too_large(error)
    except OverQuotaError as error:
        return tus.over_quota(error)
    return ""
