"""Keys of the ledger: announced under the one before, both signing for a while, retired; old packages stay verifiable."""

import json
import logging
from dataclasses import replace

import pytest
from click.testing import CliRunner

from archive import log_keys
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import KeyRefusedError, LedgerForkedError, NoteRejectedError
from archive.ledger import checkpoint_note, checkpoint_size, entries_of, record
from archive.signed_note import Note, SigningKey, VerifierKey
from archive.trust_policy import Policy
from cli import composition
from cli.composition import now
from cli.main import main
from settings import Settings
from tests.archive.test_restored_backup import grow


@pytest.fixture
def house(installation):
    installation.sequencer.announce()
    return installation


@pytest.fixture
def new(installation):
    return SigningKey.generate(installation.settings.origin)


def announce(house, key, **more):
    with house.engine.begin() as connection:
        log_keys.announce(connection, key, **{"at": now(), "actor": "cli:anna", "reason": "yearly"} | more)


def retire(house, key, because="replaced"):
    with house.engine.begin() as connection:
        log_keys.retire(connection, key, because=because, at=now(), actor="cli:anna", reason="both signed for 30 days")


def signers(house, *keys):
    with house.engine.connect() as connection:
        note = Note.parse(checkpoint_note(connection, checkpoint_size(connection)))
    return {
        key for key in keys if (key.verifier.name, key.verifier.key_id) in {(s.name, s.key_id) for s in note.signatures}
    }


def policy(house):
    with house.engine.connect() as connection:
        return Policy.parse(log_keys.policy_text(log_keys.log_keys(connection), (), 1))


def newest(house):
    with house.engine.connect() as connection:
        return checkpoint_note(connection, checkpoint_size(connection))


def test_a_key_is_replaced_and_every_checkpoint_verifies_under_the_policy_of_every_time(house, new):
    old = house.sequencer.key
    before, first = policy(house), (grow(house), newest(house))[1]
    # 1 announced, under the old key alone
    announce(house, new.verifier)
    grow(house)
    assert signers(house, old, new) == {old}
    # 2 both sign
    house.sequencer = replace(house.sequencer, next_key=new)
    house.sequencer.announce()
    grow(house)
    overlap = newest(house)
    assert signers(house, old, new) == {old, new}
    during = policy(house)
    # 3 the old one ends: at once, whatever the process was started with
    retire(house, old.verifier)
    grow(house)
    assert signers(house, old, new) == {new}
    # 4 the process is started with the new one alone
    house.sequencer = replace(house.sequencer, key=new, next_key=None)
    house.sequencer.announce()
    grow(house)
    last, after = newest(house), policy(house)
    for known, notes in [(before, [first, overlap]), (during, [first, overlap, last]), (after, [first, overlap, last])]:
        for note in notes:
            assert known.verify(note).checkpoint.origin == old.name
    with pytest.raises(NoteRejectedError):
        before.verify(last)


def test_the_announcement_and_the_end_stand_in_the_ledger_with_who_and_why(house, new):
    old = house.sequencer.key
    announce(house, new.verifier)
    house.sequencer = replace(house.sequencer, next_key=new)
    retire(house, old.verifier)
    grow(house)
    with house.engine.connect() as connection:
        found = [entry.facts() for entry in entries_of(connection, [SYSTEM])]
    told = [each for each in found if each["action"] in {Action.KEY_ANNOUNCED, Action.KEY_RETIRED}]
    assert [(each["action"], each["actor"]) for each in told] == [
        ("ledger.key_announced", "cli:anna"),
        ("ledger.key_retired", "cli:anna"),
    ]
    assert told[0]["facts"] == {
        "origin": old.name,
        "verifier_key": new.verifier.encode(),
        "under": [old.verifier.encode()],
    }
    assert told[0]["reason"] == "yearly"
    assert told[1]["facts"]["because"] == "replaced"


def test_a_key_that_was_not_announced_signs_nothing(house, new):
    house.sequencer = replace(house.sequencer, next_key=new)
    with pytest.raises(KeyRefusedError, match="holdfast key rotate"):
        house.sequencer.announce()


