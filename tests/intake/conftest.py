"""Mail servers for the tests of the mail door."""

import uuid

import pytest

from intake.imap import Mailbox
from intake.mailbox_url import MailboxUrl
from tests.intake.dovecot import PROGRAM, Dovecot


def started(capability="", **more):
    assert PROGRAM.exists(), "the mailbox tests need Debian's Dovecot: apt-get install dovecot-imapd"
    return Dovecot(capability, **more)


@pytest.fixture(scope="session")
def dovecot():
    server = started()
    yield server
    server.close()


@pytest.fixture(scope="session")
def dovecot_without_move():
    server = started("IMAP4rev1 LITERAL+ IDLE UIDPLUS NAMESPACE")
    yield server
    server.close()


class Desk:
    """One user's mailbox on a real server, and connections to it."""

    def __init__(self, server, user=None):
        self.server = server
        self.user = user or f"u{uuid.uuid4().hex[:12]}"
        self.url = MailboxUrl.parse(server.url(self.user))
        self._dropped = 0

    def open(self):
        return Mailbox.open(self.url, connect_seconds=5, read_seconds=10)

    def drop(self, *mails, at=None):
        for raw in mails:
            self._dropped += 1
            name = f"{1_700_000_000 + self._dropped}.{self._dropped:06}.test"
            self.server.drop(self.user, raw, name=name, at=at)

    def holds(self, folder="INBOX"):
        """The bytes of every mail in a folder, by UID, as the server gives them."""
        with Mailbox.open(MailboxUrl.parse(self.server.url(self.user))) as mailbox:
            client = mailbox._client
            if not client.folder_exists(folder):
                return {}
            client.select_folder(folder, readonly=True)
            uids = client.search("ALL")
            return {uid: data[b"BODY[]"] for uid, data in client.fetch(uids, [b"BODY.PEEK[]"]).items()}


@pytest.fixture
def desk(dovecot):
    return Desk(dovecot)


@pytest.fixture
def desk_without_move(dovecot_without_move):
    return Desk(dovecot_without_move)
