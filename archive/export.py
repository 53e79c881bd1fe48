"""Exporting a case: a snapshot of the ledger and the database becomes an evidence package.

The snapshot is the ledger at its newest checkpoint: exhibits are those assigned below it, streams end where it ends.
Its digests go into the ledger as `package.exported`, and the package is closed once a checkpoint covers that entry.
"""

from __future__ import annotations

import itertools
import mimetypes
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Engine, Row, select

from archive import package as form
from archive import verify
from archive.acquisition import Channel
from archive.case import Case
from archive.custody import Action, CustodyEntry, case_stream, exhibit_stream, pseudonym, stream_key
from archive.edition import DISCLOSURE, Edition, listing
from archive.errors import NotSequencedYetError, NotStampedError, RetentionRefusedError
from archive.ledger import checkpoint_size, entries_where, heads, nodes, record, require_sequenced
from archive.package import Derived, DisclosedStream, FinishedPackage, PackageExhibit, PackageSource
from archive.reading_ahead import Reading, read_ahead
from archive.redaction import Redactor
from archive.retention import is_disposed
from archive.seals import seal_of, sizes_for
from archive.snapshot import AT_ONCE, Snapshot
from archive.stamping import Stamped
from archive.tables import (
    acquisition,
    contributor,
    contributor_contact,
    custody_entry,
    custody_leaf,
    custody_payload,
    exhibit,
    mail_alias,
)
from archive.trust_policy import Policy
from archive.vault import Vault

log = structlog.get_logger()

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.2
# Readings can be long: few are in memory at a time.
DERIVED_AT_ONCE = 16

