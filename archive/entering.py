"""Entering: what lies in the vault becomes exhibits, each with its case or its quarantine, in one transaction.

Everything is done for a whole batch at once: a statement for each kind of row, whatever the number of items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert

from archive.acquisition import OBSERVATION, Channel, acquisition_id
from archive.assignment import Belonging, placed
from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.ledger import record_all
from archive.tables import exhibit
from archive.vault import StoredObject

__all__ = ["ACTOR", "Arrival", "Belonging", "enter"]

ACTOR = "system:accession"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One acquisition that lies in the vault.

    Attributes:
        facts: What its custody entry says of it.
        stored: Where it lies.
        belonging: What its door knows of where it belongs.
    """

    facts: Mapping[str, Any]
    stored: StoredObject
    belonging: Belonging

    @property
    def id(self) -> UUID:
        """The acquisition's id, and the exhibit's."""
        return UUID(self.facts["exhibit_id"])


def enter(connection: Connection, arrivals: Sequence[Arrival], *, at: datetime) -> None:
    """Make acquisitions exhibits: custody entries, rows, and each its case or its quarantine."""
    if not arrivals:
        return
    places = placed(connection, [(arrival.id, arrival.belonging) for arrival in arrivals], at=at)
    # An entry that names the exhibit's stream comes after the stream's first.
    archived = record_all(connection, [_entry(arrival, at) for arrival in arrivals])
    again = [entry for entry in (_observed_again(arrival, at) for arrival in arrivals) if entry]
    record_all(connection, [*(place.entry for place in places), *again])
    rows = [
        {
            "id": arrival.id,
            "vault_key": arrival.stored.key,
            "vault_version": arrival.stored.version,
            "retain_until": arrival.stored.retain_until,
            "archived_at": at,
            "archived_entry": entry_id,
            **place.columns,
        }
        for arrival, place, entry_id in zip(arrivals, places, archived, strict=True)
    ]
    connection.execute(insert(exhibit), rows)


def _entry(arrival: Arrival, at: datetime) -> CustodyEntry:
    facts = {**arrival.facts, "vault_key": arrival.stored.key, "vault_version": arrival.stored.version}
    return CustodyEntry(exhibit_stream(arrival.id), Action.EXHIBIT_ARCHIVED, ACTOR, at, facts)


def _observed_again(arrival: Arrival, at: datetime) -> CustodyEntry | None:
    """The entry in the first exhibit's stream, where this one is the same source id told again with other bytes."""
    source_id, mark, _ = arrival.facts["source_id"].partition(OBSERVATION)
    if not mark:
        return None
    first = acquisition_id(Channel(arrival.facts["channel"]), source_id)
    facts = {"exhibit_id": str(arrival.id), "sha256": arrival.facts["sha256"]}
    return CustodyEntry(exhibit_stream(first), Action.EXHIBIT_OBSERVED_AGAIN, ACTOR, at, facts)
