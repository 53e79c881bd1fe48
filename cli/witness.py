"""`holdfast witness`: the process a partner runs, with a folder of its own and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click
import structlog

from archive.durable import replace_durably
from archive.errors import PolicyError
from archive.signed_note import SigningKey, VerifierKey
from archive.witness import Witness, parse_logs
from archive.witness_records import Records
from cli import composition
from cli.logs import set_up_logs
from cli.options import telling_errors
from cli.processes import WebServer
from settings import Settings, SettingsError
from web.witness import make_witness_app

KEY, LOGS, RECORDS = "key", "logs", "records"
WARNING = "# The logs this witness knows: a `log` line of their published policy each. Read at the start.\n"
log = structlog.get_logger()


@click.command()
@click.option("--new-key", "name", metavar="NAME", help="Make this witness's key under a name, say it, and end.")
@click.option("--know", "vkey", metavar="KEY", help="Add a log by its verifier key, and end.")
@telling_errors
def witness(*, name: str | None, vkey: str | None) -> None:
    """Cosign checkpoints of the logs it knows (C2SP tlog-witness). For a partner: no database, no broker, no vault."""
    folder = witness_folder(os.environ)
    if name:
        click.echo(new_key(folder, name).witness.encode())
    elif vkey:
        know(folder, vkey)
    else:
        _serve(folder, Settings.from_environment(os.environ).witness_bind)


def witness_folder(environ: Mapping[str, str]) -> Path:
    """Where a witness keeps everything that is its own."""
    settings = Settings.from_environment(environ)
    return settings.witness_folder or settings.home / "witness"


def new_key(folder: Path, name: str) -> SigningKey:
    """Make the key of a new witness.

    Raises:
        SettingsError: There is one: a witness that changes its key is another witness.
        PolicyError: The name cannot be a key's name.
    """
    key = SigningKey.generate(name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / KEY
    if path.exists():
        raise SettingsError("HOLDFAST_WITNESS_FOLDER", f"{folder} holds the key of a witness already")
    replace_durably(path, f"{key.encode()}\n".encode())
    path.chmod(0o400)
    return key


def know(folder: Path, vkey: str) -> None:
    """Add one log's key to those the witness knows; nothing where it is there.

    Raises:
        PolicyError: It is no key that a log signs with.
    """
    path = folder / LOGS
    text = path.read_text(encoding="utf-8") if path.exists() else WARNING
    key = VerifierKey.parse(vkey)
    if key not in parse_logs(text).get(key.name, ()):
        text = f"{text.rstrip()}\nlog {key.encode()}\n"
        parse_logs(text)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_durably(path, text.encode())


def make_witness(folder: Path) -> Witness:
    """The witness of a folder.

    Raises:
        SettingsError: It has no key, knows no log, or may not be written.
    """
    try:
        key = SigningKey.parse((folder / KEY).read_text(encoding="utf-8"))
    except OSError as error:
        because = f"{folder / KEY} cannot be read; make one with `holdfast witness --new-key NAME`"
        raise SettingsError("HOLDFAST_WITNESS_FOLDER", because) from error
    try:
        logs = parse_logs((folder / LOGS).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        because = f"{folder / LOGS} cannot be read; add a log with `holdfast witness --know KEY`"
        raise SettingsError("HOLDFAST_WITNESS_FOLDER", because) from error
    if not logs:
        raise PolicyError("", f"{folder / LOGS} names no log")
    records = folder / RECORDS
    records.mkdir(exist_ok=True, mode=0o700)
    return Witness(key, logs, Records(records), composition.now)


def _serve(folder: Path, bind: str) -> None:
    set_up_logs("witness")
    made = make_witness(folder)
    log.info("witness.starts", key=made.key.witness.encode(), logs=sorted(made.logs))
    kept = made.records.contradictions()
    if kept:
        log.critical("witness.contradictions_lie_here", places=[str(each) for each in kept])
    options = {
        "bind": bind,
        "workers": 1,
        "threads": 8,
        "worker_class": "gthread",
        "graceful_timeout": 10,
        "timeout": 30,
        "keepalive": 75,
        "limit_request_line": 1024,
        "limit_request_fields": 30,
        "accesslog": None,
        "loglevel": "warning",
        "control_socket_disable": True,
    }
    WebServer(lambda: make_witness_app(made), options).run()
