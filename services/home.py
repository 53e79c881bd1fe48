"""One folder that holds everything the parts of one machine keep: data, ports, secrets, logs, state.

    lock                  held (flock) by the one supervisor of this home
    state/                children.json, ports.json, environment.json, last-checkpoint.note
    secrets/              one file per secret, made once, 0600
    logs/                 one file per process
    tmp/                  TMPDIR of the children: pymap renames files from there into the mailbox
    postgres/ valkey/ weed/ mail/ twilio/ authority/     the data of each part

Folders are 0700. Run by root, the home itself and `postgres/` are 0711: the user PostgreSQL runs as must pass.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from pathlib import Path

from services.errors import HomeInUseError

PRIVATE_FOLDER = 0o700
PASSABLE_FOLDER = 0o711
PRIVATE_FILE = 0o600
SECRET_BYTES = 24
LOCK_POLL_SECONDS = 0.05


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner reads, whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def make_folder(path: Path, mode: int = PRIVATE_FOLDER) -> Path:
    """Make a folder, with its parents, and give it exactly this mode."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Home:
    """The folder of one installation; made when missing."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        make_folder(self.path, PASSABLE_FOLDER if os.geteuid() == 0 else PRIVATE_FOLDER)
        self.state = make_folder(self.path / "state")
        self.logs = make_folder(self.path / "logs")
        self.temporary = make_folder(self.path / "tmp")
        self._secrets = make_folder(self.path / "secrets")
        self._lock: int | None = None

    def folder(self, name: str, mode: int = PRIVATE_FOLDER) -> Path:
        """The data folder of one part, made when missing."""
        return make_folder(self.path / name, mode)

    def log(self, name: str) -> Path:
        """Where the process of this name writes what it has to say."""
        return self.logs / f"{name}.log"

    def secret_file(self, name: str, fresh: str | None = None) -> Path:
        """The file of one secret, made once: `fresh` if given, else 48 random hex digits."""
        path = self._secrets / name
        if not path.exists():
            write_private(path, secrets.token_hex(SECRET_BYTES) if fresh is None else fresh)
        return path

    def secret(self, name: str) -> str:
        """One secret, made at random at the first call and the same ever after."""
        return self.secret_file(name).read_text(encoding="utf-8")

    def lock(self, patience_seconds: float = 0.5) -> None:
        """Hold this home for the rest of the process, or until `unlock`.

        Args:
            patience_seconds: How long to wait for a holder who may only be looking (`is_locked`).

        Raises:
            HomeInUseError: Another process, or another supervisor of this one, holds it.
        """
        # Not inheritable (Python's default): a child that outlives us must not keep the home locked.
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        give_up_at = time.monotonic() + patience_seconds
        while not _flock(descriptor):
            if time.monotonic() >= give_up_at:
                holder = os.pread(descriptor, 20, 0).decode() or "0"
                os.close(descriptor)
                raise HomeInUseError(self.path, int(holder))
            time.sleep(LOCK_POLL_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor

    @property
    def is_held(self) -> bool:
        """Whether we hold the lock."""
        return self._lock is not None

    def unlock(self) -> None:
        """Let another supervisor have this home. Safe to call twice."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_locked(self) -> bool:
        """Whether a supervisor, here or elsewhere, holds this home."""
        if self.is_held:
            return True
        try:
            self.lock(patience_seconds=0.0)
        except HomeInUseError:
            return True
        self.unlock()
        return False
