"""Runs Holdfast as the production image has it: only the files that go in, only the packages that are installed there.

    python -m tests.compose.production ARGUMENTS   inside a folder that holds the image's files

A stand-in for an image, on a machine without an engine: packages that requirements-production.lock does not name cannot
be imported, although this environment has them.
"""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType


class Absent(MetaPathFinder):
    """Makes modules of packages that are not installed in production look as if they were not there."""

    def __init__(self, lock: str) -> None:
        named = re.findall(r"^([a-z0-9][\w.-]*)(?:\[.*\])?==", lock, re.MULTILINE)
        installed = {_plain(name) for name in named}
        owners = packages_distributions()
        self._absent = {module for module, names in owners.items() if not {_plain(name) for name in names} & installed}

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Refuse what is not there; leave the rest to the usual finders."""
        del path, target
        if name.partition(".")[0] in self._absent:
            raise ModuleNotFoundError(f"No module named {name!r} in production", name=name)
        return None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Run the `holdfast` command of the folder we are in."""
    here = Path.cwd()
    # This module was found through the checkout; nothing else may be.
    checkout = Path(__file__).parents[2]
    sys.path[:] = [str(here), *(each for each in sys.path if each and Path(each).resolve() not in {checkout, here})]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    sys.meta_path.insert(0, Absent((here / "requirements-production.lock").read_text(encoding="ascii")))
    sys.argv[0] = "holdfast"
    runpy.run_path(str(here / "docker" / "holdfast"), run_name="__main__")


if __name__ == "__main__":
    main()
