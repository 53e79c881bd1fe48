"""One measured ratio: ours against a baseline, in rounds that take turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Result:
    """Rates per second of ours and of the baseline, a round each in turn; the ratio is of their medians."""

    name: str
    target: float
    ours: list[float]
    baseline: list[float]
    beside: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Median of ours over median of the baseline."""
        return median(self.ours) / median(self.baseline)

    def to_json(self) -> dict[str, Any]:
        """All of it, for a file."""
        return {
            "name": self.name,
            "ratio": round(self.ratio, 3),
            "target": self.target,
            "ours_per_second": [round(each, 1) for each in self.ours],
            "baseline_per_second": [round(each, 1) for each in self.baseline],
            **self.beside,
        }

    def __str__(self) -> str:
        ours = ", ".join(f"{each:.0f}" for each in self.ours)
        baseline = ", ".join(f"{each:.0f}" for each in self.baseline)
        verdict = "ahead of" if self.ratio >= self.target else "BELOW"
        beside = "".join(f"; {name} {value}" for name, value in self.beside.items())
        return f"{self.name}: {self.ratio:.2f} ({verdict} {self.target}); {ours} /s against {baseline} /s{beside}"


def in_turns(
    ours: Callable[[], float], baseline: Callable[[], float], rounds: int = ROUNDS
) -> tuple[list[float], list[float]]:
    """Rates of both, taking turns so that a slow minute hits both; the first round warms up and is not counted."""
    baseline(), ours()
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        found[1].append(baseline())
        found[0].append(ours())
    return found
