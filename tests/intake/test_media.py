"""Pictures of texts: each an acquisition beside its text, fetched once, and never in the text's way."""

import base64
import itertools
import json
import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, text, update

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel
from archive.custody import Action
from archive.jobs import Job
from archive.ledger import entries_where
from archive.marks import counts
from archive.receiving import row_of
from archive.tables import acquisition, alert, exhibit, package, reading, reply_item
from cli.composition import now
from intake.errors import MediaNotThereYetError, TwilioUnavailableError
from intake.media import MOST_MEDIA, MediaLink, door_facts, fetch_media, media_of, texts_with_missing_media
from intake.media_waiting import parked_media, unpark_media
from intake.sweep import missed
from intake.text_reconciling import reconcile_texts
from intake.twilio_api import TwilioApi
from tests.intake.hosts import Host

HER = "+447700900123"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def host():
    with Host() as server:
        yield server


@pytest.fixture
def api(host):
    made = TwilioApi("AC1", "token", api_url=host.url, most_bytes=1000)
    yield made
    made.close()


def take_text(installation, links, *, sid=None, listed=True, at=None, stated=0):
    fields = [("MessageSid", "SM1"), ("From", HER), ("NumMedia", str(len(links)))]
    for number, link in enumerate(links):
        fields += [(f"MediaUrl{number}", link.url), (f"MediaContentType{number}", link.media_type)]
    text = Acquisition.of(
        urlencode(fields).encode(),
        channel=Channel.SMS,
        source_id=sid or f"SM{uuid.uuid4().hex}",
        at=at or now(),
        media_type=FORM,
        door={"media": door_facts(links), "stated_media": stated} if listed else {},
    )
    with installation.engine.begin() as connection:
        assert receive(connection, text, Belonging(sender=HER)) == text.id
    return text


def parts_of(installation, text_id):
    with installation.engine.connect() as connection:
        query = select(acquisition).where(acquisition.c.parent_id == text_id).order_by(acquisition.c.source_id)
        return connection.execute(query).all()


def missing(installation, *, later=timedelta()):
    with installation.engine.connect() as connection:
        return texts_with_missing_media(connection, now=now() + later, received_after=now() - timedelta(days=1))


def test_the_sweep_finds_texts_with_media_by_an_index_however_many_others_there_are(installation):
    plain = [row_of(text_without_media(number), Belonging(), b"x") for number in range(3000)]
    with installation.engine.begin() as connection:
        connection.execute(insert(acquisition), plain)
        connection.execute(text("ANALYZE acquisition"))
    with_picture = take_text(installation, [MediaLink("https://api.example/ME1", "image/png")])
    asked = []

    def note(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, parameters))

    event.listen(installation.engine, "before_cursor_execute", note)
    try:
        assert missing(installation) == [with_picture.id]
    finally:
        event.remove(installation.engine, "before_cursor_execute", note)
    ((statement, parameters),) = asked
    with installation.engine.connect() as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
    assert "acquisition_with_media" in plan
    assert "acquisition_parts" in plan
    assert "Seq Scan on acquisition" not in plan


def text_without_media(number):
    door = {"media": [], "stated_media": 0}
    return Acquisition.of(b"x", channel=Channel.SMS, source_id=f"SMplain{number}", at=now(), media_type=FORM, door=door)


def placed(installation, connection, action):
    installation.sequencer.run_once()
    return [entry for entry in entries_where(connection) if entry.facts()["action"] == action]


def links_at(host, *names):
    return [MediaLink(f"{host.url}/Media/{name}", "image/png") for name in names]


def fetch(installation, api, text, *, at=None):
    return list(fetch_media(installation.engine, api, text.id, now=lambda: at or now()))


def test_media_are_told_by_their_numbers_in_order():
    pairs = [("MediaUrl1", "https://h/b"), ("MediaContentType0", "image/png"), ("MediaUrl0", "https://h/x/ME1/")]
    first, second = media_of(pairs)
    assert (first.url, first.media_type, first.sid) == ("https://h/x/ME1/", "image/png", "ME1")
    assert (second.media_type, second.sid) == ("", "b")


