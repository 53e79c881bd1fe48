"""The audit finds each kind of fault, names its place, and finds nothing where nothing is wrong."""

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text

from archive import audit as module
from archive.audit import STEPS, Auditor
from archive.custody import SYSTEM, Action, CustodyEntry, exhibit_stream
from archive.database import engine
from archive.errors import AuditRunningError, VaultUnavailableError
from archive.ledger import entries_of, record
from archive.publishing import key_of
from archive.signed_note import SigningKey
from archive.tables import alert, audit_run, checkpoint, custody_leaf, exhibit, timestamp_token
from archive.token_check import Roots
from archive.vault import Vault
from cli import keepers
from cli.composition import now
from intake.authenticity.domains import LookedUp
from intake.authenticity.judge import Judge
from replies.deciding import decide_for
from replies.policy import Limits
from tests.archive.ledger_story import more_entries, publisher, some_exhibits
from tests.docs.pages import ROOT, page

LIMITS = Limits(timedelta(seconds=120), 24, 500, texts=True, mails=True, own=frozenset())


def audited(installation, kind="whole", *, since=None, **ground):
    auditor = keepers.auditor(installation.settings, installation.archive)
    return replace(auditor, ground=replace(auditor.ground, **ground)).run(kind, actor="cli:tests", since=since)


def kinds(found):
    return {(each.kind, each.place) for each in found.faults}


@pytest.fixture
def house(installation):
    """A house in order: exhibits, readings, a decision, all published."""
    installation.sequencer.announce()
    installation.exhibits = some_exhibits(installation)
    with installation.engine.begin() as connection:
        for each in installation.exhibits:
            decide_for(connection, each, vault=installation.vault, now=now(), limits=LIMITS)
    while installation.sequencer.run_once():
        pass
    publisher(installation).publish()
    keepers.dumper(installation.settings, installation.archive).dump()
    return installation


@contextmanager
def as_owner(installation, *tables):
    """The database's owner, with the guards of these tables switched off."""
    owner = engine(installation.settings.database_owner_url, pool_size=1)
    with owner.begin() as connection:
        for table in tables:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        yield connection
    owner.dispose()


def place_of(installation, action, exhibit_id=None):
    """Leaf index and entry row of the first entry of one kind in a stream."""
    with installation.engine.connect() as connection:
        for entry in entries_of(connection, [exhibit_stream(exhibit_id) if exhibit_id else SYSTEM]):
            if entry.facts()["action"] == action:
                query = select(custody_leaf.c.entry_id).where(custody_leaf.c.leaf_index == entry.index)
                return entry.index, connection.execute(query).scalar_one()
    raise AssertionError(action)


def test_a_house_in_order_has_no_fault_and_the_run_is_an_entry(house):
    found = audited(house)
    assert found.faults == []
    assert all(found.looked_at[step] for step in ("entries", "checkpoints", "promises", "objects", "listing"))
    house.sequencer.run_once()
    with house.engine.connect() as connection:
        (entry,) = [one for one in entries_of(connection, [SYSTEM]) if one.facts()["action"] == Action.AUDIT_RUN]
        assert entry.facts()["facts"]["looked_at"] == dict(found.looked_at)
        assert connection.execute(select(func.count()).select_from(alert)).scalar_one() == 0


# --- by whoever owns the database --------------------------------------------------------------------------------

