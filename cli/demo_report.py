"""What a run of the demonstration says at its end: one JSON document, and a page for whoever sits at the terminal."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from cli.demo_stage import Stage

HOLDFAST = Path(sys.executable).with_name("holdfast")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        counted: Messages by what became of them.
        package: The evidence package; `policy` says whose signatures count.
        verified: Whether it verified.
        wrong: One sentence for each thing that is not as it should be.
        seconds: How long it took, the start of the parts included.
    """

    counted: Mapping[str, int]
    package: Path
    policy: Path
    verified: bool
    wrong: tuple[str, ...]
    seconds: float


def document(stage: Stage, ending: Ending, environment: Mapping[str, str]) -> dict[str, Any]:
    """The run as CONTRACT has it, and a few keys more."""
    return {
        **ending.counted,
        "package": str(ending.package),
        "policy": str(ending.policy),
        "verified": ending.verified,
        "as_it_should_be": not ending.wrong,
        "wrong": list(ending.wrong),
        "address": environment["HOLDFAST_PUBLIC_URL"],
        "case": stage.case.reference,
        "officer": {"email": stage.officer, "password": stage.password},
        "seconds": round(ending.seconds, 1),
    }


def summarise(stage: Stage, ending: Ending, environment: Mapping[str, str], console: Console, *, stays: bool) -> None:
    """Say what happened, what is wrong if anything is, and where to look."""
    console.print()
    console.print(f"  {_sentence(ending.counted)}")
    for sentence in ending.wrong:
        console.print(f"  [bold red]wrong[/]  {escape(sentence)}")
    where = Table.grid(padding=(0, 2))
    if stays:
        address = environment["HOLDFAST_PUBLIC_URL"]
        where.add_row("the case", f"{address}/cases/{stage.case.slug}/timeline")
        where.add_row("sign in as", f"{stage.officer}")
        where.add_row("password", f"{stage.password}  [dim](once; you choose your own)[/]")
        where.add_row("text as Maya", f"{address}/demo/phone")
        where.add_row("public page", f"{address}/")
    where.add_row("package", escape(str(ending.package)))
    where.add_row("verify it", escape(_command(ending)))
    colour, word = ("green", "verified") if ending.verified and not ending.wrong else ("red", "not as it should be")
    title = f"[bold]{escape(stage.case.reference)}[/]: {word} [dim]after {ending.seconds:.0f} s[/]"
    console.print(Panel(where, title=title, title_align="left", border_style=colour, expand=False), soft_wrap=True)
    if stays:
        console.print("Ctrl-C stops everything. Nothing here reaches anybody: the phone and the mail are stand-ins.")


def _sentence(counted: Mapping[str, int]) -> str:
    return (
        f"{counted['sent']} messages sent, {counted['archived']} archived and locked, {counted['sealed']} sealed; "
        f"{counted['answered']} answered, {counted['not_answered']} rightly not, "
        f"{counted['answers_failed']} could not be; {counted['quarantined']} from strangers in quarantine, "
        f"{counted['parked']} parked"
    )


def _command(ending: Ending) -> str:
    """What verifies the package again, on this machine or, with verify.py, on any."""
    return shlex.join([_near(HOLDFAST), "verify", _near(ending.package), "--policy", _near(ending.policy)])


def _near(path: Path) -> str:
    """A path as one would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
