"""A house with people, exhibits and answers in it: what publishing, rebuilding and auditing are tried on."""

import os
from dataclasses import replace
from uuid import UUID

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel
from archive.assignment import assign, leave_in_quarantine
from archive.case import Case, open_case
from archive.contributor import Contact, ContactKind, Contributor, ReplyStyle, SafeContact, enrol
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.ledger import record
from cli import keepers
from cli.composition import now
from timeline.readings import read_exhibit
from web.accounts import account_by_email, add_account

NUMBER = "+447700900123"


def publisher(installation, **other):
    """The installation's publisher."""
    return replace(keepers.publisher(installation.settings, installation.archive), **other)


def more_entries(installation, many):
    """Grow the ledger, and sign it."""
    with installation.engine.begin() as connection:
        for _ in range(many):
            record(connection, CustodyEntry(SYSTEM, Action.QUARANTINE_VIEWED, "account:x", now()))
    while installation.sequencer.run_once():
        pass


def a_case(installation) -> tuple[Case, Contributor]:
    """A case with an officer and an enrolled person."""
    with installation.engine.begin() as connection:
        add_account(connection, "officer@force.example", "officer", at=now(), actor="cli:tests")
        officer = account_by_email(connection, "officer@force.example")
        case = open_case(connection, "42/1234/26", officer=officer.id, title="A case", at=now(), actor="cli:tests")
        person = enrol(
            connection,
            case.id,
            name="Amy Carter",
            contacts=[Contact(ContactKind.PHONE, NUMBER)],
            safe_contact=SafeContact(ReplyStyle.DISCREET, wording="Got it.", who_else_sees="nobody"),
            at=now(),
            actor=officer.actor,
        )
    return case, person


def some_exhibits(installation) -> list[UUID]:
    """Texts and mails: assigned by sender, quarantined, left there, assigned by hand; read. In that order of four."""
    case, person = a_case(installation)
    texts = [("SM1", NUMBER), ("SM2", "+447700900999"), ("SM3", "+447700900998")]
    with installation.engine.begin() as connection:
        for sid, sender in texts:
            body = f"From={sender}&Body=he+wrote+again".encode()
            item = Acquisition.of(body, channel=Channel.SMS, source_id=sid, at=now(), media_type="text/plain")
            receive(connection, item, Belonging(sender=sender))
    installation.archive.accession_waiting(now=now())
    raw = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: hello\r\n\r\nhe was outside at 3pm\r\n"
    mail = Acquisition.of(
        raw,
        channel=Channel.EMAIL,
        source_id="imap:desk/INBOX/7/1",
        at=now(),
        media_type="message/rfc822",
        delivered_at=now(),
        door={"flags": ["seen"]},
    )
    (mail_id,) = installation.archive.accession_now([(mail, Belonging(sender="a@example.org"))], now=now())
    ids = [Acquisition.of(b"", channel=Channel.SMS, source_id=sid, at=now(), media_type="x").id for sid, _ in texts]
    with installation.engine.begin() as connection:
        leave_in_quarantine(connection, ids[1], at=now(), actor="account:x", reason="spam")
        assign(connection, mail_id, case.id, contributor=person, at=now(), actor="account:x", reason="hers")
    for each in [*ids, mail_id]:
        read_exhibit(installation.engine, installation.vault, each, now=now)
    while installation.sequencer.run_once():
        pass
    return [*ids, mail_id]


def random_body() -> bytes:
    """Bytes that lie nowhere else."""
    return os.urandom(40)
