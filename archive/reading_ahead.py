"""Reading originals ahead: while one is written into a package, the next are on their way out of the vault."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeAlias

from sqlalchemy import Row

from archive.vault import CHUNK_BYTES, Vault

THREADS = 4
# At most so many originals of a piece each are in memory; larger ones are read piece by piece when they are asked for.
AHEAD = 16
Reading: TypeAlias = Callable[[], Iterable[bytes]]


def read_ahead(
    vault: Vault, rows: Iterable[Row[Any]], wanted: Callable[[Row[Any]], bool]
) -> Iterator[tuple[Row[Any], Reading]]:
    """Each row in order, with the way to the bytes of its original.

    Args:
        vault: Where originals lie.
        rows: With `vault_key`, `vault_version` and `size_bytes`.
        wanted: Whether an original will be read at all.
    """
    waiting: deque[tuple[Row[Any], Reading]] = deque()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="originals") as pool:
        for row in rows:
            place = (row.vault_key, row.vault_version)
            if row.size_bytes <= CHUNK_BYTES and wanted(row):
                waiting.append((row, partial(_awaited, pool.submit(vault.whole, *place))))
            else:
                waiting.append((row, partial(vault.stream, *place)))
            if len(waiting) > AHEAD:
                yield waiting.popleft()
        yield from waiting


def _awaited(read: Future[bytes]) -> list[bytes]:
    return [read.result()]
