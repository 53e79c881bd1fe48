"""Errors in plain words. None shows evidence, and none tells a public visitor anything about officers' pages."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from archive.errors import IntegrityFault, TransientError
from web.personal import NOT_NOW, PLACES
from web.translations import N_

OFFICERS_PATHS: Final = ("/sign-in", "/sign-out", "/password", "/cases", "/quarantine", "/parked")
PROGRAMS_PATHS: Final = ("/intake/", "/health/", "/metrics")
PLAIN: Final = {
    400: (N_("Something in that request was not right"), N_("Go back, load the page again and try once more.")),
    404: (N_("Page not found"), N_("If you typed the address, check that it is right.")),
    405: (N_("That cannot be done here"), N_("Go back and use the buttons of the page.")),
    410: (
        N_("This case was disposed of"),
        N_("What it held is gone. When, why and by whose decision stands on its retention page."),
    ),
    413: (N_("That is too much at once"), N_("Send less.")),
    429: (N_("Too many attempts"), N_("Wait 15 minutes, then try again.")),
    500: (N_("Something went wrong on our side"), N_("It has been noted. Try again in a few minutes.")),
    503: (N_("This is not available now"), N_("Nothing that was sent in is lost. Try again in a few minutes.")),
}

log = structlog.get_logger()


def register(app: Flask) -> None:
    """Give `app` its error pages."""
    app.register_error_handler(CSRFError, lambda _: _page(HTTPStatus.BAD_REQUEST))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(SQLAlchemyError, _database_away)
    app.register_error_handler(TransientError, _later)
    app.register_error_handler(IntegrityFault, _fault)
    app.register_error_handler(Exception, _unforeseen)


def _http(error: HTTPException) -> Response:
    return _page(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)


def _database_away(error: SQLAlchemyError) -> Response:
    """Also where a look could not be entered in the ledger: then nothing is shown."""
    log.error("page.database_away", error=type(error).__name__, endpoint=request.endpoint)
    return _page(HTTPStatus.SERVICE_UNAVAILABLE)


def _later(error: TransientError) -> Response:
    log.warning("page.not_now", error=type(error).__name__, endpoint=request.endpoint)
    return _page(HTTPStatus.SERVICE_UNAVAILABLE)


def _fault(error: IntegrityFault) -> Response:
    log.error("page.integrity_fault", error=type(error).__name__, endpoint=request.endpoint)
    return _page(HTTPStatus.INTERNAL_SERVER_ERROR)


def _unforeseen(error: Exception) -> Response:
    log.error("page.failed", error=type(error).__name__, endpoint=request.endpoint, exc_info=error)
    return _page(HTTPStatus.INTERNAL_SERVER_ERROR)


def _page(code: int) -> Response:
    if request.path.startswith(PROGRAMS_PATHS):
        return Response(f"{HTTPStatus(code).phrase}\n", code, mimetype="text/plain")
    heading, advice = PLAIN.get(code, PLAIN[400 if code < HTTPStatus.INTERNAL_SERVER_ERROR else 500])
    if request.path.startswith(PLACES) and code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return make_response(render_template("personal/error.html", page=NOT_NOW), code)
    is_officers = request.path.startswith(OFFICERS_PATHS)
    template = "errors/officer.html" if is_officers else "errors/public.html"
    # Without an account: naming the officer would need the database that may be what failed.
    shown = render_template(template, heading=heading, advice=advice, officer=None, signed_in=g.get("account"))
    return make_response(shown, code)
