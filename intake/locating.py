"""What the archive knows of the mails in a mailbox, and mails it knows under other UIDs.

When a folder is made anew its UIDVALIDITY changes and every UID with it. A mail that is archived already is found again
by (sha256, INTERNALDATE), one to one: the same mail twice in the folder was two acquisitions and stays two. A match is
a further *location* of the same acquisition, with a custody entry, and no acquisition of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, exists, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import Acquisition, Channel, acquisition_id, imap_source_id, rendered
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.ledger import record
from archive.tables import acquisition, location

ACTOR = "system:mailbox"
AT_ONCE = 5000
# Written out, not bound: a prepared plan finds the partial indexes of mails only by a constant.
IS_MAIL = acquisition.c.channel == literal_column(f"'{Channel.EMAIL.value}'")


@dataclass(frozen=True, slots=True)
class MailboxEpoch:
    """One folder of one account for as long as its UIDs mean the same."""

    account: str
    mailbox: str
    uidvalidity: int

    def source_id(self, uid: int) -> str:
        """The source id of the mail under this UID."""
        return imap_source_id(self.account, self.mailbox, self.uidvalidity, uid)

    @property
    def prefix(self) -> str:
        """What every source id of this epoch starts with."""
        return self.source_id(0).removesuffix("0")

    @property
    def folder_prefix(self) -> str:
        """What every source id of this folder starts with, in any epoch."""
        return self.prefix.removesuffix(f"{self.uidvalidity}/")


def known_uids(connection: Connection, epoch: MailboxEpoch, uids: Sequence[int]) -> set[int]:
    """Which of these mails are in the archive, as acquisitions or as further locations of some."""
    by_source = {epoch.source_id(uid): uid for uid in uids}
    sources = list(by_source)
    found: set[int] = set()
    for start in range(0, len(sources), AT_ONCE):
        some = sources[start : start + AT_ONCE]
        for table in (acquisition, location):
            rows = connection.execute(select(table.c.source_id).where(table.c.source_id == func.any(some)))
            found.update(by_source[row.source_id] for row in rows)
    return found


def located(connection: Connection, items: Sequence[Acquisition]) -> dict[UUID, UUID]:
    """Which of these were recorded as further locations before: item id to the acquisition it is one of.

    A location whose acquisition holds other bytes says nothing about this item: a server used the UID twice.
    """
    by_source = {item.source_id: item for item in items}
    query = (
        select(location.c.source_id, location.c.acquisition_id, acquisition.c.sha256)
        .join(acquisition, acquisition.c.id == location.c.acquisition_id)
        .where(location.c.source_id == func.any(list(by_source)))
    )
    return {
        by_source[row.source_id].id: row.acquisition_id
        for row in connection.execute(query)
        if row.sha256 == by_source[row.source_id].sha256
    }


def seen_elsewhere(connection: Connection, epoch: MailboxEpoch, items: Sequence[Acquisition]) -> list[Acquisition]:
    """Which of these have the bytes of a mail of this folder in another epoch: most have not, and are done with."""
    query = select(acquisition.c.sha256).where(
        acquisition.c.sha256 == func.any([item.sha256 for item in items]), _in_another_epoch(epoch)
    )
    found = set(connection.execute(query).scalars())
    return [item for item in items if item.sha256 in found]


def locate(connection: Connection, epoch: MailboxEpoch, item: Acquisition, *, at: datetime) -> UUID | None:
    """Record a mail as a further location of an acquisition of an earlier epoch, if one matches and is still free.

    Returns:
        The acquisition it is a location of, or None: then it is an acquisition of its own.
    """
    match = _free_match(connection, epoch, item)
    if match is None:
        return None
    row = insert(location).values(source_id=item.source_id, acquisition_id=match, seen_at=at)
    if connection.execute(row.on_conflict_do_nothing()).rowcount:
        facts = {
            "source_id": item.source_id,
            "sha256": item.sha256,
            "delivered_at": rendered(item.delivered_at) if item.delivered_at else None,
        }
        record(connection, CustodyEntry(exhibit_stream(match), Action.EXHIBIT_LOCATED, ACTOR, at, facts))
    return match


def _free_match(connection: Connection, epoch: MailboxEpoch, item: Acquisition) -> UUID | None:
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:content, 0))"),
        {"content": f"{epoch.folder_prefix}{item.sha256}"},
    )
    # Its own acquisition, made by a worker that died before it could move the mail, is no free match for another.
    own = select(acquisition.c.id).where(acquisition.c.id == acquisition_id(item.channel, item.source_id))
    if connection.execute(own).first() is not None:
        return None
    taken = exists().where(
        location.c.acquisition_id == acquisition.c.id, location.c.source_id.startswith(epoch.prefix, autoescape=True)
    )
    free = (
        select(acquisition.c.id)
        .where(
            acquisition.c.sha256 == item.sha256,
            acquisition.c.delivered_at.is_not_distinct_from(item.delivered_at),
            _in_another_epoch(epoch),
            ~taken,
        )
        .order_by(acquisition.c.received_at, acquisition.c.id)
    )
    return connection.execute(free.limit(1)).scalar()


def _in_another_epoch(epoch: MailboxEpoch) -> ColumnElement[bool]:
    return (
        IS_MAIL
        & acquisition.c.source_id.startswith(epoch.folder_prefix, autoescape=True)
        & ~acquisition.c.source_id.startswith(epoch.prefix, autoescape=True)
    )
