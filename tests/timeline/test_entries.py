"""Entries on the timeline: what an enrolled person writes herself is hers, graded W, and counted by her stated time alone."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from uuid import uuid4

import pytest

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel
from intake.diary_document import DIARY_TYPE, AnswersDocument, Asked, DiaryDocument, EntryKind, Known, When
from intake.drafts import source_id
from timeline.compile import compile_timeline
from timeline.events import events_of
from timeline.readings import read_exhibit
from timeline.summary import summary_of


@pytest.fixture
def case(casework):
    return casework.case()


@pytest.fixture
def amy(casework, case):
    return casework.enrol(case, phone="+447700900001", email="amy@example.org")


def events(casework, case):
    with casework.archive.engine.connect() as connection:
        return list(events_of(connection, case.id))


def a_mail(body, **headers):
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "amy@example.org", "intake@example.org", "again"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(body)
    return mail


def submit(casework, case, person, document, media_type=DIARY_TYPE):
    item = Acquisition.of(
        document.to_bytes(),
        channel=Channel.DIARY,
        source_id=source_id(document.entry),
        at=casework.at,
        media_type=media_type,
    )
    with casework.archive.engine.begin() as connection:
        receive(connection, item, Belonging(case_id=case.id, contributor_id=person.id))
    casework.archive.accession_waiting(now=casework.at)
    read_exhibit(casework.archive.engine, casework.archive.vault, item.id, now=casework.now)
    return item


def an_entry(casework, *, kind=EntryKind.INCIDENT, **answers):
    return DiaryDocument(uuid4(), kind, casework.at, casework.at, True, answers)


def test_a_mail_in_which_she_forwards_nothing_is_an_entry_of_hers(casework, case, amy):
    casework.mail(a_mail("He was outside my work again.").as_bytes())
    with_picture = a_mail("this was on my phone")
    with_picture.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="x.png")
    casework.later(seconds=1)
    casework.mail(with_picture.as_bytes())
    casework.later(seconds=1)
    casework.mail(a_mail("I am away.", Auto_Submitted="auto-replied").as_bytes())
    found = events(casework, case)
    assert [(event.kind, event.grading.grade) for event in found] == [
        ("diary", "W"), ("message", "D"), ("message", None),
    ]  # fmt: skip


def test_a_mail_of_somebody_nobody_enrolled_is_no_entry_when_an_officer_assigns_it(casework, case):
    from archive.assignment import assign

    item = casework.mail(a_mail("I know you read this.").as_bytes(), sender="stranger@example.com")
    with casework.archive.engine.begin() as connection:
        assign(connection, item, case.id, contributor=None, at=casework.at, actor="cli:tests")
    (event,) = events(casework, case)
    assert event.kind == "message"


@pytest.mark.parametrize("body", ["LOG he was there", "CALL 07700 900321 silent", "Log he was there", "call: silent"])
def test_entries_by_text_are_her_own_words_and_graded_so(casework, case, amy, body):
    casework.text(body)
    (event,) = events(casework, case)
    assert (event.kind in {"diary", "call"}, event.grading.grade.value, event.reading.text) == (True, "W", body)


def test_entries_count_by_the_time_she_stated_and_by_no_other(casework, case, amy):
    told = {"what": "x"}
    for when in (
        When(Known.EXACT, "2026-10-01", "21:30"),
        When(Known.ABOUT, "2026-10-02", "09:00"),
        When(Known.ABOUT, "2026-10-03"),
        When(Known.ABOUT, "2026-10"),
        When(Known.ABOUT, words="one evening"),
        When(Known.UNKNOWN),
    ):
        submit(casework, case, amy, an_entry(casework, when=when, **told))
    submit(casework, case, amy, an_entry(casework, **told))
    with casework.archive.engine.connect() as connection:
        timeline = compile_timeline(connection, case, now=casework.at).to_json()
        summary = summary_of(connection, case.id)
    assert (timeline["occasions"], timeline["distinct_days"], timeline["undated"]) == (3, 3, 4)
    assert (len(summary.pattern.occasions), summary.pattern.undated) == (3, 4)
    said = [event["claimed_text"] for event in timeline["events"] if event["claimed_text"]]
    assert "about one evening" in said


def test_answers_to_the_questions_are_on_the_timeline_and_no_occasion(casework, case, amy):
    document = AnswersDocument(uuid4(), casework.at, (Asked("q1", "Are you very frightened?", "yes"),))
    submit(casework, case, amy, document, "application/vnd.holdfast.answers+json")
    (event,) = events(casework, case)
    assert (event.kind, event.grading.grade.value) == ("answers", "W")
    with casework.archive.engine.connect() as connection:
        timeline = compile_timeline(connection, case, now=casework.at).to_json()
    assert (timeline["occasions"], timeline["undated"]) == (0, 0)


def test_an_entry_submitted_twice_is_one_and_with_other_bytes_a_further_observation(casework, case, amy):
    first = an_entry(casework, what="x")
    submit(casework, case, amy, first)
    submit(casework, case, amy, first)
    assert len(events(casework, case)) == 1
    other = replace(first, answers={"what": "y"})
    item = Acquisition.of(
        other.to_bytes(), channel=Channel.DIARY, source_id=source_id(first.entry), at=casework.at, media_type=DIARY_TYPE
    )
    with casework.archive.engine.begin() as connection:
        assert receive(connection, item, Belonging(case_id=case.id)) not in {None, item.id}
