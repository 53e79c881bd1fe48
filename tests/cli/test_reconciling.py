"""`holdfast reconcile` as a person types it, what its answer ends with, and that a rebuild has the statements again."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from archive.custody import Action
from archive.database import engine
from archive.ledger import entries_where
from archive.tables import completeness
from cli.web_process import signatures
from cli.worker_process import make_worker
from services.twilio_api import Account
from services.twilio_store import INBOUND, Store
from settings import Settings, SettingsError
from tests.intake.serving import Serving

HERS, OURS = "+447700900001", "+447700900100"


class Stage:
    """A Twilio of this test's own, and the settings to use it alone."""

    def __init__(self, server, store):
        self.store = store
        self.environ = {
            "HOLDFAST_TWILIO_ACCOUNT_SID": "AC1",
            "HOLDFAST_TWILIO_AUTH_TOKEN": "token",
            "HOLDFAST_TWILIO_NUMBER": OURS,
            "HOLDFAST_TWILIO_API_URL": server.url,
            "HOLDFAST_IMAP_URL": "",
        }

    def text(self, words):
        """A text of an hour ago."""
        sid = self.store.add(INBOUND, HERS, OURS, words, "received").sid
        with self.store._transaction() as connection:
            connection.execute("UPDATE message SET created_at = created_at - 3600 WHERE sid = ?", (sid,))
        return sid


@pytest.fixture
def twilio(tmp_path):
    with Serving() as server:
        store = Store(tmp_path / "twilio.sqlite")
        server.serve(store, Account("AC1", "token", OURS, server.url))
        yield Stage(server, store)


def test_what_was_missing_is_taken_in_and_stated_in_the_ledger(holdfast, installation, twilio):
    sids = {twilio.text("he is outside"), twilio.text("he is still there")}
    told = json.loads(holdfast("reconcile", "--json", **twilio.environ))
    assert (told["seen"], told["archived"], told["taken"], told["unexplained"]) == (2, 2, 2, 0)
    (source,) = told["sources"]
    assert (source["source"], source["compared"], source["gaps"]) == ("texts:AC1", True, [])
    assert "2 seen, 2 archived (0 taken in now)" in holdfast("reconcile", **twilio.environ)
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        entries = [each.facts() for each in entries_where(connection)]
    stated = [each for each in entries if each["action"] == Action.COMPLETENESS_STATED]
    assert [each["facts"]["taken"] for each in stated] == [2, 0]
    assert stated[0]["actor"].startswith("cli:")
    archived = {each["facts"]["source_id"] for each in entries if each["action"] == Action.EXHIBIT_ARCHIVED}
    assert archived == sids


def test_an_unexplained_gap_is_named_and_ends_with_1(holdfast, installation, twilio):
    sid = twilio.text("lost")
    answer = twilio.store.message
    twilio.store.message = lambda wanted: None if wanted == sid else answer(wanted)
    told = json.loads(holdfast("reconcile", "--json", code=1, **twilio.environ))
    assert told["unexplained"] == 1
    assert [(each["id"], each["explained"]) for each in told["sources"][0]["gaps"]] == [(sid, False)]
    twilio.store.message = answer
    assert json.loads(holdfast("reconcile", "--json", **twilio.environ))["unexplained"] == 0


def test_a_source_that_cannot_be_asked_is_named_and_ends_with_1(holdfast, installation, twilio):
    twilio.text("there")
    away = {**twilio.environ, "HOLDFAST_IMAP_URL": "imap://u:p@127.0.0.1:1/INBOX"}
    told = json.loads(holdfast("reconcile", "--json", code=1, **away))
    assert [each["compared"] for each in told["sources"]] == [True, False]
    assert told["archived"] == 1


def test_without_a_source_it_says_what_to_set(holdfast, installation):
    nothing = {"HOLDFAST_TWILIO_ACCOUNT_SID": "", "HOLDFAST_IMAP_URL": ""}
    holdfast("reconcile", code=1, **nothing)


def test_a_rebuild_has_the_statements_again(holdfast, installation, twilio, stack, migrated):
    twilio.text("kept")
    installation.sequencer.announce()
    holdfast("reconcile", **twilio.environ)
    installation.sequencer.run_once()
    holdfast("publish")
    urls = stack.fresh_database(migrated)
    elsewhere = {"HOLDFAST_DATABASE_URL": urls.app, "HOLDFAST_DATABASE_OWNER_URL": urls.owner}
    holdfast("rebuild", "--json", **elsewhere)
    anew = engine(urls.app, pool_size=1)
    with installation.engine.connect() as before, anew.connect() as after:
        query = select(completeness)
        assert after.execute(query).all() == before.execute(query).all() != []
        assert after.execute(text("SELECT count(*) FROM provider_copy")).scalar_one() == 0
    anew.dispose()


@pytest.mark.parametrize(("after_archiving", "tidies"), [("keep", False), ("redact", True), ("delete", True)])
def test_the_schedule_compares_by_night_and_tidies_copies_only_if_it_is_set(installation, after_archiving, tidies):
    app = make_worker(replace(installation.settings, twilio_after_archiving=after_archiving))
    tasks = {name: each["task"] for name, each in app.conf.beat_schedule.items()}
    assert tasks["completeness"] == "intake.state_completeness"
    assert tasks["reconcile-texts"] == "intake.reconcile_texts"
    assert ("copies" in tasks) is tidies


def test_by_night_every_source_is_stated(installation, twilio, monkeypatch):
    twilio.text("by night")
    for name, value in {**installation.environ, **twilio.environ}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("cli.composition.archive", lambda _settings: installation.archive)
    app = make_worker(Settings.from_environment({**installation.environ, **twilio.environ}))
    app.tasks["intake.state_completeness"]()
    with installation.engine.connect() as connection:
        (row,) = connection.execute(select(completeness)).all()
    assert (row.source, row.facts["archived"], row.facts["unexplained"]) == ("texts:AC1", 1, 0)


@pytest.mark.parametrize("written", ["no-colon", ":secret", "key:", "key:secret other"])
def test_a_shared_key_that_is_not_of_its_form_is_refused_at_start(written):
    environ = {"HOLDFAST_TWILIO_AUTH_TOKEN": "t", "HOLDFAST_TWILIO_SHARED_KEYS": written}
    with pytest.raises(SettingsError, match="HOLDFAST_TWILIO_SHARED_KEYS"):
        signatures(Settings.from_environment(environ))
    with pytest.raises(SettingsError, match="keep, redact or delete"):
        Settings.from_environment({"HOLDFAST_TWILIO_AFTER_ARCHIVING": "burn"})
