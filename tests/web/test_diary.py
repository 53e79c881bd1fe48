"""The diary on a personal link: each page saved before it says so, one acquisition an entry, nothing typed ever lost.

Promise 1: what a page said was saved survives a dead broker, a dead worker and a database that goes away.
"""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, func, select

from archive.jobs import Job
from archive.link import LinkKind, revoke
from archive.tables import acquisition, draft, exhibit
from intake.diary_parsing import read_answers, read_diary
from intake.drafts import MOST_OPEN, give_up_ended
from intake.sweep import missed
from tests.web.links import hold
from timeline.readings import read_exhibit
from web import diary_pages
from web.app import create_app
from web.diary_answers import fields_of
from workers.queue import make_nudge

DAY = {"day-day": "20", "day-month": "11", "day-year": "2026", "time": "9.30pm"}
TOLD = "He followed me.\r\nAll the way <b>home</b>. 💔 \x00"
VERBATIM = "He followed me.\nAll the way <b>home</b>. 💔 \x00"
NO_BROKER = "redis://127.0.0.1:1/0"
DEAD = "postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=1"


class Writer:
    """Somebody with a diary link, at her browser."""

    def __init__(self, site, case=None, **terms):
        self.site = site
        self.work = site.casework
        self.case = case or self.work.case("42/1234/26", site.person())
        self.person = self.work.enrol(self.case)
        self.holder = hold(site, self.person, LinkKind.DIARY, **terms)
        self.client = self.holder.client
        self.path = self.holder.open()

    def begin(self, kind="incident"):
        answer = self.client.post(f"{self.path}/new/{kind}")
        assert answer.status_code == 303, answer.status_code
        return answer.headers["Location"].removesuffix("/when")

    def save(self, draft_path, slug, **form):
        answer = self.client.post(f"{draft_path}/{slug}", data=form)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def write(self, told=TOLD):
        """An entry with what must be there, not sent."""
        path = self.begin()
        self.save(path, "when", when="exact")
        self.save(path, "day", **DAY)
        self.save(path, "what", what=told)
        return path

    def received(self):
        with self.work.archive.engine.connect() as connection:
            query = select(acquisition).where(acquisition.c.channel == "diary").order_by(acquisition.c.received_at)
            return connection.execute(query).all()

    def give_up(self):
        with self.work.archive.engine.begin() as connection:
            return give_up_ended(connection, now=self.work.at)

    def archive_and_read(self):
        for item in self.work.archive.accession_waiting(now=self.work.at):
            read_exhibit(self.work.archive.engine, self.work.archive.vault, item, now=self.work.now)


@pytest.fixture
def writer(site):
    return Writer(site)


def test_an_entry_goes_from_the_first_page_to_the_officers_timeline(site, writer):
    path = writer.begin()
    for slug, form, following in (
        ("when", {"when": "about"}, "day"),
        ("day", DAY, "what"),
        ("what", {"what": TOLD}, "where"),
        ("where", {"where": "Mill Lane"}, "person"),
        ("person", {"looked": "Tall", "sounded": "", "wore": "Blue coat"}, "vehicle"),
        ("vehicle", {"vehicle_make": "Ford", "vehicle_colour": "blue", "vehicle_plate": "ab12 cde"}, "others"),
        ("others", {"witnesses": "Sam"}, "since"),
        ("since", {"effect": "I cannot sleep", "changed": "I take the bus"}, "scale"),
        ("scale", {"fear": "8"}, "kept"),
        ("kept", {"kept": "The note, in a bag"}, "photos"),
    ):
        assert writer.save(path, slug, **form) == f"{path}/{following}"
        assert "Saved." in writer.client.get(f"{path}/{following}").text
    assert writer.save(path, "photos") == path
    page = writer.client.get(path).text
    for words in ("about 20 November 2026 at 21:30", "&lt;b&gt;home&lt;/b&gt;", "8 out of 10", "The note, in a bag"):
        assert words in page
    assert writer.received() == []
    assert writer.client.post(path).headers["Location"] == path
    assert "Your receipt" in writer.client.get(path).text
    (item,) = writer.received()
    assert item.source_id == f"form:{path.rsplit('/', 1)[1]}"
    assert (item.for_case, item.for_contributor) == (writer.case.id, writer.person.id)
    assert (Job.ACCESSION,) in site.nudged
    document = read_diary(bytes(item.raw))
    assert document.finished
    assert document.answers["what"] == VERBATIM
    assert document.answers["sounded"] is None
    assert (document.answers["when"].day, document.answers["when"].time) == ("2026-11-20", "21:30")
    writer.archive_and_read()
    officer = site.browser(site.person("supervisor"))
    shown = officer.text(f"/cases/{writer.case.slug}/timeline")
    for words in ("about 20 November 2026 at 21:30", "Diary entry", "Fear, 1 to 10", "I cannot sleep", "grade W"):
        assert words in shown
    assert "Not finished" not in shown
    (event,) = json.loads(officer.text(f"/cases/{writer.case.slug}/timeline.json"))["events"]
    assert (event["kind"], event["grade"], event["channel"], event["claimed_approximate"]) == (
        "diary",
        "W",
        "diary",
        True,
    )
    assert event["claimed_at"] == "2026-11-20T21:30:00"
    assert event["account"]["fear"] == "8"
    exhibit_page = officer.text(f"/cases/{writer.case.slug}/exhibits/{item.id}")
    assert "Answer by answer" in exhibit_page
    assert "I take the bus" in exhibit_page
    row = officer.text(f"/cases/{writer.case.slug}/timeline.csv").splitlines()
    assert "fear" in row[0]
    assert "I cannot sleep" in "\n".join(row)


