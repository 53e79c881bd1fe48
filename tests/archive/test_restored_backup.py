"""A real dump of the database, put back: the sequencer signs on only where nothing that was signed is missing."""

import subprocess
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

from archive import log_keys
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import LedgerForkedError
from archive.ledger import checkpoint_size, record
from archive.sequencer import last_kept
from archive.signed_note import Checkpoint, SigningKey
from cli.composition import now
from tests.conftest import Installation


def program(stack, name, url, *arguments):
    # libpq knows no driver names, and takes the password from the address.
    plain = urlunsplit(urlsplit(url)._replace(scheme="postgresql"))
    subprocess.run(
        [str(stack.parts.postgres._binaries / name), *map(str, arguments), "--dbname", plain],
        check=True,
        capture_output=True,
        timeout=120,
    )


def dumped(stack, installation, folder):
    """The database as a nightly backup has it."""
    dump = folder / "database.dump"
    program(stack, "pg_dump", installation.settings.database_owner_url, "--format=custom", "--no-owner", "--file", dump)
    return dump


@contextmanager
def restored(stack, installation, dump):
    """The same installation, keys and kept checkpoint, over the database of the dump."""
    fresh = stack.fresh_database()
    program_arguments = ("--no-owner", "--exit-on-error", "--single-transaction", dump)
    program(stack, "pg_restore", fresh.owner, *program_arguments)
    made = Installation(
        installation.environ
        | {
            "HOLDFAST_DATABASE_URL": fresh.app,
            "HOLDFAST_DATABASE_OWNER_URL": fresh.owner,
            "HOLDFAST_DATABASE_SEQUENCER_URL": fresh.sequencer,
            "HOLDFAST_DATABASE_DISPOSAL_URL": fresh.disposal,
        }
    )
    try:
        yield made
    finally:
        made.close()


def grow(installation, entries=1):
    with installation.engine.begin() as connection:
        for _ in range(entries):
            record(connection, CustodyEntry(SYSTEM, Action.QUARANTINE_VIEWED, "system:tests", now()))
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        return checkpoint_size(connection)


def test_an_older_backup_stops_the_sequencer_with_what_to_do(stack, installation, tmp_path):
    installation.sequencer.announce()
    grow(installation, entries=3)
    dump = dumped(stack, installation, tmp_path)
    newest = grow(installation, entries=2)
    with restored(stack, installation, dump) as older:
        with pytest.raises(LedgerForkedError, match=rf"over {newest} was signed: an older backup.+A restored backup"):
            older.sequencer.announce()
        # Nor where as many entries came in again: they are others.
        with pytest.raises(LedgerForkedError, match="not the history that was signed"):
            grow(older, entries=5)
        with older.engine.connect() as connection:
            assert checkpoint_size(connection) < newest
        assert Checkpoint.parse(last_kept(older.sequencer.outside).text).size == newest


def test_a_backup_with_everything_that_was_signed_goes_on(stack, installation, tmp_path):
    installation.sequencer.announce()
    size = grow(installation, entries=3)
    dump = dumped(stack, installation, tmp_path)
    with restored(stack, installation, dump) as same:
        same.sequencer.announce()
        assert grow(same, entries=2) == size + 2


def test_a_backup_newer_than_the_kept_checkpoint_goes_on(stack, installation, tmp_path):
    installation.sequencer.announce()
    grow(installation)
    kept = installation.sequencer.outside.read_bytes()
    size = grow(installation)
    dump = dumped(stack, installation, tmp_path)
    installation.sequencer.outside.write_bytes(kept)
    with restored(stack, installation, dump) as same:
        same.sequencer.announce()
        assert grow(same) == size + 1


def with_keys(sequencer, key, next_key=None):
    from dataclasses import replace

    return replace(sequencer, key=key, next_key=next_key)


def test_a_backup_from_before_the_key_changed_is_an_older_backup_above_all(stack, installation, tmp_path):
    installation.sequencer.announce()
    grow(installation)
    dump = dumped(stack, installation, tmp_path)
    old, new = installation.sequencer.key, SigningKey.generate(installation.settings.origin)
    with installation.engine.begin() as connection:
        log_keys.announce(connection, new.verifier, at=now(), actor="cli:test", reason="yearly")
    installation.sequencer = with_keys(installation.sequencer, old, new)
    installation.sequencer.announce()
    grow(installation)
    with restored(stack, installation, dump) as older:
        for keys in [(old, new), (old,), (new,)]:
            with pytest.raises(LedgerForkedError, match="older backup"):
                with_keys(older.sequencer, *keys).announce()


def test_a_backup_from_the_time_of_both_keys_goes_on_under_either(stack, installation, tmp_path):
    installation.sequencer.announce()
    old, new = installation.sequencer.key, SigningKey.generate(installation.settings.origin)
    with installation.engine.begin() as connection:
        log_keys.announce(connection, new.verifier, at=now(), actor="cli:test", reason="yearly")
    installation.sequencer = with_keys(installation.sequencer, old, new)
    size = grow(installation)
    dump = dumped(stack, installation, tmp_path)
    kept = installation.sequencer.outside.read_bytes()
    for keys in [(old, new), (old,), (new,)]:
        installation.sequencer.outside.write_bytes(kept)
        with restored(stack, installation, dump) as same:
            same.sequencer = with_keys(same.sequencer, *keys)
            same.sequencer.announce()
            assert grow(same) == size + 1
