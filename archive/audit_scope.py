"""What every part of an audit shares: what it looks at, with what, and how it says what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Engine

from archive.signed_note import VerifierKey
from archive.token_check import Roots
from archive.vault import Vault


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as recorded.

    Attributes:
        kind: What kind, one word; docs/operations.md explains each.
        place: Where: an entry, a checkpoint, a row or an object.
        says: What is wrong there.
    """

    kind: str
    place: str
    says: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the things one step looks at.

    Attributes:
        cursor: Where the step goes on if the run is stopped after this page.
        looked_at: How many things were on it.
        faults: What was found.
    """

    cursor: str
    looked_at: int
    faults: Sequence[Fault] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Scope:
    """How much a run looks at.

    Attributes:
        since: Only entries and objects from then on, besides those of `part`; None: everything.
        part: One hex digit: also the sixteenth of all objects whose key's digest begins with it.
    """

    since: datetime | None = None
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What an audit works with.

    Attributes:
        engine: On the application's login.
        vault: The bucket.
        origin: The log's name.
        secret: The ledger secret that pseudonyms come from.
        keys: Keys whose checkpoints count, from outside the database; empty: those the database knows.
        witnesses: Keys whose cosignatures count, from outside the database; empty: whatever key a cosignature names.
        outside: The kept checkpoint, where this process may read it.
        roots: Of timestamp authorities; None: tokens are compared with the ledger alone.
        threads: For reading objects.
        now: The clock.
        summary_in: What the timeline is to show of a document of findings on signatures; None where it cannot be said.
        grace: How long an object may lie without a row, and an entry without its place, before it is a fault.
    """

    engine: Engine
    vault: Vault
    origin: str
    secret: bytes
    keys: Sequence[VerifierKey]
    outside: Path | None
    roots: Roots | None
    threads: Executor
    now: Callable[[], datetime]
    grace: timedelta = timedelta(hours=1)
    witnesses: Sequence[VerifierKey] = ()
    summary_in: Callable[[bytes], Mapping[str, Any] | None] = lambda _content: None


Step: TypeAlias = Callable[[Ground, Scope, str], Iterator[Page]]
"""Looks at one kind of thing from a cursor on, a page at a time; memory stays at a page."""
