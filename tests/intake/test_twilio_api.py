"""Twilio's REST side: what is fetched, from whom, with whose credentials."""

import base64
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
import requests

from cli.composition import now
from intake.errors import MediaNotThereYetError, MediaRefusedError, TwilioRefusedError, TwilioUnavailableError
from intake.reading import read
from intake.twilio_api import TwilioApi
from tests.intake.hosts import Host

SID, TOKEN = "AC" + "0" * 32, "sesame"


@pytest.fixture
def host():
    with Host() as server:
        yield server


@pytest.fixture
def api_of():
    made = []

    def make(url, **rest):
        made.append(TwilioApi(SID, TOKEN, api_url=url, **rest))
        return made[-1]

    yield make
    for api in made:
        api.close()


def basic(headers):
    return base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()


def test_media_are_asked_for_with_the_accounts_credentials_and_come_as_they_are(host, api_of):
    body = bytes(range(256)) * 1000
    host.answers["/m/ME1"] = (200, {"Content-Type": "image/jpeg", "Content-Length": str(len(body))}, body)
    found = api_of(host.url).fetch(f"{host.url}/m/ME1")
    assert (found.raw, found.media_type, found.host) == (body, "image/jpeg", host.netloc)
    assert basic(host.asked[0][1]) == f"{SID}:{TOKEN}"


def test_a_redirect_is_followed_without_credentials_even_on_the_same_host(host, api_of):
    host.answers["/m/ME1"] = (307, {"Location": "/cdn/x"}, b"")
    host.answers["/cdn/x"] = (200, {}, b"picture")
    assert api_of(host.url).fetch(f"{host.url}/m/ME1").raw == b"picture"
    assert [("Authorization" in headers) for _, headers in host.asked] == [True, False]


def test_a_password_in_netrc_goes_nowhere(host, api_of, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    host.answers["/m/ME1"] = (302, {"Location": "/cdn/x"}, b"")
    host.answers["/cdn/x"] = (200, {}, b"picture")
    api_of(host.url).fetch(f"{host.url}/m/ME1")
    assert "Authorization" not in host.asked[1][1]


@pytest.mark.parametrize(
    "url",
    [
        "http://api.twilio.example/m/ME1",
        "https://evil.example/m/ME1",
        "https://media.twiliocdn.com:8443/x",
        "https://media.twiliocdn.com.evil.example/x",
        "https://user:pass@media.twiliocdn.com/x",
        "https://media.twiliocdn.com@evil.example/x",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/x",
        "http://localhost/x",
        "file:///etc/passwd",
        "ftp://media.twiliocdn.com/x",
        "//evil.example/x",
        "https://[::1/x",
        "https://media.twiliocdn.com:port/x",
        "",
    ],
)
def test_no_other_host_is_ever_asked(host, api_of, url):
    api = api_of(host.url, media_hosts=("media.twiliocdn.com",))
    with pytest.raises(MediaRefusedError):
        api.fetch(url)
    host.answers["/m/ME1"] = (302, {"Location": url or "http://0.0.0.0/"}, b"")
    with pytest.raises(MediaRefusedError):
        api.fetch(f"{host.url}/m/ME1")
    assert [path for path, _ in host.asked] == ["/m/ME1"]


def test_a_listed_host_is_asked_over_https_without_credentials(host, api_of, monkeypatch):
    asked = []

    def get(_self, url, **rest):
        asked.append((url, rest["auth"]))
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "get", get)
    with pytest.raises(TwilioUnavailableError):
        api_of(host.url, media_hosts=("Media.TwilioCDN.com",)).fetch("https://media.twiliocdn.com/x")
    assert asked[0][0] == "https://media.twiliocdn.com/x"
    assert asked[0][1] != (SID, TOKEN)


def test_redirects_in_a_circle_end(host, api_of):
    host.answers["/m/ME1"] = (302, {"Location": "/m/ME1"}, b"")
    with pytest.raises(MediaRefusedError):
        api_of(host.url).fetch(f"{host.url}/m/ME1")
    assert len(host.asked) == 4


@pytest.mark.parametrize("body", [b"x" * 1001, itertools.repeat(b"x" * 100)], ids=["said", "endless"])
def test_more_than_the_limit_is_refused_and_not_read(host, api_of, body):
    host.answers["/m/ME1"] = (200, {}, body)
    with pytest.raises(MediaRefusedError):
        api_of(host.url, most_bytes=1000).fetch(f"{host.url}/m/ME1")


