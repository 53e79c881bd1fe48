"""Proofs of single entries (c2sp.org/tlog-proof@v1) out of ledgers of three sizes: each step up adds a hash, no more.

The ratio is of the largest ledger's rate to the smallest's; the path is twice as long there, so half would be fair.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

from archive.ledger import checkpoint_size
from archive.tlog import leaf_hash
from archive.tlog_proof import TlogProof, proof_of
from benchmarks.large_ledger import LargeLedger
from benchmarks.result import Result, in_turns

TARGET = 0.5
PROOFS = 500


def compare(ledgers: Mapping[int, LargeLedger]) -> Result:
    """Proofs per second of the largest of some ledgers by size, each proof the file that `holdfast proof` writes."""
    smallest, *_, largest = sorted(ledgers)
    ours, baseline = in_turns(lambda: _rate(ledgers[largest]), lambda: _rate(ledgers[smallest]))
    beside = {f"at {size}": f"{_size(each)}, {1000 / _rate(each):.2f} ms" for size, each in ledgers.items()}
    return Result(f"proofs: out of {largest} entries, against {smallest}", TARGET, ours, baseline, beside)


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
