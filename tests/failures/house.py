"""A whole house of processes for failure tests: started as anybody starts it, killed as nothing should be."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from archive.case import open_case
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.database import engine
from archive.vault import Vault, s3_client
from cli.composition import now
from cli.local import aws
from services.embedded import running_environment
from services.process import start_ticks
from web.accounts import account_by_email, add_account

START_SECONDS = 120
HEAL_SECONDS = 120
STOP_SECONDS = 60
PHONE, ADDRESS = "+447700900001", "amy@example.org"
CASE = "42/1/26"
CLEAN = ("PATH", "HOME", "LANG", "PYTHONPATH")
UP = (sys.executable, "-m", "cli", "up")


class House:
    """The running house, seen from outside."""

    def __init__(self, home: Path, process: subprocess.Popen, log: Path) -> None:
        self.home, self.process, self.log = home, process, log
        self.keep = False
        self.environment = wait_for(lambda: running_environment(home), START_SECONDS, "the services", self)
        self.url = wait_for(self._address, START_SECONDS, "the house's address", self)
        self.engine = engine(self.environment["HOLDFAST_DATABASE_URL"], pool_size=2)
        with aws(self.environment):
            client = s3_client(endpoint_url=self.environment["HOLDFAST_S3_ENDPOINT_URL"], region="us-east-1")
        self.vault = Vault(client, self.environment["HOLDFAST_S3_BUCKET"])

    def _address(self) -> str | None:
        for line in self.log.read_text().splitlines():
            if line.startswith("Holdfast is at "):
                return line.split()[3]
        return None

    def enrol_amy(self) -> None:
        """Open a case with one person, known by a number and an address."""
        contacts = [Contact(ContactKind.PHONE, PHONE), Contact(ContactKind.EMAIL, ADDRESS)]
        self.enrol({"Amy Carter": contacts})

    def enrol(self, people: dict[str, list[Contact]]) -> None:
        """Open a case with these people, all of whom agreed to be answered."""
        with self.engine.begin() as connection:
            add_account(connection, "officer@example.org", "officer", at=now(), actor="cli:tests")
            officer = account_by_email(connection, "officer@example.org")
            opened = open_case(connection, CASE, officer=officer.id, title=None, at=now(), actor="cli:tests")
            agreed = SafeContact(ReplyStyle.DISCREET)
            for name, contacts in people.items():
                enrol(connection, opened.id, name=name, contacts=contacts, safe_contact=agreed, at=now(), actor="t")

    def child(self, name: str) -> dict:
        """What the supervisor recorded of one child."""
        children = json.loads((self.home / "state" / "children.json").read_text())["children"]
        return next(child for child in children if child["name"] == name)

    def pid(self, name: str) -> int:
        """The process number of one child, dead or alive."""
        return self.child(name)["pid"]

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to one child; its number."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def is_well(self, name: str) -> bool:
        """Whether a child runs that the supervisor knows."""
        child = self.child(name)
        return start_ticks(child["pid"]) == child["start_ticks"]

    def command(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run one command of `holdfast`, against this house unless told otherwise."""
        inherited = {name: os.environ[name] for name in CLEAN if name in os.environ}
        inherited["HOLDFAST_HOME"] = str(self.home)
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=inherited,
            timeout=600,
        )

    def close(self) -> None:
        """Leave no connection of ours behind."""
        self.engine.dispose()
        self.vault.client.close()


def family(pid: int) -> list[int]:
    """A process and each one below it; the eldest first."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def wait_for(look, seconds, what, house=None):
    """Whatever `look` finds first, tried for so long."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        found = look()
        if found:
            return found
        if house is not None and house.process.poll() is not None:
            raise AssertionError(f"the house ended: {house.log.read_text()}")
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds} s for {what}")


def left_behind(home: Path) -> list[int]:
    """Processes that were started for this home and live."""
    name = f"HOLDFAST_HOME={home}".encode()
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if name in environ.read_bytes().split(b"\0"):
                found.append(int(environ.parent.name))
    return found


@contextmanager
def running_house(folder: Path, *, home: Path | None = None, command=UP, settings=None):
    """A house of its own, started by `holdfast up` (or another command) and ended in order; it leaves nobody behind."""
    inherited = {name: os.environ[name] for name in CLEAN if name in os.environ}
    quick = {"HOLDFAST_REPLY_BURST_SECONDS": "2", "HOLDFAST_SWEEP_EVERY_SECONDS": "2"}
    home = home or folder / "home"
    with (folder / "up.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--home", str(home)],
            env=inherited | quick | (settings or {}),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        house = House(home, process, folder / "up.log")
        yield house
        house.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
    wait_for(lambda: not left_behind(home), STOP_SECONDS, "every process of the house to be gone")
