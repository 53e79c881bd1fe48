"""Promise 5, from the real database and vault: a case leaves as a package that verifies without us."""

import pytest
from sqlalchemy import text

from archive import verify
from archive.case import case_of
from archive.export import Exporter, extension_of
from archive.package import Derived
from archive.package_desk import PackageDesk, request
from archive.tables import package
from cli.composition import now
from tests.archive.exporting import exporter_of
from tests.archive.test_accession import a_case_with, a_text, take
from tests.sequencing import sequencing

PHONE = "+447700900001"
DERIVED = (Derived("text.txt", "test reader 1", b"hello"),)


@pytest.fixture
def exporter(installation):
    return exporter_of(
        installation,
        render=lambda connection, case, exhibits, edition: {"timeline.json": b"{}\n"},
        derive=lambda connection, exhibits, edition: {each: list(DERIVED) for each in exhibits},
    )


@pytest.fixture
def a_case(installation):
    opened = a_case_with(installation, PHONE)
    for number in range(3):
        take(installation, a_text(b"Body=%d" % number, sid=f"SM{number}"), sender=PHONE)
    installation.archive.accession_waiting(now=now())
    return opened


def export(exporter, case, out):
    return exporter.export(case, out, edition="full", actor="cli:tests", progress=lambda done, total: None)


def policy_of(exporter):
    return exporter.policy(None)


def test_a_case_leaves_as_a_package_that_verifies(installation, exporter, a_case, tmp_path):
    out = tmp_path / "case.zip"
    with sequencing(installation):
        finished = export(exporter, a_case, out)
    verdict = verify.verify(out, policy_of(exporter))
    assert verdict.state == "verified"
    assert finished.size_bytes == out.stat().st_size


def test_a_second_package_proves_that_history_was_only_added_to(installation, exporter, a_case, tmp_path):
    with sequencing(installation):
        first = export(exporter, a_case, tmp_path / "first.zip")
        with installation.engine.begin() as connection:
            asked = request(connection, a_case, edition="full", at=now(), actor="cli:tests")
            connection.execute(package.update().values(state="ready", checkpoint_size=first.checkpoint_size))
        take(installation, a_text(b"Body=later", sid="SM9"), sender=PHONE)
        installation.archive.accession_waiting(now=now())
        second = export(exporter, a_case, tmp_path / "second.zip")
    assert asked
    assert second.checkpoint_size > first.checkpoint_size
    assert verify.verify(tmp_path / "second.zip", policy_of(exporter)).state == "verified"


def test_an_item_that_arrives_while_the_package_is_built_does_not_spoil_it(installation, exporter, a_case, tmp_path):
    real = exporter.render

    def render_and_receive(connection, case, exhibits, edition):
        take(installation, a_text(b"Body=meanwhile", sid="SM8"), sender=PHONE)
        installation.archive.accession_waiting(now=now())
        return real(connection, case, exhibits, edition)

    busy = Exporter(**{name: getattr(exporter, name) for name in Exporter.__slots__} | {"render": render_and_receive})
    with sequencing(installation):
        export(busy, a_case, tmp_path / "case.zip")
    assert verify.verify(tmp_path / "case.zip", policy_of(exporter)).state == "verified"


def test_a_requested_package_is_built_once_and_kept_as_it_is(installation, exporter, a_case, tmp_path):
    from datetime import timedelta

    desk = PackageDesk(exporter, tmp_path / "desk", timedelta(days=1))
    with installation.engine.begin() as connection:
        asked = request(connection, a_case, edition="full", at=now(), actor="account:1")
    with sequencing(installation):
        assert desk.build(asked)
    assert not desk.build(asked)
    with installation.engine.connect() as connection:
        row = connection.execute(package.select()).one()
        assert case_of(connection, a_case.reference) == a_case
    assert (row.state, row.done, row.total) == ("ready", 3, 3)
    kept = installation.vault.read(row.vault_key, row.vault_version, sha256=row.sha256)
    (tmp_path / "kept.zip").write_bytes(kept)
    assert verify.verify(tmp_path / "kept.zip", policy_of(exporter)).state == "verified"


def test_a_row_changed_behind_our_back_stops_the_export(installation, exporter, a_case, tmp_path):
    from archive.errors import ArchiveError

    with installation.engine.begin() as connection:
        connection.execute(text("UPDATE acquisition SET sha256 = repeat('0', 64)"))
    with sequencing(installation), pytest.raises(ArchiveError):
        export(exporter, a_case, tmp_path / "case.zip")
    assert not (tmp_path / "case.zip").exists()


@pytest.mark.parametrize(
    ("channel", "media_type", "extension"),
    [
        ("sms", "application/x-www-form-urlencoded", "form"),
        ("email", "message/rfc822", "eml"),
        ("upload", "image/png", "png"),
        ("upload", "nonsense", "bin"),
        ("upload", "../../etc/passwd", "bin"),
    ],
)
def test_the_extension_is_ours_and_never_the_senders(channel, media_type, extension):
    assert extension_of(channel, media_type) == extension
