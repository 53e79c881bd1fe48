"""Officers' pages: what they show, what they enter in the ledger, and that nothing is shown without the entry."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import chain

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text as sql
from sqlalchemy import update

from archive.acquisition import Channel
from archive.alerts import raise_alert
from archive.jobs import Job
from archive.tables import acquisition, package
from intake.reading.model import Claimed, Reading, Reported

FAR = datetime(2090, 1, 1, tzinfo=UTC)
REFERENCE, SLUG = "42/1234/26", "42-1234-26"


@pytest.fixture
def officer(site):
    return site.person(email="dc.jones@force.example")


@pytest.fixture
def case(site, officer):
    case = site.case(REFERENCE, officer, "Operation Larch")
    site.casework.enrol(case, phone="+447700900001", email="amy@example.org")
    return case


@pytest.fixture
def desk(site, officer):
    return site.browser(officer)


def claimed(at, text, **more):
    return Reading(version=1, text=text, claimed=Claimed(at=at, precision="minute", source="quoted", text=at), **more)


def a_mail(*, attachment=None):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "amy@example.org", "intake@force.example", "look at this"
    mail["Message-ID"] = "<x@example.org>"
    mail.set_content("he sent me this\n")
    if attachment:
        mail.add_attachment(attachment, maintype="image", subtype="png", filename='..\\"evil\u202egnp.exe')
    return mail.as_bytes()


def test_the_timeline_shows_both_clocks_and_enters_the_ids_it_showed(site, case, desk):
    dated = site.casework.text("I know where you live", reading=claimed("2026-11-01T10:00:00", "I know where you live"))
    undated = site.casework.text("no date", reading=Reading(version=1, text="no date"))
    page = desk.text(f"/cases/{SLUG}/timeline")
    assert "1 November 2026 at 10:00" in page
    assert "received 23 November 2026 at 12:00:00 GMT" in page
    assert "Undated, received 23 November 2026 at 12:00:00 GMT" in page
    assert page.index("I know where you live") < page.index("no date")
    (entry,) = [entry for entry in site.entries("case.viewed") if entry["facts"]["page"] == "timeline"]
    assert entry["facts"]["shown"] == [str(dated), str(undated)]
    assert entry["actor"].startswith("account:")


def test_a_day_alone_is_shown_without_a_time(site, case, desk):
    reading = Reading(version=1, text="x", claimed=Claimed(at="2026-11-01", precision="day", source="stated"))
    site.casework.text("x", reading=reading)
    page = desk.text(f"/cases/{SLUG}/timeline")
    assert "1 November 2026<" in page
    assert "2026 at 00:00" not in page


def test_newest_first_is_a_switch_and_pages_meet_without_gap_or_overlap(site, case, desk):
    person = site.casework.enrol(case)
    began = site.casework.at
    site.casework.many(case, person, [(f"text number {n:03d}.", began - timedelta(minutes=20 * n)) for n in range(120)])

    def walk(address):
        seen = []
        while address:
            page = desk.text(address)
            seen.append([line[:3] for line in page.split("text number ")[1:]])
            found = page.partition('rel="next"')
            before = page[: len(found[0])].rpartition('href="')[2].partition('"')[0]
            address = before.replace("&amp;", "&") if found[1] else None
        return seen

    oldest = walk(f"/cases/{SLUG}/timeline")
    assert [len(page) for page in oldest] == [50, 50, 20]
    assert list(chain(*oldest)) == [f"{n:03d}" for n in reversed(range(120))]
    assert list(chain(*walk(f"/cases/{SLUG}/timeline?order=newest"))) == [f"{n:03d}" for n in range(120)]


def test_the_page_before_is_the_page_that_was_there(site, case, desk):
    person = site.casework.enrol(case)
    began = site.casework.at
    site.casework.many(case, person, [(f"text number {n:03d}.", began + timedelta(minutes=20 * n)) for n in range(60)])
    first = desk.text(f"/cases/{SLUG}/timeline")
    assert "Showing 1 to 50 of 60 events" in first
    second = desk.text(first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&"))
    assert "Showing 51 to 60 of 60 events" in second
    assert "(events 51 to 60)" in second
    back = desk.text(second.partition('rel="prev"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&"))
    assert "Showing 1 to 50 of 60 events" in back


def test_a_filter_narrows_by_channel_and_by_all_words_whatever_their_case(site, case, desk):
    site.casework.text("Kingsway at NINE 100%")
    site.casework.text("kingsway tomorrow")
    site.casework.mail(a_mail())
    assert desk.text(f"/cases/{SLUG}/timeline?words=nine+KINGSWAY").count('class="moj-timeline__item"') == 1
    assert desk.text(f"/cases/{SLUG}/timeline?words=100%25").count('class="moj-timeline__item"') == 1
    assert desk.text(f"/cases/{SLUG}/timeline?words=_").count('class="moj-timeline__item"') == 0
    assert desk.text(f"/cases/{SLUG}/timeline?channel=email&channel=nonsense").count('class="moj-timeline__item"') == 1
    looked = [entry["facts"]["filter"] for entry in site.entries("case.viewed") if entry["facts"]["page"] == "timeline"]
    assert looked[0] == {"channels": [], "words": ["nine", "KINGSWAY"]}


@pytest.mark.parametrize(
    "query", ["after=x", "after=2026~1~2", "before=%00", "after=2026-01-01T00:00:00.000Z~0~nope", "words=%00%ED%A0%80"]
)
def test_a_broken_address_shows_the_first_page(site, case, desk, query):
    site.casework.text("hello there")
    assert "hello there" in desk.text(f"/cases/{SLUG}/timeline?{query}") or "words" in query


def test_json_and_csv_leave_with_their_digest_in_the_ledger(site, case, desk):
    site.casework.text("=cmd()", reading=claimed("2026-11-01T10:00:00", "=cmd()"))
    answer = desk.get(f"/cases/{SLUG}/timeline.json")
    assert answer.json["case"] == REFERENCE
    assert answer.json["events"][0]["text"] == "=cmd()"
    table = desk.get(f"/cases/{SLUG}/timeline.csv")
    assert table.headers["Content-Disposition"] == f'attachment; filename="timeline-{SLUG}.csv"'
    assert table.content_type == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(table.data.decode("utf-8-sig")))
    assert row["text"] == "'=cmd()"
    entries = site.entries("case.exported")
    assert [entry["facts"]["sha256"] for entry in entries] == [
        hashlib.sha256(found.data).hexdigest() for found in (answer, table)
    ]


def test_an_exhibit_keeps_reported_and_observed_apart(site, case, desk):
    reading = claimed(
        "2026-11-01T10:00:00",
        "come out",
        reported_from=Reported("Sam Smith", "sam@example.com"),
        note="he did it again",
    )
    item = site.casework.mail(a_mail(), reading=reading)
    page = desk.text(f"/cases/{SLUG}/exhibits/{item}")
    reported, observed = page.split('<h2 class="govuk-heading-m">Observed</h2>')
    assert "Sam Smith &lt;sam@example.com&gt;" in reported
    assert "amy@example.org" in observed
    assert "he did it again" in reported
    assert page.index("come out") < page.index("Reported")
    (entry,) = site.entries("exhibit.viewed")
    assert (entry["stream"], entry["facts"]["case_id"]) == (f"exhibit:{item}", str(case.id))


def test_the_original_leaves_as_a_file_that_no_browser_opens(site, case, desk):
    raw = a_mail()
    item = site.casework.mail(raw)
    answer = desk.get(f"/cases/{SLUG}/exhibits/{item}/original")
    assert answer.data == raw
    assert answer.content_type == "application/octet-stream"
    assert (
        answer.headers["Content-Disposition"]
        == f'attachment; filename="ABC-1_{hashlib.sha256(raw).hexdigest()[:8]}.bin"'
    )
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    (entry,) = site.entries("exhibit.downloaded")
    assert entry["facts"]["part"] == "original"


def test_an_attachment_leaves_under_a_name_of_ours_and_is_shown_with_its_tricks(site, case, desk):
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
    item = site.casework.mail(a_mail(attachment=picture))
    page = desk.text(f"/cases/{SLUG}/exhibits/{item}")
    assert "[U+202E]" in page
    assert "\u202e" not in page
    index = page.partition("/parts/")[2].partition('"')[0]
    answer = desk.get(f"/cases/{SLUG}/exhibits/{item}/parts/{index}")
    assert answer.data == picture
    assert answer.content_type == "application/octet-stream"
    assert "evil" not in str(answer.headers)
    assert desk.get(f"/cases/{SLUG}/exhibits/{item}/parts/99").status_code == 404


def test_an_exhibit_of_another_case_is_not_found_under_this_one(site, case, officer, desk):
    other = site.case("99/9/26", officer)
    item = site.casework.file(b"x", "text/plain", other)
    for tail in ("", "/original", "/parts/1"):
        assert desk.get(f"/cases/{SLUG}/exhibits/{item}{tail}").status_code == 404
    assert desk.get(f"/cases/99-9-26/exhibits/{item}").status_code == 200


def test_nothing_is_shown_where_the_look_cannot_be_entered(site, case, desk):
    item = site.casework.text("the words nobody may see unrecorded")
    paths = [f"/cases/{SLUG}", f"/cases/{SLUG}/timeline", f"/cases/{SLUG}/timeline.json", f"/cases/{SLUG}/timeline.csv"]
    paths += [f"/cases/{SLUG}/exhibits/{item}", f"/cases/{SLUG}/exhibits/{item}/original", f"/cases/{SLUG}/continuity"]
    paths += ["/quarantine", "/parked", "/cases"]

    def refuse(connection, cursor, statement, parameters, context, executemany):
        if "custody_entry" in statement and "INSERT" in statement:
            cursor.execute("SELECT 1/0")

    sqlalchemy_event.listen(site.casework.archive.engine, "before_cursor_execute", refuse)
    try:
        for path in paths:
            answer = desk.get(path)
            assert answer.status_code == 503, path
            assert b"unrecorded" not in answer.data
            assert REFERENCE.encode() not in answer.data
    finally:
        sqlalchemy_event.remove(site.casework.archive.engine, "before_cursor_execute", refuse)
    assert desk.get(paths[0]).status_code == 200


def test_continuity_lists_every_act_and_its_place_in_the_ledger(site, case, desk):
    item = site.casework.text("x")
    desk.text(f"/cases/{SLUG}/exhibits/{item}")
    page = desk.text(f"/cases/{SLUG}/continuity")
    for words in (
        "Archived",
        "Read by the reader",
        "Assigned to the case",
        "Exhibit viewed",
        "Case opened",
        "Contributor enrolled",
    ):
        assert words in page
    assert "waiting" in page
    assert "dc.jones@force.example" in page
    site.casework.seal()
    assert "waiting" not in desk.text(f"/cases/{SLUG}/exhibits/{item}")


def test_a_case_is_opened_by_a_form_and_a_taken_reference_is_refused(site, officer, desk):
    answer = desk.post("/cases/new", {"reference": " 7/77/26 ", "title": "Larch"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cases/7-77-26/enrol")
    again = desk.post("/cases/new", {"reference": "7-77-26"})
    assert again.status_code == 400
    assert "There is a problem" in again.get_data(as_text=True)
    assert desk.post("/cases/new", {"reference": "///"}).status_code == 400
    (entry,) = site.entries("case.opened")
    assert entry["actor"] == f"account:{officer}"


def test_a_person_is_enrolled_with_numbers_in_normal_form(site, case, desk):
    form = {
        "name": "Beth Dale",
        "phones": "07700 900 002\n+44 7700 900003",
        "emails": "Beth@Example.org",
        "seen": "no",
        "reply": "discreet",
        "quiet_from": "22:00",
        "quiet_to": "07:00",
        "review_by": "2027-01-31",
    }
    answer = desk.post(f"/cases/{SLUG}/enrol", form)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    page = desk.text(f"/cases/{SLUG}")
    assert "+447700900002" in page
    assert "beth@example.org" in page
    assert "Discreet, not from 22:00 to 07:00" in page
    assert "31 January 2027" in page


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"name": " "}, "Enter the contributor"),
        ({"phones": ""}, "nobody can be recognised by a name"),
        ({"phones": "his number"}, "is not a telephone number"),
        ({"emails": "amy at home"}, "is not a e-mail address"),
        ({"seen": ""}, "Say whether anyone else could see"),
        ({"seen": "yes", "reply": "discreet"}, "Someone else may see an answer"),
        ({"seen": "unsure", "reply": "plain"}, "Someone else may see an answer"),
        ({"phones": "020 7946 0000", "reply": "plain"}, "not a UK mobile"),
        ({"quiet_from": "late"}, "Write both quiet hours"),
        ({"review_by": "2020-01-01"}, "must be today or later"),
        ({"phones": "07700 900001"}, "is enrolled already"),
    ],
)
def test_what_is_wrong_with_an_enrolment_is_said_and_nobody_is_enrolled(site, case, desk, changed, fault):
    form = {"name": "Beth Dale", "phones": "07700 900002", "emails": "", "seen": "no", "reply": "none", **changed}
    answer = desk.post(f"/cases/{SLUG}/enrol", form)
    assert answer.status_code == 400
    assert fault in answer.get_data(as_text=True)
    assert len(site.entries("contributor.enrolled")) == 1


def test_answers_on_a_phone_that_others_see_need_her_word(site, case, desk):
    form = {
        "name": "Beth Dale",
        "phones": "07700 900002",
        "seen": "yes",
        "who_else_sees": "my mum",
        "reply": "discreet",
        "agreed": "yes",
    }
    assert desk.post(f"/cases/{SLUG}/enrol", form).status_code == 303
    assert "Others may see it: my mum" in desk.text(f"/cases/{SLUG}")


def test_quarantine_is_assigned_with_who_produces_it(site, case, desk):
    item = site.casework.text("from a stranger", sender="+447700900055")
    assert "from a stranger" in desk.text("/quarantine")
    page = desk.text(f"/quarantine/{item}")
    choice = page.partition(f'value="{SLUG} ')[2].partition('"')[0]
    answer = desk.post(
        f"/quarantine/{item}/assign", {"to": f"{SLUG} {choice}", "reason": "her sister"}, form_on=f"/quarantine/{item}"
    )
    assert answer.status_code == 303
    assert "from a stranger" not in desk.text("/quarantine")
    assert "ABC/1" in desk.text(f"/cases/{SLUG}/timeline")
    (entry,) = site.entries("exhibit.assigned")
    assert entry["reason"] == "her sister"


def test_enrolling_from_quarantine_brings_all_of_that_sender(site, case, desk):
    first = site.casework.text("first from a new number", sender="+447700900056")
    site.casework.later(minutes=5)
    site.casework.text("second from a new number", sender="+447700900056")
    site.casework.text("somebody else", sender="+447700900057")
    form_page = f"/cases/{SLUG}/enrol?quarantined={first}"
    assert "+447700900056" in desk.text(form_page)
    form = {"name": "Cy Drew", "phones": "+447700900056", "seen": "no", "reply": "none", "quarantined": str(first)}
    assert desk.post(f"/cases/{SLUG}/enrol", form, form_on=form_page).status_code == 303
    page = desk.text(f"/cases/{SLUG}/timeline")
    assert page.index("CD/1") < page.index("CD/2")
    assert "somebody else" in desk.text("/quarantine")


def test_an_item_is_left_in_quarantine_only_for_a_reason(site, case, desk):
    item = site.casework.text("advertisement", sender="+447700900058")
    page = f"/quarantine/{item}"
    assert desk.post(f"{page}/leave", {"reason": " "}, form_on=page).status_code == 400
    assert desk.post(f"{page}/leave", {"reason": "advertisement, not hers"}, form_on=page).status_code == 303
    assert "advertisement" not in desk.text("/quarantine")
    (entry,) = site.entries("exhibit.left_in_quarantine")
    assert entry["reason"] == "advertisement, not hers"
    assert desk.get(page).status_code == 404


def test_a_parked_item_shows_its_reason_and_is_tried_again(site, case, desk):
    from archive.accession import receive
    from archive.acquisition import Acquisition, Channel
    from archive.parking import park

    raw = Acquisition.of(b"x", channel=Channel.SMS, source_id="SMparked", at=site.casework.at, media_type="text/plain")
    with site.casework.archive.engine.begin() as connection:
        receive(connection, raw)
        park(connection, raw.id, because="digest differs", at=site.casework.at, actor="system:tests")
    assert "digest differs" in desk.text("/parked")
    answer = desk.post(f"/parked/{raw.id}/unpark", {"reason": "vault mended"}, form_on="/parked")
    assert answer.status_code == 303
    assert site.nudged == [(Job.ACCESSION, str(raw.id))]
    assert "digest differs" not in desk.text("/parked")
    (entry,) = site.entries("acquisition.unparked")
    assert entry["reason"] == "vault mended"


def test_alerts_stay_until_somebody_has_looked(site, case, officer, desk):
    with site.casework.archive.engine.begin() as connection:
        raise_alert(connection, "fault", at=site.casework.at, case_id=case.id, text="of the case")
        raise_alert(connection, "fault", at=site.casework.at, text="of no case")
    other = site.browser(site.person())
    for page, words in ((f"/cases/{SLUG}", "of the case"), ("/parked", "of no case")):
        shown = desk.text(page)
        assert words in shown
        action = shown.partition('/seen"')[0].rpartition('action="')[2] + "/seen"
        assert other.post(action, form_on="/cases/new").status_code == (404 if "cases" in page else 303)
        if "cases" in page:
            assert desk.post(action, form_on=page).status_code == 303
        assert words not in desk.text(page)
        assert desk.post(action, form_on="/cases/new").status_code == 404
    assert [entry["stream"] for entry in site.entries("alert.seen")] == [f"case:{case.id}", "system"]


def test_a_package_is_asked_for_watched_and_taken_from_the_vault(site, case, officer, desk):
    answer = desk.post(f"/cases/{SLUG}/package")
    assert answer.status_code == 303
    address = answer.headers["Location"]
    package_id = address.rpartition("/")[2]
    assert site.nudged == [(Job.BUILD_PACKAGE, package_id)]
    assert desk.get(f"{address}/status.json").json == {
        "percent": None,
        "text": "Waiting for a worker",
        "done": False,
    }
    assert desk.get(f"{address}/download").status_code == 404
    body = b"PK\x05\x06" + bytes(18)
    digest = hashlib.sha256(body).hexdigest()
    stored = site.casework.archive.vault.put(
        f"packages/{package_id}", body, size_bytes=len(body), sha256=digest, retain_until=FAR, metadata={}
    )
    ready = {
        "state": "ready",
        "vault_key": stored.key,
        "vault_version": stored.version,
        "sha256": digest,
        "size_bytes": len(body),
        "finished_at": site.casework.at,
    }
    with site.casework.archive.engine.begin() as connection:
        connection.execute(update(package).values(**ready))
    assert digest in desk.text(address)
    taken = desk.get(f"{address}/download")
    assert taken.data == body
    assert taken.headers["Content-Disposition"] == f'attachment; filename="{SLUG}-{digest[:8]}.zip"'
    (entry,) = site.entries("package.downloaded")
    assert entry["facts"]["sha256"] == digest


def test_the_edition_is_chosen_and_what_is_none_is_not_guessed_at(site, case, officer, desk):
    answer = desk.post(f"/cases/{SLUG}/package", data={"edition": "disclosure"})
    assert "Disclosure edition" in desk.text(answer.headers["Location"])
    assert 'value="disclosure"' in desk.text(f"/cases/{SLUG}/package")
    assert desk.post(f"/cases/{SLUG}/package", data={"edition": "everything"}).status_code == 400
    (entry,) = site.entries("package.requested")
    assert entry["facts"]["edition"] == "disclosure"


def test_a_package_that_is_not_what_was_built_is_never_taken_whole(site, case, desk):
    address = desk.post(f"/cases/{SLUG}/package").headers["Location"]
    body = b"other bytes"
    stored = site.casework.archive.vault.put(
        "packages/wrong",
        body,
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        retain_until=FAR,
        metadata={},
    )
    ready = {
        "state": "ready",
        "vault_key": stored.key,
        "vault_version": stored.version,
        "sha256": "0" * 64,
        "finished_at": site.casework.at,
    }
    with site.casework.archive.engine.begin() as connection:
        connection.execute(update(package).values(**ready, size_bytes=None))
    assert desk.get(f"{address}/download").data == b""


def test_errors_are_said_in_plain_words_and_tell_the_public_nothing(site, desk):
    missing = desk.get("/cases/none-such")
    assert missing.status_code == 404
    assert "Page not found" in missing.get_data(as_text=True)
    public = site.browser().get("/nothing-here")
    assert public.status_code == 404
    assert "Holdfast" not in public.get_data(as_text=True)
    assert "Set-Cookie" not in public.headers
    assert "Set-Cookie" not in site.browser().get("/help").headers


def test_the_database_away_is_503_in_plain_words(site, desk):
    engine = site.casework.archive.engine
    with engine.connect() as connection:
        connection.execute(sql("SELECT 1"))

    def away(connection, cursor, statement, parameters, context, executemany):
        cursor.execute("SELECT 1/0")

    sqlalchemy_event.listen(engine, "before_cursor_execute", away)
    try:
        answer = desk.get("/cases")
        ready = site.browser().get("/health/ready")
    finally:
        sqlalchemy_event.remove(engine, "before_cursor_execute", away)
    assert answer.status_code == 503
    assert "Nothing that was sent in is lost" in answer.get_data(as_text=True)
    assert (ready.status_code, json.loads(ready.data)) == (503, {"database": "away"})


@pytest.mark.parametrize(
    ("sort", "says"),
    [
        (Channel.SMS, "Text, found at Twilio by “reconcile”, not by its webhook"),
        (Channel.EMAIL, "E-mail, found in the mailbox by “reconcile”, not by the watch on it"),
    ],
)
def test_what_its_door_had_missed_says_who_found_it(site, case, desk, sort, says):
    item = site.casework.text("found") if sort is Channel.SMS else site.casework.mail(a_mail())
    assert "reconcile" not in desk.text(f"/cases/{SLUG}/exhibits/{item}")
    with site.casework.archive.engine.begin() as connection:
        connection.execute(update(acquisition).values(door={"channel_of_receipt": "reconciled"}))
    assert says in desk.text(f"/cases/{SLUG}/exhibits/{item}")
    assert says in desk.text(f"/cases/{SLUG}/timeline")


def test_a_flood_is_one_row_that_opens_to_all_of_it_and_the_ledger_says_what_was_shown(site, case, desk):
    began = site.casework.at
    person = site.casework.enrol(case)
    flood = [(f"flood number {n:03d}.", began + timedelta(seconds=18 * n)) for n in range(200)]
    site.casework.many(case, person, flood)
    page = desk.text(f"/cases/{SLUG}/timeline")
    assert page.count('class="moj-timeline__item"') == 1
    assert "Show all 200 texts" in page
    assert "Showing 1 to 200 of 200 events" in page
    assert [line[:3] for line in page.partition("<details")[2].split("flood number ")[1:]][-200:] == [
        f"{n:03d}" for n in range(200)
    ]
    looks = [entry for entry in site.entries("case.viewed") if entry["facts"]["page"] == "timeline"]
    assert len(looks[0]["facts"]["shown"]) == 200
    assert len(desk.get(f"/cases/{SLUG}/timeline.json").json["events"]) == 200
    unfolded = desk.text(f"/cases/{SLUG}/timeline?bursts=open")
    assert unfolded.count('class="moj-timeline__item"') == 50
    assert "Fold them" in unfolded


def test_a_flood_in_quarantine_is_one_row_that_opens_to_all_of_it(site, case, desk):
    for n in range(21):
        site.casework.later(seconds=9)
        site.casework.text(f"spam number {n:02d}.", sender="+447700900888")
    site.casework.later(seconds=9)
    odd = site.casework.text("another", sender="+447700900777")
    page = desk.text("/quarantine")
    assert page.count('<li class="hf-card"') == 2
    assert "Show all 21" in page
    assert all(f"spam number {n:02d}." in page for n in range(21))
    assert f"/quarantine/{odd}" in page
    assert "22 waiting" in page
    assert len(site.entries("quarantine.viewed")[-1]["facts"]["shown"]) == 22
