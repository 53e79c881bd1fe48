"""Disposal, the one way out: a closed case's originals, readings and payloads go; digests and a certificate stay.

Two people: one asks, another one agrees. Then it waits until the vault lets go: no lock is shortened, no hold passed
over. What runs has the disposal login, which the web and the workers do not have. A payload's digest stands in its
leaf, so every proof over the ledger stays valid without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import rfc8785
import structlog
from sqlalchemy import Connection, Engine, Row, Select, delete, func, insert, select, update

from archive.acquisition import rendered
from archive.custody import SYSTEM, Action, CustodyEntry, case_stream, exhibit_stream
from archive.errors import MissingFromVaultError, RetentionRefusedError, VaultUnavailableError
from archive.ledger import record
from archive.retention import hold_of
from archive.tables import (
    acquisition,
    authenticity,
    authenticity_due,
    case,
    contributor,
    contributor_contact,
    custody_entry,
    custody_leaf,
    custody_payload,
    custody_pending,
    disposal,
    exhibit,
    follow_up,
    location,
    mail_alias,
    offender_identifier,
    published,
    reading,
    unpacking,
)
from archive.vault import Vault

ACTOR: Final = "system:disposal"
NOBODY: Final = "disposed of"

log = structlog.get_logger()


def ask(connection: Connection, case_id: UUID, *, reason: str, at: datetime, actor: str) -> UUID:
    """Ask that a closed case be disposed of.

    Raises:
        RetentionRefusedError: It is open, held, asked for already, or no reason was given.
    """
    if not reason.strip():
        raise RetentionRefusedError("say why: the reason is kept in the ledger")
    closed_at = connection.execute(select(case.c.closed_at).where(case.c.id == case_id).with_for_update()).scalar()
    if closed_at is None:
        raise RetentionRefusedError("close the case first")
    if hold_of(connection, case_id):
        raise RetentionRefusedError("a legal hold stands on this case")
    if request_of(connection, case_id):
        raise RetentionRefusedError("its disposal was asked for already")
    asked = uuid4()
    connection.execute(
        insert(disposal).values(id=asked, case_id=case_id, asked_at=at, asked_by=actor, reason=reason.strip())
    )
    facts = {"disposal_id": str(asked)}
    entry = CustodyEntry(case_stream(case_id), Action.DISPOSAL_ASKED, actor, at, facts, reason=reason.strip())
    record(connection, entry)
    return asked


def request_of(connection: Connection, case_id: UUID) -> Row[Any] | None:
    """The disposal of a case that was asked for and not refused."""
    query = select(disposal).where(disposal.c.case_id == case_id, disposal.c.approved.isnot(False))
    return connection.execute(query).first()


def decide(connection: Connection, disposal_id: UUID, *, approve: bool, reason: str, at: datetime, actor: str) -> None:
    """Agree to a disposal, or refuse it.

    Raises:
        RetentionRefusedError: It is decided already, the one who asked may not agree, or a refusal has no reason.
    """
    row = connection.execute(select(disposal).where(disposal.c.id == disposal_id).with_for_update()).first()
    if row is None or row.decided_at is not None:
        raise RetentionRefusedError("nobody waits for this decision any more")
    if row.asked_by == actor:
        raise RetentionRefusedError("another person than the one who asked must decide")
    if not approve and not reason.strip():
        raise RetentionRefusedError("say why: the reason is kept in the ledger")
    connection.execute(
        update(disposal)
        .where(disposal.c.id == disposal_id)
        .values(decided_at=at, decided_by=actor, approved=approve, because=reason.strip() or None)
    )
    action = Action.DISPOSAL_APPROVED if approve else Action.DISPOSAL_REFUSED
    facts = {"disposal_id": str(disposal_id), "asked_by": row.asked_by}
    entry = CustodyEntry(case_stream(row.case_id), action, actor, at, facts, reason=reason.strip() or None)
    record(connection, entry)


@dataclass(frozen=True, slots=True)
class Disposed:
    """What became of one approved disposal: `waits` says what it still waits for; None: it is done."""

    case_id: UUID
    exhibits: int
    waits: str | None


@dataclass(frozen=True, slots=True)
class Disposer:
    """Carries out approved disposals.

    Attributes:
        engine: On the disposal login.
        vault: With credentials that may delete unlocked versions.
        certificate_for: Lock of the certificate: as long as the ledger's.
        now: The clock.
    """

    engine: Engine
    vault: Vault
    certificate_for: timedelta
    now: Callable[[], datetime]

    def run(self) -> list[Disposed]:
        """Carry out every approved disposal whose locks are over. Safe to repeat after a crash at any point.

        Raises:
            VaultUnavailableError: What is gone is gone; the next run goes on with the rest.
        """
        query = select(disposal).where(disposal.c.approved, disposal.c.done_at.is_(None)).order_by(disposal.c.asked_at)
        with self.engine.connect() as connection:
            approved = connection.execute(query).all()
        return [self._dispose(row) for row in approved]

    def _dispose(self, asked: Row[Any]) -> Disposed:
        with self.engine.connect() as connection:
            items = _items(connection, asked.case_id)
            waits = self._waits_for(connection, asked.case_id, items)
            batches = _payload_batches(connection, [case_stream(asked.case_id), *_streams(items)])
        if waits:
            return Disposed(asked.case_id, len(items), waits)
        certificate = self._certificate(asked, items)
        stored = self._keep(asked, certificate)
        # The certificate lies in the vault before anything goes: nothing ever goes without one.
        for found in [*items, *batches]:
            self._remove(found.vault_key, found.vault_version)
        with self.engine.begin() as connection:
            self._forget(connection, asked, items, stored)
        log.info("case.disposed", case_id=str(asked.case_id), exhibits=len(items))
        return Disposed(asked.case_id, len(items), None)

    def _waits_for(self, connection: Connection, case_id: UUID, items: Sequence[Row[Any]]) -> str | None:
        if hold_of(connection, case_id):
            return "a legal hold"
        if any(item.held for item in items):
            return "the hold in the vault to be lifted"
        streams = [case_stream(case_id), *_streams(items)]
        batches = _payload_batches(connection, streams)
        until = max((found.retain_until for found in [*items, *batches]), default=self.now())
        if until > self.now():
            return f"the last lock to end on {until:%d %B %Y}"
        of_streams = custody_entry.c.stream == func.any(streams)
        pending = select(custody_pending.c.entry_id).join(
            custody_entry, custody_entry.c.id == custody_pending.c.entry_id
        )
        return "the sequencer" if connection.execute(pending.where(of_streams).limit(1)).first() else None

    def _certificate(self, asked: Row[Any], items: Sequence[Row[Any]]) -> bytes:
        """What was taken away, by whose decision: RFC 8785 JSON, with digests and nothing of the content."""
        return rfc8785.dumps(
            {
                "certificate": "disposal",
                "disposal_id": str(asked.id),
                "case_id": str(asked.case_id),
                "asked_at": rendered(asked.asked_at),
                "asked_by": asked.asked_by,
                "reason": asked.reason,
                "approved_at": rendered(asked.decided_at),
                "approved_by": asked.decided_by,
                "exhibits": [
                    {
                        "id": str(item.id),
                        "received_at": rendered(item.received_at),
                        "sha256": item.sha256,
                        "sha512": item.sha512,
                        "size_bytes": item.size_bytes,
                        "vault_key": item.vault_key,
                        "vault_version": item.vault_version,
                    }
                    for item in items
                ],
            }
        )

    def _keep(self, asked: Row[Any], certificate: bytes) -> dict[str, str]:
        digest = hashlib.sha256(certificate).hexdigest()
        stored = self.vault.put(
            f"disposals/{asked.id}",
            certificate,
            size_bytes=len(certificate),
            sha256=digest,
            retain_until=self.now() + self.certificate_for,
            metadata={"disposal": str(asked.id), "sha256": digest},
        )
        return {
            "certificate_key": stored.key,
            "certificate_version": stored.version,
            "certificate_sha256": digest,
        }

    def _remove(self, key: str, version: str) -> None:
        try:
            self.vault.remove(key, version)
        except MissingFromVaultError:
            return  # an earlier run was here
        try:
            self.vault.look(key, version)
        except MissingFromVaultError:
            return
        raise VaultUnavailableError(f"remove {key}", "the version is still there")

    def _forget(
        self, connection: Connection, asked: Row[Any], items: Sequence[Row[Any]], stored: dict[str, str]
    ) -> None:
        """Take rows and payloads away, leave the entries that say so; the ledger's leaves are never touched."""
        ids = [item.id for item in items]
        streams = [case_stream(asked.case_id), *_streams(items)]
        erased = _erase_payloads(connection, streams)
        for each in (reading, authenticity, authenticity_due, unpacking):
            connection.execute(delete(each).where(each.c.exhibit_id == func.any(ids)))
        connection.execute(delete(location).where(location.c.acquisition_id == func.any(ids)))
        connection.execute(
            update(acquisition).where(acquisition.c.id == func.any(ids)).values(door={}, sender=None, raw=None)
        )
        connection.execute(delete(published).where(published.c.stream == func.any(streams)))
        forget_people(connection, asked.case_id, at=self.now())
        connection.execute(update(disposal).where(disposal.c.id == asked.id).values(done_at=self.now(), **stored))
        facts = {
            "disposal_id": str(asked.id),
            "asked_by": asked.asked_by,
            "approved_by": asked.decided_by,
            "exhibits": len(ids),
            **stored,
        }
        entry = CustodyEntry(
            case_stream(asked.case_id), Action.CASE_DISPOSED, ACTOR, self.now(), facts, reason=asked.reason
        )
        record(connection, entry)
        # In the system's stream, whose payloads stay: a rebuild learns from it which payloads to pass over.
        gone = {"disposal_id": str(asked.id), "leaves": erased}
        record(connection, CustodyEntry(SYSTEM, Action.PAYLOAD_ERASED, ACTOR, self.now(), gone, reason=asked.reason))


