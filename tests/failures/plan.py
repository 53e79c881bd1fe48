"""What goes wrong when: drawn from a seed, so that a run that failed can be had again."""

import random
from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """One way to hurt the house."""

    KILL = "kill -9"
    KILL_CHILD = "kill -9 of one process below"
    PAUSE = "pause"
    RESTART = "restart"
    FILL = "fill the disk"
    LOSE = "lose an answer after it was done"
    CUT = "break the connections"
    FAIL = "answer with an error after it was done"


PROCESSES = (
    *("web", "worker", "sequencer", "mailbox", "beat", "witness"),
    *("valkey", "postgres", "seaweedfs", "imap", "smtp", "twilio", "authority"),
)
# These do their work in processes below them.
FAMILIES = ("web", "worker", "postgres")
LINES = ("database", "vault", "mailbox", "carrier", "broker")
DISK, CARRIER = "the disk of the home", "twilio"
LONGEST_PAUSE, LONGEST_FULL = 6.0, 6.0


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing that goes wrong: when, in seconds from the start; what; to whom; for how long, where it lasts."""

    at: float
    act: Act
    victim: str
    seconds: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:6.1f} s  {self.act.value}: {self.victim}{lasting}"


def deck() -> list[tuple[Act, str]]:
    """Everything that can go wrong, once each."""
    cards = [(act, process) for act in (Act.KILL, Act.PAUSE, Act.RESTART) for process in PROCESSES]
    cards += [(Act.KILL_CHILD, process) for process in FAMILIES]
    cards += [(act, line) for act in (Act.LOSE, Act.CUT) for line in LINES]
    return [*cards, (Act.FILL, DISK), (Act.FAIL, CARRIER)]


def plan(seed: int, seconds: float, every: float) -> list[Blow]:
    """Blows for a run of so many seconds, one `every` so often on the average.

    Each process is hurt before any is hurt twice, and the disk is full once, however short the run; a long one has all
    of the deck again and again.
    """
    chance = random.Random(f"{seed}/plan")
    drawn = _first(chance)
    many = max(len(drawn), int(seconds / every))
    while len(drawn) < many:
        drawn += chance.sample(deck(), len(deck()))
    step = seconds / many
    return [
        Blow((number + chance.random()) * step, act, victim, _lasting(chance, act))
        for number, (act, victim) in enumerate(drawn[:many])
    ]


def _first(chance: random.Random) -> list[tuple[Act, str]]:
    """The first cards: each process by some act, each line by one, the disk, the carrier."""
    cards = [(chance.choice((Act.KILL, Act.PAUSE, Act.RESTART)), process) for process in PROCESSES]
    cards += [(Act.KILL_CHILD, chance.choice(FAMILIES)), (Act.FILL, DISK), (Act.FAIL, CARRIER)]
    cards += [(chance.choice((Act.LOSE, Act.LOSE, Act.CUT)), line) for line in LINES]
    return chance.sample(cards, len(cards))


def _lasting(chance: random.Random, act: Act) -> float:
    if act is Act.PAUSE:
        return chance.uniform(1.0, LONGEST_PAUSE)
    return chance.uniform(2.0, LONGEST_FULL) if act is Act.FILL else 0.0
