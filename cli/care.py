"""Care of an installation: migrate, doctor, settings."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from archive.database import current_revision, latest_revision, migrate
from archive.errors import ArchiveError
from archive.ledger import checkpoint_size, waiting
from archive.marks import record_vault_test
from archive.worm import Trial, self_test
from cli import composition
from cli.care_of_mailboxes import mailbox_findings
from cli.care_of_time import Finding, time_findings
from cli.care_of_witnesses import witness_findings
from cli.options import actor, as_json, home, print_json, settings_with_services, telling_errors
from settings import Settings, SettingsError, as_markdown

BROKER_TIMEOUT_SECONDS = 2.0
MOST_CLOCK_DIFFERENCE_SECONDS = 5.0


@click.command("migrate")
@as_json
@telling_errors
def migrate_(*, as_json: bool) -> None:
    """Bring the database up to date, with the owner's login."""
    owner = composition.owner_engine(Settings.from_environment(os.environ))
    revision = migrate(owner)
    owner.dispose()
    if as_json:
        print_json({"revision": revision})
    else:
        click.echo(f"the database is at revision {revision}")


@click.command("settings")
@as_json
def settings_(*, as_json: bool) -> None:
    """Print every setting with meaning and default, as docs/settings.md has them."""
    if as_json:
        print_json({"markdown": as_markdown()})
    else:
        click.echo(as_markdown(), nl=False)


@click.command()
@as_json
@home
@telling_errors
def doctor(*, as_json: bool, home: Path) -> None:
    """Check settings, services, clock and the vault's locks; say what to do about each fault."""
    with settings_with_services(home) as settings:
        findings = list(_examine(settings))
        trials, vault_finding = _vault(settings)
        findings.append(vault_finding)
    if as_json:
        print_json(
            {
                "faults": sum(finding.fault for finding in findings),
                "findings": [{"what": each.what, "fault": each.fault, "says": each.says} for each in findings],
                "vault": [{"act": each.act, "refused": each.refused, "answer": each.answer} for each in trials],
            }
        )
    else:
        _print(findings, trials)
    if any(finding.fault for finding in findings):
        raise SystemExit(1)


def _examine(settings: Settings) -> Iterator[Finding]:
    yield _asked("secret key", lambda: composition.secret(settings, "doctor") and "readable")
    yield _asked("broker", lambda: _broker(settings))
    try:
        with composition.transaction(settings) as connection:
            yield from _database(connection)
    except (SQLAlchemyError, SettingsError) as error:
        yield Finding("database", fault=True, says=f"cannot be reached ({error}); check HOLDFAST_DATABASE_URL")
    yield _openssl()
    yield from mailbox_findings(settings)
    yield from time_findings(settings)
    yield from witness_findings(settings)


def _openssl() -> Finding:
    """Packages are verified before they are handed out, and their tokens by this program."""
    if program := shutil.which("openssl"):
        return Finding("openssl", fault=False, says=program)
    return Finding("openssl", fault=True, says="not here: install it (apt-get install openssl) or packages wait")


def _asked(what: str, look: Callable[[], object]) -> Finding:
    try:
        return Finding(what, fault=False, says=str(look()))
    except (SettingsError, ArchiveError, OSError, redis.RedisError) as error:
        return Finding(what, fault=True, says=str(error))


def _broker(settings: Settings) -> str:
    client = redis.Redis.from_url(
        settings.need("broker_url"),
        socket_timeout=BROKER_TIMEOUT_SECONDS,
        socket_connect_timeout=BROKER_TIMEOUT_SECONDS,
    )
    with client:
        client.ping()
    return "answers"


def _database(connection: Connection) -> Iterator[Finding]:
    found, latest = current_revision(connection), latest_revision()
    yield Finding(
        "database",
        fault=found != latest,
        says=f"revision {found}" if found == latest else f"revision {found}, not {latest}: run `holdfast migrate`",
    )
    if found != latest:
        return
    yield _ledger_is_insert_only(connection)
    theirs = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
    apart = abs(float(theirs) - time.time())
    yield Finding(
        "clock",
        fault=apart > MOST_CLOCK_DIFFERENCE_SECONDS,
        says=f"{apart:.2f} s from the database's"
        + ("" if apart < MOST_CLOCK_DIFFERENCE_SECONDS else ": set both by NTP"),
    )
    yield Finding(
        "ledger", fault=False, says=f"{checkpoint_size(connection)} entries signed, {waiting(connection)} wait"
    )


def _ledger_is_insert_only(connection: Connection) -> Finding:
    may = connection.execute(
        text(
            "SELECT bool_or(has_table_privilege(current_user, t, p)) FROM "
            "unnest(ARRAY['custody_entry', 'custody_payload', 'custody_leaf', 'tree_node', 'checkpoint']) AS t, "
            "unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS p"
        )
    ).scalar_one()
    says = "the application's login can insert custody rows and nothing else"
    if may:
        says = "the application's login may change custody rows: use the login of the role holdfast_app"
    return Finding("ledger rows", fault=bool(may), says=says)


def _vault(settings: Settings) -> tuple[list[Trial], Finding]:
    try:
        vault = composition.vault(settings)
        trials = self_test(vault, now=composition.now())
    except (ArchiveError, SettingsError) as error:
        return [], Finding("vault", fault=True, says=str(error))
    refused = sum(trial.refused for trial in trials)
    says = f"refused {refused} of {len(trials)} forbidden acts"
    try:
        with composition.transaction(settings) as connection:
            trusted = record_vault_test(connection, trials, bucket=vault.bucket, at=composition.now(), actor=actor())
    except SQLAlchemyError:
        return trials, Finding("vault", fault=True, says=f"{says}, but this could not be recorded: see database")
    if not trusted:
        says += ": evidence is not accepted into it; use AWS S3 or a server that passes"
    return trials, Finding("vault", fault=not trusted, says=says)


def _print(findings: list[Finding], trials: list[Trial]) -> None:
    console = Console()
    acts = Table("forbidden act", "refused", "answer", title="WORM self-test")
    for trial in trials:
        acts.add_row(trial.act, "yes" if trial.refused else "[bold red]NO[/]", trial.answer)
    console.print(acts)
    found = Table("looked at", "", "found", title="doctor")
    for finding in findings:
        found.add_row(finding.what, "[bold red]fault[/]" if finding.fault else "well", finding.says)
    console.print(found)