def test_exactly_the_limit_is_taken(host, api_of):
    host.answers["/m/ME1"] = (200, {}, b"x" * 1000)
    assert len(api_of(host.url, most_bytes=1000).fetch(f"{host.url}/m/ME1").raw) == 1000


def test_a_body_that_breaks_off_is_no_picture(host, api_of):
    host.answers["/m/ME1"] = (200, {"Content-Length": "100"}, b"only this")
    with pytest.raises(TwilioUnavailableError):
        api_of(host.url).fetch(f"{host.url}/m/ME1")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, MediaNotThereYetError),
        (410, MediaNotThereYetError),
        (401, TwilioRefusedError),
        (403, TwilioRefusedError),
        (429, TwilioUnavailableError),
        (500, TwilioUnavailableError),
        (503, TwilioUnavailableError),
    ],
)
def test_each_answer_is_the_error_it_should_be(host, api_of, status, error):
    host.answers["/m/ME1"] = (status, {}, b"")
    with pytest.raises(error) as caught:
        api_of(host.url).fetch(f"{host.url}/m/ME1")
    assert TOKEN not in str(caught.value)


def test_a_server_that_is_away_is_a_transient_error(api_of):
    api = api_of("http://127.0.0.1:1")
    for call in (
        lambda: api.fetch("http://127.0.0.1:1/x"),
        lambda: list(api.texts_since(now())),
        lambda: api.text("SM1"),
        lambda: api.media_urls("SM1"),
    ):
        with pytest.raises(TwilioUnavailableError):
            call()


def a_page(sids, following=None, **each):
    texts = [
        {"sid": sid, "direction": "inbound", "to": "+447700900100", "num_media": "0"}
        | {"date_created": "Mon, 23 Nov 2026 12:00:00 +0000"}
        | each
        for sid in sids
    ]
    document = {"messages": texts, "next_page_uri": following, "page": 0, "page_size": 1000}
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()


class AnyQuery(dict):
    """Answers by path, whatever is asked after the question mark, unless the whole is known."""

    def get(self, path, default=None):
        return super().get(path) or super().get(path.partition("?")[0], default)


def test_every_page_of_texts_is_read_and_a_page_that_repeats_ends_it(host, api_of):
    host.answers = AnyQuery()
    root = f"/2010-04-01/Accounts/{SID}/Messages.json"
    host.answers[root] = a_page(["SM1", "SM2"], f"{root}?Page=1")
    host.answers[f"{root}?Page=1"] = a_page(["SM3"], f"{root}?Page=2")
    host.answers[f"{root}?Page=2"] = a_page(["SM3"], f"{root}?Page=2")
    since = datetime(2026, 11, 22, tzinfo=UTC)
    found = list(api_of(host.url).texts_since(since))
    assert [text.sid for text in found] == ["SM1", "SM2", "SM3"]
    assert found[0].created_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert "DateSent%3E=2026-11-22" in host.asked[0][0]


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ({}, True),
        ({"to": "whatsapp:+447700900100"}, True),
        ({"to": "+447700900101"}, False),
        ({"direction": "outbound-api"}, False),
        ({"to": None}, False),
    ],
)
def test_only_texts_to_our_number_are_ours(host, api_of, text, ours):
    host.answers = AnyQuery({f"/2010-04-01/Accounts/{SID}/Messages.json": a_page(["SM1"], **text)})
    api = api_of(host.url, number="+447700900100")
    assert bool(list(api.texts_since(now() - timedelta(days=1)))) is ours


def test_wrong_credentials_are_refused(host, api_of):
    host.answers = AnyQuery({f"/2010-04-01/Accounts/{SID}/Messages.json": (401, {}, b'{"code": 20003}')})
    with pytest.raises(TwilioRefusedError):
        list(api_of(host.url).texts_since(now()))


def test_a_text_taken_in_from_twilios_list_is_read_like_any_other():
    document = json.dumps({"sid": "SM1", "from": "+447700900001", "to": "+447700900100", "body": "I see you"}).encode()
    found = read(document, channel="sms", media_type="application/json", door={})
    assert (found.state, found.text) == ("read", "I see you")
    broken = read(b"[", channel="sms", media_type="application/json", door={})
    assert broken.text == ""
