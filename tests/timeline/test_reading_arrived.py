"""Reading many exhibits at once: the same readings, entries and states as one by one, whatever one of them does."""

import pytest
from sqlalchemy import select

from archive.accession import Belonging
from archive.acquisition import Acquisition, Channel
from archive.custody import Action
from archive.tables import custody_payload, reading
from archive.vault import Vault
from cli.composition import now
from intake.reading import Given, bounds, read_many_in_bounds
from intake.reading.bounds import BoundedReader
from timeline import readings
from timeline.readings import current, read_arrived, read_exhibit

RAWS = [f"<sms address='1' date='1700000000000' type='1' body='words {number}' />".encode() for number in range(5)]


def archived(installation, raws, media_type="application/vnd.holdfast.sms-backup+xml"):
    items = [
        Acquisition.of(
            raw, channel=Channel.UPLOAD, source_id=f"file:{'0' * 64}#{number}", at=now(), media_type=media_type
        )
        for number, raw in enumerate(raws)
    ]
    ids = installation.archive.accession_now([(item, Belonging()) for item in items], now=now())
    return dict(zip(ids, raws, strict=True))


def texts(installation, ids):
    with installation.engine.connect() as connection:
        return [current(connection, each).text for each in ids]


def entries(installation):
    with installation.engine.connect() as connection:
        bodies = connection.execute(select(custody_payload.c.body)).scalars()
        return sum(f'"{Action.EXHIBIT_READ}"'.encode() in bytes(body) for body in bodies)


def read_now(installation, arrived):
    return read_arrived(installation.engine, installation.vault, arrived, now=now)


def test_all_are_read_from_the_bytes_at_hand_with_an_entry_each(installation, monkeypatch):
    arrived = archived(installation, RAWS)
    monkeypatch.setattr(Vault, "read", None)
    assert read_now(installation, arrived) == dict.fromkeys(arrived, "read")
    assert texts(installation, arrived) == [f"words {number}" for number in range(5)]
    assert entries(installation) == 5
    assert read_now(installation, arrived) == dict.fromkeys(arrived, "read")
    assert entries(installation) == 5


def test_they_are_the_readings_that_are_made_one_by_one(installation):
    arrived = archived(installation, RAWS)
    alone = [read_exhibit(installation.engine, installation.vault, each, now=now) for each in arrived]
    given = [Given(raw, "upload", "application/vnd.holdfast.sms-backup+xml", {}) for raw in RAWS]
    assert read_many_in_bounds(given) == alone
    assert read_many_in_bounds(given[:1]) == alone[:1]
    assert read_many_in_bounds([]) == []


@pytest.mark.parametrize("held", [None, b"other bytes"])
def test_what_is_not_at_hand_is_read_out_of_the_vault(installation, held):
    arrived = archived(installation, RAWS)
    assert read_now(installation, dict.fromkeys(arrived, held)) == dict.fromkeys(arrived, "read")
    assert texts(installation, arrived) == [f"words {number}" for number in range(5)]


def test_large_ones_are_read_alone(installation, monkeypatch):
    arrived = archived(installation, RAWS)
    monkeypatch.setattr(readings, "TOGETHER_BYTES", 10)
    monkeypatch.setattr(readings, "read_many_in_bounds", lambda given: [] if not given else None)
    assert read_now(installation, arrived) == dict.fromkeys(arrived, "read")


def test_one_that_ends_the_reader_keeps_no_other_back(monkeypatch):
    def reads(raw, **about):
        return bounds_read(raw, **about) if raw != RAWS[2] else bounds.os.kill(bounds.os.getpid(), 9)

    bounds_read = bounds.read
    reader = BoundedReader()
    given = [Given(raw, "upload", "application/vnd.holdfast.sms-backup+xml", {}) for raw in RAWS]
    asked = []

    def answered(request, raw):
        asked.append(len(request.get("many", ())))
        monkeypatch.setattr(bounds, "read", reads)
        return bounds._answer(request, raw)

    monkeypatch.setattr(reader, "_answered", answered)
    found = reader.read_many(given)
    assert asked == [5, 0, 0, 0, 0, 0]
    assert [each.state for each in found] == ["read", "read", "unreadable", "read", "read"]
    assert "SIGKILL" in found[2].unreadable_because


def test_a_reading_of_another_version_is_made_anew(installation, monkeypatch):
    arrived = archived(installation, RAWS[:2])
    read_now(installation, arrived)
    monkeypatch.setattr(readings, "READER_VERSION", 9_999)
    assert read_now(installation, arrived) == dict.fromkeys(arrived, "read")
    with installation.engine.connect() as connection:
        assert len(connection.execute(select(reading)).all()) == 2
    assert entries(installation) == 2
