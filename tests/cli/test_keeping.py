"""Publishing, dumping, auditing and rebuilding as a person types them."""

import json
from datetime import timedelta

import pytest

from archive.database import engine
from archive.signed_note import SigningKey
from cli import keepers
from cli.worker_process import make_worker
from tests.archive.ledger_story import more_entries, some_exhibits
from workers.app import make_celery
from workers.keeping import Keeping, register_keeping


@pytest.fixture
def elsewhere(stack, migrated):
    """The settings of a new database, empty and migrated."""
    urls = stack.fresh_database(migrated)
    return {"HOLDFAST_DATABASE_URL": urls.app, "HOLDFAST_DATABASE_OWNER_URL": urls.owner}


def test_what_is_published_and_dumped_is_enough_to_rebuild_and_audit(holdfast, installation, elsewhere):
    installation.sequencer.announce()
    some_exhibits(installation)
    published = json.loads(holdfast("publish", "--json"))
    assert published["objects"] > 0
    assert json.loads(holdfast("dump", "--json"))["rows"] > 0
    assert json.loads(holdfast("audit", "--json"))["faults"] == []
    made = json.loads(holdfast("rebuild", "--json", **elsewhere))
    assert (made["size"], made["counts"]["exhibit"], made["signed_but_lost"]) == (published["size"], 4, 0)
    holdfast("rebuild", code=1, **elsewhere)


def test_a_rebuild_says_what_was_signed_and_never_reached_the_vault(holdfast, installation, elsewhere):
    more_entries(installation, 2)
    holdfast("publish")
    more_entries(installation, 3)
    made = json.loads(holdfast("rebuild", "--json", code=1, **elsewhere))
    assert (made["size"], made["signed_but_lost"]) == (2, 3)


def test_a_database_that_is_not_migrated_is_refused(holdfast, installation, stack):
    more_entries(installation, 1)
    holdfast("publish")
    urls = stack.fresh_database()
    empty = {"HOLDFAST_DATABASE_URL": urls.app, "HOLDFAST_DATABASE_OWNER_URL": urls.owner}
    holdfast("rebuild", code=1, **empty)


def test_an_audit_with_a_fault_says_where_and_ends_with_1(holdfast, installation):
    installation.sequencer.announce()
    more_entries(installation, 2)
    installation.sequencer.outside.unlink()
    told = holdfast("audit", code=1)
    assert "FAULT kept_missing: the kept checkpoint" in told
    assert "1 faults" in told
    holdfast("audit", "--sample", "--since", "2026-01-01", code=2)


def test_the_policy_names_whose_checkpoints_count(holdfast, installation, elsewhere, tmp_path):
    more_entries(installation, 1)
    holdfast("publish")
    other, own = (tmp_path / "other", tmp_path / "own")
    other.write_text(f"log {SigningKey.generate(installation.settings.origin).verifier.encode()}\nquorum none\n")
    own.write_text(f"log {installation.sequencer.key.verifier.encode()}\nquorum none\n")
    holdfast("rebuild", "--policy", str(other), code=1, **elsewhere)
    assert "rebuilt 1 entries" in holdfast("rebuild", "--policy", str(own), **elsewhere)


def test_the_schedule_publishes_dumps_and_audits(installation):
    schedule = make_worker(installation.settings).conf.beat_schedule
    told = {name: (one["task"], one.get("args")) for name, one in schedule.items()}
    assert told["publish"] == ("archive.publish", None)
    assert told["dump"] == ("archive.dump", ())
    assert told["audit-sample"] == ("archive.audit", ("sample",))
    assert told["audit-whole"] == ("archive.audit", ("whole",))
    assert set(schedule["audit-sample"]["schedule"].day_of_week) | set(
        schedule["audit-whole"]["schedule"].day_of_week
    ) == set(range(7))


def test_each_scheduled_task_does_its_work(installation):
    installation.sequencer.announce()
    more_entries(installation, 2)
    app = make_celery(installation.settings.broker_url, concurrency=1)
    settings, made = installation.settings, installation.archive
    keeping = Keeping(
        publisher=keepers.publisher(settings, made),
        dumper=keepers.dumper(settings, made),
        auditor=keepers.auditor(settings, made),
        locks=keepers.locks(made),
    )
    register_keeping(app, lambda: keeping, publish_every=timedelta(minutes=1))
    for task, args in (("archive.publish", ()), ("archive.dump", ()), ("archive.audit", ("whole",))):
        app.tasks[task].apply(args=args).get()
    own = engine(installation.settings.database_url, pool_size=1)
    with own.connect() as connection:
        names = set(connection.exec_driver_sql("SELECT split_part(name, '/', 1) FROM published").scalars())
        done = connection.exec_driver_sql("SELECT count(*) FROM audit_run WHERE finished_at IS NOT NULL").scalar_one()
    own.dispose()
    assert {"tile", "register", "checkpoint", "checkpoints", "payloads", "dump"} <= names
    assert done == 1
