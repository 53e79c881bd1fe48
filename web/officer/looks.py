"""Looks at evidence, as custody entries: who saw which items, by which filter.

From where stands in the entry of the sign-in, in the system's stream: a case's stream leaves the house in packages.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from archive.custody import Action, CustodyEntry
from archive.ledger import record
from web.access import signed_in


def record_look(
    connection: Connection, action: Action, stream: str, *, at: datetime, reason: str | None = None, **facts: Any
) -> None:
    """Enter a look in the ledger, in the transaction that reads what is shown.

    The view returns only after that transaction is committed: where the entry cannot be written, nothing is shown.
    """
    record(connection, CustodyEntry(stream, action, signed_in().actor, at, facts, reason))
