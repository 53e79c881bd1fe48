"""One process each, configured by the environment alone: web, worker, sequencer, mailbox, beat."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import structlog
from gunicorn.app.base import BaseApplication
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from archive.errors import LedgerForkedError, TransientError, VaultUnavailableError
from cli import composition
from cli.logs import set_up_logs
from cli.options import telling_errors
from settings import Settings

PATIENCE_SECONDS = 60.0
log = structlog.get_logger()


class WebServer(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn around an application that each of its processes builds for itself."""

    def __init__(self, build: Callable[[], Any], options: dict[str, Any]) -> None:
        self._build, self._options = build, options
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn our options and nothing from files or the command line."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Build the application, after the fork."""
        application = self._build()
        # What stands now stands for good: the collector need not walk it again and again under load.
        gc.collect()
        gc.freeze()
        return application


@click.command()
@telling_errors
def web() -> None:
    """Serve pages and doors."""
    settings = Settings.from_environment(os.environ)
    set_up_logs("web")
    from cli.web_log import WebLog
    from cli.web_process import make_app

    make_app(settings)  # a missing setting is told now, not by a worker that dies again and again
    options = {
        "bind": settings.bind,
        "workers": settings.web_processes,
        "threads": settings.web_threads,
        "worker_class": "gthread",
        "graceful_timeout": 10,
        "timeout": 60,
        # Access logs would hold addresses of people who are being watched.
        "accesslog": None,
        "logger_class": WebLog,
        "loglevel": "warning",
        "control_socket_disable": True,
    }
    WebServer(lambda: make_app(settings), options).run()


@click.command()
@telling_errors
def worker() -> None:
    """Do the work that waits: accession, readings, answers, packages."""
    settings = Settings.from_environment(os.environ)
    set_up_logs("worker")
    from cli.worker_process import make_worker
    from workers.lanes import Lanes, work_in
    from workers.routes import LANES

    app = make_worker(settings)
    composition.time_trust(settings)
    _trust_vault(settings)
    # What stands now is shared by all processes below.
    gc.collect()
    gc.freeze()
    Lanes(LANES, partial(work_in, app)).run()


def _trust_vault(settings: Settings) -> None:
    """Test the vault before any evidence goes in; wait a while for services that start beside us.

    Raises:
        VaultNotTrustedError: It accepted a forbidden act.
        VaultUnavailableError: It, or the database, did not come within a minute: whoever started us tries again.
    """
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            composition.prove_vault(settings, actor="system:worker")
        except (TransientError, SQLAlchemyError) as error:
            if time.monotonic() > give_up_at:
                raise VaultUnavailableError("be tested at the start", type(error).__name__) from error
            log.warning("worker.waits", error=type(error).__name__)
            time.sleep(1)
        else:
            return


@click.command()
@telling_errors
def beat() -> None:
    """Send work by the clock: the sweep, answers that are due, reconciliation."""
    settings = Settings.from_environment(os.environ)
    set_up_logs("beat")
    from cli.worker_process import make_worker

    schedule = settings.home / "state" / "beat"
    schedule.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    make_worker(settings).Beat(schedule=str(schedule), loglevel="WARNING", max_interval=1).run()


@click.command()
@telling_errors
def sequencer() -> None:
    """Give custody entries their place in the ledger and sign checkpoints. Run one."""
    settings = Settings.from_environment(os.environ)
    set_up_logs("sequencer")
    stop = stopped_by_signals()
    placer = composition.sequencer(settings)
    announced = False
    while not stop.is_set():
        try:
            if not announced:
                placer.announce()
                announced = True
            if placer.run_once() == 0:
                stop.wait(settings.sequence_every_seconds)
        except OperationalError as error:
            log.warning("sequencer.database_away", error=type(error).__name__)
            stop.wait(1)
        except OSError as error:
            # The checkpoint could not be kept: then none was signed into the ledger, and the next try signs it.
            log.warning("sequencer.cannot_keep", because=error.strerror)
            stop.wait(1)
        except LedgerForkedError as error:
            # Signing on would hide the evidence: stop here and say so until a person has looked.
            log.critical("sequencer.refuses_to_sign", because=str(error))
            raise


@click.command()
@telling_errors
def mailbox() -> None:
    """Watch the mailbox and announce what arrives."""
    settings = Settings.from_environment(os.environ)
    set_up_logs("mailbox")
    from cli.mailbox_process import watch

    watch(settings, stopped_by_signals())


def stopped_by_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = threading.Event()

    def ask(_number: int, _frame: Any) -> None:
        stop.set()

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    return stop


def state_folder(settings: Settings) -> Path:
    """Where a process keeps what must outlive it on this machine."""
    folder = settings.home / "state"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
