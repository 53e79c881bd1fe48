"""The door for texts. Promise 1: thanked means kept. Promise 2: kept means byte for byte."""

import hashlib
from urllib.parse import quote_plus, urlencode
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from archive.jobs import Job
from archive.marks import counts
from archive.tables import acquisition
from cli.composition import now
from intake.sms import EMPTY_TWIML, TextDoor, make_blueprint
from intake.twilio_signature import Signatures

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


def test_what_became_of_our_answers_is_counted_and_signed_too(client, installation):
    path = "/intake/sms/status"
    assert post(client, fields(MessageStatus="delivered"), path=path).status_code == 204
    assert post(client, fields(MessageStatus="<script>"), path=path).status_code == 204
    assert post(client, fields(MessageStatus="delivered"), path=path, signature="x").status_code == 403
    with installation.engine.connect() as connection:
        assert counts(connection) == {
            "answer_status_delivered": 1,
            "answer_status_other": 1,
            "texts_refused_bad_signature": 1,
        }


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
    told = []
    door = TextDoor(
        installation.engine,
        Signatures((TOKEN,)),
        ACCOUNT,
        PUBLIC_URL,
        now,
        nudges,
        undelivered=lambda _connection, sid, status, *, at: told.append((sid, status)),
    )
    app = Flask("door")
    app.register_blueprint(make_blueprint(door))
    for status in ("sent", "delivered", "Undelivered", "failed", "<failed>"):
        pairs = fields(MessageStatus=status)
        assert post(app.test_client(), pairs, path="/intake/sms/status").status_code == 204
    assert told == [("SM1", "undelivered"), ("SM1", "failed")]
