"""What keeps the vault complete and proves it, composed: publisher, dumper, the ledger as the vault has it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from archive.accession import Archive
from archive.dump import KEPT_FOR, Dumper
from archive.publishing import Publisher
from archive.signed_note import VerifierKey
from archive.trust_policy import Policy
from archive.vaulted_ledger import VaultedLedger
from cli.composition import now, secret, signing_key
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


def vaulted_ledger(settings: Settings, made: Archive, *, policy: Path | None = None) -> VaultedLedger:
    """The ledger as the vault holds it."""
    return VaultedLedger(
        vault=made.vault,
        origin=settings.origin,
        secret=secret(settings, PURPOSE),
        keys=trusted_keys(settings, policy),
        threads=made.threads,
    )


def trusted_keys(settings: Settings, policy: Path | None = None) -> tuple[VerifierKey, ...]:
    """The keys whose checkpoints count, from outside the vault: a policy's, or the signing key's own.

    Raises:
        SettingsError: There is neither.
    """
    named = policy or settings.policy_file
    return Policy.parse(named.read_bytes()).logs if named else (signing_key(settings).verifier,)