Render: TypeAlias = Callable[[Connection, Case, Snapshot, Edition], Mapping[str, bytes | Iterable[bytes]]]
Derive: TypeAlias = Callable[[Connection, Sequence[UUID], Edition], Mapping[UUID, Sequence[Derived]]]
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Exporter:
    """What exporting needs.

    Attributes:
        engine: The application's login.
        vault: Where originals lie.
        secret: The ledger secret: opens the names of the case's own streams.
        organisation: Who makes the package.
        software: Name and version of this software.
        policy: The trust policy this installation publishes.
        render: Renderings of a case (timeline and the like) by path below `data/`; given the snapshot and the edition.
        derive: What was made from some exhibits (their readings), as the edition may tell it; none where it is empty.
        now: The clock.
        tsa_roots: Certificates of the timestamp authorities, PEM, copied into packages.
        intake: Numbers and addresses that people send to, which no disclosure edition names.
        stamp: Gets timestamp tokens over the checkpoint of that size, within a bounded time; without it, or where no
            token comes, the package has none, and its verifier says so.
        witnessed: Has a checkpoint of at least that size cosigned, and says its size; without it, nobody cosigns.
        judged: What the signatures of some exhibits came to, as the edition may tell it.
    """

    engine: Engine
    vault: Vault
    secret: bytes
    organisation: str
    software: str
    policy: Callable[[Connection], str]
    render: Render
    derive: Derive
    now: Callable[[], datetime]
    tsa_roots: bytes = b""
    intake: tuple[str, ...] = ()
    stamp: Callable[[int], Stamped] | None = None
    witnessed: Callable[[int], int] | None = None
    judged: Derive = lambda _connection, _exhibits, _edition: {}

    def export(self, exported: Case, out: Path, *, edition: str, actor: str, progress: Progress) -> FinishedPackage:
        """Build one package of a case into a file.

        Args:
            exported: The case.
            out: Where the ZIP goes; replaced only once it is complete.
            edition: `full` or `disclosure`.
            actor: Who asked for it.
            progress: Told exhibits done and in all.

        Raises:
            RetentionRefusedError: The case was disposed of.
            NotSequencedYetError: No checkpoint covered the case, or the export, in time; try again.
            NotWitnessedError: The witnesses that the policy asks for have not cosigned; try again.
            NotStampedError: The timestamp authorities that it asks for did not answer; try again.
            CaseMovedError: Something was done that the edition must leave out while it was made; try again.
            DigestMismatchError: The vault does not hold what the ledger recorded.
            VerificationError: The finished package does not verify; it is not to be handed out.
        """
        with self.engine.connect() as connection:
            if is_disposed(connection, exported.id):
                raise RetentionRefusedError("this case was disposed of: what it held is gone, its certificate is left")
        package_id = str(uuid4())
        folder = Path(tempfile.mkdtemp(prefix="package-", dir=out.parent))
        try:
            draft, snapshot = self._draft(exported, folder / "bag", package_id, edition, progress)
            entry_id = self._bind(exported, draft, actor)
            return self._close(snapshot, draft, entry_id, out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _draft(
        self, exported: Case, folder: Path, package_id: str, edition: str, progress: Progress
    ) -> tuple[form.Draft, Snapshot]:
        patiently(lambda: self._sequenced(exported))
        with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            snapshot = Snapshot(exported.id, checkpoint_size(connection))
            told = self._edition(connection, snapshot, edition)
            case_label = case_stream(exported.id)
            (case_head,) = _heads(connection, self.secret, [case_label], snapshot.size)
            source = PackageSource(
                package_id=package_id,
                edition=edition,
                snapshot_at=self.now(),
                organisation=self.organisation,
                software=self.software,
                case=case_head,
                exhibit_streams=_exhibit_streams(connection, self.secret, snapshot),
                exhibits=self._items(connection, snapshot, told, progress),
                renderings={
                    **self.render(connection, exported, snapshot, told),
                    "withheld.csv": listing(told, partial(_named, connection)),
                },
                withheld=told.withheld,
                policy=self.policy(connection).encode(),
                tsa_roots=self.tsa_roots,
                closes=told.closes,
            )
            return form.begin(folder, source), snapshot

    def _sequenced(self, exported: Case) -> int:
        with self.engine.connect() as connection:
            return require_sequenced(connection, [case_stream(exported.id)])

    def _edition(self, connection: Connection, snapshot: Snapshot, name: str) -> Edition:
        """Decide what this edition leaves out of the snapshot."""
        if name != DISCLOSURE:
            made = Edition(name)
            # It tells every payload that is there.
            made.withhold_payloads(snapshot.entries(connection, custody_payload.c.body.is_(None)))
            return made
        made = Edition(name, _redactor(connection, snapshot.case_id, self.intake))
        made.withhold_payloads(snapshot.entries(connection))
        for row in snapshot.exhibits(connection):
            made.withhold_original(
                str(row.id),
                channel=row.channel,
                media_type=row.media_type,
                size_bytes=row.size_bytes,
                read=partial(self.vault.stream, row.vault_key, row.vault_version),
            )
        return made

    def _items(
        self, connection: Connection, snapshot: Snapshot, told: Edition, progress: Progress
    ) -> Iterator[PackageExhibit]:
        many, rows = snapshot.exhibit_count(connection), snapshot.exhibits(connection)
        read = read_ahead(self.vault, rows, lambda row: str(row.id) not in told.originals)
        made = self._with_derived(connection, read, told)
        for done, (row, original, derived, judged) in enumerate(made, start=1):
            yield PackageExhibit(
                id=str(row.id),
                reference=f"{row.initials}/{row.number}",
                sha256=row.sha256,
                sha512=row.sha512,
                size_bytes=row.size_bytes,
                channel=row.channel,
                received_at=row.received_at,
                delivered_at=row.delivered_at,
                media_type=row.media_type,
                extension=extension_of(row.channel, row.media_type),
                read=original,
                derive=partial(tuple, derived),
                withheld=told.originals.get(str(row.id)),
                judged=partial(tuple, judged),
            )
            progress(done, many)

    def _with_derived(
        self, connection: Connection, rows: Iterator[tuple[Row[Any], Reading]], told: Edition
    ) -> Iterator[tuple[Row[Any], Reading, Sequence[Derived], Sequence[Derived]]]:
        while some := list(itertools.islice(rows, DERIVED_AT_ONCE)):
            ids = [row.id for row, _ in some]
            derived, judged = self.derive(connection, ids, told), self.judged(connection, ids, told)
            yield from ((row, read, derived.get(row.id, ()), judged.get(row.id, ())) for row, read in some)

    def _bind(self, exported: Case, draft: form.Draft, actor: str) -> int:
        with self.engine.begin() as connection:
            entry = CustodyEntry(
                stream=case_stream(exported.id),
                action=Action.PACKAGE_EXPORTED,
                actor=actor,
                at=self.now(),
                facts=draft.exported_facts(),
            )
            return record(connection, entry)

    def _close(self, snapshot: Snapshot, draft: form.Draft, entry_id: int, out: Path) -> FinishedPackage:
        size = patiently(lambda: self._covering(entry_id))
        size = self.witnessed(size) if self.witnessed else size
        self._stamped(size)
        with self.engine.connect() as connection:
            self._require_stamped(connection, size)
            seals = [seal_of(connection, each) for each in sizes_for(connection, snapshot, size)]
            entries = entries_where(connection, custody_entry.c.stream.in_(snapshot.streams()))
            finished = form.finish(draft, entries, seals, partial(nodes, connection), out)
            # Nothing leaves the house that its own verifier refuses.
            verify.verify(out, self.policy(connection))
        return finished

    def _stamped(self, size: int) -> None:
        missing = self.stamp(size).missing if self.stamp else {}
        for authority, because in missing.items():
            log.warning("package.without_token", authority=authority, because=because, checkpoint_size=size)

    def _require_stamped(self, connection: Connection, size: int) -> None:
        required, there = Policy.parse(self.policy(connection)).timestamps, len(seal_of(connection, size).tokens)
        if there < required:
            raise NotStampedError(size, required, there)

    def _covering(self, entry_id: int) -> int:
        """Size of a checkpoint over this entry."""
        with self.engine.connect() as connection:
            index = connection.execute(
                select(custody_leaf.c.leaf_index).where(custody_leaf.c.entry_id == entry_id)
            ).scalar()
            size = checkpoint_size(connection)
        if index is None or index >= size:
            raise NotSequencedYetError("the package's export")
        return size


def patiently(look: Callable[[], int]) -> int:
    """Look until the sequencer has caught up.

    Raises:
        NotSequencedYetError: It has not within a minute.
    """
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return look()
        except NotSequencedYetError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(PAUSE_SECONDS)


def _redactor(connection: Connection, case_id: UUID, intake: Iterable[str]) -> Redactor:
    """Takes out every number and address of the case's contributors, and those that people send to."""
    query = (
        select(contributor_contact.c.value)
        .join(contributor, contributor.c.id == contributor_contact.c.contributor_id)
        .where(contributor.c.case_id == case_id)
    )
    tags = select(mail_alias.c.tag).where(mail_alias.c.case_id == case_id, mail_alias.c.tag.isnot(None))
    return Redactor.of([*connection.execute(query).scalars(), *intake], connection.execute(tags).scalars())


def _exhibit_streams(connection: Connection, secret: bytes, snapshot: Snapshot) -> Iterator[DisclosedStream]:
    rows = snapshot.exhibits(connection)
    while some := [exhibit_stream(row.id) for row in itertools.islice(rows, AT_ONCE)]:
        yield from _heads(connection, secret, some, snapshot.size)


def _heads(connection: Connection, secret: bytes, labels: Sequence[str], size: int) -> list[DisclosedStream]:
    """Each stream with its last entry below the checkpoint, in the order asked."""
    names = {label: pseudonym(secret, label) for label in labels}
    found = heads(connection, list(names.values()), size=size)
    return [
        DisclosedStream(label, stream_key(secret, label), found[names[label]].seq, found[names[label]].leaf_hash)
        for label in labels
    ]


def _named(connection: Connection, exhibits: Collection[str]) -> dict[str, tuple[str, str]]:
    """Reference and sha256 of some exhibits, by id."""
    query = select(exhibit.c.id, exhibit.c.initials, exhibit.c.number, acquisition.c.sha256).join(
        acquisition, acquisition.c.id == exhibit.c.id
    )
    rows = connection.execute(query.where(exhibit.c.id.in_([UUID(each) for each in exhibits])))
    return {str(row.id): (f"{row.initials}/{row.number}", row.sha256) for row in rows}


def extension_of(channel: str, media_type: str) -> str:
    """The extension of an original's file in the package: plain, and never taken from the sender's file name."""
    if channel == Channel.SMS and media_type == "application/x-www-form-urlencoded":
        return "form"
    if media_type == "message/rfc822":
        return "eml"
    guessed = (mimetypes.guess_extension(media_type) or "").lstrip(".")
    return guessed if re.fullmatch(r"[a-z0-9]{1,8}", guessed) else "bin"