@given(st.lists(st.tuples(st.sampled_from(["MediaUrl0", "MediaUrl1", "NumMedia", "MediaContentType0"]), st.text())))
def test_any_form_has_a_list_of_media(pairs):
    links = media_of(pairs)
    assert len(links) <= MOST_MEDIA
    assert all(link.sid for link in links)


def test_each_picture_is_an_acquisition_beside_its_text(installation, host, api):
    host.answers["/Media/ME1"] = (200, {"Content-Type": "image/JPEG; q=1"}, b"one")
    host.answers["/Media/ME2"] = (200, {"Content-Type": "nonsense"}, b"two")
    text = take_text(installation, links_at(host, "ME1", "ME2"), sid="SMpicture")
    taken = fetch(installation, api, text)
    one, two = parts_of(installation, text.id)
    assert [one.id, two.id] == taken
    assert [one.source_id, two.source_id] == ["SMpicture/ME1", "SMpicture/ME2"]
    assert (bytes(one.raw), one.media_type, one.state) == (b"one", "image/jpeg", "received")
    assert (bytes(two.raw), two.media_type) == (b"two", "application/octet-stream")
    assert one.door["said_media_type"] == "image/png"
    assert one.door["host"] == host.netloc


def test_fetching_again_asks_nobody_and_takes_nothing(installation, host, api):
    host.answers["/Media/ME1"] = (200, {}, b"one")
    text = take_text(installation, links_at(host, "ME1"))
    assert missing(installation) == [text.id]
    assert len(fetch(installation, api, text)) == 1
    asked = len(host.asked)
    assert fetch(installation, api, text) == []
    assert len(host.asked) == asked
    assert missing(installation) == []


def test_pictures_of_an_archived_text_are_found_too(installation, host, api):
    host.answers["/Media/ME1"] = (200, {}, b"one")
    text = take_text(installation, links_at(host, "ME1"))
    assert installation.archive.accession_waiting(now=now()) == [text.id]
    assert missing(installation) == [text.id]
    (part,) = fetch(installation, api, text)
    assert installation.archive.accession_waiting(now=now()) == [part]


def test_one_that_cannot_be_had_now_keeps_no_other_back_and_is_tried_again(installation, host, api):
    host.answers["/Media/ME1"] = (503, {}, b"")
    host.answers["/Media/ME2"] = (200, {}, b"two")
    text = take_text(installation, links_at(host, "ME1", "ME2"))
    with pytest.raises(TwilioUnavailableError):
        fetch(installation, api, text)
    assert [part.source_id.rpartition("/")[2] for part in parts_of(installation, text.id)] == ["ME2"]
    assert missing(installation) == []  # not at once: it is waited for, twice as long each time
    assert missing(installation, later=timedelta(minutes=1)) == [text.id]
    host.answers["/Media/ME1"] = (200, {}, b"one")
    assert len(fetch(installation, api, text)) == 1
    assert missing(installation) == []


def test_what_may_not_be_fetched_is_one_alert_and_the_text_stays(installation, host, api):
    host.answers["/Media/ME2"] = (200, {}, b"x" * 1001)
    links = [MediaLink("https://evil.example/ME1", ""), *links_at(host, "ME2")]
    text = take_text(installation, links)
    assert fetch(installation, api, text) == []  # before it is archived its pictures only wait
    assert installation.archive.accession_waiting(now=now()) == [text.id]
    for _ in range(2):
        assert fetch(installation, api, text) == []
    with installation.engine.connect() as connection:
        alerts = connection.execute(select(alert)).all()
        assert counts(connection)["media_refused"] == 2
        assert {(each.source_id, each.acquisition_id) for each in parked_media(connection, most=9)} == {
            (f"{text.source_id}/ME1", text.id), (f"{text.source_id}/ME2", text.id),
        }  # fmt: skip
        reasons = [entry.facts()["reason"] for entry in placed(installation, connection, Action.MEDIA_PARKED)]
    assert reasons == ["evil.example is not on the list of media hosts", "it has more than 1000 bytes"]
    assert {(row.kind, row.acquisition_id) for row in alerts} == {("media_refused", text.id)}
    assert len(alerts) == 2
    assert missing(installation, later=timedelta(hours=2)) == []


