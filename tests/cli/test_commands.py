"""The commands of the contract, as a person types them; each act on a case is a custody entry by `cli:<user>`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from archive.case import case_of
from archive.custody import SYSTEM, Action, case_stream
from archive.ledger import entries_of
from archive.worm import Trial
from cli.main import main
from tests.sequencing import sequencing

CORPUS = Path(__file__).parent.parent / "reading" / "corpora" / "mail"


@pytest.fixture
def a_case(holdfast):
    holdfast("user", "add", "officer@example.org", "--role", "officer")
    holdfast("case", "open", "42/1234/26", "--officer", "officer@example.org")
    holdfast("contributor", "enrol", "42/1234/26", "--name", "Amy Carter", "--phone", "07700 900001")
    return "42/1234/26"


def test_an_account_gets_a_one_time_password_once(holdfast):
    made = json.loads(holdfast("user", "add", "officer@example.org", "--role", "officer", "--json"))
    assert made["email"] == "officer@example.org"
    assert len(made["password"]) >= 12
    holdfast("user", "add", "officer@example.org", "--role", "officer", code=1)


def test_a_case_is_opened_once_under_its_reference(holdfast, a_case):
    assert "officer" in holdfast("user", "add", "second.officer@example.org", "--role", "officer")
    holdfast("case", "open", "42-1234-26", "--officer", "officer@example.org", code=1)
    holdfast("case", "open", "42/9/26", "--officer", "nobody@example.org", code=1)


@pytest.mark.parametrize(
    "wrong",
    [("--phone", "not a number"), ("--email", "not an address"), (), ("--phone", "07700900002", "--quiet", "late")],
)
def test_enrolling_somebody_who_could_not_be_recognised_is_refused(holdfast, a_case, wrong):
    holdfast("contributor", "enrol", a_case, "--name", "Beth", *wrong, code=2)


def test_mails_of_all_kinds_are_imported_whole_and_shown_on_the_timeline(holdfast, installation, a_case):
    files = sorted((CORPUS / "cpython").glob("*.txt"))[:12]
    folder = Path(installation.environ["HOLDFAST_CHECKPOINT_FILE"]).parent / "mails"
    folder.mkdir()
    for file in files:
        (folder / f"{file.stem}.eml").write_bytes(file.read_bytes())
    told = json.loads(holdfast("import", folder, "--case", a_case, "--from", "amy carter", "--json"))
    assert told["archived"] == len(files)
    assert {each["refused"] for each in told["files"]} == {None}
    again = json.loads(holdfast("import", folder, "--case", a_case, "--from", "Amy Carter", "--json"))
    assert again["archived"] == 0
    events = json.loads(holdfast("timeline", a_case, "--format", "json"))["events"]
    assert len(events) == len(files)
    assert {event["exhibit"]["reference"] for event in events} == {f"AC/{n}" for n in range(1, len(files) + 1)}
    assert {event["contributor"] for event in events} == {"Amy Carter"}
    assert holdfast("timeline", a_case, "--format", "csv").startswith("\ufeff")


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_taken(holdfast, a_case, tmp_path):
    good = tmp_path / "good.eml"
    good.write_bytes(b"From: a@example.org\r\nSubject: x\r\n\r\nhello\r\n")
    told = json.loads(holdfast("import", good, tmp_path / "absent.eml", "--case", a_case, "--json", code=1))
    assert told["archived"] == 1
    assert [each["refused"] is None for each in told["files"]] == [True, False]


def test_an_import_for_somebody_not_enrolled_says_who_is(holdfast, a_case, tmp_path):
    file = tmp_path / "good.eml"
    file.write_bytes(b"From: a@example.org\r\n\r\nhello\r\n")
    holdfast("import", file, "--case", a_case, "--from", "Nobody", code=1)
    holdfast("import", file, "--case", "99/9/99", code=1)


def test_a_case_leaves_as_a_package_that_the_verify_command_accepts(holdfast, installation, a_case, tmp_path):
    file = tmp_path / "good.eml"
    file.write_bytes(b"From: a@example.org\r\nSubject: x\r\n\r\nhello\r\n")
    holdfast("import", file, "--case", a_case)
    policy, out = tmp_path / "policy", tmp_path / "case.zip"
    policy.write_text(f"log {installation.sequencer.key.verifier.encode()}\nquorum none\n")
    installation.sequencer.announce()
    with sequencing(installation):
        told = json.loads(holdfast("package", a_case, "-o", out, "--json"))
    assert out.stat().st_size == told["size_bytes"]
    assert json.loads(holdfast("verify", out, "--policy", policy, "--json"))["state"] == "verified"
    holdfast("verify", out, code=1)
    holdfast("verify", out, "--policy", policy, "--require-timestamps", "1", code=1)
    holdfast("verify", tmp_path / "absent.zip", "--policy", policy, code=2)
    whole = bytearray(out.read_bytes())
    whole[len(whole) // 2] ^= 1
    out.write_bytes(whole)
    holdfast("verify", out, "--policy", policy, code=1)


def test_what_commands_do_to_a_case_is_in_the_ledger_under_the_users_name(holdfast, installation, a_case):
    holdfast("timeline", a_case)
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        streams = [case_stream(case_of(connection, a_case).id), SYSTEM]
        entries = [entry.facts() for entry in entries_of(connection, streams)]
    by_cli = [entry["action"] for entry in entries if entry["actor"].startswith("cli:")]
    assert by_cli == [
        Action.ACCOUNT_ADDED,
        Action.CASE_OPENED,
        Action.CONTRIBUTOR_ENROLLED,
        Action.ALIAS_GIVEN,
        Action.CASE_EXPORTED,
    ]


def test_the_doctor_finds_a_whole_installation_well_and_prints_the_vaults_answers(holdfast):
    told = json.loads(holdfast("doctor", "--json"))
    assert told["faults"] == 0
    assert {trial["refused"] for trial in told["vault"]} == {True}
    assert len(told["vault"]) >= 12


def test_the_doctor_names_a_login_that_could_rewrite_the_ledger(installation):
    environ = installation.environ | {"HOLDFAST_DATABASE_URL": installation.environ["HOLDFAST_DATABASE_OWNER_URL"]}
    result = CliRunner().invoke(main, ["doctor", "--json"], env=environ)
    assert result.exit_code == 1
    faults = [each["what"] for each in json.loads(result.stdout)["findings"] if each["fault"]]
    assert faults == ["ledger rows"]


def test_a_missing_setting_is_told_in_one_sentence(tmp_path):
    environ = {"HOLDFAST_DATABASE_URL": "postgresql://x@127.0.0.1:1/none", "HOLDFAST_BROKER_URL": ""}
    result = CliRunner().invoke(main, ["worker"], env=environ)
    assert result.exit_code == 1
    assert "set HOLDFAST_BROKER_URL" in result.output


def test_a_worker_does_not_start_with_authorities_and_no_roots_to_pin_them_to(installation):
    environ = installation.environ | {"HOLDFAST_TSA_ROOTS": "/nowhere/roots.pem"}
    result = CliRunner().invoke(main, ["worker"], env=environ)
    assert result.exit_code == 1
    assert "set HOLDFAST_TSA_ROOTS: roots.pem" in result.output


def test_a_worker_does_not_start_on_a_vault_that_accepts_a_forbidden_act(installation, monkeypatch):
    refused = [Trial("shorten the lock", refused=False, answer="accepted")]
    monkeypatch.setattr("cli.composition.self_test", lambda vault, now: refused)
    result = CliRunner().invoke(main, ["worker"], env=installation.environ)
    assert result.exit_code == 1
    assert "the vault is not trusted with evidence: it accepted: shorten the lock" in result.output
