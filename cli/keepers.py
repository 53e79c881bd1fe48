"""What keeps the vault complete and proves it, composed: publisher, dumper, auditor, the ledger as the vault has it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from archive.accession import Archive
from archive.audit import Auditor, Progress, unwatched
from archive.audit_scope import Ground
from archive.database import engine
from archive.disposal import Disposer
from archive.dump import KEPT_FOR, Dumper
from archive.locks import Locks
from archive.publishing import Publisher
from archive.signed_note import VerifierKey
from archive.trust_policy import Policy
from archive.vaulted_ledger import VaultedLedger
from cli.composition import now, secret, signing_key, tsa_roots, vault, witnesses
from intake.authenticity.records import summary_in
from settings import Settings

PURPOSE = "envelope"


def publisher(settings: Settings, made: Archive) -> Publisher:
    """Writes the ledger to the vault."""
    return Publisher(
        engine=made.engine,
        vault=made.vault,
        secret=secret(settings, PURPOSE),
        origin=settings.origin,
        ledger_for=timedelta(days=settings.ledger_lock_days),
        payloads_for=made.lock_for,
        threads=made.threads,
        now=now,
    )


def dumper(settings: Settings, made: Archive) -> Dumper:
    """Writes the nightly dump."""
    return Dumper(
        engine=made.engine,
        vault=made.vault,
        secret=secret(settings, PURPOSE),
        origin=settings.origin,
        kept_for=min(KEPT_FOR, timedelta(days=settings.ledger_lock_days)),
        now=now,
    )


def locks(made: Archive) -> Locks:
    """Extends locks."""
    return Locks(made.engine, made.vault, made.lock_for, now)


def disposer(settings: Settings) -> Disposer:
    """Carries out disposals, with the login that may.

    Raises:
        SettingsError: The login is not set: it belongs to this command alone.
    """
    return Disposer(
        engine=engine(settings.need("database_disposal_url"), pool_size=1),
        vault=vault(settings, connections=1),
        certificate_for=timedelta(days=settings.ledger_lock_days),
        now=now,
    )


def vaulted_ledger(settings: Settings, made: Archive, *, policy: Path | None = None) -> VaultedLedger:
    """The ledger as the vault holds it."""
    return VaultedLedger(
        vault=made.vault,
        origin=settings.origin,
        secret=secret(settings, PURPOSE),
        keys=trusted_keys(settings, policy),
        threads=made.threads,
    )


def auditor(settings: Settings, made: Archive, *, progress: Progress = unwatched) -> Auditor:
    """Looks whether rows, objects and ledger agree."""
    policy = Policy.parse(settings.policy_file.read_bytes()) if settings.policy_file else None
    ground = Ground(
        engine=made.engine,
        vault=made.vault,
        origin=settings.origin,
        secret=secret(settings, "ledger"),
        keys=policy.logs if policy else (),
        witnesses=tuple(policy.witnesses.values()) if policy else tuple(each.key for each in witnesses(settings)),
        outside=settings.checkpoint_file,
        roots=tsa_roots(settings) if settings.tsa_roots else None,
        threads=made.threads,
        now=now,
        summary_in=summary_in,
    )
    return Auditor(ground, progress)


def trusted_keys(settings: Settings, policy: Path | None = None) -> tuple[VerifierKey, ...]:
    """The keys whose checkpoints count, from outside the vault: a policy's, or the signing key's own.

    Raises:
        SettingsError: There is neither.
    """
    named = policy or settings.policy_file
    return Policy.parse(named.read_bytes()).logs if named else (signing_key(settings).verifier,)
