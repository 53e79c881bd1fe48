"""The operating-system user PostgreSQL runs as when we are root, and what that user can reach.

PostgreSQL refuses to run as root. The user must be able to pass every folder above the data and the binaries; a home
or a checkout under a private folder (/root is one) is out of its reach, and opening such a folder to everyone is not
ours to do. Then the data lies in `/var/lib/holdfast/<home id>`, with a link from the home, and the binaries are copied
there.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from services.errors import UserMissingError
from services.home import PASSABLE_FOLDER, make_folder

USER = "pgserver"
OUTSIDE = Path("/var/lib/holdfast")


def ensure_user() -> None:
    """Make the user if it is missing.

    Raises:
        UserMissingError: There is no `useradd`, or it refused.
    """
    if _user_exists():
        return
    useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if useradd is None:
        raise UserMissingError(USER, "there is no useradd here")
    command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    done = subprocess.run([*command, "--shell", "/usr/sbin/nologin", USER], check=False, capture_output=True, text=True)
    # Another home's start may have made it meanwhile.
    if not _user_exists():
        raise UserMissingError(USER, done.stderr.strip() or f"useradd: exit code {done.returncode}")


def is_reachable(path: Path) -> bool:
    """Whether every folder on the way to `path`, and `path` itself, can be passed by anyone."""
    real = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (real, *real.parents))


def place_outside(home_id: str) -> Path:
    """The folder for the database of a home that the user cannot reach."""
    return make_folder(make_folder(OUTSIDE, PASSABLE_FOLDER) / home_id, PASSABLE_FOLDER)


def give_to_user(user: str | None, *paths: Path) -> None:
    """Make `user` the owner; nothing to do when it is us."""
    if user is not None:
        entry = pwd.getpwnam(user)
        for path in paths:
            os.chown(path, entry.pw_uid, entry.pw_gid)


def _user_exists() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True
