"""What officers are told of completeness: the newest statement of each source, what is missing by name, and when it is old."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel
from archive.completeness import MOST_NAMED, Compared, Gap, newest, state, statements, told_without_names
from archive.custody import Action
from archive.jobs import Job
from archive.tables import alert
from intake.media_waiting import park_media
from tests.web.officers import make_site

MAILBOX = "mailbox:desk@force.example@imap.force.example/INBOX"


@pytest.fixture
def site(installation):
    return make_site(installation)


def compared(site, **changed):
    usual = {"source": MAILBOX, "since": None, "until": site.casework.at, "seen": 5, "archived": 5}
    return Compared(**(usual | changed))


def stated(site, found, *, at=None):
    with site.casework.archive.engine.begin() as connection:
        return state(connection, found, at=at or site.casework.at, actor="system:beat")


def alerts(site):
    with site.casework.archive.engine.connect() as connection:
        return [row.text for row in connection.execute(alert.select().where(alert.c.kind == "completeness_gap"))]


def test_a_statement_is_an_entry_of_the_ledger_and_says_so_once_it_is_signed(site):
    stated(site, compared(site))
    page = site.browser(site.person()).text("/completeness")
    assert "5 seen, 5 archived, 0 unexplained" in page
    assert "waits for its place" in page
    site.casework.sequencer.run_once()
    assert "under a signed checkpoint" in site.browser(site.person()).text("/completeness")
    (payload,) = site.entries("completeness.stated")
    assert (payload["facts"]["seen"], payload["facts"]["unexplained"], payload["stream"]) == (5, 0, "system")
    assert alerts(site) == []
    assert len(site.entries("completeness.viewed")) == 2


def test_what_is_missing_is_named_on_the_page_and_raises_one_alert(site):
    gaps = (Gap("imap:a/INBOX/1/2", "it is <b>gone</b>"), Gap("imap:a/INBOX/1/3", "NIL", explained=True))
    for _ in range(2):
        stated(site, compared(site, archived=3, gaps=gaps))
    page = site.browser(site.person()).text("/completeness")
    assert "5 seen, 3 archived, 1 unexplained" in page
    assert "it is &lt;b&gt;gone&lt;/b&gt;" in page
    assert "own last word" in page
    assert len(alerts(site)) == 1
    assert "imap:a/INBOX/1/2" in alerts(site)[0]


def test_a_source_that_was_not_compared_for_days_is_marked(site):
    stated(site, compared(site), at=site.casework.at - timedelta(days=3))
    assert "for more than two nights" in site.browser(site.person()).text("/completeness")
    stated(site, compared(site))
    assert "for more than two nights" not in site.browser(site.person()).text("/completeness")


def test_a_case_tells_on_its_continuity_page_what_the_sources_were_found_to_be(site):
    officer = site.person()
    case = site.case("HF/1", officer)
    assert "at their last comparison" not in site.browser(officer).text(f"/cases/{case.slug}/continuity")
    stated(site, compared(site))
    stated(site, compared(site, source="texts:AC1", seen=9, archived=8, gaps=(Gap("SM1", "no answer"),)))
    page = site.browser(officer).text(f"/cases/{case.slug}/continuity")
    assert "14 seen, 13 archived, 1 unexplained" in page


def test_the_ledgers_entry_stays_small_and_names_the_unexplained_first(site):
    gaps = (*(Gap(f"a{n}", "NIL", explained=True) for n in range(500)), Gap("the one", "?"))
    facts = compared(site, seen=501, archived=0, gaps=gaps).facts()
    assert (facts["explained"], facts["unexplained"], len(facts["gaps"])) == (500, 1, MOST_NAMED)
    assert facts["gaps"][0]["id"] == "the one"


def test_a_package_is_told_counts_and_entries_and_no_name(site):
    stated(site, compared(site, gaps=(Gap("imap:desk/INBOX/1/2", "x"),)), at=site.casework.at - timedelta(days=9))
    stated(site, compared(site))
    stated(site, compared(site, source="mailbox:other@force.example/INBOX"))
    stated(site, compared(site, source="texts:AC1"))
    site.casework.sequencer.run_once()
    with site.casework.archive.engine.connect() as connection:
        told = told_without_names(connection, site.casework.at - timedelta(days=1))
        assert {each.facts["source"] for each in newest(connection)} == {
            MAILBOX, "mailbox:other@force.example/INBOX", "texts:AC1",
        }  # fmt: skip
        assert len(statements(connection)) == 4
    assert sorted(each["source"] for each in told) == ["mailbox 1", "mailbox 2", "texts 3"]
    assert all(each["under_a_signed_checkpoint"] and each["ledger_entry"] is not None for each in told)
    for word in ("force.example", "INBOX", "AC1", "imap:"):
        assert word not in json.dumps(told)


def test_a_parked_picture_shows_its_reason_and_is_asked_for_again(site):
    text = Acquisition.of(
        b"x", channel=Channel.SMS, source_id=f"SM{uuid4().hex}", at=site.casework.at, media_type="x/y"
    )
    engine = site.casework.archive.engine
    with engine.begin() as connection:
        receive(connection, text, Belonging())
    site.casework.archive.accession_waiting(now=site.casework.at)
    source_id = f"{text.source_id}/ME1"
    park_media(engine, source_id, text.id, "cdn.example is not on the list of media hosts", at=site.casework.at)
    desk = site.browser(site.person())
    assert "cdn.example is not on the list" in desk.text("/parked")
    asked = {"source_id": source_id, "reason": "listed now"}
    assert desk.post("/parked/media/unpark", asked, form_on="/parked").status_code == 303
    assert site.nudged[-1] == (Job.FETCH_MEDIA, str(text.id))
    assert (
        "cdn.example is not on the list of media hosts"
        not in desk.text("/parked").partition("<h1")[2].partition("hf-cards")[2]
    )
    (entry,) = site.entries(Action.MEDIA_UNPARKED)
    assert entry["reason"] == "listed now"
