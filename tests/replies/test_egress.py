"""The door out: what goes through it, what never does, and what is said of each attempt."""

import ast
import email
import hashlib
import json
import ssl
import time
from datetime import UTC, datetime
from email import policy
from pathlib import Path
from urllib.parse import parse_qs
from uuid import UUID

import pytest
import requests
from aiosmtpd.smtp import AuthResult
from hypothesis import given
from hypothesis import strategies as st

from archive.contributor import Contact, ContactKind
from replies import mailing, texting
from replies.egress import Egress
from replies.errors import CarrierMisconfiguredError, UnsendableError
from replies.mailing import mail_sender
from replies.outcome import Refused, Sent, Unknown
from replies.texting import text_sender
from replies.wording import forbidden_in
from tests.replies.people import MAILBOX, NOW, NUMBER, PHONE
from tests.replies.servers import (
    OUR_ADDRESS,
    OUR_NUMBER,
    SID,
    TOKEN,
    Mailbox,
    free_port,
    raw_server,
    smtp,
    tls_ends,
    twilio,
)

REPLY = UUID(int=77)
WORDS = "Thanks, got it."


def open_wall(_kind, _value):
    return None


def texts_to(url, **options):
    return Egress(text_sender(SID, TOKEN, OUR_NUMBER, api_url=url, **options), None, open_wall)


def mails_to(url, wall=open_wall):
    return Egress(None, mail_sender(url, OUR_ADDRESS), wall)


def a_text(egress, contact=PHONE, words=WORDS):
    return egress.compose(contact, words, reply_id=REPLY, at=NOW)


def a_mail(egress, words=WORDS, in_reply_to="<a1@example.org>"):
    return egress.compose(MAILBOX, words, reply_id=REPLY, at=NOW, subject="Thanks", in_reply_to=in_reply_to)


def test_a_text_is_created_at_twilio_once_from_our_number(tmp_path):
    with twilio(tmp_path) as url:
        egress = texts_to(url)
        outcome = egress.send(a_text(egress))
        found = requests.get(f"{url}/2010-04-01/Accounts/{SID}/Messages.json", auth=(SID, TOKEN), timeout=5).json()
    (message,) = found["messages"]
    assert outcome == Sent(message["sid"])
    assert (message["to"], message["from"], message["body"]) == (NUMBER, OUR_NUMBER, WORDS)


def test_a_wrong_token_is_refused_with_what_to_check(tmp_path):
    with twilio(tmp_path) as url:
        egress = Egress(text_sender(SID, "wrong", OUR_NUMBER, api_url=url), None, open_wall)
        outcome = egress.send(a_text(egress))
    assert isinstance(outcome, Refused)
    assert "HOLDFAST_TWILIO_ACCOUNT_SID" in outcome.because


def test_a_server_error_of_twilio_is_unknown_and_not_tried_again(tmp_path):
    with twilio(tmp_path) as url:
        fault = {"operation": "create", "status": 500, "acts": True}
        requests.post(f"{url}/_phone/faults", json=fault, auth=(SID, TOKEN), timeout=5).raise_for_status()
        egress = texts_to(url)
        assert isinstance(egress.send(a_text(egress)), Unknown)
        found = requests.get(f"{url}/2010-04-01/Accounts/{SID}/Messages.json", auth=(SID, TOKEN), timeout=5).json()
    assert len(found["messages"]) == 1


