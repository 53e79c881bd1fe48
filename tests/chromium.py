"""Debian's Chromium, as every browser test starts it."""

import os
import shutil

# Nothing of the browser's own may reach the network, and no sandbox of its own works for root.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """Where the program is."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert found, "the browser tests need Debian's Chromium: apt-get install chromium"
    return found
