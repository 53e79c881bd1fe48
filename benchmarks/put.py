"""What one small put costs the client: our quick way against boto3's own, in processor time against the same server."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from archive.vault import Vault
from benchmarks.result import Result, in_turns
from cli import composition
from cli.local import aws, house_environment, prepare
from services.embedded import embedded
from settings import Settings

TARGET = 2.0
PUTS = 1000
BODY_BYTES = 300


def run(folder: Path) -> list[Result]:
    """Puts per second of processor time of this process; the server's own time is the same for both."""
    with embedded(folder / "home", only=["postgres", "seaweedfs"], environ={}) as parts:
        environment = house_environment(parts, None, {})
        with aws(environment):
            prepare(environment)
            quick = composition.vault(Settings.from_environment(environment), connections=1)
        by_client = Vault(quick.client, quick.bucket)
        try:
            ours, baseline = in_turns(lambda: _rate(quick), lambda: _rate(by_client))
        finally:
            quick.close()
    return [Result("put: one small object, in the client's processor time", TARGET, ours, baseline)]


def _rate(vault: Vault) -> float:
    bodies = [os.urandom(BODY_BYTES) for _ in range(PUTS)]
    until = composition.now() + timedelta(hours=1)
    begun = time.process_time()
    for body in bodies:
        vault.put(
            f"bench/{uuid4()}",
            body,
            size_bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            retain_until=until,
            metadata={"channel": "sms"},
            look_back=False,
        )
    return PUTS / (time.process_time() - begun)
