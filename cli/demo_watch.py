"""What has become of the samples so far, read from the database while they pass through the house."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from archive.custody import Action, exhibit_stream
from archive.tables import custody_entry, custody_payload
from archive.vault import Vault
from services.samples.story import Outcome, Sample

HEAD_BYTES = 8192
_MESSAGE_ID = re.compile(rb"^Message-ID:[ \t]*(<[^>\r\n]+>)", re.IGNORECASE | re.MULTILINE)
# The newest reading counts; an item is sealed once a signed checkpoint covers its `exhibit.archived` entry,
# and timestamped once a token covers such a checkpoint.
_STATES = text(
    """
    SELECT acquisition.id, acquisition.channel, acquisition.source_id, acquisition.parent_id, acquisition.state,
           exhibit.id IS NOT NULL AS archived, exhibit.case_id, exhibit.quarantined_at, exhibit.vault_key,
           exhibit.vault_version, EXISTS (SELECT FROM reading WHERE reading.exhibit_id = exhibit.id) AS read,
           leaf_index < (SELECT coalesce(max(size), 0) FROM checkpoint) AS sealed,
           leaf_index < (SELECT coalesce(max(checkpoint_size), 0) FROM timestamp_token) AS timestamped,
           reply_item.exhibit_id IS NOT NULL AS decided, reply.state AS reply_state, reply.failed_because
    FROM acquisition
    LEFT JOIN exhibit USING (id)
    LEFT JOIN custody_leaf ON custody_leaf.entry_id = exhibit.archived_entry
    LEFT JOIN reply_item ON reply_item.exhibit_id = exhibit.id
    LEFT JOIN reply ON reply.id = reply_item.reply_id
    WHERE acquisition.received_at >= :began
    """
)
_ENDED = frozenset({"sent", "failed", "unknown", "withdrawn"})


@dataclass(frozen=True, slots=True)
class Sent:
    """A sample on its way: the MessageSid or Message-ID by which it is known again."""

    sample: Sample
    source: str


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of one sample so far.

    Attributes:
        id: Of its acquisition; None until it was received.
        parked: Whether it waits for a person.
        archived: Verified in the vault and in the ledger; `read`, `sealed`, `timestamped` likewise.
        case_id: The case it was assigned to.
        quarantined: Whether it was put into quarantine.
        settled: Decided, and the answer, if any, has come to its end.
        answer: How the answer ended; None where none was planned.
        because: What the carrier said where it failed.
        pictures: How many pictures came with it and are archived.
    """

    id: UUID | None = None
    parked: bool = False
    archived: bool = False
    read: bool = False
    sealed: bool = False
    timestamped: bool = False
    case_id: UUID | None = None
    quarantined: bool = False
    settled: bool = False
    answer: str | None = None
    because: str = ""
    pictures: int = 0

    def is_over(self, sample: Sample) -> bool:
        """Whether nothing more will happen to it, except by a person."""
        whole = self.archived and self.read and self.sealed and self.settled
        return self.parked or (whole and self.pictures >= len(sample.media))


@dataclass(slots=True)
class Watch:
    """Finds samples again in the database.

    Attributes:
        vault: Where the heads of mails are read.
        began: When the run began, by our clock: what came in earlier is another run's.
    """

    vault: Vault
    began: datetime
    _message_ids: dict[UUID, str] = field(default_factory=dict)

    def look(self, connection: Connection, sent: Sequence[Sent]) -> list[Fate]:
        """What has become of each sample that was sent, in their order."""
        rows = connection.execute(_STATES, {"began": self.began}).all()
        pictures: dict[UUID, int] = {}
        for row in rows:
            if row.parent_id and row.archived and row.sealed:
                pictures[row.parent_id] = pictures.get(row.parent_id, 0) + 1
        found = {self._source(row): row for row in rows if row.parent_id is None}
        return [_fate(found.get(each.source), pictures) for each in sent]

    def _source(self, row: Row[Any]) -> str:
        """A text's MessageSid, a mail's Message-ID: its UID is known to nobody but the mailbox."""
        if row.channel == "sms" or not row.archived:
            return str(row.source_id)
        if row.id not in self._message_ids:
            head = next(iter(self.vault.stream(row.vault_key, row.vault_version)), b"")[:HEAD_BYTES]
            named = _MESSAGE_ID.search(head)
            self._message_ids[row.id] = named[1].decode("ascii", "replace") if named else str(row.source_id)
        return self._message_ids[row.id]


def _fate(row: Row[Any] | None, pictures: dict[UUID, int]) -> Fate:
    if row is None:
        return Fate()
    return Fate(
        id=row.id,
        parked=row.state == "parked",
        archived=row.archived,
        read=row.read,
        sealed=bool(row.sealed),
        timestamped=bool(row.timestamped),
        case_id=row.case_id,
        quarantined=row.quarantined_at is not None,
        settled=row.decided and (row.reply_state is None or row.reply_state in _ENDED),
        answer=row.reply_state,
        because=row.failed_because or "",
        pictures=pictures.get(row.id, 0),
    )


def wrongs(connection: Connection, sent: Sequence[Sent], fates: Sequence[Fate], case_id: UUID) -> list[str]:
    """One sentence for each sample of which not that became what has to; empty where all is as it should be."""
    found = []
    for each, fate in zip(sent, fates, strict=True):
        wrong = _wrong(connection, each.sample, fate, case_id)
        if wrong:
            found.append(f"{each.sample.name}: {wrong}")
    return found


def _wrong(connection: Connection, sample: Sample, fate: Fate, case_id: UUID) -> str | None:
    if fate.id is None or not fate.archived:
        return "it was not archived"
    if fate.pictures != len(sample.media):
        return f"{fate.pictures} pictures came with it, not {len(sample.media)}"
    stranger = sample.outcome is Outcome.QUARANTINED
    if fate.quarantined is not stranger or fate.case_id != (None if stranger else case_id):
        return "it is in quarantine" if fate.quarantined else "it is in the wrong place"
    expected = {Outcome.ANSWERED: "sent", Outcome.FAILED: "failed"}.get(sample.outcome)
    if fate.answer != expected:
        return f"its answer is {fate.answer or 'none'}, not {expected or 'none'}"
    if expected is None:
        wanted = sample.because or "unknown_sender"
        given = _silent_because(connection, fate.id)
        return None if wanted in given else f"it was not answered because of {' and '.join(given)}, not {wanted}"
    return None if sample.because in fate.because else f"its answer failed for another reason: {fate.because}"


def _silent_because(connection: Connection, exhibit_id: UUID) -> list[str]:
    """Why an exhibit was not answered, as the ledger has it."""
    query = (
        custody_payload.select()
        .with_only_columns(custody_payload.c.body)
        .join(custody_entry, custody_entry.c.id == custody_payload.c.entry_id)
        .where(custody_entry.c.stream == exhibit_stream(exhibit_id))
    )
    entries = [json.loads(body) for body in connection.execute(query).scalars()]
    decisions = [entry["facts"] for entry in entries if entry["action"] == Action.REPLY_DECIDED.value]
    return [str(facts["reason"]) for facts in decisions if "reason" in facts]
