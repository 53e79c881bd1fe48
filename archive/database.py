"""The database: engines and migrations.

Every process opens its own engine; a transaction is opened at the edge (view, task, command) and everything below
takes a `Connection` and never commits.
"""

from __future__ import annotations

import select
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
CONNECT_TIMEOUT_SECONDS = 3


def engine(url: str, *, pool_size: int = 5, statement_timeout_seconds: int = 30) -> Engine:
    """An engine on `url`, whose pool drops dead connections and whose statements end by themselves.

    Args:
        url: `postgresql://user:password@host:port/name`; the driver is chosen here.
        pool_size: Connections kept open by this process; as many again may be opened for a while.
        statement_timeout_seconds: After this the database itself ends a statement.
    """
    made = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        # Errors end up in logs: they must not carry what people wrote.
        hide_parameters=True,
        pool_timeout=CONNECT_TIMEOUT_SECONDS,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "options": f"-c statement_timeout={statement_timeout_seconds * 1000} -c timezone=UTC",
            "keepalives_idle": 10,
            "tcp_user_timeout": 10_000,
        },
    )
    event.listen(made, "checkout", _drop_if_dead)
    return made


def _drop_if_dead(connection: psycopg.Connection[object], _record: object, _proxy: object) -> None:
    """Give no dead connection out of the pool, and ask the server only where there is something to hear from it.

    A server that died or was restarted has closed its end, which can be read here. Asking each time, as the pool's own
    way is, costs a text a fourth of its time in the database (docs/benchmarks.md).

    Raises:
        DisconnectionError: It is dead; the pool opens another.
    """
    heard = select.poll()
    try:
        heard.register(connection.fileno(), select.POLLIN)
        if heard.poll(0):
            connection.execute("SELECT 1")
            connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError from error


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def migrate(owner: Engine, *, to: str = "head") -> str:
    """Bring the database up to date, in one transaction, as its owner.

    Returns:
        The revision the database now has.
    """
    with owner.begin() as connection:
        command.upgrade(_config(connection), to)
    with owner.connect() as connection:
        return str(MigrationContext.configure(connection).get_current_revision())


def latest_revision() -> str:
    """The newest revision this checkout knows."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return str(ScriptDirectory.from_config(config).get_current_head())


def current_revision(connection: Connection) -> str | None:
    """The revision the database has, or None where it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()
