"""Several mailboxes: each watched by itself, each opened only as the settings name it."""

import threading

import pytest

from cli import composition
from cli.mailbox_process import watch
from intake import mailbox as watching
from intake.errors import OtherMailboxError
from intake.mailbox import Watcher
from intake.mailbox_url import parsed_mailboxes
from intake.mailboxes import Mailboxes
from settings import Settings, SettingsError
from tests.intake.conftest import Desk
from tests.intake.nasty_server import Nasty
from tests.intake.test_mailbox_watch import seen, until


@pytest.fixture
def watched(installation):
    """Runs the mailbox process, in a thread, over the mailboxes of these addresses."""
    stop, threads = threading.Event(), []

    def begin(*urls):
        environ = {**installation.environ, "HOLDFAST_IMAP_URL": "\n".join(urls), "HOLDFAST_IMAP_POLL_SECONDS": "1"}
        threads.append(threading.Thread(target=watch, args=(Settings.from_environment(environ), stop)))
        threads[0].start()
        return parsed_mailboxes("\n".join(urls))

    yield begin
    stop.set()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_each_mailbox_is_looked_at_though_others_are_away_or_refuse_or_freeze(installation, dovecot, watched):
    desks = [Desk(dovecot), Desk(dovecot)]
    refusing, frozen = Nasty({}, login_answer=b"NO [AUTHENTICATIONFAILED] no"), Nasty({1: b"x"}, idle="freezes")
    try:
        urls = watched(
            dovecot.url(desks[0].user),
            "imap://desk:x@127.0.0.1:1/INBOX",
            f"imap://refused:x@127.0.0.1:{refusing.port}/INBOX",
            f"imap://frozen:x@127.0.0.1:{frozen.port}/INBOX",
            dovecot.url(desks[1].user),
        )
        until(lambda: seen(installation, urls[0].name) and seen(installation, urls[4].name), seconds=60)
        until(lambda: refusing.connections >= 1 and seen(installation, urls[3].name), seconds=60)
        assert seen(installation, urls[1].name) is None
        assert seen(installation, urls[2].name) is None
    finally:
        refusing.close()
        frozen.close()


def test_a_fault_of_our_own_with_one_mailbox_does_not_end_the_watching_of_it_or_of_others(
    installation, dovecot, watched, monkeypatch
):
    first, second = Desk(dovecot), Desk(dovecot)
    original, broken = Watcher.look, []

    def look(self, mailbox):
        if mailbox.url.user == first.user and len(broken) < 2:
            broken.append(mailbox)
            raise ZeroDivisionError
        return original(self, mailbox)

    monkeypatch.setattr(Watcher, "look", look)
    monkeypatch.setattr(watching.Watcher, "_pause", lambda _self, _bounds, stop: stop.wait(0.05))
    urls = watched(dovecot.url(first.user), dovecot.url(second.user))
    until(lambda: all(seen(installation, url.name) for url in urls), seconds=60)
    assert len(broken) == 2


def test_an_announcement_finds_the_mailbox_it_was_made_for_and_no_other(dovecot):
    first, second = Desk(dovecot), Desk(dovecot)
    boxes = Mailboxes((first.url, second.url))
    with boxes.opener(second.url.account, "INBOX")() as mailbox:
        assert mailbox.url == second.url
    with pytest.raises(OtherMailboxError):
        boxes.opener(second.url.account, "Other")
    with pytest.raises(OtherMailboxError):
        Mailboxes(()).opener(first.url.account, "INBOX")


@pytest.mark.parametrize(
    "environ",
    [
        {"HOLDFAST_IMAP_URL": "imaps://u:sesame@h.example nonsense"},
        {"HOLDFAST_IMAP_URL": "", "HOLDFAST_IMAP_OAUTH": '{"sesame": 1'},
    ],
)
def test_a_setting_that_cannot_be_read_ends_the_start_with_a_sentence_without_secrets(installation, environ):
    settings = Settings.from_environment({**installation.environ, **environ})
    with pytest.raises(SettingsError, match="HOLDFAST_IMAP") as caught:
        composition.mailboxes(settings, installation.engine)
    assert "sesame" not in str(caught.value)
