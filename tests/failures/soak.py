"""The whole house under traffic while everything goes wrong that a seed can think of; then: was every promise kept?

`python -m tests.failures.soak --minutes 10 [--seed N] [--disk ceiling]`, or `make soak MINUTES=10 SEED=N`
"""

import argparse
import contextlib
import json
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from replies.sending import LOST_AFTER
from services.embedded import embedded
from tests.failures.blows import Conductor
from tests.failures.disk import Ceiling, disk_for
from tests.failures.house import House, running_house
from tests.failures.judgement import Seen, judge
from tests.failures.lines import Line
from tests.failures.plan import plan
from tests.failures.relay import Relay
from tests.failures.seeing import let_time_pass, see, unfinished
from tests.failures.traffic import Traffic, people
from tests.failures.wired import WIRES

# Which settings lead over which wire.
WIRED = {
    "database": ("HOLDFAST_DATABASE_URL", "HOLDFAST_DATABASE_SEQUENCER_URL"),
    "vault": ("HOLDFAST_S3_ENDPOINT_URL",),
    "mailbox": ("HOLDFAST_IMAP_URL",),
    "carrier": ("HOLDFAST_SMTP_URL",),
    "broker": ("HOLDFAST_BROKER_URL",),
}
SETTINGS = {
    "HOLDFAST_REPLY_MOST_PER_DAY": "1000000",
    "HOLDFAST_REPLY_MOST_PER_DAY_IN_ALL": "1000000",
    "HOLDFAST_PUBLISH_EVERY_SECONDS": "10",
    "HOLDFAST_TSA_EVERY_SECONDS": "5",
    "HOLDFAST_WITNESS_EVERY_SECONDS": "5",
}
DISK_MEBIBYTES = 1536
CALM_SECONDS = 420.0
# Longer than what `reconcile` takes for a webhook on its way.
LATER_SECONDS = 600
WIRED_UP = (sys.executable, "-m", "tests.failures.wired")


@dataclass(frozen=True, slots=True)
class Run:
    """What a run shall be.

    Attributes:
        seed: What it is drawn from.
        seconds: How long things go wrong.
        every: Seconds between two blows, on the average.
        may_mount: Whether a small file system may be mounted for the home.
        attempts_too: Whether to wait until every attempt to answer has come to an end: minutes, where one was cut off.
    """

    seed: int
    seconds: float
    every: float = 2.5
    may_mount: bool = True
    attempts_too: bool = True


@dataclass(frozen=True, slots=True)
class Ending:
    """What a run came to: what went wrong, what was seen, and a summary for people."""

    findings: list[str]
    seen: Seen
    summary: str


@contextlib.contextmanager
def wired_house(folder: Path, run: Run) -> Iterator[tuple[House, dict[str, Line], Relay, object]]:
    """A house on a small disk, with wires to its parts and a relay before its door."""
    with ExitStack() as stack:
        disk = disk_for(folder / "disk", DISK_MEBIBYTES) if run.may_mount else None
        if disk is None:
            (folder / "disk").mkdir(exist_ok=True)
        else:
            stack.enter_context(disk)
        home = folder / "disk" / "home"
        direct = embedded(home, environ={}).environment()
        ports = {name: urlsplit(direct[settings[0]]).port for name, settings in WIRED.items()}
        lines = {name: stack.enter_context(Line(port)) for name, port in ports.items()}
        relay = stack.enter_context(Relay(run.seed))
        over = {
            setting: direct[setting].replace(f":{ports[name]}", f":{lines[name].port}")
            for name, settings in WIRED.items()
            for setting in settings
        }
        wires = {WIRES: json.dumps(over | {"webhook": relay.url})}
        try:
            # Its own log lies on the small disk, too: that it cannot be written must not end the house.
            with running_house(folder / "disk", home=home, command=WIRED_UP, settings=SETTINGS | wires) as house:
                door = urlsplit(house.url)
                relay.target = (door.hostname, door.port)
                house.enrol(people())
                yield house, lines, relay, disk or Ceiling(home)
            if house.keep:
                _rescue(folder)
        except BaseException:
            _rescue(folder)
            raise


