"""Composition: what each process is made of, from its settings. The only room that knows everybody.

Each function builds one collaborator; a process builds only what it needs, and fails at start with a sentence that
says what to set.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import Connection, Engine

from archive.accession import Archive
from archive.agreed_words import Signals
from archive.alias import PLACE, TAG_LENGTH
from archive.asking import Authority, parsed_authorities
from archive.case import Case
from archive.database import engine
from archive.edition import Edition
from archive.errors import PolicyError
from archive.export import Exporter
from archive.jobs import Nudge
from archive.log_keys import log_keys, policy_text
from archive.marks import record_vault_test, require_trusted_vault
from archive.package_desk import PackageDesk
from archive.sequencer import Sequencer
from archive.signed_note import SigningKey
from archive.snapshot import Snapshot
from archive.stamping import Stamper
from archive.token_check import Roots
from archive.trust_policy import named_roots, time_lines
from archive.vault import Vault, open_vault
from archive.witnessing import Collector, KnownWitness, parsed_witnesses
from archive.worm import self_test
from cli.reliability import note_software, reliability, software
from intake.addresses import normal_email
from intake.authenticity.domains import LookedUp
from intake.authenticity.judge import Judge
from intake.authenticity.packaged import files_of
from intake.authenticity.resolver import Resolver
from intake.errors import MailboxUrlError
from intake.mail_tokens import MailTokens, parsed_grants
from intake.mailbox_url import parsed_mailboxes
from intake.mailboxes import Mailboxes
from intake.receipts import Receipts
from intake.upload_model import UploadLimits
from settings import Settings, SettingsError
from timeline.rendering import derived_of, renderings
from workers.authorities import ask
from workers.witnesses import submit

__all__ = ["Engine", "Nudge"]

VAULT_THREADS = 8
# How many timestamp authorities a published policy demands: one may be away without stopping every package.
REQUIRED_AUTHORITIES = 1
# RFC 5321 4.5.3.1.1.
LONGEST_LOCAL_PART = 64


def now() -> datetime:
    """The clock: aware, UTC."""
    return datetime.now(UTC)


def app_engine(settings: Settings, *, pool_size: int = 5) -> Engine:
    """The application's own login."""
    return engine(settings.need("database_url"), pool_size=pool_size)


def owner_engine(settings: Settings) -> Engine:
    """The owner's login, for migrations; the application's where no other is set."""
    return engine(settings.database_owner_url or settings.need("database_url"), statement_timeout_seconds=600)


@contextmanager
def transaction(settings: Settings) -> Iterator[Connection]:
    """One transaction of one command, on a connection that is closed with it."""
    own = app_engine(settings, pool_size=1)
    try:
        with own.begin() as connection:
            yield connection
    finally:
        own.dispose()


@contextmanager
def open_archive(settings: Settings) -> Iterator[Archive]:
    """Accession for one command; its threads and connections end with it."""
    opened = archive(settings)
    try:
        yield opened
    finally:
        opened.threads.shutdown()
        opened.engine.dispose()
        opened.vault.close()


def vault(settings: Settings, *, connections: int = VAULT_THREADS) -> Vault:
    """The bucket that evidence goes into."""
    return open_vault(
        endpoint_url=settings.s3_endpoint_url,
        region=settings.s3_region,
        bucket=settings.need("s3_bucket"),
        connections=connections,
    )


def prove_vault(settings: Settings, *, actor: str) -> None:
    """Put the vault through its WORM self-test and record what it answered.

    Raises:
        VaultNotTrustedError: It accepted a forbidden act: nothing that takes evidence may start on it.
        VaultUnavailableError: It is away.
    """
    tested = vault(settings, connections=1)
    try:
        trials = self_test(tested, now=now())
        with transaction(settings) as connection:
            record_vault_test(connection, trials, bucket=tested.bucket, at=now(), actor=actor)
            note_software(connection, at=now())
        with transaction(settings) as connection:
            require_trusted_vault(connection)
    finally:
        tested.close()


def archive(settings: Settings) -> Archive:
    """Accession, with threads of this process's own."""
    return Archive(
        engine=app_engine(settings),
        vault=vault(settings),
        origin=settings.origin,
        lock_for=timedelta(days=settings.lock_days),
        threads=ThreadPoolExecutor(VAULT_THREADS, thread_name_prefix="vault"),
    )


def sequencer(settings: Settings) -> Sequencer:
    """The one process that holds the signing key."""
    url = settings.database_sequencer_url or settings.need("database_url")
    outside = Path(settings.need("checkpoint_file"))
    outside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Sequencer(
        engine=engine(url, pool_size=1),
        secret=secret(settings, "ledger"),
        key=signing_key(settings),
        outside=outside,
        now=now,
        next_key=next_signing_key(settings),
    )


