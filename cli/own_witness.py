"""The witness of one machine: the same process as a partner's, with a folder of its own, and worth little.

Its name says so: whoever can change the ledger here can change this witness. It shows how it works, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from archive.signed_note import SigningKey
from cli import composition
from cli.witness import KEY, know, new_key
from services.ports import LOOPBACK
from settings import Settings

# Its name is what packages, policies and verifiers show.
NAME = "holdfast.example/witness-on-the-same-machine"
EVERY_SECONDS = "10"


def own_witness(folder: Path, port: int, environment: Mapping[str, str]) -> dict[str, str]:
    """The settings by which the house asks a witness of this machine; none where witnesses are set already.

    Args:
        folder: Its own; key and logs are made there if need be.
        port: Where it listens.
        environment: The settings of the house so far.
    """
    if environment.get("HOLDFAST_WITNESS_URLS"):
        return {}
    settings = Settings.from_environment(environment)
    secret = folder / KEY
    key = SigningKey.parse(secret.read_text(encoding="utf-8")) if secret.exists() else new_key(folder, NAME)
    for signing in (composition.signing_key(settings), composition.next_signing_key(settings)):
        if signing is not None:
            know(folder, signing.verifier.encode())
    bind = f"{LOOPBACK}:{port}"
    return {
        "HOLDFAST_WITNESS_FOLDER": str(folder),
        "HOLDFAST_WITNESS_BIND": bind,
        "HOLDFAST_WITNESS_URLS": f"{key.witness.encode()} http://{bind}",
        "HOLDFAST_WITNESS_EVERY_SECONDS": EVERY_SECONDS,
    }


def witness_environment(environment: Mapping[str, str]) -> dict[str, str] | None:
    """All that the witness's process is told, none of the house's secrets; None where the house runs no witness."""
    mine = ("PATH", "LC_ALL", "HOLDFAST_WITNESS_FOLDER", "HOLDFAST_WITNESS_BIND")
    if not environment.get("HOLDFAST_WITNESS_FOLDER"):
        return None
    return {name: environment[name] for name in mine if name in environment}
