"""The parts as every other test meets them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import psycopg
import pytest
import redis

from services.embedded import PARTS
from tests.conftest import Stack


def test_every_database_login_belongs_to_its_group_and_nobody_is_superuser(environment: dict[str, str]) -> None:
    url = environment["HOLDFAST_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT current_user, pg_has_role('holdfast_app', 'member'), pg_has_role('holdfast_sequencer', 'member'),"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        ).fetchone()
    assert row == ("holdfast_app_login", True, False, False)


def test_the_owner_makes_tables_and_the_app_cannot(environment: dict[str, str]) -> None:
    owner, app = (
        environment[name].replace("+psycopg", "") for name in ("HOLDFAST_DATABASE_OWNER_URL", "HOLDFAST_DATABASE_URL")
    )
    with psycopg.connect(owner) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    with psycopg.connect(app) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE mine (id int)")


def test_a_wrong_password_opens_no_door(environment: dict[str, str]) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(environment["HOLDFAST_BROKER_URL"].replace("redis://:", "redis://:x")).ping()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(environment["HOLDFAST_DATABASE_URL"].replace("+psycopg", "").replace("login:", "login:x"))


def test_two_tests_have_different_databases_and_buckets(stack: Stack) -> None:
    assert stack.fresh_database().app != stack.fresh_database().app
    assert stack.fresh_bucket() != stack.fresh_bucket()


def children_of(stack):
    state = json.loads((stack.parts.home.state / "children.json").read_text())
    return {child["name"]: child["pid"] for child in state["children"]}


def test_no_secret_is_on_a_command_line(stack):
    secrets = [path.read_bytes() for path in (stack.parts.home.path / "secrets").iterdir()]
    assert len(secrets) > 10
    for name, pid in children_of(stack).items():
        command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
        # The account's SID is a name, shown in every address of its API.
        shown = [
            secret
            for secret in secrets
            if secret in command_line and secret.decode() not in stack.parts.twilio.account_sid
        ]
        assert shown == [], name


def listening(pid):
    """The addresses a process listens on, as the kernel writes them (proc_pid_net(5)): 0100007F is 127.0.0.1."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            sockets.add(str(descriptor.readlink()))
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    return {line[1].split(":")[0] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets}


def test_nothing_listens_beyond_loopback(stack):
    heard = {name: listening(pid) for name, pid in children_of(stack).items()}
    assert heard == {name: {"0100007F"} for name in PARTS}
