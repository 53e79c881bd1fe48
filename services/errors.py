"""Every error the embedded parts raise, on one page.

ServiceError
├── HomeInUseError            another supervisor holds this home: stop it, or use another
├── StartFailedError          a child did not become ready: its log is named and quoted
├── StartInterruptedError     a signal arrived while the parts were starting: all that ran has been stopped
├── CommandFailedError        a preparing command (initdb, weed shell) did not succeed
├── ProgramMissingError       a wheel of the `local` extra is not installed
├── NoFreePortError           nothing free in the range we may use
├── PortTakenError            the port that was asked for is another's
└── UserMissingError          PostgreSQL may not run as root and the user for it cannot be made
"""

from __future__ import annotations

from pathlib import Path


class ServiceError(Exception):
    """Any failure of the embedded parts."""


class HomeInUseError(ServiceError):
    """Another supervisor runs the parts of this home."""

    def __init__(self, home: Path, pid: int) -> None:
        super().__init__(home, pid)
        self.home, self.pid = home, pid

    def __str__(self) -> str:
        return (
            f"{self.home} is in use by process {self.pid}: stop that one first, or set HOLDFAST_HOME to another folder"
        )


class StartFailedError(ServiceError):
    """A child ended, or was not ready in time."""

    def __init__(self, name: str, why: str, log: Path, last_lines: str = "") -> None:
        super().__init__(name, why, log, last_lines)
        self.name, self.why, self.log, self.last_lines = name, why, log, last_lines

    def __str__(self) -> str:
        quoted = f"\nits last lines were:\n{self.last_lines}" if self.last_lines else ""
        return f"{self.name} did not start: {self.why}; see {self.log}{quoted}"


class StartInterruptedError(ServiceError):
    """Someone asked for the end before the start was complete."""

    def __str__(self) -> str:
        return "stopped while starting"


class CommandFailedError(ServiceError):
    """A command that prepares a part did not succeed."""

    def __init__(self, what: str, exit_code: int, output: str) -> None:
        super().__init__(what, exit_code, output)
        self.what, self.exit_code, self.output = what, exit_code, output

    def __str__(self) -> str:
        return f"{self.what} failed with exit code {self.exit_code}:\n{self.output.strip()[-2000:]}"


class NoFreePortError(ServiceError):
    """No free port was found in the range below the system's own."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(first, last)
        self.first, self.last = first, last

    def __str__(self) -> str:
        return f"no free TCP port on 127.0.0.1 between {self.first} and {self.last}"


class PortTakenError(ServiceError):
    """Another program, or another home, has the port that was asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.port = port

    def __str__(self) -> str:
        return f"port {self.port} on 127.0.0.1 is taken: ask for another with --port, or leave that out"


class UserMissingError(ServiceError):
    """PostgreSQL refuses to run as root and there is no user to run it as."""

    def __init__(self, user: str, why: str) -> None:
        super().__init__(user, why)
        self.user, self.why = user, why

    def __str__(self) -> str:
        return (
            f"PostgreSQL refuses to run as root and the user {self.user!r} could not be made ({self.why}): "
            f"run `useradd --system {self.user}` yourself, or start Holdfast as an ordinary user"
        )


class ProgramMissingError(ServiceError):
    """A program of the embedded parts is not installed."""

    def __init__(self, program: str, wheel: str) -> None:
        super().__init__(program, wheel)
        self.program, self.wheel = program, wheel

    def __str__(self) -> str:
        return f"{self.program} is missing: install the wheel {self.wheel} (`make install` does)"
