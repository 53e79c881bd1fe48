"""Exporting a case: a snapshot of the ledger and the database becomes an evidence package.

The snapshot is the ledger at its newest checkpoint: exhibits are those assigned below it, streams end where it ends.
Its digests go into the ledger as `package.exported`, and the package is closed once a checkpoint covers that entry.
"""

from __future__ import annotations

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
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Engine, Row, Text, cast, func, literal, select

from archive import package as form
from archive import verify
from archive.acquisition import Channel
from archive.case import Case
from archive.custody import Action, CustodyEntry, case_stream, exhibit_stream, pseudonym, stream_key
from archive.errors import NotSequencedYetError
from archive.ledger import checkpoint_size, cosigned_note, entries_of, heads, nodes, record, require_sequenced
from archive.package import Derived, DisclosedStream, FinishedPackage, PackageExhibit, PackageSource, Seal
from archive.stamping import Stamped
from archive.tables import acquisition, custody_entry, custody_leaf, custody_payload, exhibit, package
from archive.timestamps import tokens_of
from archive.vault import Vault

log = structlog.get_logger()

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.2
ERASED = "erased under its retention rule"

Render: TypeAlias = Callable[[Connection, Case, frozenset[UUID]], Mapping[str, bytes | Iterable[bytes]]]
Derive: TypeAlias = Callable[[Connection, UUID], Sequence[Derived]]
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
        render: Renderings of a case (timeline and the like) by path below `data/`; given the exhibits of the snapshot.
        derive: What was made from one exhibit (its reading).
        now: The clock.
        stamp: Gets timestamp tokens over the checkpoint of that size, within a bounded time; without it, or where no
            token comes, the package has none, and its verifier says so.
        witnessed: Has a checkpoint of at least that size cosigned, and says its size; without it, nobody cosigns.
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
    stamp: Callable[[int], Stamped] | None = None
    witnessed: Callable[[int], int] | None = None

    def export(self, exported: Case, out: Path, *, edition: str, actor: str, progress: Progress) -> FinishedPackage:
        """Build one package of a case into a file.

        Args:
            exported: The case.
            out: Where the ZIP goes; replaced only once it is complete.
            edition: `full`.
            actor: Who asked for it.
            progress: Told exhibits done and in all.

        Raises:
            NotSequencedYetError: No checkpoint covered the case, or the export, in time; try again.
            NotWitnessedError: The witnesses that the policy asks for have not cosigned; try again.
            DigestMismatchError: The vault does not hold what the ledger recorded.
            VerificationError: The finished package does not verify; it is not to be handed out.
        """
        package_id = str(uuid4())
        folder = Path(tempfile.mkdtemp(prefix="package-", dir=out.parent))
        try:
            draft = self._draft(exported, folder / "bag", package_id, edition, progress)
            entry_id = self._bind(exported, draft, actor)
            return self._close(exported, draft, entry_id, out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _draft(self, exported: Case, folder: Path, package_id: str, edition: str, progress: Progress) -> form.Draft:
        patiently(lambda: self._sequenced(exported))
        with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            size = checkpoint_size(connection)
            rows = _exhibits(connection, exported.id, size)
            labels = [exhibit_stream(row.id) for row in rows]
            disclosed = _heads(connection, self.secret, [case_stream(exported.id), *labels], size)
            source = PackageSource(
                package_id=package_id,
                edition=edition,
                snapshot_at=self.now(),
                organisation=self.organisation,
                software=self.software,
                case=disclosed[0],
                exhibit_streams=disclosed[1:],
                exhibits=self._items(connection, rows, progress),
                renderings=self.render(connection, exported, frozenset(row.id for row in rows)),
                withheld=_erased(connection, [stream.label for stream in disclosed], size),
                policy=self.policy(connection).encode(),
            )
            return form.begin(folder, source)

    def _sequenced(self, exported: Case) -> int:
        with self.engine.connect() as connection:
            return require_sequenced(connection, [case_stream(exported.id)])

    def _items(self, connection: Connection, rows: Sequence[Row[Any]], progress: Progress) -> Iterator[PackageExhibit]:
        for done, row in enumerate(rows, start=1):
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
                read=partial(self.vault.stream, row.vault_key, row.vault_version),
                derive=partial(self.derive, connection, row.id),
            )
            progress(done, len(rows))

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

    def _close(self, exported: Case, draft: form.Draft, entry_id: int, out: Path) -> FinishedPackage:
        size = patiently(lambda: self._covering(entry_id))
        size = self.witnessed(size) if self.witnessed else size
        self._stamped(size)
        labels = [case_stream(exported.id), *(stream.label for stream in draft.exhibit_streams)]
        with self.engine.connect() as connection:
            sizes = sorted({*_earlier(connection, exported.id, size), size})
            seals = [seal_of(connection, each) for each in sizes]
            finished = form.finish(draft, entries_of(connection, labels), seals, partial(nodes, connection), out)
            # Nothing leaves the house that its own verifier refuses.
            verify.verify(out, self.policy(connection))
        return finished

    def _stamped(self, size: int) -> None:
        missing = self.stamp(size).missing if self.stamp else {}
        for authority, because in missing.items():
            log.warning("package.without_token", authority=authority, because=because, checkpoint_size=size)

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


