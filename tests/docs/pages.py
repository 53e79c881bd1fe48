"""What the documentation's tests read: the files that git keeps, and those of them that are pages."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tracked() -> list[Path]:
    """Every file of the checkout that git keeps, or would: nothing that is ignored."""
    command = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [path for path in (ROOT / name for name in listed.split("\0") if name) if path.is_file()]


def page(name: str) -> str:
    """One page of the documentation."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")
