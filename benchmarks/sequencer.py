"""The outbox and its sequencer against a locked hash chain: eight writers whose transactions take 5 ms."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from archive.custody import SYSTEM, Action, CustodyEntry
from archive.database import engine
from archive.ledger import record, waiting
from benchmarks.result import Result, in_turns
from cli import composition
from cli.local import aws, house_environment, prepare
from services.embedded import embedded
from settings import Settings

TARGET = 5.0
WRITERS = 8
ENTRIES_EACH = 100
WORK_SECONDS = 0.005

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
        app = composition.app_engine(settings, pool_size=WRITERS)
        placer = composition.sequencer(settings)
        ours, baseline = in_turns(lambda: _outbox(app, placer.run_once), lambda: _rate(app, _append_to_chain))
        app.dispose()
        placer.engine.dispose()
    return [Result("sequencer: entries placed, eight writers", TARGET, ours, baseline)]


def _rate(app: Engine, write: Callable[[Connection, int], None], *, last: Callable[[], None] = lambda: None) -> float:
    def writer(seed: int) -> None:
        for number in range(ENTRIES_EACH):
            with app.begin() as connection:
                write(connection, seed * ENTRIES_EACH + number)
                time.sleep(WORK_SECONDS)

    threads = [threading.Thread(target=writer, args=(seed,)) for seed in range(WRITERS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last()
    return WRITERS * ENTRIES_EACH / (time.perf_counter() - begun)


def _outbox(app: Engine, run_once: Callable[[], int]) -> float:
    stop = threading.Event()

    def place() -> None:
        while not stop.is_set():
            if not run_once():
                stop.wait(0.01)

    def wait_for_places() -> None:
        while True:
            with app.connect() as connection:
                if waiting(connection) == 0:
                    return
            time.sleep(0.01)

    placer = threading.Thread(target=place)
    placer.start()
    try:
        return _rate(app, _record, last=wait_for_places)
    finally:
        stop.set()
        placer.join()


def _record(connection: Connection, number: int) -> None:
    record(connection, CustodyEntry(SYSTEM, Action.VAULT_TESTED, "system:bench", composition.now(), {"n": number}))


def _append_to_chain(connection: Connection, number: int) -> None:
    entry = CustodyEntry(SYSTEM, Action.VAULT_TESTED, "system:bench", composition.now(), {"n": number}).payload()
    before = bytes(connection.execute(text("SELECT hash FROM chain_head WHERE one = 1 FOR UPDATE")).scalar_one())
    digest = hashlib.sha256(before + entry).digest()
    connection.execute(text("INSERT INTO chain (payload, hash) VALUES (:p, :h)"), {"p": entry, "h": digest})
    connection.execute(text("UPDATE chain_head SET hash = :h WHERE one = 1"), {"h": digest})
