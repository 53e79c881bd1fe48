"""One installation with Amy enrolled, a carrier that sends nothing, and short names for what happens in it."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlencode

from sqlalchemy import insert, select, update

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel
from archive.agreed_words import Signals
from archive.contributor import agree_anew, contributor_of
from archive.custody import exhibit_stream
from archive.tables import alert, custody_entry, custody_payload, reading, reply
from intake.reading.reader import read as read_bytes
from replies.deciding import decide_for
from replies.egress import Egress
from replies.outcome import Sent
from replies.policy import Limits
from replies.sending import send_due, send_one
from replies.wall import wall_of
from tests.replies.people import ADDRESS, NOW, NUMBER
from timeline.readings import store_reading

STRANGER = "+447700900999"
LATER = NOW + timedelta(minutes=3)
LIMITS = Limits()
SIGNALS = Signals(b"s" * 32)


@dataclass
class Carrier:
    """Stands where Twilio does: keeps what it is told to send, and answers as it is told to."""

    outcome: object = field(default_factory=lambda: Sent("SM1"))
    sent: list = field(default_factory=list)
    meanwhile: object = None

    def send(self, to, words):
        self.sent.append((to, words))
        if self.meanwhile:
            self.meanwhile()
        return self.outcome


@dataclass
class House:
    """One installation with Amy enrolled, and short names for what happens in it."""

    installation: object
    carrier: Carrier
    case_id: object
    amy: object
    number: int = 0

    @property
    def engine(self):
        return self.installation.engine

    @property
    def egress(self):
        return Egress(self.carrier, None, wall_of(self.engine))

    def text(self, sender=NUMBER, body="he wrote again", at=NOW, **belonging):
        self.number += 1
        fields = {"MessageSid": f"SM{self.number}", "From": belonging.pop("written", sender), "Body": body}
        item = Acquisition.of(
            urlencode(fields).encode(),
            channel=belonging.pop("channel", Channel.SMS),
            source_id=belonging.pop("source_id", fields["MessageSid"]),
            at=at,
            media_type="application/x-www-form-urlencoded",
        )
        with self.engine.begin() as connection:
            receive(connection, item, Belonging(sender=sender, **belonging))
        self.installation.archive.accession_waiting(now=at)
        return item.id

    def mail(self, *lines, sender=ADDRESS, at=NOW):
        self.number += 1
        head = [f"From: Amy <{sender}>", "To: desk@example.net", f"Message-ID: <m{self.number}@example.org>", *lines]
        raw = "\r\n".join([*head, "", "look at this", ""]).encode()
        item = Acquisition.of(
            raw, channel=Channel.EMAIL, source_id=f"imap:d/INBOX/1/{self.number}", at=at, media_type="message/rfc822"
        )
        self.installation.archive.accession_now([(item, Belonging(sender=sender))], now=at)
        return item.id

    def decide(self, exhibit_id, now=NOW, limits=LIMITS):
        with self.engine.begin() as connection:
            return decide_for(
                connection, exhibit_id, vault=self.installation.vault, now=now, limits=limits, signals=SIGNALS
            )

    def arrive(self, body, at=NOW, **given):
        """A text of hers, archived, read by the reader, and decided about."""
        item = self.text(body=body, at=at, **given)
        self.read_really(item, body, at)
        return item

    def read_really(self, item, body, at=NOW):
        """Have the reader read a text of hers, and decide about it."""
        raw = urlencode({"MessageSid": f"SM{self.number}", "From": NUMBER, "Body": body}).encode()
        found = read_bytes(raw, channel="sms", media_type="application/x-www-form-urlencoded", door={})
        with self.engine.begin() as connection:
            store_reading(connection, item, found, now=at)
        self.decide(item, now=at)

    def agree(self, **what):
        """Change what Amy agreed."""
        with self.engine.begin() as connection:
            person = contributor_of(connection, self.amy.id)
            agreed = replace(person.safe_contact, **what)
            agree_anew(connection, person, agreed, at=NOW, actor="cli:test", reason=None)

    def agreed(self):
        with self.engine.connect() as connection:
            return contributor_of(connection, self.amy.id).safe_contact

    def rows(self, table):
        with self.engine.connect() as connection:
            return connection.execute(select(table)).all()

    def send_due(self, now=LATER, egress=None, limits=LIMITS):
        return send_due(
            self.engine, egress or self.egress, vault=self.installation.vault, now=lambda: now, limits=limits
        )

    def send_one(self, reply_id, now=LATER, egress=None):
        return send_one(
            self.engine,
            egress or self.egress,
            reply_id,
            vault=self.installation.vault,
            now=lambda: now,
            limits=LIMITS,
        )

    def read(self, exhibit_id, content, version=1):
        with self.engine.begin() as connection:
            connection.execute(
                insert(reading).values(
                    exhibit_id=exhibit_id, version=version, read_at=NOW, state="read", content=content, words="",
                    ordered_at=NOW,
                )
            )  # fmt: skip

    def change(self, table, **values):
        with self.engine.begin() as connection:
            connection.execute(update(table).values(**values))

    def replies(self):
        with self.engine.connect() as connection:
            return connection.execute(select(reply).order_by(reply.c.planned_at, reply.c.id)).all()

    def alerts(self):
        with self.engine.connect() as connection:
            return [row.kind for row in connection.execute(select(alert.c.kind).order_by(alert.c.at))]

    def entries(self, exhibit_id, start="reply."):
        query = (
            select(custody_payload.c.body)
            .join(custody_entry, custody_entry.c.id == custody_payload.c.entry_id)
            .where(custody_entry.c.stream == exhibit_stream(exhibit_id))
            .order_by(custody_entry.c.id)
        )
        with self.engine.connect() as connection:
            found = [json.loads(bytes(row.body)) for row in connection.execute(query)]
        return [(entry["action"], entry["facts"]) for entry in found if entry["action"].startswith(start)]

    def actions(self, exhibit_id):
        return [action for action, _ in self.entries(exhibit_id)]
