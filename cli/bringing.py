"""Bringing in what did not come by itself: `import` files."""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self
from uuid import UUID

import click
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection

from archive.accession import Archive, Belonging
from archive.case import Case, case_of
from cli import composition
from cli.options import as_json, home, print_json, settings_with_services, telling_errors
from cli.whom import contributor_in
from intake.importing import Arrived, Imported, files_of, import_files
from timeline.readings import read_arrived

_BATCHES_BEHIND: Final = 2


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
        results = _imported(archive, files, belonging)
    _report(results, as_json=as_json)
    if any(imported.refused for imported, _ in results):
        sys.exit(1)


def _imported(archive: Archive, files: list[Path], belonging: Belonging) -> list[tuple[Imported, int]]:
    """Each file, archived and read, and how many of its exhibits could not be read."""
    results: list[tuple[Imported, int]] = []
    columns = Progress.get_default_columns()
    told = "{task.fields[items]} items"
    with (
        Progress(*columns, told, console=Console(stderr=True), transient=True) as bars,
        ReadingBeside(archive) as beside,
    ):
        bar = bars.add_task("files", total=len(files), items=0)

        def then(arrived: Arrived) -> None:
            beside.take(arrived)
            bars.update(bar, items=beside.taken)

        for imported in import_files(archive, files, belonging, now=composition.now, then=then):
            results.append((imported, beside.settle()))
            bars.advance(bar)
    return results


class ReadingBeside:
    """Reads what was archived while the next is archived, a few batches behind."""

    def __init__(self, archive: Archive) -> None:
        self.taken = 0
        self._archive = archive
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[int]] = deque()
        self._unreadable = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def take(self, arrived: Arrived) -> None:
        """Read these exhibits soon; waits where too many are waiting already.

        Raises:
            As `read_arrived`, of any taken before.
        """
        self.taken += len(arrived)
        while len(self._waiting) >= _BATCHES_BEHIND:
            self._unreadable += self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._read, arrived))

    def settle(self) -> int:
        """Wait until all is read: how many, since this was asked last, could not be."""
        while self._waiting:
            self._unreadable += self._waiting.popleft().result()
        count, self._unreadable = self._unreadable, 0
        return count

    def _read(self, arrived: Arrived) -> int:
        states = read_arrived(self._archive.engine, self._archive.vault, arrived, now=composition.now)
        return list(states.values()).count("unreadable")


def _contributor_id(connection: Connection, case: Case, wanted: str | None) -> UUID | None:
    if wanted is None:
        return None
    return contributor_in(connection, case, wanted).id


def _report(results: list[tuple[Imported, int]], *, as_json: bool) -> None:
    files: list[dict[str, Any]] = [
        {
            "path": str(imported.path),
            "exhibits": [str(each) for each in imported.ids],
            "unreadable": unreadable,
            "repeats": imported.repeats,
            "refused": imported.refused,
            "taken": dict(imported.taken),
            "parked": dict(imported.parked),
        }
        for imported, unreadable in results
    ]
    archived = sum(len(each["exhibits"]) - each["repeats"] for each in files)
    if as_json:
        print_json({"archived": archived, "files": files})
        return
    for each in files:
        if each["refused"]:
            click.echo(f"{each['path']}: not taken whole: {each['refused']}", err=True)
    click.echo(f"{archived} items archived from {len(files)} files")
