"""The attacker's bench: take a package apart, change anything, and put it together so that everything else fits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import rfc8785

from archive.canonical_zip import ZipMember, zip_pieces
from archive.verify import VerificationError, verify
from tests.attacks.ground import POLICY

Files = dict[str, bytes]


def unpack(path: Path) -> Files:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(files: Files) -> bytes:
    """A canonical ZIP of these files, as the archive itself writes it."""
    return b"".join(zip_pieces(ZipMember.of(name, files[name]) for name in sorted(files)))


def remanifest(files: Files) -> Files:
    """Make every manifest and the Payload-Oxum fit the files again: what anyone with a text editor can do."""
    files = dict(files)
    payload = {name: files[name] for name in files if name.startswith("data/")}
    oxum = f"Payload-Oxum: {sum(map(len, payload.values()))}.{len(payload)}"
    if "bag-info.txt" in files:
        lines = files["bag-info.txt"].decode("utf-8", "surrogateescape").split("\n")
        lines = [oxum if line.startswith("Payload-Oxum") else line for line in lines]
        files["bag-info.txt"] = "\n".join(lines).encode("utf-8", "surrogateescape")
    for algorithm in ("sha256", "sha512"):
        files[f"manifest-{algorithm}.txt"] = listing(payload, algorithm)
    for algorithm in ("sha256", "sha512"):
        tags = {name: files[name] for name in files if name not in payload and not name.startswith("tagmanifest-")}
        files[f"tagmanifest-{algorithm}.txt"] = listing(tags, algorithm)
    return files


def listing(files: Files, algorithm: str) -> bytes:
    return "".join(f"{hashlib.new(algorithm, files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


def lines(files: Files, name: str) -> list[Any]:
    return [json.loads(line) for line in files[name].splitlines()]


def put_lines(files: Files, name: str, values: Iterable[Any]) -> None:
    files[name] = b"".join(rfc8785.dumps(value) + b"\n" for value in values)


def edit_line(files: Files, name: str, number: int, change: Callable[[Any], None]) -> None:
    """Change one JSON line and leave the others as they are."""
    values = lines(files, name)
    change(values[number])
    put_lines(files, name, values)


def refused(
    raw: bytes, folder: Path, *, policy: str | None = POLICY, earlier: Iterable[bytes] = ()
) -> VerificationError:
    """Verify a forged package and return the one fault it must be refused for."""
    path = folder / "forged.zip"
    path.write_bytes(raw)
    with pytest.raises(VerificationError) as caught:
        verify(path, policy, earlier=list(earlier))
    assert "no check foresaw" not in caught.value.reason
    return caught.value


def located(fault: VerificationError) -> tuple[int, str]:
    return fault.step, fault.item
