"""What the web process writes down: it is started as anybody starts it, visited, and its whole output is read."""

import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from gunicorn.config import Config

from cli.web_log import WebLog
from services.ports import LOOPBACK, is_free
from web import guide
from web.components import ROOT

CALLER = "127.0.0.77"
FORWARDED_FOR = "203.0.113.99"
TOKEN = secrets.token_urlsafe(32)
STOP_SECONDS = 60
START_SECONDS = 120
ANSWER_SECONDS = 60


@pytest.fixture
def web(installation, tmp_path):
    """A running `holdfast web`, its port, and the file all of its output goes to."""
    port = next(port for port in iter(lambda: 15_000 + secrets.randbelow(17_000), None) if is_free(port))
    environ = installation.environ | {
        "PATH": os.environ["PATH"],
        "HOLDFAST_BIND": f"{LOOPBACK}:{port}",
        "HOLDFAST_PUBLIC_URL": "http://help.example.org",
        "HOLDFAST_PROXIES": "1",
    }
    written = tmp_path / "web.log"
    with written.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "web"], cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until_it_answers(port, process, written)
        yield process, port, written
    finally:
        stop(process)


def wait_until_it_answers(port, process, written) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            visit(port, "GET", "/")
            return
        assert process.poll() is None, written.read_text()
        assert time.monotonic() < give_up_at, written.read_text()
        time.sleep(0.2)


def stop(process) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)


def visit(port, method, path, body=None):
    """Ask as a browser behind our proxy does, from an address that only we have."""
    headers = {"X-Forwarded-For": FORWARDED_FOR, "Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_SECONDS, source_address=(CALLER, 0))
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def send(port, request: bytes) -> bytes:
    with socket.create_connection((LOOPBACK, port), ANSWER_SECONDS, source_address=(CALLER, 0)) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            return connection.recv(4096)
    return b""


def test_neither_who_called_nor_what_was_read_is_written_down(web):
    process, port, written = web
    for page in guide.PAGES:
        assert visit(port, "GET", page.path).status == 200
    assert visit(port, "POST", guide.RISK.path, "q1=yes&q7=no").status == 200
    assert visit(port, "POST", guide.RISK_STEP.path, "at=3&q3=yes").status == 200
    assert visit(port, "POST", guide.RISK.path, "q1=" + "x" * 10_000).status == 413
    for kind in ("diary", "upload"):
        for path in (f"/{kind}/{TOKEN}", f"/{kind}/s/{TOKEN}", f"/{kind}/{TOKEN}/{TOKEN}?t={TOKEN}"):
            assert visit(port, "GET", path).status == 404
        assert visit(port, "POST", f"/{kind}/s/{TOKEN}", f"what={TOKEN}").status in {404, 405}
        # None of these is a request as the protocol has it.
        for broken in (b"GET /%s/%s\r\n\r\n", b"GET /%s/%s HTTP/1.1\r\nA b: c\r\n\r\n", b"G;T /%s/%s HTTP/1.1\r\n\r\n"):
            assert b" 400 " in send(port, broken % (kind.encode(), TOKEN.encode()))
        assert b" 414 " in send(port, b"GET /%s/%s HTTP/1.1\r\n\r\n" % (kind.encode(), TOKEN.encode() * 200))
    stop(process)
    text = written.read_text()
    assert '"event": "web.request_refused"' in text, "the server wrote down what this test did not read"
    for unwanted in (
        CALLER,
        FORWARDED_FOR,
        TOKEN,
        "/diary",
        "/upload",
        "/help",
        "/are-you-at-risk",
        "q1",
        "help.example",
    ):
        assert unwanted not in text
    assert not any(urlsplit(page.path).path in text for page in guide.PAGES if len(page.path) > 1)


def test_a_request_that_broke_our_application_is_counted_without_its_address(capfd):
    logger = WebLog(Config())
    try:
        int(TOKEN, 1)
    except ValueError:
        logger.exception("Error handling request %s %s", "GET", f"/diary/{TOKEN}")
    logger.error("Something new of %s", TOKEN)
    logger.warning("Invalid request from ip=%s", CALLER)
    logger.access(None, None, {"REMOTE_ADDR": CALLER}, None)
    logger.error("Worker (pid:%s) was sent %s!", 7, "SIGKILL")
    found = capfd.readouterr()
    said = found.out + found.err
    assert TOKEN not in said
    assert CALLER not in said
    assert said.count("web.request_failed") == 2
    assert "ValueError" in said
    assert "Worker (pid:7) was sent SIGKILL!" in said
