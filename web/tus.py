"""tus 1.0.0 (https://tus.io/protocols/resumable-upload) over `intake.upload`.

Each piece is committed as it comes, so that a file goes on exactly where it stopped when a connection, a phone or one
of our processes dies. Why this is our own small code: docs/decisions/0014.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import IO, Final
from uuid import UUID
from wsgiref.handlers import format_date_time

from flask import Blueprint, Response, abort, request, url_for
from werkzeug.exceptions import ClientDisconnected

from archive import visit as visits
from archive.jobs import Job
from archive.link import LinkKind
from archive.pieces import PIECE_BYTES
from archive.visit import Visit
from intake import upload
from intake.errors import OffsetConflictError, OverQuotaError, TooLargeError, UnknownUploadError
from intake.upload_model import FileFacts, Upload
from web.collaborators import Web
from web.components import size
from web.personal import personal
from web.translations import _

FILES: Final = "/upload/s/<key>/files"
FILE: Final = f"{FILES}/<uuid:upload_id>"
VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,expiration,checksum,termination"
# Both as hashlib and as tus call them.
CHECKSUMS: Final = ("sha256", "sha1")
BODY_TYPE: Final = "application/offset+octet-stream"
CHECKED_BYTES: Final = 16 * 1024 * 1024
"""The most that one request with a checksum may carry: it is kept whole or not at all."""
READ_BYTES: Final = 64 * 1024
STALLED_SECONDS: Final = 45.0
"""After so long without a byte a sender is taken for gone: its thread serves others, and it can go on later."""
CHECKSUM_MISMATCH: Final = 460
DIGITS: Final = re.compile(r"[0-9]{1,15}")
FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


class Slots:
    """How many files one process takes in at once, so that slow senders leave threads for everybody else."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place; 503 where none is free."""
        if not self._free.acquire(blocking=False):
            abort(_plain(HTTPStatus.SERVICE_UNAVAILABLE, _("Many people are sending now. Wait a minute."), retry=True))
        try:
            yield
        finally:
            self._free.release()


def add_routes(blueprint: Blueprint, web: Web, slots: Slots) -> None:
    """`/upload/s/<key>/files` and `/upload/s/<key>/files/<id>`: core, creation, expiration, checksum, termination."""
    _add_creation(blueprint, web)
    _add_transfer(blueprint, web, slots)
    blueprint.register_error_handler(OffsetConflictError, lambda _: _plain(HTTPStatus.CONFLICT, ""))
    blueprint.register_error_handler(UnknownUploadError, lambda _: _plain(HTTPStatus.NOT_FOUND, ""))
    blueprint.register_error_handler(TooLargeError, _too_large)
    blueprint.register_error_handler(OverQuotaError, _over_quota)


def _add_creation(blueprint: Blueprint, web: Web) -> None:
    @blueprint.route(FILES, methods=["OPTIONS"], provide_automatic_options=False)
    @personal(web, LinkKind.UPLOAD)
    def tus_options(visit: Visit) -> Response:  # noqa: ARG001 - being a visit's is what is asked
        """What is understood here."""
        return _answer(
            HTTPStatus.NO_CONTENT,
            {
                "Tus-Version": VERSION,
                "Tus-Extension": EXTENSIONS,
                "Tus-Max-Size": str(web.upload_limits.most_bytes),
                "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
            },
        )

    @blueprint.post(FILES)
    @personal(web, LinkKind.UPLOAD)
    def tus_create(visit: Visit) -> Response:
        """Make a place for a file. A length that is not said yet is not understood: phones know it."""
        _require_tus()
        file = _facts()
        with web.engine.begin() as connection:
            _require_open(visits.resume(connection, visit.key, LinkKind.UPLOAD, now=web.now()))
            made = upload.begin(connection, visit, file, limits=web.upload_limits, now=web.now())
        if made.is_whole:
            _finish(web, visit, made)
        where = url_for("uploads.tus_offset", key=visit.key, upload_id=made.id)
        return _answer(HTTPStatus.CREATED, {"Location": where, **_expires(made)})


