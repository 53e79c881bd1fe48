"""Promise 8: a database that is gone comes back from the vault alone, row by row."""

import json
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from zipfile import ZipFile

import pytest
from sqlalchemy import insert, select, text

from archive import disposal
from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel, rendered
from archive.alerts import raise_alert
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.custody import SYSTEM, Action, CustodyEntry, exhibit_stream
from archive.database import engine
from archive.dump import FROM_THE_LEDGER, LET_GO, MADE_ANEW, dumped_tables
from archive.errors import EnvelopeError, NotEmptyError, RebuildError
from archive.ledger import record
from archive.locks import Locks
from archive.marks import VAULT, set_mark
from archive.parking import park
from archive.publishing import key_of
from archive.rebuild import Rebuild
from archive.retention import close_case, lift_hold, place_hold
from archive.tables import (
    account,
    acquisition,
    checkpoint,
    contributor,
    cosignature,
    custody_entry,
    custody_leaf,
    custody_payload,
    exhibit,
    mark,
    metadata,
    reply,
    timestamp_token,
)
from cli import keepers
from cli.composition import now
from intake.importing import import_files
from replies.deciding import decide_for
from replies.policy import Limits
from tests.archive.ledger_story import a_case, more_entries, publisher, some_exhibits
from timeline.readings import read_again

# What a rebuild does not bring back as it was, and why.
MAY_DIFFER = {
    "session": "everybody signs in again",
    "custody_pending": "one entry waits: that the index was rebuilt",
    "audit_run": "audits begin anew",
    "audit_fault": "as their runs",
    "upload_piece": "files half-way up begin again",
    "timestamp_attempt": "history of asking, not a token",
    "timestamp_due": "what is owed is found again by the schedule",
    "timestamp_authority": "how authorities fared is learnt again",
    "published": "compared by name and version: the dump was marked after it was taken",
    "mark": "compared name by name",
}
# Columns that differ in rows that come back, and why.
COLUMNS_THAT_DIFFER = {
    "acquisition": {"attempts"},  # tries are over
    "reply": {"state", "failed_because"},  # what was planned may no longer go
}
# The ledger keeps milliseconds; these times exist in payloads alone.
TO_THE_MILLISECOND = {"acquisition": {"received_at", "delivered_at"}, "reading": {"ordered_at"}, "reply": {"due_at"}}
LIMITS = Limits(timedelta(seconds=120), 24, 500, texts=True, mails=True, own=frozenset())


def told(table, row):
    values = {name: value for name, value in row.items() if name not in COLUMNS_THAT_DIFFER.get(table.name, ())}
    for name in TO_THE_MILLISECOND.get(table.name, ()):
        values[name] = rendered(values[name]) if values[name] else None
    return json.dumps(values, default=str, sort_keys=True)


def rows_of(one):
    with one.connect() as connection:
        return {
            table.name: sorted(told(table, dict(row)) for row in connection.execute(select(table)).mappings())
            for table in metadata.sorted_tables
        }


@dataclass
class Again:
    """A second database, empty and migrated, and the means to rebuild into it."""

    owner: object
    app: object
    work: Rebuild

    def run(self):
        made = self.work.index()
        vault = self.work.ledger.vault
        self.work.originals(made, lambda each: read_again(self.app, vault, each, now=now))
        return made


@pytest.fixture
def again(installation, stack, migrated):
    """A new database beside the one that is lost, over the same vault."""
    urls = stack.fresh_database(migrated)
    owner, app = engine(urls.owner, pool_size=2), engine(urls.app, pool_size=2)
    seen = []
    ledger = keepers.vaulted_ledger(installation.settings, installation.archive)
    yield Again(owner, app, Rebuild(owner, ledger, now, lambda *step: seen.append(step)))
    owner.dispose()
    app.dispose()


def a_dump(installation):
    return keepers.dumper(installation.settings, installation.archive).dump()


