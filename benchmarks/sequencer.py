"""The outbox and its sequencer against a locked hash chain: eight writers whose transactions take 5 ms."""

from __future__ import annotations

import hashlib
import multiprocessing
import threading
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection, text

from archive.custody import SYSTEM, Action, CustodyEntry
from archive.database import engine
from archive.ledger import record, waiting
from archive.sequencer import Sequencer
from benchmarks.result import Result, in_turns
from cli import composition
from cli.local import aws, house_environment, prepare
from services.embedded import embedded
from settings import Settings
from tests.sequencing import placing

TARGET = 5.0
WRITERS, PROCESSES = 8, 2
ENTRIES_EACH = 150
WORK_SECONDS = 0.005
Write: TypeAlias = Callable[[Connection, int], None]

CHAIN = """
CREATE TABLE chain_head (one integer PRIMARY KEY, hash bytea NOT NULL);
INSERT INTO chain_head VALUES (1, '');
CREATE TABLE chain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload bytea NOT NULL, hash bytea NOT NULL);
GRANT SELECT, UPDATE ON chain_head TO holdfast_app;
GRANT SELECT, INSERT ON chain TO holdfast_app;
"""


def run(folder: Path) -> list[Result]:
    """Entries per second until the last has its place: in the tree, or in the chain."""
    with embedded(folder / "home", only=["postgres", "seaweedfs"], environ={}) as parts:
        environment = house_environment(parts, None, {})
        with aws(environment):
            prepare(environment)
        settings = Settings.from_environment(environment)
        owner = engine(environment["HOLDFAST_DATABASE_OWNER_URL"], pool_size=1)
        with owner.begin() as connection:
            connection.execute(text(CHAIN))
        owner.dispose()
        placer = composition.sequencer(settings)
        url = settings.need("database_url")
        ours, baseline = in_turns(lambda: _outbox(url, placer), lambda: _rate(url, _append_to_chain))
        placer.engine.dispose()
    return [Result("sequencer: entries placed, eight writers", TARGET, ours, baseline)]


def _rate(url: str, write: Write, *, last: Callable[[], None] = lambda: None) -> float:
    """Entries per second of eight writers, in as many processes as there are cores, until `last` returns."""
    context = multiprocessing.get_context("fork")
    ready, go = context.Barrier(PROCESSES + 1), context.Event()
    writers = [context.Process(target=_write_all, args=(url, write, ready, go)) for _ in range(PROCESSES)]
    for process in writers:
        process.start()
    ready.wait()
    begun = time.perf_counter()
    go.set()
    for process in writers:
        process.join()
    last()
    return WRITERS * ENTRIES_EACH / (time.perf_counter() - begun)


def _write_all(url: str, write: Write, ready: Barrier, go: Event) -> None:
    app = engine(url, pool_size=WRITERS // PROCESSES)

    def writer() -> None:
        for number in range(ENTRIES_EACH):
            with app.begin() as connection:
                write(connection, number)
                time.sleep(WORK_SECONDS)

    threads = [threading.Thread(target=writer) for _ in range(WRITERS // PROCESSES)]
    app.connect().close()
    ready.wait()
    go.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    app.dispose()


def _outbox(url: str, placer: Sequencer) -> float:
    app = engine(url, pool_size=1)

    def wait_for_places() -> None:
        while True:
            with app.connect() as connection:
                if waiting(connection) == 0:
                    return
            time.sleep(0.02)

    try:
        with placing(placer, pause_seconds=0.05):
            return _rate(url, _record, last=wait_for_places)
    finally:
        app.dispose()


def _record(connection: Connection, number: int) -> None:
    record(connection, CustodyEntry(SYSTEM, Action.VAULT_TESTED, "system:bench", composition.now(), {"n": number}))


def _append_to_chain(connection: Connection, number: int) -> None:
    entry = CustodyEntry(SYSTEM, Action.VAULT_TESTED, "system:bench", composition.now(), {"n": number}).payload()
    before = bytes(connection.execute(text("SELECT hash FROM chain_head WHERE one = 1 FOR UPDATE")).scalar_one())
    digest = hashlib.sha256(before + entry).digest()
    connection.execute(text("INSERT INTO chain (payload, hash) VALUES (:p, :h)"), {"p": entry, "h": digest})
    connection.execute(text("UPDATE chain_head SET hash = :h WHERE one = 1"), {"h": digest})
