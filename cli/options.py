"""What every command shares: `--json`, `--home`, settings, and errors told in one sentence."""

from __future__ import annotations

import functools
import getpass
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy.exc import OperationalError

from archive.errors import ArchiveError
from settings import Settings, SettingsError

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
home = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="HOLDFAST_HOME",
    default=Path(".holdfast"),
    show_default=True,
    help="Folder of this machine's data.",
)


class ToldError(click.ClickException):
    """An error whose text says what to do; ends the command with code 1."""

    exit_code = 1


def telling_errors(command: Command) -> Command:
    """Turn what the rooms raise into one sentence and exit code 1."""

    @functools.wraps(command)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (ArchiveError, SettingsError) as error:
            raise ToldError(str(error)) from error
        except OperationalError as error:
            raise ToldError(f"the database cannot be reached: {error.orig}") from error

    return told  # type: ignore[return-value] # wraps keeps the signature


def actor() -> str:
    """Who runs this command, as custody entries name him."""
    return f"cli:{getpass.getuser()}"


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))


@contextmanager
def settings_with_services(home: Path) -> Iterator[Settings]:
    """Settings by which services can be reached: the environment's, a running home's, or of ones started here."""
    named = os.environ.get("HOLDFAST_DATABASE_URL") or os.environ.get("HOLDFAST_DATABASE_URL_FILE")
    if named or find_spec("services") is None:
        yield Settings.from_environment(os.environ)
        return
    from services.embedded import embedded, running_environment

    running = running_environment(home)
    if running is not None:
        from cli.local import aws

        with aws(running):
            yield Settings.from_environment({**running, **os.environ, "HOLDFAST_HOME": str(home)})
        return
    from cli.local import aws, house_environment, house_processes, prepare

    with embedded(home) as parts:
        environment = house_environment(parts, None, os.environ)
        prepare(environment)
        # What a command does must get its place in the ledger, and a witness, even where nothing else runs.
        parts.supervisor.start(house_processes(environment, only={"sequencer", "witness"}))
        with aws(environment):
            yield Settings.from_environment(environment)
