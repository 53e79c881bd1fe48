"""An installation with cases, people and exhibits in it, made through the archive's own doors; for tests of any room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert

from archive.accession import Archive, Belonging, receive
from archive.acquisition import Acquisition, Channel
from archive.case import Case, open_case
from archive.contributor import Contact, ContactKind, Contributor, ReplyStyle, SafeContact, enrol
from archive.sequencer import Sequencer
from archive.tables import account
from intake.reading import read
from intake.reading.model import Reading
from timeline.readings import store_reading

BEGAN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
MAIL = "message/rfc822"
_serial = count(1)


@dataclass
class Casework:
    """Makes people, cases and exhibits; its clock stands still until told."""

    archive: Archive
    sequencer: Sequencer
    at: datetime = BEGAN
    made: list[UUID] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def later(self, **of: float) -> None:
        self.at += timedelta(**of)

    def account(self, connection: Connection, email: str = "", role: str = "officer") -> UUID:
        """An account nobody can sign in to."""
        made = uuid4()
        values = {"id": made, "email": email or f"{made.hex[:8]}@force.example", "role": role, "password_hash": "!"}
        connection.execute(
            insert(account).values(**values, must_change_password=False, active=True, created_at=self.at)
        )
        return made

    def case(self, reference: str = "42/1234/26", officer: UUID | None = None, title: str | None = None) -> Case:
        with self.archive.engine.begin() as connection:
            officer = officer or self.account(connection)
            return open_case(
                connection, reference, officer=officer, title=title, at=self.at, actor=f"account:{officer}"
            )

    def enrol(self, case: Case, name: str = "Amy Beth Carter", *, phone: str = "", email: str = "") -> Contributor:
        contacts = [Contact(ContactKind.PHONE, phone)] if phone else []
        contacts += [Contact(ContactKind.EMAIL, email)] if email else []
        with self.archive.engine.begin() as connection:
            return enrol(
                connection,
                case.id,
                name=name,
                contacts=contacts,
                safe_contact=SafeContact(ReplyStyle.NONE),
                at=self.at,
                actor="cli:tests",
            )

    def text(self, body: str, *, sender: str = "+447700900001", reading: Reading | None = None) -> UUID:
        """One text, received, archived and read."""
        sid = f"SM{next(_serial):032x}"
        form = {"MessageSid": sid, "From": sender, "To": "+447700900999", "Body": body, "NumMedia": "0"}
        raw = urlencode(form, errors="surrogatepass").encode()
        item = Acquisition.of(raw, channel=Channel.SMS, source_id=sid, at=self.at, media_type=FORM)
        with self.archive.engine.begin() as connection:
            receive(connection, item, Belonging(sender=sender))
        self.archive.accession_waiting(now=self.at)
        self._read(item, reading)
        return item.id

    def mail(self, raw: bytes, *, sender: str = "amy@example.org", reading: Reading | None = None) -> UUID:
        """One mail, archived and read."""
        source_id = f"imap:tests/INBOX/1/{next(_serial)}"
        item = Acquisition.of(raw, channel=Channel.EMAIL, source_id=source_id, at=self.at, media_type=MAIL)
        self.archive.accession_now([(item, Belonging(sender=sender))], now=self.at)
        self._read(item, reading)
        return item.id

    def file(
        self, raw: bytes, media_type: str, case: Case, *, parent: UUID | None = None, unread: bool = False
    ) -> UUID:
        """One file an officer imported, or that came with a text."""
        source_id = f"file:tests#{next(_serial)}"
        item = Acquisition.of(raw, channel=Channel.UPLOAD, source_id=source_id, at=self.at, media_type=media_type)
        with self.archive.engine.begin() as connection:
            receive(connection, item, Belonging(case_id=case.id, parent_id=parent))
        self.archive.accession_waiting(now=self.at)
        if not unread:
            self._read(item, None)
        return item.id

    def many(self, case: Case, person: Contributor, bodies: Sequence[tuple[str, datetime]]) -> None:
        """Texts in one go: body and when it was received."""
        now = self.at
        items: list[Any] = []
        for body, at in bodies:
            sid = f"SM{next(_serial):032x}"
            raw = urlencode({"MessageSid": sid, "From": "+447700900001", "Body": body}).encode()
            item = Acquisition.of(raw, channel=Channel.SMS, source_id=sid, at=at, media_type=FORM)
            items.append((item, Belonging(case_id=case.id, sender=None)))
        self.archive.accession_now(items, now=now)
        with self.archive.engine.begin() as connection:
            for item, _ in items:
                store_reading(connection, item.id, read(item.raw, channel="sms", media_type=FORM, door={}), now=now)

    def seal(self) -> None:
        """Let the sequencer place and sign everything there is."""
        self.sequencer.run_once()

    def _read(self, item: Acquisition, reading: Reading | None) -> None:
        found = reading or read(item.raw, channel=item.channel.value, media_type=item.media_type, door=item.door)
        with self.archive.engine.begin() as connection:
            store_reading(connection, item.id, found, now=self.at)
        self.made.append(item.id)
