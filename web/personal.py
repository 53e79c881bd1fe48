"""Personal pages: what a link of the diary or of uploads leads to, before either room has its say.

`/<kind>/<token>` is exchanged at once for `/<kind>/s/<key>`, so neither history nor log keeps the token. No cookie is
set: the key in the address is the visit, and, unguessable and this visit's own, does what a form token would do. Every
address that leads nowhere (unknown, expired, revoked, used up, idle) gets one and the same page.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import structlog
from flask import Blueprint, Response, make_response, redirect, render_template, request

from archive import visit as visits
from archive.errors import LinkGoneError, PinNeededError
from archive.link import LinkKind
from archive.visit import PinLocked
from web import pins
from web.collaborators import Web
from web.components import SCREEN_ZONE
from web.translations import N_, ngettext

View = TypeVar("View", bound=Callable[..., Any])
KIBIBYTE: Final = 1024
LARGEST_PIN_FORM_BYTES: Final = KIBIBYTE

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PersonalPage:
    """What a template of a personal page is told: `title` stands in the tab and says nothing, `heading` says it.

    Both are English; the template translates them.
    """

    title: str
    heading: str


GONE: Final = PersonalPage(N_("Link"), N_("This link does not work any more"))
PIN: Final = PersonalPage(N_("PIN"), N_("Enter your PIN"))
LOCKED: Final = PersonalPage(N_("PIN"), N_("Wait, then try again"))
ENDED: Final = PersonalPage(N_("Done"), N_("You have closed this page"))
NOT_NOW: Final = PersonalPage(N_("Not now"), N_("This does not work just now"))
PLACES: Final = tuple(f"/{kind.value}/" for kind in LinkKind)


def personal(web: Web, kind: LinkKind) -> Callable[[View], View]:
    """Give a view its visit in place of the key in its address (`/<kind>/s/<key>/…`).

    A key that leads nowhere gets the one page, a visit without its PIN the page that asks for it; the view runs for
    neither. A view that saves something calls `archive.visit.resume` again in its own transaction, or `use_up`.
    """

    def declare(view: View) -> View:
        @functools.wraps(view)
        def visited(key: str, **more: Any) -> Any:
            with web.engine.begin() as connection:
                visit = visits.resume(connection, key, kind, now=web.now())
            return view(visit, **more)

        return visited  # type: ignore[return-value] # takes the key where the view takes its visit

    return declare


def make_blueprint(web: Web) -> Blueprint:
    """The exchange, the PIN, the way to close a visit, and the one page for links that do not work."""
    blueprint = Blueprint("personal", __name__)
    for kind in LinkKind:
        _add_routes(blueprint, web, kind)
    blueprint.app_errorhandler(LinkGoneError)(_gone)
    blueprint.app_errorhandler(PinNeededError)(_pin_needed)
    return blueprint


def _add_routes(blueprint: Blueprint, web: Web, kind: LinkKind) -> None:
    def exchange(token: str) -> Response:
        """Whatever stands after the kind is a token, or leads nowhere."""
        with web.engine.begin() as connection:
            visit = visits.begin(connection, token, kind, now=web.now())
        return _see(visit.path)

    def take_pin(key: str) -> Response:
        """Count the try, check it outside any transaction, then let her in or not."""
        request.max_content_length = LARGEST_PIN_FORM_BYTES
        with web.engine.begin() as connection:
            tried = visits.take_try(connection, key, kind, now=web.now())
        if isinstance(tried, PinLocked):
            return _locked(tried.until)
        if pins.is_pin(tried.pin_hash, request.form.get("pin", "")):
            with web.engine.begin() as connection:
                visit = visits.accept_pin(connection, key, kind, now=web.now())
            return _see(visit.path)
        with web.engine.begin() as connection:
            locked = visits.refuse_pin(connection, tried, now=web.now())
        return _locked(locked.until) if locked else _ask_pin(left=tried.left)

    def close(key: str) -> Response:
        """End the visit: she has finished, and the addresses in the phone are dead."""
        with web.engine.begin() as connection:
            visits.end(connection, visits.resume(connection, key, kind, now=web.now()), now=web.now())
        return make_response(render_template("personal/ended.html", page=ENDED))

    place = f"/{kind.value}"
    blueprint.add_url_rule(f"{place}/<path:token>", f"exchange_{kind}", exchange)
    blueprint.add_url_rule(f"{place}/s/<key>/pin", f"pin_{kind}", take_pin, methods=["POST"])
    blueprint.add_url_rule(f"{place}/s/<key>/close", f"close_{kind}", close, methods=["POST"])


def _gone(_: LinkGoneError) -> Response:
    return make_response(render_template("personal/gone.html", page=GONE), HTTPStatus.NOT_FOUND)


def _pin_needed(_: PinNeededError) -> Response:
    return _ask_pin()


def _ask_pin(*, left: int | None = None) -> Response:
    """The page that asks for the PIN; with `left`, the one given was wrong, and so many tries are left."""
    key = (request.view_args or {}).get("key", "")
    kind = request.path.split("/", 2)[1]
    faults = {} if left is None else {"pin": _wrong_pin(left)}
    shown = render_template("personal/pin.html", page=PIN, action=f"/{kind}/s/{key}/pin", faults=faults)
    return make_response(shown, HTTPStatus.FORBIDDEN if faults else HTTPStatus.OK)


def _wrong_pin(left: int) -> str:
    return ngettext(
        "That PIN is not right. You can try one more time, then you must wait.",
        "That PIN is not right. You can try %(num)s more times, then you must wait.",
        left,
    )


def _locked(until: datetime) -> Response:
    again_at = f"{until.astimezone(SCREEN_ZONE):%H:%M}"
    shown = render_template("personal/locked.html", page=LOCKED, again_at=again_at)
    return make_response(shown, HTTPStatus.TOO_MANY_REQUESTS)


def _see(path: str) -> Response:
    answer = redirect(path, HTTPStatus.SEE_OTHER)
    assert isinstance(answer, Response)  # noqa: S101 - narrows for mypy: Flask's redirect makes Flask's response
    return answer