EDITS = {
    "an entry's time": (
        ["custody_entry"],
        "UPDATE custody_entry SET at = at - interval '2 days' WHERE id = :row",
        lambda index: ("entry_changed", f"entry {index}"),
    ),
    "an entry's stream": (
        ["custody_entry"],
        "UPDATE custody_entry SET stream = 'system' WHERE id = :row",
        lambda index: ("entry_changed", f"entry {index}"),
    ),
    "an entry's digest": (
        ["custody_entry"],
        "UPDATE custody_entry SET payload_sha256 = repeat('0', 64) WHERE id = :row",
        lambda index: ("entry_changed", f"entry {index}"),
    ),
    "an entry removed": (
        ["custody_entry"],
        "DELETE FROM custody_entry WHERE id = :row",
        lambda index: ("entry_missing", f"entry {index}"),
    ),
    "a payload": (
        ["custody_payload"],
        (
            "UPDATE custody_payload SET body = convert_to(replace(convert_from(body, 'UTF8'), 'system:accession', "
            "'system:somebody'), 'UTF8') WHERE entry_id = :row"
        ),
        lambda index: ("payload_changed", f"entry {index}"),
    ),
    "a payload removed": (
        ["custody_payload"],
        "DELETE FROM custody_payload WHERE entry_id = :row",
        lambda index: ("payload_missing", f"entry {index}"),
    ),
    "a leaf": (
        ["custody_leaf"],
        "UPDATE custody_leaf SET leaf = leaf || decode('20', 'hex') WHERE entry_id = :row",
        lambda index: ("leaf_changed", f"entry {index}"),
    ),
    "a leaf and its hash": (
        ["custody_leaf"],
        (
            "UPDATE custody_leaf SET leaf = leaf || decode('20', 'hex'), "
            "leaf_hash = sha256(decode('00', 'hex') || leaf || decode('20', 'hex')) WHERE entry_id = :row"
        ),
        lambda index: ("tree_changed", f"entry {index}"),
    ),
    "a leaf removed": (
        ["custody_leaf"],
        "DELETE FROM custody_leaf WHERE entry_id = :row",
        lambda index: ("leaf_missing", f"entry {index}"),
    ),
    "a leaf moved in its stream": (
        ["custody_leaf"],
        "UPDATE custody_leaf SET stream_prev = decode(repeat('11', 32), 'hex') WHERE entry_id = :row",
        lambda index: ("stream_broken", f"entry {index}"),
    ),
    "a tree node": (
        ["tree_node"],
        (
            "UPDATE tree_node SET hash = decode(repeat('22', 32), 'hex') WHERE level = 0 AND idx = "
            "(SELECT leaf_index FROM custody_leaf WHERE entry_id = :row)"
        ),
        lambda index: ("tree_changed", f"entry {index}"),
    ),
    "an inner node": (
        ["tree_node"],
        "UPDATE tree_node SET hash = decode(repeat('22', 32), 'hex') WHERE level = 1 AND idx = 1 AND :row > 0",
        lambda _: ("tree_changed", "node 1/1"),
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_by_the_databases_owner_is_found_at_its_place(house, edit):
    tables, statement, expected = EDITS[edit]
    index, row = place_of(house, Action.EXHIBIT_ARCHIVED, house.exhibits[2])
    with as_owner(house, *tables) as connection:
        assert connection.execute(text(statement), {"row": row}).rowcount == 1
    assert expected(index) in kinds(audited(house))


def test_a_whole_tree_made_anew_is_found_by_the_signed_checkpoints_and_the_copy_outside(house):
    """Every hash fits the others; only what was signed does not fit."""
    from archive import tlog

    with as_owner(house, "custody_leaf", "tree_node") as connection:
        rows = connection.execute(select(custody_leaf).order_by(custody_leaf.c.leaf_index)).all()
        leaves = [bytes(row.leaf) for row in rows]
        leaves[0] = leaves[0].replace(b'"v":1', b'"v":2')
        connection.execute(text("DELETE FROM tree_node"))
        for row, leaf in zip(rows, leaves, strict=True):
            connection.execute(
                text("UPDATE custody_leaf SET leaf = :leaf, leaf_hash = :hash WHERE leaf_index = :index"),
                {"leaf": leaf, "hash": tlog.leaf_hash(leaf), "index": row.leaf_index},
            )
        for level, index, digest in tlog.append_nodes(0, [], [tlog.leaf_hash(leaf) for leaf in leaves]):
            connection.execute(text("INSERT INTO tree_node VALUES (:l, :i, :h)"), {"l": level, "i": index, "h": digest})
        size = connection.execute(text("SELECT max(size) FROM checkpoint")).scalar_one()
    found = kinds(audited(house))
    assert {("history_changed", f"checkpoint {size}"), ("history_changed", "the kept checkpoint")} <= found


def test_a_checkpoint_signed_by_another_key_is_found(house):
    other = SigningKey.generate(house.settings.origin)
    with as_owner(house, "checkpoint") as connection:
        row = connection.execute(text("SELECT * FROM checkpoint ORDER BY size DESC LIMIT 1")).one()
        from archive.signed_note import Checkpoint

        note = Checkpoint(house.settings.origin, row.size, bytes(row.root)).signed_by(other).encode()
        connection.execute(
            text("UPDATE checkpoint SET note = :note WHERE size = :size"), {"note": note, "size": row.size}
        )
    assert ("checkpoint_unsigned", f"checkpoint {row.size}") in kinds(audited(house))


def test_keys_from_outside_the_database_are_believed_before_its_own(house):
    other = SigningKey.generate(house.settings.origin)
    found = kinds(audited(house, keys=(other.verifier,)))
    assert {kind for kind, _ in found} == {"checkpoint_unsigned"}


def test_a_rolled_back_database_is_found_by_the_copy_outside(house):
    kept = house.sequencer.outside.read_bytes()
    with as_owner(house, "custody_leaf", "custody_entry", "checkpoint", "tree_node") as connection:
        size = connection.execute(text("SELECT max(size) FROM checkpoint")).scalar_one()
        connection.execute(text("DELETE FROM checkpoint WHERE size = :size"), {"size": size})
        connection.execute(text("DELETE FROM tree_node WHERE level = 0 AND idx = :i"), {"i": size - 1})
        gone = connection.execute(
            text("DELETE FROM custody_leaf WHERE leaf_index = :i RETURNING entry_id"), {"i": size - 1}
        )
        connection.execute(text("DELETE FROM custody_entry WHERE id = :id"), {"id": gone.scalar_one()})
    assert kept
    assert ("rolled_back", "the kept checkpoint") in kinds(audited(house))


def test_a_missing_copy_outside_is_found(house):
    house.sequencer.outside.unlink()
    assert ("kept_missing", "the kept checkpoint") in kinds(audited(house))


ROWS = {
    "an exhibit's digest": (
        "UPDATE acquisition SET sha256 = repeat('0', 64) WHERE id = :id",
        {"row_changed", "object_changed"},
    ),
    "an exhibit's version": ("UPDATE exhibit SET vault_version = 'other' WHERE id = :id", {"row_changed"}),
    "an exhibit's row": (
        (
            "WITH a AS (DELETE FROM reading WHERE exhibit_id = :id), b AS (DELETE FROM reply_item WHERE exhibit_id = :id) "
            "DELETE FROM exhibit WHERE id = :id"
        ),
        {"row_missing", "object_unknown"},
    ),
    "an exhibit's case": ("UPDATE exhibit SET case_id = NULL WHERE id = :id", {"unpromised"}),
    "an exhibit's reference": ("UPDATE exhibit SET number = 77 WHERE id = :id", {"unpromised"}),
    "a reading": (
        "UPDATE reading SET content = jsonb_set(content::jsonb, '{text}', '\"nice\"')::json WHERE exhibit_id = :id",
        {"reading_changed"},
    ),
}


@pytest.mark.parametrize("edit", ROWS)
def test_a_row_that_says_other_than_its_entries_is_found(house, edit):
    statement, expected = ROWS[edit]
    exhibit_id = house.exhibits[0]
    with as_owner(house) as connection:
        assert connection.execute(text(statement), {"id": exhibit_id}).rowcount == 1
    found = audited(house, grace=timedelta(0))
    named = {each.kind for each in found.faults if str(exhibit_id) in each.place}
    assert named >= expected


JUDGEMENTS = {
    "its document": ("UPDATE authenticity SET content = content || ' '", "authenticity_changed"),
    "its document and its digest": (
        "UPDATE authenticity SET content = content || ' ', sha256 = encode(sha256(content || ' '), 'hex')",
        "authenticity_changed",
    ),
    "its digest": ("UPDATE authenticity SET sha256 = repeat('0', 64)", "authenticity_changed"),
    "what the timeline shows of it": (
        "UPDATE authenticity SET summary = jsonb_set(summary::jsonb, '{original_passed}', 'true')::json",
        "authenticity_changed",
    ),
    "all of it": ("DELETE FROM authenticity", "authenticity_missing"),
}


@pytest.mark.parametrize("edit", JUDGEMENTS)
def test_findings_on_signatures_other_than_their_entry_tells_are_found(house, edit):
    judge = Judge(house.engine, house.vault, None, LookedUp.of(()), (), now)
    (judged,) = [each for each in house.exhibits if judge.judge(each)]
    house.sequencer.run_once()
    assert audited(house, grace=timedelta(0)).faults == []
    statement, expected = JUDGEMENTS[edit]
    with as_owner(house) as connection:
        assert connection.execute(text(statement)).rowcount == 1
    assert (expected, f"exhibit {judged}") in kinds(audited(house, grace=timedelta(0)))


def test_an_answer_that_no_entry_tells_of_is_found(house):
    with as_owner(house) as connection:
        gone = connection.execute(text("UPDATE reply SET state = 'sent' RETURNING id")).scalar_one()
    assert ("unpromised", f"answer {gone}") in kinds(audited(house))


def test_an_entry_that_waits_too_long_or_was_forgotten_is_found(house):
    long_ago = now() - timedelta(hours=2)
    with house.engine.begin() as connection:
        waits, lost = [
            record(connection, CustodyEntry(SYSTEM, Action.QUARANTINE_VIEWED, "account:x", long_ago)) for _ in range(2)
        ]
    with as_owner(house) as connection:
        connection.execute(text("DELETE FROM custody_pending WHERE entry_id = :id"), {"id": lost})
    found = kinds(audited(house))
    assert {("entry_waits", f"entry row {waits}"), ("entry_forgotten", f"entry row {lost}")} <= found


# --- by whoever holds the bucket's credentials -------------------------------------------------------------------


def item(house):
    with house.engine.connect() as connection:
        return connection.execute(select(exhibit).where(exhibit.c.id == house.exhibits[0])).one()


def test_an_object_written_over_and_a_delete_marker_are_found_and_the_first_version_stays(house):
    row, client, bucket = item(house), house.vault.client, house.vault.bucket
    client.put_object(Bucket=bucket, Key=row.vault_key, Body=b"forged")
    client.delete_object(Bucket=bucket, Key=row.vault_key)
    faults = audited(house).faults
    assert {each.kind for each in faults} == {"foreign_version", "delete_marker"}
    assert all(row.vault_key in each.place for each in faults)


def test_an_object_that_no_row_names_is_found_once_nobody_can_be_about_to_name_it(house):
    house.vault.client.put_object(Bucket=house.vault.bucket, Key="items/of-nobody", Body=b"?")
    assert audited(house).faults == []
    house.sequencer.run_once()
    (fault,) = audited(house, grace=timedelta(0)).faults
    assert (fault.kind, fault.place.split()[0]) == ("object_unknown", "items/of-nobody")


class Broken(Vault):
    """A vault whose disks, or whose operator, changed one object behind the API."""

    def fetch(self, key, version):
        stored, pieces = super().fetch(key, version)
        if key == self.broken:
            return self.change(stored, pieces)
        return stored, pieces


def broken(house, key, change):
    made = Broken(house.vault.client, house.vault.bucket)
    made.broken, made.change = key, change
    return made


def test_bytes_that_rotted_and_locks_that_shrank_are_found(house):
    key = item(house).vault_key
    rotted = broken(house, key, lambda stored, pieces: (stored, iter([b"rotted"])))
    assert {each.kind for each in audited(house, vault=rotted).faults} == {"object_changed"}
    short = broken(
        house,
        key,
        lambda stored, pieces: (replace(stored, retain_until=stored.retain_until - timedelta(hours=2)), pieces),
    )
    assert {each.kind for each in audited(house, vault=short).faults} == {"lock_short"}


def test_a_lock_that_nobody_extended_is_found(house):
    lapsed = timedelta(days=house.settings.lock_days, hours=1)
    later = audited(house, now=lambda: now() + lapsed)
    assert {each.kind for each in later.faults} == {"lock_lapsed"}
    assert len(later.faults) == 4


def test_a_row_whose_object_was_never_written_is_found(house):
    with as_owner(house) as connection:
        connection.execute(text("UPDATE published SET vault_version = 'gone' WHERE name LIKE 'checkpoint/%'"))
    found = {each.kind for each in audited(house).faults}
    assert "object_missing" in found


def test_an_object_without_any_lock_is_found(house):
    client, bucket = house.vault.client, house.vault.bucket
    key = key_of(house.settings.origin, "tile/0/999")
    answer = client.put_object(Bucket=bucket, Key=key, Body=b"x")
    with house.engine.begin() as connection:
        from archive.tables import published

        connection.execute(
            insert(published).values(
                name="tile/0/999",
                vault_key=key,
                vault_version=answer["VersionId"],
                sha256=hashlib.sha256(b"x").hexdigest(),
                at=now(),
                retain_until=now() + timedelta(days=2),
            )
        )
    (fault,) = audited(house).faults
    assert (fault.kind, key in fault.place) == ("lock_missing", True)


# --- runs ------------------------------------------------------------------------------------------------------------


def test_faults_raise_an_alert_that_names_places_and_count(house):
    house.sequencer.outside.unlink()
    audited(house)
    with house.engine.connect() as connection:
        row = connection.execute(select(alert)).one()
    assert row.kind == "audit"
    assert "the kept checkpoint" in row.text
    assert "1 faults" in row.text


def test_a_run_that_was_stopped_goes_on_where_it_was_and_forgets_no_fault(house, monkeypatch):
    index, row = place_of(house, Action.EXHIBIT_ARCHIVED, house.exhibits[0])
    with as_owner(house, "custody_entry") as connection:
        connection.execute(text("UPDATE custody_entry SET at = at - interval '2 days' WHERE id = :id"), {"id": row})

    class Away(Vault):
        def fetch(self, key, version):
            raise VaultUnavailableError("read", "the test says so")

    with pytest.raises(VaultUnavailableError):
        audited(house, vault=Away(house.vault.client, house.vault.bucket))

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(module, "STEPS", {**STEPS, "entries": never, "checkpoints": never})
    found = audited(house)
    assert kinds(found) == {("entry_changed", f"entry {index}")}
    assert found.looked_at["entries"] > 0
    with house.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(audit_run)).scalar_one() == 1


def test_pages_of_any_size_find_the_same(house, monkeypatch):
    expected = audited(house).looked_at
    for name in ("archive.audit_ledger", "archive.audit_promises", "archive.audit_vault"):
        monkeypatch.setattr(f"{name}.AT_ONCE", 3)
    monkeypatch.setattr("archive.audit_vault.LISTED_AT_ONCE", 2)
    found = audited(house)
    assert found.faults == []
    assert found.looked_at["objects"] == expected["objects"]
    assert found.looked_at["listing"] == expected["listing"]
    assert found.looked_at["entries"] == expected["entries"]


def test_since_looks_only_at_what_is_young_and_a_sample_at_some_of_the_rest(house):
    index, row = place_of(house, Action.EXHIBIT_ARCHIVED, house.exhibits[0])
    with as_owner(house, "custody_payload") as connection:
        connection.execute(text("DELETE FROM custody_payload WHERE entry_id = :id"), {"id": row})
    since = now()
    more_entries(house, 3)
    young = audited(house, "since", since=since)
    assert (young.faults, young.looked_at["entries"], young.looked_at["objects"]) == ([], 3, 0)
    sample = audited(house, "sample")
    assert ("payload_missing", f"entry {index}") in kinds(sample)


def test_one_audit_at_a_time(house):
    with house.engine.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": module.ADVISORY_LOCK})
        with pytest.raises(AuditRunningError):
            audited(house)


def test_erased_payloads_are_no_fault(house):
    index, row = place_of(house, Action.EXHIBIT_QUARANTINED, house.exhibits[1])
    with house.engine.begin() as connection:
        record(connection, CustodyEntry(SYSTEM, Action.PAYLOAD_ERASED, "account:x", now(), {"leaves": [index]}))
    disposal = engine(house.settings.database_disposal_url, pool_size=1)
    with disposal.begin() as connection:
        connection.execute(text("DELETE FROM custody_payload WHERE entry_id = :id"), {"id": row})
    disposal.dispose()
    assert not {kind for kind, _ in kinds(audited(house))} & {"payload_missing", "payload_changed"}


def test_an_audit_takes_its_reads_from_the_threads_it_is_given(house):
    with ThreadPoolExecutor(1) as one:
        assert audited(house, threads=one).faults == []
    assert isinstance(keepers.auditor(house.settings, house.archive), Auditor)


def a_token(house, **other):
    """A token's row, made by hand."""
    response = b"\x30\x00not a token"
    with house.engine.begin() as connection:
        size = connection.execute(select(func.max(checkpoint.c.size))).scalar_one()
        values = {
            "checkpoint_size": size,
            "authority": "http://tsa.example",
            "response": response,
            "sha256": hashlib.sha256(response).hexdigest(),
            "gen_time": now(),
            "accuracy_ms": 5,
            "signer": "CN=nobody",
            "demonstration": False,
            "received_at": now(),
            "entry_id": 1,
        }
        connection.execute(insert(timestamp_token).values(values | other))
    return f"token of http://tsa.example over checkpoint {size}"


def test_a_token_that_is_not_what_the_ledger_recorded_is_found(house):
    place = a_token(house, sha256="0" * 64)
    found = kinds(audited(house, roots=None))
    assert found == {("token_changed", place), ("token_unrecorded", place)}


def test_a_token_that_no_pinned_authority_signed_is_found(house):
    place = a_token(house)
    assert ("token_refused", place) in kinds(audited(house, roots=Roots((), ())))


def test_a_checkpoint_whose_row_is_not_its_note_is_found(house):
    with as_owner(house, "checkpoint") as connection:
        newest = "(SELECT max(size) FROM checkpoint)"
        connection.execute(text(f"UPDATE checkpoint SET root = sha256(root) WHERE size = {newest}"))
        size = connection.execute(text("SELECT max(size) FROM checkpoint")).scalar_one()
    assert ("checkpoint_changed", f"checkpoint {size}") in kinds(audited(house))


def test_a_hold_that_the_vault_does_not_have_is_found(house):
    with as_owner(house) as connection:
        connection.execute(text("UPDATE exhibit SET held = true WHERE id = :id"), {"id": house.exhibits[0]})
    (fault,) = audited(house).faults
    assert (fault.kind, str(house.exhibits[0]) in fault.place) == ("hold_missing", True)


def test_every_kind_of_fault_is_explained_to_whoever_must_act():
    kinds_there_are = {
        kind
        for path in (ROOT / "archive").glob("audit_*.py")
        for kind in re.findall(r'Fault\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    explained = set(re.findall(r"`([a-z_]+)`", page("operations.md").partition("### Audits")[2].partition("###")[0]))
    assert len(kinds_there_are) > 20
    assert kinds_there_are <= explained
