"""`reconcile`: Twilio and the mailboxes against the archive."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from cli import composition
from cli.options import ToldError, actor, as_json, home, print_json, settings_with_services, telling_errors
from cli.worker_process import sources
from intake.reconciling import NotCompared, Stated, reconcile_all, unexplained


@click.command()
@as_json
@home
@telling_errors
def reconcile(*, as_json: bool, home: Path) -> None:
    """Compare Twilio and the mailboxes with the archive, take in what is missing, and state it in the ledger."""
    with settings_with_services(home) as settings, composition.open_archive(settings) as archive:
        compared = sources(settings, archive.engine)
        if compared.texts is None and not compared.mailboxes.urls:
            raise ToldError("no source is set: see HOLDFAST_TWILIO_ACCOUNT_SID and HOLDFAST_IMAP_URL")
        results = reconcile_all(archive, compared, now=composition.now, actor=actor(), wait=time.sleep)
    if as_json:
        print_json(_document(results))
    else:
        _tell(results)
    if unexplained(results):
        sys.exit(1)


def _document(results: list[Stated | NotCompared]) -> dict[str, Any]:
    stated = [each.compared for each in results if isinstance(each, Stated)]
    return {
        "seen": sum(each.seen for each in stated),
        "archived": sum(each.archived for each in stated),
        "taken": sum(each.taken for each in stated),
        "unexplained": sum(len(each.unexplained) for each in stated),
        "sources": [_source(each) for each in results],
    }


def _source(result: Stated | NotCompared) -> dict[str, Any]:
    if isinstance(result, NotCompared):
        return {"source": result.source, "compared": False, "because": result.because}
    found = result.compared
    # All of them here, however many; the ledger's entry names the first few hundred.
    gaps = [{"id": each.source_id, "because": each.because, "explained": each.explained} for each in found.gaps]
    return {**found.facts(), "compared": True, "gaps": gaps, "entry": result.entry_id}


def _tell(results: list[Stated | NotCompared]) -> None:
    for each in results:
        if isinstance(each, NotCompared):
            click.echo(f"{each.source}: not compared: {each.because}", err=True)
            continue
        found = each.compared
        click.echo(
            f"{found.source}: {found.seen} seen, {found.archived} archived ({found.taken} taken in now), "
            f"{found.waiting} on their way, {found.parked} parked, {len(found.unexplained)} unexplained"
        )
        for gap in found.gaps:
            click.echo(f"  {gap.source_id}: {'' if gap.explained else 'UNEXPLAINED: '}{gap.because}", err=True)
        for name, count in found.beside.items():
            if count:
                click.echo(f"  {name.replace('_', ' ')}: {count}")
