"""What comes to a checkpoint after it was published: cosignatures of witnesses and timestamp tokens.

Each is one object, as programs of others read it (a note's signature line, an RFC 3161 response); what else its row
holds goes along as metadata.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, Text, cast, exists, func, literal, select

from archive.rows import read, written
from archive.tables import cosignature, published, timestamp_token

NAME_DIGITS = 16
SIZE_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Late:
    """One object to write: name, bytes, and the other columns of its row as one ASCII word."""

    name: str
    body: bytes
    row: str


def cosignatures_waiting(connection: Connection, size: int, most: int) -> list[Late]:
    """Cosignatures of published checkpoints that are not in the vault yet."""
    return _waiting(connection, cosignature, cosignature.c.witness, "line", size, most)


def tokens_waiting(connection: Connection, size: int, most: int) -> list[Late]:
    """Tokens of published checkpoints that are not in the vault yet."""
    return _waiting(connection, timestamp_token, timestamp_token.c.authority, "response", size, most)


def cosignature_of(name: str, body: bytes, row: str) -> dict[str, Any]:
    """The row of a cosignature that was read out of the vault. Raises ValueError if it is not one."""
    return _row_of(cosignature, cosignature.c.witness, name, row) | {"line": body.decode()}


def token_of(name: str, body: bytes, row: str) -> dict[str, Any]:
    """The row of a token that was read out of the vault. Raises ValueError if it is not one."""
    return _row_of(timestamp_token, timestamp_token.c.authority, name, row) | {"response": body}


def name_of(table: Table, size: int, whose: str) -> str:
    """Where a cosignature or token lies under the log's prefix."""
    return f"{table.name}/{size:0{SIZE_DIGITS}d}/{hashlib.sha256(whose.encode()).hexdigest()[:NAME_DIGITS]}"


def _waiting(connection: Connection, table: Table, whose: Column[str], held: str, size: int, most: int) -> list[Late]:
    name = (
        literal(f"{table.name}/")
        + func.lpad(cast(table.c.checkpoint_size, Text), SIZE_DIGITS, "0")
        + "/"
        + func.left(func.encode(func.sha256(func.convert_to(whose, "UTF8")), "hex"), NAME_DIGITS)
    )
    rows = connection.execute(
        select(table)
        .where(table.c.checkpoint_size <= size, ~exists().where(published.c.name == name))
        .order_by(table.c.checkpoint_size)
        .limit(most)
    ).mappings()
    return [_late(table, dict(row), str(row[whose.name]), held) for row in rows]


def _late(table: Table, row: Mapping[str, Any], whose: str, held: str) -> Late:
    body = row[held].encode() if isinstance(row[held], str) else bytes(row[held])
    rest = {name: value for name, value in row.items() if name != held}
    word = base64.urlsafe_b64encode(json.dumps(written(table, rest)).encode()).decode()
    return Late(name_of(table, row["checkpoint_size"], whose), body, word)


def _row_of(table: Table, whose: Column[str], name: str, row: str) -> dict[str, Any]:
    columns = read(table, json.loads(base64.urlsafe_b64decode(row)))
    if name_of(table, columns["checkpoint_size"], columns[whose.name]) != name:
        raise ValueError(name)
    return columns
