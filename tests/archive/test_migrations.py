"""Promise 4, second line: what a login may do to the ledger's rows, and that migrations make what the code knows."""

import json
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from archive.custody import SYSTEM, Action, CustodyEntry
from archive.database import engine, latest_revision, migrate
from archive.ledger import record
from archive.tables import metadata
from cli.composition import now

FORBIDDEN = [
    f"{act} {table}{rest}"
    for table in ("custody_entry", "custody_leaf", "tree_node", "checkpoint")
    for act, rest in (("DELETE FROM", ""), ("TRUNCATE", ""))
] + [
    "UPDATE custody_entry SET at = now()",
    "UPDATE custody_payload SET body = ''",
    "DELETE FROM custody_payload",
    "DELETE FROM custody_pending",
    "UPDATE custody_leaf SET leaf = ''",
    "UPDATE tree_node SET hash = ''",
    "UPDATE checkpoint SET note = ''",
    "INSERT INTO custody_leaf VALUES (0, 0, '', '', '', 0, '')",
    "INSERT INTO checkpoint VALUES (1, '', '', now())",
    "DELETE FROM acquisition",
    "DELETE FROM exhibit",
    "DROP TABLE custody_entry",
]


@pytest.fixture
def with_an_entry(installation):
    with installation.engine.begin() as connection:
        record(connection, CustodyEntry(SYSTEM, Action.VAULT_TESTED, "system:tests", now()))
    installation.sequencer.run_once()
    return installation


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_application_cannot_change_what_the_ledger_holds(with_an_entry, statement):
    with (
        pytest.raises(DBAPIError, match=r"permission denied|must be owner"),
        with_an_entry.engine.begin() as connection,
    ):
        connection.execute(text(statement))


@pytest.mark.parametrize("table", ["custody_entry", "custody_leaf", "tree_node", "checkpoint"])
@pytest.mark.parametrize("act", ["DELETE FROM {}", "TRUNCATE {}"])
def test_even_the_owner_is_refused_by_the_guards(with_an_entry, table, act):
    owner = engine(with_an_entry.settings.database_owner_url, pool_size=1)
    with pytest.raises(DBAPIError, match=r"written once|foreign key"), owner.begin() as connection:
        connection.execute(text(act.format(table)))
    owner.dispose()


def test_the_sequencer_cannot_touch_evidence_or_people(with_an_entry):
    with pytest.raises(DBAPIError, match="permission denied"), with_an_entry.sequencer.engine.begin() as connection:
        connection.execute(text("SELECT * FROM acquisition"))


def test_migrations_make_exactly_the_tables_the_code_knows(installation):
    owner = engine(installation.settings.database_owner_url, pool_size=1)
    with owner.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda item, name, kind, reflected, other: kind in {"table", "column"}},
        )
        assert compare_metadata(context, metadata) == []
    owner.dispose()


def test_migrating_twice_changes_nothing_and_keeps_the_data(with_an_entry):
    owner = engine(with_an_entry.settings.database_owner_url, pool_size=1)
    with owner.connect() as connection:
        before = connection.execute(text("SELECT * FROM custody_entry")).all()
    assert migrate(owner) == latest_revision()
    with owner.connect() as connection:
        assert connection.execute(text("SELECT * FROM custody_entry")).all() == before != []
    owner.dispose()


def test_the_key_that_signed_before_there_was_a_list_of_keys_is_the_first_on_it(stack):
    owner = engine(stack.fresh_database().owner, pool_size=1)
    migrate(owner, to="0005")
    with owner.begin() as connection:
        connection.execute(text("INSERT INTO mark VALUES ('log_key', to_json('name+0a+b'::text), now())"))
    migrate(owner, to="0006")
    with owner.connect() as connection:
        assert connection.execute(text("SELECT verifier_key, retired_at FROM log_key")).all() == [("name+0a+b", None)]
    owner.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log_key SET verifier_key = 'another'",
        "DELETE FROM log_key",
        "TRUNCATE log_key",
        "UPDATE cosignature SET line = ''",
        "DELETE FROM cosignature",
        "TRUNCATE cosignature",
    ],
)
def test_keys_and_cosignatures_are_never_changed_or_removed(with_an_entry, statement):
    with with_an_entry.engine.begin() as connection:
        connection.execute(text("INSERT INTO log_key VALUES ('a+b+c', now())"))
        connection.execute(text("INSERT INTO cosignature VALUES (1, 'w+b+c', 'line', now())"))
    with pytest.raises(DBAPIError, match="permission denied"), with_an_entry.engine.begin() as connection:
        connection.execute(text(statement))
    owner = engine(with_an_entry.settings.database_owner_url, pool_size=1)
    with pytest.raises(DBAPIError, match=r"written once|only its end"), owner.begin() as connection:
        connection.execute(text(statement))
    owner.dispose()


