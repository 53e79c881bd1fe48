"""Attacks on the living archive, by who holds the database, the kept checkpoint and even the signing key.

The audit finds each and names its place. What the database's owner alone can do is tried row by row, and what the
bucket's credentials alone can do object by object, in tests/archive/test_audit.py.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import tsp
from sqlalchemy import select, text

from archive import tlog
from archive.asking import parsed_authorities
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import MissingFromVaultError
from archive.ledger import checkpoint_note, record
from archive.signed_note import Checkpoint, Note, SigningKey
from archive.stamping import Stamper
from archive.tables import checkpoint, custody_entry, custody_leaf, custody_payload, published, timestamp_token
from archive.timestamps import stamped_bytes
from archive.token_check import Roots
from archive.vault import Vault
from tests.archive.authority import authority, granting, respond, serving
from tests.archive.ledger_story import publisher
from tests.archive.test_audit import as_owner, audited
from tests.archive.test_witnessing import Bench
from workers.authorities import ask

MADE, MADE_UP = authority(today=True), authority("Made up", today=True)
ROOTS = Roots.parse(MADE.root.pem)
LEDGER = ("custody_entry", "custody_payload", "custody_leaf", "tree_node", "checkpoint", "cosignature")


@dataclass
class House:
    """An archive with a witness and an authority; `grow` ends in a checkpoint that has what it is told to have."""

    bench: Bench
    stamper: Stamper
    entries: list[int] = field(default_factory=list)

    @property
    def installation(self) -> Any:
        return self.bench.installation

    def record(self, *, ahead: timedelta = timedelta()) -> None:
        with self.installation.engine.begin() as connection:
            at = datetime.now(UTC) + ahead
            record(connection, CustodyEntry(SYSTEM, Action.QUARANTINE_VIEWED, "account:him", at, {"reason": "true"}))

    def grow(self, *, stamped: bool = True, published: bool = True) -> int:
        """Two entries and a checkpoint over them; what a token leaves behind comes with the next."""
        self.record()
        size = self.bench.grow()
        self.bench.collector.collect()
        if stamped:
            assert self.stamper.stamp_now(size).tokens
        if published:
            publisher(self.installation).publish()
        return size

    def audit(self, **ground: Any) -> set[tuple[str, str]]:
        return {(each.kind, each.place) for each in audited(self.installation, roots=ROOTS, **ground).faults}

    def refused(self, *sizes: int) -> set[tuple[str, str]]:
        """The witness's cosignatures over checkpoints of these sizes, which it did not make over what now stands there."""
        named = self.bench.known.key.encode()
        return {("cosignature_refused", f"cosignature of {named} over checkpoint {size}") for size in sizes}

    def newest_entry(self) -> int:
        return self.bench.look(select(custody_leaf.c.leaf_index).order_by(custody_leaf.c.leaf_index.desc()))[0][0]


@pytest.fixture
def house(installation, tmp_path):
    with serving(granting(MADE)) as server:
        yield House(
            Bench(installation, tmp_path),
            Stamper(installation.engine, parsed_authorities([server.url]), ROOTS, ask, lambda: datetime.now(UTC)),
        )


def authority_of(house: House) -> str:
    return house.stamper.names[0]


def test_an_archive_that_nobody_attacked_has_no_fault(house: House) -> None:
    for _ in range(2):
        house.grow()
    found = audited(house.installation, roots=ROOTS)
    assert found.faults == []
    assert found.looked_at["times"] >= 5
    assert found.looked_at["copies"] == 6


# --- history made anew with everything the house holds ---------------------------------------------------------------


