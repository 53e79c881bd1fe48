"""A short search by the fuzzer in every run of the suite; `make fuzz SECONDS=…` searches long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import NAMES
from tests.fuzz.seeds import seeds_of
from tests.fuzz.targets import TARGETS, BrokenPromiseError

ROOT = Path(__file__).parents[2]
SECONDS = 3


@pytest.mark.parametrize("name", NAMES)
def test_a_short_search_finds_no_input_that_breaks_a_promise(name, tmp_path):
    command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(SECONDS), "--keep", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_seed_keeps_every_promise(name):
    seeds = list(seeds_of(name))
    assert seeds
    for seed in seeds:
        TARGETS[name](seed)


def test_a_target_says_what_broke(monkeypatch):
    monkeypatch.setattr("intake.mbox.messages_in", lambda whole: [type("Piece", (), {"start": 5, "end": 2})()])
    with pytest.raises(BrokenPromiseError, match="in order"):
        TARGETS["mailbox"](b"x" * 9)
