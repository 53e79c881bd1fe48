"""`holdfast import` of an SMS backup, its messages archived and read, against bare locked puts of small objects.

Once with all messages and once with a tenth of them: the command's memory must not grow with the file. One message in a
thousand is a picture message of 100 kB, one in fifty a call.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from archive.case import open_case
from archive.database import engine
from benchmarks import peak
from benchmarks.accession import bare_puts
from benchmarks.result import Result
from cli.composition import now
from cli.local import aws, house_environment, prepare
from services.embedded import embedded
from web.accounts import account_by_email, add_account

MESSAGES = 100_000
TENTH = 10
BARE_PUTS = 1_000
MESSAGE_BYTES = 250
PICTURE_BYTES = 75_000
ANY_RATE, SAME_MEMORY = 0.0, 0.8
MEGABYTE = 1_000_000
CASE = "42/1234/26"
ROOT = Path(__file__).resolve().parents[1]


def run(folder: Path, messages: int = MESSAGES) -> list[Result]:
    """Messages per second, and the peak of memory with a tenth of them over that with all."""
    few = max(messages // TENTH, 1)
    with embedded(folder / "home", only=["postgres", "seaweedfs"], environ={}) as parts:
        environment = house_environment(parts, None, {}) | {"HOLDFAST_WITNESS_URLS": ""}
        with aws(environment):
            prepare(environment)
            _open_a_case(environment)
            before = bare_puts(environment, MESSAGE_BYTES, BARE_PUTS)
            least, _ = _imported(folder / "few.xml", few, environment)
            most, seconds = _imported(folder / "all.xml", messages, environment)
            after = bare_puts(environment, MESSAGE_BYTES, BARE_PUTS)
    told = {"messages": messages, "minutes": f"{seconds / 60:.1f}", "peak MB": f"{most / MEGABYTE:.0f}"}
    beside = {f"peak MB at {few} messages": f"{least / MEGABYTE:.0f}"}
    return [
        Result("backup: messages archived and read", ANY_RATE, [messages / seconds], [before, after], told | beside),
        Result(f"backup: memory for {few} messages over that for {messages}", SAME_MEMORY, [least], [most]),
    ]


def write_backup(path: Path, messages: int) -> None:
    """A backup as SMS Backup & Restore writes one, in constant memory."""
    start = 1_600_000_000_000
    with path.open("w", encoding="utf-8") as file:
        file.write("<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n")
        file.write(f'<smses count="{messages}" backup_set="1" backup_date="{start}" type="full">\n')
        for number in range(messages):
            file.write(_record(number, start + number * 60_000) + "\n")
        file.write("</smses>\n")


def _record(number: int, at: int) -> str:
    if number % 1_000 == 0:
        picture = base64.b64encode(os.urandom(PICTURE_BYTES)).decode()
        parts = f'<parts><part seq="0" ct="image/png" name="a.png" text="null" data="{picture}" /></parts>'
        return f'<mms date="{at}" msg_box="1" address="+447700900123" sub="null">{parts}</mms>'
    if number % 50 == 0:
        return f'<call number="+447700900123" duration="0" date="{at}" type="3" presentation="1" />'
    body = f"I know where you are, number {number} &#55357;&#56384;"
    rest = 'toa="null" sc_toa="null" service_center="null" read="1" status="-1" locked="0" contact_name="Dan"'
    return f'<sms protocol="0" address="+447700900123" date="{at}" type="1" subject="null" body="{body}" {rest} />'


def _open_a_case(environment: dict[str, str]) -> None:
    database = engine(environment["HOLDFAST_DATABASE_URL"], pool_size=1)
    with database.begin() as connection:
        add_account(connection, "officer@force.example", "officer", at=now(), actor="cli:bench")
        officer = account_by_email(connection, "officer@force.example")
        open_case(connection, CASE, officer=officer.id, title=None, at=now(), actor="cli:bench")
    database.dispose()


def _imported(path: Path, messages: int, environment: dict[str, str]) -> tuple[int, float]:
    """Peak of memory in bytes, and seconds, of one import by the command itself.

    Raises:
        RuntimeError: it did not take every message.
    """
    write_backup(path, messages)
    command = [sys.executable, str(peak.__file__), "-m", "cli", "import", str(path), "--case", CASE, "--json"]
    begun = time.perf_counter()
    done = subprocess.run(
        command,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - begun
    path.unlink()
    if done.returncode or json.loads(done.stdout)["archived"] != messages + 1:
        raise RuntimeError(done.stderr[-2_000:] or done.stdout[:2_000])
    return int(done.stderr.rpartition("peak ")[2]), seconds