def test_a_person_can_have_a_parked_picture_asked_for_again(installation, host, api):
    text = take_text(installation, links_at(host, "ME1"))
    installation.archive.accession_waiting(now=now())
    assert fetch(installation, api, text, at=now() + timedelta(days=4)) == []
    host.answers["/Media/ME1"] = (200, {}, b"there after all")
    assert fetch(installation, api, text) == []
    with installation.engine.begin() as connection:
        source_id = f"{text.source_id}/ME1"
        asked = {"at": now(), "actor": "account:x", "reason": "the host is listed now"}
        assert unpark_media(connection, source_id, **asked) == text.id
        assert unpark_media(connection, source_id, **asked) is None
    assert missing(installation, later=timedelta(seconds=1)) == [text.id]
    assert len(fetch(installation, api, text)) == 1
    with installation.engine.connect() as connection:
        assert parked_media(connection, most=9) == []
        (entry,) = placed(installation, connection, Action.MEDIA_UNPARKED)
    assert entry.facts()["reason"] == "the host is listed now"


def test_a_type_that_is_not_listed_is_parked_and_not_read(installation, host):
    strict = TwilioApi("AC1", "token", api_url=host.url, media_types=("image/*", "application/pdf"))
    host.answers["/Media/ME1"] = (200, {"Content-Type": "application/x-msdownload"}, itertools.repeat(b"x" * 1000))
    host.answers["/Media/ME2"] = (200, {"Content-Type": "IMAGE/heic; x=1"}, b"picture")
    text = take_text(installation, links_at(host, "ME1", "ME2"))
    installation.archive.accession_waiting(now=now())
    assert len(fetch(installation, strict, text)) == 1
    with installation.engine.connect() as connection:
        (parked,) = parked_media(connection, most=9)
    assert "application/x-msdownload is not on the list" in parked.because
    strict.close()


def test_a_text_that_states_more_pictures_than_it_names_is_asked_about_at_twilio(installation, host, api):
    root = "/2010-04-01/Accounts/AC1/Messages/SMlies"
    listed = {
        "media_list": [{"sid": sid, "content_type": "image/png"} for sid in ("ME1", "ME2")],
        "next_page_uri": None,
    }
    host.answers[f"{root}/Media.json?PageSize=1000"] = (
        200,
        {"Content-Type": "application/json"},
        json.dumps(listed).encode(),
    )
    for name in ("ME1", "ME2"):
        host.answers[f"{root}/Media/{name}"] = (200, {}, name.encode())
    links = [MediaLink(f"{host.url}{root}/Media/ME1", "image/png")]
    text = take_text(installation, links, sid="SMlies", stated=3)
    installation.archive.accession_waiting(now=now())
    assert missing(installation) == [text.id]
    assert len(fetch(installation, api, text)) == 2
    with installation.engine.connect() as connection:
        (parked,) = parked_media(connection, most=9)
    assert parked.because == "the text states 3 pictures or recordings, and Twilio names 2"
    assert missing(installation, later=timedelta(hours=2)) == []


def test_one_picture_named_twice_is_one():
    assert (
        len(media_of([("MediaUrl0", "https://h/ME1"), ("MediaUrl1", "https://h/ME1"), ("MediaUrl2", "https://h/ME2")]))
        == 2
    )


def test_a_picture_that_is_not_there_yet_is_waited_for_and_parked_after_three_days(installation, host, api):
    text = take_text(installation, links_at(host, "ME1"))
    installation.archive.accession_waiting(now=now())
    with pytest.raises(MediaNotThereYetError):
        fetch(installation, api, text)
    assert fetch(installation, api, text, at=now() + timedelta(days=4)) == []
    assert missing(installation) == []


