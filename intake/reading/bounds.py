"""Reading in a separate process, with limits on time and memory: hostile bytes can end a reader, never a worker.

    worker ── request ──> template (this module's main) ── fork ──> child: sets its limits, reads, answers, ends
           <── answer ───                               <── pipe ──

The template has imported all that reading needs and holds no connection, no key and no environment of ours; it has one
thread, so forking it is safe, which forking a worker is not. A child that is killed, or is not done in time, makes the
reading "unreadable" with that reason. The template ends when the worker's end of its pipe closes.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from intake.reading.limits import MEBIBYTE
from intake.reading.model import Reading, from_json, to_json
from intake.reading.preview import preview
from intake.reading.reader import read, unreadable

WALL_SECONDS: Final = 30.0
PREVIEW_SECONDS: Final = 10.0
MEMORY_BYTES: Final = 1024 * MEBIBYTE
"""Address space of the child, the interpreter's own some 100 MiB included."""

_LENGTHS: Final = struct.Struct(">QQ")
_SECONDS_TO_START: Final = 30.0
_OPEN_FILES: Final = 16
_ROOT: Final = Path(__file__).resolve().parents[2]
_OPERATING_SYSTEM_ERRORS: Final = (OSError, EOFError, ValueError, struct.error)


@dataclass(frozen=True, slots=True)
class Given:
    """One acquisition to read: as the arguments of `intake.reading.read`."""

    raw: bytes = field(repr=False)
    channel: str
    media_type: str
    door: Mapping[str, Any] = field(repr=False)

    def asked(self) -> dict[str, Any]:
        """What the reading process is asked, but for the bytes."""
        door = {name: value for name, value in self.door.items() if isinstance(value, str | int | float)}
        return {"channel": self.channel, "media_type": self.media_type, "door": door}


