"""Hostile content on officers' pages: it is text, it loads nothing and it runs nothing, wherever it comes from."""

from __future__ import annotations

import json
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.reading.model import Attachment, Claimed, Identifier, Reading, Reported, displayable
from tests.timeline.casework import Casework
from web import sessions
from web.visible import visible, visible_line
from web.words import clipped

PAYLOADS = json.loads((Path(__file__).parent / "corpora" / "hostile-html.json").read_text())


class Skeleton(HTMLParser):
    """What a page is made of, without its text: elements, their attributes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action", "srcset", "data"}]

    def handle_data(self, data):
        self.words.append(data)


def skeleton(page: str) -> Skeleton:
    found = Skeleton()
    found.feed(page)
    return found


def reading_of(text: str) -> Reading:
    """A reading with the same text in every place that a page shows."""
    line = " ".join(displayable(text)[:300].split())
    person = Reported(line, line, line)
    return Reading(
        version=1,
        text=displayable(text),
        subject=line,
        note=displayable(text),
        reported_from=person,
        reported_to=(person,),
        claimed=Claimed(at="2026-11-01T10:00:00", precision="second", source="quoted", text=line),
        attachments=(Attachment(1, line, line, "0" * 64, 1, 0, 1, "", "attachment"),),
        headers=((line, line),),
        original_headers=((line, line),),
        identifiers=(Identifier("url", line),),
        remote_content=(line,),
        defects=(line,),
    )


@pytest.fixture
def case(site):
    officer = site.person()
    case = site.case("42/1234/26", officer)
    site.casework.enrol(case, phone="+447700900001")
    return case, site.browser(officer), officer


def pages_of(work: Casework, case, texts):
    """One exhibit for each text, and one in quarantine; addresses of the pages that show them."""
    paths = [f"/cases/{case.slug}/timeline"]
    for text in texts:
        item = work.text("x", reading=reading_of(text))
        paths.append(f"/cases/{case.slug}/exhibits/{item}")
    stranger = work.text("x", sender="+447700900055", reading=reading_of(texts[0]))
    return [*paths, "/quarantine", f"/quarantine/{stranger}"]


def test_no_payload_adds_an_element_or_an_address_to_any_page(site, case):
    opened, desk, _ = case
    harmless = site.casework.text("x", reading=reading_of("harmless"))
    plain = skeleton(desk.text(f"/cases/{opened.slug}/exhibits/{harmless}"))
    for one in PAYLOADS:
        item = site.casework.text("x", reading=reading_of(one["payload"]))
        shown = skeleton(desk.text(f"/cases/{opened.slug}/exhibits/{item}"))
        assert shown.found == plain.found, one["id"]
        assert not any("leak" in address or "javascript" in address.lower() for address in shown.addresses), one["id"]
    timeline = skeleton(desk.text(f"/cases/{opened.slug}/timeline"))
    assert all(address.startswith(("/", "#")) for address in timeline.addresses)
    assert not {"iframe", "object", "embed", "img", "source"} & {tag for tag, _ in timeline.found}


def test_in_a_browser_no_payload_runs_or_asks_for_anything(site, case, serve, context):
    opened, _, officer = case
    paths = pages_of(
        site.casework, opened, [one["payload"] for one in PAYLOADS if one["kind"] in {"xss", "remote-fetch"}]
    )
    address = serve(site.app)
    with site.casework.archive.engine.begin() as connection:
        token = sessions.begin(connection, officer, now=site.casework.at)
    context.add_cookies([{"name": "holdfast", "value": token, "url": address}])
    asked, ran = [], []
    context.route("**/*", lambda route: (asked.append(route.request.url), route.continue_()))
    page = context.new_page()
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: ran.append(message.text))
    page.on("pageerror", lambda error: ran.append(str(error)))
    page.set_viewport_size({"width": 1280, "height": 20_000})
    for path in [paths[0], *paths[1:-2:8], *paths[-2:]]:
        page.goto(address + path)
    assert ran == []
    others = [url for url in asked if url.removeprefix(address).partition("?")[0] not in set(paths)]
    assert all(url.startswith(f"{address}/static/vendor/") for url in others), others


def test_the_filter_an_officer_types_is_text_too(site, case):
    opened, desk, _ = case
    page = desk.text(f'/cases/{opened.slug}/timeline?words="><script>alert(1)</script>\u202e')
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;[U+202E]" in page


def test_characters_that_act_unseen_are_shown(site, case):
    opened, desk, _ = case
    item = site.casework.text(
        "x", reading=reading_of("file\u202efdp.exe \u2066hidden\u2069 soft\u00adhyphen \u200bzero")
    )
    for path in (f"/cases/{opened.slug}/timeline", f"/cases/{opened.slug}/exhibits/{item}"):
        page = desk.text(path)
        assert "file[U+202E]fdp.exe [U+2066]hidden[U+2069] soft[U+00AD]hyphen [U+200B]zero" in page
        assert not {"\u202e", "\u2066", "\u2069", "\u200b", "\u00ad"} & set(page)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\nlines\tand tabs", "plain\nlines\tand tabs"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("bell\x07", "bell[U+0007]"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("pay\u200dpal", "pay[U+200D]pal"),
        ("\u2028", "[U+2028]"),
        (None, ""),
    ],
)
def test_joiners_stay_where_they_work_and_show_where_they_hide(text, shown):
    assert visible(text) == shown


@given(st.text())
def test_nothing_that_is_shown_acts_unseen(text):
    shown = visible(text)
    joiners = {"\u200c", "\u200d"}
    unseen = {character for character in shown if unicodedata.category(character) in {"Cf", "Cc", "Cs", "Zl", "Zp"}}
    assert unseen <= {"\n", "\t"} | joiners
    assert "\n" not in visible_line(text)
    assert len(clipped(text)) <= 500
