"""The judge of soak runs can itself fail a run: each thing that could go wrong, made to look so, is named."""

from dataclasses import replace

import pytest

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel
from archive.database import engine
from cli.composition import now
from tests.failures import seeing
from tests.failures.judgement import Held, Outbound, Reply, Seen, judge

TEXT = Held("sms", "SM1", "aa", "aa", "aa")
PICTURE = Held("sms", "SM1/ME1", "bb", "bb", "bb")
FETCHED = Held("sms", "SM2", "ff", "ff", "ff", reconciled=True)
MAIL = Held("email", "imap:desk@h/INBOX/1/1", "cc", "cc", "dd")
GOOD = Seen(
    thanked={"SM1": "aa", "SM2": "ee"},
    texts=frozenset({"SM1", "SM2"}),
    media={"SM1/ME1": "bb"},
    mails=frozenset({"dd"}),
    mailbox=frozenset({"dd"}),
    held=[TEXT, PICTURE, FETCHED, MAIL],
    replies=[
        Reply("1", "+447700900001", "sent", "SM9"),
        Reply("2", "+447700900001", "unknown"),
        Reply("3", "+447700900001", "withdrawn"),
    ],
    outbound=[Outbound("SM9", "+447700900001"), Outbound("SM8", "+447700900001")],
    never=frozenset({"+447700900999"}),
    alerts={"mailbox": 2},
)


def test_a_run_that_kept_every_promise_has_no_finding():
    assert judge(GOOD) == []


@pytest.mark.parametrize(
    ("seen", "finding"),
    [
        (replace(GOOD, held=[PICTURE, FETCHED, MAIL]), "texts or pictures lost: SM1"),
        (replace(GOOD, held=[TEXT, FETCHED, MAIL]), "texts or pictures lost: SM1/ME1"),
        (replace(GOOD, texts=frozenset({"SM1", "SM2", "SM3"})), "texts or pictures lost: SM3"),
        (replace(GOOD, held=[*GOOD.held, replace(TEXT, source_id="SM7")]), "nobody sent, or a second time: SM7"),
        (replace(GOOD, held=[*GOOD.held, TEXT]), "source ids twice in the archive: SM1"),
        (replace(GOOD, thanked={"SM1": "ab"}), "SM1 was archived with other bytes than came"),
        (replace(GOOD, media={"SM1/ME1": "b0"}), "SM1/ME1 was archived with other bytes than came"),
        (replace(GOOD, refused={403: 2}), "a good text was refused with 403, 2 times"),
        (replace(GOOD, held=[TEXT, PICTURE, FETCHED, replace(MAIL, read="c0")]), "not in the vault with the bytes"),
        (replace(GOOD, held=[TEXT, PICTURE, FETCHED, replace(MAIL, versions=2)]), "has 2 versions in the vault"),
        (replace(GOOD, strays=["items/x"]), "in the vault, known to no row: items/x"),
        (replace(GOOD, held=[TEXT, PICTURE, FETCHED]), "mails lost: dd"),
        (replace(GOOD, mailbox=frozenset({"dd", "d1"})), "mails lost: d1"),
        (replace(GOOD, held=[*GOOD.held, replace(MAIL, source_id="imap:2")]), "mails archived more than once: dd"),
        (replace(GOOD, mails=frozenset()), "mails altered, or sent by nobody: dd"),
        (replace(GOOD, mailbox=frozenset()), "mails gone from the mailbox: dd"),
        (replace(GOOD, inbox=3), "3 mails still lie in the inbox"),
        (replace(GOOD, outbound=[*GOOD.outbound, Outbound("SM9", "+447700900001")]), "answers sent twice: SM9"),
        (replace(GOOD, outbound=GOOD.outbound[1:]), "recorded as sent that never left: SM9"),
        (
            replace(GOOD, outbound=[*GOOD.outbound, Outbound("SM6", "+447700900001")]),
            "2 answers left for the contact ending 0001 without a record, where 1 may have",
        ),
        (replace(GOOD, never=frozenset({"+447700900001"})), "answered who must never be: +447700900001"),
        (replace(GOOD, unfinished={"to read": 1}), "1 never came to the end of: to read"),
        (replace(GOOD, ledger=["leaves have gaps"]), "ledger: leaves have gaps"),
        (replace(GOOD, audit=["row_missing"]), "audit: row_missing"),
        (replace(GOOD, package=["not verified"]), "package: not verified"),
        (replace(GOOD, reconcile=["1 texts were still missing"]), "reconcile: 1 texts were still missing"),
        (replace(GOOD, alerts={"fault": 1}), "1 alerts: fault"),
    ],
)
def test_each_thing_that_goes_wrong_is_found_and_named(seen, finding):
    found = judge(seen)
    assert any(finding in sentence for sentence in found), found


