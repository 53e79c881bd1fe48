"""What must be kept stays locked; what may go goes by two people, with a certificate, and every proof stands."""

import json
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from archive import disposal, retention
from archive.case import case_by_id
from archive.custody import Action, case_stream, exhibit_stream
from archive.errors import MissingFromVaultError, RetentionRefusedError, VaultUnavailableError
from archive.ledger import entries_of
from archive.locks import Locks
from archive.tables import (
    acquisition,
    alert,
    contributor,
    custody_leaf,
    custody_payload,
    exhibit,
    legal_hold,
    published,
    reading,
)
from archive.tables import disposal as disposals
from cli import composition, keepers
from cli.composition import now
from tests.archive.ledger_story import publisher, some_exhibits

ASKER, DECIDER = "account:one", "account:other"
SHORT = timedelta(seconds=3)


@pytest.fixture
def exhibits(installation):
    """Four exhibits, the first and the last of one case; locked for a moment only."""
    installation.archive = replace(installation.archive, lock_for=SHORT)
    made = some_exhibits(installation)
    publisher(installation, payloads_for=SHORT).publish()
    return made


@pytest.fixture
def case_id(installation, exhibits):
    with installation.engine.connect() as connection:
        return connection.execute(select(exhibit.c.case_id).where(exhibit.c.id == exhibits[0])).scalar_one()


def locks(installation, lock_for=timedelta(hours=2)):
    return Locks(installation.engine, installation.vault, lock_for, now)


def retain_until(installation, exhibit_id):
    with installation.engine.connect() as connection:
        row = connection.execute(select(exhibit).where(exhibit.c.id == exhibit_id)).one()
    assert installation.vault.look(row.vault_key, row.vault_version).retain_until == row.retain_until
    return row.retain_until


def act(installation, function, *given, **named):
    with installation.engine.begin() as connection:
        return function(connection, *given, **named, at=now())


def close(installation, case_id, **named):
    act(installation, retention.close_case, case_id, review_by=None, reason="over", actor=ASKER, **named)


def actions(installation, stream):
    while installation.sequencer.run_once():
        pass
    with installation.engine.connect() as connection:
        return [entry.facts().get("action") for entry in entries_of(connection, [stream])]


def test_locks_of_open_cases_and_of_quarantine_are_extended_and_each_is_in_the_ledger(installation, exhibits):
    done = locks(installation).run()
    assert done.originals == len(exhibits)
    assert done.payloads > 0
    for exhibit_id in exhibits:
        assert retain_until(installation, exhibit_id) > now() + timedelta(hours=1)
        assert actions(installation, exhibit_stream(exhibit_id))[-1] == Action.LOCK_EXTENDED
    with installation.engine.connect() as connection:
        batches = connection.execute(select(published).where(published.c.stream.isnot(None))).all()
    assert batches
    for batch in batches:
        assert batch.retain_until > now() + timedelta(hours=1)
        assert installation.vault.look(batch.vault_key, batch.vault_version).retain_until == batch.retain_until


def test_a_lock_that_is_not_half_over_is_left_alone(installation, exhibits):
    locks(installation).run()
    assert locks(installation).run() == type(locks(installation).run())()


def test_the_locks_of_a_closed_case_run_out_and_of_a_held_one_do_not(installation, exhibits, case_id):
    close(installation, case_id)
    before = retain_until(installation, exhibits[0])
    locks(installation).run()
    assert retain_until(installation, exhibits[0]) == before
    act(installation, retention.place_hold, case_id, reason="an appeal", actor=ASKER)
    assert locks(installation).run().holds > 0
    assert retain_until(installation, exhibits[0]) > before


def test_a_hold_is_in_the_vault_and_keeps_a_version_whose_lock_is_over(installation, exhibits, case_id):
    close(installation, case_id)
    act(installation, retention.place_hold, case_id, reason="an appeal", actor=ASKER)
    locks(installation, timedelta(seconds=1)).run()
    with installation.engine.connect() as connection:
        row = connection.execute(select(exhibit).where(exhibit.c.id == exhibits[0])).one()
    assert row.held
    wait_until(row.retain_until)
    with pytest.raises(VaultUnavailableError):
        installation.vault.remove(row.vault_key, row.vault_version)
    act(installation, retention.lift_hold, case_id, reason="dismissed", actor=DECIDER)
    locks(installation, timedelta(seconds=1)).run()
    installation.vault.remove(row.vault_key, row.vault_version)
    with pytest.raises(MissingFromVaultError):
        installation.vault.look(row.vault_key, row.vault_version)


def wait_until(moment):
    time.sleep(max(0.0, (moment - now()).total_seconds()) + 1.1)


