"""The diary: an entry or a call written page by page on a personal link, each page committed before it says "saved".

Nothing here needs a script. What somebody typed is never lost by an error of hers or a fault of ours: a page that could
not be saved comes back with her words in it, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import structlog
from flask import Blueprint, Response, make_response, redirect, render_template, request
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import RequestEntityTooLarge

from archive import visit as visits
from archive.errors import LinkGoneError
from archive.jobs import Job
from archive.link import LinkKind
from archive.visit import Visit
from intake import drafts
from intake.drafts import Draft, DraftKind
from intake.errors import DraftEndedError, TooManyDraftsError, UnknownDraftError
from web import diary_pages, diary_photos, diary_review, diary_risk
from web.collaborators import Web
from web.components import SCREEN_ZONE
from web.diary_answers import Filled, fields_of, read_page, typed_of
from web.diary_pages import Look, Page
from web.personal import GONE, PersonalPage, personal
from web.translations import N_

KIND: Final = LinkKind.DIARY
MEBIBYTE: Final = 1024 * 1024
MOST_FORM_BYTES: Final = 2 * MEBIBYTE

HOME: Final = PersonalPage(N_("Notes"), N_("Your diary"))
CHECK: Final = PersonalPage(N_("Check"), N_("Check what you wrote"))
SENT: Final = PersonalPage(N_("Done"), N_("We have it"))
UNSAVED: Final = PersonalPage(N_("Not saved"), N_("We could not save this page"))
NOT_NOW: Final = PersonalPage(N_("Later"), N_("That is a lot for one day"))

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shown:
    """What the frame of one page of an entry is told."""

    title: str
    heading: str


def make_blueprint(web: Web) -> Blueprint:
    """The pages of `/diary/s/<key>`: its start, each page of an entry, all answers, the receipt."""
    blueprint = Blueprint("diary", __name__)
    blueprint.before_request(_bound_the_form)
    _add_home(blueprint, web)
    _add_pages(blueprint, web)
    _add_sending(blueprint, web)
    diary_risk.add_routes(blueprint, web)
    blueprint.errorhandler(LinkGoneError)(_gone)
    blueprint.errorhandler(DraftEndedError)(_ended)
    blueprint.errorhandler(UnknownDraftError)(_ended)
    blueprint.errorhandler(TooManyDraftsError)(_too_many)
    blueprint.errorhandler(SQLAlchemyError)(_database_away)
    blueprint.errorhandler(RequestEntityTooLarge)(_too_large)
    return blueprint


def _bound_the_form() -> None:
    request.max_form_memory_size = MOST_FORM_BYTES


def _add_home(blueprint: Blueprint, web: Web) -> None:
    @blueprint.get("/diary/s/<key>")
    @personal(web, KIND)
    def home(visit: Visit) -> str:
        """What the diary is, who may see it, and where to begin."""
        with web.engine.connect() as connection:
            begun = drafts.open_drafts(connection, visit)
            earlier = diary_review.earlier(connection, visit, web.receipts) if visit.link.shows_earlier else []
        begun_as = [(one, diary_review.begun_as(one)) for one in begun]
        return render_template("diary/home.html", page=HOME, visit=visit, begun=begun_as, earlier=earlier)

    @blueprint.post("/diary/s/<key>/new/<kind>")
    @personal(web, KIND)
    def begin(visit: Visit, kind: str) -> Response:
        """Begin an entry."""
        if kind not in {DraftKind.INCIDENT.value, DraftKind.CALL.value}:
            raise UnknownDraftError(kind)
        with web.engine.begin() as connection:
            made = drafts.begin(connection, visit, DraftKind(kind), now=web.now())
        return _see(f"{_path(visit, made)}/{diary_pages.WHEN.slug}")


def _add_pages(blueprint: Blueprint, web: Web) -> None:
    @blueprint.get("/diary/s/<key>/<uuid:draft_id>/<slug>")
    @personal(web, KIND)
    def show(visit: Visit, draft_id: UUID, slug: str) -> Response:
        """One page of an entry, with what was saved of it."""
        with web.engine.connect() as connection:
            found = _open_draft(connection, visit, draft_id)
            photos = drafts.photos_of(connection, found.entry_id)
        page = _page(found, slug)
        filled = Filled({}, typed_of(page, found.answers))
        return _show(page, found, visit, filled, photos=photos)

    @blueprint.post("/diary/s/<key>/<uuid:draft_id>/<slug>")
    @personal(web, KIND)
    def save(visit: Visit, draft_id: UUID, slug: str) -> Response:
        """Save one page, then show the next; or say what is wrong with it and keep what was typed."""
        faults = diary_photos.take(web, visit, draft_id) if slug == diary_pages.PHOTOS.slug else {}
        with web.engine.begin() as connection:
            visits.resume(connection, visit.key, KIND, now=web.now())
            found = _open_draft(connection, visit, draft_id)
            page = _page(found, slug)
            filled = read_page(page, request.form, before=found.answers, today=_today(web))
            filled = replace(filled, faults=faults) if faults else filled
            if filled.faults:
                photos = drafts.photos_of(connection, found.entry_id)
            else:
                found = drafts.save(connection, visit, draft_id, filled.answers, now=web.now())
        if filled.faults:
            return _show(page, found, visit, filled, photos=photos, code=HTTPStatus.UNPROCESSABLE_ENTITY)
        return _see(_after(visit, found, page))


def _add_sending(blueprint: Blueprint, web: Web) -> None:
    @blueprint.get("/diary/s/<key>/<uuid:draft_id>")
    @personal(web, KIND)
    def check(visit: Visit, draft_id: UUID) -> Response:
        """Everything she wrote, with a way to change each; or the receipt, once it is sent."""
        with web.engine.connect() as connection:
            found = drafts.draft_of(connection, visit, draft_id)
            if found.finished:
                return _receipt(web, connection, visit, found)
            found = _open_draft(connection, visit, draft_id)
            photos = drafts.photos_of(connection, found.entry_id)
        return _check(visit, found, photos, lacks=None)

    @blueprint.post("/diary/s/<key>/<uuid:draft_id>")
    @personal(web, KIND)
    def send(visit: Visit, draft_id: UUID) -> Response:
        """Receive the entry: committed before the receipt is shown, once however often the button is pressed."""
        with web.engine.begin() as connection:
            # Locked: whoever presses twice waits here for the first press, and then sees the receipt.
            found = drafts.draft_of(connection, visit, draft_id, lock=True)
            lacks = None if found.finished else diary_pages.missing(found.kind, found.answers)
            photos = drafts.photos_of(connection, found.entry_id)
            if not found.finished and (found.ended_at is not None or visit.used_up_here):
                raise DraftEndedError(str(draft_id))
            if lacks is None and not found.finished:
                visits.use_up(connection, visit, now=web.now())
                drafts.send(connection, visit, draft_id, web.receipts, now=web.now())
        if lacks is not None:
            return _check(visit, found, photos, lacks=lacks)
        web.nudge(Job.ACCESSION)
        return _see(_path(visit, found))


def _open_draft(connection: Connection, visit: Visit, draft_id: UUID) -> Draft:
    found = drafts.draft_of(connection, visit, draft_id)
    if found.kind is DraftKind.ANSWERS:
        raise UnknownDraftError(str(draft_id))
    if found.ended_at is not None or visit.used_up_here:
        raise DraftEndedError(str(draft_id))
    return found


def _page(found: Draft, slug: str) -> Page:
    page = diary_pages.BY_SLUG.get(slug)
    if page is None or page not in diary_pages.PAGES[found.kind]:
        raise UnknownDraftError(slug)
    return page


def _after(visit: Visit, found: Draft, page: Page) -> str:
    """Where "save" leads: on, or to all answers where she asked for that or came from there."""
    lacks_day = page is diary_pages.WHEN and diary_pages.missing(found.kind, found.answers) is diary_pages.DAY
    is_changing = "change" in request.args and not lacks_day
    following = diary_pages.page_after(found.kind, page, found.answers)
    if following is None or is_changing or request.form.get("go") == "end":
        return _path(visit, found)
    return f"{_path(visit, found)}/{following.slug}"


def _show(
    page: Page,
    found: Draft,
    visit: Visit,
    filled: Filled,
    *,
    photos: Any = (),
    code: int = HTTPStatus.OK,
) -> Response:
    before = diary_pages.page_before(found.kind, page, found.answers)
    is_changing = "change" in request.args
    back = _path(visit, found) if is_changing else f"{_path(visit, found)}/{before.slug}" if before else visit.path
    shown = render_template(
        "diary/question.html",
        page=Shown(page.title, page.heading),
        asked=page,
        visit=visit,
        action=request.full_path.rstrip("?"),
        back=back,
        filled=filled,
        faults=filled.faults,
        first_saved=found.saved,
        photos=photos,
        draft_path=_path(visit, found),
    )
    return make_response(shown, code)


def _check(visit: Visit, found: Draft, photos: Any, *, lacks: Page | None) -> Response:
    shown = render_template(
        "diary/check.html",
        page=CHECK,
        visit=visit,
        draft_path=_path(visit, found),
        back=f"{_path(visit, found)}/{diary_pages.PAGES[found.kind][-1].slug}",
        rows=diary_review.rows(found, photos),
        faults={lacks.slug: lacks} if lacks else {},
        lacks=lacks,
    )
    return make_response(shown, HTTPStatus.UNPROCESSABLE_ENTITY if lacks else HTTPStatus.OK)


def _receipt(web: Web, connection: Connection, visit: Visit, found: Draft) -> Response:
    sent = diary_review.sent(connection, found, web.receipts)
    return make_response(render_template("diary/sent.html", page=SENT, visit=visit, sent=sent))


@dataclass(frozen=True, slots=True)
class Typed:
    """One field of a form that could not be saved; `is_words` where there is something to read in it."""

    name: str
    value: str
    is_words: bool


def _typed() -> list[Typed]:
    """What a form brought that could not be saved: shown to her again, and sent again by one button."""
    page = diary_pages.BY_SLUG.get((request.view_args or {}).get("slug", ""))
    if page is None or request.method != "POST":
        return []
    buttons = {one.name for one in page.fields if one.look in {Look.CHOICE, Look.SCALE}}
    brought = [(name, request.form.get(name, "")) for name in (*fields_of(page), "go")]
    return [Typed(name, value, name not in {*buttons, "go"}) for name, value in brought if value.strip()]


def _unsaved(reason: str, code: int) -> Response:
    shown = render_template("diary/unsaved.html", page=UNSAVED, reason=reason, typed=_typed(), again=request.full_path)
    return make_response(shown, code)


def _gone(_: LinkGoneError) -> Response:
    """As everywhere, but what she typed on a page that closed meanwhile is shown to her, so that she can keep it."""
    if _typed():
        return _unsaved("closed", HTTPStatus.NOT_FOUND)
    return make_response(render_template("personal/gone.html", page=GONE), HTTPStatus.NOT_FOUND)


def _ended(error: DraftEndedError | UnknownDraftError) -> Response:
    is_known = isinstance(error, DraftEndedError)
    return _unsaved("ended" if is_known else "unknown", HTTPStatus.CONFLICT if is_known else HTTPStatus.NOT_FOUND)


def _too_many(_: TooManyDraftsError) -> Response:
    return make_response(render_template("diary/too_many.html", page=NOT_NOW), HTTPStatus.TOO_MANY_REQUESTS)


def _database_away(error: SQLAlchemyError) -> Response:
    log.error("diary.database_away", error=type(error).__name__, endpoint=request.endpoint)
    return _unsaved("away", HTTPStatus.SERVICE_UNAVAILABLE)


def _too_large(_: RequestEntityTooLarge) -> Response:
    shown = render_template("diary/unsaved.html", page=UNSAVED, reason="large", typed=[], again=None)
    return make_response(shown, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _today(web: Web) -> date:
    return web.now().astimezone(SCREEN_ZONE).date()


def _path(visit: Visit, found: Draft) -> str:
    return f"{visit.path}/{found.id}"


def _see(path: str) -> Response:
    answer = redirect(path, HTTPStatus.SEE_OTHER)
    assert isinstance(answer, Response)  # noqa: S101 - narrows for mypy: Flask's redirect makes Flask's response
    return answer
