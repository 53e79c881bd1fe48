"""Everything on one machine: `services` and `up`."""

from __future__ import annotations

import os
import shlex
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from archive.database import migrate
from cli import composition
from cli.options import as_json, home, print_json, telling_errors
from cli.own_witness import own_witness, witness_environment
from services.embedded import Embedded, embedded
from services.errors import PortTakenError, ServiceError
from services.process import STOP_WEB, Process
from services.webhook import Webhook
from settings import Settings

FIRST_PORT = 8080
READY_SECONDS = 2.0
HOLDFAST = (sys.executable, "-m", "cli")

port_option = click.option("--port", type=int, default=None, help=f"Port of the pages; {FIRST_PORT} if it is free.")


@click.command()
@as_json
@home
@telling_errors
def services(*, as_json: bool, home: Path) -> None:
    """Run the embedded services alone and print the environment to use them."""
    parts = embedded(home, say=_say)
    parts.supervisor.listen()
    with _told(), parts:
        if as_json:
            print_json(parts.environment())
        else:
            for name, value in parts.environment().items():
                click.echo(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        parts.supervisor.run()


@click.command()
@port_option
@home
@telling_errors
def up(*, port: int | None, home: Path) -> None:
    """Run every process and every embedded service in the foreground; Ctrl-C stops all in order."""
    with running_house(home, port, os.environ) as (parts, environment):
        click.echo(f"Holdfast is at {environment['HOLDFAST_PUBLIC_URL']} (Ctrl-C stops it)")
        parts.supervisor.run()


@contextmanager
def running_house(
    home: Path, port: int | None, environ: Mapping[str, str], *, say: Callable[[str], None] | None = None
) -> Iterator[tuple[Embedded, dict[str, str]]]:
    """The embedded services of a home with every process of ours on top, ready; stopped in order at the end.

    Yields:
        The parts, whose supervisor tends all processes, and the settings they run with.
    """
    parts = embedded(home, environ=environ, say=say or _say)
    parts.supervisor.listen()
    with _told(), parts:
        environment = house_environment(parts, port, environ)
        prepare(environment)
        parts.publish(environment)
        parts.supervisor.start(house_processes(environment))
        if "twilio" in parts.parts:
            door = f"{environment['HOLDFAST_PUBLIC_URL']}/intake/sms"
            parts.twilio.set_webhook(Webhook(door, f"http://{environment['HOLDFAST_BIND']}/intake/sms"))
        yield parts, environment


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ServiceError as error:
        raise click.ClickException(str(error)) from error


def house_environment(parts: Embedded, port: int | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of all processes: the parts' own, and whatever the caller's environment sets."""
    chosen = _port_of_pages(parts, port)
    ours = {name: value for name, value in environ.items() if name.startswith(("HOLDFAST_", "AWS_"))}
    bind = f"127.0.0.1:{chosen}"
    defaults = {
        "HOLDFAST_BIND": bind,
        "HOLDFAST_PUBLIC_URL": f"http://{bind}",
        "HOLDFAST_MAIL_FROM": parts.desk_address,
        "HOLDFAST_LOCK_DAYS": "1",
        "HOLDFAST_LEDGER_LOCK_DAYS": "1",
        "HOLDFAST_IMAP_POLL_SECONDS": "10",
    }
    path = os.environ.get("PATH", os.defpath)
    environment = {"PATH": path, "LC_ALL": "C.UTF-8", **defaults, **ours, **parts.environment()}
    return environment | own_witness(parts.home.folder("witness"), parts.ports["witness"], environment)


def _port_of_pages(parts: Embedded, wanted: int | None) -> int:
    if wanted is not None:
        if not parts.ports.take(wanted):
            raise PortTakenError(wanted)
        return wanted
    # The usual port first, so that the address in the README is right; another where somebody has it.
    return FIRST_PORT if parts.ports.take(FIRST_PORT) else parts.ports["web"]


def prepare(environment: Mapping[str, str]) -> None:
    """Bring the database up to date and put the vault through its self-test, unless it passed before."""
    settings = Settings.from_environment(environment)
    owner = composition.owner_engine(settings)
    migrate(owner)
    owner.dispose()
    with aws(environment):
        composition.prove_vault(settings, actor="system:up")


@contextmanager
def aws(environment: Mapping[str, str]) -> Iterator[None]:
    """boto3 takes credentials from this process's environment, and from nowhere else."""
    before = dict(os.environ)
    os.environ.update({name: value for name, value in environment.items() if name.startswith("AWS_")})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def house_processes(environment: Mapping[str, str], *, only: Collection[str] | None = None) -> list[Process]:
    """Every process of ours (or `only` those named), each the same command as in production."""
    bind = environment["HOLDFAST_BIND"]
    processes = [
        Process(
            "web",
            (*HOLDFAST, "web"),
            environment,
            ready=lambda: _answers(f"http://{bind}/health/live"),
            stop_order=STOP_WEB,
        ),
        *(Process(name, (*HOLDFAST, name), environment) for name in ("worker", "sequencer", "beat")),
    ]
    if witness := witness_environment(environment):
        processes.append(
            Process(
                "witness",
                (*HOLDFAST, "witness"),
                witness,
                ready=lambda: _answers(f"http://{witness['HOLDFAST_WITNESS_BIND']}/"),
            )
        )
    if _has_mailbox(environment):
        processes.append(Process("mailbox", (*HOLDFAST, "mailbox"), environment))
    return [process for process in processes if only is None or process.name in only]


def _has_mailbox(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("HOLDFAST_IMAP_URL") or environment.get("HOLDFAST_IMAP_URL_FILE"))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=READY_SECONDS) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's word for well
    except (urllib.error.URLError, OSError):
        return False


def _say(sentence: str) -> None:
    click.echo(f"holdfast: {sentence}", err=True)
