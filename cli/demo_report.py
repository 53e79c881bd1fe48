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
    colour, word = ("green", "verified") if ending.verified and not ending.wrong else ("red", "not as it should be")
    console.print(f"\n[bold {colour}]{stage.case.reference}: {word}[/] after {ending.seconds:.0f} s")
    for line in _sentences(ending.counted):
        console.print(line, soft_wrap=True)
    console.print()
    for sentence in ending.wrong:
        console.print(f"  [bold red]wrong[/]        {escape(sentence)}", soft_wrap=True)
    for name, where in _places(stage, ending, environment, stays=stays):
        # Not folded: whatever the width of the terminal, a command or an address can be copied whole.
        console.print(f"  [bold]{name:<12}[/] {escape(where)}", soft_wrap=True)
    if stays:
        console.print("\nNothing reaches anybody: phones and mail are stand-ins. Ctrl-C stops everything.")


def _places(stage: Stage, ending: Ending, environment: Mapping[str, str], *, stays: bool) -> list[tuple[str, str]]:
    """Where to look, under short names."""
    address = environment["HOLDFAST_PUBLIC_URL"]
    pages = [
        ("timeline", f"{address}/cases/{stage.case.slug}/timeline"),
        ("sign in", f"{stage.officer}   password, once: {stage.password}"),
        ("phone", f"{address}/demo/phone   text as Maya, and watch"),
        ("public page", f"{address}/"),
    ]
    kept = [("package", str(ending.package)), ("verify again", _command(ending))]
    return [*(pages if stays else []), *kept]


def _sentences(counted: Mapping[str, int]) -> tuple[str, ...]:
    answered, silent, refused = (counted[name] for name in ("answered", "not_answered", "answers_failed"))
    return (
        f"{counted['sent']} messages: {counted['archived']} archived and locked, {counted['sealed']} sealed",
        f"{counted['timestamped']} timestamped, by the demonstration authority: proof to nobody else",
        "the ledger is cosigned by a witness on this same machine: proof to nobody else",
        f"{answered} answered, {silent} left unanswered as they should be, {refused} answer refused by the carrier",
        f"{counted['quarantined']} from strangers in quarantine, {counted['parked']} parked",
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
