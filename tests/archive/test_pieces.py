"""Promises 1 and 2 for items too large to hold: streamed, entered once, parked with their bytes where they are not right."""

import hashlib
import io
import itertools
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from archive.accession import receive_large
from archive.acquisition import Channel, LargeAcquisition, acquisition_id, upload_source_id
from archive.contributor import ReplyStyle, SafeContact, enrol
from archive.custody import Action, exhibit_stream
from archive.database import engine, migrate
from archive.errors import DigestMismatchError, PieceMissingError, VaultUnavailableError
from archive.ledger import entries_of
from archive.link import LinkKind, Terms, issue
from archive.parking import unpark
from archive.pieces import PiecesFile, add_piece, digests_of, let_go
from archive.tables import acquisition, exhibit, upload, upload_piece
from cli.composition import now
from tests.timeline.casework import Casework

BODY = bytes(range(256)) * 5
CUTS = (0, 1, 700, 1024, len(BODY))


@pytest.fixture
def link_id(installation):
    case = Casework(installation.archive, installation.sequencer).case()
    with installation.engine.begin() as connection:
        agreed = SafeContact(ReplyStyle.NONE)
        person = enrol(connection, case.id, name="Amy", contacts=[], safe_contact=agreed, at=now(), actor="cli:tests")
        terms = Terms(LinkKind.UPLOAD, now() + timedelta(days=1))
        return issue(connection, person, terms, at=now(), actor="cli:tests")[0].id


def in_pieces(connection, link_id, body=BODY, cuts=CUTS, number=1):
    """An upload whose pieces lie in the database; its id."""
    made = acquisition_id(Channel.UPLOAD, upload_source_id(link_id, number))
    values = {"id": made, "link_id": link_id, "number": number, "session_sha256": "s", "way": "tus", "name": "n"}
    values |= {"name_base64": "", "declared_type": "", "size_bytes": len(body), "position": len(body), "pieces": 1}
    connection.execute(upload.insert().values(**values, began_at=now(), seen_at=now()))
    for start, end in itertools.pairwise(cuts):
        add_piece(connection, made, start, body[start:end])
    return made


def received(installation, link_id, body=BODY, cuts=CUTS, number=1):
    with installation.engine.begin() as connection:
        made = in_pieces(connection, link_id, body, cuts, number)
        receive_large(
            connection,
            LargeAcquisition(
                id=made,
                sha256=hashlib.sha256(body).hexdigest(),
                sha512=hashlib.sha512(body).hexdigest(),
                size_bytes=len(body),
                channel=Channel.UPLOAD,
                source_id=upload_source_id(link_id, number),
                received_at=now(),
                media_type="video/mp4",
            ),
        )
    return made


def count(installation, table):
    with installation.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def state(installation, item):
    with installation.engine.connect() as connection:
        return connection.execute(select(acquisition.c.state).where(acquisition.c.id == item)).scalar_one()


def test_pieces_are_read_as_the_one_file_they_are(installation, link_id):
    with installation.engine.begin() as connection:
        made = in_pieces(connection, link_id)
        file = PiecesFile(connection, made, len(BODY))
        assert file.read() == BODY
        assert file.read(1) == b""
        assert file.seek(690) == 690
        assert (file.read(20), file.read(10)) == (BODY[690:700], BODY[700:710])  # a read may end with its piece
        assert file.seek(-5, io.SEEK_END) == len(BODY) - 5
        assert file.read() == BODY[-5:]
        found = digests_of(connection, made, len(BODY))
    assert (found.sha256, found.sha512) == (hashlib.sha256(BODY).hexdigest(), hashlib.sha512(BODY).hexdigest())


@pytest.mark.parametrize("cuts", [(0, 700), (1, len(BODY)), (0, 700, 1024), ()])
def test_a_missing_piece_is_a_fault_and_never_a_shorter_file(installation, link_id, cuts):
    with installation.engine.begin() as connection:
        made = in_pieces(connection, link_id, cuts=cuts)
        with pytest.raises(PieceMissingError):
            digests_of(connection, made, len(BODY))


