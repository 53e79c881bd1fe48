"""The door for texts. Promise 1: thanked means kept. Promise 2: kept means byte for byte."""

import base64
import hashlib
import hmac
import io
import itertools
from datetime import timedelta
from urllib.parse import quote_plus, urlencode
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from archive.delivery import deliveries
from archive.jobs import Job
from archive.marks import counts
from archive.tables import acquisition, alert
from cli.composition import now
from intake.media import texts_with_missing_media
from intake.sms import EMPTY_TWIML, TextDoor, make_blueprint
from intake.twilio_signature import Signatures, form_fields

TOKEN = "the-accounts-token"
ACCOUNT = "AC00000000000000000000000000000001"
PUBLIC_URL = "https://intake.example.org"
DOOR = "/intake/sms"


class Nudges(list):
    def __call__(self, job, *ids):
        self.append((job, *ids))


@pytest.fixture
def nudges():
    return Nudges()


@pytest.fixture
def client(installation, nudges):
    door = TextDoor(installation.engine, Signatures((TOKEN,)), ACCOUNT, PUBLIC_URL, now, nudges)
    app = Flask("door")
    app.register_blueprint(make_blueprint(door))
    return app.test_client()


def fields(**changed):
    usual = {
        "MessageSid": "SM1",
        "AccountSid": ACCOUNT,
        "From": "+447700900001",
        "To": "+447700900100",
        "Body": "I know where you are",
        "NumMedia": "0",
    }
    return list((usual | changed).items())


def post(client, pairs, *, raw=None, signature=None, path=DOOR, token=TOKEN, url=None):
    body = urlencode(pairs).encode() if raw is None else raw
    signed = RequestValidator(token).compute_signature(url or f"{PUBLIC_URL}{path}", MultiDict(pairs))
    headers = {"X-Twilio-Signature": signed if signature is None else signature}
    return client.post(path, data=body, content_type="application/x-www-form-urlencoded", headers=headers)


def kept(installation):
    with installation.engine.connect() as connection:
        return connection.execute(select(acquisition).order_by(acquisition.c.received_at)).all()


def test_a_signed_text_is_committed_byte_for_byte_and_thanked_with_empty_twiml(client, installation, nudges):
    raw = urlencode(fields(Body="caf\u00e9 \U0001f600 \u202eright to left")).encode()
    answer = post(client, fields(Body="caf\u00e9 \U0001f600 \u202eright to left"), raw=raw)
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, EMPTY_TWIML)
    (row,) = kept(installation)
    assert bytes(row.raw) == raw
    assert row.sha256 == hashlib.sha256(raw).hexdigest()
    assert (row.source_id, row.sender, row.state) == ("SM1", "+447700900001", "received")
    assert row.door["public_url"] == f"{PUBLIC_URL}{DOOR}"
    assert row.door["signature"] == "good"
    assert [
        "X-Twilio-Signature",
        RequestValidator(TOKEN).compute_signature(
            PUBLIC_URL + DOOR, dict(fields(Body="caf\u00e9 \U0001f600 \u202eright to left"))
        ),
    ] in row.door["headers"]
    assert nudges == [(Job.ACCESSION,)]


@pytest.mark.parametrize(
    ("forgery", "reason"),
    [
        ({"signature": ""}, "unsigned"),
        ({"signature": "bm90IGEgc2lnbmF0dXJl"}, "bad_signature"),
        ({"token": "another-token"}, "bad_signature"),
        ({"url": "https://elsewhere.example.org/intake/sms"}, "bad_signature"),
        ({"url": "http://localhost/intake/sms"}, "bad_signature"),
        ({"raw": b"MessageSid=SM1&Body=changed"}, "bad_signature"),
    ],
)
def test_a_request_without_a_good_signature_leaves_nothing_but_a_counter(client, installation, nudges, forgery, reason):
    answer = post(client, fields(), **forgery)
    assert answer.status_code == 403
    assert kept(installation) == []
    assert nudges == []
    with installation.engine.connect() as connection:
        assert counts(connection) == {f"texts_refused_{reason}": 1}


def test_a_text_of_another_account_signed_with_our_token_is_refused(client, installation):
    assert post(client, fields(AccountSid="AC2")).status_code == 403
    assert kept(installation) == []


def test_a_body_beyond_any_text_is_refused_before_it_is_read(client, installation):
    assert post(client, fields(Body="x" * 2_000_000)).status_code == 403
    assert kept(installation) == []