def test_a_call_has_its_own_pages_and_the_advice_about_1471(site, writer):
    path = writer.begin("call")
    writer.save(path, "when", when="exact")
    assert writer.save(path, "day", **DAY) == f"{path}/number"
    assert "1471" in writer.client.get(f"{path}/number").text
    writer.save(path, "number", number="07700 900321")
    writer.save(path, "answered", answered="no")
    writer.save(path, "said", said="Silence", go="end")
    writer.client.post(path)
    writer.archive_and_read()
    officer = site.browser(site.person("supervisor"))
    assert "Call from +447700900321" in officer.text(f"/cases/{writer.case.slug}/timeline")
    (event,) = json.loads(officer.text(f"/cases/{writer.case.slug}/timeline.json"))["events"]
    assert (event["kind"], event["grade"], event["reported_from"]["number"]) == ("call", "W", "+447700900321")


def test_an_entry_is_one_acquisition_however_often_send_is_pressed(site, writer):
    path = writer.write()
    with ThreadPoolExecutor(4) as many:
        answers = list(many.map(lambda _: site.app.test_client().post(path).status_code, range(8)))
    assert set(answers) == {303}
    writer.client.post(path)
    assert len(writer.received()) == 1
    assert writer.client.post(f"{path}/what", data={"what": "other"}).status_code == 409
    assert read_diary(bytes(writer.received()[0].raw)).answers["what"] == VERBATIM


def test_her_words_lie_in_the_acquisition_and_no_longer_in_the_draft(site, writer):
    path = writer.write("the only place for these words")
    writer.client.post(path)
    with site.casework.archive.engine.connect() as connection:
        row = connection.execute(select(draft)).one()
    assert (row.answers, row.finished, row.acquisition_id) == ({}, True, writer.received()[0].id)


def test_an_entry_without_what_happened_is_not_sent_and_says_what_it_lacks(writer):
    path = writer.begin()
    answer = writer.client.post(path)
    assert answer.status_code == 422
    assert "Fill in “When it was” first" in answer.text
    assert "<title>Error: " in answer.text.replace("\n", "")
    writer.save(path, "when", when="exact")
    assert "Fill in “What happened” first" in writer.client.post(path).text
    writer.save(path, "what", what="x")
    assert "Fill in “Day and time” first" in writer.client.post(path).text
    assert writer.received() == []


@pytest.mark.parametrize("slug", diary_pages.BY_SLUG)
def test_no_page_chooses_anything_for_her(writer, slug):
    kind = "call" if slug in {"number", "answered", "said"} else "incident"
    page = writer.client.get(f"{writer.begin(kind)}/{slug}").text
    assert "checked" not in page
    assert 'value="2026' not in page