def test_a_text_without_a_list_of_media_is_read_while_its_form_is_here(installation, host, api):
    host.answers["/Media/ME1"] = (200, {}, b"one")
    text = take_text(installation, links_at(host, "ME1"), listed=False)
    assert len(fetch(installation, api, text)) == 1


def test_an_id_that_is_no_text_does_nothing(installation, api):
    assert list(fetch_media(installation.engine, api, uuid.uuid4(), now=now)) == []


@pytest.fixture
def phone(installation):
    """The stand-in's handset, and the API as the worker has it. Other tests of the run text it as well."""
    environ = installation.environ
    base, credentials = (
        environ["HOLDFAST_TWILIO_API_URL"],
        (environ["HOLDFAST_TWILIO_ACCOUNT_SID"], environ["HOLDFAST_TWILIO_AUTH_TOKEN"]),
    )
    made = TwilioApi(*credentials, number=environ["HOLDFAST_TWILIO_NUMBER"], api_url=base)

    def send(body, *pictures):
        media = [{"content_type": "image/png", "content": base64.b64encode(each).decode()} for each in pictures]
        asked = {"from": HER, "body": body, "media": media, "deliver": False}
        answer = requests.post(f"{base}/_phone/send", json=asked, auth=credentials, timeout=10)
        answer.raise_for_status()
        return answer.json()["sid"]

    yield send, made
    made.close()


def test_a_text_whose_webhook_was_lost_is_taken_in_with_its_pictures(installation, phone):
    send, api = phone
    sid = send("he is outside", b"picture one", b"picture two")
    later = now() + timedelta(minutes=10)
    done = reconcile_texts(installation.engine, api, now=lambda: later)
    assert done.seen >= 1
    with installation.engine.connect() as connection:
        text = connection.execute(select(acquisition).where(acquisition.c.source_id == sid)).one()
    assert (text.sender, text.media_type) == (HER, "application/json")
    assert text.door["channel_of_receipt"] == "reconciled"
    assert b"he is outside" in bytes(text.raw)
    assert abs(text.delivered_at - now()) < timedelta(minutes=5)
    assert sorted(bytes(part.raw) for part in parts_of(installation, text.id)) == [b"picture one", b"picture two"]
    assert text.id in done.taken
    again = reconcile_texts(installation.engine, api, now=lambda: later)
    assert (again.seen, again.taken) == (done.seen, ())


def test_a_text_whose_webhook_may_be_on_its_way_is_left_to_it(installation, phone):
    send, api = phone
    sid = send("just now")
    reconcile_texts(installation.engine, api, now=now)
    with installation.engine.connect() as connection:
        assert connection.execute(select(acquisition).where(acquisition.c.source_id == sid)).first() is None


def test_the_sweep_names_whatever_waits_and_nothing_that_does_not(installation, host):
    def waiting(seconds):
        with installation.engine.connect() as connection:
            return missed(connection, now=now() + timedelta(seconds=seconds))

    assert waiting(60) == []
    text = take_text(installation, links_at(host, "ME1"))
    assert waiting(0) == [(Job.FETCH_MEDIA, (str(text.id),))]
    assert waiting(60) == [(Job.ACCESSION, ()), (Job.FETCH_MEDIA, (str(text.id),))]
    installation.archive.accession_waiting(now=now())
    assert waiting(60)[0] == (Job.READ, (str(text.id),))
    assert (Job.ACCESSION, ()) not in waiting(60)
    with installation.engine.begin() as connection:
        connection.execute(
            reading.insert().values(
                exhibit_id=text.id, version=1000, read_at=now(), state="read", content={}, words="", ordered_at=now()
            )
        )
    assert waiting(60)[0] == (Job.DECIDE_REPLY, (str(text.id),))
    with installation.engine.begin() as connection:
        connection.execute(reply_item.insert().values(exhibit_id=text.id, reply_id=None, decided_at=now()))
        connection.execute(update(acquisition).values(door={}))
    assert waiting(60) == []
    with installation.engine.connect() as connection:
        assert connection.execute(select(exhibit.c.id)).scalar_one() == text.id
        assert connection.execute(select(package.c.id)).first() is None
