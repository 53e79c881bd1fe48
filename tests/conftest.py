"""The real parts, once for the whole run: every xdist worker uses the same servers, every test its own database and bucket.

The first test that asks starts `python -m services` in a folder of this run; it ends with the run, also when the run is
killed, because it watches the process that runs pytest.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from archive.database import engine, migrate
from archive.marks import VAULT, set_mark
from cli import composition
from services.embedded import Embedded, embedded, running_environment
from services.postgres import DatabaseUrls
from services.process import start_ticks
from settings import Settings

# Times here are noisy, and a slow moment is no failure; examples are printed, not kept in a folder.
hypothesis.settings.register_profile("holdfast", deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("holdfast")

FOLDER = "HOLDFAST_TEST_FOLDER"
START_SECONDS = 90
STOP_SECONDS = 40


def pytest_configure(config: pytest.Config) -> None:
    """Before workers exist: name the folder they all share."""
    if not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="holdfast-tests-"))
        folder.chmod(0o711)  # run by root, PostgreSQL's own user must pass
        os.environ[FOLDER] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """After the last worker: stop the parts and remove their folder."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(os.environ.pop(FOLDER))
    if (pid_file := folder / "pid").exists():
        _end(int(pid_file.read_text()))
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Stack:
    """The running parts, as one worker sees them."""

    parts: Embedded

    def environment(self) -> dict[str, str]:
        """The settings to use the parts, as a process would be given them."""
        return self.parts.environment()

    def fresh_database(self, template: str | None = None) -> DatabaseUrls:
        """A database nobody has used; empty, or a copy of `template`."""
        return self.parts.database(f"test_{uuid.uuid4().hex}", template)

    def fresh_bucket(self) -> str:
        """The name of a bucket nobody has used, with Object Lock."""
        name = f"test-{uuid.uuid4().hex}"
        self.parts.seaweedfs.create_bucket(name)
        return name


class Installation:
    """One test's own database, bucket and keys, and what the rooms are built from."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.settings = Settings.from_environment(environ)
        with _environment(environ):  # boto3 reads its credentials when a client is made
            self.archive = composition.archive(self.settings)
        self.engine = self.archive.engine
        self.vault = self.archive.vault
        self.sequencer = composition.sequencer(self.settings)

    def close(self) -> None:
        """Leave no connection and no thread behind."""
        self.archive.threads.shutdown()
        self.engine.dispose()
        self.sequencer.engine.dispose()
        self.vault.close()


@contextlib.contextmanager
def _environment(environ: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def stack() -> Stack:
    """All embedded parts, running; shared by everything in this run, so look only at what you made."""
    folder = Path(os.environ[FOLDER])
    with (folder / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "pid").exists():
            _start(folder)
    # The same home from this worker's side: same ports, same secrets; it starts nothing.
    return Stack(embedded(folder / "home", environ={}))


@pytest.fixture
def environment(stack: Stack) -> dict[str, str]:
    """The settings for one test: the shared parts, a database of its own (empty) and a bucket of its own."""
    databases = stack.fresh_database()
    return stack.environment() | {
        "HOLDFAST_DATABASE_URL": databases.app,
        "HOLDFAST_DATABASE_OWNER_URL": databases.owner,
        "HOLDFAST_DATABASE_SEQUENCER_URL": databases.sequencer,
        "HOLDFAST_DATABASE_DISPOSAL_URL": databases.disposal,
        "HOLDFAST_S3_BUCKET": stack.fresh_bucket(),
    }


@pytest.fixture(scope="session")
def migrated(stack: Stack) -> str:
    """The name of a migrated database that every installation of this run is copied from."""
    folder = Path(os.environ[FOLDER])
    name = "migrated_template"
    with (folder / "migrating").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "migrated").exists():
            owner = engine(stack.parts.database(name).owner, pool_size=1)
            migrate(owner)
            owner.dispose()
            (folder / "migrated").touch()
    return name


@pytest.fixture
def installation(stack: Stack, migrated: str, tmp_path: Path) -> Iterator[Installation]:
    """A whole installation of one test's own: migrated database, trusted vault, keys; nothing runs in it yet."""
    databases = stack.fresh_database(migrated)
    environ = stack.environment() | {
        "HOLDFAST_HOME": str(tmp_path / "home"),
        "HOLDFAST_DATABASE_URL": databases.app,
        "HOLDFAST_DATABASE_OWNER_URL": databases.owner,
        "HOLDFAST_DATABASE_SEQUENCER_URL": databases.sequencer,
        "HOLDFAST_DATABASE_DISPOSAL_URL": databases.disposal,
        "HOLDFAST_S3_BUCKET": stack.fresh_bucket(),
        "HOLDFAST_CHECKPOINT_FILE": str(tmp_path / "last-checkpoint.note"),
        # Clocks of many tests stand still: a lock that counts from one of them must not lie in the past some day.
        "HOLDFAST_LOCK_DAYS": "30000",
        "HOLDFAST_LEDGER_LOCK_DAYS": "30001",
    }
    made = Installation(environ)
    with made.engine.begin() as connection:
        # What the WORM self-test leaves behind; tests/archive/test_worm.py runs the test itself on this server.
        set_mark(connection, VAULT, {"trusted": True, "accepted": []}, at=composition.now())
    yield made
    made.close()


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for parts of a test's own, short-lived and passable for PostgreSQL's user."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-home-"))
    folder.chmod(0o711)
    yield folder / "home"
    shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> None:
    # Only what the machine needs: settings of the developer's own must not reach the tests.
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    watched = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    log = folder / "services.log"
    # Not subprocess: it outlives this worker, and a Popen that is forgotten while its process runs warns.
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "services", "--home", str(folder / "home"), "--while", str(watched)],
        inherited,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    give_up_at = time.monotonic() + START_SECONDS
    while running_environment(folder / "home") is None:
        if start_ticks(pid) is None or time.monotonic() > give_up_at:
            raise RuntimeError(log.read_text())
        time.sleep(0.05)
    (folder / "pid").write_text(str(pid))


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    give_up_at = time.monotonic() + STOP_SECONDS
    while start_ticks(pid) is not None and time.monotonic() < give_up_at:
        time.sleep(0.05)
