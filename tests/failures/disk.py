"""A disk that can be full: a small file system of its own where we may mount one, else a ceiling on files.

Mounted, the home lies on a tmpfs that is made no larger than what it holds: writes fail with "No space left". Where a
container may not mount, each process of the house is forbidden to write to any file (RLIMIT_FSIZE 0): writes fail with
"File too large". The run says which it was.
"""

import contextlib
import os
import resource
import shutil
import subprocess
from pathlib import Path

from services.process import marked_with

UNLIMITED = resource.RLIM_INFINITY


class CannotMountError(Exception):
    """This container, or this user, may not mount."""


class SmallDisk:
    """A file system of its own for a house. Use as a context manager."""

    how = "a small file system"

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.folder, self._mebibytes = folder, mebibytes
        folder.mkdir(mode=0o711)
        self._mount("size", f"{mebibytes}m", "-t", "tmpfs", "holdfast-soak", str(folder))
        folder.chmod(0o711)

    def fill(self) -> None:
        """Leave no room at all."""
        # While somebody writes, what is used grows between the look and the change.
        for spare in (0, 1, 2, 4, 8, 16):
            used = shutil.disk_usage(self.folder).used + spare * 2**20
            with contextlib.suppress(CannotMountError):
                self._mount("remount,size", str(max(used, 4096)), str(self.folder))
                return
        raise CannotMountError("it grew too fast to be made smaller")

    def free(self) -> None:
        """Have all the room again."""
        self._mount("remount,size", f"{self._mebibytes}m", str(self.folder))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def _mount(self, option: str, size: str, *rest: str) -> None:
        try:
            done = subprocess.run(["mount", "-o", f"{option}={size}", *rest], check=False, capture_output=True)
        except FileNotFoundError as error:
            raise CannotMountError("there is no mount") from error
        if done.returncode:
            raise CannotMountError(done.stderr.decode(errors="replace").strip())


class Ceiling:
    """A ceiling on the files of every process of a home; needs no rights but over those processes."""

    how = "a ceiling on files"

    def __init__(self, home: Path) -> None:
        self._home = home

    def fill(self) -> None:
        """Let nobody write."""
        self._limit(0)

    def free(self) -> None:
        """Let them write again; whoever was started meanwhile, too."""
        self._limit(UNLIMITED)

    def _limit(self, size: int) -> None:
        for pid in marked_with(self._home.resolve()):
            with contextlib.suppress(ProcessLookupError):
                set_ceiling(pid, size)


def set_ceiling(pid: int, size: int) -> None:
    """Set how far a running process may write into any file, in bytes.

    Raises:
        ProcessLookupError: It is gone.
    """
    try:
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))
    except PermissionError:
        # Of another user, and we may not overrule: ask as that user.
        try:
            owner = Path(f"/proc/{pid}").stat().st_uid
        except FileNotFoundError as error:
            raise ProcessLookupError(pid) from error
        word = "unlimited" if size == UNLIMITED else str(size)
        subprocess.run(["prlimit", "--pid", str(pid), f"--fsize={word}:"], check=False, user=owner, capture_output=True)


def disk_for(folder: Path, mebibytes: int) -> SmallDisk | None:
    """A small disk at `folder`, which is made; None where we may not mount, and then it is a plain folder."""
    if os.geteuid() != 0:
        folder.mkdir(mode=0o711)
        return None
    try:
        return SmallDisk(folder, mebibytes)
    except CannotMountError:
        return None