def test_a_key_ends_once(with_an_entry):
    ends = "UPDATE log_key SET retired_at = now(), retired_because = 'replaced'"
    with with_an_entry.engine.begin() as connection:
        connection.execute(text("INSERT INTO log_key VALUES ('a+b+c', now())"))
        connection.execute(text(ends))
    with pytest.raises(DBAPIError, match="only its end"), with_an_entry.engine.begin() as connection:
        connection.execute(text(ends))


def test_pictures_that_were_refused_before_there_was_a_list_of_them_stand_on_it_as_parked(stack):
    owner = engine(stack.fresh_database().owner, pool_size=1)
    migrate(owner, to="0010")
    row = (
        "INSERT INTO acquisition (id, channel, source_id, received_at, sha256, sha512, size_bytes, media_type, door, state,"
        " attempts) VALUES ('00000000-0000-0000-0000-00000000000a', 'sms', 'SM1', now(), repeat('0', 64), repeat('0', 128), 1, 'x/y', '{}', 'archived', 0)"
    )
    refused = json.dumps([["SM1/ME1", "too large"], ["SM1/ME2", "no such host"]])
    with owner.begin() as connection:
        connection.execute(text(row))
        for name in ("media.refused:00000000-0000-0000-0000-00000000000a", "media.refused:of no text"):
            connection.execute(
                text("INSERT INTO mark VALUES (:name, CAST(:value AS json), now())"), {"name": name, "value": refused}
            )
    migrate(owner, to="0011")
    with owner.connect() as connection:
        query = "SELECT source_id, because, parked_at IS NOT NULL FROM media_due ORDER BY source_id"
        assert connection.execute(text(query)).all() == [
            ("SM1/ME1", "too large", True),
            ("SM1/ME2", "no such host", True),
        ]
        assert connection.execute(text("SELECT name FROM mark WHERE name LIKE 'media.refused:%'")).all() == []
    owner.dispose()


def test_exports_that_came_before_they_were_taken_apart_are_asked_for(stack):
    owner = engine(stack.fresh_database().owner, pool_size=1)
    migrate(owner, to="0012")
    kinds = {
        1: ("upload", "upload:x/1", '{"filename": "sms.XML"}', None),
        2: ("upload", "upload:x/2", '{"filename": "film.mp4"}', None),
        3: ("email", "imap:a/b/1/1", "{}", '[{"name": "chat.zip"}]'),
        4: ("email", "imap:a/b/1/2", "{}", '[{"name": "a.jpg"}, {"name": null}]'),
    }
    with owner.begin() as connection:
        for number, (channel, source, door, attachments) in kinds.items():
            known = {"id": UUID(int=number), "channel": channel, "source": source, "door": door}
            connection.execute(
                text(
                    "INSERT INTO acquisition (id, channel, source_id, received_at, sha256, sha512, size_bytes, media_type,"
                    " door, state, attempts) VALUES (:id, :channel, :source, now(), repeat('0', 64), repeat('0', 128), 1,"
                    " 'x/y', CAST(:door AS json), 'archived', 0)"
                ),
                known,
            )
            connection.execute(
                text(
                    "INSERT INTO exhibit (id, vault_key, vault_version, retain_until, archived_at, archived_entry)"
                    " VALUES (:id, :source, 'v', now(), now(), :number)"
                ),
                known | {"number": number},
            )
            if attachments:
                connection.execute(
                    text(
                        "INSERT INTO reading (exhibit_id, version, read_at, state, content, words, ordered_at)"
                        " VALUES (:id, 4, now(), 'read', CAST(:content AS json), '', now())"
                    ),
                    known | {"content": f'{{"attachments": {attachments}}}'},
                )
    migrate(owner, to="0013")
    with owner.connect() as connection:
        asked = connection.execute(text("SELECT exhibit_id, state FROM unpacking ORDER BY exhibit_id")).all()
    assert asked == [(UUID(int=1), "waiting"), (UUID(int=3), "waiting")]
    owner.dispose()
