"""Twilio's list against the archive: what is missing is taken in, once; what cannot be is named; paging loses nothing."""

import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.serving import make_server

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel, acquisition_id
from archive.delivery import Report, note_report
from archive.marks import counts
from archive.parking import park
from archive.tables import acquisition, alert
from cli.composition import now
from intake.errors import TwilioRefusedError, TwilioUnavailableError
from intake.text_reconciling import MOST_FAILURES, compared, reconcile_texts
from intake.twilio_api import TwilioApi
from intake.twilio_list import pages

ACCOUNT, TOKEN = "AC" + "0" * 32, "sesame"
OURS, HERS = "+447700900100", "+447700900001"


class Twilio:
    """A server whose list a test writes: `texts`, newest first, in pages of `page_size`."""

    def __init__(self):
        self.texts, self.page_size, self.asked, self.broken = [], 3, [], {}
        self.before_page = lambda number: None
        self._server = make_server("127.0.0.1", 0, self, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def add(self, sid, *, at=None, **changed):
        text = {
            "sid": sid, "direction": "inbound", "from": HERS, "to": OURS, "body": f"text {sid}", "num_media": "0",
            "date_created": format_datetime(at or now() - timedelta(hours=1)),
        }  # fmt: skip
        self.texts.insert(0, text | changed)

    def __call__(self, environ, start_response):
        path, query = environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"])
        self.asked.append(f"{path}?{environ['QUERY_STRING']}")
        status, document = self._answer(path, query)
        body = json.dumps(document).encode()
        start_response(f"{status} X", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, path, query):
        if path.endswith("/Messages.json"):
            number = int(query.get("Page", ["0"])[0])
            self.before_page(number)
            start = number * self.page_size
            some = self.texts[start : start + self.page_size]
            following = f"{path}?Page={number + 1}" if start + self.page_size < len(self.texts) else None
            return 200, {"messages": some, "next_page_uri": following}
        sid = path.rpartition("/")[2].removesuffix(".json")
        if sid in self.broken:
            return self.broken[sid], {"code": 20404, "message": "no", "status": self.broken[sid]}
        return next(((200, each) for each in self.texts if each["sid"] == sid), (404, {"status": 404}))


@pytest.fixture
def twilio():
    server = Twilio()
    yield server
    server.close()


@pytest.fixture
def api(twilio):
    made = TwilioApi(ACCOUNT, TOKEN, number=OURS, api_url=twilio.url)
    yield made
    made.close()


def known(installation, sid, *, raw=b"MessageSid=x"):
    item = Acquisition.of(
        raw, channel=Channel.SMS, source_id=sid, at=now(), media_type="text/plain", door={"media": []}
    )
    with installation.engine.begin() as connection:
        receive(connection, item, Belonging(sender=HERS))


def sids(installation):
    with installation.engine.connect() as connection:
        return set(connection.execute(select(acquisition.c.source_id)).scalars())


def stated(installation, found):
    with installation.engine.connect() as connection:
        return compared(connection, found, account_sid=ACCOUNT)


def test_what_twilio_has_and_the_archive_has_not_is_taken_in_with_its_channel_stated(installation, twilio, api):
    for number in range(8):
        twilio.add(f"SM{number}")
    for number in range(0, 8, 2):
        known(installation, f"SM{number}")
    found = reconcile_texts(installation.engine, api, now=now)
    assert (found.seen, found.texts_taken, found.gaps) == (8, 4, [])
    assert sids(installation) == {f"SM{number}" for number in range(8)}
    with installation.engine.connect() as connection:
        row = connection.execute(select(acquisition).where(acquisition.c.source_id == "SM1")).one()
    assert row.door["channel_of_receipt"] == "reconciled"
    assert (row.channel, row.sender, json.loads(bytes(row.raw))["body"]) == ("sms", HERS, "text SM1")
    waits = stated(installation, found)
    assert (waits.seen, waits.archived, waits.waiting, waits.unexplained) == (8, 0, 8, ())
    while installation.archive.accession_waiting(now=now()):
        pass
    done = stated(installation, found)
    assert (done.seen, done.archived, done.taken, done.waiting, done.unexplained) == (8, 8, 4, 0, ())
    again = reconcile_texts(installation.engine, api, now=now)
    assert (again.seen, again.archived, again.texts_taken) == (8, 8, 0)


def test_a_list_that_grows_while_it_is_read_hides_nothing(installation, twilio, api):
    """New messages push the others on: whole pages are told twice, and the last must still be reached."""
    for number in range(9):
        twilio.add(f"SM{number}")
    grown = []

    def grow(page):
        if page == 1 and not grown:
            grown.extend(f"SMnew{number}" for number in range(3))
            for sid in grown:
                twilio.add(sid)

    twilio.before_page = grow
    reconcile_texts(installation.engine, api, now=now)
    assert {f"SM{number}" for number in range(9)} <= sids(installation)
    reconcile_texts(installation.engine, api, now=now)
    assert set(grown) <= sids(installation)


def test_a_next_page_at_another_host_is_asked_of_twilio_alone():
    asked = []

    def ask(path):
        asked.append(path)
        following = "https://evil.example/2010-04-01/x.json?Page=1" if len(asked) == 1 else None
        return json.dumps({"messages": [], "next_page_uri": following}).encode()

    assert list(pages(ask, "/list.json", datetime(2026, 11, 1, 0, 30, tzinfo=UTC), None)) == [[], []]
    assert asked[1] == "/2010-04-01/x.json?Page=1"


@pytest.mark.parametrize("zone_hours", [-11, 0, 13])
def test_days_are_asked_for_as_they_are_in_greenwich(zone_hours):
    from datetime import timezone

    asked = []
    since = datetime(2026, 3, 29, 0, 15, tzinfo=UTC).astimezone(timezone(timedelta(hours=zone_hours)))
    list(pages(lambda path: asked.append(path) or b'{"messages": []}', "/list.json", since, None))
    assert parse_qs(urlsplit(asked[0]).query)["DateSent>"] == ["2026-03-29"]


def test_what_is_older_than_the_window_is_not_counted(installation, twilio, api):
    twilio.add("SMold", at=now() - timedelta(hours=48, minutes=1))
    twilio.add("SMedge", at=now() - timedelta(hours=47, minutes=59))
    twilio.add("SMtimeless", date_created=None)
    assert reconcile_texts(installation.engine, api, now=now).seen == 2
    assert sids(installation) == {"SMedge", "SMtimeless"}


def test_a_text_that_cannot_be_had_keeps_no_other_out_and_is_named(installation, twilio, api):
    for sid in ("SM1", "SM2", "SM3"):
        twilio.add(sid)
    twilio.broken = {"SM2": 503, "SM1": 404}
    found = reconcile_texts(installation.engine, api, now=now)
    assert sids(installation) == {"SM3"}
    assert {gap.source_id: gap.explained for gap in found.gaps} == {"SM1": False, "SM2": False}
    facts = stated(installation, found).facts()
    assert (facts["seen"], facts["unexplained"], facts["archived"] + facts["waiting"]) == (3, 2, 1)
    twilio.broken = {}
    assert reconcile_texts(installation.engine, api, now=now).texts_taken == 2


def test_a_twilio_that_stops_answering_is_not_asked_for_ever(installation, twilio, api):
    for number in range(20):
        twilio.add(f"SM{number}")
    twilio.broken = {f"SM{number}": 500 for number in range(20)}
    found = reconcile_texts(installation.engine, api, now=now)
    assert len(found.gaps) == 20
    assert sum(not each.endswith("?") or "/Messages/" in each for each in twilio.asked if "SM" in each) == MOST_FAILURES


def test_our_own_answers_are_passed_over_and_other_peoples_sending_is_told(installation, twilio, api):
    twilio.add("SMours", **{"direction": "outbound-api", "from": OURS, "to": HERS})
    twilio.add("SMstrange", **{"direction": "outbound-reply", "from": OURS, "to": HERS})
    twilio.add("SMother", **{"direction": "outbound-api", "from": "+447700900999", "to": HERS})
    twilio.add("SMelsewhere", to="+447700900999")
    twilio.add("SMagent", to="rcs:our_agent")
    twilio.add("SMchat", to=f"whatsapp:{OURS}", **{"from": f"whatsapp:{HERS}"})
    with installation.engine.begin() as connection:
        note_report(connection, Report("SMours", "sent", None), at=now())
    found = reconcile_texts(installation.engine, api, now=now)
    assert sids(installation) == {"SMagent", "SMchat"}
    assert found.unknown_outbound == ["SMstrange"]
    told = stated(installation, found).beside
    assert told == {"sent_by_us": 1, "sent_and_not_by_us": 1, "to_other_numbers": 1}


def test_a_webhook_that_comes_while_its_text_is_fetched_makes_no_second_observation(installation, twilio, api):
    twilio.add("SM1")
    fetch = api.text

    def slowly(sid):
        raw = fetch(sid)
        known(installation, sid, raw=b"MessageSid=SM1&Body=by+webhook")
        return raw

    api.text = slowly
    found = reconcile_texts(installation.engine, api, now=now)
    assert (found.texts_taken, sids(installation)) == (0, {"SM1"})
    with installation.engine.connect() as connection:
        assert connection.execute(select(alert)).all() == []
        assert "texts_reconciled" not in counts(connection)


def test_a_text_that_was_deleted_or_emptied_at_twilio_is_no_gap(installation, twilio, api):
    known(installation, "SMdeleted")
    known(installation, "SMredacted")
    twilio.add("SMredacted", body="")
    found = reconcile_texts(installation.engine, api, now=now)
    assert (found.seen, found.gaps, found.texts_taken) == (1, [], 0)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"messages": 3}', b"<html>", b"[" * 100_000])
