"""docker-compose.yml: what a machine without Docker can hold it to."""

import re
import subprocess
import sys

import click
import pytest

from cli.main import main
from settings import Settings
from tests.compose.installation import FILE, OURS, ROOT, compose, names_of

SERVICES = compose()["services"]
SETTINGS = {
    about["name"]: about["secret"] for about in (each.metadata for each in Settings.__dataclass_fields__.values())
}


def test_the_file_follows_the_compose_specification():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", OURS)
def test_each_process_is_a_command_of_holdfast(name):
    command = main.get_command(click.Context(main), SERVICES[name]["command"][0])
    assert command is not None
    assert SERVICES[name]["command"] == [name]


def test_every_process_there_is_has_its_service():
    from cli import processes

    commands = {each.name for each in vars(processes).values() if isinstance(each, click.Command)}
    assert commands <= set(SERVICES)


@pytest.mark.parametrize("name", OURS)
def test_each_setting_used_exists_and_its_file_is_mounted(name):
    service = SERVICES[name]
    for variable, value in service["environment"].items():
        if variable.startswith("HOLDFAST_") and variable not in SETTINGS:
            assert SETTINGS[variable.removesuffix("_FILE")], f"{variable} is the file of no secret setting"
        if value.startswith("/run/secrets/"):
            assert value.removeprefix("/run/secrets/") in names_of(service["secrets"])
    used = {value.removeprefix("/run/secrets/") for value in service["environment"].values()}
    assert names_of(service["secrets"]) <= used, "a secret is mounted that nothing reads"


def test_the_example_names_settings_that_exist_and_are_no_secrets():
    text = (ROOT / "docker" / "holdfast.env.example").read_text(encoding="utf-8")
    named = re.findall(r"^(\w+)=", text, re.MULTILINE)
    assert named
    assert {name: SETTINGS.get(name, "unknown") for name in named} == dict.fromkeys(named, False)


def test_no_value_looks_like_a_secret():
    """No secret in the file: no long random word, no password in an address, no key of a password with a value."""
    text = FILE.read_text(encoding="utf-8")
    assert not re.search(r"://[^/\s]*:[^/\s]*@", text)
    assert not re.search(r"(?=[a-zA-Z+]*\d)[A-Za-z0-9+]{20,}", text)
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|KEY|URL", variable):
                assert value.startswith("/") or value == "http://seaweedfs:8333", f"{name}: {variable}"


def test_secrets_are_files_that_make_secrets_makes():
    source = (ROOT / "docker" / "make-secrets").read_text(encoding="utf-8")
    for name, secret in compose()["secrets"].items():
        assert list(secret) == ["file"]
        made = secret["file"].removeprefix("./secrets/")
        stems = {made, made.removesuffix("-url"), re.sub(r"^seaweedfs-(ca|peer)", r"\1", made)}
        assert any(f'"{stem}"' in source for stem in stems), name


def test_the_sequencer_alone_holds_the_signing_key():
    """Promise 4: who can sign is one process, in a network without a way out."""
    holders = [name for name, service in SERVICES.items() if "signing-key" in names_of(service.get("secrets", []))]
    assert holders == ["sequencer"]
    assert SERVICES["sequencer"]["networks"] == ["inside"]
    assert compose()["networks"]["inside"] == {"internal": True}


def test_each_login_of_the_database_is_held_by_whom_it_is_for():
    held = {name: names_of(service.get("secrets", [])) for name, service in SERVICES.items()}
    assert {name for name in held if "database-owner-url" in held[name]} == {"migrate"}
    assert {name for name in held if "database-sequencer-url" in held[name]} == {"sequencer"}
    assert {name for name in held if "database-superuser" in held[name]} == {"postgres"}
    assert "database-app-url" not in held["sequencer"]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_runs_with_more_than_it_needs(name):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    if name == "seaweedfs-folder":
        # Root for one chown, without a network.
        assert (service["cap_add"], service["network_mode"]) == (["CHOWN"], "none")
    else:
        assert int(service["user"].partition(":")[0]) >= 999
        assert "cap_add" not in service


def test_only_pages_are_published_and_only_to_this_host():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8080:8080"]}


def test_the_vault_faces_only_those_that_use_it():
    on_it = {name for name, service in SERVICES.items() if "vault" in service.get("networks", [])}
    assert on_it == {"web", "worker", "doctor", "seaweedfs"}
    assert compose()["networks"]["vault"] == {"internal": True}


@pytest.mark.parametrize("name", [name for name in SERVICES if SERVICES[name]["restart"] == "unless-stopped"])
def test_whatever_stays_up_says_how_it_is(name):
    assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


def test_whatever_is_waited_for_can_come_about():
    for name, service in SERVICES.items():
        for other, asked in service.get("depends_on", {}).items():
            once = SERVICES[other]["restart"] != "unless-stopped"
            expected = "service_completed_successfully" if once else "service_healthy"
            assert asked["condition"] == expected, f"{name} waits for {other}"


def test_every_volume_and_secret_is_used():
    document = compose()
    mounted = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert mounted == set(document["volumes"])
    asked = set().union(*(names_of(service.get("secrets", [])) for service in SERVICES.values()))
    assert asked == set(document["secrets"])
