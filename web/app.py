"""The web application: public pages, officers' pages, doors, health; put together from what it is given."""

from __future__ import annotations

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from intake.reading.forms import LABELS
from web import (
    access,
    diary,
    error_pages,
    guard,
    headers,
    health,
    limits,
    officer,
    personal,
    public,
    receipts,
    search_engines,
    upload,
)
from web.collaborators import Web
from web.components import create_shell
from web.sessions import LONGEST
from web.words import CLAIM_SOURCES, FILTERS, GRADES, IDENTIFIER_KINDS

__all__ = ["Web", "create_app"]

MEBIBYTE = 1024 * 1024
MOST_REQUEST_BYTES = 2 * MEBIBYTE


def create_app(web: Web) -> Flask:
    """The application of one web process."""
    app = create_shell(web.brand)
    _configure(app, web)
    headers.register(app)
    error_pages.register(app)
    guard.register(app, web, blueprint=officer.BLUEPRINT)
    csrf = CSRFProtect(app)
    for blueprint in (
        public.make_blueprint(web.brand, web.public_url),
        health.make_blueprint(web),
        personal.make_blueprint(web),
        upload.make_blueprint(web),
        receipts.make_blueprint(web),
        diary.make_blueprint(web),
        *web.doors,
    ):
        # None of these sets a cookie, and a form token would need one.
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
    app.register_blueprint(officer.make_blueprint(web))
    limits.register(app, web)
    search_engines.register(app, listed=public.BLUEPRINT)
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update(
        may=access.may,
        Right=access.Right,
        demo=web.demo,
        grades=GRADES,
        claim_sources=CLAIM_SOURCES,
        identifier_kinds=IDENTIFIER_KINDS,
        account_labels=LABELS,
    )
    if web.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign] # as Flask's documentation has it
            app.wsgi_app, x_for=web.proxies, x_proto=web.proxies, x_host=web.proxies
        )
    return app


def _configure(app: Flask, web: Web) -> None:
    app.config.update(
        SECRET_KEY=web.secret_key,
        MAX_CONTENT_LENGTH=MOST_REQUEST_BYTES,
        SESSION_COOKIE_NAME="__Host-holdfast-form" if web.secure_cookies else "holdfast-form",
        SESSION_COOKIE_SECURE=web.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=int(LONGEST.total_seconds()),
        # Our pages send no Referer, so there is none to compare; the token and SameSite stand.
        WTF_CSRF_SSL_STRICT=False,
    )