def test_too_many_fields_are_refused(client, installation):
    assert post(client, fields() + [(f"x{number}", "") for number in range(2000)]).status_code == 403
    assert kept(installation) == []


def test_the_signature_is_over_the_public_address_with_its_query(client, installation):
    path = f"{DOOR}?tenant=a%20b&x"
    assert post(client, fields(), path=path).status_code == 200
    assert len(kept(installation)) == 1


def test_the_same_text_told_again_is_one_acquisition_and_is_thanked_again(client, installation, nudges):
    assert [post(client, fields()).status_code for _ in range(3)] == [200, 200, 200]
    assert len(kept(installation)) == 1
    assert nudges == [(Job.ACCESSION,)]


def test_the_same_sid_with_another_body_is_kept_beside_the_first(client, installation):
    post(client, fields(Body="one"))
    post(client, fields(Body="two"))
    assert [row.observation_of is not None for row in kept(installation)] == [False, True]


def test_pictures_are_announced_for_fetching_and_noted_with_the_text(client, installation, nudges):
    url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/SM1/Media/ME1"
    post(client, fields(NumMedia="1", MediaUrl0=url, MediaContentType0="image/jpeg"))
    (row,) = kept(installation)
    assert nudges == [(Job.ACCESSION,), (Job.FETCH_MEDIA, str(row.id))]
    assert row.door["media"] == [{"url": url, "media_type": "image/jpeg"}]


def test_repeated_and_unknown_parameters_are_kept_and_do_not_break_the_signature(client, installation):
    pairs = [*fields(), ("Forwarded", "true"), ("Twice", "1"), ("Twice", "2"), ("Empty", "")]
    assert post(client, pairs).status_code == 200
    assert b"Twice=1&Twice=2&Empty=" in bytes(kept(installation)[0].raw)


def test_a_sender_that_is_no_number_is_kept_without_one(client, installation):
    assert post(client, fields(From="AMAZON")).status_code == 200
    assert kept(installation)[0].sender is None


def test_credentials_in_headers_are_not_kept_with_the_evidence(client, installation):
    pairs = fields()
    signed = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + DOOR, dict(pairs))
    client.post(
        DOOR,
        data=urlencode(pairs).encode(),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": signed, "Cookie": "secret=1", "Authorization": "Basic c2VjcmV0"},
    )
    names = {name.lower() for name, _ in kept(installation)[0].door["headers"]}
    assert names.isdisjoint({"cookie", "authorization"})


def test_while_the_database_is_away_twilio_is_told_to_try_again(installation, nudges):
    from archive.database import engine

    away = engine("postgresql://nobody:x@127.0.0.1:1/none", pool_size=1)
    door = TextDoor(away, Signatures((TOKEN,)), ACCOUNT, PUBLIC_URL, now, nudges)
    app = Flask("door")
    app.register_blueprint(make_blueprint(door))
    assert post(app.test_client(), fields()).status_code == 503
    assert post(app.test_client(), fields(), signature="bad").status_code == 403
    assert nudges == []
    away.dispose()


STATUS = "/intake/sms/status"


def told(installation, *sids):
    with installation.engine.connect() as connection:
        return deliveries(connection, sids)


def test_what_became_of_our_answers_is_counted_and_signed_too(client, installation):
    assert post(client, fields(MessageStatus="delivered"), path=STATUS).status_code == 204
    assert post(client, fields(MessageStatus="<script>"), path=STATUS).status_code == 204
    assert post(client, fields(MessageStatus="delivered"), path=STATUS, signature="x").status_code == 403
    with installation.engine.connect() as connection:
        assert counts(connection) == {
            "answer_status_delivered": 1,
            "answer_status_other": 1,
            "texts_refused_bad_signature": 1,
        }


@pytest.mark.parametrize(
    ("order", "state"),
    [
        (("queued", "sent", "delivered"), "delivered"),
        (("delivered", "sent", "queued"), "delivered"),
        (("sent", "undelivered", "sent", "sending"), "undelivered"),
        (("undelivered", "delivered"), "delivered"),
        (("delivered", "undelivered"), "delivered"),
        (("sent", "teleported"), "sent"),
        (("teleported",), "teleported"),
    ],
)
def test_the_furthest_status_counts_in_whatever_order_they_are_told(client, installation, order, state):
    for status in [*order, *order]:
        assert post(client, fields(MessageStatus=status), path=STATUS).status_code == 204
    assert told(installation, "SM1", "SM2")["SM1"].status == state
    assert "SM2" not in told(installation, "SM1", "SM2")