def _add_transfer(blueprint: Blueprint, web: Web, slots: Slots) -> None:
    @blueprint.route(FILE, methods=["HEAD"], provide_automatic_options=False)
    @personal(web, LinkKind.UPLOAD)
    def tus_offset(visit: Visit, upload_id: UUID) -> Response:
        """How far a file is. A whole one whose last call died is received now."""
        _require_tus()
        found = _find(web, visit, upload_id)
        if found.is_whole:
            _finish(web, visit, found)
        told = {"Upload-Offset": str(found.position), "Upload-Length": str(found.size_bytes)}
        return _answer(HTTPStatus.OK, {**told, "Upload-Metadata": _metadata_of(found), **_expires(found)})

    @blueprint.patch(FILE)
    @personal(web, LinkKind.UPLOAD)
    def tus_append(visit: Visit, upload_id: UUID) -> Response:
        """Take in bytes where the file stands."""
        _require_tus()
        if request.mimetype != BODY_TYPE:
            abort(_plain(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, BODY_TYPE))
        offset, checksum = _whole_number("Upload-Offset"), _checksum()
        found = _find(web, visit, upload_id)
        if found.position != offset or found.finished_at is not None:
            raise OffsetConflictError(str(upload_id), offset)
        with slots.one():
            found = _take(web, visit, found, checksum)
        if found.is_whole:
            _finish(web, visit, found)
        return _answer(HTTPStatus.NO_CONTENT, {"Upload-Offset": str(found.position), **_expires(found)})

    @blueprint.delete(FILE)
    @personal(web, LinkKind.UPLOAD)
    def tus_give_up(visit: Visit, upload_id: UUID) -> Response:
        """She does not want to send it after all. What was received stays."""
        _require_tus()
        with web.engine.begin() as connection:
            upload.give_up(connection, upload.find(connection, visit, upload_id).id, at=web.now())
        return _answer(HTTPStatus.NO_CONTENT, {})

    @blueprint.post(FILE)
    def tus_overridden(key: str, upload_id: UUID) -> Response:
        """For networks that let only GET and POST pass (`X-HTTP-Method-Override`)."""
        views = {"PATCH": tus_append, "DELETE": tus_give_up, "HEAD": tus_offset}
        view = views.get(request.headers.get("X-HTTP-Method-Override", "").upper())
        if view is None:
            abort(HTTPStatus.METHOD_NOT_ALLOWED)
        return view(key=key, upload_id=upload_id)  # type: ignore[call-arg] # `personal` takes the key


def _too_large(error: TooLargeError) -> Response:
    return _plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large(error))


def _over_quota(error: OverQuotaError) -> Response:
    return _plain(HTTPStatus.TOO_MANY_REQUESTS, over_quota(error))


def too_large(error: TooLargeError) -> str:
    """What to do with a file that is larger than may come in."""
    most = size(error.most_bytes)
    return _("This file is too big. The most we can take is %(most)s. Ask your officer how to hand it over.", most=most)


def over_quota(error: OverQuotaError) -> str:
    """When to go on."""
    if error.whose == "link":
        return _("You have sent a lot today. You can send more tomorrow. What you sent is safe.")
    return _("We have no room for more files just now. Try again in an hour. What you sent is safe.")


def _find(web: Web, visit: Visit, upload_id: UUID) -> Upload:
    with web.engine.begin() as connection:
        return upload.find(connection, visit, upload_id)


def _finish(web: Web, visit: Visit, whole: Upload) -> None:
    with web.engine.begin() as connection:
        upload.finish(connection, whole.id, web.receipts, now=web.now(), visit=visit)
    web.nudge(Job.ACCESSION)


def _take(web: Web, visit: Visit, found: Upload, checksum: tuple[str, bytes] | None) -> Upload:
    """Commit the body piece by piece. What came before the connection broke stays."""
    request.max_content_length = found.size_bytes - found.position
    if checksum:
        return _take_checked(web, visit, found, *checksum)
    body = Body(request.stream)
    for piece in body.pieces():
        found = _append(web, visit, found, [piece])
    if body.was_cut:
        raise ClientDisconnected
    return found