def answering(status, body):
    """A server that gives every request the same answer and keeps what it was asked."""
    asked = []

    def answer(connection):
        request = connection.recv(65536)
        head, _, rest = request.partition(b"\r\n\r\n")
        length = int(next(line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")))
        while len(rest) < length:
            rest += connection.recv(65536)
        asked.append((head, rest))
        body_bytes = body.encode()
        connection.sendall(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body_bytes)}\r\n"
            f"Location: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n".encode()
            + body_bytes
        )

    return asked, answer


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        ("400 No", json.dumps({"code": 21610, "message": "x", "status": 400}), Refused, "START"),
        ("400 No", json.dumps({"code": 21617, "message": "x", "status": 400}), Refused, "longer"),
        ("400 No", json.dumps({"code": 99999, "message": f"to {NUMBER}", "status": 400}), Refused, "99999"),
        ("400 No", "not json", Refused, "400"),
        ("400 No", json.dumps([1]), Refused, "400"),
        ("400 No", json.dumps({"type": "x", "title": "y", "status": 400, "code": 20003}), Refused, "SID"),
        ("429 Slow down", json.dumps({"code": 20429, "message": "x", "status": 429}), Refused, "20429"),
        ("307 Elsewhere", "{}", Refused, "307"),
        ("408 Late", "{}", Unknown, "408"),
        ("503 Away", "{}", Unknown, "503"),
        ("201 Created", "not json", Unknown, "could not be read"),
        ("201 Created", "{}", Unknown, "names no message"),
        ("201 Created", "[]", Unknown, "could not be read"),
        ("201 Created", '{"sid": "SM1", "status": "failed", "error_code": 21610}', Refused, "START"),
        ("201 Created", '{"sid": "SM1", "status": "undelivered"}', Refused, "refused"),
        ("201 Created", '{"sid": "SM1", "date_created": "nonsense"}', Sent, "SM1"),
    ],
)
def test_what_twilio_says_is_sorted_into_sent_refused_and_unknown(status, body, kind, says):
    asked, answer = answering(status, body)
    with raw_server(answer) as (port, _):
        egress = texts_to(f"http://127.0.0.1:{port}/")
        outcome = egress.send(a_text(egress))
    assert isinstance(outcome, kind)
    assert says in str(outcome)
    assert NUMBER not in str(outcome)
    assert len(asked) == 1


def test_the_request_is_what_twilio_documents(tmp_path):
    asked, answer = answering("201 Created", '{"sid": "SM1"}')
    with raw_server(answer) as (port, _):
        egress = texts_to(f"http://127.0.0.1:{port}/base", status_callback="https://desk.example.net/intake/sms/status")
        egress.send(a_text(egress))
    head, body = asked[0]
    assert head.startswith(f"POST /base/2010-04-01/Accounts/{SID}/Messages.json HTTP/1.1".encode())
    assert parse_qs(body.decode()) == {
        "To": [NUMBER],
        "From": [OUR_NUMBER],
        "Body": [WORDS],
        "StatusCallback": ["https://desk.example.net/intake/sms/status"],
    }


def test_a_connection_that_never_came_about_is_refused_and_one_that_was_lost_is_unknown(monkeypatch):
    nowhere = texts_to(f"http://127.0.0.1:{free_port()}")
    assert isinstance(nowhere.send(a_text(nowhere)), Refused)
    with raw_server(lambda connection: connection.recv(100)) as (port, taken):
        lost = texts_to(f"http://127.0.0.1:{port}")
        assert isinstance(lost.send(a_text(lost)), Unknown)
        assert len(taken) == 1
    monkeypatch.setattr(texting, "ANSWER_SECONDS", 0.2)
    with raw_server(lambda connection: time.sleep(0.6)) as (port, taken):
        silent = texts_to(f"http://127.0.0.1:{port}")
        assert isinstance(silent.send(a_text(silent)), Unknown)
        assert len(taken) == 1


def test_an_attempt_takes_less_than_ten_seconds_by_its_own_limits():
    assert texting.CONNECT_SECONDS + texting.ANSWER_SECONDS < 10
    assert mailing.STEP_SECONDS < 10


def test_proxies_and_credentials_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    asked, answer = answering("201 Created", '{"sid": "SM1"}')
    with raw_server(answer) as (port, _):
        egress = texts_to(f"http://127.0.0.1:{port}")
        assert egress.send(a_text(egress)) == Sent("SM1")
    assert len(asked) == 1