def a_whole_house(installation):
    """Every kind of row that the ledger tells of, and some that it does not."""
    exhibits = some_exhibits(installation)
    with installation.engine.begin() as connection:
        for each in exhibits:
            decide_for(connection, each, vault=installation.vault, now=now(), limits=LIMITS)
        waits = Acquisition.of(b"Body=parked", channel=Channel.SMS, source_id="SM9", at=now(), media_type="text/plain")
        receive(connection, waits, Belonging(sender="+447700900123"))
        park(connection, waits.id, because="the test says so", at=now(), actor="system:tests")
        raise_alert(connection, "fault", at=now(), acquisition_id=exhibits[0], text="look")
    while installation.sequencer.run_once():
        pass
    with installation.engine.begin() as connection:
        size = connection.execute(select(checkpoint.c.size).order_by(checkpoint.c.size.desc())).scalars().first()
        connection.execute(
            insert(cosignature).values(
                checkpoint_size=size, witness="witness.example/w1", line="— witness.example/w1 AAAA", cosigned_at=now()
            )
        )
        connection.execute(
            insert(timestamp_token).values(
                checkpoint_size=size,
                authority="http://tsa.example/é",
                response=b"\x30\x00response",
                sha256="0" * 64,
                gen_time=now(),
                accuracy_ms=5,
                signer="CN=A Søgner",
                demonstration=True,
                received_at=now(),
                entry_id=1,
            )
        )
    return exhibits


def test_a_database_that_is_dropped_comes_back_row_by_row(installation, again):
    a_whole_house(installation)
    publisher(installation).publish()
    a_dump(installation)
    before = rows_of(installation.engine)
    made = again.run()
    after = rows_of(again.app)
    assert made.faults == made.missing_payloads == made.readings_changed == []
    assert made.refers_to_nothing == 0
    for name, rows in before.items():
        if name == "custody_entry":
            assert rows == [row for row in after[name] if json.loads(row)["id"] <= made.size]
        elif name == "custody_payload":
            assert rows == [row for row in after[name] if json.loads(row)["entry_id"] <= made.size]
        elif name not in MAY_DIFFER:
            assert rows == after[name], name
    for name in (
        "exhibit",
        "acquisition",
        "case",
        "contributor_contact",
        "reading",
        "reply_item",
        "cosignature",
        "alert",
    ):
        assert before[name], name
    assert made.counts["exhibit"] == 4
    with again.app.connect() as connection:
        known = dict(connection.execute(select(mark.c.name, mark.c.value)).all())
        last = connection.execute(
            text(
                "SELECT convert_from(body, 'UTF8')::json ->> 'action' FROM custody_payload ORDER BY entry_id DESC LIMIT 1"
            )
        ).scalar_one()
    assert (known["published"], known["vault"]["trusted"]) == (made.size, True)
    assert last == Action.INDEX_REBUILT


def test_what_was_published_is_known_again_by_name_version_and_stream(installation, again):
    a_whole_house(installation)
    publisher(installation).publish()
    a_dump(installation)
    again.run()
    before, after = rows_of(installation.engine)["published"], rows_of(again.app)["published"]
    assert before == after


def test_a_rebuilt_index_goes_on_where_the_lost_one_ended(installation, again):
    """New entries, checkpoints that the kept one proves, publishing, and another rebuild of all of it."""
    a_whole_house(installation)
    publisher(installation).publish()
    made = again.run()
    with again.app.begin() as connection:
        # A worker tests the vault before it starts; nothing is published before that.
        set_mark(connection, VAULT, {"trusted": True, "accepted": []}, at=now())
    sequencer = replace(installation.sequencer, engine=again.owner)
    assert sequencer.run_once() == 1
    fresh = replace(publisher(installation), engine=again.app)
    assert fresh.publish() > 0
    assert again.work.ledger.newest_checkpoint().size == made.size + 1


def came_with(one):
    with one.connect() as connection:
        rows = connection.execute(select(acquisition.c.id, acquisition.c.parent_id, acquisition.c.door))
        return {row.id: (row.parent_id, row.door) for row in rows}


def test_what_came_out_of_one_file_is_pieces_of_it_again(installation, again, tmp_path):
    case, _ = a_case(installation)
    chat = (
        "[23/11/2026, 10:00:00] Him: look at this\r\n"
        "[23/11/2026, 10:01:00] Him: \u200e<attached: 00000002-PHOTO-2026-11-23-10-01-00.jpg>\r\n"
    )
    with ZipFile(tmp_path / "WhatsApp Chat - Him.zip", "w") as bag:
        bag.writestr("_chat.txt", chat)
        bag.writestr("00000002-PHOTO-2026-11-23-10-01-00.jpg", b"\xff\xd8\xff\xe0 a picture")
    files = [tmp_path / "WhatsApp Chat - Him.zip"]
    (made,) = import_files(installation.archive, files, Belonging(case_id=case.id), now=now)
    while installation.sequencer.run_once():
        pass
    publisher(installation).publish()
    again.run()
    before, after = came_with(installation.engine), came_with(again.app)
    assert len(before) == len(made.ids) > 3
    assert any(parent for parent, _ in before.values())
    assert sum("container_sha256" in door for _, door in before.values()) >= 2
    assert after == before


