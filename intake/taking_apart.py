"""Taking an export apart that came by mail or by a link: as `import` does it, a stretch at a time, in a worker.

One export at a time in the whole house, so that the other workers are there for what comes in. Each batch is in the
archive before how far it came is noted: whatever is killed, whoever goes on repeats one batch at most, and finds it
there. What is taken out was received when the export was, and belongs to its case and contributor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import InterfaceError, OperationalError

from archive.accession import Archive, Belonging
from archive.acquisition import rendered
from archive.errors import DigestMismatchError, TransientError
from intake import exports
from intake.errors import UnreadableFileError
from intake.exports import TAKEN_FROM, Outcome, export_type, exports_in
from intake.handed import Handed, gathered
from intake.importing import Arrived, in_short, take_in
from intake.reading import part_bytes
from intake.reading.limits import RAW_BYTES
from intake.reading.model import Reading
from intake.unpacking import ZIP, Item, Unpacking

STRETCH_SECONDS: Final = 30.0
"""A worker takes an export apart for so long, then looks whether something else waits."""
MOST_ITEMS: Final = 250_000
"""Out of one exhibit: each is an object that is locked for years."""
# Any constant of ours.
_LOCK: Final = 0x6578706F
_TRY_LOCK, _UNLOCK = text("SELECT pg_try_advisory_lock(:key)"), text("SELECT pg_advisory_unlock(:key)")
_TRANSIENT: Final = (TransientError, OperationalError, InterfaceError)

log = structlog.get_logger()


@dataclass(slots=True)
class _Found:
    """What has been found in one exhibit so far."""

    taken: dict[str, int] = field(default_factory=dict)
    parked: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    holds: str | None = None

    def add(self, source: Unpacking) -> None:
        """What was found in one of its files, once all of that was seen."""
        account = source.account
        for mine, more in ((self.taken, account.taken), (self.parked, account.parked)):
            for name, count in more.items():
                mine[name] = mine.get(name, 0) + count
        self.told += account.told()


@dataclass(frozen=True, slots=True)
class ExportTaker:
    """Takes exports apart.

    Attributes:
        archive: Where exhibits lie and go.
        reading_of: The newest reading of an exhibit, if there is one.
        then: Told of each batch once it is archived; it may read it.
        now: Our clock.
        seconds: How long one call works at most, but for its last batch.
    """

    archive: Archive
    reading_of: Callable[[UUID], Reading | None]
    then: Callable[[Arrived], None]
    now: Callable[[], datetime]
    seconds: float = STRETCH_SECONDS

    def take(self, exhibit_id: UUID) -> bool:
        """Take one exhibit apart, or go on with it. Safe to repeat.

        Returns:
            Whether there is nothing left to do for it; False as well where another worker is at one.

        Raises:
            TransientError: The vault is away; it goes on later where it stopped.
        """
        with _alone(self.archive.engine) as alone:
            if not alone:
                return False
            with self.archive.engine.begin() as connection:
                row = exports.waiting_row(connection, exhibit_id)
                if row is None or not exports.begin(connection, row, at=self.now()):
                    return True
            return self._tried(row)

    def _tried(self, row: Row[Any]) -> bool:
        try:
            return self._taken(row)
        except _TRANSIENT:
            with self.archive.engine.begin() as connection:
                exports.forgive(connection, row.id, at=self.now())
            raise
        except UnreadableFileError as error:
            outcome = Outcome("failed", row.exhibits, because=error.because)
            with self.archive.engine.begin() as connection:
                exports.finish(connection, row.id, outcome, at=self.now())
            return True
        except Exception as error:
            log.exception("exports.not_taken", exhibit_id=str(row.id))
            because = f"it could not be taken apart: {type(error).__name__}"
            with self.archive.engine.begin() as connection:
                exports.fail(connection, row.id, because=because, at=self.now())
            return False

    def _taken(self, row: Row[Any]) -> bool:
        until = time.monotonic() + self.seconds
        belonging = Belonging(case_id=row.case_id, contributor_id=row.contributor_id)
        found = _Found()
        passed, exhibits = row.passed, row.exhibits
        faults: list[str] = []
        items = self._items(row, found)
        for batch in take_in(self.archive, islice(items, passed, MOST_ITEMS), belonging, now=self.now):
            self.then(batch.arrived)
            passed, exhibits = passed + batch.items, exhibits + len(batch.arrived)
            faults += batch.faults
            if faults:
                break
            with self.archive.engine.begin() as connection:
                exports.go_on(connection, row.id, passed=passed, exhibits=exhibits, tries=0, next_at=self.now())
            if time.monotonic() > until:
                return False
        if not faults and next(items, None) is not None:
            faults.append(f"it holds more than {MOST_ITEMS} items; the others are in the file, which is kept")
        items.close()
        outcome = _outcome(found, exhibits, [*faults, *found.told])
        with self.archive.engine.begin() as connection:
            exports.finish(connection, row.id, outcome, at=self.now())
        log.info("exports.taken", exhibit_id=str(row.id), state=outcome.state, exhibits=exhibits)
        return True

    def _items(self, row: Row[Any], found: _Found) -> Generator[Item, None, None]:
        """Everything that comes out of an exhibit, in an order that is always the same."""
        if exports.is_file(row):
            yield from self._of_upload(row, found)
            return
        reading = self.reading_of(row.id)
        if reading is None or row.size_bytes > RAW_BYTES:
            return
        raw = self.archive.vault.read(row.vault_key, row.vault_version, sha256=row.sha256)
        originals = [each.sha256 for each in reading.attachments if each.role == "original"]
        # The one mail that this forward is about is its event already.
        shown = frozenset(originals) if len(originals) == 1 else frozenset()
        for part in exports_in(reading):
            facts = _facts(row, part.name) | {"part": part.index}
            with gathered(iter([part_bytes(raw, part)]), facts) as handed:
                media_type = export_type(part.media_type, part.name)
                yield from self._of_file(row, handed, str(media_type), found, shown)

    def _of_upload(self, row: Row[Any], found: _Found) -> Iterator[Item]:
        name = row.door.get("filename")
        with gathered(self.archive.vault.stream(row.vault_key, row.vault_version), _facts(row, name)) as handed:
            if handed.sha256 != row.sha256:
                raise DigestMismatchError(row.vault_key, row.sha256, handed.sha256)
            media_type = str(export_type(row.media_type, name))
            for item in self._of_file(row, handed, media_type, found, frozenset()):
                if item.acquisition.sha256 != row.sha256:  # it is in the archive as the exhibit that it is
                    yield item
                else:
                    is_zip = item.acquisition.media_type == ZIP and "unpacked" in item.acquisition.door
                    found.holds = item.acquisition.door.get("holds") or ("zip" if is_zip else None)

    def _of_file(
        self, row: Row[Any], handed: Handed, media_type: str, found: _Found, shown: frozenset[str]
    ) -> Iterator[Item]:
        """A file and what is in it; nothing of one that nothing is in."""
        source = Unpacking(row.received_at)
        try:
            items = (each for each in source.items(handed, media_type) if each.acquisition.sha256 not in shown)
            file = next(items, None)
            first = next(items, None)
            if file is not None and first is not None:
                yield _of(file, row.id, parent_id=row.id)
                yield _of(first, row.id)
                for each in items:
                    yield _of(each, row.id)
        finally:
            found.add(source)


def _of(item: Item, exhibit_id: UUID, parent_id: UUID | None = None) -> Item:
    door: Mapping[str, Any] = {**item.acquisition.door, TAKEN_FROM: str(exhibit_id)}
    return replace(item, acquisition=replace(item.acquisition, door=door), parent_id=item.parent_id or parent_id)


def _facts(row: Row[Any], name: str | None) -> dict[str, Any]:
    return {"filename": name or "", "modified_at": rendered(row.received_at)}


def _outcome(found: _Found, exhibits: int, faults: list[str]) -> Outcome:
    state = "partly" if faults else "whole"
    if not exhibits:
        state = "failed" if faults else "nothing"
    return Outcome(state, exhibits, found.holds, found.taken, found.parked, in_short(faults))


@contextmanager
def _alone(engine: Engine) -> Iterator[bool]:
    """Whether no other process is at an export; none will be until this ends, however it ends."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        alone = bool(connection.execute(_TRY_LOCK, {"key": _LOCK}).scalar_one())
        try:
            yield alone
        finally:
            if alone:
                connection.execute(_UNLOCK, {"key": _LOCK})