def test_a_key_put_in_the_place_of_the_old_one_without_both_having_signed_is_refused(house, new):
    grow(house)
    announce(house, new.verifier)
    house.sequencer = replace(house.sequencer, key=new)
    with pytest.raises(LedgerForkedError, match="both must sign first"):
        house.sequencer.announce()
    with pytest.raises(LedgerForkedError, match="both must sign first"):
        grow(house)


def test_a_stolen_key_is_left_out_of_the_policy_and_said_to_be(house, new):
    old = house.sequencer.key
    grow(house)
    first = newest(house)
    announce(house, new.verifier)
    retire(house, old.verifier, "stolen")
    with house.engine.connect() as connection:
        text = log_keys.policy_text(log_keys.log_keys(connection), (), 1)
    assert [line.split()[1] for line in text.splitlines() if line.startswith("log ")] == [new.verifier.encode()]
    assert "# stolen" in text
    with pytest.raises(NoteRejectedError):
        Policy.parse(text).verify(first)


def test_what_may_not_be_announced_is_refused(house, new):
    announce(house, new.verifier)
    for key in (new.verifier, house.sequencer.key.verifier, new.witness, SigningKey.generate("other/1").verifier):
        with pytest.raises(KeyRefusedError):
            announce(house, key)


def test_nothing_is_announced_before_a_ledger_has_begun(installation, new):
    with pytest.raises(KeyRefusedError, match="no sequencer"):
        announce(installation, new.verifier)


def test_the_last_key_and_one_that_ended_cannot_be_retired(house, new):
    old = house.sequencer.key
    with pytest.raises(KeyRefusedError, match="only key"):
        retire(house, old.verifier)
    with pytest.raises(KeyRefusedError, match="no key that signs"):
        retire(house, new.verifier)
    announce(house, new.verifier)
    retire(house, old.verifier)
    with pytest.raises(KeyRefusedError, match="no key that signs"):
        retire(house, old.verifier)
    with pytest.raises(KeyRefusedError, match="only key"):
        retire(house, new.verifier)


def test_a_process_that_holds_retired_keys_alone_signs_nothing_and_says_so(house, new):
    announce(house, new.verifier)
    retire(house, house.sequencer.key.verifier)
    with house.engine.begin() as connection:
        record(connection, CustodyEntry(SYSTEM, Action.QUARANTINE_VIEWED, "system:tests", now()))
    with pytest.raises(KeyRefusedError, match="it was retired"):
        house.sequencer.run_once()


def run(house, *arguments, code=0, **environ):
    logging.root.handlers.clear()
    result = CliRunner().invoke(main, [*map(str, arguments)], env=house.environ | environ)
    assert result.exit_code == code, result.output
    return result


def test_the_commands_change_a_key_as_the_operations_page_says(house, tmp_path):
    old, file = house.sequencer.key.verifier.encode(), tmp_path / "next.pem"
    new = run(house, "key", "create", file).stdout.strip()
    assert VerifierKey.parse(new).name == house.settings.origin
    assert file.stat().st_mode & 0o777 == 0o400
    run(house, "key", "create", file, code=1)
    assert "HOLDFAST_NEXT_SIGNING_KEY_FILE" in run(house, "key", "rotate", new, "--reason", "yearly").stdout
    run(house, "key", "rotate", new, "--reason", "yearly", code=1)
    settings = Settings.from_environment(house.environ | {"HOLDFAST_NEXT_SIGNING_KEY_FILE": str(file)})
    both = composition.sequencer(settings)
    both.announce()
    both.run_once()
    assert [key.verifier.encode() for key in both.keys] == [old, new]
    listed = json.loads(run(house, "key", "list", "--json").stdout)["keys"]
    assert [(each["verifier_key"], each["signs"]) for each in listed] == [(old, True), (new, True)]
    run(house, "key", "retire", old, "--reason", "thirty days are over")
    text = run(house, "key", "policy").stdout
    assert [line.split()[1] for line in text.splitlines() if line.startswith("log ")] == [old, new]
    assert "UNWITNESSED" in text
    both.engine.dispose()


def test_the_key_file_is_named_where_it_cannot_be_read(house, tmp_path):
    (tmp_path / "bad.pem").write_text("no key")
    result = run(house, "sequencer", code=1, HOLDFAST_NEXT_SIGNING_KEY_FILE=str(tmp_path / "bad.pem"))
    assert "HOLDFAST_NEXT_SIGNING_KEY_FILE" in result.output