def test_a_mail_goes_out_by_rfc_3834_and_says_nothing_of_us():
    mailbox = Mailbox()
    with smtp(mailbox) as port:
        egress = mails_to(f"smtp://127.0.0.1:{port}")
        answer = a_mail(egress)
        outcome = egress.send(answer)
    ((mail_from, recipients, content),) = mailbox.taken
    assert (mail_from, recipients) == ("<>", [MAILBOX.value])
    assert content == answer.raw
    assert hashlib.sha256(content).hexdigest() == answer.sha256
    message = email.message_from_bytes(content, policy=policy.default)
    assert message["From"] == message["X-Loop"] == OUR_ADDRESS
    assert message["To"] == MAILBOX.value
    assert message["Subject"] == "Thanks"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["In-Reply-To"] == message["References"] == "<a1@example.org>"
    assert message["Date"].datetime == NOW
    assert message.get_content_type() == "text/plain"
    assert message.get_content().strip() == WORDS
    assert outcome == Sent(message["Message-ID"])
    for name in ("Reply-To", "Return-Path", "Disposition-Notification-To", "List-Id", "User-Agent", "X-Mailer"):
        assert name not in message
    assert not forbidden_in(content.decode().replace("@", " at ").replace(".", " "))


def test_words_beyond_ascii_and_lines_with_a_leading_dot_arrive_as_they_were_written():
    mailbox = Mailbox()
    words = "..Diolch, ŵyn bach 👍 " + "x" * 200
    with smtp(mailbox) as port:
        egress = mails_to(f"smtp://127.0.0.1:{port}")
        assert isinstance(egress.send(a_mail(egress, words, in_reply_to=None)), Sent)
    message = email.message_from_bytes(mailbox.taken[0][2], policy=policy.default)
    assert message.get_content().strip() == words
    assert "In-Reply-To" not in message


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_mail_the_server_refuses_is_refused_without_repeating_addresses(stage):
    with smtp(Mailbox(stage, f"550 5.1.1 no <{MAILBOX.value}> here")) as port:
        egress = mails_to(f"smtp://127.0.0.1:{port}")
        outcome = egress.send(a_mail(egress))
    assert isinstance(outcome, Refused)
    assert "550" in outcome.because
    assert MAILBOX.value not in outcome.because


def smtp_until(last):
    """An SMTP conversation that ends without a word after the command that begins with `last`."""

    def answer(connection):
        stream = connection.makefile("rwb")

        def say(text):
            stream.write(text.encode() + b"\r\n")
            stream.flush()

        say("220 here")
        for line in stream:
            command = line.strip().upper()
            if command.startswith(last):
                return
            if command == b"DATA":
                say("354 go on")
                for inner in stream:
                    if inner == b".\r\n":
                        break
                if last == b".":
                    return
            say("250 fine")

    return answer


@pytest.mark.parametrize(
    ("last", "kind"),
    [(b"EHLO", Refused), (b"MAIL", Refused), (b"RCPT", Refused), (b"DATA", Refused), (b".", Unknown)],
)
def test_a_connection_lost_after_the_mail_had_left_is_unknown_and_before_it_is_refused(last, kind):
    with raw_server(smtp_until(last)) as (port, taken):
        egress = mails_to(f"smtp://127.0.0.1:{port}")
        assert isinstance(egress.send(a_mail(egress)), kind)
        assert len(taken) == 1


def test_no_mail_server_at_all_is_refused():
    egress = mails_to(f"smtp://127.0.0.1:{free_port()}")
    assert isinstance(egress.send(a_mail(egress)), Refused)


def test_the_password_is_used_where_one_is_set():
    seen = []

    def authenticate(_server, _session, _envelope, _mechanism, data):
        seen.append((data.login, data.password))
        return AuthResult(success=True)

    with smtp(Mailbox(), authenticator=authenticate, auth_require_tls=False) as port:
        egress = mails_to(f"smtp://desk%40example.net:p%3Aw@127.0.0.1:{port}")
        assert isinstance(egress.send(a_mail(egress)), Sent)
    assert seen == [(b"desk@example.net", b"p:w")]


