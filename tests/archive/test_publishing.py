"""The ledger lies in the vault in the form of c2sp.org/tlog-tiles, locked, once, whatever dies in between."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from archive import tlog
from archive.custody import pseudonym
from archive.errors import OverwrittenError, VaultUnavailableError
from archive.ledger import checkpoint_note
from archive.publishing import Publisher, key_of, prefix_of, published_size
from archive.signed_note import Checkpoint, Note
from archive.tables import custody_leaf, custody_payload, mark, published
from archive.tiles import hashes_of, leaves_of
from archive.vault import Vault
from cli.composition import now
from tests.archive.ledger_story import more_entries, publisher, some_exhibits


def body(installation, name):
    """The bytes of one published object, by the version its row names."""
    with installation.engine.connect() as connection:
        row = connection.execute(select(published).where(published.c.name == name)).one()
    return installation.vault.read(row.vault_key, row.vault_version, sha256=row.sha256)


def names(installation):
    with installation.engine.connect() as connection:
        return list(connection.execute(select(published.c.name).order_by(published.c.name)).scalars())


def test_what_is_published_is_a_log_that_anyone_can_check(installation):
    """From the vault's bytes alone: bundles hash to the tiles, the tiles to the signed root."""
    more_entries(installation, 300)
    publisher(installation).publish()
    note = Note.parse(body(installation, f"checkpoint/{300:012d}"))
    assert note.signers([installation.sequencer.key.verifier])
    signed = Checkpoint.parse(note.text)
    leaves = leaves_of(body(installation, "tile/entries/000")) + leaves_of(body(installation, "tile/entries/001.p/44"))
    hashes = hashes_of(body(installation, "tile/0/000")) + hashes_of(body(installation, "tile/0/001.p/44"))
    assert [tlog.leaf_hash(leaf) for leaf in leaves] == hashes
    added = tlog.append_nodes(0, [], hashes)
    size, frontier = tlog.frontier_after(0, [], added)
    assert (size, tlog.root(size, frontier)) == (signed.size, signed.root)
    assert hashes_of(body(installation, "tile/1/000.p/1")) == [frontier[0]]


def test_every_object_is_locked_for_as_long_as_its_kind(installation):
    settings = installation.settings
    assert settings.lock_days != settings.ledger_lock_days
    some_exhibits(installation)
    publisher(installation).publish()
    with installation.engine.connect() as connection:
        rows = connection.execute(select(published)).all()
    for row in rows:
        stored = installation.vault.look(row.vault_key, row.vault_version)
        days = settings.lock_days if row.name.startswith("payloads/") else settings.ledger_lock_days
        assert stored.retain_until == row.retain_until
        assert timedelta(days=days, hours=-1) < row.retain_until - now() < timedelta(days=days)
        assert (row.stream is not None) == row.name.startswith("payloads/")
        assert row.vault_key == prefix_of(installation.settings.origin) + row.name


def test_payloads_lie_by_stream_under_its_pseudonym_and_say_exactly_what_the_database_says(installation):
    exhibit_id = some_exhibits(installation)[0]
    publisher(installation).publish()
    name = pseudonym(installation.sequencer.secret, f"exhibit:{exhibit_id}")
    (batch,) = [each for each in names(installation) if each.startswith(f"payloads/{name}/")]
    told = {
        line["leaf_index"]: line["payload"].encode() for line in map(json.loads, body(installation, batch).splitlines())
    }
    query = (
        select(custody_leaf.c.leaf_index, custody_payload.c.body)
        .join(custody_payload, custody_payload.c.entry_id == custody_leaf.c.entry_id)
        .where(custody_leaf.c.stream == name)
    )
    with installation.engine.connect() as connection:
        assert told == {row.leaf_index: bytes(row.body) for row in connection.execute(query)}
    assert all(json.loads(payload)["stream"] == f"exhibit:{exhibit_id}" for payload in told.values())
    assert str(exhibit_id) not in batch


def test_outside_payloads_nothing_published_names_a_person_an_exhibit_or_a_case(installation):
    exhibits = some_exhibits(installation)
    publisher(installation).publish()
    for name in names(installation):
        if not name.startswith("payloads/"):
            raw = body(installation, name)
            for secret in ["officer@force.example", "Amy", "7700900", *map(str, exhibits)]:
                assert secret.encode() not in raw, name


def test_publishing_again_writes_nothing_and_growing_writes_only_what_grew(installation):
    more_entries(installation, 3)
    assert publisher(installation).publish() > 0
    assert publisher(installation).publish() == 0
    before = set(names(installation))
    more_entries(installation, 2)
    publisher(installation).publish()
    assert set(names(installation)) - before >= {"tile/0/000.p/5", "tile/entries/000.p/5", f"checkpoint/{5:012d}"}
    assert set(names(installation)) >= before
    with installation.engine.connect() as connection:
        assert published_size(connection) == 5


