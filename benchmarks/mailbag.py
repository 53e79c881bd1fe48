"""A package of 2,000 mails against `mailbagit --keep` over the same mails as files.

mailbagit is no dependency of ours: name its program in MAILBAGIT, from an environment of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.case import House, a_mail, house_with
from benchmarks.package import build
from benchmarks.result import Result, in_turns

TARGET = 1.0
MAILS = 2000
PROGRAM = "MAILBAGIT"


def run(folder: Path, mails: int = MAILS) -> list[Result]:
    """Mails per second; nothing where the program is not named."""
    program = os.environ.get(PROGRAM)
    if not program:
        print(f"mailbag: not measured, {PROGRAM} names no mailbagit")
        return []
    source = folder / "mails"
    source.mkdir()
    for number in range(mails):
        (source / f"{number:05d}.eml").write_bytes(a_mail(number))
    with house_with(folder, mails) as house:
        ours, baseline = in_turns(
            lambda: _package(house, folder, mails), lambda: mails / _mailbag(program, source, folder / "bag"), rounds=2
        )
    return [Result(f"mailbag: {mails} mails of 49.5 kB into a package, against mailbagit", TARGET, ours, baseline)]


def _package(house: House, folder: Path, mails: int) -> float:
    return mails / build(house, folder)[0]


def _mailbag(program: str, source: Path, bag: Path) -> float:
    command = [program, str(source), "-i", "eml", "-d", "txt", "-m", str(bag), "--keep", "--sha256", "--sha512"]
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=bag.parent)
    seconds = time.perf_counter() - begun
    shutil.rmtree(bag)
    return seconds