def _take_checked(web: Web, visit: Visit, found: Upload, algorithm: str, expected: bytes) -> Upload:
    if request.content_length is None or request.content_length > CHECKED_BYTES:
        abort(_plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"with a checksum at most {CHECKED_BYTES} bytes"))
    body = Body(request.stream)
    pieces = list(body.pieces())
    if body.was_cut:
        raise ClientDisconnected
    if hashlib.new(algorithm, b"".join(pieces), usedforsecurity=False).digest() != expected:
        abort(_plain(CHECKSUM_MISMATCH, "checksum mismatch"))
    return _append(web, visit, found, pieces)


def _append(web: Web, visit: Visit, found: Upload, pieces: list[bytes]) -> Upload:
    with web.engine.begin() as connection:
        # Again each time: a link that is revoked takes in no more, and one that works is not idle.
        _require_open(visits.resume(connection, visit.key, LinkKind.UPLOAD, now=web.now()))
        for piece in pieces:
            found = upload.append(connection, visit, found, piece, now=web.now())
    return found


def _require_open(visit: Visit) -> None:
    if visit.used_up_here:
        abort(_plain(HTTPStatus.GONE, _("This link is finished. We have what you sent.")))


class Body:
    """A request's body, in pieces that fit into memory.

    Attributes:
        was_cut: The connection broke, or nothing came for too long; what came before was yielded.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.was_cut = stream, False
        set_patience()

    def pieces(self) -> Iterator[bytes]:
        """Pieces of at most `PIECE_BYTES`, the last as long as what is left."""
        while piece := self._piece():
            yield piece

    def _piece(self) -> bytes:
        piece = bytearray()
        while len(piece) < PIECE_BYTES and not self.was_cut:
            try:
                some = self._stream.read(min(READ_BYTES, PIECE_BYTES - len(piece)))
            except (ClientDisconnected, OSError):
                self.was_cut = True
                break
            if not some:
                break
            piece += some
        return bytes(piece)


def set_patience() -> None:
    """Let the connection of this request time out where its sender falls silent."""
    for name in ("gunicorn.socket", "werkzeug.socket"):
        if name in request.environ:
            request.environ[name].settimeout(STALLED_SECONDS)


def _require_tus() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        answer = _plain(HTTPStatus.PRECONDITION_FAILED, VERSION)
        answer.headers["Tus-Version"] = VERSION
        abort(answer)


def _facts() -> FileFacts:
    told = metadata(request.headers.get("Upload-Metadata", ""))
    fingerprint = told.get("fingerprint", b"").decode("ascii", "replace")
    return FileFacts(
        name=told.get("filename", b""),
        declared_type=told.get("filetype", b"").decode("utf-8", "replace"),
        size_bytes=_whole_number("Upload-Length"),
        fingerprint=fingerprint if FINGERPRINT.fullmatch(fingerprint) else None,
    )


def metadata(header: str) -> dict[str, bytes]:
    """`Upload-Metadata`: keys, and values in base64; 400 where it is none."""
    told = {}
    for pair in header.split(","):
        key, _space, value = pair.strip().partition(" ")
        try:
            told[key] = base64.b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError):
            abort(_plain(HTTPStatus.BAD_REQUEST, "Upload-Metadata"))
    return told


def _metadata_of(found: Upload) -> str:
    declared = base64.b64encode(found.declared_type.encode()).decode()
    return f"filename {found.name_base64},filetype {declared}"


def _whole_number(header: str) -> int:
    value = request.headers.get(header, "")
    if not DIGITS.fullmatch(value):
        abort(_plain(HTTPStatus.BAD_REQUEST, header))
    return int(value)


def _checksum() -> tuple[str, bytes] | None:
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _space, value = header.partition(" ")
    try:
        expected = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        expected = b""
    if algorithm not in CHECKSUMS or not expected:
        abort(_plain(HTTPStatus.BAD_REQUEST, "Upload-Checksum"))
    return algorithm, expected


def _expires(found: Upload) -> dict[str, str]:
    if found.is_whole:
        return {}
    return {"Upload-Expires": format_date_time(found.ends_at.timestamp())}


def _answer(status: int, headers: dict[str, str]) -> Response:
    return Response(status=status, headers={"Tus-Resumable": VERSION, **headers})


def _plain(status: int, words: str, *, retry: bool = False) -> Response:
    answer = Response(f"{words}\n", status, mimetype="text/plain")
    answer.headers["Tus-Resumable"] = VERSION
    if retry:
        answer.headers["Retry-After"] = "30"
    return answer
