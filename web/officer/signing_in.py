"""Signing in and out, and the change of password."""

from __future__ import annotations

import hashlib
from urllib.parse import unquote

from flask import Blueprint, Response, make_response, redirect, render_template, request, session

from archive.custody import SYSTEM, Action, CustodyEntry
from archive.ledger import record
from intake.addresses import normal_email
from web import sessions
from web.access import Right, requires, signed_in
from web.accounts import (
    Account,
    Credentials,
    change_password,
    check_password,
    credentials_of,
    record_sign_in,
)
from web.collaborators import Web
from web.errors import WeakPasswordError

MOST_NEXT_CHARACTERS = 500
WRONG = "The address or the password is not right"


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/sign-in`, `/sign-out`, `/password`."""

    @blueprint.get("/sign-in")
    @requires(Right.ANYONE)
    def show_sign_in() -> str:
        """Show the form."""
        return _form()

    @blueprint.post("/sign-in")
    @requires(Right.ANYONE)
    def sign_in() -> Response:
        """Check address and password, begin a session."""
        with web.engine.connect() as connection:
            credentials = credentials_of(connection, request.form.get("email", ""))
        person = check_password(credentials, request.form.get("password", ""))
        token = _begin(web, credentials, person)
        if person is None or token is None:
            return make_response(_form(WRONG), 403)
        # The form tokens of whoever sat here before are worth nothing any more.
        session.clear()
        answer = make_response(redirect("/password" if person.must_change_password else _next(), 303))
        sessions.set_cookie(answer, token, secure=web.secure_cookies)
        return answer

    @blueprint.post("/sign-out")
    @requires(Right.SIGNED_IN)
    def sign_out() -> Response:
        """End the session."""
        with web.engine.begin() as connection:
            sessions.end(connection, _token(web), now=web.now())
            record(connection, CustodyEntry(SYSTEM, Action.SIGNED_OUT, signed_in().actor, web.now()))
        session.clear()
        answer = make_response(redirect("/sign-in", 303))
        sessions.clear_cookie(answer, secure=web.secure_cookies)
        return answer

    @blueprint.get("/password")
    @requires(Right.SIGNED_IN)
    def show_password() -> str:
        """Show the form."""
        return render_template("officer/password.html", officer=signed_in(), error=None)

    @blueprint.post("/password")
    @requires(Right.SIGNED_IN)
    def change() -> Response:
        """Change the password; every session of the account ends, and a new one begins here."""
        try:
            token = _change(web, signed_in())
        except WeakPasswordError as error:
            shown = render_template("officer/password.html", officer=signed_in(), error=error)
            return make_response(shown, 400)
        answer = make_response(redirect("/cases", 303))
        sessions.set_cookie(answer, token, secure=web.secure_cookies)
        return answer


def _begin(web: Web, credentials: Credentials, person: Account | None) -> str | None:
    """Record the attempt, and begin a session where it was right."""
    with web.engine.begin() as connection:
        record_sign_in(connection, credentials, person, address=request.remote_addr or "", at=web.now())
        if person:
            sessions.end(connection, _token(web), now=web.now())
        return sessions.begin(connection, person.id, now=web.now()) if person else None


def _change(web: Web, person: Account) -> str:
    chosen = request.form.get("new", "")
    if chosen != request.form.get("again", ""):
        raise WeakPasswordError("Write the new password twice, the same both times")
    with web.engine.begin() as connection:
        if not person.must_change_password:
            # Somebody at an unlocked screen must not be able to lock its owner out.
            credentials = credentials_of(connection, person.email)
            if check_password(credentials, request.form.get("old", "")) is None:
                raise WeakPasswordError("The password you have now is not right")
        change_password(connection, person, chosen, at=web.now())
        sessions.end_all(connection, person.id, now=web.now())
        return sessions.begin(connection, person.id, now=web.now())


def _form(error: str | None = None) -> str:
    return render_template(
        "officer/sign_in.html",
        error=error,
        next=request.values.get("next", ""),
        email=request.form.get("email", ""),
    )


def _next() -> str:
    """Where to go after signing in: a page of ours, or the list of cases."""
    wanted = request.form.get("next", "")
    plain = unquote(wanted)
    is_ours = plain.startswith("/") and not plain.startswith(("//", "/\\")) and plain.isprintable()
    return wanted if is_ours and "\\" not in plain and len(wanted) <= MOST_NEXT_CHARACTERS else "/cases"


def _token(web: Web) -> str:
    return request.cookies.get(sessions.cookie_name(secure=web.secure_cookies), "")


def typed_account() -> str:
    """The account a sign-in names, as a digest: what attempts are counted by must not keep the address."""
    written = request.form.get("email", "")
    return hashlib.sha256((normal_email(written) or written).encode("utf-8", "replace")).hexdigest()
