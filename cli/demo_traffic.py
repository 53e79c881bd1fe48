"""The demonstration's traffic: samples go in by the real doors, and bars show how far they have come."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from sqlalchemy import Engine

from cli.demo_watch import Fate, Sent, Watch
from services.embedded import Embedded
from services.samples.sending import Handset, post
from services.samples.story import Outcome, Sample, Telling

STALL_SECONDS = 90.0
LOOK_SECONDS = 0.25
# What each bar counts, and whose logs say why it stands still.
STAGES = {
    "sent": ("twilio", "smtp"),
    "received": ("web", "mailbox", "worker"),
    "archived": ("worker", "seaweedfs", "postgres"),
    "read": ("worker",),
    "answered": ("worker", "beat", "twilio", "smtp"),
    "sealed": ("sequencer",),
    "timestamped": ("worker", "beat", "authority"),
}


class InterruptedDemoError(click.ClickException):
    """Somebody pressed Ctrl-C before the samples were through."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("stopped before the samples were through")


@dataclass(frozen=True, slots=True)
class Doors:
    """Where samples are put in: the number's handset, the desk's mail server."""

    handset: Handset
    smtp_url: str


@dataclass(slots=True)
class Traffic:
    """Sends samples and waits until nothing more will happen to them.

    Attributes:
        parts: The running house; its processes are tended while we wait.
        engine: The application's login.
        watch: Finds samples again.
        doors: Where they go in.
        telling: Fills in their people and times.
        console: Where the bars are drawn.
    """

    parts: Embedded
    engine: Engine
    watch: Watch
    doors: Doors
    telling: Telling
    console: Console
    sent: list[Sent] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    _looked_at: float = 0.0
    _moved_at: float = 0.0

    def run(self, samples: Sequence[Sample]) -> None:
        """Send all of them, the last ones once the others have their answers.

        Raises:
            InterruptedDemoError: A signal asked for the end.
            ClickException: Nothing moved for too long; it names the logs to look at.
        """
        with Progress(
            TextColumn("  {task.description:<11}"),
            BarColumn(bar_width=36),
            MofNCompleteColumn(),
            console=self.console,
        ) as bars:
            totals = {**dict.fromkeys(STAGES, len(samples)), "answered": sum(map(_expects_answer, samples))}
            tasks = {stage: bars.add_task(stage, total=total) for stage, total in totals.items()}
            for is_last in (False, True):
                self._send([sample for sample in samples if sample.last is is_last], bars, tasks)
                self._wait(bars, tasks, stamped=is_last)

    def counted(self) -> dict[str, int]:
        """How many samples have come how far."""
        return {
            "sent": len(self.sent),
            "received": sum(fate.id is not None for fate in self.fates),
            "archived": sum(fate.archived for fate in self.fates),
            "read": sum(fate.read for fate in self.fates),
            "answered": sum(fate.answer in {"sent", "failed"} for fate in self.fates),
            "sealed": sum(fate.sealed for fate in self.fates),
            "timestamped": sum(fate.timestamped for fate in self.fates),
        }

    def _send(self, samples: Sequence[Sample], bars: Progress, tasks: dict[str, TaskID]) -> None:
        for sample in samples:
            self.sent.append(Sent(sample, self._put_in(sample)))
            self._look(bars, tasks)

    def _put_in(self, sample: Sample) -> str:
        sender = self.telling.people[sample.sender]
        if sample.text:
            return self.doors.handset.send(sender.phone, self.telling.text(sample), sample.media)
        message_id = f"<{secrets.token_hex(12)}@{sender.email.rpartition('@')[2]}>"
        post(self.doors.smtp_url, sender.email, self.telling.desk, self.telling.mail(sample, message_id))
        return message_id

    def _wait(self, bars: Progress, tasks: dict[str, TaskID], *, stamped: bool) -> None:
        over = False

        def is_wanted() -> bool:
            nonlocal over
            self._look(bars, tasks)
            over = len(self.fates) == len(self.sent) and all(
                fate.is_over(each.sample) and (fate.timestamped or fate.parked or not stamped)
                for each, fate in zip(self.sent, self.fates, strict=True)
            )
            return not over

        self._moved_at = time.monotonic()
        self.parts.supervisor.run(is_wanted)
        if not over:
            raise InterruptedDemoError

    def _look(self, bars: Progress, tasks: dict[str, TaskID]) -> None:
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            with self.engine.connect() as connection:
                fates = self.watch.look(connection, self.sent)
            if fates != self.fates:
                self.fates, self._moved_at = fates, now
        counted = self.counted()
        for stage, task in tasks.items():
            bars.update(task, completed=counted[stage])
        if now - self._moved_at > STALL_SECONDS:
            raise click.ClickException(self._stalled(counted))

    def _stalled(self, counted: dict[str, int]) -> str:
        expected = {**dict.fromkeys(STAGES, len(self.sent))}
        expected["answered"] = sum(_expects_answer(each.sample) for each in self.sent)
        behind = next((stage for stage in STAGES if counted[stage] < expected[stage]), "answered")
        logs: list[Path] = [self.parts.home.log(name) for name in STAGES[behind]]
        return (
            f"nothing has moved for {STALL_SECONDS:.0f} s: {counted[behind]} of {expected[behind]} samples {behind}; "
            f"see {', '.join(map(str, logs))}"
        )


def _expects_answer(sample: Sample) -> bool:
    return sample.outcome in {Outcome.ANSWERED, Outcome.FAILED}