def judge(settings: Settings, made: Archive) -> Judge:
    """Judges signatures, asking DNS within the rules.

    Raises:
        SettingsError: A resolver is no address, or a domain none.
    """
    try:
        resolver = Resolver.of(settings.dns_resolvers, now)
    except ValueError as error:
        raise SettingsError("HOLDFAST_DNS_RESOLVERS", str(error)) from error
    try:
        listed = LookedUp.of(settings.dns_domains)
    except ValueError as error:
        raise SettingsError("HOLDFAST_DNS_DOMAINS", str(error)) from error
    servers = frozenset(each.lower() for each in settings.authserv_ids)
    return Judge(made.engine, made.vault, resolver.ask if resolver else None, listed, servers, now)


def stamper(settings: Settings, database: Engine) -> Stamper:
    """Gets timestamp tokens from the configured authorities; from none where none is configured.

    Raises:
        SettingsError: As `time_trust`.
    """
    authorities, roots = time_trust(settings)
    return Stamper(
        engine=database,
        authorities=authorities,
        roots=roots,
        ask=ask,
        now=now,
        every=timedelta(seconds=settings.tsa_every_seconds),
        alarm_after=timedelta(minutes=settings.tsa_alarm_minutes),
        patience=timedelta(seconds=settings.tsa_patience_seconds),
    )


def time_trust(settings: Settings) -> tuple[tuple[Authority, ...], Roots]:
    """Whom to ask for the time, and whom to believe.

    Raises:
        SettingsError: An address is none, or authorities are set and no roots to pin them to.
    """
    try:
        authorities = parsed_authorities(settings.tsa_urls)
    except ValueError as error:
        raise SettingsError("HOLDFAST_TSA_URLS", str(error)) from error
    return authorities, tsa_roots(settings) if authorities else Roots((), ())


def tsa_roots(settings: Settings) -> Roots:
    """The roots that timestamp authorities are pinned to.

    Raises:
        SettingsError: The file is missing, or holds no root.
    """
    path = Path(settings.need("tsa_roots"))
    try:
        return Roots.parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError("HOLDFAST_TSA_ROOTS", f"{path.name}: {error}") from error


def secret(settings: Settings, purpose: str) -> bytes:
    """A secret for one purpose, 32 bytes, derived from the installation's secret key.

    Raises:
        SettingsError: The file is missing or does not hold at least 64 hex digits.
    """
    path = Path(settings.need("secret_key_file"))
    try:
        master = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SettingsError("HOLDFAST_SECRET_KEY_FILE", f"{path.name} must hold 64 hex digits") from error
    if len(master) < hashlib.sha256().digest_size:
        raise SettingsError("HOLDFAST_SECRET_KEY_FILE", f"{path.name} is too short: 64 hex digits at least")
    return hmac.new(master, f"holdfast {purpose}".encode(), hashlib.sha256).digest()


def receipts(settings: Settings) -> Receipts:
    """Receipt codes of uploads, under a secret of their own."""
    return Receipts(secret(settings, "receipts"))


def signals(settings: Settings) -> Signals:
    """Words that contributors agreed in private, under a secret of their own."""
    return Signals(secret(settings, "signals"))


def upload_limits(settings: Settings) -> UploadLimits:
    """How much may come in by links."""
    return UploadLimits(
        most_bytes=settings.upload_most_bytes,
        daily_bytes=settings.upload_daily_bytes,
        daily_files=settings.upload_daily_files,
        waiting_bytes=settings.upload_waiting_bytes,
    )


def signing_key(settings: Settings) -> SigningKey:
    """The ledger's key under the ledger's name.

    Raises:
        SettingsError: The file is missing or holds no Ed25519 key.
    """
    return _key_in(Path(settings.need("signing_key_file")), "HOLDFAST_SIGNING_KEY_FILE", settings.origin)


def next_signing_key(settings: Settings) -> SigningKey | None:
    """The key that is to replace it; None while none is.

    Raises:
        SettingsError: As above.
    """
    path = settings.next_signing_key_file
    return _key_in(path, "HOLDFAST_NEXT_SIGNING_KEY_FILE", settings.origin) if path else None


def _key_in(path: Path, setting: str, name: str) -> SigningKey:
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise SettingsError(setting, f"{path.name} is no PKCS #8 PEM key") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SettingsError(setting, f"{path.name} is no Ed25519 key")
    return SigningKey(name, private)


