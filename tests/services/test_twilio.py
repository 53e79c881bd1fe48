"""twilio-python, with only the host changed, must not notice that this is not Twilio."""

import base64
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from services.home import Home
from services.ports import Ports
from services.supervisor import Supervisor
from services.twilio import TwilioStandIn
from services.webhook import Webhook

VICTIM = "+447700900001"
PUBLIC_URL = "https://holdfast.example/intake/sms"


class HostSwap(TwilioHttpClient):
    """What the intake does too: nothing but the scheme and host change."""

    def __init__(self, base_url):
        super().__init__()
        self.base = urlsplit(base_url)

    def request(self, method, url, *args, **kwargs):
        parts = urlsplit(url)
        return super().request(method, urlunsplit((self.base.scheme, self.base.netloc, *parts[2:])), *args, **kwargs)


class Door(BaseHTTPRequestHandler):
    """A webhook's receiving end that answers with the next of its statuses."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, dict(self.headers), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def door():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.received, server.statuses = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}/intake/sms"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("twilio"))
    server = TwilioStandIn(home, Ports(home))
    with Supervisor(home, say=lambda _sentence: None) as supervisor:
        supervisor.start([server.process()])
        yield server


@pytest.fixture
def phone(stand_in):
    """Calls our own addresses: `phone("send", from=…)`."""

    def ask(path, **document):
        answer = requests.post(
            f"{stand_in.url}/_phone/{path}", json=document, auth=(stand_in.account_sid, stand_in.auth_token), timeout=20
        )
        assert answer.status_code < 300, answer.text
        return answer.json()

    return ask


@pytest.fixture
def client(stand_in):
    return Client(stand_in.account_sid, stand_in.auth_token, http_client=HostSwap(stand_in.url))


def number():
    number.last += 1
    return f"+4477009{number.last:05d}"


number.last = 200


def test_a_text_sent_by_the_api_is_read_on_the_handset(client, stand_in):
    handset = number()
    sent = client.messages.create(to=handset, from_=stand_in.number, body="Held safely. Ref 1")
    assert (sent.status, sent.direction, sent.num_segments) == ("queued", "outbound-api", "1")
    assert client.messages(sent.sid).fetch().status == "delivered"
    shown = requests.get(
        f"{stand_in.url}/_phone/messages", params={"number": handset},
        auth=(stand_in.account_sid, stand_in.auth_token), timeout=5,
    ).json()["messages"]  # fmt: skip
    assert [(text["direction"], text["body"]) for text in shown] == [("received", "Held safely. Ref 1")]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"body": "x" * 1601}, 21617, id="too long"),
        pytest.param({"body": ""}, 21602, id="empty"),
        pytest.param({"from_": "+447700900999"}, 21606, id="not our number"),
        pytest.param({"to": "nobody"}, 21211, id="no number"),
    ],
)
def test_what_twilio_refuses_is_refused_with_its_code(client, stand_in, changed, code):
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(**{"to": VICTIM, "from_": stand_in.number, "body": "x", **changed})
    assert (refused.value.status, refused.value.code) == (400, code)


def test_the_longest_body_is_sent(client, stand_in):
    assert client.messages.create(to=number(), from_=stand_in.number, body="x" * 1600).num_segments == "11"


def test_whoever_said_stop_is_not_texted_until_start(client, phone, stand_in):
    handset = number()
    phone("send", **{"from": handset, "body": " stop "})
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(to=handset, from_=stand_in.number, body="x")
    assert refused.value.code == 21610
    phone("send", **{"from": handset, "body": "START"})
    assert client.messages.create(to=handset, from_=stand_in.number, body="x").sid


def test_paging_gives_every_message_once_newest_first_even_while_more_arrive(client, phone):
    handset = number()
    expected = [phone("send", **{"from": handset, "body": str(n)})["sid"] for n in range(7)]
    listing = client.messages.stream(from_=handset, page_size=3)
    seen = [next(listing).sid]
    phone("send", **{"from": handset, "body": "late"})
    seen += [message.sid for message in listing]
    assert seen == expected[::-1]


def test_a_listing_keeps_to_the_dates_and_numbers_asked_for(client, phone):
    handset = number()
    sid = phone("send", **{"from": handset, "body": "now"})["sid"]
    hour = timedelta(hours=1)
    now = datetime.now(UTC)

    def found(**search):
        return [message.sid for message in client.messages.list(from_=handset, **search)]

    assert found(date_sent_after=now - hour) == [sid]
    assert found(date_sent_before=now - hour) == []
    assert found(date_sent_after=now + hour) == []
    assert found(date_sent_after=now - hour, date_sent_before=now + hour) == [sid]
    assert found(date_sent=now.date()) == [sid]
    assert found(to="+447700900998") == []


def test_wrong_credentials_see_nothing(stand_in):
    stranger = Client(stand_in.account_sid, "guess", http_client=HostSwap(stand_in.url))
    with pytest.raises(TwilioRestException) as refused:
        stranger.messages("SM1").fetch()
    assert (refused.value.status, refused.value.code) == (401, 20003)
    assert requests.get(f"{stand_in.url}/_phone/messages", timeout=5).status_code == 401


def test_a_deleted_or_unknown_message_is_not_found(client, phone):
    sid = phone("send", **{"from": number(), "body": "x"})["sid"]
    assert client.messages(sid).delete()
    with pytest.raises(TwilioRestException) as missing:
        client.messages(sid).fetch()
    assert (missing.value.status, missing.value.code) == (404, 20404)


def test_redaction_empties_the_body_and_keeps_the_message(client, phone):
    sid = phone("send", **{"from": number(), "body": "secret"})["sid"]
    client.messages(sid).update(body="")
    assert client.messages(sid).fetch().body == ""


def test_the_webhook_is_signed_for_the_public_address_and_posted_to_the_real_one(stand_in, phone, door):
    stand_in.set_webhook(Webhook(PUBLIC_URL, door.url))
    picture = b"\xff\xd8\xff\xe0 a picture"
    media = [{"content_type": "image/jpeg", "content": base64.b64encode(picture).decode()}]
    answer = phone("send", **{"from": VICTIM, "body": "£ café 🙂 a=b&c", "media": media})
    assert answer["webhook"] == {"status": 200, "attempts": [200]}
    [(path, headers, body)] = door.received
    parameters = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
    assert path == "/intake/sms"
    assert RequestValidator(stand_in.auth_token).validate(PUBLIC_URL, parameters, headers["X-Twilio-Signature"])
    assert (parameters["MessageSid"], parameters["From"], parameters["To"]) == (answer["sid"], VICTIM, stand_in.number)
    assert (parameters["Body"], parameters["NumMedia"], parameters["NumSegments"]) == ("£ café 🙂 a=b&c", "1", "1")
    assert parameters["MediaContentType0"] == "image/jpeg"
    assert fetch_media(stand_in, parameters["MediaUrl0"]) == picture


def fetch_media(stand_in, url):
    assert requests.get(url, timeout=5).status_code == 401
    credentials = (stand_in.account_sid, stand_in.auth_token)
    redirect = requests.get(url, auth=credentials, allow_redirects=False, timeout=5)
    assert redirect.status_code == 307
    assert requests.get(redirect.headers["Location"], auth=credentials, timeout=5).status_code == 400
    return requests.get(redirect.headers["Location"], timeout=5).content


def test_media_are_listed_and_deleted_through_twilio_python(client, phone, stand_in):
    media = [{"content_type": "image/png", "content": base64.b64encode(str(n).encode()).decode()} for n in range(2)]
    sid = phone("send", **{"from": number(), "body": "two", "media": media, "deliver": False})["sid"]
    assert sid.startswith("MM")
    found = client.messages(sid).media.list()
    assert [item.content_type for item in found] == ["image/png"] * 2
    assert client.messages(sid).media(found[0].sid).delete()
    assert [item.sid for item in client.messages(sid).media.list()] == [found[1].sid]
    assert client.messages(sid).fetch().num_media == "1"


@pytest.mark.parametrize(
    ("fragment", "statuses", "attempts"),
    [
        pytest.param("", [500], [500], id="an error is final unless asked otherwise"),
        pytest.param("#rp=all", [500], [500, 200], id="once more"),
        pytest.param("#rc=3&rp=5xx", [500, 503, 400], [500, 503, 400], id="until it is another kind of failure"),
        pytest.param(
            "#rc=5&rp=4xx,5xx", [500, 404, 500, 500, 500, 500, 500], [500, 404, 500, 500, 500, 500], id="at most six"
        ),
    ],
)
def test_a_failing_webhook_is_tried_again_as_the_address_says(stand_in, phone, door, fragment, statuses, attempts):
    stand_in.set_webhook(Webhook(PUBLIC_URL + fragment, door.url))
    door.statuses = list(statuses)
    assert phone("send", **{"from": VICTIM, "body": "x"})["webhook"]["attempts"] == attempts
    tokens = {headers["I-Twilio-Idempotency-Token"] for _path, headers, _body in door.received}
    assert len(tokens) == 1
    assert len({body for _path, _headers, body in door.received}) == 1


def test_no_connection_is_tried_once_more_and_the_text_is_still_listed(stand_in, phone, client):
    stand_in.set_webhook(Webhook(PUBLIC_URL, "http://127.0.0.1:9/"))
    handset = number()
    answer = phone("send", **{"from": handset, "body": "during an outage"})
    assert answer["webhook"] == {"status": None, "attempts": ["ct", "ct"]}
    assert [message.sid for message in client.messages.list(from_=handset)] == [answer["sid"]]


def test_a_text_can_be_announced_again_under_the_same_sid(stand_in, phone, door):
    stand_in.set_webhook(Webhook(PUBLIC_URL, door.url))
    sid = phone("send", **{"from": VICTIM, "body": "once"})["sid"]
    phone("redeliver", sid=sid)
    first, second = door.received
    assert first[2] == second[2]
    assert sid.encode() in first[2]


def test_a_status_callback_hears_sent_and_delivered(stand_in, client, door):
    stand_in.set_webhook(Webhook(PUBLIC_URL, door.url))
    client.messages.create(to=number(), from_=stand_in.number, body="x", status_callback=f"{PUBLIC_URL}/status")
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while len(door.received) < 2 and datetime.now(UTC) < deadline:
        threading.Event().wait(0.02)
    heard = [(path, parse_qs(body.decode())["MessageStatus"][0]) for path, _headers, body in door.received]
    assert heard == [("/intake/sms/status", "sent"), ("/intake/sms/status", "delivered")]


@pytest.mark.parametrize(
    ("status", "code", "heard"),
    [
        ("undelivered", 30003, ["sent", "undelivered"]),
        ("failed", 21610, ["failed"]),
        ("delivered", None, ["sent", "delivered"]),
    ],
)
def test_a_text_to_a_chosen_number_comes_to_what_was_asked_for(stand_in, client, phone, door, status, code, heard):
    stand_in.set_webhook(Webhook(PUBLIC_URL, door.url))
    handset = number()
    credentials = (stand_in.account_sid, stand_in.auth_token)
    asked = {"number": handset, "status": status, "error_code": code}
    answer = requests.put(f"{stand_in.url}/_phone/outcome", json=asked, auth=credentials, timeout=30)
    assert answer.json() == asked
    sent = client.messages.create(to=handset, from_=stand_in.number, body="x", status_callback=f"{PUBLIC_URL}/status")
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while len(door.received) < len(heard) and datetime.now(UTC) < deadline:
        threading.Event().wait(0.02)
    told = [parse_qs(body.decode()) for _path, _headers, body in door.received]
    assert [each["MessageStatus"][0] for each in told] == heard
    assert told[-1].get("ErrorCode") == ([str(code)] if code else None)
    shown = client.messages(sent.sid).fetch()
    assert (shown.status, shown.error_code) == (status, code)
    reached = requests.get(
        f"{stand_in.url}/_phone/messages", params={"number": handset}, auth=credentials, timeout=30
    ).json()["messages"]
    assert len(reached) == (status == "delivered")


@pytest.mark.parametrize(
    "asked", [{"number": "+44", "status": "queued"}, {"number": "+44", "status": "failed", "error_code": "x"}]
)
def test_an_outcome_that_is_none_is_refused(stand_in, asked):
    credentials = (stand_in.account_sid, stand_in.auth_token)
    assert requests.put(f"{stand_in.url}/_phone/outcome", json=asked, auth=credentials, timeout=30).status_code == 400


def test_a_failure_asked_for_happens_once_and_can_hide_that_the_text_went_out(client, phone, stand_in):
    """At most once: the caller who saw 503 must not know whether it was sent."""
    handset = number()
    phone("faults", operation="create", status=503, acts=True)
    with pytest.raises(TwilioRestException) as failed:
        client.messages.create(to=handset, from_=stand_in.number, body="maybe")
    assert failed.value.status == 503
    assert [message.body for message in client.messages.list(to=handset)] == ["maybe"]
    phone("faults", operation="create", status=503)
    with pytest.raises(TwilioRestException):
        client.messages.create(to=handset, from_=stand_in.number, body="no")
    assert client.messages.create(to=handset, from_=stand_in.number, body="yes").sid
    assert [message.body for message in client.messages.list(to=handset)] == ["yes", "maybe"]


@pytest.mark.parametrize(
    "document", ["[]", "{", '{"from": 7}', '{"body": "x"}', '{"from": "+44", "media": [{"content": "%"}]}']
)
def test_a_malformed_request_to_the_handset_is_refused_not_a_crash(stand_in, document):
    answer = requests.post(
        f"{stand_in.url}/_phone/send", data=document, headers={"Content-Type": "application/json"},
        auth=(stand_in.account_sid, stand_in.auth_token), timeout=5,
    )  # fmt: skip
    assert answer.status_code == 400
    assert json.loads(answer.text)["code"] == 20001


def test_texts_survive_a_restart_of_the_stand_in(tmp_path):
    home = Home(tmp_path / "home")
    sid = None
    for _ in range(2):
        server = TwilioStandIn(home, Ports(home))
        client = Client(server.account_sid, server.auth_token, http_client=HostSwap(server.url))
        with Supervisor(home, say=lambda _sentence: None) as supervisor:
            supervisor.start([server.process()])
            if sid is None:
                sid = client.messages.create(to=VICTIM, from_=server.number, body="kept").sid
            assert client.messages(sid).fetch().body == "kept"