def test_a_password_is_never_sent_in_the_clear_beyond_this_machine(monkeypatch):
    monkeypatch.setattr(mailing, "_is_loopback", lambda _host: False)
    with smtp(Mailbox(), auth_require_tls=False) as port:
        egress = mails_to(f"smtp://user:secret@127.0.0.1:{port}")
        outcome = egress.send(a_mail(egress))
    assert isinstance(outcome, Refused)
    assert "TLS" in outcome.because
    assert "secret" not in outcome.because + repr(egress)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_tls_is_used_wherever_it_is_offered_and_the_password_goes_only_through_it(tmp_path, monkeypatch, scheme):
    monkeypatch.setattr(mailing, "_is_loopback", lambda _host: False)
    server, client = tls_ends(tmp_path)
    seen = []

    def authenticate(_server, session, _envelope, _mechanism, data):
        seen.append((bool(session.ssl) or scheme == "smtps", data.password))
        return AuthResult(success=True)

    tls = {"ssl_context": server, "auth_require_tls": False} if scheme == "smtps" else {"tls_context": server}
    mailbox = Mailbox()
    with smtp(mailbox, authenticator=authenticate, **tls) as port:
        sender = mail_sender(f"{scheme}://user:secret@127.0.0.1:{port}", OUR_ADDRESS, context=client)
        egress = Egress(None, sender, open_wall)
        assert isinstance(egress.send(a_mail(egress)), Sent)
        strict = mails_to(f"{scheme}://user:secret@127.0.0.1:{port}")
        assert isinstance(strict.send(a_mail(strict)), Refused)  # nobody it trusts signed that certificate
    assert seen == [(True, b"secret")]
    assert len(mailbox.taken) == 1


def test_a_server_without_a_trusted_certificate_is_refused():
    with smtp(Mailbox()) as port:
        egress = mails_to(f"smtps://127.0.0.1:{port}")
        assert isinstance(egress.send(a_mail(egress)), Refused)
    assert mail_sender("smtps://mail.example.net", OUR_ADDRESS).context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mail.example.net", OUR_ADDRESS),
        ("imap://mail.example.net", OUR_ADDRESS),
        ("smtp://", OUR_ADDRESS),
        ("smtp://host:port", OUR_ADDRESS),
        ("smtp://mail.example.net", "nobody"),
        ("smtp://mail.example.net", "dŵr@example.net"),
    ],
)
def test_a_mail_server_that_cannot_be_meant_is_refused_at_start(url, address):
    with pytest.raises(CarrierMisconfiguredError) as caught:
        mail_sender(url, address)
    assert str(caught.value)


def test_a_recipient_the_wall_bars_gets_nothing_by_either_way(tmp_path):
    mailbox = Mailbox()
    with twilio(tmp_path) as url, smtp(mailbox) as port:
        egress = Egress(
            text_sender(SID, TOKEN, OUR_NUMBER, api_url=url),
            mail_sender(f"smtp://127.0.0.1:{port}", OUR_ADDRESS),
            lambda _kind, _value: "not a contact",
        )
        assert egress.send(a_text(egress)) == Refused("not a contact")
        assert egress.send(a_mail(egress)) == Refused("not a contact")
        found = requests.get(f"{url}/2010-04-01/Accounts/{SID}/Messages.json", auth=(SID, TOKEN), timeout=5).json()
    assert found["messages"] == []
    assert mailbox.taken == []


def test_a_wall_that_cannot_answer_says_no():
    mailbox = Mailbox()

    def broken(_kind, _value):
        raise ConnectionError

    with smtp(mailbox) as port:
        egress = mails_to(f"smtp://127.0.0.1:{port}", broken)
        assert isinstance(egress.send(a_mail(egress)), Refused)
    assert mailbox.taken == []