def trust_policy(settings: Settings, connection: Connection) -> str:
    """The policy this installation publishes: its file, or one made of its keys, its witnesses and their quorum."""
    if settings.policy_file:
        return settings.policy_file.read_text(encoding="utf-8")
    keys = log_keys(connection)
    if not keys:
        raise SettingsError("HOLDFAST_POLICY_FILE", "no sequencer has announced its key yet: start one first")
    stamps = time_lines(named_roots(tsa_roots(settings).anchors), REQUIRED_AUTHORITIES) if settings.tsa_urls else ""
    return policy_text(keys, witnesses(settings), settings.witness_quorum) + stamps


def intake_addresses(settings: Settings) -> tuple[str, ...]:
    """Numbers and addresses that people send to."""
    watched = [url.user for url in parsed_mailboxes(settings.imap_url or "")]
    return tuple(
        each for each in (settings.twilio_number, settings.mail_from, *_alias_base(settings), *watched) if each
    )


def _alias_base(settings: Settings) -> tuple[str, ...]:
    """The address that aliases are tags of, where they are: with it a redactor knows every one of them."""
    base, plus, rest = (settings.alias_address or "").partition(f"+{PLACE}")
    return (base + rest,) if plus else ()


def alias_pattern(settings: Settings) -> str:
    """The address of an alias, with `*` for its secret part: what is set, or a plus in the address people forward to.

    Raises:
        SettingsError: No address comes of it.
    """
    local, _, domain = settings.mail_from.rpartition("@")
    pattern = settings.alias_address or f"{local}+{PLACE}@{domain}"
    written = pattern.replace(PLACE, "a" * TAG_LENGTH)
    longest = len(written.rpartition("@")[0]) <= LONGEST_LOCAL_PART
    if pattern.count(PLACE) != 1 or PLACE in pattern.rpartition("@")[2] or not normal_email(written) or not longest:
        raise SettingsError("HOLDFAST_ALIAS_ADDRESS", "write an address with one * before the @, such as desk+*@host")
    return pattern


def mailboxes(settings: Settings, database: Engine) -> Mailboxes:
    """The mailboxes that are watched; none where none is set.

    Raises:
        SettingsError: An address is none, or what tokens are got by cannot be read.
    """
    try:
        urls = parsed_mailboxes(settings.imap_url or "")
    except MailboxUrlError as error:
        raise SettingsError("HOLDFAST_IMAP_URL", str(error)) from error
    try:
        grants = parsed_grants(settings.imap_oauth) if settings.imap_oauth else None
    except ValueError as error:
        raise SettingsError("HOLDFAST_IMAP_OAUTH", str(error)) from error
    return Mailboxes(urls, MailTokens(database, grants, now=now) if grants is not None else None)


def tsa_certificates(settings: Settings) -> bytes:
    """The file of timestamp authorities' certificates, for packages; empty where no authority is set."""
    return Path(settings.need("tsa_roots")).read_bytes() if settings.tsa_urls else b""


def witnesses(settings: Settings) -> tuple[KnownWitness, ...]:
    """The witnesses this installation asks.

    Raises:
        SettingsError: The setting cannot be read, or the quorum is none of so many.
    """
    try:
        found = parsed_witnesses(settings.witness_urls)
    except PolicyError as error:
        raise SettingsError("HOLDFAST_WITNESS_URLS", str(error)) from error
    if found and not 1 <= settings.witness_quorum <= len(found):
        raise SettingsError("HOLDFAST_WITNESS_QUORUM", f"from 1 to the number of witnesses, {len(found)}")
    return found


def collector(settings: Settings, database: Engine) -> Collector:
    """Asks the witnesses for cosignatures; nobody where none is set."""
    return Collector(database, witnesses(settings), settings.witness_quorum, submit, now)


def exporter(settings: Settings, made: Archive) -> Exporter:
    """Builds evidence packages from this installation's archive."""

    def render(connection: Connection, case: Case, snapshot: Snapshot, edition: Edition) -> dict[str, Iterable[bytes]]:
        facts = reliability(connection, case, now=now())
        return renderings(connection, case, snapshot, now=now(), reliability=facts, edition=edition)

    return Exporter(
        engine=made.engine,
        vault=made.vault,
        secret=secret(settings, "ledger"),
        organisation=settings.brand_body_name,
        software=software(),
        policy=partial(trust_policy, settings),
        render=render,
        derive=derived_of,
        judged=files_of,
        now=now,
        tsa_roots=tsa_certificates(settings),
        intake=intake_addresses(settings),
        # Built when it is used: what is wrong with time must not keep evidence from being taken in.
        stamp=lambda size: stamper(settings, made.engine).stamp_now(size),
        witnessed=collector(settings, made.engine).witnessed,
    )


def package_desk(settings: Settings, made: Archive) -> PackageDesk:
    """Builds packages and keeps them in the vault."""
    return PackageDesk(exporter(settings, made), settings.home / "packages", timedelta(days=settings.lock_days))
