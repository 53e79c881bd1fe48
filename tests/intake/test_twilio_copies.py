"""Twilio's own copies: changed only where ours is archived, sealed and read back right, and never without an entry."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from archive.accession import Belonging, receive
from archive.acquisition import Acquisition, Channel, media_source_id
from archive.custody import Action
from archive.ledger import entries_where
from archive.tables import alert, provider_copy
from cli.composition import now
from intake.errors import TwilioUnavailableError
from intake.twilio_copies import SETTLED, tidy_copies
from services.twilio_api import Account
from services.twilio_store import INBOUND, Attachment, Store
from tests.intake.serving import Serving


@pytest.fixture
def twilio(tmp_path):
    """The stand-in, in this process: its store can be looked into."""
    with Serving() as server:
        account = Account("AC1", "token", "+447700900100", server.url)
        store = Store(tmp_path / "twilio.sqlite")
        server.serve(store, account)
        yield server, store


@pytest.fixture
def api(twilio):
    made = twilio[0].api("AC1", "token")
    yield made
    made.close()


def text_at_both(installation, store, *, pictures=0):
    """A text that Twilio has and we have received, with its pictures."""
    attachments = [Attachment("image/png", b"picture %d" % number) for number in range(pictures)]
    message = store.add(INBOUND, "+447700900001", "+447700900100", "I see you", "received", attachments)
    media = store.media(message.sid)
    door = {
        "media": [{"url": f"https://h/{each.sid}", "media_type": "image/png"} for each in media],
        "stated_media": pictures,
    }
    text = Acquisition.of(
        b"Body=I+see+you",
        channel=Channel.SMS,
        source_id=message.sid,
        at=now() - 2 * SETTLED,
        media_type="x/y",
        door=door,
    )
    with installation.engine.begin() as connection:
        receive(connection, text, Belonging())
    return text, media


def picture_of(installation, text, media):
    part = Acquisition.of(
        media.content,
        channel=Channel.SMS,
        source_id=media_source_id(text.source_id, media.sid),
        at=now(),
        media_type="image/png",
    )
    with installation.engine.begin() as connection:
        receive(connection, part, Belonging(parent_id=text.id))


def archived(installation):
    while installation.archive.accession_waiting(now=now()):
        continue


def tidy(installation, api, how="delete", **more):
    return tidy_copies(installation.engine, installation.vault, api, how, now=now, **more)


def done(installation):
    with installation.engine.connect() as connection:
        return {row.acquisition_id: row.act for row in connection.execute(select(provider_copy))}


def test_nothing_is_deleted_before_it_is_archived_and_under_a_signed_checkpoint(installation, twilio, api):
    _, store = twilio
    text, _ = text_at_both(installation, store)
    assert tidy(installation, api) == []
    archived(installation)
    assert tidy(installation, api) == []
    assert store.message(text.source_id) is not None
    installation.sequencer.run_once()
    assert tidy(installation, api) == [text.id]
    assert store.message(text.source_id) is None
    assert tidy(installation, api) == []
    installation.sequencer.run_once()
    with installation.engine.connect() as connection:
        (entry,) = [each for each in entries_where(connection) if each.facts()["action"] == Action.COPY_DELETED]
    assert entry.stream == f"exhibit:{text.id}"
    assert entry.facts()["facts"] == {"source_id": text.source_id, "read_back": [text.sha256]}


def test_a_text_whose_picture_is_not_sealed_yet_keeps_both_there(installation, twilio, api):
    _, store = twilio
    text, media = text_at_both(installation, store, pictures=2)
    picture_of(installation, text, media[0])
    archived(installation)
    installation.sequencer.run_once()
    assert tidy(installation, api) == []
    picture_of(installation, text, media[1])
    archived(installation)
    assert tidy(installation, api) == []
    installation.sequencer.run_once()
    assert tidy(installation, api, "redact") == [text.id]
    assert store.message(text.source_id).body == ""
    assert store.media(text.source_id) == []
    assert done(installation) == {text.id: "redacted"}


def test_what_is_not_right_in_the_vault_is_kept_at_twilio_and_somebody_is_told(installation, twilio, api):
    _, store = twilio
    text, _ = text_at_both(installation, store)
    archived(installation)
    installation.sequencer.run_once()
    broken = type("Broken", (), {"digest": lambda *_: "0" * 64})()
    assert tidy_copies(installation.engine, broken, api, "delete", now=now) == []
    assert store.message(text.source_id) is not None
    with installation.engine.connect() as connection:
        assert "Twilio's copy is kept" in connection.execute(select(alert.c.text)).scalar_one()
    assert done(installation) == {}


def test_keep_means_keep_and_fresh_texts_are_left_alone(installation, twilio, api):
    _, store = twilio
    text, _ = text_at_both(installation, store)
    archived(installation)
    installation.sequencer.run_once()
    assert tidy(installation, api, "keep") == []
    long_ago = now() - timedelta(days=1)
    assert tidy_copies(installation.engine, installation.vault, api, "delete", now=lambda: long_ago) == []
    assert store.message(text.source_id) is not None


@pytest.mark.parametrize(("how", "act"), [("delete", "deleted"), ("redact", "redacted")])
def test_a_copy_that_is_gone_already_is_recorded_as_done(installation, twilio, api, how, act):
    """As after a crash between the deletion and its entry."""
    _, store = twilio
    text, _ = text_at_both(installation, store)
    archived(installation)
    installation.sequencer.run_once()
    store.delete(text.source_id)
    assert tidy(installation, api, how) == [text.id]
    assert done(installation) == {text.id: act}


def test_while_twilio_is_away_nothing_is_recorded(installation, twilio):
    server, store = twilio
    text_at_both(installation, store)
    archived(installation)
    installation.sequencer.run_once()
    away = server.api("AC1", "token", url="http://127.0.0.1:1")
    with pytest.raises(TwilioUnavailableError):
        tidy(installation, away)
    assert done(installation) == {}
    away.close()
