"""The vault as compose runs it: the very command, the very files; it keeps what it is given and opens no other door."""

import configparser
import os
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
import requests

from archive.vault import Vault, s3_client
from archive.worm import self_test
from cli import composition
from services.embedded import embedded
from services.ports import LOOPBACK, Ports
from services.process import Process
from tests.compose.installation import compose, make_secrets

# Where the S3 door listens here: another address of this machine, as the network `vault` is another than loopback.
OUTSIDE = "127.0.0.2"
DOORS = {"master": "weed-master", "volume": "weed-volume", "filer": "weed-filer", "s3": "weed-s3"}


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    """SeaweedFS, started as docker-compose.yml says; its environment and its ports."""
    folder = tmp_path_factory.mktemp("composed")
    made = make_secrets(folder / "secrets")
    (folder / "data").mkdir()
    config = folder / "data" / "security.toml"
    config.write_text(made["seaweedfs-security.toml"].replace("/run/secrets/", f"{folder}/secrets/"))
    with embedded(folder / "home", only=[], environ={}) as parts:
        ports = {door: Ports(parts.home)[name] for door, name in DOORS.items()}
        grpc = {door: Ports(parts.home)[f"{name}-grpc"] for door, name in DOORS.items()}
        parts.supervisor.start([_as_composed(folder, ports, grpc)])
        yield folder, ports, grpc


def _as_composed(folder: Path, ports: dict[str, int], grpc: dict[str, int]) -> Process:
    service = compose()["services"]["seaweedfs"]
    moved = {
        "-dir=/data": "-dir=.",
        "-s3.ip.bind=0.0.0.0": f"-s3.ip.bind={OUTSIDE}",
        "-s3.port=8333": f"-s3.port={ports['s3']}",
        "-s3.config=/run/secrets/seaweedfs-identities.json": f"-s3.config={folder}/secrets/seaweedfs-identities.json",
    }
    flags = [moved.get(flag, flag) for flag in service["command"]]
    assert not set(moved) & set(flags)
    # The container has ports and sockets of its own; this machine is shared.
    flags += [f"-{door}.port={port}" for door, port in ports.items() if door != "s3"]
    flags += [f"-{door}.port.grpc={port}" for door, port in grpc.items()]
    flags += ["-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"]
    weed = str(Path(sys.executable).with_name("weed"))
    command = (weed, *service["entrypoint"][1:], *flags)
    environment = {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder)}

    def ready() -> bool:
        try:
            return requests.get(f"http://{OUTSIDE}:{ports['s3']}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    return Process("seaweedfs-as-composed", command, environment, cwd=folder / "data", ready=ready)


def vault_of(folder: Path, port: int, monkeypatch) -> Vault:
    credentials = configparser.ConfigParser()
    credentials.read(folder / "secrets" / "aws-credentials")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "secrets" / "aws-credentials"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    boto3.DEFAULT_SESSION = None
    region = compose()["services"]["worker"]["environment"]["AWS_DEFAULT_REGION"]
    return Vault(s3_client(endpoint_url=f"http://{OUTSIDE}:{port}", region=region), "holdfast-vault")


def test_it_refuses_every_forbidden_act(composed, monkeypatch):
    folder, ports, _ = composed
    vault = vault_of(folder, ports["s3"], monkeypatch)
    trials = self_test(vault, now=composition.now())
    vault.client.close()
    assert [trial for trial in trials if not trial.refused] == []


def test_only_the_s3_doors_face_the_network(composed):
    _, ports, grpc = composed
    for door in DOORS:
        for port in (ports[door], grpc[door]):
            with socket.socket() as knock:
                knock.settimeout(2)
                assert (knock.connect_ex((OUTSIDE, port)) == 0) == (door == "s3"), door


def test_the_s3_administrators_door_wants_the_certificate(composed):
    """Without it the connection comes about and says nothing: mutual TLS."""
    _, _, grpc = composed
    with socket.create_connection((OUTSIDE, grpc["s3"]), timeout=5) as knock:
        # HTTP/2's preface in the clear: a server without TLS would answer with its settings frame.
        knock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))
        try:
            answer = knock.recv(9)
        except ConnectionResetError:
            answer = b""
    assert answer[3:4] != b"\x04"


def test_puts_are_made_durable_by_the_very_words_of_the_compose_file(composed):
    folder, ports, grpc = composed
    (script,) = compose()["services"]["seaweedfs-durable"]["command"]
    moved = {
        "/usr/bin/weed": str(Path(sys.executable).with_name("weed")),
        f"-master={LOOPBACK}:9333": f"-master={LOOPBACK}:{ports['master']}.{grpc['master']}",
        f"-filer={LOOPBACK}:8888": f"-filer={LOOPBACK}:{ports['filer']}.{grpc['filer']}",
    }
    for words, ours in moved.items():
        assert words in script
        script = script.replace(words, ours)
    environment = {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder)}
    where = {"cwd": folder / "data", "env": environment, "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run(["/bin/sh", "-c", script], check=False, **where)
    assert done.returncode == 0, done.stderr
    asked = script.replace("fs.configure -locationPrefix=/buckets/ -fsync -apply", "fs.configure")
    shown = subprocess.run(["/bin/sh", "-c", asked], check=True, **where).stdout
    assert '"fsync":true' in "".join(shown.split())
