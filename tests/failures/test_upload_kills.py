"""Promises 1 and 2: a large file, its web process and its worker killed half-way, ends in the vault byte for byte.

`HOLDFAST_TEST_UPLOAD_MIB` sets its size: 256 MiB unless told otherwise, 1 GiB by `make soak`.
"""

import hashlib
import os
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import func, select, text

from archive.accession import LARGE_LOCK
from archive.contributor import enrolled_as
from archive.link import LinkKind, Terms, issue
from archive.tables import acquisition, exhibit, upload, upload_piece
from cli.composition import now
from tests.failures.house import HEAL_SECONDS, PHONE, running_house, wait_for

pytestmark = pytest.mark.timeout(900)

MIB = 1024 * 1024
SIZE = int(os.environ.get("HOLDFAST_TEST_UPLOAD_MIB", "256")) * MIB
CHUNK = 16 * MIB
# What a process has when it has started, and some pieces of 4 MiB: never the file, whatever its size.
MOST_RESIDENT = 256 * MIB
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture
def house():
    folder = Path(tempfile.mkdtemp(prefix="holdfast-uploads-"))
    folder.chmod(0o711)
    with running_house(folder) as running:
        running.enrol_amy()
        yield running


def block(start):
    """One MiB of the file: all are different, so that a piece at the wrong place is seen."""
    return hashlib.sha256(start.to_bytes(8, "big")).digest() * (MIB // 32)


def part(start, end):
    for at in range(start, end):
        yield block(at)


class Watch:
    """The memory of some processes and their children: the most that any one of them had, in bytes."""

    def __init__(self, house, names):
        self._house, self._names = house, names
        self.most = dict.fromkeys(names, 0)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def _look(self):
        while not self._done.wait(0.2):
            for name in self._names:
                try:
                    pid = self._house.pid(name)
                except (OSError, StopIteration, ValueError):
                    continue  # being started again
                self.most[name] = max([self.most[name], *family(pid)])


def family(pid):
    """The resident memory of a process and of each one below it, in bytes."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        children = [
            int(each)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for each in (task / "children").read_text().split()
        ]
    except OSError:
        return
    line = next((line for line in status.splitlines() if line.startswith("VmRSS")), None)
    if line:
        yield int(line.split()[1]) * 1024
    for child in children:
        yield from family(child)


class Phone:
    """A program that sends one file by an upload link, and goes on wherever it stopped."""

    def __init__(self, house):
        self.house = house
        with house.engine.begin() as connection:
            (amy,) = enrolled_as(connection, PHONE)
            _, token = issue(
                connection, amy, Terms(LinkKind.UPLOAD, now() + timedelta(days=1)), at=now(), actor="cli:tests"
            )
        answer = requests.get(f"{house.url}/upload/{token}", allow_redirects=False, timeout=30)
        self.visit = house.url + answer.headers["Location"]
        headers = {**TUS, "Upload-Length": str(SIZE), "Upload-Metadata": "filename dmlkZW8ubXA0,filetype dmlkZW8vbXA0"}
        made = requests.post(f"{self.visit}/files", headers=headers, timeout=30)
        assert made.status_code == 201, made.text
        self.file = house.url + made.headers["Location"]

    def offset(self):
        try:
            answer = requests.head(self.file, headers=TUS, timeout=60)
        except requests.RequestException:
            return None
        return int(answer.headers["Upload-Offset"]) if answer.status_code == 200 else None

    def send(self, until=SIZE):
        """Send the file from where it stands; a connection that breaks is begun anew."""
        give_up_at = time.monotonic() + 400
        while (at := self.offset()) is None or at < until:
            assert time.monotonic() < give_up_at, f"it stands at {at}"
            if at is None:
                time.sleep(0.3)
                continue
            end = min(at + CHUNK, SIZE)
            body = b"".join(part(at // MIB, -(-end // MIB)))[at % MIB :][: end - at]
            headers = {**TUS, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
            try:
                requests.patch(self.file, data=body, headers=headers, timeout=120)
            except requests.RequestException:
                time.sleep(0.3)

    def is_here(self):
        with self.house.engine.connect() as connection:
            return connection.execute(select(exhibit)).first()


def test_a_large_file_is_killed_resumed_and_kept_byte_for_byte_in_constant_memory(house):
    expected = hashlib.sha256()
    for one in part(0, SIZE // MIB):
        expected.update(one)
    began = time.monotonic()
    with Watch(house, ("web", "worker")) as watch:
        phone = Phone(house)
        sending = threading.Thread(target=phone.send)
        sending.start()
        wait_for(lambda: (phone.offset() or 0) > SIZE // 3, 300, "a third of the file")
        killed = house.kill("web")
        wait_for(lambda: house.pid("web") != killed, HEAL_SECONDS, "the web process to be started again")
        sending.join()
        received = time.monotonic()
        # While it goes to the vault the worker dies too; the next one begins anew.
        wait_for(lambda: is_moving(house) or phone.is_here(), HEAL_SECONDS, "a worker to take it")
        house.kill("worker")
        held = wait_for(phone.is_here, 400, "the file to be in the vault")
        archived = time.monotonic()
    with house.engine.connect() as connection:
        row = connection.execute(select(acquisition)).one()
        assert connection.execute(select(func.count()).select_from(upload_piece)).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(upload)).scalar_one() == 1
    assert (row.size_bytes, row.sha256) == (SIZE, expected.hexdigest())
    assert house.vault.digest(held.vault_key, held.vault_version) == expected.hexdigest()
    assert watch.most["web"] < MOST_RESIDENT, watch.most
    assert watch.most["worker"] < MOST_RESIDENT, watch.most
    print(
        f"{SIZE // MIB} MiB: received in {received - began:.1f} s, in the vault {archived - received:.1f} s later; "
        + ", ".join(f"{name} had at most {most / MIB:.0f} MiB" for name, most in watch.most.items())
    )


def is_moving(house):
    """Whether a worker holds the lock under which it moves a large item."""
    query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key")
    with house.engine.connect() as connection:
        return connection.execute(query, {"key": LARGE_LOCK}).scalar_one() > 0
