"""What this installation says of its own working, for every package: version, counters, what is parked, what waits.

Courts may no longer presume that a computer worked: the facts that bear on it travel with the evidence.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from archive.database import current_revision
from archive.ledger import checkpoint_size, waiting
from archive.marks import VAULT, counts, get_mark
from archive.tables import acquisition, alert

ROOT = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"
GIT_TIMEOUT_SECONDS = 5
NOT_MEASURED = ["clock offsets from a time server", "outages", "known defects of this version"]


def reliability(connection: Connection) -> dict[str, Any]:
    """Facts for `system-reliability.json`; what this version does not measure is listed as such."""
    states = select(acquisition.c.state, func.count()).group_by(acquisition.c.state)
    alerts = select(alert.c.kind, func.count()).group_by(alert.c.kind)
    return {
        "software": software(),
        "commit": commit(),
        "requirements_lock_sha256": hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest(),
        "python": platform.python_version(),
        "database_revision": current_revision(connection),
        "counters": counts(connection),
        "acquisitions_by_state": {row[0]: row[1] for row in connection.execute(states)},
        "alerts_by_kind": {row[0]: row[1] for row in connection.execute(alerts)},
        "ledger": {"entries_signed": checkpoint_size(connection), "entries_waiting": waiting(connection)},
        "vault_self_test": get_mark(connection, VAULT),
        "not_measured": NOT_MEASURED,
    }


@cache
def commit() -> str | None:
    """The commit this runs from: of the checkout, or of the image it was built into; None where neither says."""
    stated = ROOT / "COMMIT"
    if stated.exists():
        return stated.read_text(encoding="ascii").strip()
    asked = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=GIT_TIMEOUT_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def software() -> str:
    """Name and version of this software, with the commit it runs from."""
    return f"Holdfast {VERSION} ({(commit() or 'commit unknown')[:12]})"