def forget_people(connection: Connection, case_id: UUID, *, at: datetime) -> None:
    """Let go who the people of a case were and how they can be reached; that there were some stays."""
    people = select(contributor.c.id).where(contributor.c.case_id == case_id)
    connection.execute(
        update(contributor)
        .where(contributor.c.case_id == case_id)
        .values(
            name=NOBODY,
            reply_style="none",
            wording=None,
            who_else_sees=None,
            duress_mark=None,
            stop_mark=None,
            left_at=at,
        )
    )
    connection.execute(
        update(contributor_contact)
        .where(contributor_contact.c.contributor_id.in_(people))
        .values(value=NOBODY, likeness="")
    )
    aliases = mail_alias.c.contributor_id.in_(people)
    ended = func.coalesce(mail_alias.c.ended_at, at)
    connection.execute(update(mail_alias).where(aliases).values(tag=None, ended_at=ended))
    connection.execute(delete(offender_identifier).where(offender_identifier.c.case_id == case_id))
    items = select(exhibit.c.id).where(exhibit.c.case_id == case_id)
    connection.execute(delete(follow_up).where(follow_up.c.exhibit_id.in_(items)))


def _items(connection: Connection, case_id: UUID) -> Sequence[Row[Any]]:
    columns = (
        *(exhibit.c.id, exhibit.c.vault_key, exhibit.c.vault_version, exhibit.c.retain_until, exhibit.c.held),
        *(acquisition.c.received_at, acquisition.c.sha256, acquisition.c.sha512, acquisition.c.size_bytes),
    )
    query: Select[Any] = select(*columns).join(acquisition, acquisition.c.id == exhibit.c.id)
    return connection.execute(query.where(exhibit.c.case_id == case_id).order_by(exhibit.c.archived_at)).all()


def _streams(items: Sequence[Row[Any]]) -> list[str]:
    return [exhibit_stream(item.id) for item in items]


def _payload_batches(connection: Connection, streams: list[str]) -> Sequence[Row[Any]]:
    columns = (published.c.vault_key, published.c.vault_version, published.c.retain_until)
    query: Select[Any] = select(*columns).where(published.c.stream == func.any(streams))
    return connection.execute(query).all()


def _erase_payloads(connection: Connection, streams: list[str]) -> list[int]:
    """Delete the payloads of these streams; the indexes of their leaves, which stay."""
    of_streams = (
        select(custody_leaf.c.entry_id, custody_leaf.c.leaf_index)
        .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
        .where(custody_entry.c.stream == func.any(streams))
        .order_by(custody_leaf.c.leaf_index)
    )
    gone = connection.execute(of_streams).all()
    ids = [row.entry_id for row in gone]
    connection.execute(delete(custody_payload).where(custody_payload.c.entry_id == func.any(ids)))
    return [row.leaf_index for row in gone]
