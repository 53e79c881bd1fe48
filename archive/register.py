"""Registers: mappings that grow with a case, in a private file without a name instead of in memory (decision 0027)."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterator, MutableMapping
from typing import TypeVar, cast

Key = TypeVar("Key", int, str)
Value = TypeVar("Value", int, str, bytes)


class Register(MutableMapping[Key, Value]):
    """A mapping as dict is one, in the order in which keys were first set; about a megabyte of it is in memory.

    For one thread. Its file goes with it.
    """

    def __init__(self) -> None:
        """Begin an empty one."""
        self._rows = sqlite3.connect("", isolation_level=None)
        weakref.finalize(self, self._rows.close)
        # Nobody opens the file again: it needs neither a journal nor to be on disk.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1024", "temp_store = FILE"):
            self._rows.execute(f"PRAGMA {pragma}")
        self._rows.execute("CREATE TABLE register (place INTEGER PRIMARY KEY, key UNIQUE NOT NULL, value NOT NULL)")
        self._rows.execute("BEGIN")

    def __getitem__(self, key: Key) -> Value:
        """The value of a key.

        Raises:
            KeyError: There is none.
        """
        row = self._rows.execute("SELECT value FROM register WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return cast("Value", row[0])

    def __setitem__(self, key: Key, value: Value) -> None:
        """Set a value; a key that was there keeps its place."""
        self._rows.execute(
            "INSERT INTO register (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    def __delitem__(self, key: Key) -> None:
        """Forget a key.

        Raises:
            KeyError: There is none.
        """
        if not self._rows.execute("DELETE FROM register WHERE key = ?", (key,)).rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[Key]:
        """The keys in the order in which they were first set."""
        return (key for (key,) in self._rows.execute("SELECT key FROM register ORDER BY place"))

    def __len__(self) -> int:
        """How many keys there are."""
        return int(self._rows.execute("SELECT count(*) FROM register").fetchone()[0])

    def in_order(self) -> Iterator[tuple[Key, Value]]:
        """Keys with their values, in the order of the keys."""
        return cast("Iterator[tuple[Key, Value]]", self._rows.execute("SELECT key, value FROM register ORDER BY key"))