def test_what_was_wrong_is_said_and_what_was_typed_is_still_there(writer):
    path = writer.begin()
    writer.save(path, "when", when="exact")
    answer = writer.client.post(f"{path}/day", data={**DAY, "day-day": "31", "time": "9:30", "words": "after <dark>"})
    assert answer.status_code == 422
    for words in (
        "There is a problem",
        "Error: ",
        'value="31"',
        'value="9:30"',
        "after &lt;dark&gt;",
        "#day-day",
        "#time",
    ):
        assert words in answer.text
    with writer.work.archive.engine.connect() as connection:
        assert list(connection.execute(select(draft.c.saved)).scalar_one()) == ["when"]


ODD = st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_form_whatever_it_holds_breaks_a_page_or_loses_what_was_typed(writer, data):
    kind = data.draw(st.sampled_from(["incident", "call"]))
    path = writer.begin(kind)
    page = data.draw(st.sampled_from(diary_pages.PAGES[kind]))
    form = data.draw(st.dictionaries(st.sampled_from([*fields_of(page), "go", "x"]), ODD))
    answer = writer.client.post(f"{path}/{page.slug}", data=form)
    assert answer.status_code in {303, 422}
    if answer.status_code == 422:
        assert "There is a problem" in answer.text
    assert writer.client.get(path).status_code == 200


def test_bytes_that_are_no_form_are_no_crash(writer):
    path = writer.begin()
    for body, media_type in (
        (b"\xff\xfe%zz&&&=", "application/x-www-form-urlencoded"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"{}", "application/json"),
        (b"", ""),
    ):
        for slug in ("what", "photos", "day"):
            assert writer.client.post(f"{path}/{slug}", data=body, content_type=media_type).status_code in {303, 422}
    answer = writer.client.post(f"{path}/what", data=b"what=" + b"x" * 3_000_000)
    assert answer.status_code == 413
    assert "too much for one page" in answer.text


def test_a_page_that_cannot_be_saved_comes_back_with_every_word_and_is_saved_by_its_button(site, writer):
    path = writer.begin()
    dead = create_engine(DEAD)
    broken = create_app(replace(site.web, engine=dead)).test_client()
    answer = broken.post(f"{path}/what", data={"what": TOLD, "go": "end"})
    dead.dispose()
    assert answer.status_code == 503
    assert "We could not save this page" in answer.text
    assert "All the way &lt;b&gt;home&lt;/b&gt;. 💔" in answer.text
    assert f'action="{path}/what?"' in answer.text or f'action="{path}/what"' in answer.text
    assert "not saved yet" in answer.text
    # The same form again, once the database is back.
    assert writer.save(path, "what", what=TOLD, go="end") == path
    assert "All the way" in writer.client.get(path).text


def test_with_no_broker_and_no_worker_an_entry_is_received_and_found_later(site, writer):
    path = writer.write()
    nudge = make_nudge(NO_BROKER)
    alone = create_app(replace(site.web, nudge=nudge)).test_client()
    assert alone.post(path).status_code == 303
    assert "What you sent is safe with us" in alone.get(path).text
    (item,) = writer.received()
    assert item.state == "received"
    with site.casework.archive.engine.connect() as connection:
        waiting = missed(connection, now=site.casework.at + timedelta(minutes=2))
    assert (Job.ACCESSION, ()) in waiting
    writer.archive_and_read()
    assert writer.received()[0].state == "archived"


def test_what_was_saved_and_not_sent_is_received_when_the_visit_has_ended_and_says_so(site, writer):
    path = writer.write()
    writer.begin("call")  # begun, and nothing saved
    assert writer.give_up() == []
    writer.work.later(minutes=61)
    (received,) = writer.give_up()
    assert writer.give_up() == []
    (item,) = writer.received()
    assert item.id == received
    document = read_diary(bytes(item.raw))
    assert (document.finished, document.answers["what"]) == (False, VERBATIM)
    assert "where" not in document.answers
    assert str(document.entry) == path.rsplit("/", 1)[1]
    writer.archive_and_read()
    officer = site.browser(site.person("supervisor"))
    shown = officer.text(f"/cases/{writer.case.slug}/timeline")
    assert "Not finished" in shown
    assert "Not finished: the contributor had not sent this" in officer.text(
        f"/cases/{writer.case.slug}/exhibits/{item.id}"
    )