def make_history_anew(house: House, index: int) -> None:
    """Change one payload, and make everything that follows from it anew: leaves, streams, tree, and every signature."""
    engine, sequencer = house.installation.engine, house.installation.sequencer
    with engine.connect() as connection:
        rows = connection.execute(
            select(custody_leaf, custody_payload.c.body)
            .join(custody_payload, custody_payload.c.entry_id == custody_leaf.c.entry_id)
            .order_by(custody_leaf.c.leaf_index)
        ).all()
        sizes = list(connection.execute(select(checkpoint.c.size).order_by(checkpoint.c.size)).scalars())
    hashes, leaves, changes = {}, [], []
    for row in rows:
        body, leaf = bytes(row.body), bytes(row.leaf)
        if row.leaf_index == index:
            body = body.replace(b'"true"', b'"else"')
            leaf = leaf.replace(
                hashlib.sha256(row.body).hexdigest().encode(), hashlib.sha256(body).hexdigest().encode()
            )
        for old, new in hashes.items():
            leaf = leaf.replace(old.hex().encode(), new.hex().encode())
        hashes[bytes(row.leaf_hash)] = tlog.leaf_hash(leaf)
        leaves.append(leaf)
        prev = hashes.get(bytes(row.stream_prev), bytes(row.stream_prev))
        changes.append({"id": row.entry_id, "body": body, "leaf": leaf, "hash": tlog.leaf_hash(leaf), "prev": prev,
                        "digest": hashlib.sha256(body).hexdigest()})  # fmt: skip
    with as_owner(house.installation, *LEDGER) as connection:
        for statement in (
            "UPDATE custody_payload SET body = :body WHERE entry_id = :id",
            "UPDATE custody_entry SET payload_sha256 = :digest WHERE id = :id",
            "UPDATE custody_leaf SET leaf = :leaf, leaf_hash = :hash, stream_prev = :prev WHERE entry_id = :id",
        ):
            connection.execute(text(statement), changes)
        nodes = {
            (level, at): digest for level, at, digest in tlog.append_nodes(0, [], [each["hash"] for each in changes])
        }
        connection.execute(
            text("UPDATE tree_node SET hash = :hash WHERE level = :level AND idx = :at"),
            [{"level": level, "at": at, "hash": digest} for (level, at), digest in nodes.items()],
        )
        for size in sizes:
            root = tlog.root(size, [nodes[node] for node in tlog.frontier_indexes(size)])
            note = Checkpoint(sequencer.key.name, size, root).signed_by(sequencer.key).encode()
            connection.execute(
                text("UPDATE checkpoint SET root = :root, note = :note WHERE size = :size"),
                {"size": size, "root": root, "note": note},
            )
    sequencer.outside.write_bytes(note)


def test_history_made_anew_with_the_signing_key_is_found_by_what_was_published_before(house: House) -> None:
    first, second = house.grow(stamped=False), house.grow(stamped=False)
    changed = 1
    make_history_anew(house, changed)
    assert house.audit() == {
        ("history_changed", f"checkpoint {first}"),
        ("history_changed", f"checkpoint {second}"),
        ("history_changed", f"entry {changed}"),
        *house.refused(first, second),
    }


def test_history_made_anew_with_the_signing_key_is_found_by_its_old_tokens(house: House) -> None:
    size = house.grow(published=False)
    make_history_anew(house, 1)
    place = f"token of {authority_of(house)} over checkpoint {size}"
    assert house.audit() == {("token_refused", place), *house.refused(size)}


def test_history_made_anew_with_its_old_tokens_taken_away_is_found_by_their_receipts(house: House) -> None:
    size = house.grow(published=False)
    second = house.grow(stamped=False, published=False)
    make_history_anew(house, 1)
    with as_owner(house.installation, "timestamp_token") as connection:
        connection.execute(text("DELETE FROM timestamp_token"))
    place = f"token of {authority_of(house)} over checkpoint {size}"
    assert house.audit() == {("token_missing", place), *house.refused(size, second)}


def test_history_made_anew_does_not_get_round_its_copies_by_forgetting_that_they_were_published(house: House) -> None:
    house.grow(stamped=False)
    copied = house.bench.look(select(published))
    make_history_anew(house, 1)
    with as_owner(house.installation) as connection:
        connection.execute(text("DELETE FROM published"))
    found = house.audit(grace=timedelta(0))
    assert found >= {("object_unknown", f"{row.vault_key} version {row.vault_version}") for row in copied}


def test_history_made_anew_does_not_get_round_its_copies_by_copies_made_anew(house: House) -> None:
    size = house.grow(stamped=False)
    make_history_anew(house, 1)
    vault = house.installation.vault
    copied = house.bench.look(select(published).where(published.c.name == f"checkpoint/{size:012d}"))[0]
    with house.installation.engine.connect() as connection:
        note = checkpoint_note(connection, size)
    forged = vault.client.put_object(Bucket=vault.bucket, Key=copied.vault_key, Body=note)
    with as_owner(house.installation) as connection:
        connection.execute(
            text("UPDATE published SET vault_version = :version, sha256 = :sha256 WHERE name = :name"),
            {"version": forged["VersionId"], "sha256": hashlib.sha256(note).hexdigest(), "name": copied.name},
        )
    assert house.audit() == {
        ("foreign_version", f"{copied.vault_key} version {copied.vault_version}"),
        ("lock_missing", f"{copied.vault_key} version {forged['VersionId']}"),
        *house.refused(size),
    }


