"""`python -m tests.fuzz TARGET --seconds N`: feed one reader with made inputs; 1 if a promise broke, with the input kept.

With atheris, guided by what code each input reaches. Where it has no wheel (it is made for Linux on x86-64), inputs are
the seeds with random changes: less searching, the same promises.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

NAMES = ("forward", "mail", "text", "backup", "chat", "mailbox")


def main() -> int:
    """Run one target for so many seconds."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()), metavar="FOLDER")
    options = parser.parse_args()
    if find_spec("atheris") is None:
        return _change_seeds(options.target, options.seconds, options.keep)
    with tempfile.TemporaryDirectory(prefix="holdfast-fuzz-") as folder:
        _guide(options.target, options.seconds, options.keep, Path(folder))
    return 0


def _guide(name: str, seconds: int, keep: Path, folder: Path) -> None:
    """Let atheris search. It ends the process itself, with 77 where a promise broke."""
    import atheris

    with atheris.instrument_imports(include=["intake"]):
        from tests.fuzz.targets import LARGEST, TARGETS
    for number, seed in enumerate(_seeds(name)):
        (folder / str(number)).write_bytes(seed)
    limits = [
        f"-max_total_time={seconds}",
        f"-max_len={LARGEST}",
        "-timeout=20",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={keep}/holdfast-{name}-", str(folder)], TARGETS[name])
    atheris.Fuzz()


def _change_seeds(name: str, seconds: int, keep: Path) -> int:
    from tests.fuzz.targets import TARGETS

    target, seeds, chance = TARGETS[name], _seeds(name), random.Random(name)
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = _changed(chance, chance.choice(seeds), seeds)
        count += 1
        if not _passes(target, data):
            (keep / f"holdfast-{name}-crash").write_bytes(data)
            return 1
    print(f"{count} inputs, without atheris")
    return 0


def _passes(target: Callable[[bytes], None], data: bytes) -> bool:
    try:
        target(data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is sought
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return False
    return True


def _changed(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        start = chance.randint(0, len(changed))
        end = min(len(changed), start + chance.choice((0, 1, 2, 8, 64)))
        other = chance.choice(others)
        cut = chance.randint(0, len(other))
        changed[start:end] = chance.choice(
            (b"", chance.randbytes(3), bytes(changed[end : end + 20]) * 2, other[cut : cut + 40])
        )
    return bytes(changed)


def _seeds(name: str) -> list[bytes]:
    from tests.fuzz.seeds import seeds_of

    return list(seeds_of(name))


if __name__ == "__main__":
    sys.exit(main())
