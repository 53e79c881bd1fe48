"""The vault as a whole: publish the ledger, dump what is in rows alone, rebuild the index, audit all of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from archive.database import current_revision, latest_revision
from archive.publishing import published_size
from archive.rebuild import Rebuild, Rebuilt
from archive.sequencer import last_kept
from archive.signed_note import Checkpoint
from cli import composition, keepers
from cli.options import actor, as_json, home, print_json, settings_with_services, telling_errors
from settings import Settings, SettingsError
from timeline.readings import read_again


@click.command()
@as_json
@home
@telling_errors
def publish(*, as_json: bool, home: Path) -> None:
    """Write to the vault what the ledger grew by; the schedule does the same every minute."""
    with settings_with_services(home) as settings, composition.open_archive(settings) as made:
        objects = keepers.publisher(settings, made).publish()
        with made.engine.connect() as connection:
            size = published_size(connection)
    if as_json:
        print_json({"objects": objects, "size": size})
    else:
        click.echo(f"{objects} objects written; the vault holds the ledger's first {size} entries")


@click.command()
@as_json
@home
@telling_errors
def dump(*, as_json: bool, home: Path) -> None:
    """Write people, accounts and what waits to the vault, encrypted; the schedule does the same every night."""
    with settings_with_services(home) as settings, composition.open_archive(settings) as made:
        name, rows = keepers.dumper(settings, made).dump()
    if as_json:
        print_json({"name": name, "rows": rows})
    else:
        click.echo(f"{rows} rows written to {name}")


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Look only at what is from this day (UTC) on.")
@click.option("--sample", is_flag=True, help="What is young, and one object in sixteen; the schedule does it nightly.")
@as_json
@home
@telling_errors
def audit(*, since: datetime | None, sample: bool, as_json: bool, home: Path) -> None:
    """Hold rows, objects and ledger to one another, each way; name every fault and its place."""
    if since and sample:
        raise click.UsageError("--since or --sample, not both")
    kind = "sample" if sample else "since" if since else "whole"
    with settings_with_services(home) as settings, composition.open_archive(settings) as made, _bars() as bars:
        auditor = keepers.auditor(settings, made, progress=partial(_count, bars, {}))
        found = auditor.run(kind, actor=actor(), since=since.replace(tzinfo=UTC) if since else None)
    if as_json:
        print_json(found.as_json())
    else:
        looked_at = ", ".join(f"{many} {step}" for step, many in found.looked_at.items())
        click.echo(f"looked at: {looked_at or 'nothing'}")
        for fault in found.faults:
            click.echo(f"FAULT {fault.kind}: {fault.place}: {fault.says}")
        click.echo(f"{len(found.faults)} faults")
    if found.faults:
        raise SystemExit(1)


@click.command()
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Trust policy whose log keys count; else the published one, else the signing key's own.",
)
@as_json
@telling_errors
def rebuild(*, policy: Path | None, as_json: bool) -> None:
    """Make a new index from the vault alone, in an empty database that is migrated."""
    settings = Settings.from_environment(os.environ)
    with composition.open_archive(settings) as made:
        owner = composition.owner_engine(settings)
        try:
            with owner.connect() as connection:
                if current_revision(connection) != latest_revision():
                    raise SettingsError("HOLDFAST_DATABASE_OWNER_URL", "migrate the new database first")
            with _bars() as bars:
                show = partial(_show, bars, {})
                ledger = keepers.vaulted_ledger(settings, made, policy=policy)
                work = Rebuild(owner, ledger, composition.now, show)
                done = work.index()
                work.originals(done, lambda each: read_again(made.engine, made.vault, each, now=composition.now))
        finally:
            owner.dispose()
    lost = _lost(settings, done)
    if as_json:
        print_json({**done.as_json(), "signed_but_lost": lost})
    else:
        _tell(done, lost)
    if done.faults or done.missing_payloads or lost:
        raise SystemExit(1)


def _lost(settings: Settings, done: Rebuilt) -> int:
    """Entries that were signed and never reached the vault, as far as the kept checkpoint tells."""
    kept = last_kept(settings.checkpoint_file) if settings.checkpoint_file else None
    return max(0, Checkpoint.parse(kept.text).size - done.size) if kept else 0


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _show(bars: Progress, known: dict[str, object], what: str, done: int, total: int | None) -> None:
    if what not in known:
        known[what] = bars.add_task(what, total=total)
    bars.update(known[what], completed=done, total=total)  # type: ignore[arg-type] # rich's own kind of id


def _count(bars: Progress, known: dict[str, object], step: str, looked_at: int) -> None:
    _show(bars, known, step, looked_at, None)


def _tell(done: Rebuilt, lost: int) -> None:
    click.echo(f"rebuilt {done.size} entries under the checkpoint with root {done.root}")
    click.echo(f"{done.counts['exhibit']} exhibits, {done.counts['case']} cases, {done.counts['reading']} readings")
    click.echo(
        f"people and accounts from {done.dump}" if done.dump else "no dump in the vault: accounts need passwords"
    )
    for text, many in (
        ("exhibits read otherwise than before", len(done.readings_changed)),
        ("rows of the dump left out: what they refer to never reached the vault", done.refers_to_nothing),
        ("payloads are missing and were not erased", len(done.missing_payloads)),
        ("entries were signed and never reached the vault: see docs/operations.md, A restored backup", lost),
    ):
        if many:
            click.echo(f"{many} {text}")
    for fault in done.faults:
        click.echo(f"FAULT {fault}")


@click.command()
@as_json
@home
@telling_errors
def dispose(*, as_json: bool, home: Path) -> None:
    """Carry out disposals that two people agreed to and whose locks have ended; run it every night if you dispose."""
    with settings_with_services(home) as settings:
        disposer = keepers.disposer(settings)
        try:
            found = disposer.run()
        finally:
            disposer.engine.dispose()
            disposer.vault.close()
    if as_json:
        print_json([{"case_id": str(one.case_id), "exhibits": one.exhibits, "waits": one.waits} for one in found])
        return
    for one in found:
        says = f"waits for {one.waits}" if one.waits else f"{one.exhibits} exhibits disposed of"
        click.echo(f"case {one.case_id}: {says}")