def test_a_large_item_is_archived_once_its_pieces_are_let_go_and_texts_come_first(installation, link_id):
    made = [received(installation, link_id, number=number) for number in (1, 2)]
    assert installation.archive.accession_waiting(now=now()) == [made[0]]
    assert installation.archive.accession_waiting(now=now()) == [made[1]]
    assert installation.archive.accession_waiting(now=now()) == []
    assert (count(installation, exhibit), count(installation, upload_piece)) == (2, 0)
    with installation.engine.connect() as connection:
        held = connection.execute(select(exhibit).where(exhibit.c.id == made[0])).one()
        assert connection.execute(select(upload.c.let_go_at)).scalars().all().count(None) == 0
    stored = installation.vault.look(held.vault_key, held.vault_version)
    assert stored.metadata["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert installation.vault.read(held.vault_key, held.vault_version, sha256=stored.metadata["sha256"]) == BODY


def test_a_crash_after_the_vault_has_it_is_repeated_without_a_double(installation, link_id, monkeypatch):
    made = received(installation, link_id)
    with monkeypatch.context() as crashing:
        crashing.setattr("archive.accession.enter", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            installation.archive.accession_waiting(now=now())
    assert (state(installation, made), count(installation, upload_piece)) == ("received", 4)
    assert installation.archive.accession_waiting(now=now()) == [made]
    assert (count(installation, exhibit), count(installation, upload_piece)) == (1, 0)


def test_a_vault_that_is_away_leaves_everything_waiting(installation, link_id, monkeypatch):
    made = received(installation, link_id)

    def away(*_, **__):
        raise VaultUnavailableError("store", "away")

    with monkeypatch.context() as broken:
        broken.setattr(installation.vault, "put", away)
        with pytest.raises(VaultUnavailableError):
            installation.archive.accession_waiting(now=now())
    assert (state(installation, made), count(installation, upload_piece)) == ("received", 4)


def corrupt(installation, made):
    """What no login may do and a bad disk can."""
    owner = engine(installation.settings.database_owner_url, pool_size=1)
    with owner.begin() as connection:
        connection.execute(
            text("UPDATE upload_piece SET body = 'x' || substr(body, 2) WHERE start = 700 AND upload_id = :id"),
            {"id": made},
        )
    owner.dispose()


def test_pieces_that_are_not_what_was_received_park_the_item_with_its_bytes(installation, link_id):
    made = received(installation, link_id)
    corrupt(installation, made)
    with installation.engine.connect() as connection, pytest.raises(DigestMismatchError):
        digests_of(connection, made, len(BODY))
    assert installation.archive.accession_waiting(now=now()) == []
    assert (state(installation, made), count(installation, upload_piece)) == ("parked", 4)
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        (entry,) = entries_of(connection, [exhibit_stream(made)])
    assert entry.facts()["action"] == Action.ACQUISITION_PARKED
    with installation.engine.begin() as connection:
        assert unpark(connection, made, at=now(), actor="cli:tests", reason="looked")
    assert installation.archive.accession_waiting(now=now()) == []
    assert state(installation, made) == "parked"


@pytest.mark.parametrize("login", ["app", "owner"])
def test_nobody_removes_pieces_of_what_is_not_in_the_vault(installation, link_id, login):
    made = received(installation, link_id)
    url = installation.settings.database_url if login == "app" else installation.settings.database_owner_url
    own = engine(url, pool_size=1)
    with pytest.raises(DBAPIError, match="not in the vault yet"), own.begin() as connection:
        let_go(connection, made, at=now())
    own.dispose()


@pytest.mark.parametrize(
    "statement", ["UPDATE upload_piece SET body = ''", "TRUNCATE upload_piece", "DELETE FROM upload"]
)
def test_the_application_changes_no_piece_and_forgets_no_upload(installation, statement):
    with pytest.raises(DBAPIError, match="permission denied"), installation.engine.begin() as connection:
        connection.execute(text(statement))


def test_an_acquisition_without_bytes_anywhere_is_refused_by_the_database(installation, link_id):
    made = received(installation, link_id)
    with pytest.raises(DBAPIError, match="acquisition_has_bytes"), installation.engine.begin() as connection:
        connection.execute(text("UPDATE acquisition SET in_pieces = false WHERE id = :id"), {"id": made})


def test_texts_that_waited_before_uploads_existed_wait_on(stack):
    owner = engine(stack.fresh_database().owner, pool_size=1)
    migrate(owner, to="0002")
    with owner.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO acquisition (id, channel, source_id, received_at, sha256, sha512, size_bytes, media_type, door,"
                " raw, state) VALUES (:id, 'sms', 'SM1', now(), repeat('a', 64), repeat('b', 128), 1, 't', '{}', 'x', 'received')"
            ),
            {"id": uuid4()},
        )
    migrate(owner, to="0003")
    with owner.connect() as connection:
        assert connection.execute(text("SELECT state, raw, in_pieces FROM acquisition")).all() == [
            ("received", b"x", False)
        ]
    owner.dispose()
