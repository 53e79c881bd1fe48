"""Replacing a small file so that after any crash it is either the old one or the new one, and never goes back."""

from __future__ import annotations

import os
from pathlib import Path


def replace_durably(path: Path, raw: bytes) -> None:
    """Put `raw` in the place of a file; on return it is on disk. One writer at a time: the caller's business."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    with fresh.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder onto disk: a new name is lost in a crash until then."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
