"""What a benchmark of the whole house waits for: items under a signed checkpoint, and readings out of the way."""

from __future__ import annotations

import time

from sqlalchemy import Engine, text

LONGEST_SECONDS = 120


def sealed(database: Engine) -> int:
    """How many exhibits are under the newest checkpoint."""
    query = text(
        "SELECT count(*) FROM exhibit JOIN custody_leaf ON entry_id = archived_entry "
        "WHERE leaf_index < (SELECT coalesce(max(size), 0) FROM checkpoint)"
    )
    with database.connect() as connection:
        return int(connection.execute(query).scalar_one())


def wait_for_seals(database: Engine, wanted: int, *, longest_seconds: float = LONGEST_SECONDS) -> None:
    """Until so many exhibits are under it.

    Raises:
        RuntimeError: They are not, after so long.
    """
    give_up_at = time.monotonic() + longest_seconds
    while (found := sealed(database)) < wanted:
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"{wanted - found} items were not sealed in {longest_seconds:.0f} s")
        time.sleep(0.1)


def rest(database: Engine, *, longest_seconds: float = LONGEST_SECONDS) -> None:
    """Let the readings of one round end before the next is measured: they are nobody's door, vault or ledger."""
    query = text("SELECT (SELECT count(DISTINCT exhibit_id) FROM reading) = (SELECT count(*) FROM exhibit)")
    give_up_at = time.monotonic() + longest_seconds
    while time.monotonic() < give_up_at:
        with database.connect() as connection:
            if connection.execute(query).scalar_one():
                return
        time.sleep(0.2)
