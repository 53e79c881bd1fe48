"""Free loopback ports, chosen once and remembered in the home.

Between choosing a port and listening on it lie seconds in which another home may choose it too, and would then take our
answers for its own. So a home that starts *claims* its ports: each claim is a name in Linux's abstract socket
namespace, which one process at a time can hold and which ends with it.

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


def claim(port: int) -> socket.socket | None:
    """Claim a port before all other homes of this machine, for as long as the answer stays open; None where one has."""
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.bind(f"\0holdfast-port-{port}")
    except OSError:
        held.close()
        return None
    return held


def is_claimed(port: int) -> bool:
    """Whether a home of this machine, this process's own included, has claimed the port."""
    held = claim(port)
    if held is None:
        return True
    held.close()
    return False


def weed_sockets(port: int) -> list[Path]:
    """The socket files SeaweedFS has made for a gRPC port."""
    return sorted(WEED_SOCKETS.glob(f"seaweedfs-*-grpc-{port}.sock"))


def free_port(taken: Iterable[int]) -> int:
    """A loopback port that is free, unclaimed, not in `taken` and without a stale socket file.

    Raises:
        NoFreePortError: After a thousand tries.
    """
    avoided = set(taken)
    for _ in range(1000):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - two homes should differ, nobody needs to be surprised
        if port not in avoided and is_free(port) and not is_claimed(port) and not weed_sockets(port):
            return port
    raise NoFreePortError(FIRST_PORT, LAST_PORT)


class Ports:
    """The ports of one home: the same at every start unless somebody else took one meanwhile."""

    def __init__(self, home: Home) -> None:
        self._file = home.state / "ports.json"
        self._ports: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._holds = False
        self._claims: dict[int, socket.socket] = {}

    def __getitem__(self, name: str) -> int:
        """The port remembered for `name`; a free one is chosen, and remembered, at the first call."""
        if name not in self._ports:
            self._choose(name)
        return self._ports[name]

    def hold(self) -> dict[str, int]:
        """Claim all ports until `release`, and choose again where one is taken; call while no child of ours runs.

        Returns:
            The new ports, by name: empty when all were free.
        """
        self._holds = True
        taken = [name for name, port in self._ports.items() if not self.take(port)]
        for name in taken:
            self._choose(name)
        return {name: self._ports[name] for name in taken}

    def take(self, port: int) -> bool:
        """Claim one port until `release`; False where somebody listens there or another home has claimed it."""
        if port in self._claims:
            return True
        claimed = claim(port)
        if claimed is None:
            return False
        if not is_free(port):
            claimed.close()
            return False
        self._claims[port] = claimed
        return True

    def release(self) -> None:
        """Let go of all claims. Safe to call twice."""
        self._holds = False
        while self._claims:
            self._claims.popitem()[1].close()

    def _choose(self, name: str) -> None:
        port = free_port(self._ports.values())
        while self._holds and not self.take(port):
            port = free_port(self._ports.values())
        self._ports[name] = port
        write_private(self._file, json.dumps(self._ports, indent=1, sort_keys=True))
