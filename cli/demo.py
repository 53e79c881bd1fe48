"""`holdfast demo`: the whole house on this machine, with messages we wrote ourselves, from the doors to the package."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from archive import verify as verifier
from archive.accession import Archive
from cli import composition
from cli.demo_report import Ending, document, summarise
from cli.demo_stage import Stage, set_stage
from cli.demo_traffic import Doors, Traffic
from cli.demo_watch import Watch, wrongs
from cli.local import aws, port_option, running_house
from cli.options import actor, as_json, home, print_json, telling_errors
from services.embedded import Embedded
from services.samples.sending import Handset
from services.samples.story import Telling, load
from settings import Settings

# Whatever names a real service, a key or a ledger of somebody's own.
REAL = (
    *("HOLDFAST_DATABASE_", "HOLDFAST_BROKER_", "HOLDFAST_S3_", "HOLDFAST_TWILIO_", "HOLDFAST_IMAP_URL"),
    *("HOLDFAST_SMTP_", "HOLDFAST_TSA_", "HOLDFAST_SIGNING_", "HOLDFAST_SECRET_", "HOLDFAST_CHECKPOINT_"),
    *("HOLDFAST_NEXT_SIGNING_", "HOLDFAST_WITNESS_"),
    *("HOLDFAST_POLICY_", "HOLDFAST_PUBLIC_URL", "HOLDFAST_LOG_ORIGIN", "HOLDFAST_MAIL_FROM"),
)
SETTINGS = {
    "HOLDFAST_DEMO": "yes",
    "HOLDFAST_LOCK_DAYS": "1",
    "HOLDFAST_LEDGER_LOCK_DAYS": "1",
    "HOLDFAST_PUBLISH_EVERY_SECONDS": "10",
    "HOLDFAST_REPLY_BURST_SECONDS": "3",
    "HOLDFAST_REPLY_MOST_PER_DAY": "200",
    "HOLDFAST_TSA_EVERY_SECONDS": "3",
}


@click.command()
@click.option("--once", is_flag=True, help="Stop when the package is verified.")
@port_option
@as_json
@home
@telling_errors
def demo(*, once: bool, port: int | None, as_json: bool, home: Path) -> None:
    """Run everything on this machine with sample messages; Ctrl-C stops it. Nothing real is used or reached."""
    began = time.monotonic()
    refuse_real_services(os.environ)
    console = Console(stderr=True, highlight=False)
    console.print("[bold]Holdfast demonstration[/]: every part on this machine, messages we wrote ourselves")
    with _own_credentials_only(), _started(home, port, console) as (parts, environment), aws(environment):
        stage, ending = _run(parts, Settings.from_environment(environment), console, began)
        if as_json:
            print_json(document(stage, ending, environment))
        summarise(stage, ending, environment, console, stays=not once)
        if not once:
            parts.supervisor.run()
        console.print("stopping every part in order …")
    if ending.wrong or not ending.verified:
        raise SystemExit(1)


def refuse_real_services(environ: Mapping[str, str]) -> None:
    """Made-up evidence must never reach a real archive, and no sample a real phone.

    Raises:
        ClickException: It names the settings to take away.
    """
    found = sorted(name for name, value in environ.items() if value and name.startswith(REAL))
    if found:
        raise click.ClickException(
            f"the demonstration does not run with settings of real services: unset {', '.join(found)}"
        )


@contextmanager
def _own_credentials_only() -> Iterator[None]:
    """Set aside whatever AWS settings this shell has: boto3 would mix them with the demonstration's own."""
    aside = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AWS_")}
    try:
        yield
    finally:
        os.environ.update(aside)


@contextmanager
def _started(home: Path, port: int | None, console: Console) -> Iterator[tuple[Embedded, dict[str, str]]]:
    status = console.status("starting PostgreSQL, Valkey, SeaweedFS, mail, the Twilio stand-in and Holdfast …")
    status.start()
    try:
        with running_house(home, port, {**os.environ, **SETTINGS}, say=partial(console.print, markup=False)) as house:
            status.stop()
            yield house
    finally:
        status.stop()


def _run(parts: Embedded, settings: Settings, console: Console, began: float) -> tuple[Stage, Ending]:
    archive = composition.archive(settings)
    try:
        return _told(parts, settings, archive, console, began)
    finally:
        archive.threads.shutdown()
        archive.engine.dispose()


def _told(
    parts: Embedded, settings: Settings, archive: Archive, console: Console, began: float
) -> tuple[Stage, Ending]:
    story, now = load(), composition.now()
    with archive.engine.begin() as connection:
        stage = set_stage(connection, story, now=now)
    console.print(
        f"case [bold]{stage.case.reference}[/]: {len(story.samples)} messages of {len(stage.people)} people go in by "
        "the webhook and by mail"
    )
    traffic = Traffic(
        parts=parts,
        engine=archive.engine,
        watch=Watch(archive.vault, now),
        doors=Doors(_handset(settings), settings.need("smtp_url")),
        telling=Telling(stage.people, settings.mail_from, now),
        console=console,
    )
    traffic.run(story.samples)
    with archive.engine.connect() as connection:
        wrong = wrongs(connection, traffic.sent, traffic.fates, stage.case.id)
    package, policy = _packed(settings, archive, stage, console)
    said = _verified(package, policy)
    ending = Ending(_counted(traffic), package, policy, not said, (*wrong, *said), time.monotonic() - began)
    return stage, ending


def _handset(settings: Settings) -> Handset:
    return Handset(
        settings.need("twilio_api_url"), settings.need("twilio_account_sid"), settings.need("twilio_auth_token")
    )


def _counted(traffic: Traffic) -> dict[str, int]:
    """Messages, as CONTRACT names them."""
    fates = traffic.fates
    return {
        "sent": len(traffic.sent),
        "archived": sum(fate.archived for fate in fates),
        "answered": sum(fate.answer == "sent" for fate in fates),
        "not_answered": sum(fate.settled and fate.answer is None for fate in fates),
        "answers_failed": sum(fate.answer == "failed" for fate in fates),
        "quarantined": sum(fate.quarantined for fate in fates),
        "parked": sum(fate.parked for fate in fates),
        "sealed": sum(fate.sealed for fate in fates),
        "timestamped": sum(fate.timestamped for fate in fates),
    }


def _packed(settings: Settings, archive: Archive, stage: Stage, console: Console) -> tuple[Path, Path]:
    """Build the case's package, and keep the policy beside: a verifier trusts no policy that a package brings."""
    package = settings.home.resolve() / "packages" / f"{stage.case.slug}-{secrets.token_hex(3)}.zip"
    package.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with Progress(TextColumn("  packed     "), BarColumn(bar_width=36), MofNCompleteColumn(), console=console) as bars:
        bar = bars.add_task("packed", total=None)
        composition.exporter(settings, archive).export(
            stage.case,
            package,
            edition="full",
            actor=actor(),
            progress=lambda done, total: bars.update(bar, completed=done, total=total),
        )
    policy = settings.home.resolve() / "state" / "policy"
    with archive.engine.connect() as connection:
        policy.write_text(composition.trust_policy(settings, connection), encoding="utf-8")
    return package, policy


def _verified(package: Path, policy: Path) -> tuple[str, ...]:
    """What is wrong with the package, by the verifier that stands in it, too; nothing where it is verified."""
    try:
        verifier.verify(package, policy.read_text(encoding="utf-8"))
    except (verifier.VerificationError, verifier.UnreadableError) as error:
        return (f"the package does not verify: {error}",)
    return ()