class Dying(Vault):
    """A vault from which the process is cut off after so many puts."""

    left = 0

    def put(self, key, body, **how):
        if self.left == 0:
            raise VaultUnavailableError("store", "the test says so")
        self.left -= 1
        return super().put(key, body, **how)


@pytest.mark.parametrize("puts", [0, 1, 3, 5])
def test_after_a_crash_at_any_put_the_next_run_ends_in_the_same_objects(installation, puts):
    """Between crash and repeat the ledger grew: what the first run began is finished as it was begun."""
    more_entries(installation, 260)
    dying = Dying(installation.vault.client, installation.vault.bucket)
    dying.left = puts
    with ThreadPoolExecutor(1) as one, pytest.raises(VaultUnavailableError):
        publisher(installation, vault=dying, threads=one).publish()
    assert names(installation) == []
    more_entries(installation, 7)
    publisher(installation).publish()
    assert f"checkpoint/{260:012d}" in names(installation)
    publisher(installation).publish()
    assert f"checkpoint/{267:012d}" in names(installation)
    listed = [one for page in installation.vault.versions(prefix_of(installation.settings.origin)) for one in page]
    with installation.engine.connect() as connection:
        rows = {(row.vault_key, row.vault_version) for row in connection.execute(select(published))}
    assert {(one.key, one.version) for one in listed} == rows
    assert len(listed) == len(rows)


def test_another_object_under_a_name_of_ours_stops_publishing(installation):
    more_entries(installation, 2)
    key = key_of(installation.settings.origin, "tile/0/000.p/2")
    installation.vault.put(
        key,
        b"forged",
        size_bytes=6,
        sha256=hashlib.sha256(b"forged").hexdigest(),
        retain_until=now() + timedelta(days=1),
        metadata={},
    )
    with pytest.raises(OverwrittenError, match="tile/0/000"):
        publisher(installation).publish()


def test_a_payload_erased_before_it_was_published_never_reaches_the_vault(installation):
    exhibit_id = some_exhibits(installation)[0]
    with installation.engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT entry_id, payload_sha256 FROM custody_payload JOIN custody_entry ON id = entry_id "
                "WHERE stream = :stream ORDER BY id LIMIT 1"
            ),
            {"stream": f"exhibit:{exhibit_id}"},
        ).one()
    from archive.database import engine

    disposal = engine(installation.settings.database_disposal_url, pool_size=1)
    with disposal.begin() as connection:
        connection.execute(text("DELETE FROM custody_payload WHERE entry_id = :id"), {"id": found.entry_id})
    disposal.dispose()
    publisher(installation).publish()
    for name in names(installation):
        if name.startswith("payloads/"):
            for line in map(json.loads, body(installation, name).splitlines()):
                assert hashlib.sha256(line["payload"].encode()).hexdigest() != found.payload_sha256


def test_checkpoints_between_two_runs_are_all_there(installation):
    for many in (2, 3, 4):
        more_entries(installation, many)
    publisher(installation).publish()
    (book,) = [name for name in names(installation) if name.startswith("checkpoints/")]
    told = [json.loads(line)["size"] for line in body(installation, book).splitlines()]
    assert told == [2, 5, 9]
    with installation.engine.connect() as connection:
        assert body(installation, f"checkpoint/{9:012d}") == checkpoint_note(connection, 9)


def test_two_publishers_do_not_meet(installation):
    more_entries(installation, 5)
    from archive.publishing import ADVISORY_LOCK

    with installation.engine.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        assert publisher(installation).publish() == 0
    assert publisher(installation).publish() > 0


def test_nothing_is_published_into_a_vault_that_is_not_trusted(installation):
    from archive.errors import VaultNotTrustedError

    more_entries(installation, 1)
    with installation.engine.begin() as connection:
        connection.execute(
            mark.update().where(mark.c.name == "vault").values(value={"trusted": False, "accepted": ["x"]})
        )
    with pytest.raises(VaultNotTrustedError):
        publisher(installation).publish()


def test_more_than_one_step_is_published_as_one(installation, monkeypatch):
    monkeypatch.setattr("archive.publishing.STEP", 256)
    more_entries(installation, 600)
    assert isinstance(publisher(installation), Publisher)
    publisher(installation).publish()
    assert {"tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"} <= set(names(installation))
    leaves = [
        leaf
        for name in ("tile/entries/000", "tile/entries/001", "tile/entries/002.p/88")
        for leaf in leaves_of(body(installation, name))
    ]
    with installation.engine.connect() as connection:
        assert leaves == [
            bytes(leaf)
            for leaf in connection.execute(select(custody_leaf.c.leaf).order_by(custody_leaf.c.leaf_index)).scalars()
        ]
