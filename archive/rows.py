"""Rows of any table as JSON, and back: exactly, to the microsecond and the byte."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Date, DateTime, LargeBinary, Table, Uuid

_WRITE: Final[Mapping[type, Callable[[Any], Any]]] = {
    Uuid: str,
    DateTime: datetime.isoformat,
    Date: date.isoformat,
    LargeBinary: lambda raw: base64.b64encode(raw).decode(),
}
_READ: Final[Mapping[type, Callable[[Any], Any]]] = {
    Uuid: UUID,
    DateTime: datetime.fromisoformat,
    Date: date.fromisoformat,
    LargeBinary: base64.b64decode,
}


def written(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `table` as JSON knows it."""
    return {name: _through(_WRITE, table, name, value) for name, value in row.items()}


def read(table: Table, document: Mapping[str, Any]) -> dict[str, Any]:
    """The row that `written` wrote; columns that the table no longer has are left out.

    Raises:
        ValueError: A value is not of its column's kind.
    """
    return {name: _through(_READ, table, name, value) for name, value in document.items() if name in table.c}


def _through(ways: Mapping[type, Callable[[Any], Any]], table: Table, name: str, value: Any) -> Any:
    way = ways.get(type(table.c[name].type))
    return value if value is None or way is None else way(value)
