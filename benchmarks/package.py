"""A package as a worker builds it, against a plain ZIP of the same objects read from the same S3 server.

Ours reads and digests every original, writes entries, proofs, manifests, timeline and custody list, and verifies the
finished file before it lets it go; the baseline copies objects into a ZIP that compresses nothing, as `zip -0` does.
Mails are not read beforehand, so no readings are in the package: `exhibit.read` stands for the entry alone.
"""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

from sqlalchemy import select

from archive.case import case_of
from archive.tables import exhibit
from benchmarks.case import House, house_with
from benchmarks.peak import peak_bytes
from benchmarks.quiet import log_aside
from benchmarks.result import Result, in_turns
from cli import composition
from settings import Settings
from tests.sequencing import placing

TARGET = 0.5
EXHIBITS = 10_000
MEGABYTE = 1_000_000


def run(folder: Path, exhibits: int = EXHIBITS, rounds: int = 1) -> list[Result]:
    """Exhibits per second; the many take long, and are measured once after a round that warms up."""
    few = exhibits // 10
    (folder / "few").mkdir(mode=0o711)
    with house_with(folder / "few", few) as house:
        _, least = build(house, folder)
    with house_with(folder, exhibits) as house:
        return [_compare(house, folder, exhibits, rounds, {f"peak MB at {few} exhibits": f"{least / MEGABYTE:.0f}"})]


def _compare(house: House, folder: Path, exhibits: int, rounds: int, beside: dict[str, str]) -> Result:
    peaks: list[int] = []

    def ours() -> float:
        seconds, memory = build(house, folder)
        peaks.append(memory)
        return exhibits / seconds

    rates, baseline = in_turns(ours, lambda: exhibits / _zip(house, folder), rounds)
    beside = {f"peak MB at {exhibits} exhibits": f"{max(peaks) / MEGABYTE:.0f}", **beside}
    return Result(f"package: {exhibits} exhibits of 49.5 kB into a package", TARGET, rates, baseline, beside)


def build(house: House, folder: Path) -> tuple[float, int]:
    """Seconds to build a package of the whole case in a process of its own, and the most memory that took."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    out = folder / "case.zip"
    process = context.Process(target=_build, args=(theirs, house.settings, house.case.reference, out))
    with placing(house.sequencer):
        process.start()
        theirs.close()
        seconds, memory = ours.recv()
        process.join()
    out.unlink()
    return float(seconds), int(memory)


def _build(answer: object, settings: Settings, reference: str, out: Path) -> None:
    log_aside()
    with composition.open_archive(settings) as archive:
        exporter = composition.exporter(settings, archive)
        with archive.engine.connect() as connection:
            case = case_of(connection, reference)
        begun = time.perf_counter()
        exporter.export(case, out, edition="full", actor="cli:bench", progress=lambda _done, _total: None)
        seconds = time.perf_counter() - begun
    answer.send((seconds, peak_bytes()))  # type: ignore[attr-defined]


def _zip(house: House, folder: Path) -> float:
    with house.archive.engine.connect() as connection:
        keys = list(connection.execute(select(exhibit.c.vault_key)).scalars())
    client, out = house.archive.vault.client, folder / "plain.zip"
    begun = time.perf_counter()
    with ZipFile(out, "w", ZIP_STORED) as file:
        for key in keys:
            file.writestr(key, client.get_object(Bucket=house.archive.vault.bucket, Key=key)["Body"].read())
    seconds = time.perf_counter() - begun
    out.unlink()
    return seconds
