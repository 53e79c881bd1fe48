"""Promises 3 and 4: every act in the ledger, in one contiguous tree, whatever races or crashes."""

import hashlib
import random
import threading
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from archive import tlog
from archive.custody import NO_PREDECESSOR, SYSTEM, Action, CustodyEntry, exhibit_stream, pseudonym
from archive.errors import LedgerForkedError, NotSequencedYetError
from archive.ledger import checkpoint_note, checkpoint_size, entries_of, record, require_sequenced, waiting
from archive.sequencer import keep, last_kept
from archive.signed_note import Checkpoint, Note
from archive.tables import custody_leaf, tree_node
from archive.trust_policy import Policy
from cli.composition import now, sequencer


def an_entry(stream=SYSTEM, **facts):
    return CustodyEntry(stream, Action.EXHIBIT_VIEWED, "system:tests", now(), facts)


def record_all(installation, entries):
    with installation.engine.begin() as connection:
        return [record(connection, entry) for entry in entries]


def reference_tree(leaves):
    """Every perfect-subtree node of the tree over these leaves, by the plain definition."""
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    nodes, height = {}, 0
    while level:
        nodes.update({(height, index): digest for index, digest in enumerate(level)})
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
        height += 1
    return nodes


def test_an_entry_gets_its_place_and_comes_under_a_checkpoint_the_policy_accepts(installation):
    record_all(installation, [an_entry(word="first")])
    assert installation.sequencer.run_once() == 1
    policy = Policy.parse(f"log {installation.sequencer.key.verifier.encode()}\nquorum none\n")
    with installation.engine.connect() as connection:
        assert (waiting(connection), checkpoint_size(connection)) == (0, 1)
        verified = policy.verify(checkpoint_note(connection, 1))
        (entry,) = entries_of(connection, [SYSTEM])
    assert verified.checkpoint.size == 1
    assert verified.checkpoint.root == entry.leaf_hash == tlog.leaf_hash(entry.leaf)
    assert entry.facts()["facts"] == {"word": "first"}


def test_an_entry_of_a_transaction_that_rolls_back_never_gets_a_place(installation):
    connection = installation.engine.connect()
    record(connection, an_entry(word="never"))
    connection.rollback()
    connection.close()
    record_all(installation, [an_entry(word="kept")])
    assert installation.sequencer.run_once() == 1


def test_a_lower_id_that_commits_later_is_placed_later_and_never_lost(installation):
    early = installation.engine.connect()
    first = record(early, an_entry(word="slow"))
    (second,) = record_all(installation, [an_entry(word="quick")])
    assert second > first
    assert installation.sequencer.run_once() == 1
    early.commit()
    early.close()
    assert installation.sequencer.run_once() == 1
    with installation.engine.connect() as connection:
        words = [entry.facts()["facts"]["word"] for entry in entries_of(connection, [SYSTEM])]
    assert words == ["quick", "slow"]


def test_each_stream_is_unbroken_and_an_entry_names_the_head_of_the_stream_it_names(installation):
    item, case = exhibit_stream(uuid4()), f"case:{uuid4()}"
    naming = CustodyEntry(case, Action.EXHIBIT_ASSIGNED, "system:tests", now(), names_stream=item)
    record_all(installation, [an_entry(item), an_entry(item), naming, an_entry(item)])
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        rows = connection.execute(select(custody_leaf).order_by(custody_leaf.c.leaf_index)).all()
        leaves = {entry.index: entry for entry in entries_of(connection, [item, case])}
    mine = [row for row in rows if row.stream == pseudonym(installation.sequencer.secret, item)]
    assert [row.stream_seq for row in mine] == [0, 1, 2]
    assert [bytes(row.stream_prev) for row in mine] == [
        NO_PREDECESSOR,
        bytes(mine[0].leaf_hash),
        bytes(mine[1].leaf_hash),
    ]
    assert b'"seq":1' in leaves[2].leaf
    assert mine[1].leaf_hash.hex().encode() in leaves[2].leaf


