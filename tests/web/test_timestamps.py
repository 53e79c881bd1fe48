"""What pages, JSON, metrics and the doctor say of timestamp tokens; a demonstration is called one wherever it shows."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from archive.asking import parsed_authorities
from archive.ledger import checkpoint_size
from archive.stamping import Stamper
from archive.token_check import Roots
from cli import composition
from cli.main import main
from tests.archive.authority import REPLY, authority, granting, respond, serving
from web.components import on_screen
from web.words import bound_words
from workers.authorities import ask

SLUG = "42-1234-26"


@pytest.fixture
def desk(site):
    officer = site.person()
    case = site.case("42/1234/26", officer)
    site.casework.enrol(case, phone="+447700900001")
    return site.browser(officer)


def newest(installation):
    with installation.engine.connect() as connection:
        return checkpoint_size(connection)


def events(desk):
    return desk.get(f"/cases/{SLUG}/timeline.json").json["events"]


def test_an_event_is_sealed_then_timestamped_with_its_bound_and_who_vouches(site, desk, installation):
    exhibit = site.casework.text("I know where you live")
    site.casework.seal()
    assert [(event["state"], event["timestamp"]) for event in events(desk)] == [("sealed", None)]
    made = authority("Exampleshire time", today=True)
    at = datetime.now(UTC).replace(microsecond=0)
    with serving(lambda request: (200, REPLY, respond(request, made, at=at))) as server:
        stamper = Stamper(
            engine=installation.engine,
            authorities=parsed_authorities([server.url]),
            roots=Roots.parse(made.root.pem),
            ask=ask,
            now=composition.now,
        )
        assert len(stamper.stamp_now(newest(installation)).tokens) == 1
    (event,) = events(desk)
    assert event["state"] == "timestamped"
    assert event["timestamp"] == {
        "not_later_than": (at + timedelta(seconds=1.5)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "signer": "Exampleshire time, Tests",
        "authority": server.url,
        "demonstration": False,
    }
    for page in (f"/cases/{SLUG}/timeline", f"/cases/{SLUG}/exhibits/{exhibit}"):
        shown = desk.text(page)
        assert "timestamped" in shown
        assert f"not later than {on_screen(at + timedelta(seconds=2))}" in shown
        assert "Exampleshire time, Tests" in shown
        assert "demonstration" not in shown
    # Only what lies under the stamped checkpoint: what came afterwards is not.
    site.casework.text("later")
    site.casework.seal()
    assert sorted(event["state"] for event in events(desk)) == ["sealed", "timestamped"]


def test_a_token_of_the_demonstration_authority_says_so_wherever_it_shows(site, desk, installation):
    exhibit = site.casework.text("I know where you live")
    site.casework.seal()
    stamper = composition.stamper(installation.settings, installation.engine)
    assert len(stamper.stamp_now(newest(installation)).tokens) == 1
    for page in (f"/cases/{SLUG}/timeline", f"/cases/{SLUG}/exhibits/{exhibit}"):
        shown = desk.text(page)
        assert "Holdfast demonstration authority: a demonstration" in shown
        assert "Holdfast demonstration authority" in shown
    assert events(desk)[0]["timestamp"]["demonstration"] is True


def test_a_bound_is_never_shown_tighter_than_it_is(site, desk):
    from archive.timestamps import Bound

    said = bound_words(Bound(datetime(2026, 11, 23, 12, 0, 0, 1, tzinfo=UTC), "X", "https://x.example", False))
    assert "12:00:01 GMT" in said


def metrics(site):
    answer = site.browser().get("/metrics")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.data.decode())
        for sample in family.samples
    }


def test_metrics_say_how_old_is_what_no_token_covers_and_which_authority_fails(site, desk, installation):
    site.casework.text("I know where you live")
    assert metrics(site)["holdfast_oldest_unstamped_seconds",] == 0
    site.casework.seal()
    site.casework.at = datetime.now(UTC) + timedelta(minutes=70)
    assert metrics(site)["holdfast_oldest_unstamped_seconds",] >= 4200
    stamper = composition.stamper(installation.settings, installation.engine)
    with serving(lambda _: (500, "text/plain", b"")) as server:
        failing = Stamper(
            engine=installation.engine,
            authorities=parsed_authorities([server.url]),
            roots=stamper.roots,
            ask=ask,
            now=composition.now,
        )
        failing.stamp_now(newest(installation))
    assert metrics(site)["holdfast_authority_failures", server.url] == 1
    stamper.stamp_now(newest(installation))
    found = metrics(site)
    assert found["holdfast_oldest_unstamped_seconds",] == 0
    assert found["holdfast_authority_failures", stamper.names[0]] == 0


def findings(installation, **changes):
    result = CliRunner().invoke(main, ["doctor", "--json"], env=installation.environ | changes)
    told = {each["what"]: each for each in json.loads(result.stdout)["findings"]}
    return {what: found for what, found in told.items() if what.startswith(("authority", "timestamps"))}


def test_the_doctor_tries_each_authority_and_calls_the_demonstration_one(installation):
    found = findings(installation)
    (tried,) = [each for what, each in found.items() if what.startswith("authority")]
    assert not tried["fault"]
    assert "DEMONSTRATION" in tried["says"]
    assert found["timestamps"]["says"] == "a token covers every entry"


def test_the_doctor_names_an_authority_whose_tokens_do_not_hold_and_keeps_none(installation, tmp_path):
    made = authority(today=True)
    (tmp_path / "roots.pem").write_bytes(authority(today=True).root.pem)
    with serving(granting(made)) as server:
        changes = {"HOLDFAST_TSA_URLS": server.url, "HOLDFAST_TSA_ROOTS": str(tmp_path / "roots.pem")}
        found = findings(installation, **changes)
    assert found[f"authority {server.url}"]["fault"]
    assert "no chain" in found[f"authority {server.url}"]["says"]
    with installation.engine.connect() as connection:
        from sqlalchemy import text

        assert connection.execute(text("SELECT count(*) FROM timestamp_token")).scalar() == 0


def test_the_doctor_says_where_no_authority_is_set_and_where_roots_are_missing(installation):
    none = findings(installation, HOLDFAST_TSA_URLS="", HOLDFAST_TSA_ROOTS="")
    assert not none["timestamps"]["fault"]
    assert "nobody outside vouches" in none["timestamps"]["says"]
    missing = findings(installation, HOLDFAST_TSA_ROOTS="/nowhere/roots.pem")
    assert missing["timestamps"]["fault"]
