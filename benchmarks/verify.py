"""verify.py, as a defence expert runs it, against `sha256sum` over the same bytes; and its memory at two sizes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from archive import verify
from archive.custody import Action, exhibit_stream
from archive.package import PackageExhibit
from benchmarks import peak
from benchmarks.result import Result, in_turns
from tests.attacks.ground import POLICY, Ground

TARGET = 0.5
EXHIBITS = 10_000
ENTRIES_EACH = 6
# A mail of the 2,000 in 99 MB that `mailbag` has, and a picture as messengers send it.
MAIL_BYTES, PICTURE_BYTES = 49_500, 300_000
MEGABYTE = 1_000_000


@dataclass
class LargeCase(Ground):
    """The attack suite's case at length: each exhibit archived, assigned, read and looked at three times.

    Bytes are made again where they are read: all exhibits are alike but for their first bytes.
    """

    block: bytes = b""

    def take(self, number: int) -> None:
        """One more exhibit, with all of its entries."""
        exhibit_id = self.archive(number, b"%08d" % number + self.block)
        self.originals[exhibit_id] = b"%08d" % number
        self.assign(exhibit_id, number + 1)
        for minutes in range(3, ENTRIES_EACH):
            self.ledger.record(exhibit_stream(exhibit_id), Action.EXHIBIT_VIEWED, number + minutes)

    def exhibits(self) -> Iterator[PackageExhibit]:  # type: ignore[override]
        """The same exhibits, made while they are packed."""
        for exhibit_id, head in self.originals.items():
            raw = head + self.block
            yield PackageExhibit(
                id=exhibit_id,
                reference=self.references[exhibit_id],
                sha256=hashlib.sha256(raw).hexdigest(),
                sha512=hashlib.sha512(raw).hexdigest(),
                size_bytes=len(raw),
                channel="email",
                received_at=self.received[exhibit_id],
                delivered_at=None,
                media_type="message/rfc822",
                extension="eml",
                read=partial(tuple, (raw,)),
            )


def run(folder: Path, exhibits: int = EXHIBITS) -> list[Result]:
    """Megabytes per second of both over the same file, which lies in the cache of the disk after the first round."""
    (folder / "policy").write_text(POLICY, encoding="utf-8")
    few = exhibits // 10
    _, memory = _verify(_package(folder / "small", few, MAIL_BYTES), folder)
    beside = {f"peak MB at {few} exhibits": _megabytes(memory)}
    return [
        _compare(folder, exhibits, MAIL_BYTES, beside),
        # As many bytes in fewer exhibits: what each costs beside its bytes shows between the two.
        _compare(folder, exhibits * MAIL_BYTES // PICTURE_BYTES, PICTURE_BYTES, {}),
    ]


def _compare(folder: Path, exhibits: int, size_bytes: int, beside: dict[str, str]) -> Result:
    package = _package(folder / "large", exhibits, size_bytes)
    megabytes = package.stat().st_size / MEGABYTE
    peaks: list[int] = []

    def ours() -> float:
        seconds, memory = _verify(package, folder)
        peaks.append(memory)
        return megabytes / seconds

    rates, baseline = in_turns(ours, lambda: megabytes / _timed(["sha256sum", str(package)])[0])
    package.unlink()
    beside = {"MB": f"{megabytes:.0f}", f"peak MB at {exhibits} exhibits": _megabytes(max(peaks)), **beside}
    name = f"verify: MB of a package, {exhibits} exhibits of {size_bytes / 1000:g} kB, {ENTRIES_EACH} entries each"
    return Result(name, TARGET, rates, baseline, beside)


def _package(folder: Path, exhibits: int, size_bytes: int) -> Path:
    """A package of a ledger in memory, by the code that makes every package."""
    case = LargeCase(block=os.urandom(size_bytes - 8))
    case.open_case()
    for number in range(1, exhibits + 1):
        case.take(number)
    folder.mkdir(exist_ok=True)
    made = case.export(folder)
    for work in folder.glob("work-*"):
        shutil.rmtree(work)
    return made.path


def _verify(package: Path, folder: Path) -> tuple[float, int]:
    """Seconds, from the start of Python to the verdict, and the most memory it took."""
    seconds, said = _timed(
        [sys.executable, str(peak.__file__), str(verify.__file__), str(package), "--policy", str(folder / "policy")]
    )
    return seconds, int(said.rpartition("peak ")[2])


def _timed(command: list[str]) -> tuple[float, str]:
    begun = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - begun, done.stderr


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / MEGABYTE:.0f}"
