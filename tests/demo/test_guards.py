"""The demonstration keeps off whatever is real, and says plainly what is not as it should be."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from click.testing import CliRunner
from rich.console import Console

from cli.demo_traffic import Traffic
from cli.demo_watch import Fate, Sent, wrongs
from cli.main import main
from cli.web_process import _demonstration
from services.home import Home
from services.samples.story import Outcome, Sample, load
from settings import Settings

REAL = {
    "HOLDFAST_DATABASE_URL": "postgresql://app@db.force.example/holdfast",
    "HOLDFAST_DATABASE_URL_FILE": "/run/secrets/database",
    "HOLDFAST_BROKER_URL": "rediss://broker.force.example",
    "HOLDFAST_S3_BUCKET": "evidence",
    "HOLDFAST_S3_ENDPOINT_URL": "https://s3.force.example",
    "HOLDFAST_TWILIO_ACCOUNT_SID": "AC0",
    "HOLDFAST_TWILIO_AUTH_TOKEN_FILE": "/run/secrets/twilio",
    "HOLDFAST_IMAP_URL": "imaps://mail.force.example/INBOX",
    "HOLDFAST_SMTP_URL": "smtps://mail.force.example",
    "HOLDFAST_TSA_URLS": "https://tsa.example",
    "HOLDFAST_SIGNING_KEY_FILE": "/run/secrets/signing.pem",
    "HOLDFAST_SECRET_KEY_FILE": "/run/secrets/key",
    "HOLDFAST_PUBLIC_URL": "https://holdfast.force.example",
}
SAMPLE = Sample("a text", "maya", text="he wrote")
CASE = uuid4()
WELL = Fate(id=uuid4(), archived=True, read=True, sealed=True, case_id=CASE, settled=True, answer="sent")


@pytest.mark.parametrize("name", REAL)
def test_it_does_not_run_beside_anything_real(name, tmp_path):
    home = tmp_path / "home"
    ran = CliRunner().invoke(main, ["demo", "--once", "--home", str(home)], env={name: REAL[name]})
    assert ran.exit_code == 1
    assert f"unset {name}" in ran.output
    assert not home.exists()


@pytest.mark.parametrize(("demo", "doors"), [("no", 0), ("yes", 1)])
def test_the_phone_page_exists_in_a_demonstration_alone(demo, doors):
    settings = Settings.from_environment(
        {
            "HOLDFAST_DEMO": demo,
            "HOLDFAST_TWILIO_API_URL": "http://127.0.0.1:1",
            "HOLDFAST_TWILIO_ACCOUNT_SID": "AC0",
            "HOLDFAST_TWILIO_AUTH_TOKEN": "token",
        }
    )
    assert len(_demonstration(settings, None)) == doors


@pytest.mark.parametrize(
    ("outcome", "fate", "says"),
    [
        pytest.param("answered", {}, None, id="well"),
        pytest.param("answered", {"id": None}, "not archived", id="lost"),
        pytest.param("answered", {"archived": False}, "not archived", id="not-archived"),
        pytest.param("answered", {"answer": None}, "its answer is none, not sent", id="unanswered"),
        pytest.param("answered", {"answer": "unknown"}, "its answer is unknown, not sent", id="unknown"),
        pytest.param("answered", {"case_id": uuid4()}, "wrong place", id="another-case"),
        pytest.param("answered", {"case_id": None, "quarantined": True}, "in quarantine", id="quarantined"),
        pytest.param("answered", {"pictures": 1}, "1 pictures came with it, not 0", id="a-picture-too-many"),
        pytest.param("quarantined", {}, "wrong place", id="a-stranger-let-in"),
        pytest.param("failed", {}, "its answer is sent, not failed", id="answered-after-stop"),
        pytest.param("failed", {"answer": "failed", "because": "error 500"}, "another reason", id="other-failure"),
        pytest.param("failed", {"answer": "failed", "because": "Twilio error 21610"}, None, id="refused-as-it-should"),
    ],
)
def test_whatever_differs_from_what_has_to_be_is_said(outcome, fate, says):
    sample = Sample(
        "a text", "maya", text="x", outcome=Outcome(outcome), because="21610" if outcome == "failed" else ""
    )
    became = Fate(**({name: getattr(WELL, name) for name in Fate.__slots__} | fate))
    found = wrongs(None, [Sent(sample, "SM1")], [became], CASE)
    assert found == [] if says is None else (len(found) == 1 and says in found[0])


@pytest.mark.parametrize(
    "missing",
    [{"archived": False}, {"read": False}, {"sealed": False}, {"settled": False}],
    ids=lambda m: next(iter(m)),
)
def test_a_sample_is_over_only_when_nothing_more_will_happen_to_it(missing):
    unfinished = Fate(**({name: getattr(WELL, name) for name in Fate.__slots__} | missing))
    assert WELL.is_over(SAMPLE)
    assert not unfinished.is_over(SAMPLE)
    assert not WELL.is_over(Sample("a text", "maya", text="x", picture="car"))


def test_a_standstill_names_the_logs_to_look_at(tmp_path: Path):
    home = Home(tmp_path)
    traffic = Traffic(SimpleNamespace(home=home), None, None, None, None, Console())
    samples = load().samples[:3]
    traffic.sent = [Sent(sample, f"SM{number}") for number, sample in enumerate(samples)]
    traffic.fates = [WELL, WELL, Fate(id=uuid4())]
    told = traffic._stalled(traffic.counted())
    assert "2 of 3 samples archived" in told
    assert str(home.log("worker")) in told
    assert str(home.log("seaweedfs")) in told


def test_days_before_today_are_days_in_london():
    from datetime import UTC, datetime

    sample = Sample("s", "maya", text="x", days_ago=1, at=datetime.min.time())
    just_after_midnight_in_london = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert sample.written(just_after_midnight_in_london).isoformat() == "2026-06-30T00:00:00+01:00"
    later = just_after_midnight_in_london + timedelta(days=1)
    assert sample.written(later).isoformat() == "2026-07-01T00:00:00+01:00"