def test_a_piece_that_was_archived_before_what_it_came_with_is_tied_to_it_again(installation, again):
    a_case(installation)
    with installation.engine.begin() as connection:
        of_text = Acquisition.of(b"Body=1", channel=Channel.SMS, source_id="SM1", at=now(), media_type="text/plain")
        receive(connection, of_text, Belonging(sender="+447700900123"))
        of_waiting = Acquisition.of(b"Body=2", channel=Channel.SMS, source_id="SM2", at=now(), media_type="text/plain")
        receive(connection, of_waiting, Belonging(sender="+447700900123"))
    pictures = [
        Acquisition.of(b"GIF89a%d" % n, channel=Channel.SMS, source_id=f"ME{n}", at=now(), media_type="image/gif")
        for n in (1, 2)
    ]
    parents = [Belonging(parent_id=each.id) for each in (of_text, of_waiting)]
    installation.archive.accession_now(list(zip(pictures, parents, strict=True)), now=now())
    with installation.engine.begin() as connection:
        park(connection, of_waiting.id, because="the test says so", at=now(), actor="system:tests")
    installation.archive.accession_waiting(now=now())
    while installation.sequencer.run_once():
        pass
    publisher(installation).publish()
    a_dump(installation)
    again.run()
    after = came_with(again.app)
    assert [after[each.id][0] for each in pictures] == [of_text.id, of_waiting.id]
    assert after == came_with(installation.engine)


def test_an_answer_that_was_planned_never_goes_out_because_of_a_rebuild(installation, again):
    exhibits = a_whole_house(installation)
    publisher(installation).publish()
    a_dump(installation)
    with installation.engine.connect() as connection:
        assert connection.execute(select(reply.c.state)).scalars().all() == ["planned"]
    again.run()
    with again.app.begin() as connection:
        assert connection.execute(select(reply.c.state)).scalars().all() == ["withdrawn"]
        for each in exhibits:
            found = decide_for(connection, each, vault=installation.vault, now=now(), limits=LIMITS)
            assert found is None or found.decision is None
        assert connection.execute(select(reply.c.state)).scalars().all() == ["withdrawn"]


def test_without_a_dump_cases_and_people_come_from_the_ledger_and_are_silent(installation, again):
    some_exhibits(installation)
    publisher(installation).publish()
    made = again.run()
    assert made.dump is None
    with again.app.connect() as connection:
        person = connection.execute(select(contributor)).one()
        assert (person.name, person.initials, person.reply_style) == ("Amy Carter", "AC", "none")
        officer = connection.execute(select(account)).one()
        assert (officer.email, officer.password_hash) == ("officer@force.example", "*")
    before, after = rows_of(installation.engine), rows_of(again.app)
    for name in ("exhibit", "acquisition", "case", "case_member", "exhibit_counter", "reading", "location"):
        assert before[name] == after[name], name


def test_what_came_after_the_last_dump_is_replayed_over_it(installation, again):
    case, _ = a_case(installation)
    a_dump(installation)
    with installation.engine.begin() as connection:
        person = enrol(
            connection,
            case.id,
            name="Bea Doe",
            contacts=[Contact(ContactKind.EMAIL, "bea@example.org")],
            safe_contact=SafeContact(ReplyStyle.PLAIN),
            at=now(),
            actor="account:x",
        )
    more_entries(installation, 1)
    publisher(installation).publish()
    again.run()
    with again.app.connect() as connection:
        styles = dict(connection.execute(select(contributor.c.name, contributor.c.reply_style)).all())
        ids = set(connection.execute(select(contributor.c.id)).scalars())
    assert styles == {"Amy Carter": "discreet", "Bea Doe": "none"}
    assert person.id in ids


