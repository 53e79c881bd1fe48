"""Evidence from the command line: import, timeline, package, verify."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from uuid import UUID

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from archive import verify as verifier
from archive.case import case_of
from archive.custody import Action, CustodyEntry, case_stream
from archive.edition import EDITIONS, FULL
from archive.ledger import record
from archive.package_desk import PackageDesk, request, state_of
from archive.signed_note import Checkpoint, Note
from archive.tlog_proof import proof_of
from cli import composition
from cli.options import actor, as_json, home, print_json, settings_with_services, telling_errors
from timeline.compile import compile_timeline

LONGEST_WAIT_SECONDS = 600


@click.command()
@click.argument("reference")
@click.option("--format", "form", type=click.Choice(["json", "csv", "text"]), default="text", show_default=True)
@as_json
@home
@telling_errors
def timeline(reference: str, form: str, *, as_json: bool, home: Path) -> None:
    """Print the compiled timeline of a case; looking at it is a custody entry."""
    with settings_with_services(home) as settings, composition.transaction(settings) as connection:
        asked = case_of(connection, reference)
        facts = {"form": "json" if as_json else form}
        record(connection, CustodyEntry(case_stream(asked.id), Action.CASE_EXPORTED, actor(), composition.now(), facts))
        compiled = compile_timeline(connection, asked, now=composition.now())
    if as_json or form == "json":
        for piece in compiled.json_pieces():
            click.echo(piece, nl=False)
    elif form == "csv":
        sys.stdout.buffer.write(compiled.to_csv())
    else:
        click.echo(compiled.to_text(), nl=False)


@click.command()
@click.argument("reference")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--edition", type=click.Choice(EDITIONS), default=FULL, show_default=True)
@as_json
@home
@telling_errors
def package(reference: str, out: Path, edition: str, *, as_json: bool, home: Path) -> None:
    """Build an evidence package of a case into a file. Needs a running sequencer."""
    with settings_with_services(home) as settings, composition.open_archive(settings) as archive:
        desk = composition.package_desk(settings, archive)
        with desk.exporter.engine.begin() as connection:
            asked = request(
                connection, case_of(connection, reference), edition=edition, at=composition.now(), actor=actor()
            )
        _build(desk, asked)
        finished = desk.hand_over(asked, out)
    if as_json:
        print_json(
            {
                "package": str(out),
                "id": str(asked),
                "sha256": finished.sha256,
                "size_bytes": finished.size_bytes,
                "checkpoint_size": finished.checkpoint_size,
            }
        )
    else:
        click.echo(f"{out}: {finished.size_bytes} bytes, sha256:{finished.sha256}")


def _build(desk: PackageDesk, asked: UUID) -> None:
    """Build it here, with a bar; wait for it where a worker was quicker."""
    with Progress(console=Console(stderr=True), transient=True) as bars:
        bar: TaskID = bars.add_task("exhibits", total=None)
        built = desk.build(asked, progress=lambda done, total: bars.update(bar, completed=done, total=total))
        give_up_at = time.monotonic() + LONGEST_WAIT_SECONDS
        while not built and time.monotonic() < give_up_at:
            time.sleep(0.2)
            with desk.exporter.engine.connect() as connection:
                built = state_of(connection, asked) in {"ready", "failed"}


@click.command()
@click.argument("entry", type=click.IntRange(min=0))
@click.option("-o", "--output", "out", type=click.Path(path_type=Path, dir_okay=False), help="Else standard output.")
@as_json
@home
@telling_errors
def proof(entry: int, out: Path | None, *, as_json: bool, home: Path) -> None:
    """Write one custody entry's proof (c2sp.org/tlog-proof@v1): its leaf, its place in the ledger, the checkpoint.

    ENTRY is the entry's index in the ledger, as timelines and packages give it. The proof names nobody: who may see the
    payload is another question.
    """
    with settings_with_services(home) as settings, composition.transaction(settings) as connection:
        made = proof_of(connection, entry)
    encoded = made.encode()
    if out is not None:
        out.write_bytes(encoded)
    if as_json:
        size = Checkpoint.parse(Note.parse(made.note).text).size
        print_json({"index": entry, "proof": str(out) if out else encoded.decode(), "checkpoint_size": size})
    elif out is None:
        sys.stdout.buffer.write(encoded)
    else:
        click.echo(f"{out}: proof of entry {entry}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), help="Whose signatures count; never the copy inside.")
@click.option("--tsa-roots", type=click.Path(path_type=Path), help="Roots of the timestamp authorities you trust.")
@click.option(
    "--require-timestamps", type=int, default=0, help="Authorities that must vouch, if more than the policy asks for."
)
@click.option("--earlier", type=click.Path(path_type=Path), multiple=True, help="Checkpoint of an earlier package.")
@as_json
def verify(
    file: Path,
    policy: Path | None,
    tsa_roots: Path | None,
    require_timestamps: int,
    earlier: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Verify an evidence package; needs no service and no settings. Exit: 0 verified, 1 not, 2 unreadable.

    The same plan as the one file `verify.py`, which is published for whoever does not have this command.
    """
    arguments = [str(file), "--require-timestamps", str(require_timestamps)]
    arguments += ["--policy", str(policy)] if policy else []
    arguments += ["--tsa-roots", str(tsa_roots)] if tsa_roots else []
    for note in earlier:
        arguments += ["--earlier", str(note)]
    raise SystemExit(verifier.main([*arguments, *(["--json"] if as_json else [])]))
