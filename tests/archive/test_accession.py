"""Promises 1 and 2: what was received ends in the vault, exactly as it came, once, whatever dies in between."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from archive import accession as module
from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel, acquisition_id, parsed, rendered
from archive.case import open_case
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.custody import Action, exhibit_stream
from archive.errors import VaultNotTrustedError, VaultUnavailableError
from archive.ledger import entries_of
from archive.marks import record_vault_test
from archive.parking import unpark
from archive.quick_put import Answer
from archive.tables import account, acquisition, alert, exhibit, put_begun
from archive.vault import Vault
from archive.worm import Trial
from cli.composition import now


def a_text(raw=b"Body=hello", sid="SM1", **rest):
    return Acquisition.of(raw, channel=Channel.SMS, source_id=sid, at=now(), media_type="text/plain", **rest)


def a_mail(raw=b"From: a@example.org\r\n\r\nhello", uid=1):
    return Acquisition.of(
        raw, channel=Channel.EMAIL, source_id=f"imap:desk/INBOX/7/{uid}", at=now(), media_type="message/rfc822"
    )


def take(installation, item, **belonging):
    with installation.engine.begin() as connection:
        return receive(connection, item, Belonging(**belonging))


def one(installation, column):
    with installation.engine.connect() as connection:
        return connection.execute(select(column)).scalar_one()


def test_a_received_text_is_archived_with_the_very_bytes_and_its_custody_entry(installation):
    raw = b"Body=%00\xff\xfe hello\r\n"
    item_id = take(installation, a_text(raw))
    assert installation.archive.accession_waiting(now=now()) == [item_id]
    with installation.engine.connect() as connection:
        held = connection.execute(select(exhibit)).one()
        row = connection.execute(select(acquisition)).one()
    assert installation.vault.read(held.vault_key, held.vault_version, sha256=row.sha256) == raw
    assert (row.state, row.raw, row.sha256) == ("archived", None, hashlib.sha256(raw).hexdigest())
    stored = installation.vault.look(held.vault_key, held.vault_version)
    assert stored.metadata["acquisition"] == str(item_id)
    assert stored.metadata["sha256"] == row.sha256
    assert stored.retain_until >= now() + timedelta(hours=23)
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        entries = list(entries_of(connection, [exhibit_stream(item_id)]))
    assert [entry.facts()["action"] for entry in entries] == [Action.EXHIBIT_ARCHIVED, Action.EXHIBIT_QUARANTINED]
    assert entries[0].facts()["facts"]["vault_version"] == held.vault_version


def test_the_same_receipt_twice_is_one_acquisition(installation):
    assert take(installation, a_text()) is not None
    assert take(installation, a_text()) is None
    installation.archive.accession_waiting(now=now())
    assert take(installation, a_text()) is None
    assert one(installation, func.count(acquisition.c.id)) == 1


def test_the_same_source_id_with_other_bytes_is_a_further_observation_and_an_alert(installation):
    first = take(installation, a_text(b"one"))
    second = take(installation, a_text(b"two"))
    assert second not in {None, first}
    assert take(installation, a_text(b"two")) is None
    assert sorted(installation.archive.accession_waiting(now=now())) == sorted([first, second])
    assert one(installation, alert.c.kind) == "other_bytes"
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        told = [entry.facts() for entry in entries_of(connection, [exhibit_stream(first)])]
    (again,) = [entry for entry in told if entry["action"] == Action.EXHIBIT_OBSERVED_AGAIN]
    assert again["facts"]["exhibit_id"] == str(second)


def test_a_mail_told_again_with_other_bytes_is_kept_beside_the_first(installation):
    first = installation.archive.accession_now([(a_mail(b"one"), Belonging())], now=now())
    again = installation.archive.accession_now([(a_mail(b"two"), Belonging())], now=now())
    repeat = installation.archive.accession_now([(a_mail(b"two"), Belonging())], now=now())
    assert first != again == repeat
    assert one(installation, func.count(exhibit.c.id)) == 2


class Dies(BaseException):
    """A process that is killed runs no handler of ours."""


class KeepsAndRefuses:
    """The client of a server whose disk is full: bytes are kept, out of sight, and the answer is an error."""

    def __init__(self, client):
        self._client, self.meta = client, client.meta

    def __getattr__(self, name):
        return getattr(self._client, name)

    def put_object(self, **asked):
        self._client.put_object(**asked)
        # What hides the version here is a marker; what matters is that `If-None-Match` and HEAD do not see it.
        self._client.delete_object(Bucket=asked["Bucket"], Key=asked["Key"])
        raise ClientError({"Error": {"Code": "InternalError"}}, "PutObject")


@pytest.mark.parametrize("door", ["text", "mail"])
def test_bytes_that_the_vault_kept_while_it_said_no_are_taken_over_and_not_stored_twice(installation, door):
    item = a_text(b"kept") if door == "text" else a_mail(b"kept")

    def accession(archive):
        if door == "text":
            return archive.accession_waiting(now=now())
        return archive.accession_now([(replace(item, received_at=now(), delivered_at=began), Belonging())], now=now())

    began = now()
    if door == "text":
        take(installation, item)
    full = Vault(KeepsAndRefuses(installation.vault.client), installation.vault.bucket)
    with pytest.raises(VaultUnavailableError):
        accession(replace(installation.archive, vault=full))
    assert accession(installation.archive) == [item.id]
    found = [one for page in installation.vault.versions("items/") for one in page if not one.is_marker]
    with installation.engine.connect() as connection:
        held = connection.execute(select(exhibit)).one()
    assert [(one.key, one.version) for one in found] == [(held.vault_key, held.vault_version)]
    assert installation.vault.read(held.vault_key, held.vault_version, sha256=item.sha256) == b"kept"


def test_bytes_kept_by_a_vault_that_failed_together_with_the_database_are_not_stored_twice(installation, monkeypatch):
    item = a_text(b"kept")
    take(installation, item)
    full = Vault(KeepsAndRefuses(installation.vault.client), installation.vault.bucket)

    class DiesBehindThePut(Vault):
        def put(self, *args, **how):
            try:
                return super().put(*args, **how)
            except VaultUnavailableError:
                raise Dies from None  # whoever was told that it failed cannot tell anybody

    dying = DiesBehindThePut(full.client, full.bucket)
    with pytest.raises(Dies):
        replace(installation.archive, vault=dying).accession_waiting(now=now())
    assert installation.archive.accession_waiting(now=now()) == [item.id]
    assert len([one for page in installation.vault.versions("items/") for one in page if not one.is_marker]) == 1


@pytest.mark.parametrize("door", ["text", "mail"])
def test_what_was_never_tried_is_not_looked_for_and_what_is_entered_leaves_no_note(installation, monkeypatch, door):
    monkeypatch.setattr(Vault, "versions", lambda *_, **__: pytest.fail("it was never tried before"))
    if door == "text":
        item_id = take(installation, a_text(b"first"))
        assert installation.archive.accession_waiting(now=now()) == [item_id]
    else:
        installation.archive.accession_now([(a_mail(b"first"), Belonging())], now=now())
    assert one(installation, func.count(put_begun.c.vault_key)) == 0


def test_a_put_that_failed_once_is_not_tried_again_before_somebody_looked(installation, monkeypatch):
    vault, calls = installation.vault, []

    def refuse(**asked):
        calls.append(asked["Key"])
        raise ClientError({"Error": {"Code": "InternalError"}}, "PutObject")

    assert vault.putting.meta.config.retries["total_max_attempts"] == 1
    take(installation, a_text())
    monkeypatch.setattr(vault, "_quick", None)
    monkeypatch.setattr(vault.putting, "put_object", refuse)
    with pytest.raises(VaultUnavailableError):
        installation.archive.accession_waiting(now=now())
    assert len(calls) == 1


@pytest.mark.parametrize("step", ["_store", "enter", "_archived"])
def test_a_crash_at_any_step_is_repeated_without_loss_or_double(installation, monkeypatch, step):
    item_id = take(installation, a_text(b"precious"))

    def die(*args, **kwargs):
        raise Dies

    with monkeypatch.context() as patched:
        if step == "_store":
            real = module.Archive._store

            def store_and_die(self, *args, **how):
                real(self, *args, **how)
                raise Dies

            patched.setattr(module.Archive, "_store", store_and_die)
        else:
            patched.setattr(module, step, die)
        with pytest.raises(Dies):
            installation.archive.accession_waiting(now=now())
    assert one(installation, acquisition.c.state) == "received"
    assert installation.archive.accession_waiting(now=now() + timedelta(minutes=1)) == [item_id]
    assert one(installation, func.count(exhibit.c.id)) == 1


def test_a_mail_stored_before_a_crash_keeps_the_time_it_was_first_received(installation, monkeypatch):
    first = a_mail()
    with monkeypatch.context() as patched:
        patched.setattr(module.Archive, "_record_fresh", lambda *args: (_ for _ in ()).throw(Dies))
        with pytest.raises(Dies):
            installation.archive.accession_now([(first, Belonging())], now=now())
    later = Acquisition.of(
        first.raw,
        channel=first.channel,
        source_id=first.source_id,
        at=now() + timedelta(hours=3),
        media_type=first.media_type,
    )
    installation.archive.accession_now([(later, Belonging())], now=now() + timedelta(hours=3))
    assert rendered(one(installation, acquisition.c.received_at)) == rendered(first.received_at)


def test_other_bytes_under_an_items_key_park_it_and_raise_an_alert(installation):
    item = a_text(b"mine")
    other = b"somebody else wrote here first"
    installation.vault.put(
        f"items/{item.id}",
        other,
        size_bytes=len(other),
        sha256=hashlib.sha256(other).hexdigest(),
        retain_until=now() + timedelta(days=1),
        metadata={},
    )
    take(installation, item)
    assert installation.archive.accession_waiting(now=now()) == []
    with installation.engine.connect() as connection:
        row = connection.execute(select(acquisition)).one()
    assert (row.state, bytes(row.raw)) == ("parked", b"mine")
    assert "other bytes" in row.parked_because
    assert one(installation, alert.c.kind) == "parked"
    with installation.engine.begin() as connection:
        assert unpark(connection, item.id, at=now(), actor="account:1", reason="looked")
    assert one(installation, acquisition.c.state) == "received"


def test_a_vault_that_stops_locking_is_found_by_the_first_item_of_a_batch(installation, monkeypatch):
    take(installation, a_text())
    real = installation.vault.client.head_object
    monkeypatch.setattr(
        installation.vault.client, "head_object", lambda **asked: {**real(**asked), "ObjectLockMode": None}
    )
    assert installation.archive.accession_waiting(now=now()) == []
    assert one(installation, acquisition.c.state) == "parked"


def answering_no_sum_quickly(vault, monkeypatch):
    real = vault._quick
    monkeypatch.setattr(vault, "_quick", lambda *given: Answer(real(*given).version, None))


def answering_no_sum_to_the_client(vault, monkeypatch):
    monkeypatch.setattr(vault, "_quick", None)
    real = vault.putting.put_object
    monkeypatch.setattr(vault.putting, "put_object", lambda **asked: {**real(**asked), "ChecksumSHA256": None})


@pytest.mark.parametrize("answering", [answering_no_sum_quickly, answering_no_sum_to_the_client])
def test_a_server_that_answers_no_sum_is_read_back_before_it_is_believed(installation, monkeypatch, answering):
    take(installation, a_text(b"one"))
    answering(installation.vault, monkeypatch)
    assert len(installation.archive.accession_waiting(now=now())) == 1
    take(installation, a_text(b"two", sid="SM2"))
    monkeypatch.setattr(type(installation.vault), "digest", lambda *args: "0" * 64)
    assert installation.archive.accession_waiting(now=now()) == []


def test_nothing_goes_into_a_vault_that_failed_its_self_test(installation):
    take(installation, a_text())
    with installation.engine.begin() as connection:
        failed = [Trial("shorten the lock", refused=False, answer="accepted")]
        record_vault_test(connection, failed, bucket="b", at=now(), actor="system:tests")
    with pytest.raises(VaultNotTrustedError, match="shorten the lock"):
        installation.archive.accession_waiting(now=now())
    with pytest.raises(VaultNotTrustedError):
        installation.archive.accession_now([(a_mail(), Belonging())], now=now())
    assert one(installation, acquisition.c.state) == "received"


def test_a_vault_that_is_away_leaves_everything_received(installation, monkeypatch):
    take(installation, a_text())

    def away(*args, **kwargs):
        raise VaultUnavailableError("store", "EndpointConnectionError")

    monkeypatch.setattr(type(installation.vault), "put", away)
    with pytest.raises(VaultUnavailableError):
        installation.archive.accession_waiting(now=now())
    assert one(installation, acquisition.c.state) == "received"


def a_case_with(installation, *phones):
    from uuid import uuid4

    with installation.engine.begin() as connection:
        officer = uuid4()
        connection.execute(
            account.insert().values(
                id=officer,
                email=f"{officer}@example.org",
                role="officer",
                password_hash="x",
                must_change_password=False,
                active=True,
                created_at=now(),
            )
        )
        opened = open_case(connection, f"42/{officer}", officer=officer, title=None, at=now(), actor="cli:tests")
        contacts = [Contact(ContactKind.PHONE, phone) for phone in phones]
        agreed = SafeContact(ReplyStyle.DISCREET)
        enrol(
            connection, opened.id, name="Amy Beth Carter", contacts=contacts, safe_contact=agreed, at=now(), actor="t"
        )
    return opened


def test_an_enrolled_senders_items_join_her_case_under_consecutive_references(installation):
    opened = a_case_with(installation, "+447700900001")
    for number in range(3):
        take(installation, a_text(sid=f"SM{number}"), sender="+447700900001")
    installation.archive.accession_waiting(now=now())
    with installation.engine.connect() as connection:
        rows = connection.execute(select(exhibit).order_by(exhibit.c.number)).all()
    assert {row.case_id for row in rows} == {opened.id}
    assert [(row.initials, row.number) for row in rows] == [("ABC", 1), ("ABC", 2), ("ABC", 3)]


def test_a_sender_enrolled_twice_is_quarantined_with_an_alert(installation):
    a_case_with(installation, "+447700900001")
    a_case_with(installation, "+447700900001")
    take(installation, a_text(), sender="+447700900001")
    installation.archive.accession_waiting(now=now())
    assert one(installation, exhibit.c.quarantined_because) == "ambiguous sender"
    assert one(installation, alert.c.kind) == "ambiguous_sender"


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_is_read_back_as_it_was_written_to_the_millisecond(moment):
    assert parsed(rendered(moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(st.binary(max_size=2000), st.text(max_size=80))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_come_back_from_the_vault_as_they_were(installation, raw, source):
    item = a_mail(raw, uid=hashlib.sha256(raw + source.encode()).hexdigest())
    (item_id,) = installation.archive.accession_now([(item, Belonging())], now=now())
    with installation.engine.connect() as connection:
        held = connection.execute(select(exhibit).where(exhibit.c.id == item_id)).one()
    assert installation.vault.read(held.vault_key, held.vault_version, sha256=item.sha256) == raw


def test_an_id_is_the_same_in_every_rebuild():
    assert str(acquisition_id(Channel.SMS, "SM1")) == str(acquisition_id(Channel.SMS, "SM1"))
    assert acquisition_id(Channel.SMS, "SM1") != acquisition_id(Channel.EMAIL, "SM1")