def go(folder: Path, run: Run, say=print) -> Ending:
    """One run in an empty folder, from the first message to the judgement."""
    began = time.monotonic()
    with wired_house(folder, run) as (house, lines, relay, disk):
        say(f"seed {run.seed}: {run.seconds:.0f} s of trouble, by {disk.how}; home {house.home}")
        conductor = Conductor(house, lines, disk, run.seed)
        with Traffic(house.environment, run.seed) as traffic:
            relay.stormy = True
            conductor.play(plan(run.seed, run.seconds, run.every), run.seconds, pulse=lambda: _still_up(house))
        relay.calm()
        calmed = time.monotonic()
        settled = _settle(house, run)
        seen = see(house, relay, traffic.told, folder)
        findings = judge(seen)
        summary = _summary(run, conductor, relay, lines, traffic.told.sent, seen, findings)
        summary += f"\n{calmed - began:.0f} s with start and trouble, {settled:.0f} s to settle, "
        summary += f"{time.monotonic() - calmed - settled:.0f} s to look"
        house.keep = bool(findings)
    if not findings:
        shutil.rmtree(folder, ignore_errors=True)
    return Ending(findings, seen, summary)


def _still_up(house: House) -> None:
    """The supervisor is what starts everything again: nothing that was done may end it."""
    assert house.process.poll() is None, f"the house itself ended: {house.log.read_text()[-2000:]}"


def _settle(house: House, run: Run) -> float:
    """Wait until everything has come to its end, or nothing more can be hoped for; for how long."""
    began = time.monotonic()
    let_time_pass(house, LATER_SECONDS)
    give_up_at = began + CALM_SECONDS + (LOST_AFTER.total_seconds() if run.attempts_too else 0)
    reconciled_at = 0.0
    while waits := unfinished(house, attempts_too=run.attempts_too):
        _still_up(house)
        if time.monotonic() > give_up_at:
            break
        # The schedule does it every five minutes; nobody waits for that here.
        if "known to Twilio alone" in waits and time.monotonic() - reconciled_at > 10:
            house.command("reconcile", "--json")
            reconciled_at = time.monotonic()
        time.sleep(0.5)
    return time.monotonic() - began


def _rescue(folder: Path) -> None:
    """Keep the home beyond the small disk, which goes with the run."""
    disk, kept = folder / "disk", folder / "kept"
    if disk.is_mount() and not kept.exists():
        # What is written on meanwhile may be half: it is for a person to look at.
        with contextlib.suppress(shutil.Error, OSError):
            shutil.copytree(disk, kept, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))


def _summary(run: Run, conductor: Conductor, relay: Relay, lines, sent, seen: Seen, findings: list[str]) -> str:
    held = Counter(each.channel for each in seen.held)
    states = Counter(each.state for each in seen.replies)
    lost = {name: line.lost for name, line in lines.items()}
    dealt = f"seed {run.seed}; {len(conductor.done)} blows, {len(conductor.missed)} missed; answers lost on wires: "
    whims = _counted({whim.value: many for whim, many in relay.whims.items()})
    accepted = f"accepted: {len(seen.thanked)} texts, {len(seen.mails)} mails ({len(seen.doubtful)} in doubt)"
    reconciled = sum(each.reconciled for each in seen.held)
    rows = [
        *(f"  {each}" for each in conductor.done),
        *(f"  missed {each}" for each in conductor.missed),
        dealt + _counted(lost),
        f"webhooks: {whims}; the door answered {_counted(relay.statuses)}",
        f"sent: {_counted(sent)}; {accepted}",
        f"archived: {_counted(held)}, {reconciled} of them by reconcile; alerts: {_counted(seen.alerts)}",
        f"answers: {_counted(states)}; {len(seen.outbound)} left",
        *(f"WRONG: {each}" for each in findings),
        f"{len(findings)} things went wrong; --seed {run.seed} repeats the plan"
        if findings
        else "every promise was kept",
    ]
    return "\n".join(rows)


def _counted(counts) -> str:
    return ", ".join(f"{many} {what}" for what, many in sorted(counts.items(), key=str) if many) or "none"


def make_folder() -> Path:
    """An empty folder that PostgreSQL's own user may pass."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-soak-"))
    folder.chmod(0o711)
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.failures.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="how long things go wrong")
    parser.add_argument("--seed", type=int, default=None, help="repeat the plan of an earlier run")
    parser.add_argument("--every", type=float, default=2.5, help="seconds between two blows, on the average")
    parser.add_argument("--disk", choices=("mount", "ceiling"), default="mount", help="how the disk is filled")
    options = parser.parse_args()
    # Asked to end, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    folder = make_folder()
    print(f"seed {seed}", flush=True)
    try:
        ending = go(folder, Run(seed, options.minutes * 60, options.every, options.disk == "mount"))
    except BaseException:
        print(f"seed {seed}: the run itself failed; home and logs are kept in {folder}", flush=True)
        raise
    print(ending.summary, flush=True)
    if ending.findings:
        print(f"home and logs are kept in {folder}", flush=True)
    return 1 if ending.findings else 0


if __name__ == "__main__":
    sys.exit(main())
