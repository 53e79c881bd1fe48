"""What operators see, and that it says nothing about anybody."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from archive.marks import count, set_mark


def test_a_process_that_answers_is_live_without_the_database(site):
    site.casework.archive.engine.dispose()
    assert site.browser().get("/health/live").data == b"live\n"


def test_ready_is_database_vault_and_sequencer(site):
    site.casework.seal()
    answer = site.browser().get("/health/ready")
    assert (answer.status_code, answer.json) == (200, {"database": "ok", "vault": "ok", "outbox": "ok"})


def test_a_vault_that_failed_its_test_is_not_ready(site):
    with site.casework.archive.engine.begin() as connection:
        set_mark(connection, "vault", {"trusted": False, "accepted": ["delete version"]}, at=site.casework.at)
    answer = site.browser().get("/health/ready")
    assert (answer.status_code, answer.json["vault"]) == (503, "not trusted")


def test_a_sequencer_that_stands_still_is_not_ready(site):
    site.case("1/2/3", site.person())
    assert site.browser().get("/health/ready").json["outbox"] == "ok"
    site.casework.later(minutes=6)
    answer = site.browser().get("/health/ready")
    assert (answer.status_code, answer.json["outbox"]) == (503, "waiting")
    site.casework.seal()
    site.casework.later(minutes=6)
    assert site.browser().get("/health/ready").json["outbox"] == "ok"


def test_metrics_are_what_prometheus_reads_and_name_nobody(site):
    site.casework.text("secret words", sender="+447700900077")
    with site.casework.archive.engine.begin() as connection:
        count(connection, "sms_refused", 4)
    site.casework.later(seconds=90)
    answer = site.browser().get("/metrics")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.data.decode())
        for sample in family.samples
    }
    assert found["holdfast_counted_total", "sms_refused"] == 4
    assert found["holdfast_acquisitions", "archived"] == 1
    assert found["holdfast_acquisitions", "parked"] == 0
    assert found["holdfast_quarantined",] == 1
    with site.casework.archive.engine.connect() as connection:
        waiting = connection.execute(text("SELECT count(*) FROM custody_pending")).scalar()
    assert found["holdfast_unsequenced",] == waiting
    assert found["holdfast_oldest_unsequenced_seconds",] >= 90
    assert b"7700900077" not in answer.data
    assert b"secret" not in answer.data
    assert "Set-Cookie" not in answer.headers
