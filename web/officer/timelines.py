"""A case's timeline: on the page, as JSON and as CSV."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request, url_for
from markupsafe import Markup

from archive.acquisition import Channel
from archive.custody import Action, case_stream
from timeline.charts import weeks_svg
from timeline.compile import Timeline, compile_timeline
from timeline.paging import Filter, Key, page_of
from timeline.summary import summary_of
from web.access import Right, case_or_404, requires, signed_in
from web.collaborators import Web
from web.officer.looks import record_look
from web.words import CHANNELS

CSV = "text/csv; charset=utf-8"
JSON = "application/json"


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/timeline`, `.json`, `.csv`."""

    @blueprint.get("/cases/<slug>/timeline")
    @requires(Right.SEE_CASE, in_case=True)
    def show_timeline(slug: str) -> str:
        """One page of the timeline, as filtered; the ids shown and the filter go into the ledger first."""
        chosen = Filter.of(request.args.getlist("channel"), request.args.get("words", ""))
        newest_first = request.args.get("order") == "newest"
        folded = request.args.get("bursts") != "open"
        after, before = Key.of(request.args.get("after")), Key.of(request.args.get("before"))
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.SEE_CASE)
            page = page_of(
                connection,
                case.id,
                chosen=chosen,
                newest_first=newest_first,
                after=after,
                before=before,
                folded=folded,
            )
            summary = summary_of(connection, case.id)
            record_look(
                connection,
                Action.CASE_VIEWED,
                case_stream(case.id),
                at=web.now(),
                page="timeline",
                filter=chosen.facts(),
                shown=[str(event.facts.id) for event in page.events],
            )
        return render_template(
            "officer/timeline.html",
            officer=signed_in(),
            case=case,
            page=page,
            chosen=chosen,
            newest_first=newest_first,
            summary=summary,
            # Our own numbers and words only: nothing of a message is in it.
            chart=Markup(weeks_svg(summary.weeks)),  # noqa: S704
            channels=CHANNELS,
            folded=folded,
            link=Links(slug, chosen, newest_first=newest_first, folded=folded),
        )

    @blueprint.get("/cases/<slug>/timeline.json")
    @requires(Right.SEE_CASE, in_case=True)
    def timeline_json(slug: str) -> Response:
        """The whole timeline as CONTRACT has it."""
        return _hand_out(web, slug, "json")

    @blueprint.get("/cases/<slug>/timeline.csv")
    @requires(Right.SEE_CASE, in_case=True)
    def timeline_csv(slug: str) -> Response:
        """The whole timeline as a table, safe to open in a spreadsheet."""
        return _hand_out(web, slug, "csv")


def _hand_out(web: Web, slug: str, form: str) -> Response:
    """Compile, enter what is handed out with its digest in the ledger, then send it."""
    with web.engine.begin() as connection:
        case = case_or_404(connection, slug, Right.SEE_CASE)
        timeline = compile_timeline(connection, case, now=web.now())
        document = _document(timeline, form)
        record_look(
            connection,
            Action.CASE_EXPORTED,
            case_stream(case.id),
            at=web.now(),
            form=form,
            events=len(timeline.events),
            sha256=hashlib.sha256(document).hexdigest(),
        )
    answer = Response(document, content_type=CSV if form == "csv" else JSON)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    if form == "csv":
        answer.headers["Content-Disposition"] = f'attachment; filename="timeline-{case.slug}.csv"'
    return answer


def _document(timeline: Timeline, form: str) -> bytes:
    return "".join(timeline.csv_pieces() if form == "csv" else timeline.json_pieces()).encode()


class Links:
    """Addresses of this timeline with one thing changed: the order, a page, a filter taken away."""

    def __init__(self, slug: str, chosen: Filter, *, newest_first: bool, folded: bool) -> None:
        self._path = url_for("officer.show_timeline", slug=slug)
        self._chosen, self._newest_first, self._folded = chosen, newest_first, folded

    def page(self, **key: object) -> str:
        """The page after or before a key."""
        return self._address(self._chosen, newest=self._newest_first, folded=self._folded, **key)

    def one_by_one(self, after: Key | None = None) -> str:
        """The page after a key, with bursts unfolded."""
        return self._address(self._chosen, newest=self._newest_first, folded=False, after=after)

    def with_folds(self) -> str:
        """The first page, with bursts folded."""
        return self._address(self._chosen, newest=self._newest_first, folded=True)

    def other_order(self) -> str:
        """The first page, the other way round."""
        return self._address(self._chosen, newest=not self._newest_first, folded=self._folded)

    def without_channel(self, channel: Channel) -> str:
        """The first page, without this channel in the filter."""
        rest = tuple(one for one in self._chosen.channels if one != channel)
        return self._address(Filter(rest, self._chosen.words), newest=self._newest_first, folded=self._folded)

    def without_words(self) -> str:
        """The first page, without words in the filter."""
        return self._address(Filter(self._chosen.channels), newest=self._newest_first, folded=self._folded)

    def clear(self) -> str:
        """The first page, unfiltered."""
        return self._address(Filter(), newest=self._newest_first, folded=self._folded)

    def _address(self, chosen: Filter, *, newest: bool, folded: bool, **key: object) -> str:
        pairs = [("channel", channel.value) for channel in chosen.channels]
        pairs += [("words", " ".join(chosen.words))] if chosen.words else []
        pairs += [("order", "newest")] if newest else []
        pairs += [] if folded else [("bursts", "open")]
        pairs += [(name, str(value)) for name, value in key.items() if value]
        return f"{self._path}?{urlencode(pairs)}" if pairs else self._path