def test_a_link_that_is_revoked_ends_its_drafts_too(writer):
    writer.write()
    with writer.work.archive.engine.begin() as connection:
        revoke(connection, writer.holder.link.id, case_id=writer.case.id, at=writer.work.at, actor="cli:tests")
    assert len(writer.give_up()) == 1


def test_words_typed_on_a_page_that_closed_meanwhile_are_shown_to_her_and_to_nobody_else(writer):
    path = writer.begin()
    writer.work.later(minutes=61)
    answer = writer.client.post(f"{path}/what", data={"what": "an hour of typing"})
    assert answer.status_code == 404
    assert "an hour of typing" in answer.text
    assert "not saved yet" in answer.text
    assert "an hour of typing" not in writer.client.get(f"{path}/what").text
    # Whoever tries keys learns nothing: the same page for one that never was.
    other = writer.client.post(f"/diary/s/{'x' * 43}/{uuid4()}/what", data={"what": "an hour of typing"})
    assert (other.status_code, len(other.text)) == (answer.status_code, len(answer.text))


def test_a_draft_belongs_to_its_visit_alone(site, writer):
    path = writer.write()
    other = Writer(site, writer.case)
    stolen = f"{other.path}/{path.rsplit('/', 1)[1]}"
    for answer in (
        other.client.get(stolen),
        other.client.get(f"{stolen}/what"),
        other.client.post(stolen),
        other.client.post(f"{stolen}/what", data={"what": "x"}),
        other.client.get(f"{other.path}/{uuid4()}"),
    ):
        assert answer.status_code == 404
        assert "All the way" not in answer.text
    assert writer.received() == []


def test_a_link_for_one_time_takes_one_entry_and_shows_its_receipt(writer, site):
    once = Writer(site, writer.case, one_time=True)
    path = once.write()
    left = once.write("a second one")
    assert once.client.post(path).status_code == 303
    assert "Your receipt" in once.client.get(path).text
    assert "Write down what happened" not in once.client.get(once.path).text
    assert once.client.post(f"{once.path}/new/incident").status_code == 409
    assert once.client.post(left).status_code == 409
    assert once.client.post(path).status_code == 303
    assert once.client.get(once.holder.address).status_code == 404


def test_earlier_entries_are_shown_only_where_she_chose_that(site, writer):
    for shows in (False, True):
        holder = Writer(site, writer.case, shows_earlier=shows)
        holder.client.post(holder.write("He waited at the gate"))
        holder.archive_and_read()
        again = holder.client.get(holder.holder.open()).text
        assert ("He waited at the gate" in again) is shows
        assert ("What you wrote before" in again) is shows


def test_photos_are_kept_at_once_and_belong_to_the_entry(site, writer):
    path = writer.write()
    files = [(io.BytesIO(b"\xff\xd8\xff one"), "van.jpg"), (io.BytesIO(b"two"), "../../<i>.png")]
    answer = writer.client.post(f"{path}/photos", data={"photos": files}, content_type="multipart/form-data")
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    with writer.work.archive.engine.connect() as connection:
        uploads = connection.execute(select(acquisition).where(acquisition.c.channel == "upload")).all()
    assert len(uploads) == 2
    assert "van.jpg" in writer.client.get(f"{path}/photos").text
    writer.client.post(path)
    assert "2 photos came with it" in writer.client.get(path).text
    (item,) = writer.received()
    listed = read_diary(bytes(item.raw)).answers["photos"]
    assert {(one.acquisition, one.sha256) for one in listed} == {(one.id, one.sha256) for one in uploads}
    for _ in range(3):
        writer.archive_and_read()
    officer = site.browser(site.person("supervisor"))
    events = json.loads(officer.text(f"/cases/{writer.case.slug}/timeline.json"))
    (entry,) = [event for event in events["events"] if event["kind"] == "diary"]
    assert {one["sha256"] for one in entry["attachments"]} == {one.sha256 for one in uploads}
    assert [event["kind"] for event in events["events"] if event["parent"]] == ["attachment"] * 2
    assert events["occasions"] == 1


