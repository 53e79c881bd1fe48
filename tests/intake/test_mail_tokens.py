"""Mailboxes that take tokens: got, shared, renewed before they end and after they were refused, kept safely."""

import contextlib
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from archive.tables import alert, mail_token
from cli.composition import now
from intake.errors import LoginRefusedError, TokensRefusedError, TokensUnavailableError
from intake.imap import Mailbox
from intake.mail_tokens import MICROSOFT, OF_APPLICATION, OF_PERSON, MailTokens, parsed_grants
from intake.mailbox import Watcher
from intake.mailbox_url import MailboxUrl
from intake.mailboxes import Mailboxes
from intake.token_endpoint import Issued, RefusedByEndpointError, ask
from tests.intake.conftest import Desk, started
from tests.intake.listening import Listening, Scripted
from tests.intake.test_mailbox_watch import QUICK, Queue, until

SECRET = b"0123456789abcdef0123456789abcdef"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Endpoint(Listening):
    """A token endpoint on loopback; `answer(form)` gives status, media type and body (or pieces of it)."""

    def __init__(self, answer):
        self.asked, self.answer = [], answer
        endpoint = self

        class Handler(Scripted):
            def answered(self):
                form = {name: values[0] for name, values in self._form().items()}
                endpoint.asked.append(form)
                return endpoint.answer(form)

            def _form(self):
                return parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())

        super().__init__(Handler)
        self.url = f"http://{self.netloc}/token"


def told(status=200, **said):
    return status, {"Content-Type": "application/json"}, json.dumps(said).encode()


def grants(url, **more):
    setting = {"*": {"token_url": url, "client_id": "app", "client_secret": "hush", "refresh_token": "first", **more}}
    return parsed_grants(json.dumps(setting))


class Issuer:
    """Counts what it is asked, rotates its refresh tokens, forgets the old ones; takes `seconds` as lifetime."""

    def __init__(self, seconds=3600):
        self.good, self.asked, self.seconds = "first", [], seconds

    def __call__(self, _url, form):
        self.asked.append(form["refresh_token"])
        if form["refresh_token"] != self.good:
            raise RefusedByEndpointError("invalid_grant")
        self.good = f"r{len(self.asked)}"
        return Issued(f"a{len(self.asked)}", self.seconds, self.good)


def tokens(installation, issuer, *, clock=lambda: NOON):
    return MailTokens(installation.engine, grants("https://issuer.example/token"), now=clock, ask=issuer)


@pytest.fixture(scope="module")
def dovecot_by_token():
    server = started(token_secret=SECRET)
    yield server
    server.close()


def test_a_mailbox_without_a_password_is_opened_by_token_and_its_mail_comes(installation, dovecot_by_token):
    server, user = dovecot_by_token, "u1"
    Desk(server, user).drop(b"From: a@example.org\r\n\r\nx\r\n")
    url = MailboxUrl.parse(server.url_by_token(user))
    with Endpoint(lambda form: told(access_token=server.access_token(user), expires_in=3600)) as endpoint:
        boxes = Mailboxes((url,), MailTokens(installation.engine, grants(endpoint.url), now=now))
        for _ in range(2):
            with boxes.open(url) as mailbox:
                assert mailbox.uids(mailbox.select().mails) == [1]
    assert endpoint.asked == [
        {"grant_type": "refresh_token", "client_id": "app", "client_secret": "hush", "refresh_token": "first"}
    ]


def test_a_token_that_ended_early_is_renewed_once_and_the_login_tried_again(installation, dovecot_by_token):
    server, user, given = dovecot_by_token, "u2", []
    url = MailboxUrl.parse(server.url_by_token(user))

    def answer(_form):
        given.append(server.access_token(user, seconds=-10 if not given else 3600))
        return told(access_token=given[-1], expires_in=3600)

    clock = [NOON]
    with Endpoint(answer) as endpoint:
        made = MailTokens(installation.engine, grants(endpoint.url), now=lambda: clock[0])
        assert made.token(url.account, user) == given[0]
        clock[0] += timedelta(minutes=2)
        with Mailboxes((url,), made).open(url) as mailbox:
            assert mailbox.select().mails == 0
    assert len(given) == 2


def test_a_token_just_issued_that_is_refused_is_not_asked_for_again_and_again(installation, dovecot_by_token):
    server, user = dovecot_by_token, "u3"
    url = MailboxUrl.parse(server.url_by_token(user))
    wrong = server.access_token(user, secret=b"x" * 32)
    with Endpoint(lambda _form: told(access_token=wrong, expires_in=3600)) as endpoint:
        boxes = Mailboxes((url,), MailTokens(installation.engine, grants(endpoint.url), now=now))
        for _ in range(3):
            with pytest.raises(TokensRefusedError):
                boxes.open(url)
    assert len(endpoint.asked) == 1