def test_an_original_that_is_missing_stops_nobody_elses_lock(installation, exhibits):
    with installation.engine.begin() as connection:
        connection.execute(exhibit.update().where(exhibit.c.id == exhibits[0]).values(vault_version="0" * 32))
    assert locks(installation).run().originals == len(exhibits) - 1
    with installation.engine.connect() as connection:
        assert connection.execute(select(alert.c.acquisition_id).where(alert.c.kind == "fault")).scalars().all() == [
            exhibits[0]
        ]


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (retention.close_case, {"review_by": None}),
        (retention.place_hold, {}),
        (disposal.ask, {}),
    ],
)
def test_every_act_needs_a_reason(installation, case_id, function, named):
    with pytest.raises(RetentionRefusedError, match=r"say why"):
        act(installation, function, case_id, reason="  ", actor=ASKER, **named)


def test_what_was_done_to_a_case_is_in_its_stream(installation, case_id):
    close(installation, case_id)
    act(installation, retention.reopen_case, case_id, reason="news", actor=ASKER)
    with installation.engine.connect() as connection:
        assert case_by_id(connection, case_id).closed_at is None
    close(installation, case_id)
    act(installation, retention.place_hold, case_id, reason="appeal", actor=ASKER)
    with pytest.raises(RetentionRefusedError, match="already"):
        act(installation, retention.place_hold, case_id, reason="appeal", actor=ASKER)
    act(installation, retention.lift_hold, case_id, reason="over", actor=DECIDER)
    assert actions(installation, case_stream(case_id))[-5:] == [
        Action.CASE_CLOSED,
        Action.CASE_REOPENED,
        Action.CASE_CLOSED,
        Action.HOLD_PLACED,
        Action.HOLD_LIFTED,
    ]


def test_a_review_that_is_due_reminds_once_until_somebody_has_looked(installation, case_id):
    today = now()
    act(
        installation,
        retention.review_case,
        case_id,
        review_by=(today + timedelta(days=1)).date(),
        reason="x",
        actor="a",
    )
    with installation.engine.begin() as connection:
        assert retention.remind(connection, now=today) == 0
        assert retention.remind(connection, now=today + timedelta(days=2)) == 1
        assert retention.remind(connection, now=today + timedelta(days=3)) == 0
    later = (today + timedelta(days=90)).date()
    act(installation, retention.review_case, case_id, review_by=later, reason="a trial is listed", actor="a")
    with installation.engine.begin() as connection:
        assert retention.remind(connection, now=today + timedelta(days=4)) == 0
        unseen = select(func.count()).where(alert.c.kind == "review_due", alert.c.seen_at.is_(None))
        assert connection.execute(unseen).scalar_one() == 0


def approved(installation, case_id):
    close(installation, case_id)
    asked = act(installation, disposal.ask, case_id, reason="the period is over", actor=ASKER)
    act(installation, disposal.decide, asked, approve=True, reason="", actor=DECIDER)
    while installation.sequencer.run_once():
        pass
    publisher(installation, payloads_for=SHORT).publish()
    return asked


def dispose(installation):
    disposer = replace(keepers.disposer(installation.settings), vault=installation.vault)
    try:
        return disposer.run()
    finally:
        disposer.engine.dispose()


def test_a_disposal_needs_a_closed_case_no_hold_and_another_person(installation, case_id):
    with pytest.raises(RetentionRefusedError, match="close the case first"):
        act(installation, disposal.ask, case_id, reason="over", actor=ASKER)
    close(installation, case_id)
    act(installation, retention.place_hold, case_id, reason="appeal", actor=ASKER)
    with pytest.raises(RetentionRefusedError, match="hold"):
        act(installation, disposal.ask, case_id, reason="over", actor=ASKER)
    act(installation, retention.lift_hold, case_id, reason="over", actor=ASKER)
    asked = act(installation, disposal.ask, case_id, reason="over", actor=ASKER)
    with pytest.raises(RetentionRefusedError, match="another person"):
        act(installation, disposal.decide, asked, approve=True, reason="", actor=ASKER)
    with pytest.raises(RetentionRefusedError, match="asked for"):
        act(installation, retention.reopen_case, case_id, reason="news", actor=ASKER)
    act(installation, disposal.decide, asked, approve=False, reason="a civil claim", actor=DECIDER)
    act(installation, retention.reopen_case, case_id, reason="news", actor=ASKER)
    with installation.engine.connect() as connection:
        assert disposal.request_of(connection, case_id) is None


def test_not_even_the_database_lets_one_person_do_both(installation, case_id):
    close(installation, case_id)
    asked = act(installation, disposal.ask, case_id, reason="over", actor=ASKER)
    with pytest.raises(DBAPIError, match="check constraint"), installation.engine.begin() as connection:
        connection.execute(disposals.update().where(disposals.c.id == asked).values(approved=True, decided_by=ASKER))


def test_a_disposal_waits_for_locks_and_for_holds(installation, exhibits, case_id):
    locks(installation).run()
    approved(installation, case_id)
    (waiting,) = dispose(installation)
    assert waiting.waits.startswith("the last lock to end")
    act(installation, retention.place_hold, case_id, reason="appeal", actor=ASKER)
    (waiting,) = dispose(installation)
    assert waiting.waits == "a legal hold"
    with installation.engine.connect() as connection:
        assert connection.execute(select(disposals.c.done_at)).scalar_one() is None
    assert retain_until(installation, exhibits[0]) > now()


