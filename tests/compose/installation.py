"""The files of a production installation, as tests read them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
OURS = ("web", "worker", "sequencer", "beat", "mailbox", "witness", "migrate", "doctor")


def compose() -> dict[str, Any]:
    """The compose file, merged."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def names_of(secrets: list[Any]) -> set[str]:
    """The secrets a service mounts."""
    return {each if isinstance(each, str) else each["source"] for each in secrets}


def make_secrets(folder: Path) -> dict[str, str]:
    """Run docker/make-secrets; every file by name."""
    command = [sys.executable, ROOT / "docker" / "make-secrets", folder, "--keep-owner"]
    subprocess.run(command, check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == (0o400 if path.name == "signing-key.pem" else 0o600), path.name
    return {path.name: path.read_text(encoding="ascii") for path in folder.iterdir()}
