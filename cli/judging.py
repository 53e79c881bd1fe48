"""Authenticity from the command line: judge again what a package says, without a network."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cli.options import as_json, print_json
from intake.authenticity.offline import Again, NotAPackageError, judge_again


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@as_json
def authenticity(file: Path, *, as_json: bool) -> None:
    """Judge the signatures in a package again from its kept DNS answers; needs no network, no service and no settings.

    Exit: 0 as the package says, 1 not, 2 unreadable. It does not verify the package: `holdfast verify` does.
    """
    try:
        again = list(judge_again(file))
    except NotAPackageError as error:
        if as_json:
            print_json({"agrees": False, "because": str(error), "items": []})
        else:
            click.echo(str(error), err=True)
        sys.exit(2)
    agrees = not any(each.differs for each in again)
    if as_json:
        print_json({"agrees": agrees, "items": [_document(each) for each in again]})
    else:
        for each in again:
            click.echo("\n".join(_lines(each)))
        click.echo("Judged again, the signatures come to what the package says." if agrees else "They do not.")
    sys.exit(0 if agrees else 1)


def _document(each: Again) -> dict[str, object]:
    return {
        "item": each.item,
        "results": list(each.results),
        "differs": list(each.differs),
        "can_be_judged": each.can_be_judged,
    }


def _lines(each: Again) -> list[str]:
    if not each.can_be_judged:
        return [f"{each.item}  this edition lacks what it would be judged from"]
    return [
        f"{each.item}  {'; '.join(each.results) or 'nothing to judge'}",
        *(f"       differs: {one}" for one in each.differs),
    ]