def test_an_erased_payload_stays_erased_though_its_batch_still_lies_under_its_lock(installation, again):
    exhibit_id = some_exhibits(installation)[1]
    publisher(installation).publish()
    with installation.engine.begin() as connection:
        query = (
            select(custody_leaf.c.leaf_index, custody_leaf.c.entry_id)
            .join(custody_entry, custody_entry.c.id == custody_leaf.c.entry_id)
            .where(custody_entry.c.stream == exhibit_stream(exhibit_id))
            .order_by(custody_leaf.c.leaf_index.desc())
        )
        gone = connection.execute(query).first()
        facts = {"leaves": [gone.leaf_index]}
        record(connection, CustodyEntry(SYSTEM, Action.PAYLOAD_ERASED, "account:x", now(), facts))
    more_entries(installation, 1)
    publisher(installation).publish()
    made = again.run()
    assert made.missing_payloads == []
    with again.app.connect() as connection:
        held = set(connection.execute(select(custody_payload.c.entry_id)).scalars())
        leaves = set(connection.execute(select(custody_leaf.c.entry_id)).scalars())
    assert leaves - held == {gone.entry_id}


def test_a_database_that_is_not_empty_is_refused(installation, again):
    more_entries(installation, 1)
    publisher(installation).publish()
    with again.owner.begin() as connection:
        connection.execute(insert(mark).values(name="x", value=1, at=now()))
    with pytest.raises(NotEmptyError, match="mark"):
        again.work.index()


def overwrite(installation, name, body):
    """As somebody who holds the bucket's credentials."""
    installation.vault.client.put_object(
        Bucket=installation.vault.bucket, Key=key_of(installation.settings.origin, name), Body=body
    )


def test_objects_written_over_and_delete_markers_change_nothing(installation, again):
    some_exhibits(installation)
    publisher(installation).publish()
    before = rows_of(installation.engine)
    size = len(before["custody_leaf"])
    for name in (f"tile/entries/000.p/{size}", f"tile/0/000.p/{size}", f"checkpoint/{size:012d}"):
        overwrite(installation, name, b"forged")
    installation.vault.client.delete_object(
        Bucket=installation.vault.bucket, Key=key_of(installation.settings.origin, f"register/{0:012d}-{size:012d}")
    )
    again.run()
    after = rows_of(again.app)
    assert before["custody_leaf"] == after["custody_leaf"]
    assert before["tree_node"] == after["tree_node"]


def test_a_ledger_signed_by_another_key_is_not_rebuilt(installation, again):
    from archive.signed_note import SigningKey

    more_entries(installation, 3)
    publisher(installation).publish()
    other = SigningKey.generate(installation.settings.origin).verifier
    with pytest.raises(RebuildError, match="no checkpoint"):
        replace(again.work, ledger=replace(again.work.ledger, keys=(other,))).index()


def test_another_secret_opens_neither_register_nor_dump(installation, again):
    more_entries(installation, 3)
    publisher(installation).publish()
    with pytest.raises(EnvelopeError):
        replace(again.work, ledger=replace(again.work.ledger, secret=bytes(32))).index()
    assert all(not rows for rows in rows_of(again.owner).values())


def test_a_missing_bundle_is_named_and_nothing_is_written(installation, again, monkeypatch):
    more_entries(installation, 3)
    publisher(installation).publish()
    vault = again.work.ledger.vault

    class Without(type(vault)):
        def versions(self, prefix, **how):
            for page in super().versions(prefix, **how):
                yield [one for one in page if "tile/entries" not in one.key]

    without = Without(vault.client, vault.bucket)
    with pytest.raises(RebuildError, match=r"tile/entries/000\.p/3"):
        replace(again.work, ledger=replace(again.work.ledger, vault=without)).index()
    assert all(not rows for rows in rows_of(again.owner).values())


def test_an_original_that_is_not_what_was_received_is_named(installation, again):
    exhibits = some_exhibits(installation)
    publisher(installation).publish()
    vault = again.work.ledger.vault

    class Lying(type(vault)):
        def digest(self, key, version):
            return "0" * 64 if str(exhibits[0]) in key else super().digest(key, version)

    lying = replace(again.work, ledger=replace(again.work.ledger, vault=Lying(vault.client, vault.bucket)))
    made = lying.index()
    lying.originals(made, lambda each: read_again(again.app, vault, each, now=now))
    (fault,) = made.faults
    assert str(exhibits[0]) in fault