class BoundedReader:
    """A template process and the pipes to it. Starts at the first reading, and anew if it died or a fork took place."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def read(
        self,
        raw: bytes,
        *,
        channel: str,
        media_type: str,
        door: Mapping[str, Any],
        wall_seconds: float = WALL_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
    ) -> Reading:
        """As `intake.reading.read`, bounded. Never raises for any bytes.

        Raises:
            OSError: the operating system does not let us start a process: try again later.
        """
        given = Given(raw, channel, media_type, door)
        asked = {**given.asked(), "wall_seconds": wall_seconds, "memory_bytes": memory_bytes}
        return from_json(json.loads(self._answered(asked, raw)))

    def read_many(self, items: Sequence[Given], *, wall_seconds: float = WALL_SECONDS) -> list[Reading]:
        """As `read`, of several small acquisitions in one process; each in its own where that one did not end well.

        Raises:
            OSError: the operating system does not let us start a process: try again later.
        """
        asked = {
            "many": [{**each.asked(), "length": len(each.raw)} for each in items],
            "wall_seconds": wall_seconds,
            "memory_bytes": MEMORY_BYTES,
        }
        answer = self._answered(asked, b"".join(each.raw for each in items)) if len(items) > 1 else b""
        if answer:
            return [from_json(each) for each in json.loads(answer)]
        return [self.read(each.raw, channel=each.channel, media_type=each.media_type, door=each.door) for each in items]

    def preview(
        self, raw: bytes, *, wall_seconds: float = PREVIEW_SECONDS, memory_bytes: int = MEMORY_BYTES
    ) -> bytes | None:
        """As `intake.reading.preview.preview`, bounded: None too where time or memory did not suffice.

        Raises:
            OSError: the operating system does not let us start a process: try again later.
        """
        asked = {"preview": True, "wall_seconds": wall_seconds, "memory_bytes": memory_bytes}
        return self._answered(asked, raw) or None

    def _answered(self, asked: Mapping[str, Any], raw: bytes) -> bytes:
        request = json.dumps(asked).encode()
        with self._lock:
            try:
                return self._ask(request, raw, asked["wall_seconds"])
            except _OPERATING_SYSTEM_ERRORS:
                # The template died between two readings (an operator, the kernel): once more, with a new one.
                self._stop()
                return self._ask(request, raw, asked["wall_seconds"])

    def close(self) -> None:
        """End the template."""
        with self._lock:
            self._stop()

    def _ask(self, request: bytes, raw: bytes, wall_seconds: float) -> bytes:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - pipes were asked for: for mypy
        process.stdin.write(_LENGTHS.pack(len(request), len(raw)))
        process.stdin.write(request)
        process.stdin.write(raw)
        process.stdin.flush()
        # The template keeps its child's time; that it keeps it is watched here.
        if not select.select([process.stdout], [], [], wall_seconds + _SECONDS_TO_START)[0]:
            raise TimeoutError
        length, _ = _LENGTHS.unpack(_exactly(process.stdout, _LENGTHS.size))
        return _exactly(process.stdout, length)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._stop()
            environment = {
                "PATH": os.defpath,
                "LANG": "C.UTF-8",
                "PYTHONPATH": str(_ROOT),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            command = [sys.executable, "-c", "from intake.reading.bounds import main; main()"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=_ROOT
            )
            self._owner = os.getpid()
            atexit.register(self.close)
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self._owner == os.getpid():  # else it is the template of the process we were forked from
            process.kill()
            process.wait()


_reader: Final = BoundedReader()  # holds nothing until the first reading


def read_in_bounds(
    raw: bytes,
    *,
    channel: str,
    media_type: str,
    door: Mapping[str, Any],
    wall_seconds: float = WALL_SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Reading:
    """As `intake.reading.read`, in a separate process that is killed past `wall_seconds` or `memory_bytes`.

    Raises:
        OSError: the operating system does not let us start a process: try again later.
    """
    return _reader.read(
        raw, channel=channel, media_type=media_type, door=door, wall_seconds=wall_seconds, memory_bytes=memory_bytes
    )


def read_many_in_bounds(items: Sequence[Given]) -> list[Reading]:
    """As `read_in_bounds`, of several small acquisitions at once.

    Raises:
        OSError: the operating system does not let us start a process: try again later.
    """
    return _reader.read_many(items)


def preview_in_bounds(raw: bytes) -> bytes | None:
    """As `intake.reading.preview.preview`, in a separate process with limits.

    Raises:
        OSError: the operating system does not let us start a process: try again later.
    """
    return _reader.preview(raw)


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise EOFError(len(data), length)
    return data


def main() -> None:
    """Serve readings until the asking side closes."""
    # An interrupt at the terminal goes to the whole group; the worker decides when its template ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for each in ("PIL.Image", "PIL.ImageOps", "PIL.ExifTags", "tinytag"):
        importlib.import_module(each)  # once, not in every child
    read(
        b"Body=07700+900123", channel="sms", media_type="application/x-www-form-urlencoded", door={}
    )  # load the number plans
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while True:
        lengths = source.read(_LENGTHS.size)
        if len(lengths) < _LENGTHS.size:
            return
        request_length, raw_length = _LENGTHS.unpack(lengths)
        request, raw = _exactly(source, request_length), _exactly(source, raw_length)
        answer = _answer(json.loads(request), raw)
        sink.write(_LENGTHS.pack(len(answer), 0) + answer)
        sink.flush()


def _answer(request: dict[str, Any], raw: bytes) -> bytes:
    """Read in a child, and say why if it did not answer."""
    coming, going = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(coming)
        _read_as_child(request, raw, going)
    os.close(going)
    try:
        data, in_time = _collect(coming, request["wall_seconds"])
    finally:
        os.close(coming)
    if not in_time:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if in_time and status == 0 and data:
        return data
    if request.get("preview") or "many" in request:
        return b""
    reason = f"not read within {request['wall_seconds']:g} seconds" if not in_time else _ending(status)
    return json.dumps(to_json(unreadable(reason))).encode()


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"the reader was ended by {signal.Signals(os.WTERMSIG(status)).name} (its limits are on time and memory)"
    return "the reader ran out of memory"


def _collect(coming: int, wall_seconds: float) -> tuple[bytes, bool]:
    deadline = time.monotonic() + wall_seconds
    pieces: list[bytes] = []
    while True:
        ready, _, _ = select.select([coming], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return b"", False
        piece = os.read(coming, MEBIBYTE)
        if not piece:
            return b"".join(pieces), True
        pieces.append(piece)


def _read_as_child(request: dict[str, Any], raw: bytes, going: int) -> None:
    """Never returns: the child must not run on as a second template."""
    code = 1
    try:
        seconds = int(request["wall_seconds"]) + 1
        for kind, limit in (
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_AS, request["memory_bytes"]),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
        ):
            resource.setrlimit(kind, (limit, limit))
        answer = (preview(raw) or b"") if request.get("preview") else _reading(request, raw)
        with os.fdopen(going, "wb") as sink:
            sink.write(answer)
        code = 0
    finally:
        os._exit(code)


def _reading(request: dict[str, Any], raw: bytes) -> bytes:
    if "many" not in request:
        return json.dumps(_read_one(request, raw)).encode()
    found, start = [], 0
    for each in request["many"]:
        found.append(_read_one(each, raw[start : start + each["length"]]))
        start += each["length"]
    return json.dumps(found).encode()


def _read_one(asked: dict[str, Any], raw: bytes) -> dict[str, Any]:
    return to_json(read(raw, channel=asked["channel"], media_type=asked["media_type"], door=asked["door"]))


if __name__ == "__main__":
    main()