def test_a_rolled_back_database_with_its_kept_checkpoint_is_found_by_what_was_published(house: House) -> None:
    first = house.grow(stamped=False)
    kept = house.installation.sequencer.outside.read_bytes()
    second = house.grow(stamped=False)
    with as_owner(house.installation, *LEDGER) as connection:
        for statement in (
            "DELETE FROM cosignature WHERE checkpoint_size > :size",
            "DELETE FROM checkpoint WHERE size > :size",
            "DELETE FROM custody_payload WHERE entry_id IN (SELECT entry_id FROM custody_leaf WHERE leaf_index >= :size)",
            (
                "WITH gone AS (DELETE FROM custody_leaf WHERE leaf_index >= :size RETURNING entry_id) "
                "DELETE FROM custody_entry WHERE id IN (SELECT entry_id FROM gone)"
            ),
            "DELETE FROM tree_node WHERE (idx + 1) << level > :size",
        ):
            connection.execute(text(statement), {"size": first})
    house.installation.sequencer.outside.write_bytes(kept)
    assert house.audit() == {
        ("checkpoint_missing", f"checkpoint {second}"),
        ("cosignature_missing", f"cosignature over checkpoint {second}"),
        ("history_changed", f"entry {first}"),
    }


def test_what_the_vaults_operator_purged_is_found(house: House) -> None:
    house.grow(stamped=False)
    gone = house.bench.look(select(published).where(published.c.name.startswith("checkpoint/")))[0]

    class Purged(Vault):
        def fetch(self, key: str, version: str) -> Any:
            if key == gone.vault_key:
                raise MissingFromVaultError(key, version)
            return super().fetch(key, version)

    vault = house.installation.vault
    found = audited(house.installation, roots=ROOTS, vault=Purged(vault.client, vault.bucket)).faults
    assert [(each.kind, each.place) for each in found] == [
        ("object_missing", f"{gone.vault_key} version {gone.vault_version}")
    ]


# --- tokens and cosignatures -----------------------------------------------------------------------------------------


def other_response(house: House, size: int, made: Any, **wish: Any) -> bytes:
    with house.installation.engine.connect() as connection:
        stamped = stamped_bytes(checkpoint_note(connection, size))
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(stamped).digest()}
    request = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "nonce": 1, "cert_req": True})
    return respond(request.dump(), made, **{"at": datetime.now(UTC).replace(microsecond=0), **wish})


def put_in_place(house: House, size: int, response: bytes, gen_time: datetime | None = None) -> None:
    with as_owner(house.installation, "timestamp_token") as connection:
        connection.execute(
            text(
                "UPDATE timestamp_token SET response = :response, sha256 = :sha256, "
                "gen_time = coalesce(:gen_time, gen_time) WHERE checkpoint_size = :size"
            ),
            {"response": response, "sha256": hashlib.sha256(response).hexdigest(), "size": size, "gen_time": gen_time},
        )


def forged_token(house: House, size: int, how: str) -> None:
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(days=100)
    if how == "swapped":
        other = house.bench.look(select(timestamp_token).where(timestamp_token.c.checkpoint_size != size))[0]
        put_in_place(house, size, bytes(other.response), other.gen_time)
    elif how == "foreign":
        put_in_place(house, size, other_response(house, size, MADE_UP))
    elif how == "back-dated by a made-up authority":
        put_in_place(house, size, other_response(house, size, MADE_UP, at=long_ago), long_ago)
    else:
        put_in_place(house, size, other_response(house, size, MADE, named=()))


@pytest.mark.parametrize("how", ["swapped", "foreign", "back-dated by a made-up authority", "without ESSCertIDv2"])
def test_a_token_put_in_the_place_of_another_is_found(house: House, how: str) -> None:
    house.grow()
    size = house.grow()
    forged_token(house, size, how)
    place = f"token of {authority_of(house)} over checkpoint {size}"
    found = house.audit()
    assert {("token_unrecorded", place), ("token_refused", place), ("token_changed", place)} <= found
    assert {found_at for kind, found_at in found if kind != "clock_off"} == {place}


def test_a_token_taken_away_is_found_in_the_vault_and_in_the_ledger(house: House) -> None:
    size = house.grow()
    house.grow(stamped=False)
    with as_owner(house.installation, "timestamp_token") as connection:
        connection.execute(text("DELETE FROM timestamp_token"))
    assert house.audit() == {
        ("token_missing", f"token over checkpoint {size}"),
        ("token_missing", f"token of {authority_of(house)} over checkpoint {size}"),
    }


