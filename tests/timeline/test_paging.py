"""Pages by key across bursts: every event once, in order, whichever way one turns."""

from __future__ import annotations

import random
from datetime import timedelta

from intake.reading.model import Attachment, Claimed, Reading
from timeline import paging
from timeline.compile import compile_timeline
from timeline.paging import Filter, page_of
from timeline.summary import summary_of

ALL = Filter()


def pages(connection, case, *, backwards=False, **more):
    page = page_of(connection, case.id, chosen=ALL, **more)
    found = [page]
    while page.following:
        page = page_of(connection, case.id, chosen=ALL, after=page.following, **more)
        found.append(page)
    if backwards:
        found = [page]
        while page.previous:
            page = page_of(connection, case.id, chosen=ALL, before=page.previous, **more)
            found.insert(0, page)
    return found


def a_weather(casework, case):
    """Single texts, and between them bursts of several sizes."""
    person = casework.enrol(case, phone="+447700900001")
    drawn, at, bodies = random.Random(5), casework.at, []
    for many in (30, 200, 19, 20, 60, 1, 25):
        for _ in range(drawn.randrange(30)):
            at += timedelta(minutes=11)
            bodies.append(("alone", at))
        at += timedelta(hours=1)
        for _ in range(many):
            at += timedelta(seconds=drawn.randrange(1, 500))
            bodies.append(("burst", at))
    casework.many(case, person, bodies)
    return len(bodies)


def test_pages_meet_without_gap_or_overlap_across_folds_and_are_the_same_both_ways(casework, monkeypatch):
    monkeypatch.setattr(paging, "PER_PAGE", 7)
    monkeypatch.setattr(paging, "_FIRST_LOOK", 5)
    monkeypatch.setattr(paging, "_NEXT_LOOKS", 11)
    case = casework.case()
    many = a_weather(casework, case)
    with casework.archive.engine.connect() as connection:
        whole = [event.facts.id for event in compile_timeline(connection, case, now=casework.at).events]
        for newest_first in (False, True):
            there = pages(connection, case, newest_first=newest_first)
            seen = [event.facts.id for page in there for event in page.events]
            assert seen == (whole[::-1] if newest_first else whole)
            assert {len(page.lines) for page in there[:-1]} == {7}
            assert [page.first for page in there] == [1, *(page.last + 1 for page in there[:-1])]
            assert there[-1].last == many
            assert sorted(line.many for page in there for line in page.lines if line.is_fold) == [20, 25, 30, 60, 200]
            back = pages(connection, case, newest_first=newest_first, backwards=True)
            assert [event.facts.id for page in back for event in page.events] == seen
        single = pages(connection, case, folded=False)
        assert [event.facts.id for page in single for event in page.events] == whole
        assert not any(line.is_fold for page in single for line in page.lines)


def test_a_larger_burst_than_a_page_opens_to_stands_for_all_of_it_and_says_where_they_are(casework, monkeypatch):
    monkeypatch.setattr(paging, "MOST_OPENED", 25)
    case = casework.case()
    person = casework.enrol(case, phone="+447700900001")
    began = casework.at
    casework.many(case, person, [("first of all", began - timedelta(hours=1))])
    casework.many(case, person, [(f"burst {n:02d}", began + timedelta(seconds=n)) for n in range(40)])
    with casework.archive.engine.connect() as connection:
        page = page_of(connection, case.id, chosen=ALL)
        alone, fold = page.lines
        assert (fold.many, len(fold.events), fold.is_whole, page.last) == (40, 25, False, 41)
        assert [fold.events[0].reading.text, fold.events[-1].reading.text] == ["burst 00", "burst 39"]
        assert alone.events[0].reading.text == "first of all"
        unfolded = page_of(connection, case.id, chosen=ALL, after=fold.after, folded=False)
        assert [event.reading.text for event in unfolded.events] == [f"burst {n:02d}" for n in range(40)]


def test_what_stands_out_is_never_in_a_fold_and_nothing_is_folded_in_counts_and_exports(casework):
    case = casework.case()
    casework.enrol(case, phone="+447700900001", email="amy@example.org")
    plain = Reading(version=1, text="again")
    dated = Reading(
        version=1, text="again", claimed=Claimed(at="2026-11-23T12:00:05", precision="second", source="stated")
    )
    attached = Reading(
        version=1,
        text="x",
        attachments=(Attachment(1, "a.png", "image/png", "0" * 64, 9, 0, 9, "base64", "attachment"),),
    )
    odd = {}
    for n in range(66):
        casework.later(seconds=2)
        if n == 22:
            odd["attached"] = casework.text("x", reading=attached)
        elif n == 44:
            odd["mail"] = casework.mail(b"From: amy@example.org\r\n\r\nx\r\n", reading=plain)
        else:
            casework.text("again", reading=plain)
    odd["dated"] = casework.text("again", reading=dated)
    with casework.archive.engine.connect() as connection:
        page = page_of(connection, case.id, chosen=ALL)
        alone = {line.events[0].facts.id for line in page.lines if not line.is_fold}
        assert set(odd.values()) <= alone
        assert max(line.many for line in page.lines if line.is_fold) >= 21
        assert summary_of(connection, case.id).exhibits == 67
        compiled = compile_timeline(connection, case, now=casework.at)
        assert len(compiled.events) == len(compiled.to_json()["events"]) == 67
        assert compiled.to_csv().count(b"\r\n") == 68
