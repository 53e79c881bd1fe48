"""Looks at evidence, as custody entries: who saw which items, by which filter, from where."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import request
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
    seen = {**facts, "address": request.remote_addr}
    record(connection, CustodyEntry(stream, action, signed_in().actor, at, seen, reason))