def test_a_mail_whose_sender_heard_nothing_may_be_there_or_not():
    assert judge(replace(GOOD, mails=frozenset(), doubtful=frozenset({"dd"}))) == []
    gone = replace(GOOD, mails=frozenset(), doubtful=frozenset({"dd"}), mailbox=frozenset())
    assert judge(replace(gone, held=[TEXT, PICTURE, FETCHED])) == []


@pytest.fixture
def archived(installation):
    """An installation with three texts in the archive, placed and sealed."""
    with installation.engine.begin() as connection:
        for number in range(3):
            raw = f"Body=text+{number}".encode()
            item = Acquisition.of(
                raw, channel=Channel.SMS, source_id=f"SM{number}", at=now(), media_type="text/plain", door={}
            )
            receive(connection, item, Belonging())
    installation.archive.accession_waiting(now=now())
    installation.sequencer.announce()
    while installation.sequencer.run_once():
        pass
    return installation


def held(installation):
    with installation.engine.connect() as connection:
        return seeing._held(connection, installation.vault)


def ledger(installation):
    with installation.engine.connect() as connection:
        return seeing.ledger_faults(connection, installation.settings.checkpoint_file)


def doctored(installation, statement):
    """Change rows as nobody may: with the owner's login, triggers and references off."""
    owner = engine(installation.environ["HOLDFAST_DATABASE_OWNER_URL"], pool_size=1)
    try:
        with owner.begin() as connection:
            tables = ("acquisition", "exhibit", "custody_leaf")
            for table in tables:
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            connection.exec_driver_sql(statement)
    finally:
        owner.dispose()


def test_what_is_archived_is_seen_with_its_digests_and_one_version(archived):
    seen = held(archived)
    assert [each.source_id for each in sorted(seen, key=lambda each: each.source_id)] == ["SM0", "SM1", "SM2"]
    assert judge(Seen(thanked={each.source_id: each.recorded for each in seen}, held=seen)) == []
    assert ledger(archived) == []


def test_a_loss_injected_into_the_database_is_found(archived):
    told = {each.source_id: each.recorded for each in held(archived)}
    doctored(archived, "DELETE FROM exhibit WHERE id = (SELECT id FROM acquisition WHERE source_id = 'SM1')")
    assert judge(Seen(thanked=told, held=held(archived))) == ["texts or pictures lost: SM1"]


def test_a_digest_changed_in_the_database_is_found(archived):
    told = {each.source_id: each.recorded for each in held(archived)}
    doctored(archived, f"UPDATE acquisition SET sha256 = '{'0' * 64}' WHERE source_id = 'SM1'")
    found = judge(Seen(thanked=told, held=held(archived)))
    assert found == [
        "sms SM1 is not in the vault with the bytes its row tells",
        "SM1 was archived with other bytes than came",
    ]


def test_an_object_written_a_second_time_is_found(archived):
    told = {each.source_id: each.recorded for each in held(archived)}
    with archived.engine.connect() as connection:
        key = connection.exec_driver_sql("SELECT vault_key FROM exhibit LIMIT 1").scalar_one()
    archived.vault.client.put_object(Bucket=archived.vault.bucket, Key=key, Body=b"other")
    (found,) = judge(Seen(thanked=told, held=held(archived)))
    assert found.endswith("has 2 versions in the vault")


def test_a_leaf_changed_in_the_database_is_found(archived):
    doctored(archived, r"UPDATE custody_leaf SET leaf = leaf || '\x00' WHERE leaf_index = 1")
    (found,) = ledger(archived)
    assert "is not the one that was signed" in found


def test_a_checkpoint_kept_outside_that_is_gone_is_found(archived):
    archived.settings.checkpoint_file.unlink()
    assert ledger(archived) == ["the checkpoint kept outside is missing or behind"]