def test_every_table_comes_back_or_is_named_as_one_that_does_not():
    """A table somebody adds is dumped, unless he says here and in archive/dump.py why not."""
    dumped = {table.name for table in dumped_tables()}
    assert dumped | FROM_THE_LEDGER | MADE_ANEW | LET_GO == {table.name for table in metadata.sorted_tables}
    assert set(LET_GO) <= set(MAY_DIFFER)


def test_a_dump_shows_nothing_to_who_lacks_the_secret(installation):
    a_case(installation)
    name, rows = a_dump(installation)
    assert rows > 3
    with installation.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM published WHERE name = :name"), {"name": name}).one()
    raw = installation.vault.read(row.vault_key, row.vault_version, sha256=row.sha256)
    assert b"Amy" not in raw
    assert b"officer@" not in raw
    stored = installation.vault.look(row.vault_key, row.vault_version)
    assert stored.retain_until > now() + timedelta(days=1, hours=23)


def test_closing_holds_and_the_vaults_own_hold_come_back(installation, again):
    exhibits = some_exhibits(installation)
    with installation.engine.begin() as connection:
        case_id = connection.execute(select(exhibit.c.case_id).where(exhibit.c.id == exhibits[0])).scalar_one()
        close_case(connection, case_id, review_by=date(2030, 1, 1), reason="over", at=now(), actor="account:x")
        place_hold(connection, case_id, reason="an appeal", at=now(), actor="account:x")
        a_dump(installation)
    with installation.engine.begin() as connection:
        lift_hold(connection, case_id, reason="decided", at=now(), actor="account:x")
        place_hold(connection, case_id, reason="another", at=now(), actor="account:x")
    Locks(installation.engine, installation.vault, timedelta(hours=2), now).run()
    more_entries(installation, 1)
    publisher(installation).publish()
    again.run()
    before, after = rows_of(installation.engine), rows_of(again.app)
    assert before["case"] == after["case"]
    assert before["exhibit"] == after["exhibit"]
    assert sum(json.loads(row)["held"] for row in after["exhibit"]) == 2

    def without_id(rows):
        return sorted(json.dumps({**json.loads(row), "id": None}, sort_keys=True) for row in rows)

    assert without_id(before["legal_hold"]) == without_id(after["legal_hold"])
    assert len(after["legal_hold"]) == 2


def test_what_was_disposed_of_stays_gone_though_an_older_dump_and_its_batches_knew_it(installation, again):
    installation.archive = replace(installation.archive, lock_for=timedelta(seconds=3))
    installation.sequencer.announce()
    exhibits = some_exhibits(installation)
    publisher(installation, payloads_for=timedelta(seconds=3)).publish()
    a_dump(installation)
    with installation.engine.begin() as connection:
        case_id = connection.execute(select(exhibit.c.case_id).where(exhibit.c.id == exhibits[0])).scalar_one()
        close_case(connection, case_id, review_by=None, reason="over", at=now(), actor="account:one")
        asked = disposal.ask(connection, case_id, reason="over", at=now(), actor="account:one")
        disposal.decide(connection, asked, approve=True, reason="yes", at=now(), actor="account:other")
    while installation.sequencer.run_once():
        pass
    time.sleep(5)
    disposer = disposal.Disposer(
        engine(installation.settings.database_disposal_url, pool_size=1), installation.vault, timedelta(days=2), now
    )
    assert [done.waits for done in disposer.run()] == [None]
    disposer.engine.dispose()
    more_entries(installation, 1)
    publisher(installation).publish()
    found = keepers.auditor(installation.settings, installation.archive).run("whole", actor="cli:tests")
    # The locks of the two that are in nobody's case were short in this test, and that is a fault; nothing else is.
    assert [fault.kind for fault in found.faults] == ["lock_lapsed"] * 2
    made = again.run()
    assert (made.missing_payloads, made.faults) == ([], [])
    with again.app.connect() as connection:
        assert set(connection.execute(select(exhibit.c.id)).scalars()) == set(exhibits[1:3])
        assert connection.execute(select(contributor.c.name)).scalars().all() == [disposal.NOBODY]
        assert connection.execute(select(disposal.disposal.c.certificate_sha256)).scalar_one()
