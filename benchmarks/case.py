"""A house with one large case in it: mails archived by the archive's own accession, with six entries each, signed."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection

from archive.accession import Archive, Belonging
from archive.acquisition import Acquisition, Channel
from archive.case import Case, open_case
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.ledger import record_all
from archive.sequencer import Sequencer
from cli import composition
from cli.composition import now
from cli.local import aws, house_environment, prepare
from services.embedded import embedded
from settings import Settings
from web.accounts import account_by_email, add_account

SENDER = "amy@example.org"
MAIL_BYTES = 49_500
AT_ONCE = 64
# With the two that archive it and give it its place in the case: six.
LATER = (Action.EXHIBIT_READ, Action.EXHIBIT_VIEWED, Action.EXHIBIT_VIEWED, Action.EXHIBIT_DOWNLOADED)


@dataclass(frozen=True, slots=True)
class House:
    """What a benchmark of packages works with."""

    settings: Settings
    archive: Archive
    sequencer: Sequencer
    case: Case


@contextmanager
def house_with(folder: Path, mails: int) -> Iterator[House]:
    """PostgreSQL and the S3 server of a home, and in them a case of so many mails."""
    with embedded(folder / "home", only=["postgres", "seaweedfs"], environ={}) as parts:
        environment = house_environment(parts, None, {}) | {"HOLDFAST_WITNESS_URLS": ""}
        with aws(environment):
            prepare(environment)
            settings = Settings.from_environment(environment)
            sequencer = composition.sequencer(settings)
            sequencer.announce()
            with composition.open_archive(settings) as archive:
                with archive.engine.begin() as connection:
                    case = _a_case(connection)
                for first in range(0, mails, AT_ONCE):
                    _take(archive, range(first, min(first + AT_ONCE, mails)))
                while sequencer.run_once():
                    pass
                yield House(settings, archive, sequencer, case)
            sequencer.engine.dispose()


def a_mail(number: int) -> bytes:
    """A mail with something attached, 49.5 kB."""
    head = f"From: {SENDER}\r\nTo: desk@example.org\r\nSubject: Number {number}\r\nMIME-Version: 1.0\r\n"
    kind = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    body = base64.encodebytes(os.urandom(MAIL_BYTES * 3 // 4)).replace(b"\n", b"\r\n")
    return (head + kind).encode() + body[: MAIL_BYTES - len(head) - len(kind)]


def _a_case(connection: Connection) -> Case:
    add_account(connection, "officer@force.example", "officer", at=now(), actor="cli:bench")
    officer = account_by_email(connection, "officer@force.example")
    case = open_case(connection, "42/1234/26", officer=officer.id, title=None, at=now(), actor="cli:bench")
    contacts, agreed = [Contact(ContactKind.EMAIL, SENDER)], SafeContact(ReplyStyle.NONE)
    enrol(connection, case.id, name="Amy Carter", contacts=contacts, safe_contact=agreed, at=now(), actor="cli:bench")
    return case


def _take(archive: Archive, numbers: range) -> None:
    mails = [
        Acquisition.of(
            a_mail(number),
            channel=Channel.EMAIL,
            source_id=f"imap:desk/INBOX/7/{number}",
            at=now(),
            media_type="message/rfc822",
        )
        for number in numbers
    ]
    done = archive.accession_now([(mail, Belonging(sender=SENDER)) for mail in mails], now=now())
    entries = [
        CustodyEntry(exhibit_stream(each), action, "system:bench", now())
        for each in done
        if isinstance(each, UUID)
        for action in LATER
    ]
    with archive.engine.begin() as connection:
        record_all(connection, entries)
