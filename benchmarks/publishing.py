"""Eight writers while all that is signed is written to the vault without a pause, against the same without.

In a house the publisher runs once a minute; here it runs again as soon as it has ended, in a process of its own. The
writers' entries lie in streams of six, as those of exhibits do: each stream's payloads become an object of their own.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from uuid import uuid4

from archive.custody import Action, CustodyEntry, exhibit_stream
from archive.database import engine
from archive.ledger import record, waiting
from archive.publishing import published_size
from archive.sequencer import Sequencer
from benchmarks.quiet import log_aside
from benchmarks.result import Result, in_turns
from benchmarks.sequencer import PROCESSES, WORK_SECONDS, WRITERS
from cli import composition, keepers
from cli.composition import now
from cli.local import aws, house_environment, prepare
from services.embedded import embedded
from settings import Settings
from tests.sequencing import placing

ANY_RATE = 0.0
STREAMS_EACH, A_STREAM = 200, 6
PAUSE_SECONDS = 0.05


def run(folder: Path, streams_each: int = STREAMS_EACH) -> list[Result]:
    """Entries placed per second, and beside how many a second reached the vault meanwhile."""
    with embedded(folder / "home", only=["postgres", "seaweedfs"], environ={}) as parts:
        environment = house_environment(parts, None, {}) | {"HOLDFAST_WITNESS_URLS": ""}
        with aws(environment):
            prepare(environment)
            settings = Settings.from_environment(environment)
            placer = composition.sequencer(settings)
            placer.announce()
            published: list[float] = []

            def publishing() -> float:
                with _publishing(settings, published):
                    return _rate(settings, placer, streams_each)

            ours, baseline = in_turns(publishing, lambda: _rate(settings, placer, streams_each))
            placer.engine.dispose()
    beside = {"entries a second into the vault meanwhile": ", ".join(f"{each:.0f}" for each in published[1:])}
    return [Result("publishing: entries placed meanwhile, eight writers", ANY_RATE, ours, baseline, beside)]


def _rate(settings: Settings, placer: Sequencer, streams_each: int) -> float:
    """Entries per second, until the last has its place under a checkpoint."""
    context = multiprocessing.get_context("spawn")
    ready, go = context.Barrier(PROCESSES + 1), context.Event()
    url = settings.need("database_url")
    writers = [context.Process(target=_write_all, args=(url, streams_each, ready, go)) for _ in range(PROCESSES)]
    for process in writers:
        process.start()
    ready.wait()
    with placing(placer, pause_seconds=PAUSE_SECONDS):
        begun = time.perf_counter()
        go.set()
        for process in writers:
            process.join()
        _wait_for_places(url)
        return WRITERS * streams_each * A_STREAM / (time.perf_counter() - begun)


def _write_all(url: str, streams_each: int, ready: threading.Barrier, go: Event) -> None:
    app = engine(url, pool_size=WRITERS // PROCESSES)

    def writer() -> None:
        for _ in range(streams_each):
            stream = exhibit_stream(uuid4())
            for number in range(A_STREAM):
                with app.begin() as connection:
                    record(
                        connection, CustodyEntry(stream, Action.EXHIBIT_VIEWED, "system:bench", now(), {"n": number})
                    )
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


def _wait_for_places(url: str) -> None:
    app = engine(url, pool_size=1)
    try:
        while True:
            with app.connect() as connection:
                if waiting(connection) == 0:
                    return
            time.sleep(PAUSE_SECONDS)
    finally:
        app.dispose()


@contextmanager
def _publishing(settings: Settings, rates: list[float]) -> Iterator[None]:
    """A publisher at work that has nothing left from before, and how many entries a second it wrote."""
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_publish, args=(theirs, settings, ready, stop))
    process.start()
    ready.wait()
    try:
        yield
    finally:
        stop.set()
        rates.append(ours.recv())
        process.join()


def _publish(answer: object, settings: Settings, ready: Event, stop: Event) -> None:
    log_aside()
    with composition.open_archive(settings) as archive:
        publisher = keepers.publisher(settings, archive)
        while publisher.publish():
            pass
        with archive.engine.connect() as connection:
            before = published_size(connection)
        ready.set()
        begun = time.perf_counter()
        while not stop.is_set():
            if not publisher.publish():
                stop.wait(PAUSE_SECONDS)
        seconds = time.perf_counter() - begun
        with archive.engine.connect() as connection:
            after = published_size(connection)
    answer.send((after - before) / seconds)  # type: ignore[attr-defined]
