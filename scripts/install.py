"""Install Holdfast's dependencies into a virtual environment, and link the checkout into it.

Holdfast runs from its checkout: a `.pth` file names this folder and `bin/holdfast` starts `cli.py`. Standard library
only: nothing is installed yet when this runs.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
SCRIPT = """#!{python}
import sys

from cli import main

sys.exit(main())
"""


def say_and_stop(sentence: str) -> None:
    """End with one sentence that says what to do."""
    sys.exit(f"holdfast: {sentence}")


def make_environment(folder: Path) -> str:
    """The environment's Python; the environment is made where there is none."""
    python = folder.absolute() / "bin" / "python"
    if python.exists():
        return str(python)
    try:
        import ensurepip  # noqa: F401 - Debian ships it in a package of its own
    except ImportError:
        say_and_stop("this Python cannot make a virtual environment; run: apt-get install python3-venv")
    venv.create(folder, with_pip=True)
    return str(python)


def install(python: str) -> None:
    """Install exactly what requirements.lock names: by uv, which takes seconds, or by pip where uv cannot be had."""
    lock = str(ROOT / "requirements.lock")
    got_uv = subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=False).returncode == 0
    by_uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock]
    by_pip = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock]
    if got_uv and subprocess.run(by_uv, check=False).returncode == 0:
        return
    if subprocess.run(by_pip, check=False).returncode != 0:
        say_and_stop("the packages of requirements.lock could not be installed; the lines above say which")


def link(folder: Path, python: str) -> None:
    """Let the environment find this checkout, and give it the `holdfast` command."""
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    (packages / "holdfast.pth").write_text(f"{ROOT}\n")
    script = folder / "bin" / "holdfast"
    script.write_text(SCRIPT.format(python=python))
    script.chmod(0o755)


def main() -> None:
    """Make, install, link."""
    if sys.version_info < OLDEST:
        say_and_stop(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}; try: make PYTHON=python3.12")
    folder = Path(sys.argv[1])
    print("Installing into", folder, "…", flush=True)
    python = make_environment(folder)
    install(python)
    link(folder, python)


if __name__ == "__main__":
    main()
