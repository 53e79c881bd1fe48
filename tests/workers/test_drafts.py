"""The task that takes in what was written and not sent: on the schedule, and run by any worker, twice if it must be."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from archive.link import LinkKind, Terms, issue
from archive.tables import acquisition, link_session
from archive.visit import begin as open_link
from cli.composition import now
from cli.worker_process import make_worker
from intake import drafts
from intake.diary_parsing import read_diary
from intake.drafts import DraftKind
from tests.timeline.casework import Casework

TASK = "intake.give_up_drafts"


def test_a_draft_whose_visit_has_ended_is_taken_in_by_the_schedule(installation, monkeypatch):
    work = Casework(installation.archive, installation.sequencer, at=now())
    person = work.enrol(work.case())
    with work.archive.engine.begin() as connection:
        terms = Terms(LinkKind.DIARY, work.at + timedelta(days=1))
        _, token = issue(connection, person, terms, at=work.at, actor="cli:tests")
        visit = open_link(connection, token, LinkKind.DIARY, now=work.at)
        made = drafts.begin(connection, visit, DraftKind.INCIDENT, now=work.at)
        drafts.save(connection, visit, made.id, {"what": "He came back."}, now=work.at)
    monkeypatch.setattr("cli.composition.archive", lambda _settings: installation.archive)
    app = make_worker(installation.settings)
    assert TASK in {each["task"] for each in app.conf.beat_schedule.values()}
    app.tasks[TASK]()
    with work.archive.engine.begin() as connection:
        assert connection.execute(select(acquisition)).all() == []
        connection.execute(update(link_session).values(ends_at=work.at))
    app.tasks[TASK]()
    app.tasks[TASK]()
    with work.archive.engine.connect() as connection:
        (item,) = connection.execute(select(acquisition)).all()
    document = read_diary(bytes(item.raw))
    assert (document.finished, document.answers) == (False, {"what": "He came back."})
    assert (item.for_case, item.for_contributor) == (person.case_id, person.id)