def test_the_wrong_token_is_a_refused_login_and_is_never_told(dovecot_by_token):
    url = MailboxUrl.parse(dovecot_by_token.url_by_token("u4"))
    wrong = dovecot_by_token.access_token("u4", secret=b"x" * 32)
    with pytest.raises(LoginRefusedError) as caught:
        Mailbox.open(url, access_token=wrong)
    assert wrong not in str(caught.value)


def test_a_token_is_renewed_before_it_ends(installation):
    issuer, clock = Issuer(), [NOON]
    made = tokens(installation, issuer, clock=lambda: clock[0])
    found = []
    for minute in range(0, 120, 5):
        clock[0] = NOON + timedelta(minutes=minute)
        found.append(made.token("desk@h", "desk"))
    # Good for an hour, used for 55 minutes.
    assert found == ["a1"] * 11 + ["a2"] * 11 + ["a3"] * 2


def test_a_token_of_one_minute_is_used_for_half_of_it(installation):
    issuer, clock = Issuer(seconds=60), [NOON]
    made = tokens(installation, issuer, clock=lambda: clock[0])
    found = []
    for second in range(0, 60, 10):
        clock[0] = NOON + timedelta(seconds=second)
        found.append(made.token("desk@h", "desk"))
    assert found == ["a1"] * 3 + ["a2"] * 3


def test_a_refresh_token_that_works_once_is_kept_for_every_process_and_after_a_restart(installation):
    issuer = Issuer()
    for hour in range(4):
        made = tokens(installation, issuer, clock=lambda hour=hour: NOON + timedelta(hours=hour))
        assert made.token("desk@h", "desk") == f"a{hour + 1}"
    assert issuer.asked == ["first", "r1", "r2", "r3"]


def test_processes_that_need_a_token_at_once_ask_once(installation):
    issuer, found = Issuer(), []

    def slowly(url, form):
        time.sleep(0.3)
        return issuer(url, form)

    threads = [
        threading.Thread(target=lambda: found.append(tokens(installation, slowly).token("desk@h", "desk")))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, issuer.asked) == (["a1"] * 3, ["first"])


def test_what_is_kept_is_sealed_and_a_new_secret_in_the_setting_begins_anew(installation):
    issuer = Issuer()
    tokens(installation, issuer).token("desk@h", "desk")
    with installation.engine.connect() as connection:
        sealed = bytes(connection.execute(select(mail_token.c.sealed)).scalar_one())
    assert b"a1" not in sealed
    assert b"r1" not in sealed
    renewed = Issuer()
    renewed.good = "second"
    again = MailTokens(
        installation.engine,
        grants("https://issuer.example/token", refresh_token="second"),
        now=lambda: NOON,
        ask=renewed,
    )
    again.token("desk@h", "desk")
    assert renewed.asked == ["second"]


def test_where_the_kept_refresh_token_was_withdrawn_the_configured_one_is_tried(installation):
    issuer, clock = Issuer(), [NOON]
    made = tokens(installation, issuer, clock=lambda: clock[0])
    made.token("desk@h", "desk")
    issuer.good = "first"
    clock[0] += timedelta(hours=1)
    assert made.token("desk@h", "desk") == "a3"
    assert issuer.asked == ["first", "r1", "first"]


def test_a_withdrawn_consent_is_a_refusal_that_is_repeated_slowly(installation):
    issuer, clock = Issuer(), [NOON]
    issuer.good = "nothing"
    made = tokens(installation, issuer, clock=lambda: clock[0])
    for _ in range(5):
        with pytest.raises(TokensRefusedError, match="invalid_grant") as caught:
            made.token("desk@h", "desk")
    assert issuer.asked == ["first"]
    assert "hush" not in str(caught.value)
    clock[0] += timedelta(minutes=2)
    issuer.good = "first"
    assert made.token("desk@h", "desk") == "a2"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (told(400, error="invalid_grant", error_description="AADSTS70008"), RefusedByEndpointError),
        (told(401, error="invalid_client"), RefusedByEndpointError),
        (told(400, error="temporarily_unavailable"), TokensUnavailableError),
        (told(500, error="invalid_grant"), TokensUnavailableError),
        (told(429, error="slow_down"), TokensUnavailableError),
        ((200, {"Content-Type": "text/html"}, b"<html>Sign in to the hotel's network</html>"), TokensUnavailableError),
        ((400, {"Content-Type": "text/html"}, b"<html>no</html>"), TokensUnavailableError),
        ((302, {"Location": "http://127.0.0.1:1/elsewhere"}, b""), TokensUnavailableError),
        ((200, {}, b"[" * 50_000), TokensUnavailableError),
        ((200, {}, b"[1]"), TokensUnavailableError),
        ((200, {}, b" " * 200_000), TokensUnavailableError),
        (told(access_token=""), TokensUnavailableError),
        (told(access_token="a\x01auth=Bearer other"), TokensUnavailableError),
        (told(access_token="a\r\nA1 LOGOUT"), TokensUnavailableError),
        (told(access_token=7), TokensUnavailableError),
        (told(access_token="a", token_type="mac"), TokensUnavailableError),
        ((200, {"Content-Length": "500"}, b'{"access'), TokensUnavailableError),
    ],
)
def test_whatever_an_endpoint_answers_is_a_refusal_or_a_failure_that_passes(answer, error):
    with Endpoint(lambda _form: answer) as endpoint, pytest.raises(error):
        ask(endpoint.url, {"refresh_token": "first"})


