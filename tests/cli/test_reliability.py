"""What an installation says of its own working: every figure out of what happened, and what is not known named."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import update

from archive.alerts import raise_alert
from archive.case import case_of
from archive.marks import count
from archive.tables import acquisition, checkpoint, timestamp_attempt
from cli import composition
from cli.composition import now
from cli.reliability import DEFECTS, ROOT, commit, known_defects, note_software, reliability, software
from tests.archive.test_accession import a_case_with, a_text, take

PHONE = "+447700900001"


@pytest.fixture
def a_case(installation):
    opened = a_case_with(installation, PHONE)
    take(installation, a_text(), sender=PHONE)
    installation.archive.accession_waiting(now=now())
    installation.sequencer.run_once()
    return opened


def said(installation, case):
    with installation.engine.connect() as connection:
        return json.loads(json.dumps(reliability(connection, case, now=now())))


def test_a_case_without_trouble_says_so_and_says_what_nobody_measured(installation, a_case):
    report = said(installation, a_case)
    assert report["software"]["commit"] == commit()
    assert (
        report["software"]["requirements_lock_sha256"]
        == hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()
    )
    assert report["jobs"]["items_of_the_case_that_failed_before_they_were_archived"] == 0
    assert report["outages"] == []
    assert report["parked"] == {"acquisitions_received_in_the_span_by_state": {"archived": 1}}
    assert report["ledger"]["entries_waiting"] == 0
    assert 0 <= report["ledger"]["longest_seconds_from_an_act_on_the_case_to_a_signature"] < 600
    assert report["clocks"]["timestamp_answers"] == 0
    assert report["clocks"]["most_seconds_apart_from_an_authority"] is None
    assert abs(report["clocks"]["seconds_apart_from_the_database_when_this_was_written"]) < 60
    assert any("noticed" in text for text in report["not_measured"])


def test_failures_outages_and_what_is_parked_are_counted_in_the_span_of_the_case(installation, a_case):
    with installation.engine.begin() as connection:
        connection.execute(update(acquisition).values(attempts=3))
        raise_alert(connection, "vault_away", at=now(), text="words that name nobody here")
        raise_alert(connection, "vault_away", at=now() - timedelta(days=30), text="before the case")
        count(connection, "job_retries", 4)
        for outcome in ("unreachable", "unreachable", "off_clock"):
            connection.execute(
                timestamp_attempt.insert().values(
                    checkpoint_size=1, authority="a", asked_at=now(), ended_at=now(), outcome=outcome, request=b"q"
                )
            )
    parked = take(installation, a_text(b"x", sid="SM7"))
    with installation.engine.begin() as connection:
        connection.execute(
            update(acquisition)
            .where(acquisition.c.id == parked)
            .values(state="parked", parked_at=now(), parked_because="unreadable")
        )
    report = said(installation, a_case)
    assert report["jobs"]["their_failed_attempts"] == 3
    assert report["jobs"]["timestamp_attempts_by_outcome"] == {"unreachable": 2, "off_clock": 1}
    assert report["jobs"]["counters_since_the_installation_began"]["job_retries"] == 4
    assert [(each["alert"], each["times"]) for each in report["outages"]] == [("vault_away", 1)]
    assert "words that name" not in json.dumps(report)
    assert report["parked"]["acquisitions_received_in_the_span_by_state"]["parked"] == 1


def test_a_clock_is_held_to_the_tokens_that_came(installation, a_case):
    with installation.engine.connect() as connection:
        size = connection.execute(checkpoint.select()).first().size
    composition.stamper(installation.settings, installation.engine).stamp_now(size)
    clocks = said(installation, a_case)["clocks"]
    assert clocks["timestamp_answers"] == 1
    # The authority of this machine drops fractions of a second.
    assert 0 <= clocks["most_seconds_apart_from_an_authority"] <= 1.5


def test_a_version_is_known_from_its_first_start(installation, a_case):
    with installation.engine.begin() as connection:
        note_software(connection, at=now() - timedelta(days=2))
        note_software(connection, at=now())
    (seen,) = said(installation, a_case)["software"]["first_started"]
    assert seen["software"] == software()
    assert seen["at"] < said(installation, a_case)["span"]["until"]


def test_the_list_of_known_defects_is_dated_and_filtered_by_the_span(installation, a_case, monkeypatch, tmp_path):
    for each in json.loads(DEFECTS.read_text()):
        assert each.keys() == {"id", "found_at", "mended_at", "what", "bears_on"}
    dated = tmp_path / "defects.json"
    dated.write_text(
        json.dumps([{"id": "old", "mended_at": "2020-01-01T00:00:00.000Z"}, {"id": "open", "mended_at": None}])
    )
    monkeypatch.setattr("cli.reliability.DEFECTS", dated)
    assert [each["id"] for each in known_defects(now())] == ["open"]
    with installation.engine.connect() as connection:
        assert [
            each["id"]
            for each in reliability(connection, case_of(connection, a_case.reference), now=now())["known_defects"]
        ] == ["open"]
