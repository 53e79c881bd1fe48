"""Wires between Holdfast and its parts that lose an answer once the part has acted, or break."""

import contextlib
import re
import socket
import threading

LOOPBACK = "127.0.0.1"
PIECE_BYTES = 65_536
# What a part says once something is done for good: the answer whose loss nobody may take for "it did not happen".
DONE = {
    "database": re.compile(rb"COMMIT\0|INSERT 0 \d"),
    "vault": re.compile(rb"HTTP/1\.1 200"),
    "mailbox": re.compile(rb"OK \[COPYUID|OK \[EXPUNGE|OK .*(?:COPY|MOVE|UID|SELECT)", re.IGNORECASE),
    "carrier": re.compile(rb"250 2\.0\.0"),
    "broker": re.compile(rb"[:+*$]"),
}


class Line:
    """A relay of one port. Use as a context manager."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._to_lose: list[re.Pattern[bytes]] = []
        self._closed = False
        self.lost = 0

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        self.close()

    def lose(self, answer: re.Pattern[bytes]) -> None:
        """Keep the next answer that matches, and break the connection it came by."""
        with self._lock:
            self._to_lose.append(answer)

    def calm(self) -> None:
        """Lose nothing more."""
        with self._lock:
            self._to_lose.clear()

    def cut(self) -> int:
        """Break every connection there is; how many."""
        with self._lock:
            cut = list(self._open)
        for each in cut:
            _shut(each)
        return len(cut) // 2

    def close(self) -> None:
        """Break everything and take nothing more."""
        self._closed = True
        _shut(self._listener)
        self._listener.close()
        self.cut()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout=10)

    def _start(self, work, *args) -> None:
        def run():
            try:
                work(*args)
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, daemon=True)
        with self._lock:
            self._threads.add(thread)
            thread.start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._connect, near)

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection((LOOPBACK, self._target), timeout=10)
        except OSError:
            near.close()
            return
        with near, far:
            far.settimeout(None)
            for end in (near, far):
                # A wire adds nothing of its own.
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._closed:
                    return
                self._open |= {near, far}
            asking = threading.Thread(target=self._pump, args=(near, far), daemon=True)
            asking.start()
            self._pump(far, near, is_answer=True)
            asking.join()
            with self._lock:
                self._open -= {near, far}

    def _pump(self, source: socket.socket, sink: socket.socket, *, is_answer: bool = False) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                if is_answer and self._is_lost(piece):
                    break
                sink.sendall(piece)
        _shut(source)
        _shut(sink)

    def _is_lost(self, piece: bytes) -> bool:
        with self._lock:
            for pattern in self._to_lose:
                if pattern.search(piece):
                    self._to_lose.remove(pattern)
                    self.lost += 1
                    return True
        return False


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
