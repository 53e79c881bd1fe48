"""The attacker's bench: take a package apart, change anything, and put it together so that everything else fits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import rfc8785

from archive import verify as verifier
from archive.canonical_zip import ZipMember, zip_pieces
from archive.verify import UnreadableError, Verdict, VerificationError
from tests.attacks.ground import POLICY
from tests.browser_verifier import browser_verifier

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


def verify(
    path: Path,
    policy: str | None,
    *,
    earlier: Iterable[bytes] = (),
    tsa_roots: bytes | None = None,
    require_timestamps: int = 0,
    in_browser: bool = True,
) -> Verdict:
    """Judge a package by both verifiers, which must say the same; for long searches, by verify.py alone."""
    given = {"earlier": list(earlier), "tsa_roots": tsa_roots, "require_timestamps": require_timestamps}
    fault: VerificationError | UnreadableError | None = None
    verdict = None
    try:
        verdict = verifier.verify(path, policy, **given)
    except (VerificationError, UnreadableError) as error:
        fault = error
    if in_browser:
        answer = browser_verifier().verify(path, policy, **given)
        assert "no check foresaw" not in answer.get("reason", "")
        if verdict is not None:
            assert answer == json.loads(json.dumps(asdict(verdict)))
        else:
            assert (answer.get("step"), answer.get("item")) == (getattr(fault, "step", None), fault.item), answer
    if fault is not None:
        raise fault
    return verdict


def refused(
    raw: bytes, folder: Path, *, policy: str | None = POLICY, in_browser: bool = True, **given: Any
) -> VerificationError:
    """Verify a forged package and return the one fault it must be refused for."""
    path = folder / "forged.zip"
    path.write_bytes(raw)
    with pytest.raises(VerificationError) as caught:
        verify(path, policy, in_browser=in_browser, **given)
    assert "no check foresaw" not in caught.value.reason
    return caught.value


def located(fault: VerificationError) -> tuple[int, str]:
    return fault.step, fault.item


class Few:
    """True the first so many times: a search goes on long after the slower judge has seen enough of it."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self) -> bool:
        self.left -= 1
        return self.left >= 0
