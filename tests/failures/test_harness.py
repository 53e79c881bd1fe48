"""The tools of soak runs do what they say: plans repeat, wires lose answers, the relay tells the weather, disks fill."""

import gc
import http.client
import random
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.failures.disk import UNLIMITED, CannotMountError, SmallDisk, set_ceiling
from tests.failures.lines import Line
from tests.failures.plan import DISK, LINES, PROCESSES, Act, deck, plan
from tests.failures.relay import Relay, Whim, whim_of
from tests.failures.traffic import Traffic, content_digest, mail


def test_a_seed_repeats_its_plan_and_another_has_another():
    assert plan(7, 60, 2.5) == plan(7, 60, 2.5)
    assert plan(7, 60, 2.5) != plan(8, 60, 2.5)
    assert [whim_of(7, f"text {n}", 1) for n in range(50)] == [whim_of(7, f"text {n}", 1) for n in range(50)]


@pytest.mark.parametrize("seed", range(20))
def test_even_a_short_plan_hurts_every_process_fills_the_disk_and_loses_answers(seed):
    blows = plan(seed, 45, 2.5)
    assert {blow.victim for blow in blows} >= {*PROCESSES, *LINES, DISK}
    assert {blow.act for blow in blows} >= {Act.KILL_CHILD, Act.FILL, Act.FAIL, Act.LOSE}
    assert [blow.at for blow in blows] == sorted(blow.at for blow in blows)
    assert max(blow.at for blow in blows) < 45


def test_a_long_plan_has_all_that_can_go_wrong():
    blows = plan(3, 600, 2.5)
    assert Counter((blow.act, blow.victim) for blow in blows).keys() == set(deck())


class Echo(BaseHTTPRequestHandler):
    """A door that counts what it took."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) < int(self.headers["Content-Length"]):
            return
        self.server.took.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture
def door():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.took = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def posted(port):
    """One request over a connection of its own; the status, or None where no answer came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/", b"hello")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def test_a_wire_carries_and_loses_the_answer_after_the_act(door):
    with Line(door.server_port) as line:
        assert posted(line.port) == 200
        line.lose(re.compile(rb"HTTP/1\.1 200"))
        assert posted(line.port) is None
        assert door.took == [b"hello", b"hello"]
        assert line.lost == 1
        assert posted(line.port) == 200
        line.lose(re.compile(rb"HTTP/1\.1 200"))
        line.calm()
        assert posted(line.port) == 200


def test_a_wire_that_is_cut_breaks_what_is_open_and_carries_again(door):
    with Line(door.server_port) as line:
        open_ = http.client.HTTPConnection("127.0.0.1", line.port, timeout=10)
        open_.request("POST", "/", b"one")
        assert open_.getresponse().read() == b"ok"
        assert line.cut() == 1
        open_.auto_open = 0
        with pytest.raises((OSError, http.client.HTTPException)):
            open_.request("POST", "/", b"two")
            open_.getresponse()
        open_.close()
        assert posted(line.port) == 200


def test_a_wire_to_nobody_hangs_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    with Line(free) as line:
        assert posted(line.port) is None


@pytest.mark.parametrize(
    ("whim", "took", "answered"),
    [
        (Whim.PASSED, 1, True),
        (Whim.LATE, 1, True),
        (Whim.TWICE, 2, True),
        (Whim.AGAIN, 2, True),
        (Whim.ANSWER_LOST, 1, False),
        (Whim.LOST, 0, False),
        (Whim.CUT, 0, False),
    ],
)
def test_the_relay_does_to_a_webhook_what_its_whim_says_and_knows_what_was_accepted(door, whim, took, answered):
    seed = next(seed for seed in range(10_000) if whim_of(seed, "hello", 1)[0] is whim)
    with Relay(seed) as relay:
        relay.target = ("127.0.0.1", door.server_port)
        relay.stormy = True
        heard = None
        with suppress(requests.RequestException):
            heard = requests.post(
                f"{relay.url}/intake/sms", data={"MessageSid": "SM1", "Body": "hello"}, timeout=20
            ).status_code
        relay.calm()
        assert len(door.took) == took
        assert heard == (200 if answered else None)
        assert list(relay.thanked) == (["SM1"] if took else [])
        assert set(relay.thanked.values()) <= set(door.took)


WRITER = """
import sys, time
file = open(sys.argv[1], "wb", buffering=0)
for line in sys.stdin:
    try:
        file.write(b"x" * 4096)
        print("wrote", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""


@pytest.fixture
def writer(tmp_path):
    """A process that writes a page when asked to, and says how that went."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "file")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask():
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    yield process.pid, ask
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


def test_a_ceiling_keeps_a_running_process_from_writing_until_it_is_lifted(writer):
    pid, ask = writer
    assert ask() == "wrote"
    set_ceiling(pid, 0)
    assert ask() == "File too large"
    set_ceiling(pid, UNLIMITED)
    assert ask() == "wrote"


def test_a_small_disk_is_full_when_told_or_cannot_be_mounted_and_says_so(tmp_path):
    try:
        disk = SmallDisk(tmp_path / "disk", 4)
    except CannotMountError:
        return  # then runs go by the ceiling, tested above
    with disk:
        (disk.folder / "before").write_bytes(b"x" * 100_000)
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "during").write_bytes(b"x" * 100_000)
        disk.free()
        (disk.folder / "after").write_bytes(b"x" * 100_000)


def test_a_mail_is_known_again_under_what_its_server_wrote_above_it():
    raw = mail(random.Random(1), "amy@example.org", "1.1")
    assert b"\r\n" in raw
    assert content_digest(b"Return-Path: <amy@example.org>\r\nReceived: from x\r\n" + raw) == content_digest(raw)
    assert content_digest(raw[:-1]) != content_digest(raw)


def test_a_plan_names_times_acts_and_victims_for_people():
    first = plan(1, 45, 2.5)[0]
    assert str(first).strip().split(" ")[0] == f"{first.at:.1f}"
    assert first.victim in str(first)


def test_a_mailbox_that_dies_under_an_append_leaves_the_sender_in_doubt_and_no_socket_open():
    """imaplib's own `with` keeps its socket when the goodbye fails: a warning, in whichever test came next."""

    def serve():
        near, _ = listener.accept()
        with near, near.makefile("rb") as asked:
            near.sendall(b"* OK ready\r\n")
            for line in asked:
                tag, command = line.split()[:2]
                if command == b"APPEND":
                    return
                near.sendall(b"* CAPABILITY IMAP4rev1\r\n" * (command == b"CAPABILITY") + tag + b" OK done\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        traffic = Traffic({"HOLDFAST_IMAP_URL": f"imap://desk:word@127.0.0.1:{listener.getsockname()[1]}"}, seed=1)
        traffic._stop.set()
        traffic._append(random.Random(1), "amy@example.org", "1.0")
        server.join()
    gc.collect()
    assert (len(traffic.told.doubtful), traffic.told.mails) == (1, set())