def test_what_is_no_list_is_not_taken_for_an_empty_one(body):
    with pytest.raises(TwilioUnavailableError):
        list(pages(lambda _: body, "/list.json", now(), None))


def test_wrong_credentials_end_it(installation, twilio, api):
    twilio._answer = lambda *_: (401, {"code": 20003})
    with pytest.raises(TwilioRefusedError):
        reconcile_texts(installation.engine, api, now=now)


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), st.lists)
_MESSAGE = st.dictionaries(
    st.sampled_from(["sid", "direction", "to", "from", "date_created", "num_media", "body"]), _JSON, max_size=7
)


@given(st.lists(_MESSAGE | _JSON, max_size=5))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_list_is_read_and_each_message_told_once(messages):
    raw = json.dumps({"messages": messages, "next_page_uri": None}).encode()
    (page,) = pages(lambda _: raw, "/list.json", now(), OURS)
    found = [each.sid for each in page]
    assert len(found) == len(set(found))
    assert set(found) == {
        each["sid"] for each in messages if isinstance(each, dict) and isinstance(each.get("sid"), str) and each["sid"]
    }


def test_a_parked_text_is_counted_as_parked(installation, twilio, api):
    twilio.add("SM1")
    known(installation, "SM1")
    with installation.engine.begin() as connection:
        park(connection, acquisition_id(Channel.SMS, "SM1"), because="the vault said no", at=now(), actor="system:test")
    told = stated(installation, reconcile_texts(installation.engine, api, now=now))
    assert (told.seen, told.archived, told.parked, told.waiting) == (1, 0, 1, 0)