def test_a_carrier_that_fails_in_a_way_nobody_foresaw_may_have_sent_it():
    class Broken:
        def send(self, to, words):
            raise RuntimeError(to, words)

    egress = Egress(Broken(), None, open_wall)
    outcome = egress.send(a_text(egress))
    assert isinstance(outcome, Unknown)
    assert NUMBER not in str(outcome)


def test_no_log_names_a_recipient_or_repeats_the_words(capsys):
    def broken(_kind, value):
        raise ConnectionError(value)

    egress = Egress(None, None, broken)
    egress.send(a_text(egress))
    said = capsys.readouterr()
    assert "reply.wall_failed" in said.out + said.err
    assert NUMBER not in said.out + said.err + repr(a_text(egress))
    assert WORDS not in said.out + said.err + repr(a_text(egress))


def test_without_a_carrier_nothing_is_sent_and_the_officer_is_told_what_to_set():
    nothing = Egress(None, None, open_wall)
    outcome = nothing.send(a_text(nothing))
    assert isinstance(outcome, Refused)
    assert "Twilio" in outcome.because
    with pytest.raises(UnsendableError):
        a_mail(nothing)


@given(
    st.text(max_size=40).filter(lambda value: not (value and value.isascii() and value.isprintable())),
    st.sampled_from(["sender", "to", "subject", "message_id", "in_reply_to"]),
)
def test_no_value_smuggles_a_header_into_a_mail(value, where):
    fields = {"sender": OUR_ADDRESS, "to": "a@b.example", "subject": "Thanks", "message_id": "<1@x>"}
    parts = {**fields, "in_reply_to": "<2@x>", where: value}
    if where == "in_reply_to" and not value:
        assert b"In-Reply-To" not in mailing.letter(**parts, words=WORDS, at=NOW)
        return
    with pytest.raises(UnsendableError):
        mailing.letter(**parts, words=WORDS, at=NOW)


@given(st.text(max_size=200).filter(lambda words: words.strip() and words.isprintable()))
def test_any_words_stay_words_of_a_single_plain_part(words):
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    raw = mailing.letter(
        sender=OUR_ADDRESS, to="a@b.example", subject="Thanks", words=words, message_id="<1@x>", in_reply_to=None, at=at
    )
    message = email.message_from_bytes(raw, policy=policy.SMTP)
    assert len(message.keys()) == len(set(message.keys())) == 11
    assert message.get_payload(decode=True).decode().rstrip("\r\n") == words
    assert raw.isascii()


def test_a_landline_contact_composed_by_mistake_still_meets_the_wall():
    seen = []
    egress = Egress(None, None, lambda kind, value: seen.append((kind, value)) or "no")
    contact = Contact(ContactKind.PHONE, "+442079460123")
    assert egress.send(a_text(egress, contact)) == Refused("no")
    assert seen == [(ContactKind.PHONE, "+442079460123")]


def imports_of(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_no_other_module_of_production_can_send():
    root = Path(__file__).parents[2]
    rooms = ("archive", "intake", "replies", "timeline", "web", "workers", "cli")
    paths = [path for room in rooms for path in (root / room).rglob("*.py")]
    assert len(paths) > 30
    users = {
        name: {path.relative_to(root).as_posix() for path in paths if name in set(imports_of(path))}
        for name in ("smtplib", "replies.mailing", "replies.texting")
    }
    assert users["smtplib"] == {"replies/mailing.py"}
    for carrier in ("replies.mailing", "replies.texting"):
        # The composition root makes carriers and hands them to the door.
        assert [path for path in users[carrier] if not path.startswith("cli/")] == ["replies/egress.py"]
    creating = [path for path in paths if "messages.create(" in path.read_text(encoding="utf-8")]
    assert [path.name for path in creating] == ["texting.py"]
