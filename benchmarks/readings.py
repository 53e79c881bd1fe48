"""Readings per second over the mails of the corpora, against mail-parser in the same process, in rounds taking turns.

mail-parser reads headers, bodies and attachments of one mail. Ours does that and more: the mails attached to it each
for itself, what it forwards inline, its identifiers, and the digest of every part. Mails that mail-parser raises for
are left out for both, and their number is told. Both only compute: rates are per second of processor time, so that what
else a machine does in a round does not decide it.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.result import Result, in_turns
from intake.reading import read

TARGET: Final = 1.0
_CORPUS: Final = Path(__file__).parents[1] / "tests" / "reading" / "corpora" / "mail"
_PASSES: Final = 2
_ROUNDS: Final = 9


def run(folder: Path) -> list[Result]:
    """Read the corpora some times a round."""
    del folder
    mails = [path.read_bytes() for path in sorted(_CORPUS.glob("*/*")) if path.suffix in (".txt", ".eml")]
    logging.getLogger("mailparser").setLevel(logging.CRITICAL)  # it tells each part that it does not handle
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shared = [raw for raw in mails if _can_peer(raw)]
        ours, baseline = in_turns(lambda: _rate(_read, shared), lambda: _rate(_read_by_peer, shared), _ROUNDS)
    size = sum(map(len, shared))
    beside = {"mails": len(shared), "bytes": size, "left out, for mail-parser raises": len(mails) - len(shared)}
    return [Result("readings per second over the mail corpora, against mail-parser", TARGET, ours, baseline, beside)]


def _rate(reader: Callable[[bytes], object], mails: Sequence[bytes]) -> float:
    begin = time.process_time()
    for _ in range(_PASSES):
        for raw in mails:
            reader(raw)
    return len(mails) * _PASSES / (time.process_time() - begin)


def _read(raw: bytes) -> object:
    return read(raw, channel="email", media_type="message/rfc822", door={})


def _read_by_peer(raw: bytes) -> object:
    import mailparser

    return mailparser.parse_from_bytes(raw)


def _can_peer(raw: bytes) -> bool:
    try:
        _read_by_peer(raw)
    except Exception:  # noqa: BLE001 - of whatever kind
        return False
    return True
