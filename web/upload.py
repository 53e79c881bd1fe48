"""Pages for sending files by a personal link: choose, send, and the receipt of each. No cookie; script only improves.

With script, files go piece by piece (`web.tus`) and go on where they stopped. Without, the form sends them whole: they
are spooled to disk, never held in memory, and kept in the same pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, Final
from uuid import UUID

import structlog
from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from archive import visit as visits
from archive.errors import LinkGoneError
from archive.jobs import Job
from archive.link import LinkKind
from archive.pieces import PIECE_BYTES
from archive.visit import Visit
from intake import upload
from intake.errors import OverQuotaError, TooLargeError
from intake.upload_model import FileFacts, Received
from web import tus
from web.collaborators import Web
from web.personal import PersonalPage, personal
from web.translations import N_, _

MEBIBYTE: Final = 1024 * 1024
# Besides the files themselves: the form's own lines.
FORM_BYTES: Final = MEBIBYTE
SMALL_FORM_BYTES: Final = 1024

SEND: Final = PersonalPage(N_("Send"), N_("Send photos and files"))
SENT: Final = PersonalPage(N_("Sent"), N_("We have your files"))
NOTHING: Final = PersonalPage(N_("Sent"), N_("Nothing has been sent yet"))
AWAY: Final = PersonalPage(N_("Try again"), N_("We could not save everything just now"))

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fault:
    """What was wrong with one file, in words that help: `name` is empty where it is about all of them."""

    name: str
    text: str


def make_blueprint(web: Web) -> Blueprint:
    """`/upload/s/<key>` and below."""
    blueprint = Blueprint("uploads", __name__)
    slots = tus.Slots(web.upload_slots)
    tus.add_routes(blueprint, web, slots)
    _add_pages(blueprint, web)
    _add_forms(blueprint, web, slots)
    return blueprint


def _add_pages(blueprint: Blueprint, web: Web) -> None:
    @blueprint.get("/upload/s/<key>")
    @personal(web, LinkKind.UPLOAD)
    def show_form(visit: Visit) -> str | Response:
        """Choose files; or, where a one-time link was used in this visit, its receipts."""
        if visit.used_up_here:
            return _see(f"{visit.path}/sent")
        return _form(web, visit)

    @blueprint.get("/upload/s/<key>/sent")
    @personal(web, LinkKind.UPLOAD)
    def show_sent(visit: Visit) -> str:
        """The files of this visit with their receipts. Of other visits it shows nothing."""
        with web.engine.connect() as connection:
            files = upload.received_in(connection, visit, web.receipts)
        return render_template("upload/sent.html", page=SENT if files else NOTHING, visit=visit, files=files)


def _add_forms(blueprint: Blueprint, web: Web, slots: tus.Slots) -> None:
    @blueprint.post("/upload/s/<key>/send")
    @personal(web, LinkKind.UPLOAD)
    def send_whole(visit: Visit) -> Response:
        """Take in the files of the form, each committed by itself."""
        if visit.used_up_here:
            return _see(f"{visit.path}/sent")
        with slots.one():
            return _take_all(web, visit)

    @blueprint.post("/upload/s/<key>/unfinished")
    @personal(web, LinkKind.UPLOAD)
    def find_unfinished(visit: Visit) -> Response:
        """Where a file that is known by its fingerprint goes on. Kept here, so that the phone keeps no trace of it."""
        request.max_content_length = SMALL_FORM_BYTES
        fingerprint, size = request.form.get("fingerprint", ""), request.form.get("size", "")
        if not tus.FINGERPRINT.fullmatch(fingerprint) or not tus.DIGITS.fullmatch(size):
            return jsonify(url=None)
        with web.engine.connect() as connection:
            found = upload.unfinished(connection, visit, fingerprint, int(size))
        return jsonify(url=url_for("uploads.tus_offset", key=visit.key, upload_id=found.id) if found else None)

    @blueprint.post("/upload/s/<key>/done")
    @personal(web, LinkKind.UPLOAD)
    def done(visit: Visit) -> Response:
        """Everything she chose is here: a link that works once ends with this visit."""
        if not visit.used_up_here:
            _complete(web, visit)
        return _see(f"{visit.path}/sent")

    @blueprint.errorhandler(SQLAlchemyError)
    def database_away(error: SQLAlchemyError) -> Response:
        """Say plainly that not everything may be here. What was received before stays."""
        log.error("upload.database_away", error=type(error).__name__, endpoint=request.endpoint)
        back = f"/upload/s/{(request.view_args or {}).get('key', '')}"
        shown = render_template("upload/away.html", page=AWAY, back=None, again=back)
        return make_response(shown, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "30"})


def keep_file(
    web: Web,
    visit: Visit,
    stream: IO[bytes],
    *,
    name: str,
    declared_type: str,
    size_bytes: int,
    parent_id: UUID | None = None,
) -> Received:
    """Take in one file of a form, of any personal link: committed when this returns. For the diary's photos too.

    Args:
        web: The collaborators.
        visit: The visit that sends it.
        stream: The file, at its start; read in pieces.
        name: As the sender's side called it; may be anything.
        declared_type: The media type it was said to have.
        size_bytes: How long it is.
        parent_id: The entry it belongs to, where it is one's photo.

    Returns:
        The receipt: `id` is the acquisition's, `code` what she may keep.

    Raises:
        TooLargeError, OverQuotaError: Nothing was kept; `web.tus.too_large` and `over_quota` say it in words.
        LinkGoneError: The link ended meanwhile.
    """
    facts = FileFacts(name.encode("utf-8", "surrogateescape"), declared_type, size_bytes)
    with web.engine.begin() as connection:
        visits.resume(connection, visit.key, visit.link.kind, now=web.now())
        made = upload.begin(
            connection, visit, facts, limits=web.upload_limits, now=web.now(), way="form", parent_id=parent_id
        )
    while piece := stream.read(min(PIECE_BYTES, made.size_bytes - made.position)):
        with web.engine.begin() as connection:
            made = upload.append(connection, visit, made, piece, now=web.now())
    with web.engine.begin() as connection:
        kept = upload.finish(connection, made.id, web.receipts, now=web.now(), visit=visit)
    web.nudge(Job.ACCESSION)
    return kept


def too_much_at_once(web: Web) -> str:
    """What to do where the files of one form are too many bytes together."""
    return tus.too_large(TooLargeError(web.upload_limits.most_bytes, web.upload_limits.most_bytes))


def size_of(file: FileStorage) -> int:
    """How long a file of a form is; it stands at its start afterwards."""
    size = file.stream.seek(0, 2)
    file.stream.seek(0)
    return size


def _take_all(web: Web, visit: Visit) -> Response:
    request.max_content_length = web.upload_limits.most_bytes + FORM_BYTES
    tus.set_patience()
    try:
        chosen = [file for file in request.files.getlist("files") if file.filename]
    except RequestEntityTooLarge:
        return _refused(web, visit, [Fault("", too_much_at_once(web))], HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    except OSError as error:  # the sender fell silent
        raise ClientDisconnected from error
    if not chosen:
        return _refused(web, visit, [Fault("", _("Choose a file first."))])
    faults = [fault for file in chosen if (fault := _take(web, visit, file))]
    if faults:
        return _refused(web, visit, faults)
    _complete(web, visit)
    return _see(f"{visit.path}/sent")


def _take(web: Web, visit: Visit, file: FileStorage) -> Fault | None:
    name = file.filename or ""
    try:
        keep_file(web, visit, file.stream, name=name, declared_type=file.content_type or "", size_bytes=size_of(file))
    except TooLargeError as error:
        return Fault(name, tus.too_large(error))
    except OverQuotaError as error:
        return Fault(name, tus.over_quota(error))
    return None


def _complete(web: Web, visit: Visit) -> None:
    with web.engine.begin() as connection:
        try:
            with connection.begin_nested():
                visits.use_up(connection, visit, now=web.now())
        except LinkGoneError:
            # Two tabs of one visit ended it together: both see the receipts. Otherwise this says that it is gone.
            visits.resume(connection, visit.key, LinkKind.UPLOAD, now=web.now())


def _form(web: Web, visit: Visit, faults: list[Fault] | None = None, arrived: int = 0) -> str:
    return render_template(
        "upload/send.html",
        page=SEND,
        visit=visit,
        faults=faults or [],
        arrived=arrived,
        most_bytes=web.upload_limits.most_bytes,
    )


def _refused(web: Web, visit: Visit, faults: list[Fault], status: int = HTTPStatus.BAD_REQUEST) -> Response:
    """The form again, with what was wrong, and how many files are here all the same."""
    with web.engine.connect() as connection:
        arrived = len(upload.received_in(connection, visit, web.receipts))
    return make_response(_form(web, visit, faults, arrived), status)


def _see(path: str) -> Response:
    answer = redirect(path, HTTPStatus.SEE_OTHER)
    assert isinstance(answer, Response)  # noqa: S101 - narrows for mypy: Flask's redirect makes Flask's response
    return answer