def test_two_sequencers_racing_with_random_rollbacks_make_one_contiguous_correct_tree(installation):
    rival = sequencer(installation.settings)
    stop, chance, placed = threading.Event(), random.Random(7), []

    def write(seed):
        own = random.Random(seed)
        for number in range(60):
            connection = installation.engine.connect()
            for _ in range(own.randint(1, 4)):
                record(connection, an_entry(exhibit_stream(f"{seed}-{number % 5}"), number=number))
            connection.rollback() if own.random() < 0.2 else connection.commit()
            connection.close()

    def place(one):
        while not stop.is_set():
            placed.append(one.run_once())

    writers = [threading.Thread(target=write, args=(chance.random(),)) for _ in range(3)]
    placers = [threading.Thread(target=place, args=(one,)) for one in (installation.sequencer, rival)]
    for thread in writers + placers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in placers:
        thread.join()
    while installation.sequencer.run_once():
        pass
    with installation.engine.connect() as connection:
        rows = connection.execute(select(custody_leaf).order_by(custody_leaf.c.leaf_index)).all()
        found = {(row.level, row.idx): bytes(row.hash) for row in connection.execute(select(tree_node))}
        note = Note.parse(checkpoint_note(connection, len(rows)))
        assert waiting(connection) == 0
    rival.engine.dispose()
    assert len(rows) > 300
    assert [row.leaf_index for row in rows] == list(range(len(rows)))
    assert len({row.entry_id for row in rows}) == len(rows)
    assert found == reference_tree([bytes(row.leaf) for row in rows])
    frontier = [found[node] for node in tlog.frontier_indexes(len(rows))]
    assert Checkpoint.parse(note.text).root == tlog.root(len(rows), frontier)


def test_what_is_not_sequenced_yet_is_said_to_be_so(installation):
    record_all(installation, [an_entry()])
    with installation.engine.connect() as connection, pytest.raises(NotSequencedYetError):
        require_sequenced(connection, [SYSTEM])
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        assert require_sequenced(connection, [SYSTEM]) == 1


def as_owner(installation, *statements):
    from archive.database import engine

    owner = engine(installation.settings.database_owner_url, pool_size=1)
    with owner.begin() as connection:
        for table in ("custody_entry", "custody_leaf", "tree_node", "checkpoint"):
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for statement in statements:
            connection.execute(text(statement))
    owner.dispose()


def test_a_restored_older_backup_cannot_make_the_sequencer_sign_a_fork(installation):
    for word in ("one", "two", "three"):
        record_all(installation, [an_entry(word=word)])
        installation.sequencer.run_once()
    as_owner(
        installation,
        "DELETE FROM checkpoint WHERE size > 1",
        "DELETE FROM custody_leaf WHERE leaf_index > 0",
        "DELETE FROM tree_node WHERE (level = 0 AND idx > 0) OR level > 0",
    )
    record_all(installation, [an_entry(word="another history")])
    with pytest.raises(LedgerForkedError, match="older backup"):
        installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        assert checkpoint_size(connection) == 1


def test_a_rewritten_history_of_the_same_length_is_not_signed_over(installation):
    record_all(installation, [an_entry(word="true")])
    installation.sequencer.run_once()
    forged = tlog.leaf_hash(b"forged")
    as_owner(
        installation,
        "UPDATE custody_leaf SET leaf = 'forged'",
        f"UPDATE tree_node SET hash = '\\x{forged.hex()}'",
    )
    record_all(installation, [an_entry(word="next")])
    with pytest.raises(LedgerForkedError, match="not the history that was signed") as caught:
        installation.sequencer.run_once()
    assert caught.value.index == 0


def test_a_lost_copy_of_the_last_checkpoint_stops_the_sequencer(installation):
    record_all(installation, [an_entry()])
    installation.sequencer.run_once()
    installation.sequencer.outside.unlink()
    with pytest.raises(LedgerForkedError, match="missing"):
        installation.sequencer.run_once()


def test_a_crash_between_keeping_and_committing_a_checkpoint_is_healed_by_the_next_round(installation, monkeypatch):
    record_all(installation, [an_entry()])

    def keep_and_die(outside, note):
        keep(outside, note)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("archive.sequencer.keep", keep_and_die)
        with pytest.raises(KeyboardInterrupt):
            installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        assert checkpoint_size(connection) == 0
    assert Checkpoint.parse(last_kept(installation.sequencer.outside).text).size == 1
    record_all(installation, [an_entry()])
    assert installation.sequencer.run_once() == 1
    with installation.engine.connect() as connection:
        assert checkpoint_size(connection) == 2


def test_the_key_is_announced_once_in_the_ledger(installation):
    installation.sequencer.announce()
    installation.sequencer.announce()
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        started = [e for e in entries_of(connection, [SYSTEM]) if e.facts()["action"] == Action.LEDGER_STARTED]
    assert [e.facts()["facts"]["verifier_key"] for e in started] == [installation.sequencer.key.verifier.encode()]