def test_an_endpoint_that_drips_is_given_up():
    def drip():
        for _ in range(100):
            yield b" "
            time.sleep(0.05)

    began = time.monotonic()
    with Endpoint(lambda _form: (200, {}, drip())) as endpoint, pytest.raises(TokensUnavailableError, match="too long"):
        ask(endpoint.url, {}, all_seconds=0.3)
    assert time.monotonic() - began < 4


def test_an_endpoint_that_is_away_is_a_failure_that_passes():
    with Endpoint(lambda _form: told()) as endpoint:
        pass
    with pytest.raises(TokensUnavailableError):
        ask(endpoint.url, {})


@pytest.mark.parametrize(("said", "seconds"), [(None, 3600), ("7", 7), (0, 1), (10**9, 86400), ("soon", 3600)])
def test_a_lifetime_is_a_sensible_number_whatever_is_said(said, seconds):
    with Endpoint(lambda _form: told(access_token="a", expires_in=said, refresh_token="b c\n")) as endpoint:
        assert ask(endpoint.url, {}) == Issued("a", seconds, None)


def test_a_mailbox_whose_tokens_are_refused_raises_an_alert_and_the_next_one_goes_on(installation, desk):
    url = MailboxUrl.parse("imap://lost;AUTH=XOAUTH2@127.0.0.1:1/INBOX")
    issuer = Issuer()
    issuer.good = "nothing"
    boxes = Mailboxes((url, desk.url), tokens(installation, issuer, clock=now))
    queue, stop = Queue(), threading.Event()
    desk.drop(b"x")
    threads = [
        threading.Thread(
            target=Watcher(
                each, lambda each=each: boxes.open(each), installation.engine, queue, now=now, pace=QUICK
            ).run,
            args=(stop,),
        )
        for each in boxes.urls
    ]
    for thread in threads:
        thread.start()
    try:
        until(lambda: queue.uids() == [1] and _alerts(installation))
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=20)
    (text,) = _alerts(installation)
    assert text.startswith(url.name)
    assert "invalid_grant" in text


def _alerts(installation):
    with installation.engine.connect() as connection:
        return list(connection.execute(select(alert.c.text)).scalars())


def test_the_setting_knows_gmail_and_microsoft():
    found = parsed_grants(
        json.dumps(
            {
                "a": {"provider": "google", "client_id": "c", "client_secret": "s", "refresh_token": "r"},
                "b": {"provider": "microsoft", "client_id": "c", "refresh_token": "r"},
                "*": {"provider": "microsoft", "tenant": "t/x", "client_id": "c", "client_secret": "s"},
            }
        )
    )
    assert found["a"].token_url == "https://oauth2.googleapis.com/token"
    assert (found["b"].token_url, found["b"].scope) == (MICROSOFT.format(tenant="organizations"), OF_PERSON)
    assert found["*"].token_url == MICROSOFT.format(tenant="t%2Fx")
    assert found["*"].form(None) == {
        "grant_type": "client_credentials",
        "client_id": "c",
        "client_secret": "s",
        "scope": OF_APPLICATION,
    }
    assert "'s'" not in repr(found)


GOOD = {"token_url": "https://i.example/", "client_id": "c", "refresh_token": "sesame"}


@pytest.mark.parametrize(
    "told_",
    [
        [],
        {"a": "sesame"},
        {"a": {**GOOD, "client_id": 7}},
        {"a": {**GOOD, "refresh": "sesame"}},
        {"a": {**GOOD, "token_url": "http://i.example/"}},
        {"a": {**GOOD, "token_url": "https://sesame@i.example/"}},
        {"a": {**GOOD, "token_url": "file:///etc/passwd"}},
        {"a": {**GOOD, "token_url": ""}},
        {"a": {"token_url": "https://i.example/", "client_id": "c"}},
        {"a": {**GOOD, "provider": "sesame"}},
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_without_telling_a_secret(told_):
    with pytest.raises(ValueError, match=r"a|it is") as caught:
        parsed_grants(json.dumps(told_))
    assert "sesame" not in str(caught.value)


@given(st.text())
def test_any_text_is_grants_or_is_refused(text):
    with contextlib.suppress(ValueError):
        assert isinstance(parsed_grants(text), dict)
