"""Mail for the desk arrives over IMAP byte for byte; mail for anyone else stays on the machine."""

import smtplib
import tempfile
import time
import uuid
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from imapclient import IMAPClient

from services.home import Home
from services.imap import keep_to_folder
from services.mailbox import DESK_ADDRESS, SmtpServer
from services.ports import Ports
from services.supervisor import Supervisor


def smtp_client(environment, *, login=True):
    url = urlsplit(environment["HOLDFAST_SMTP_URL"])
    client = smtplib.SMTP(url.hostname, url.port, timeout=10)
    if login:
        client.login(url.username, url.password)
    return client


def imap_client(environment):
    url = urlsplit(environment["HOLDFAST_IMAP_URL"])
    client = IMAPClient(url.hostname, url.port, ssl=False, use_uid=True, timeout=10)
    client.login(url.username, url.password)
    return client


@pytest.fixture
def settings(stack):
    return stack.environment()


def fetch_with_subject(client, subject):
    client.select_folder("INBOX")
    give_up_at = time.monotonic() + 10
    while not (uids := client.search(["SUBJECT", subject])) and time.monotonic() < give_up_at:
        client.noop()
        time.sleep(0.05)
    [uid] = uids
    return client.fetch([uid], ["BODY.PEEK[]", "INTERNALDATE"])[uid]


def test_mail_for_the_desk_arrives_byte_for_byte_below_the_trace(settings):
    subject = uuid.uuid4().hex
    # Bytes that a mail library would "repair": 8-bit without a declaration, a line of a thousand and more, a lone dot.
    content = (
        b"Subject: "
        + subject.encode()
        + b"\r\nFrom: a@example.org\r\n\r\n"
        + b"\xff\xfe \xc3\xa9\r\n"
        + b"x" * 5000
        + b"\r\n.\r\n \r\n"
    )
    with smtp_client(settings, login=False) as client:
        client.sendmail("a@example.org", [DESK_ADDRESS], content)
    with imap_client(settings) as client:
        raw = fetch_with_subject(client, subject)[b"BODY[]"]
    trace, original = raw[: -len(content)], raw[-len(content) :]
    assert original == content
    assert trace.startswith(b"Return-Path: <a@example.org>\r\nDelivered-To: ")
    assert trace.endswith(b"\r\n")


def test_an_empty_return_path_stays_empty(settings):
    subject = uuid.uuid4().hex
    with smtp_client(settings, login=False) as client:
        client.sendmail("", [DESK_ADDRESS], f"Subject: {subject}\r\n\r\nbounce\r\n")
    with imap_client(settings) as client:
        assert fetch_with_subject(client, subject)[b"BODY[]"].startswith(b"Return-Path: <>\r\n")


def test_relaying_needs_a_login_and_ends_in_the_outbox(stack, settings):
    recipient = f"{uuid.uuid4().hex}@example.org"
    with smtp_client(settings, login=False) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail(DESK_ADDRESS, [recipient], "Subject: no\r\n\r\nno\r\n")
    assert refused.value.recipients[recipient][0] == 530
    with smtp_client(settings) as client:
        client.sendmail(DESK_ADDRESS, [recipient], "Subject: yes\r\n\r\nyes\r\n")
    [copy] = [mail for mail in stack.parts.smtp.sent() if recipient.encode() in mail]
    assert copy.endswith(b"Subject: yes\r\n\r\nyes\r\n")


def test_a_wrong_password_is_refused_by_both_servers(settings):
    url = urlsplit(settings["HOLDFAST_SMTP_URL"])
    with smtplib.SMTP(url.hostname, url.port, timeout=10) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(url.username, "guess")
    url = urlsplit(settings["HOLDFAST_IMAP_URL"])
    with (
        IMAPClient(url.hostname, url.port, ssl=False, timeout=10) as client,
        pytest.raises(Exception, match=r"(?i)auth"),
    ):
        client.login(url.username, "guess")


