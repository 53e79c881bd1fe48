"""docs/operations.md: what it tells people to type does what it says."""

import re
import subprocess

import pytest
from sqlalchemy import text

from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import LedgerForkedError
from archive.ledger import record
from cli import composition
from settings import Settings
from tests.compose.installation import OURS, compose, make_secrets
from tests.docs.pages import page

PAGE = page("operations.md")


def one_more_entry(installation) -> bytes:
    """Place one entry and return the checkpoint that is kept over it."""
    with installation.engine.begin() as connection:
        record(connection, CustodyEntry(SYSTEM, Action.QUARANTINE_VIEWED, "account:x", composition.now()))
    assert installation.sequencer.run_once() == 1
    return installation.sequencer.outside.read_bytes()


def test_any_earlier_kept_checkpoint_lets_the_sequencer_go_on(installation):
    """Promise 4, and how to get out: a note from a package that left is as good as a backup of the file."""
    earlier = one_more_entry(installation)
    one_more_entry(installation)
    installation.sequencer.outside.unlink()
    with pytest.raises(LedgerForkedError, match="The kept checkpoint"):
        installation.sequencer.run_once()
    installation.sequencer.outside.write_bytes(earlier)
    assert one_more_entry(installation) != earlier


def test_the_databases_own_copy_can_be_put_back_as_the_page_says(installation):
    kept = one_more_entry(installation)
    (query,) = re.findall(r"`(SELECT convert_from.+?)`", PAGE, re.DOTALL)
    installation.sequencer.outside.unlink()
    with installation.engine.connect() as connection:
        note = connection.execute(text(query)).scalar_one()
    assert note.encode() == kept
    installation.sequencer.outside.write_text(note, encoding="utf-8")
    one_more_entry(installation)


def test_the_sql_on_the_page_is_the_sql_that_compose_runs(tmp_path):
    (block,) = re.findall(r"```sql\n(.+?)```", PAGE, re.DOTALL)
    made = re.sub(r"PASSWORD '\w+'", "PASSWORD '…'", make_secrets(tmp_path)["database-logins.sql"])
    assert made == block


def test_keys_made_by_hand_as_the_page_says_are_read(tmp_path):
    commands = re.findall(r"`(openssl [^`]+)`", PAGE)
    assert len(commands) == 2
    for command in commands:
        subprocess.run(command, shell=True, check=True, cwd=tmp_path, capture_output=True)
    files = {"HOLDFAST_SIGNING_KEY_FILE": "signing-key.pem", "HOLDFAST_SECRET_KEY_FILE": "secret-key"}
    settings = Settings.from_environment({name: str(tmp_path / file) for name, file in files.items()})
    assert composition.signing_key(settings).name == settings.origin
    assert composition.secret(settings, "ledger")


def test_every_service_is_on_the_page():
    for name in [*compose()["services"], *OURS]:
        assert f"`{name}`" in PAGE, name


def test_every_metric_to_watch_exists(installation):
    from web.health import _families

    with installation.engine.connect() as connection:
        known = {family.name for family in _families(connection, composition.now())}
    named = set(re.findall(r"`(holdfast_\w+)(?:\{.+?\})?`", PAGE)) - {f"holdfast_{each}" for each in _roles()}
    assert named
    assert named <= known


def _roles() -> set[str]:
    return set(re.findall(r"ROLE holdfast_(\w+)", PAGE))
