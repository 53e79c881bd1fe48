"""The compiled timeline against a real database: CONTRACT's form, order, states and counts."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from archive.case import case_of
from archive.ledger import entries_of
from intake.reading.model import Attachment, Claimed, Forward, Reading, Reported
from timeline.compile import compile_timeline
from timeline.csv_form import BYTE_ORDER_MARK, csv_lines
from timeline.readings import current, searchable, store_reading

CONTRACT_EVENT = {
    *("id", "kind", "channel", "direction", "received_at", "delivered_at", "claimed_at", "claimed_zone"),
    *("claimed_precision", "claimed_source", "claimed_text", "contributor", "reported_from", "subject", "text"),
    *("identifiers", "grade", "grade_reasons", "authenticity", "exhibit", "attachments", "ledger_index", "state"),
}


def claimed(at, precision="second", source="quoted", **more):
    return Reading(version=1, claimed=Claimed(at=at, precision=precision, source=source, text=at), **more)


def timeline_of(casework, case):
    with casework.archive.engine.connect() as connection:
        return compile_timeline(connection, case, now=casework.now())


def a_case(casework):
    case = casework.case()
    casework.enrol(case, phone="+447700900001", email="amy@example.org")
    return case


def test_the_document_has_the_form_that_is_promised(casework):
    case = a_case(casework)
    attachment = Attachment(1, "photo.jpg", "image/jpeg", "ab" * 32, 10, 0, 10, "base64", "attachment")
    sender = Reported(name="Sam", address="sam@example.com")
    casework.mail(
        b"Subject: x\r\n\r\ny", reading=claimed("2026-11-01T10:00:00", reported_from=sender, attachments=(attachment,))
    )
    casework.seal()
    document = timeline_of(casework, case).to_json()
    assert list(document) == ["case", "generated_at", "events", "occasions", "distinct_days", "undated"]
    (event,) = document["events"]
    assert set(event) >= CONTRACT_EVENT
    assert document["generated_at"] == "2026-11-23T12:00:00.000Z"
    assert event["received_at"] == "2026-11-23T12:00:00.000Z"
    assert event["reported_from"] == {"name": "Sam", "address": "sam@example.com", "number": None}
    assert event["exhibit"]["reference"] == "ABC/1"
    assert set(event["exhibit"]) == {"id", "reference", "sha256", "size_bytes", "media_type"}
    assert event["attachments"] == [
        {
            "id": f"{event['id']}/1",
            "name": "photo.jpg",
            "media_type": "image/jpeg",
            "sha256": "ab" * 32,
            "size_bytes": 10,
        }
    ]
    assert (event["kind"], event["channel"], event["direction"]) == ("message", "email", "inbound")
    assert (event["contributor"], event["grade"]) == ("Amy Beth Carter", None)


def test_the_document_in_pieces_is_the_same_document(casework):
    case = a_case(casework)
    casework.text("first \u202e one")
    casework.text('second "quoted"')
    timeline = timeline_of(casework, case)
    assert json.loads("".join(timeline.json_pieces())) == timeline.to_json()
    assert len(timeline.events) == 2


def test_events_stand_where_their_claim_puts_them_and_else_where_we_received_them(casework):
    case = a_case(casework)
    casework.text("received second", reading=Reading(version=1, text="received second"))
    # 12:30 BST is 11:30 UTC; the plain text above was received at 12:00 UTC.
    casework.text("summer", reading=claimed("2026-11-23T12:30:00+01:00", text="summer"))
    casework.text("old", reading=claimed("2026-11-01T10:00:00", text="old"))
    casework.later(minutes=5)
    casework.text("last", reading=Reading(version=1, text="last"))
    events = timeline_of(casework, case).events
    assert [event.reading.text for event in events] == ["old", "summer", "received second", "last"]


def test_ten_old_texts_forwarded_tonight_are_not_tonights_pattern(casework):
    case = a_case(casework)
    for number in range(10):
        casework.text(f"undated {number}", reading=Reading(version=1, text=str(number)))
    casework.text("dated", reading=claimed("2026-11-01T10:00:00"))
    document = timeline_of(casework, case).to_json()
    assert (document["occasions"], document["distinct_days"], document["undated"]) == (1, 1, 10)


def test_a_month_alone_is_undated_and_a_day_alone_is_a_day(casework):
    case = a_case(casework)
    casework.text("month", reading=claimed("2026-11", precision="month"))
    casework.text("day", reading=claimed("2026-11-02", precision="day"))
    document = timeline_of(casework, case).to_json()
    assert (document["occasions"], document["distinct_days"], document["undated"]) == (1, 1, 1)


def test_her_own_messages_are_outbound_and_no_occasion(casework):
    case = a_case(casework)
    hers = claimed("2026-11-01T10:00:00", reported_from=Reported(address="Amy@Example.org"))
    casework.mail(b"a: b\r\n\r\n", reading=hers)
    casework.mail(b"c: d\r\n\r\n", reading=replace(hers, reported_from=Reported(number="07700 900001")))
    casework.mail(b"e: f\r\n\r\n", reading=replace(hers, reported_from=Reported(), direction="outbound"))
    document = timeline_of(casework, case).to_json()
    assert {event["direction"] for event in document["events"]} == {"outbound"}
    assert (document["occasions"], document["undated"]) == (0, 0)


def test_state_and_ledger_index_follow_the_sequencer(casework):
    case = a_case(casework)
    casework.text("one")
    (event,) = timeline_of(casework, case).to_json()["events"]
    assert (event["state"], event["ledger_index"]) == ("archived", None)
    casework.seal()
    (event,) = timeline_of(casework, case).to_json()["events"]
    assert event["state"] == "sealed"
    with casework.archive.engine.connect() as connection:
        (entry, *_) = entries_of(connection, [f"exhibit:{event['id']}"])
    assert (entry.index, entry.facts()["action"]) == (event["ledger_index"], "exhibit.archived")


def test_a_picture_that_came_with_a_text_is_beside_it_and_no_contact_of_its_own(casework):
    case = a_case(casework)
    text = casework.text("look", reading=claimed("2026-11-01T10:00:00"))
    picture = casework.file(b"\x89PNG", "image/png", case, parent=text)
    first, second = timeline_of(casework, case).to_json()["events"]
    assert [one["id"] for one in first["attachments"]] == [str(picture)]
    assert (second["kind"], second["parent"], second["grade"]) == ("attachment", str(text), "D")
    assert timeline_of(casework, case).to_json()["undated"] == 0


def test_grades_follow_what_was_found(casework):
    case = a_case(casework)
    mails = {
        "B": Reading(version=1, forward=Forward("attached")),
        "E": Reading(version=1, forward=Forward("gmail", source="x")),
        "W": Reading(version=1, kind="diary"),
    }
    for number, reading in enumerate(mails.values()):
        casework.mail(b"n: %d\r\n\r\n" % number, reading=reading)
    casework.text("a text")
    casework.mail(b"u: 1\r\n\r\n", reading=Reading(version=1, state="unreadable", unreadable_because="broken"))
    grades = [event["grade"] for event in timeline_of(casework, case).to_json()["events"]]
    assert sorted(str(grade) for grade in grades) == ["B", "E", "F", "None", "W"]


def test_an_exhibit_that_is_not_read_yet_is_there_with_its_digest(casework):
    case = a_case(casework)
    item = casework.file(b"plain", "text/plain", case, unread=True)
    (event,) = timeline_of(casework, case).to_json()["events"]
    assert (event["id"], event["text"], event["reading_state"], event["grade"]) == (str(item), "", "unread", None)


def test_other_cases_stay_out(casework):
    case, other = a_case(casework), casework.case("99/1/26")
    casework.text("mine")
    casework.file(b"theirs", "text/plain", other)
    assert [event.reading.text for event in timeline_of(casework, case).events] == ["mine"]


def test_a_newer_reading_replaces_what_is_shown_and_the_same_version_is_stored_once(casework):
    case = a_case(casework)
    item = casework.text("x", reading=Reading(version=1, text="first"))
    with casework.archive.engine.begin() as connection:
        assert not store_reading(connection, item, Reading(version=1, text="other"), now=casework.now())
        assert (
            store_reading(connection, item, claimed("2026-01-01T00:00:00", text="second"), now=casework.now()) is False
        )
        newer = replace(claimed("2026-01-01T00:00:00", text="second"), version=2)
        assert store_reading(connection, item, newer, now=casework.now())
        assert current(connection, item) == newer
    (event,) = timeline_of(casework, case).events
    assert event.reading.text == "second"
    assert event.facts.ordered_at == datetime(2026, 1, 1, tzinfo=UTC)
    casework.seal()
    with casework.archive.engine.connect() as connection:
        actions = [entry.facts()["action"] for entry in entries_of(connection, [f"exhibit:{item}"])]
    assert actions.count("exhibit.read") == 2


def test_words_that_no_database_keeps_are_kept_readable(casework):
    case = a_case(casework)
    casework.text("x", reading=Reading(version=1, text="nul \x00 surrogate \udc80 İSTANBUL", subject="\x00"))
    (event,) = timeline_of(casework, case).to_json()["events"]
    assert event["text"] == "nul ␀ surrogate � İSTANBUL"
    assert searchable(Reading(version=1, text="\x00\udc80ẞ")) == "␀�ss"


def test_cells_that_a_spreadsheet_would_run_are_text(casework):
    case = a_case(casework)
    casework.text(
        "x",
        reading=Reading(
            version=1, text='=HYPERLINK("http://leak.invalid")', subject="@x", reported_from=Reported("+1")
        ),
    )
    document = timeline_of(casework, case).to_csv().decode("utf-8")
    assert document.startswith(BYTE_ORDER_MARK)
    (row,) = csv.DictReader(io.StringIO(document.removeprefix(BYTE_ORDER_MARK)))
    assert (row["text"][:2], row["subject"], row["reported_name"]) == ("'=", "'@x", "'+1")


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_a_table_is_read_back_and_no_cell_is_a_formula(rows):
    document = "".join(csv_lines(("a", "b"), rows)).removeprefix(BYTE_ORDER_MARK)
    found = list(csv.reader(io.StringIO(document, newline="")))[1:]
    assert len(found) == len(rows)
    assert all(cell.lstrip()[:1] not in {"=", "+", "-", "@"} for row in found for cell in row)


def test_the_text_form_names_each_exhibit_and_both_clocks(casework):
    case = a_case(casework)
    casework.text("hello\nthere", reading=claimed("2026-11-01T10:00:00", text="hello\nthere"))
    shown = timeline_of(casework, case).to_text()
    assert "ABC/1  claimed 2026-11-01T10:00:00  sms  sender not stated" in shown
    assert "    received 2026-11-23T12:00:00.000Z" in shown
    assert "    hello\n    there\n" in shown


def test_hundreds_of_events_are_compiled_in_order(casework):
    case = casework.case()
    person = casework.enrol(case)
    began = casework.now()
    casework.many(case, person, [(f"text {n}", began - timedelta(minutes=n)) for n in range(300)])
    with casework.archive.engine.connect() as connection:
        timeline = compile_timeline(connection, case_of(connection, case.slug), now=began)
    assert [event.reading.text for event in timeline.events] == [f"text {n}" for n in reversed(range(300))]
