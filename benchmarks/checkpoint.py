"""One checkpoint, from an entry in the outbox to a root that is signed, stamped twice and cosigned; and proofs.

The target is a time, not a ratio: the baseline is one in two seconds. Two demonstration authorities and a witness run
on this machine, so the network's time comes on top; in a house the processes also wait for one another by the clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from archive.ledger import checkpoint_size
from benchmarks import proofs
from benchmarks.large_ledger import LargeLedger, environment_of, large_ledger
from benchmarks.result import Result, in_turns
from cli import composition
from cli.local import house_environment, house_processes
from cli.own_witness import own_witness
from services.embedded import Embedded, embedded

TARGET = 1.0
ALLOWED_SECONDS = 2.0
FEW, BETWEEN, MANY = 1_000, 100_000, 1_000_000
TOKENS = 2


def run(folder: Path, many: int = MANY) -> list[Result]:
    """Checkpoints per second of the large ledger; what the small one takes stands beside. Then proofs out of all."""
    sizes = [size for size in (FEW, BETWEEN) if size < many] + [many]
    with _parts(folder) as (parts, environment):
        environments = {size: _witnessed(parts, environment_of(parts, environment, size)) for size in sizes}
        ledgers = {size: large_ledger(each, size) for size, each in environments.items()}
        parts.supervisor.start(house_processes(environments[FEW], only=["witness"]))
        few: list[float] = []

        def allowed() -> float:
            few.append(_checkpoint(ledgers[FEW]))
            return 1 / ALLOWED_SECONDS

        try:
            ours, baseline = in_turns(lambda: 1 / _checkpoint(ledgers[many]), allowed)
            proved = proofs.compare(ledgers)
        finally:
            for each_ledger in ledgers.values():
                each_ledger.close()
    beside = {f"seconds at {FEW} entries": f"{median(few):.2f}", f"seconds at {many}": f"{1 / median(ours):.2f}"}
    return [Result(f"checkpoint: of {many} entries, two tokens and a witness", TARGET, ours, baseline, beside), proved]


def _witnessed(parts: Embedded, environment: dict[str, str]) -> dict[str, str]:
    """The settings with the one witness, who is told of this ledger."""
    return environment | own_witness(parts.home.folder("witness"), parts.ports["witness"], environment)


@contextmanager
def _parts(folder: Path) -> Iterator[tuple[Embedded, dict[str, str]]]:
    """Database, vault and two authorities of different roots, with the settings to use them."""
    second = embedded(folder / "second", only=["authority"], environ={})
    with second, embedded(folder / "home", only=["postgres", "seaweedfs", "authority"], environ={}) as parts:
        roots = folder / "roots.pem"
        roots.write_bytes(parts.authority.roots_file.read_bytes() + second.authority.roots_file.read_bytes())
        environment = house_environment(parts, None, {})
        named = {name: value for name, value in environment.items() if not name.startswith("HOLDFAST_WITNESS_")}
        urls = f"{parts.authority.url} {second.authority.url}"
        yield parts, named | {"HOLDFAST_TSA_URLS": urls, "HOLDFAST_TSA_ROOTS": str(roots)}


def _checkpoint(ledger: LargeLedger) -> float:
    """Seconds until all of it is there."""
    ledger.record()
    begun = time.perf_counter()
    ledger.sequencer.run_once()
    with ledger.engine.connect() as connection:
        size = checkpoint_size(connection)
    stamped = composition.stamper(ledger.settings, ledger.engine).stamp_now(size)
    witnessed = composition.collector(ledger.settings, ledger.engine).witnessed(size)
    seconds = time.perf_counter() - begun
    assert len(stamped.tokens) == TOKENS, stamped.missing
    assert witnessed == size
    return seconds
