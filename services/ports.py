"""Free loopback ports, chosen once and remembered in the home.

Ports stay below 32768: in the range above, Linux hands out ports to outgoing connections, and a readiness poll can
then connect to *itself* on the port it waits for, after which the server cannot bind it (seen after 5,876 polls).
Ports for which SeaweedFS would find a socket file of an earlier run, perhaps another user's, are passed over: it
waits for ever on one it may not replace.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterable
from pathlib import Path

from services.errors import NoFreePortError
from services.home import Home, write_private

FIRST_PORT = 15_000
LAST_PORT = 32_000
LOOPBACK = "127.0.0.1"
# The path is compiled into weed; TMPDIR does not move it.
WEED_SOCKETS = Path("/tmp")  # noqa: S108 - see above


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as candidate:
        # Servers set it too: a connection of the last run in TIME_WAIT is no obstacle.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def weed_sockets(port: int) -> list[Path]:
    """The socket files SeaweedFS has made for a gRPC port."""
    return sorted(WEED_SOCKETS.glob(f"seaweedfs-*-grpc-{port}.sock"))


def free_port(taken: Iterable[int]) -> int:
    """A loopback port that is free, not in `taken` and without a stale socket file.

    Raises:
        NoFreePortError: After a thousand tries.
    """
    avoided = set(taken)
    for _ in range(1000):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - two homes should differ, nobody needs to be surprised
        if port not in avoided and is_free(port) and not weed_sockets(port):
            return port
    raise NoFreePortError(FIRST_PORT, LAST_PORT)


class Ports:
    """The ports of one home: the same at every start unless somebody else took one meanwhile."""

    def __init__(self, home: Home) -> None:
        self._file = home.state / "ports.json"
        self._ports: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def __getitem__(self, name: str) -> int:
        """The port remembered for `name`; a free one is chosen, and remembered, at the first call."""
        if name not in self._ports:
            self._choose(name)
        return self._ports[name]

    def renew_taken(self) -> dict[str, int]:
        """Choose again where a remembered port is taken; call only while none of our own children run.

        Returns:
            The new ports, by name: empty when all were free.
        """
        taken = [name for name, port in self._ports.items() if not is_free(port)]
        for name in taken:
            self._choose(name)
        return {name: self._ports[name] for name in taken}

    def _choose(self, name: str) -> None:
        self._ports[name] = free_port(self._ports.values())
        write_private(self._file, json.dumps(self._ports, indent=1, sort_keys=True))
