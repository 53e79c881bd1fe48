"""The guard before the officers' pages: who is calling, and whether the route they call is theirs to call."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from flask import Flask, Response, abort, current_app, g, redirect, request

from web import sessions
from web.access import Right, may, right_of
from web.accounts import Account
from web.collaborators import Web

# What somebody with a one-time password may still do.
BEFORE_THE_CHANGE: Final = frozenset({"officer.show_password", "officer.change", "officer.sign_out"})


def register(app: Flask, web: Web, *, blueprint: str) -> None:
    """Guard every route of `blueprint`, fail closed: one that declares no right answers nobody."""

    @app.before_request
    def guard() -> Response | None:
        if request.blueprint != blueprint or request.endpoint is None:
            return None
        right = right_of(current_app.view_functions[request.endpoint])
        if right is None:
            abort(404)
        g.account = _caller(web)
        if right is Right.ANYONE:
            return None
        return _refuse_or_pass(g.account, right)


def _caller(web: Web) -> Account | None:
    token = request.cookies.get(sessions.cookie_name(secure=web.secure_cookies))
    if not token:
        return None
    with web.engine.begin() as connection:
        return sessions.resume(connection, token, now=web.now())


def _refuse_or_pass(account: Account | None, right: Right) -> Response | None:
    if account is None:
        if request.method != "GET":
            return _redirect("/sign-in")
        query = request.full_path.rstrip("?")
        return _redirect("/sign-in?" + urlencode({"next": query}) if query != "/cases" else "/sign-in")
    if account.must_change_password and request.endpoint not in BEFORE_THE_CHANGE:
        return _redirect("/password")
    if not may(account, right):
        abort(404)
    return None


def _redirect(to: str) -> Response:
    answer = redirect(to, 303)
    assert isinstance(answer, Response)  # noqa: S101 - narrows for mypy: Flask's redirect makes Flask's response
    return answer
