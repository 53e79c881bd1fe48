"""The parts as every other test meets them."""

from __future__ import annotations

import psycopg
import pytest
import redis

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