@pytest.mark.parametrize(
    ("statement", "kind", "whose"),
    [
        ("DELETE FROM cosignature", "cosignature_missing", ""),
        ("UPDATE cosignature SET line = line || ' '", "cosignature_changed", "of {} "),
    ],
)
def test_a_cosignature_taken_away_or_altered_is_found(house: House, statement: str, kind: str, whose: str) -> None:
    size = house.grow(stamped=False)
    with as_owner(house.installation, "cosignature") as connection:
        (witness,) = connection.execute(text("SELECT witness FROM cosignature")).scalars()
        connection.execute(text(statement))
    place = f"cosignature {whose.format(witness)}over checkpoint {size}"
    # What is no longer a line of a note does not hold either.
    refused = {("cosignature_refused", place)} if whose else set()
    assert house.audit() == {(kind, place)} | refused


def test_a_cosignature_over_another_checkpoint_is_refused_at_its_place(house: House) -> None:
    house.grow(stamped=False, published=False)
    size = house.grow(stamped=False, published=False)
    with as_owner(house.installation, "cosignature") as connection:
        (witness,) = set(connection.execute(text("SELECT witness FROM cosignature")).scalars())
        swap = "UPDATE cosignature SET line = (SELECT line FROM cosignature WHERE checkpoint_size < :size) WHERE checkpoint_size = :size"
        connection.execute(text(swap), {"size": size})
    assert house.audit() == {("cosignature_refused", f"cosignature of {witness} over checkpoint {size}")}


def test_a_cosignature_that_is_said_to_be_older_than_it_is_is_found(house: House) -> None:
    size = house.grow(stamped=False)
    with as_owner(house.installation, "cosignature") as connection:
        (witness,) = connection.execute(text("SELECT witness FROM cosignature")).scalars()
        connection.execute(text("UPDATE cosignature SET cosigned_at = cosigned_at - interval '1 day'"))
    assert house.audit() == {("cosignature_changed", f"cosignature of {witness} over checkpoint {size}")}


def test_a_witness_made_up_by_whoever_holds_the_database_is_refused_where_the_true_one_is_known(house: House) -> None:
    size = house.grow(stamped=False, published=False)
    known, made_up = house.bench.known.key, SigningKey.generate("witness.example/w1")
    with house.installation.engine.connect() as connection:
        signed = Note.parse(checkpoint_note(connection, size)).text
    with as_owner(house.installation, "cosignature") as connection:
        row = {"witness": made_up.witness.encode(), "line": str(made_up.cosign(signed, 1_795_000_000))}
        at = datetime.fromtimestamp(1_795_000_000, UTC)
        connection.execute(
            text("UPDATE cosignature SET witness = :witness, line = :line, cosigned_at = :at"), row | {"at": at}
        )
    place = f"cosignature of {made_up.witness.encode()} over checkpoint {size}"
    assert house.audit(witnesses=(known,)) == {("cosignature_refused", place)}
    assert house.audit() == set()


# --- the archive's own clock -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [-2, 2])
def test_a_clock_two_days_off_either_way_is_found_at_its_entry(house: House, days: int) -> None:
    house.grow()
    house.bench.installation.sequencer.run_once()
    house.record(ahead=timedelta(days=days))
    house.bench.installation.sequencer.run_once()
    wrong = house.newest_entry()
    house.grow()
    assert house.audit() == {("clock_off", f"entry {wrong}")}


def test_times_and_copies_are_looked_at_in_pages_of_any_size(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.grow()
    house.record(ahead=timedelta(days=-2))
    house.grow()
    house.record(ahead=timedelta(days=2))
    house.grow()
    with as_owner(house.installation, "timestamp_token") as connection:
        connection.execute(
            text("DELETE FROM timestamp_token WHERE checkpoint_size = (SELECT max(size) FROM checkpoint)")
        )
    whole = house.audit()
    assert {"clock_off"} <= {kind for kind, _ in whole}
    for size in (1, 2, 3):
        monkeypatch.setattr("archive.audit_times.AT_ONCE", size)
        monkeypatch.setattr("archive.audit_copies.AT_ONCE", size)
        assert house.audit() == whole
    looked = house.bench.look(select(custody_entry.c.id))
    assert len(looked) > 8
