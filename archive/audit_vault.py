"""The vault under audit: every row's object re-read by version and hashed, and every object's row looked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Subquery,
    cast,
    false,
    func,
    null,
    or_,
    select,
    union_all,
)

from archive.audit_scope import Fault, Ground, Page, Scope
from archive.dump import FOLDER
from archive.errors import IntegrityFault, LockMissingError, MissingFromVaultError
from archive.ledger_erasures import erased_entries
from archive.publishing import prefix_of
from archive.tables import acquisition, case, disposal, exhibit, package, published
from archive.vault import LOCK_SLACK, Version

AT_ONCE = 128
LISTED_AT_ONCE = 1000
SELF_TEST = "self-test/"
ITEMS = "items/"


def _expected() -> Subquery:
    """Everything that rows say is in the vault: key, version, digest, lock, since when, whether it must be locked."""
    items = (
        select(
            exhibit.c.vault_key,
            exhibit.c.vault_version,
            acquisition.c.sha256,
            exhibit.c.retain_until,
            exhibit.c.archived_at.label("at"),
            # Of open cases, and what nobody has placed yet.
            case.c.closed_at.is_(None).label("must_be_locked"),
            exhibit.c.held.label("must_be_held"),
            exhibit.c.archived_entry,
        )
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .outerjoin(case, case.c.id == exhibit.c.case_id)
    )
    no, no_entry = false(), cast(null(), BigInteger)
    never = (no.label("must_be_locked"), no.label("must_be_held"), no_entry.label("archived_entry"))
    packages = select(
        package.c.vault_key,
        package.c.vault_version,
        package.c.sha256,
        null().label("retain_until"),
        package.c.finished_at.label("at"),
        *never,
    ).where(package.c.vault_key.isnot(None))
    certificates = select(
        disposal.c.certificate_key,
        disposal.c.certificate_version,
        disposal.c.certificate_sha256,
        null().label("retain_until"),
        disposal.c.done_at.label("at"),
        *never,
    ).where(disposal.c.certificate_key.isnot(None))
    ledger = select(
        published.c.vault_key,
        published.c.vault_version,
        published.c.sha256,
        published.c.retain_until,
        published.c.at,
        *never,
    )
    return union_all(items, packages, certificates, ledger).subquery("expected")


EXPECTED = _expected()


def objects(ground: Ground, scope: Scope, cursor: str) -> Iterator[Page]:
    """Every object that a row names: there, by its version, with its bytes and its lock."""
    after = cursor
    while True:
        with ground.engine.connect() as connection:
            key = EXPECTED.c.vault_key
            query = select(EXPECTED).where(key.collate("C") > after).order_by(key.collate("C")).limit(AT_ONCE)
            if (chosen := _chosen(scope)) is not None:
                query = query.where(chosen)
            rows = connection.execute(query).all()
        if not rows:
            return
        found = ground.threads.map(lambda row: _object_faults(ground, row), rows)
        after = rows[-1].vault_key
        yield Page(after, len(rows), [fault for faults in found for fault in faults])


def _chosen(scope: Scope) -> ColumnElement[bool] | None:
    if scope.since is None and scope.part is None:
        return None
    recent = EXPECTED.c.at >= scope.since if scope.since is not None else false()
    part = func.left(func.md5(EXPECTED.c.vault_key), 1) == scope.part
    return or_(recent, part) if scope.part is not None else recent


def _object_faults(ground: Ground, row: Row[Any]) -> list[Fault]:
    place = f"{row.vault_key} version {row.vault_version}"
    now = ground.now()
    try:
        stored, pieces = ground.vault.fetch(row.vault_key, row.vault_version)
        running = hashlib.sha256()
        for piece in pieces:
            running.update(piece)
    except MissingFromVaultError:
        if _may_be_gone(ground, row, now):
            return []
        return [Fault("object_missing", place, "a row names it, the vault has it not")]
    except LockMissingError as fault:
        return [Fault("lock_missing", place, fault.found)]
    except IntegrityFault as fault:
        return [Fault("object_changed", place, str(fault))]
    faults = []
    if running.hexdigest() != row.sha256:
        says = f"recorded sha256:{row.sha256}, read sha256:{running.hexdigest()}"
        faults.append(Fault("object_changed", place, says))
    if row.retain_until is not None and stored.retain_until < row.retain_until - LOCK_SLACK:
        says = f"locked until {stored.retain_until:%Y-%m-%d %H:%M}, its row says {row.retain_until:%Y-%m-%d %H:%M}"
        faults.append(Fault("lock_short", place, says))
    if row.must_be_held and not stored.held:
        faults.append(Fault("hold_missing", place, "its case is held, the vault does not hold it"))
    if row.must_be_locked and stored.retain_until < now:
        faults.append(
            Fault("lock_lapsed", place, f"nobody extended its lock, which ended {stored.retain_until:%Y-%m-%d}")
        )
    return faults


def _may_be_gone(ground: Ground, row: Row[Any], now: datetime) -> bool:
    """A dump whose time is over may be removed by hand; an original, once it is disposed of."""
    if row.archived_entry is not None:
        with ground.engine.connect() as connection:
            return row.archived_entry in erased_entries(connection)
    is_dump = row.vault_key.startswith(f"{prefix_of(ground.origin)}{FOLDER}/")
    return is_dump and row.retain_until is not None and row.retain_until < now


def listing(ground: Ground, scope: Scope, cursor: str) -> Iterator[Page]:
    """Every version in the bucket: one that a row names, and nothing over it."""
    for page in ground.vault.versions("", after=cursor, at_once=LISTED_AT_ONCE):
        looked = [
            one
            for one in page
            if not one.key.startswith(SELF_TEST) and (scope.since is None or one.modified_at >= scope.since)
        ]
        with ground.engine.connect() as connection:
            faults = _listed_faults(connection, ground, looked)
        if page:
            yield Page(page[-1].key, len(looked), faults)


def _listed_faults(connection: Connection, ground: Ground, listed: Sequence[Version]) -> list[Fault]:
    keys = {one.key for one in listed}
    query = select(EXPECTED.c.vault_key, EXPECTED.c.vault_version).where(EXPECTED.c.vault_key.in_(keys))
    known = {row.vault_key: row.vault_version for row in connection.execute(query)} if keys else {}
    waiting = _waiting(connection, [key for key in keys if key not in known])
    return [
        fault
        for one in listed
        if (fault := _listed_fault(ground, one, known)) and not (fault.kind == "object_unknown" and one.key in waiting)
    ]


def _listed_fault(ground: Ground, one: Version, known: Mapping[str, str]) -> Fault | None:
    place = f"{one.key} version {one.version}"
    if one.is_marker:
        return Fault(
            "delete_marker", place, f"somebody deleted it on {one.modified_at:%Y-%m-%d %H:%M}; its versions stay"
        )
    if one.key in known:
        if one.version == known[one.key]:
            return None
        return Fault("foreign_version", place, f"another object over version {known[one.key]}, which stays")
    if one.modified_at > ground.now() - ground.grace:
        # Bytes go into the vault before their row: a worker may be between the two.
        return None
    return Fault("object_unknown", place, "no row names it")


def _waiting(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Objects whose acquisition is received or parked: a crash came between, and the next try takes them over."""
    ids = {}
    for key in keys:
        try:
            ids[UUID(key.removeprefix(ITEMS))] = key
        except ValueError:
            continue
    if not ids:
        return set()
    query = select(acquisition.c.id).where(acquisition.c.id.in_(list(ids)), acquisition.c.state != "archived")
    return {ids[each] for each in connection.execute(query).scalars()}
