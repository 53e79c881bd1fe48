"""The witness's doors, as one small WSGI application: no database, no session, no template, no cookie.

POST /add-checkpoint                     c2sp.org/tlog-witness
GET  /<sha256 of the origin>/checkpoint  the last cosigned checkpoint of a log, for whoever compares
GET  /health                             500 from the first contradiction on, until a person has moved it away
GET  /                                   the key to trust
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

import structlog

from archive.errors import NoteRejectedError
from archive.witness import MAX_BODY_BYTES, PLAIN, Answer, Witness
from archive.witness_records import name_of

READ_SECONDS = 10.0
CHECKPOINT_PATH = re.compile("/([0-9a-f]{64})/checkpoint")
HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'"),
    ("X-Content-Type-Options", "nosniff"),
)

Environ: TypeAlias = Mapping[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
log = structlog.get_logger()


def make_witness_app(witness: Witness) -> Application:
    """The application of one witness."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = _answer(witness, environ)
        body = answer.body.encode()
        status = HTTPStatus(answer.status)
        headers = [("Content-Type", answer.media_type), ("Content-Length", str(len(body))), *HEADERS]
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", "POST" if environ["PATH_INFO"] == "/add-checkpoint" else "GET"))
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    return application


def _answer(witness: Witness, environ: Environ) -> Answer:
    try:
        return _routed(witness, environ["REQUEST_METHOD"], environ["PATH_INFO"], environ)
    except NoteRejectedError as error:
        log.critical("witness.record_damaged", because=str(error))
    except OSError as error:
        log.critical("witness.record_unusable", error=type(error).__name__, number=error.errno)
    return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, "this witness cannot use its records\n")


def _routed(witness: Witness, method: str, path: str, environ: Environ) -> Answer:
    if path == "/add-checkpoint":
        return _added(witness, environ) if method == "POST" else _no_such_method()
    if method not in {"GET", "HEAD"}:
        return _no_such_method()
    if path == "/":
        return Answer(HTTPStatus.OK, f"A witness (c2sp.org/tlog-witness). Its key:\n{witness.key.witness.encode()}\n")
    if path == "/health":
        return _health(witness)
    if found := CHECKPOINT_PATH.fullmatch(path):
        return _last(witness, found.group(1))
    return Answer(HTTPStatus.NOT_FOUND, "no such page\n")


def _no_such_method() -> Answer:
    return Answer(HTTPStatus.METHOD_NOT_ALLOWED, "not by this method\n")


def _added(witness: Witness, environ: Environ) -> Answer:
    body = _body(environ)
    if body is None:
        return Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes\n")
    answer = witness.add_checkpoint(body)
    if answer.contradicts:
        # The one line this whole process exists for.
        log.critical("witness.contradiction_kept", status=int(answer.status), because=answer.because)
    elif answer.because:
        log.warning("witness.refused", status=int(answer.status), because=answer.because)
    else:
        log.info("witness.cosigned")
    return answer


def _body(environ: Environ) -> bytes | None:
    """The request's body; None where it is too long. Who sends too slowly loses the connection."""
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(READ_SECONDS)
    announced = environ.get("CONTENT_LENGTH") or ""
    if announced.isdecimal() and int(announced) > MAX_BODY_BYTES:
        return None
    body: bytes = environ["wsgi.input"].read(int(announced) if announced.isdecimal() else MAX_BODY_BYTES + 1)
    return body if len(body) <= MAX_BODY_BYTES else None


def _health(witness: Witness) -> Answer:
    found = len(witness.records.contradictions())
    if not found:
        return Answer(HTTPStatus.OK, "nothing contradicts\n")
    words = f"{found} contradictions were kept: a log signed what does not continue what it signed before\n"
    return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, words)


def _last(witness: Witness, name: str) -> Answer:
    origin = next((origin for origin in witness.logs if name_of(origin) == name), None)
    if origin is None:
        return Answer(HTTPStatus.NOT_FOUND, "this witness does not know that log\n")
    # Under the lock: what a crash could still take back is shown to nobody.
    with witness.records.of(origin) as record:
        latest = record.latest()
    if latest is None:
        return Answer(HTTPStatus.NOT_FOUND, "nothing was cosigned yet\n")
    return Answer(HTTPStatus.OK, latest.encode().decode(), PLAIN)