@pytest.mark.parametrize("code", [21610, 30003, 30004, 30005, 30006, 30007, 30008, 39999])
def test_a_failure_is_kept_with_its_number_and_says_what_to_do(client, installation, code):
    post(client, fields(MessageStatus="undelivered", ErrorCode=str(code)), path=STATUS)
    found = told(installation, "SM1")["SM1"]
    assert (found.failed, found.error_code) == (True, code)
    assert found.advice.endswith(f"(Twilio error {code})")


@pytest.mark.parametrize("code", ["", "-1", "30003x", "9" * 30, "\u0663\u0660", "3e4", "%00"])
def test_an_error_code_that_is_no_number_is_no_code(client, installation, code):
    post(client, fields(MessageStatus="failed", ErrorCode=code), path=STATUS)
    assert told(installation, "SM1")["SM1"].error_code is None
    assert "told no reason" in told(installation, "SM1")["SM1"].advice


def test_what_arrived_needs_no_advice(client, installation):
    post(client, fields(MessageStatus="read"), path=STATUS)
    assert told(installation, "SM1")["SM1"].advice is None


@given(body=st.text(max_size=300), sender=st.text(max_size=40))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_signed_text_is_kept_exactly(client, installation, body, sender):
    sid = uuid4()
    pairs = fields(Body=body.encode("utf-8", "replace").decode(), From=sender.encode("utf-8", "replace").decode())
    pairs = [(name, str(sid) if name == "MessageSid" else value) for name, value in pairs]
    raw = "&".join(f"{name}={quote_plus(value)}" for name, value in pairs).encode()
    assert post(client, pairs, raw=raw).status_code == 200
    with installation.engine.connect() as connection:
        held = connection.execute(select(acquisition.c.raw).where(acquisition.c.source_id == str(sid))).scalar_one()
    assert bytes(held) == raw


def test_whoever_waits_for_a_message_of_ours_is_told_that_it_did_not_arrive(installation, nudges):
    heard = []
    door = TextDoor(
        installation.engine,
        Signatures((TOKEN,)),
        ACCOUNT,
        PUBLIC_URL,
        now,
        nudges,
        undelivered=lambda _connection, sid, status, *, at: heard.append((sid, status)),
    )
    app = Flask("door")
    app.register_blueprint(make_blueprint(door))
    for status in ("sent", "delivered", "Undelivered", "undelivered", "failed", "<failed>"):
        pairs = fields(MessageStatus=status, ErrorCode="30005")
        assert post(app.test_client(), pairs, path="/intake/sms/status").status_code == 204
    assert heard == [("SM1", "undelivered"), ("SM1", "failed")]


def alarms(installation):
    with installation.engine.connect() as connection:
        return connection.execute(select(alert.c.kind, alert.c.text)).all()


def test_a_burst_of_bad_signatures_that_name_our_account_raises_one_alarm(client, installation):
    for number in range(12):
        assert post(client, fields(), token="the-new-token").status_code == 403
        assert len(alarms(installation)) == (1 if number >= 4 else 0)
    ((kind, words),) = alarms(installation)
    assert kind == "texts_refused"
    assert "HOLDFAST_TWILIO_AUTH_TOKEN_SECONDARY" in words
    assert "HOLDFAST_PUBLIC_URL" in words


@pytest.mark.parametrize("forgery", [{"signature": ""}, {"raw": b"AccountSid=AC2&MessageSid=x"}, {"raw": b"hello"}])
def test_strangers_raise_no_alarm(client, installation, forgery):
    for _ in range(8):
        assert post(client, fields(), **forgery).status_code == 403
    assert alarms(installation) == []


def test_refusals_that_come_one_by_one_over_hours_raise_no_alarm(installation, nudges):
    at = [now()]
    door = TextDoor(installation.engine, Signatures((TOKEN,)), ACCOUNT, PUBLIC_URL, lambda: at[0], nudges)
    app = Flask("door")
    app.register_blueprint(make_blueprint(door))
    for _ in range(10):
        post(app.test_client(), fields(), token="another")
        at[0] += timedelta(minutes=4)
    assert alarms(installation) == []


def test_while_the_token_is_being_changed_both_are_good(installation, nudges):
    door = TextDoor(installation.engine, Signatures((TOKEN, "new")), ACCOUNT, PUBLIC_URL, now, nudges)
    app = Flask("door")
    app.register_blueprint(make_blueprint(door))
    assert post(app.test_client(), fields(MessageSid="SM1")).status_code == 200
    assert post(app.test_client(), fields(MessageSid="SM2"), token="new").status_code == 200
    assert [row.door["signed_by"] for row in kept(installation)] == ["token 1", "token 2"]