def everything_locked_is_over(installation):
    with installation.engine.connect() as connection:
        both = select(exhibit.c.retain_until).union_all(
            select(published.c.retain_until).where(published.c.stream.isnot(None))
        )
        wait_until(max(connection.execute(both).scalars()))


def test_what_was_disposed_of_is_gone_and_every_proof_stands(installation, exhibits, case_id):
    """Originals, readings and payloads go; leaves, digests, what is of other cases, and a certificate stay."""
    asked = approved(installation, case_id)
    with installation.engine.connect() as connection:
        rows = connection.execute(select(exhibit).order_by(exhibit.c.id)).all()
        leaves = connection.execute(select(custody_leaf).order_by(custody_leaf.c.leaf_index)).all()
        digests = dict(connection.execute(select(acquisition.c.id, acquisition.c.sha256)).all())
    mine = [row for row in rows if row.case_id == case_id]
    others = [row for row in rows if row.case_id != case_id]
    assert mine
    assert others
    everything_locked_is_over(installation)
    (done,) = dispose(installation)
    assert (done.waits, done.exhibits) == (None, len(mine))
    for row in mine:
        with pytest.raises(MissingFromVaultError):
            installation.vault.look(row.vault_key, row.vault_version)
    for row in others:
        installation.vault.look(row.vault_key, row.vault_version)
    with installation.engine.connect() as connection:
        after = connection.execute(select(custody_leaf).order_by(custody_leaf.c.leaf_index)).all()
        assert after[: len(leaves)] == leaves, "no leaf was touched"
        held = set(connection.execute(select(reading.c.exhibit_id)).scalars())
        assert not held & {row.id for row in mine}
        assert dict(connection.execute(select(acquisition.c.id, acquisition.c.sha256)).all()) == digests
        assert connection.execute(select(contributor.c.name).where(contributor.c.case_id == case_id)).scalar() != "Amy"
        gone = connection.execute(
            select(func.count())
            .select_from(custody_leaf)
            .outerjoin(custody_payload, custody_payload.c.entry_id == custody_leaf.c.entry_id)
            .where(custody_payload.c.entry_id.is_(None))
        ).scalar_one()
        found = connection.execute(select(disposals)).one()
    assert gone > len(mine)
    body = installation.vault.read(found.certificate_key, found.certificate_version, sha256=found.certificate_sha256)
    certificate = json.loads(body)
    assert {one["sha256"] for one in certificate["exhibits"]} == {digests[row.id] for row in mine}
    assert (certificate["asked_by"], certificate["approved_by"]) == (ASKER, DECIDER)
    assert certificate["disposal_id"] == str(asked)
    assert actions(installation, case_stream(case_id))[-1] == Action.CASE_DISPOSED
    assert dispose(installation) == [], "done is done"


def test_no_word_of_a_disposed_case_is_left_in_the_database(installation, exhibits, case_id):
    approved(installation, case_id)
    everything_locked_is_over(installation)
    dispose(installation)
    with installation.engine.connect() as connection:
        bodies = connection.execute(select(custody_payload.c.body)).scalars().all()
        tables = [acquisition, exhibit, contributor, reading, legal_hold]
        cells = [str(row) for table in tables for row in connection.execute(select(table)).all()]
    for word in ("Amy Carter", "Got it."):
        assert not [body for body in bodies if word.encode() in bytes(body)]
        assert not [cell for cell in cells if word in cell]


def test_a_disposal_that_died_after_the_vault_goes_on(installation, exhibits, case_id, monkeypatch):
    approved(installation, case_id)
    everything_locked_is_over(installation)

    def die(*_given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(disposal.Disposer, "_forget", die)
        dispose(installation)
    (done,) = dispose(installation)
    assert done.waits is None


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM reading",
        "DELETE FROM custody_payload",
        "DELETE FROM published",
        "DELETE FROM disposal",
        "DELETE FROM legal_hold",
    ],
)
def test_only_the_disposal_login_may_take_anything_away(installation, statement):
    with pytest.raises(DBAPIError, match="permission denied"), installation.engine.begin() as connection:
        connection.execute(text(statement))


def test_no_package_is_built_of_what_is_gone(installation, exhibits, case_id, tmp_path):
    approved(installation, case_id)
    everything_locked_is_over(installation)
    dispose(installation)
    exporter = composition.exporter(installation.settings, installation.archive)
    with installation.engine.connect() as connection:
        case = case_by_id(connection, case_id)
    with pytest.raises(RetentionRefusedError, match="was disposed of"):
        exporter.export(case, tmp_path / "x.zip", edition="full", actor="cli:x", progress=lambda *_given: None)