def test_a_message_can_be_moved_to_another_folder(settings):
    subject, folder = uuid.uuid4().hex, f"Archived-{uuid.uuid4().hex}"
    with smtp_client(settings, login=False) as client:
        client.sendmail("a@example.org", [DESK_ADDRESS], f"Subject: {subject}\r\n\r\nmove me\r\n")
    with imap_client(settings) as client:
        fetch_with_subject(client, subject)
        client.create_folder(folder)
        client.move(client.search(["SUBJECT", subject]), folder)
        assert client.search(["SUBJECT", subject]) == []
        client.select_folder(folder)
        assert len(client.search(["SUBJECT", subject])) == 1


def test_a_disk_that_refuses_is_answered_with_try_again(home):
    """451, not 5xx: the sender must keep the message."""
    own = Home(home)
    server = SmtpServer(own, Ports(own))
    with Supervisor(own, say=lambda _sentence: None) as supervisor:
        supervisor.start([server.process()])
        # A file where the Maildir should be: the same OSError as a full disk gives.
        (server.folder / "desk").write_text("in the way")
        with smtp_client({"HOLDFAST_SMTP_URL": server.url}) as client, pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("a@example.org", [DESK_ADDRESS], "Subject: lost?\r\n\r\nno\r\n")
        assert refused.value.smtp_code == 451


def test_appended_and_copied_mail_keeps_its_bytes(settings):
    """pymap's own Maildir backend re-writes what is appended and copies nothing but flags."""
    subject, folder = uuid.uuid4().hex, f"Copies-{uuid.uuid4().hex}"
    content = f"Subject: {subject}\r\nX-Long: {'w ' * 600}\r\n\r\n".encode() + b"\xff\x0b odd  \r\n.\r\n"
    with imap_client(settings) as client:
        client.append("INBOX", content)
        assert fetch_with_subject(client, subject)[b"BODY[]"] == content
        client.create_folder(folder)
        client.copy(client.search(["SUBJECT", subject]), folder)
        client.select_folder(folder)
        [copied] = client.fetch(client.search(["ALL"]), ["BODY.PEEK[]"]).values()
        assert copied[b"BODY[]"] == content


def test_the_internal_date_is_the_time_of_delivery(settings):
    subject = uuid.uuid4().hex
    with smtp_client(settings, login=False) as client:
        client.sendmail(
            "a@example.org", [DESK_ADDRESS], f"Subject: {subject}\r\nDate: Mon, 1 Jan 2001 00:00:00 +0000\r\n\r\n.\r\n"
        )
    with imap_client(settings) as client:
        client.normalise_times = False
        delivered_at = fetch_with_subject(client, subject)[b"INTERNALDATE"]
    assert abs((datetime.now(UTC) - delivered_at).total_seconds()) < 60


def test_idle_tells_of_new_mail(settings):
    subject = uuid.uuid4().hex
    with imap_client(settings) as client, smtp_client(settings, login=False) as sender:
        client.select_folder("INBOX")
        client.idle()
        sender.sendmail("a@example.org", [DESK_ADDRESS], f"Subject: {subject}\r\n\r\nnew\r\n")
        told, give_up_at = [], time.monotonic() + 10
        while not any(line[1:] == (b"EXISTS",) for line in told) and time.monotonic() < give_up_at:
            told += client.idle_check(timeout=1)
        client.idle_done()
        assert any(line[1:] == (b"EXISTS",) for line in told)


def test_the_mailbox_keeps_to_its_own_disk_even_if_that_was_full_when_it_started(monkeypatch, tmp_path):
    """Renamed from another disk, its lists could never be written again."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    folder = tmp_path / "cannot be written to"
    monkeypatch.setenv("TMPDIR", str(folder))
    assert tempfile.gettempdir() != str(folder), "Python no longer looks elsewhere: then this is not needed"
    keep_to_folder(str(folder))
    assert tempfile.gettempdir() == str(folder)