def test_an_entry_of_photos_alone_is_received_too_when_the_visit_has_ended(writer):
    path = writer.begin()
    files = [(io.BytesIO(b"one"), "van.jpg")]
    writer.client.post(f"{path}/photos", data={"photos": files}, content_type="multipart/form-data")
    writer.work.later(minutes=61)
    assert len(writer.give_up()) == 1
    (item,) = writer.received()
    assert len(read_diary(bytes(item.raw)).answers["photos"]) == 1


def test_answers_are_sent_only_after_she_was_told_who_sees_them(site, writer):
    first = writer.client.get(f"{writer.path}/questions").text
    for words in ("Who sees the answers", "the other side may see them too", "There is no score"):
        assert words in first
    path = writer.client.post(f"{writer.path}/questions").headers["Location"]
    assert "Are you very frightened?" in writer.client.get(path).text
    unanswered = writer.client.post(path, data={})
    assert unanswered.status_code == 422
    assert "Answer at least one question" in unanswered.text
    assert writer.received() == []
    sent = writer.client.post(path, data={"q1": "yes", "q2": "no", "q3": "maybe"})
    assert sent.status_code == 200
    for words in ("Your receipt", "You said yes"):
        assert words in sent.text
    writer.client.post(path, data={"q1": "no"})
    (item,) = writer.received()
    questions = read_answers(bytes(item.raw)).questions
    assert [one.answer for one in questions] == ["yes", "no", *[None] * 10]
    assert questions[0].asked == "Are you very frightened?"
    assert item.media_type == "application/vnd.holdfast.answers+json"
    writer.archive_and_read()
    officer = site.browser(site.person("supervisor"))
    assert "Answers to the risk questions" in officer.text(f"/cases/{writer.case.slug}/timeline")
    document = json.loads(officer.text(f"/cases/{writer.case.slug}/timeline.json"))
    assert [event["kind"] for event in document["events"]] == ["answers"]
    assert (document["occasions"], document["undated"]) == (0, 0)
    assert not any("score" in key for key in document["events"][0])


def test_answers_that_were_never_sent_are_kept_nowhere(writer):
    writer.client.post(f"{writer.path}/questions")
    writer.work.later(minutes=61)
    assert writer.give_up() == []
    assert writer.received() == []


def test_a_receipt_can_be_checked_later_and_reveals_nothing_else(site, writer):
    path = writer.write("words that no receipt may tell")
    writer.client.post(path)
    page = writer.client.get(path).text
    code = page.split('hf-code">')[1].split("<")[0]
    checked = site.app.test_client().post("/receipt", data={"code": code.lower()}).text
    assert "23 November 2026" in checked
    assert "words that no receipt may tell" not in checked
    assert "23 November 2026" not in site.app.test_client().post("/receipt", data={"code": "AAAAA-AAAAA-AAAAA"}).text


def test_no_page_sets_a_cookie_or_may_be_kept_by_the_browser(writer):
    path = writer.write()
    pages = [
        writer.path,
        path,
        f"{writer.path}/questions",
        *(f"{path}/{page.slug}" for page in diary_pages.PAGES["incident"]),
    ]
    for page in pages:
        answer = writer.client.get(page)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert "noindex" in answer.text
        assert "Exit this page" in answer.text
    assert writer.client.get(f"{path}/nowhere").status_code == 404


def test_nobody_fills_a_disk_with_drafts_and_everybody_is_told_when_to_go_on(writer):
    for _ in range(MOST_OPEN):
        writer.save(writer.begin(), "when", when="unknown")
    answer = writer.client.post(f"{writer.path}/new/incident")
    assert answer.status_code == 429
    assert "You can go on tomorrow" in answer.text
    with writer.work.archive.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(draft)).scalar() == MOST_OPEN


def test_an_entry_is_nobodys_message_to_answer(writer):
    from replies.deciding import decide_for
    from replies.policy import Limits, Silent

    writer.client.post(writer.write())
    writer.archive_and_read()
    with writer.work.archive.engine.begin() as connection:
        (item,) = connection.execute(select(exhibit.c.id)).scalars()
        decided = decide_for(connection, item, vault=writer.work.archive.vault, now=writer.work.at, limits=Limits())
    assert isinstance(decided.decision, Silent)
