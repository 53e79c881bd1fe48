"""Judging exhibits at receipt, or again: bytes out of the vault, DNS asked within the rules, what was found out kept.

Runs after reading, in a worker, and holds up nothing: no exhibit, no reading and no answer waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Row, select

from archive.errors import UnknownAcquisitionError
from archive.tables import acquisition, exhibit, reading
from archive.vault import Vault
from intake.authenticity.domains import LookedUp
from intake.authenticity.judging import judge_messages, put_together
from intake.authenticity.lookups import Lookups
from intake.authenticity.model import Authenticity, DnsAnswer
from intake.authenticity.records import due_of, keep, wanted
from intake.authenticity.subjects import messages_in
from intake.reading.limits import RAW_BYTES
from intake.reading.model import Reading, from_json

TOO_LARGE = "The exhibit is larger than is judged."
FAILED = "It could not be judged: the program failed ({error})."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges exhibits.

    Attributes:
        engine: On the application's login.
        vault: Where originals lie.
        ask: Asks DNS; None: it is switched off.
        listed: Domains that are looked up unasked.
        servers: Names that our own mail servers use in Authentication-Results.
        now: The clock.
    """

    engine: Engine
    vault: Vault
    ask: Callable[[str], DnsAnswer] | None
    listed: LookedUp
    servers: Collection[str]
    now: Callable[[], datetime]

    def judge(self, exhibit_id: UUID) -> bool:
        """Judge one exhibit with mail in it that was read, unless that was done and nothing is owed. Safe to repeat.

        Returns:
            Whether anything new was kept.

        Raises:
            UnknownAcquisitionError: No exhibit has this id.
            VaultUnavailableError: The vault is away; try again.
            DigestMismatchError: It holds other bytes than were received.
        """
        with self.engine.connect() as connection:
            if not wanted(connection, [exhibit_id]):
                return False
            due = due_of(connection, exhibit_id)
            row, found = _row_of(connection, exhibit_id), _reading_of(connection, exhibit_id)
        made = self._made(row, found, asked=due is not None and due.asked_by is not None)
        with self.engine.begin() as connection:
            return keep(connection, exhibit_id, made, now=self.now())

    def _made(self, row: Row[Any], found: Reading | None, *, asked: bool) -> Authenticity:
        now = self.now()
        lookups = Lookups(self.ask, self.listed, everything=asked)
        about: dict[str, Any] = {"received_at": row.received_at, "judged_at": now, "asked": asked}
        if row.size_bytes > RAW_BYTES:
            return put_together((), (), unjudged=(TOO_LARGE,), **about)
        raw = self.vault.read(row.vault_key, row.vault_version, sha256=row.sha256)
        try:
            messages, notes = messages_in(raw, found, channel=row.channel, media_type=row.media_type)
            judged = judge_messages(messages, received_at=row.received_at, lookup=lookups, servers=self.servers)
        except Exception as error:
            # The edge: a fault here is a state of the judgement. It must not be tried again and again for ever.
            log.exception("authenticity.failed", exhibit_id=str(row.id))
            return put_together((), (), unjudged=(FAILED.format(error=type(error).__name__),), **about)
        return put_together(judged, tuple(lookups.answers.values()), unjudged=notes, **about)


def _row_of(connection: Connection, exhibit_id: UUID) -> Row[Any]:
    columns = ("channel", "media_type", "sha256", "size_bytes", "received_at")
    query = (
        select(exhibit.c.id, exhibit.c.vault_key, exhibit.c.vault_version, *(acquisition.c[name] for name in columns))
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .where(exhibit.c.id == exhibit_id)
    )
    row = connection.execute(query).first()
    if row is None:
        raise UnknownAcquisitionError(str(exhibit_id))
    return row


def _reading_of(connection: Connection, exhibit_id: UUID) -> Reading | None:
    mine = select(reading.c.content).where(reading.c.exhibit_id == exhibit_id)
    content = connection.execute(mine.order_by(reading.c.version.desc()).limit(1)).scalar()
    try:
        return from_json(content) if content is not None else None
    except (KeyError, TypeError):
        return None