def _exhibits(connection: Connection, case_id: UUID, size: int) -> Sequence[Row[Any]]:
    """The exhibits whose assignment to the case lies below the checkpoint, in order of receipt."""
    query = (
        select(acquisition, exhibit)
        .join(exhibit, exhibit.c.id == acquisition.c.id)
        .join(custody_entry, custody_entry.c.names_stream == literal("exhibit:") + cast(exhibit.c.id, Text))
        .join(custody_leaf, custody_leaf.c.entry_id == custody_entry.c.id)
        .where(custody_entry.c.stream == case_stream(case_id), custody_leaf.c.leaf_index < size)
        .order_by(acquisition.c.received_at, acquisition.c.id)
    )
    return connection.execute(query).all()


def _heads(connection: Connection, secret: bytes, labels: Sequence[str], size: int) -> list[DisclosedStream]:
    """Each stream with its last entry below the checkpoint, in the order asked."""
    names = {label: pseudonym(secret, label) for label in labels}
    found = heads(connection, list(names.values()), size=size)
    return [
        DisclosedStream(label, stream_key(secret, label), found[names[label]].seq, found[names[label]].leaf_hash)
        for label in labels
    ]


def _erased(connection: Connection, labels: Sequence[str], size: int) -> dict[int, str]:
    query = (
        select(custody_leaf.c.leaf_index)
        .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .outerjoin(custody_payload, custody_payload.c.entry_id == custody_leaf.c.entry_id)
        .where(custody_entry.c.stream == func.any(list(labels)), custody_payload.c.entry_id.is_(None))
        .where(custody_leaf.c.leaf_index < size)
    )
    return dict.fromkeys(connection.execute(query).scalars(), ERASED)


def _earlier(connection: Connection, case_id: UUID, size: int) -> list[int]:
    """Checkpoints of the case's earlier packages: their holders can check that history was only added to."""
    query = select(package.c.checkpoint_size).where(package.c.case_id == case_id, package.c.checkpoint_size < size)
    return list(connection.execute(query).scalars())


def seal_of(connection: Connection, size: int) -> Seal:
    """A checkpoint as packages hold it: the note with its cosignatures, and its tokens by a name of their authority."""
    tokens: dict[str, bytes] = {}
    for token in tokens_of(connection, size):
        tokens[authority_name(token.authority, tokens)] = token.response
    return Seal(cosigned_note(connection, size), tokens)


def authority_name(address: str, taken: Collection[str]) -> str:
    """A plain name for a timestamp authority, from its address: part of a file's name, and nothing that is trusted."""
    host = re.sub(r"[^a-z0-9.-]+", "-", (urlsplit(address).hostname or address).lower()).strip(".-") or "authority"
    return next(name for name in (host, *(f"{host}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def extension_of(channel: str, media_type: str) -> str:
    """The extension of an original's file in the package: plain, and never taken from the sender's file name."""
    if channel == Channel.SMS and media_type == "application/x-www-form-urlencoded":
        return "form"
    if media_type == "message/rfc822":
        return "eml"
    guessed = (mimetypes.guess_extension(media_type) or "").lstrip(".")
    return guessed if re.fullmatch(r"[a-z0-9]{1,8}", guessed) else "bin"
