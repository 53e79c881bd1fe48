"""Bad weather between Twilio and the door: webhooks late, doubled, overtaken, cut off, and answers that never arrive.

What the door answered 200 to is *accepted* from then on, whether or not the sender ever heard it.
"""

import contextlib
import http.client
import random
import socket
import threading
import time
from collections import Counter
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

UPSTREAM_SECONDS = 30.0
UNPASSED = {"host", "connection", "content-length", "transfer-encoding"}


class Whim(StrEnum):
    """What becomes of one webhook on its way."""

    PASSED = "passed"
    LATE = "held back until others had passed"
    TWICE = "brought twice at once"
    AGAIN = "brought again later"
    ANSWER_LOST = "answer lost after the door had acted"
    LOST = "lost on its way"
    CUT = "cut off half-way"


ODDS = {
    Whim.PASSED: 10,
    Whim.LATE: 3,
    Whim.TWICE: 2,
    Whim.AGAIN: 2,
    Whim.ANSWER_LOST: 3,
    Whim.LOST: 1,
    Whim.CUT: 1,
}


def whim_of(seed: int, body: str, time_brought: int) -> tuple[Whim, float]:
    """What becomes of this text at this try, and for how many seconds: the same for the same seed."""
    chance = random.Random(f"{seed}/{body}/{time_brought}")
    return chance.choices(list(ODDS), list(ODDS.values()))[0], chance.uniform(0.2, 3.0)


class Relay:
    """A server that hands webhooks on to the door. Use as a context manager."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.target: tuple[str, int] | None = None
        self.stormy = False
        self.thanked: dict[str, bytes] = {}
        self.whims: Counter[Whim] = Counter()
        self.statuses: Counter[int] = Counter()
        self._tries: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._later: list[threading.Thread] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.calm()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def calm(self) -> None:
        """Bring everything as it comes, and what was held back now."""
        self.stormy = False
        for each in list(self._later):
            each.join()

    def bring(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Hand one request to the door; its answer, or None where there was none."""
        connection = http.client.HTTPConnection(*self.target, timeout=UPSTREAM_SECONDS)
        with contextlib.closing(connection):
            try:
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                answered = answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                return None
        with self._lock:
            self.statuses[answered[0]] += 1
            if answered[0] == 200 and path.endswith("/sms"):
                self.thanked[parse_qs(body.decode())["MessageSid"][0]] = body
        return answered

    def _cut(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Send the door the first half of a request, and hang up."""
        lines = [f"POST {path} HTTP/1.1", "Host: door", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        with contextlib.suppress(OSError), socket.create_connection(self.target, timeout=5) as door:
            door.sendall(head + body[: len(body) // 2])

    def _whim(self, body: bytes) -> tuple[Whim, float]:
        text = parse_qs(body.decode(), keep_blank_values=True).get("Body", [""])[0]
        with self._lock:
            self._tries[text] += 1
            whim, seconds = whim_of(self.seed, text, self._tries[text]) if self.stormy else (Whim.PASSED, 0.0)
            self.whims[whim] += 1
        return whim, seconds

    def _weathered(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        whim, seconds = self._whim(body)
        if whim is Whim.LOST:
            return None
        if whim is Whim.CUT:
            return self._cut(path, headers, body)
        if whim is Whim.LATE:
            time.sleep(seconds)
        if whim is Whim.TWICE:
            self._bring_beside(path, headers, body, 0.0)
        if whim is Whim.AGAIN:
            self._bring_beside(path, headers, body, seconds)
        answered = self.bring(path, headers, body)
        return None if whim is Whim.ANSWER_LOST else answered

    def _bring_beside(self, path: str, headers: dict[str, str], body: bytes, seconds: float) -> None:
        def bring() -> None:
            time.sleep(seconds)
            self.bring(path, headers, body)

        thread = threading.Thread(target=bring, daemon=True)
        thread.start()
        self._later.append(thread)

    def _handler(relay):  # noqa: N805 - the handler inside has a `self` of its own
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in UNPASSED}
                answered = relay._weathered(self.path, headers, body)
                self.close_connection = True
                if answered is None:
                    return
                with contextlib.suppress(OSError):
                    self.send_response(answered[0])
                    self.send_header("Content-Length", str(len(answered[1])))
                    self.end_headers()
                    self.wfile.write(answered[1])

            def log_message(self, *_):
                pass

        return Handler
