"""Twilio's own copies of texts: emptied or deleted there, if the settings say so, and never before ours is certain.

Certain is a text whose custody entry has its place under a signed checkpoint, all of whose media do likewise, and whose
bytes, and theirs, were read back from the vault just now and have the digests that were recorded. What was done is a
custody entry of its own. A process that dies between the two finds the copy changed already and records it then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Integer, cast, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import Channel
from archive.alerts import raise_alert
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.errors import DigestMismatchError, IntegrityFault
from archive.ledger import checkpoint_size, record
from archive.marks import count
from archive.tables import acquisition, custody_leaf, exhibit, media_due, provider_copy
from archive.vault import Vault
from intake.twilio_api import TwilioApi

ACTOR: Final = "system:copies"
KEEP, REDACT, DELETE = "keep", "redact", "delete"
_DONE: Final = {REDACT: ("redacted", Action.COPY_REDACTED), DELETE: ("deleted", Action.COPY_DELETED)}
AT_ONCE: Final = 200
# Everybody who may still need Twilio's copy, its own repeats and our reconciliation, has had it by then.
SETTLED: Final = timedelta(hours=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Held:
    """One of ours: its digest, and where it lies."""

    id: UUID
    source_id: str
    sha256: str
    vault_key: str
    vault_version: str


def tidy_copies(
    engine: Engine, vault: Vault, api: TwilioApi, how: str, *, now: Callable[[], datetime], most: int = AT_ONCE
) -> list[UUID]:
    """Redact or delete what Twilio still has of archived texts, oldest first. Safe to repeat.

    Args:
        engine: The application's database.
        vault: Where ours is read back from.
        api: Twilio's REST side.
        how: `redact` or `delete`; nothing happens with `keep`.
        now: The clock.
        most: At most so many.

    Returns:
        The texts whose copies were changed by this call.

    Raises:
        TransientError: Twilio or the vault is away; what was done before stays and is recorded.
        TwilioRefusedError: The credentials are wrong.
    """
    if how not in _DONE:
        return []
    with engine.connect() as connection:
        certain = _candidates(connection, now() - SETTLED, most)
    done: list[UUID] = []
    for text_id in certain:
        with engine.connect() as connection:
            items = _with_media(connection, text_id)
        if not _is_right(engine, vault, items, now()):
            continue
        change = api.redact if how == REDACT else api.delete
        change(items[0].source_id)
        with engine.begin() as connection:
            _record(connection, text_id, how, items, now())
        done.append(text_id)
    return done


def _candidates(connection: Connection, received_before: datetime, most: int) -> list[UUID]:
    """Archived texts under a signed checkpoint, with all the media they name or state likewise."""
    size = checkpoint_size(connection)
    part, of_part = acquisition.alias("part"), exhibit.alias("of_part")
    leaf_of_part = custody_leaf.alias("leaf_of_part")
    sealed_media = (
        select(func.count())
        .select_from(part)
        .join(of_part, of_part.c.id == part.c.id)
        .join(leaf_of_part, leaf_of_part.c.entry_id == of_part.c.archived_entry)
        .where(part.c.parent_id == acquisition.c.id, leaf_of_part.c.leaf_index < size)
    )
    any_media = select(func.count()).select_from(part).where(part.c.parent_id == acquisition.c.id)
    named = func.coalesce(func.json_array_length(acquisition.c.door["media"]), 0)
    stated = func.coalesce(cast(acquisition.c.door["stated_media"].as_string(), Integer), 0)
    again = acquisition.alias("again")
    query = (
        select(acquisition.c.id)
        .join(exhibit, exhibit.c.id == acquisition.c.id)
        .join(custody_leaf, custody_leaf.c.entry_id == exhibit.c.archived_entry)
        .outerjoin(provider_copy, provider_copy.c.acquisition_id == acquisition.c.id)
        .where(
            acquisition.c.channel == Channel.SMS.value,
            acquisition.c.parent_id.is_(None),
            acquisition.c.observation_of.is_(None),
            acquisition.c.received_at < received_before,
            custody_leaf.c.leaf_index < size,
            provider_copy.c.acquisition_id.is_(None),
            sealed_media.scalar_subquery() >= func.greatest(named, stated, any_media.scalar_subquery()),
            ~exists().where(media_due.c.acquisition_id == acquisition.c.id),
            # What was told twice with other bytes is looked at by a person first.
            ~exists().where(again.c.observation_of == acquisition.c.id),
        )
        .order_by(acquisition.c.received_at)
        .limit(most)
    )
    return list(connection.execute(query).scalars())


def _with_media(connection: Connection, text_id: UUID) -> Sequence[_Held]:
    """The text, then its media, each with where it lies and its digest."""
    query = (
        select(
            acquisition.c.id,
            acquisition.c.source_id,
            acquisition.c.sha256,
            exhibit.c.vault_key,
            exhibit.c.vault_version,
        )
        .join(exhibit, exhibit.c.id == acquisition.c.id)
        .where((acquisition.c.id == text_id) | (acquisition.c.parent_id == text_id))
        .order_by(acquisition.c.parent_id.isnot(None), acquisition.c.source_id)
    )
    return [_Held(*row) for row in connection.execute(query)]


def _is_right(engine: Engine, vault: Vault, items: Sequence[_Held], at: datetime) -> bool:
    """Read each back from the vault; where one is not as recorded Twilio's copy is kept, and somebody is told."""
    try:
        for item in items:
            actual = vault.digest(item.vault_key, item.vault_version)
            if actual != item.sha256:
                raise DigestMismatchError(item.vault_key, item.sha256, actual)
    except IntegrityFault as fault:
        log.exception("copies.fault", acquisition_id=str(items[0].id), fault=type(fault).__name__)
        with engine.begin() as connection:
            text = f"Twilio's copy is kept, because ours is not as recorded: {fault}"
            raise_alert(connection, "fault", at=at, acquisition_id=items[0].id, text=text[:1000])
        return False
    return True


def _record(connection: Connection, text_id: UUID, how: str, items: Sequence[_Held], at: datetime) -> None:
    act, action = _DONE[how]
    row = insert(provider_copy).values(acquisition_id=text_id, act=act, done_at=at)
    if connection.execute(row.on_conflict_do_nothing()).rowcount:
        facts = {"source_id": items[0].source_id, "read_back": [item.sha256 for item in items]}
        record(connection, CustodyEntry(exhibit_stream(text_id), action, ACTOR, at, facts))
        count(connection, f"copies_{act}")