def test_behind_a_proxy_with_tls_port_and_path_the_public_address_is_what_counts(installation, nudges):
    public = "https://desk.example.org:8443/holdfast"
    door = TextDoor(installation.engine, Signatures((TOKEN,)), ACCOUNT, public, now, nudges)
    app = Flask("door")
    app.register_blueprint(make_blueprint(door))
    assert post(app.test_client(), fields(), url=f"{public}{DOOR}").status_code == 200
    assert post(app.test_client(), fields(), url=f"https://desk.example.org:8443{DOOR}").status_code == 403
    assert kept(installation)[0].door["public_url"] == f"{public}{DOOR}"


def test_a_form_without_a_message_is_refused_however_well_it_is_signed(client, installation):
    for sid in ("", "imap:desk@host/INBOX/1/1", "upload:x/1", "SM1\x00", "S" * 65, "SM1#observation:x"):
        assert post(client, fields(MessageSid=sid)).status_code == 403
    assert kept(installation) == []
    with installation.engine.connect() as connection:
        assert counts(connection) == {"texts_refused_no_message": 6}


def test_senders_and_counts_of_any_kind_are_kept_and_stop_no_sweep(client, installation):
    senders = {
        "whatsapp:+447700900001": "+447700900001",
        "rcs:agent_x": None,
        "": None,
        "\x00": None,
        "+44\x00770": None,
    }
    counted = {"0": 0, "3": 3, "300": 20, "-1": 0, "99999999999": 0, "\u0663": 0, "\x00": 0, "": 0}
    media = [("MediaUrl0", "https://h/\x00\ud7ff/ME1"), ("MediaUrl1", "https://h/ME2"), ("MediaContentType1", "\x00")]
    expected = {}
    for number, (sender, told_media) in enumerate(itertools.product(senders, counted)):
        expected[f"SM{number}"] = (senders[sender], counted[told_media])
        pairs = [*fields(MessageSid=f"SM{number}", From=sender, NumMedia=told_media), *media, ("Body", "again")]
        assert post(client, pairs).status_code == 200
    assert {row.source_id: (row.sender, row.door["stated_media"]) for row in kept(installation)} == expected
    with installation.engine.connect() as connection:
        waiting = texts_with_missing_media(connection, now=now(), received_after=now() - timedelta(days=1))
    assert len(waiting) == len(expected)
    assert kept(installation)[0].door["media"] == [{"url": "https://h/ME2", "media_type": "\ufffd"}]


def test_a_body_that_does_not_say_how_long_it_is_is_bounded_too(client, installation):
    headers = {"X-Twilio-Signature": "x", "Content-Type": "application/x-www-form-urlencoded"}
    endless = io.BytesIO(b"x" * 2_000_000)
    answer = client.post(DOOR, input_stream=endless, headers=headers, environ_overrides={"wsgi.input_terminated": True})
    assert answer.status_code == 403
    with installation.engine.connect() as connection:
        assert counts(connection) == {"texts_refused_too_large": 1}


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "", "text/plain; charset=utf-16"]
)
def test_a_signed_form_is_a_text_whatever_its_type_is_said_to_be(client, installation, content_type):
    raw = urlencode(fields()).encode()
    signed = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + DOOR, dict(fields()))
    answer = client.post(DOOR, data=raw, content_type=content_type, headers={"X-Twilio-Signature": signed})
    assert answer.status_code == 200
    assert bytes(kept(installation)[0].raw) == raw


@given(raw=st.binary(max_size=400))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_signed_by_us_over_its_very_bytes_is_kept_or_refused_and_never_a_crash(client, installation, raw):
    fields_of = form_fields(raw)
    over = (PUBLIC_URL + DOOR).encode() + b"".join(name + value for name, value in sorted(set(fields_of)))
    signature = base64.b64encode(hmac.new(TOKEN.encode(), over, hashlib.sha1).digest()).decode()
    assert post(client, [], raw=raw, signature=signature).status_code == 403  # nobody's account
    ours = urlencode({"MessageSid": uuid4().hex, "AccountSid": ACCOUNT}).encode() + b"&" + raw
    over = (PUBLIC_URL + DOOR).encode() + b"".join(name + value for name, value in sorted(set(form_fields(ours))))
    signature = base64.b64encode(hmac.new(TOKEN.encode(), over, hashlib.sha1).digest()).decode()
    assert post(client, [], raw=ours, signature=signature).status_code == 200
