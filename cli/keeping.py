"""The vault as a whole: publish the ledger to it."""

from __future__ import annotations

from pathlib import Path

import click

from archive.publishing import published_size
from cli import composition
from cli.options import as_json, home, print_json, settings_with_services, telling_errors


@click.command()
@as_json
@home
@telling_errors
def publish(*, as_json: bool, home: Path) -> None:
    """Write to the vault what the ledger grew by; the schedule does the same every minute."""
    with settings_with_services(home) as settings, composition.open_archive(settings) as made:
        objects = composition.publisher(settings, made).publish()
        with made.engine.connect() as connection:
            size = published_size(connection)
    if as_json:
        print_json({"objects": objects, "size": size})
    else:
        click.echo(f"{objects} objects written; the vault holds the ledger's first {size} entries")
