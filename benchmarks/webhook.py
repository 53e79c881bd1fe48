"""The door for texts against a bare gunicorn and Flask endpoint: the same signature checked, one INSERT committed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from itertools import count
from pathlib import Path

from sqlalchemy import text

from archive.database import engine
from benchmarks.load import post_all, signed_texts
from benchmarks.result import Result, in_turns
from cli.local import aws, house_environment, house_processes, prepare
from services.embedded import embedded
from services.ports import free_port

TARGET = 0.8
TEXTS = 3000
CONNECTIONS = 8


def run(folder: Path) -> list[Result]:
    """Both behind gunicorn with the same processes and threads, on the same database server."""
    with embedded(folder / "home", environ={}) as parts:
        environment = house_environment(parts, free_port([]), {})
        with aws(environment):
            prepare(environment)
        parts.supervisor.start(house_processes(environment, only={"web", "sequencer"}))
        owner = engine(environment["HOLDFAST_DATABASE_OWNER_URL"], pool_size=1)
        with owner.begin() as connection:
            connection.execute(text("CREATE TABLE bare (sid text PRIMARY KEY, body bytea NOT NULL, at timestamptz)"))
            connection.execute(text("GRANT INSERT ON bare TO holdfast_app"))
        owner.dispose()
        bare_port = free_port([])
        bare = _bare(environment, bare_port)
        try:
            return [_measured(environment, f"http://127.0.0.1:{bare_port}")]
        finally:
            bare.send_signal(signal.SIGTERM)
            bare.wait(20)


def _bare(environment: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4"]
    command += ["--worker-class", "gthread", "--log-level", "warning", "--no-control-socket", "benchmarks.bare:app"]
    process = subprocess.Popen(command, env={**os.environ, **environment})
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
        except urllib.error.HTTPError:
            return process
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the bare endpoint did not start")


def _measured(environment: dict[str, str], bare_url: str) -> Result:
    numbers = count(step=TEXTS)
    latencies: dict[str, list[float]] = {"ours": [], "bare": []}
    account, token = environment["HOLDFAST_TWILIO_ACCOUNT_SID"], environment["HOLDFAST_TWILIO_AUTH_TOKEN"]
    public_url = environment["HOLDFAST_PUBLIC_URL"]

    def rate(url: str, who: str) -> float:
        requests = signed_texts(url, public_url, account, token, next(numbers), TEXTS, "+447700900001")
        seconds, times = post_all(url, requests, CONNECTIONS)
        latencies[who] = sorted(times)
        return TEXTS / seconds

    ours, baseline = in_turns(lambda: rate(public_url, "ours"), lambda: rate(bare_url, "bare"))
    p99 = {f"p99 {who} ms": round(times[int(len(times) * 0.99)] * 1000, 1) for who, times in latencies.items()}
    return Result("webhook: texts committed and thanked", TARGET, ours, baseline, p99)
