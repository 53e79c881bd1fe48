"""Proofs of single entries (c2sp.org/tlog-proof@v1) out of ledgers of three sizes: each step up adds a hash, no more.

The ratio is of the largest ledger's rate to the smallest's; the path is twice as long there, so half would be fair.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from statistics import median

from archive.ledger import checkpoint_size
from archive.tlog import leaf_hash
from archive.tlog_proof import TlogProof, proof_of
from benchmarks.large_ledger import LargeLedger, environment_of, large_ledger
from benchmarks.result import Result, in_turns
from cli.local import house_environment
from services.embedded import embedded

TARGET = 0.5
SIZES = (1_000, 100_000, 1_000_000)
PROOFS = 500


def run(folder: Path, largest: int = SIZES[-1]) -> list[Result]:
    """Proofs per second, each written as the file that `holdfast proof` writes, and checked."""
    sizes = [size for size in SIZES if size < largest] + [largest]
    with embedded(folder / "home", only=["postgres", "seaweedfs"], environ={}) as parts:
        environment = house_environment(parts, None, {})
        ledgers = {size: large_ledger(environment_of(parts, environment, size), size) for size in sizes}
        try:
            middle = [_rate(ledgers[size]) for size in sizes[1:-1] for _ in range(2)]
            ours, baseline = in_turns(lambda: _rate(ledgers[largest]), lambda: _rate(ledgers[sizes[0]]))
            beside = {f"at {size}": _size(ledgers[size]) for size in sizes}
        finally:
            for each in ledgers.values():
                each.close()
    if middle:
        beside[f"a second at {sizes[1]}"] = f"{middle[-1]:.0f}"
    beside["ms each"] = f"{1000 / median(ours):.2f}"
    return [Result(f"proofs: out of {largest} entries, against {sizes[0]}", TARGET, ours, baseline, beside)]


def _rate(ledger: LargeLedger) -> float:
    with ledger.engine.connect() as connection:
        size = checkpoint_size(connection)
        wanted = [random.randrange(size) for _ in range(PROOFS)]
        begun = time.perf_counter()
        for index in wanted:
            proof_of(connection, index).encode()
        return PROOFS / (time.perf_counter() - begun)


def _size(ledger: LargeLedger) -> str:
    """The longest of some proofs, checked as a stranger would."""
    with ledger.engine.connect() as connection:
        size = checkpoint_size(connection)
        files = [proof_of(connection, random.randrange(size)).encode() for _ in range(PROOFS // 10)]
    longest = TlogProof.parse(max(files, key=len))
    for each in map(TlogProof.parse, files):
        assert each.extra is not None
        each.verify(leaf_hash(each.extra))
    return f"{len(longest.path)} hashes, {len(longest.encode())} bytes"
