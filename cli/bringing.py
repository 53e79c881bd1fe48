"""Bringing in what did not come by itself: `import` files, `reconcile` with Twilio."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection

from archive.accession import Belonging
from archive.case import Case, case_of
from cli import composition
from cli.options import ToldError, as_json, home, print_json, settings_with_services, telling_errors
from cli.whom import contributor_in
from cli.worker_process import twilio
from intake.importing import Imported, files_of, import_files
from intake.sweep import reconcile_texts
from timeline.readings import read_exhibit


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--case", "reference", required=True, help="The case the files are for.")
@click.option("--from", "contributor", default=None, help="Who handed them over: a contributor's name or id.")
@as_json
@home
@telling_errors
def import_(paths: tuple[Path, ...], reference: str, contributor: str | None, *, as_json: bool, home: Path) -> None:
    """Archive and read mails, mailboxes and other files. Exit 1 if any was not taken whole."""
    files = files_of(paths)
    with settings_with_services(home) as settings, composition.open_archive(settings) as archive:
        with archive.engine.connect() as connection:
            case = case_of(connection, reference)
            belonging = Belonging(case_id=case.id, contributor_id=_contributor_id(connection, case, contributor))
        results: list[tuple[Imported, list[str]]] = []
        with Progress(console=Console(stderr=True), transient=True) as bars:
            bar = bars.add_task("files", total=len(files))
            for imported in import_files(archive, files, belonging, now=composition.now):
                states: list[str] = [
                    read_exhibit(archive.engine, archive.vault, each, now=composition.now).state
                    for each in imported.ids
                ]
                results.append((imported, states))
                bars.advance(bar)
    _report(results, as_json=as_json)
    if any(imported.refused for imported, _ in results):
        sys.exit(1)


def _contributor_id(connection: Connection, case: Case, wanted: str | None) -> UUID | None:
    if wanted is None:
        return None
    return contributor_in(connection, case, wanted).id


def _report(results: list[tuple[Imported, list[str]]], *, as_json: bool) -> None:
    files: list[dict[str, Any]] = [
        {
            "path": str(imported.path),
            "exhibits": [str(each) for each in imported.ids],
            "unreadable": states.count("unreadable"),
            "repeats": imported.repeats,
            "refused": imported.refused,
            "taken": dict(imported.taken),
            "parked": dict(imported.parked),
        }
        for imported, states in results
    ]
    archived = sum(len(each["exhibits"]) - each["repeats"] for each in files)
    if as_json:
        print_json({"archived": archived, "files": files})
        return
    for each in files:
        if each["refused"]:
            click.echo(f"{each['path']}: not taken whole: {each['refused']}", err=True)
    click.echo(f"{archived} items archived from {len(files)} files")


@click.command()
@as_json
@home
@telling_errors
def reconcile(*, as_json: bool, home: Path) -> None:
    """Take in every text that Twilio has and the archive has not."""
    with settings_with_services(home) as settings:
        api = twilio(settings)
        if api is None:
            raise ToldError("no Twilio account is set: see HOLDFAST_TWILIO_ACCOUNT_SID")
        with composition.open_archive(settings) as archive:
            found = reconcile_texts(archive.engine, api, now=composition.now)
            while archive.accession_waiting(now=composition.now()):
                pass
    if as_json:
        print_json({"seen": found.seen, "taken": len(found.taken)})
    else:
        click.echo(f"Twilio has {found.seen} texts; {len(found.taken)} were missing here and have been taken in")
