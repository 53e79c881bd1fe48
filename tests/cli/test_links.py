"""`holdfast link`: made, shown once, sent only where that was agreed to; errors that say what to do."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from archive import visit
from archive.acquisition import parsed
from archive.errors import LinkGoneError
from archive.link import LinkKind
from archive.tables import custody_payload, link
from cli.composition import now
from cli.main import main
from services.twilio_store import Store
from tests.replies.servers import OUR_NUMBER, SID, TOKEN, twilio
from web import pins

CASE, NUMBER = "42/1234/26", "+447700900001"


@pytest.fixture
def holdfast(installation):
    """Runs one command on the test's own installation."""
    environ = installation.environ | {"HOLDFAST_PUBLIC_URL": "https://larch.example.net"}

    def run(*words, code=0, **more):
        result = CliRunner().invoke(main, [str(word) for word in words], env=environ | more)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.output

    return run


@pytest.fixture
def amy(holdfast):
    holdfast("user", "add", "officer@example.org", "--role", "officer")
    holdfast("case", "open", CASE, "--officer", "officer@example.org")
    enrolled = ("--name", "Amy Carter", "--phone", NUMBER, "--reply", "discreet", "--links", "--json")
    return json.loads(holdfast("contributor", "enrol", CASE, *enrolled))["contributor"]


def links(installation):
    with installation.engine.connect() as connection:
        return connection.execute(select(link)).all()


@pytest.mark.parametrize("kind", list(LinkKind))
def test_a_link_for_somebody_by_name_or_id_opens_what_it_is_for(holdfast, installation, amy, kind):
    for whom in ("amy carter", amy):
        told = json.loads(holdfast("link", kind, CASE, whom, "--json"))
        token = re.fullmatch(rf"https://larch\.example\.net/{kind}/([\w-]{{43}})", told["link"])[1]
        assert abs(parsed(told["expires_at"]) - now() - timedelta(days=14)) < timedelta(minutes=5)
        assert (told["pin"], told["sent"], told["one_time"], told["shows_earlier"]) == (None, None, False, False)
        with installation.engine.begin() as connection:
            opened = visit.begin(connection, token, kind, now=now())
            assert str(opened.link.contributor_id) == amy
            assert opened.link.created_by.startswith("cli:")


def test_every_option_is_what_it_says(holdfast, installation, amy):
    options = ("--pin", "--days", "3", "--one-time", "--shows-earlier", "--json")
    told = json.loads(holdfast("link", "diary", CASE, amy, *options))
    (row,) = links(installation)
    assert (row.one_time, row.shows_earlier) == (True, True)
    assert pins.is_pin(row.pin_hash, told["pin"])
    assert row.expires_at - row.created_at < timedelta(days=3, minutes=5)
    words = holdfast("link", "upload", CASE, amy, "--pin")
    assert re.search(r"PIN: \d{6}\. Tell it by word of mouth", words)
    assert "Shown this once" in words


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((CASE, "Nobody"), 1, r"'Nobody' is not one of 42/1234/26's contributors: Amy Carter \("),
        (("99/9/99", "Amy Carter"), 1, "no case has the reference"),
        ((CASE, "Amy Carter", "--days", "0"), 2, "0 is not in the range 1<=x<=365"),
        ((CASE, "Amy Carter", "--to", NUMBER), 2, "--to says where to --send it"),
        (
            (CASE, "Amy Carter", "--send", "--to", "+447700900999"),
            1,
            r"is not a number or address of Amy Carter; enrol",
        ),
        ((CASE,), 2, "Missing argument"),
    ],
)
def test_what_is_wrong_is_said_and_no_link_is_made(holdfast, installation, amy, words, code, said):
    assert re.search(said, " ".join(holdfast("link", "diary", *words, code=code).split()))
    assert links(installation) == []


def test_two_people_of_one_name_are_told_apart_by_id(holdfast, installation, amy):
    holdfast("contributor", "enrol", CASE, "--name", "AMY CARTER", "--phone", "07700 900002")
    told = " ".join(holdfast("link", "diary", CASE, "Amy Carter", code=1).split())
    assert "more than one contributor" in told
    assert amy in told.replace(" ", "")
    assert json.loads(holdfast("link", "diary", CASE, amy, "--json"))["contributor"] == amy


def test_links_are_agreed_to_only_where_answers_are(holdfast, amy):
    words = holdfast("contributor", "enrol", CASE, "--name", "B", "--phone", "07700 900003", "--links", code=2)
    assert "who is never answered is sent nothing else" in " ".join(words.split())


def carried(url):
    return {
        "HOLDFAST_TWILIO_ACCOUNT_SID": SID,
        "HOLDFAST_TWILIO_AUTH_TOKEN": TOKEN,
        "HOLDFAST_TWILIO_NUMBER": OUR_NUMBER,
        "HOLDFAST_TWILIO_API_URL": url,
    }


def test_a_link_is_sent_by_the_carrier_and_shown_too(holdfast, installation, amy, tmp_path):
    with twilio(tmp_path) as url:
        told = json.loads(holdfast("link", "diary", CASE, amy, "--send", "--json", **carried(url)))
    assert told["sent"] is True
    bodies = [message.body for message in Store(tmp_path / "twilio.sqlite").seen_by(NUMBER)]
    assert bodies == [f"Here it is: {told['link']}"]
    token = told["link"].rpartition("/")[2].encode()
    with installation.engine.connect() as connection:
        payloads = list(connection.execute(select(custody_payload.c.body)).scalars())
    assert payloads
    assert not any(token in bytes(payload) for payload in payloads)


def test_with_answers_switched_off_nothing_is_made_and_the_reason_is_advice(holdfast, installation, amy):
    said = " ".join(holdfast("link", "diary", CASE, amy, "--send", code=1, HOLDFAST_REPLIES="no").split())
    assert "nothing was sent, and no link was made" in said
    assert "Give the link by another safe way" in said
    assert links(installation) == []


def test_a_carrier_that_cannot_be_reached_is_told_with_the_link_and_exit_1(holdfast, installation, amy):
    said = " ".join(holdfast("link", "diary", CASE, amy, "--send", code=1, **carried("http://127.0.0.1:9")).split())
    assert "https://larch.example.net/diary/" in said
    assert "Twilio could not be reached: nothing was sent" in said
    assert len(links(installation)) == 1


def test_a_link_made_here_ends_with_its_days(holdfast, installation, amy):
    told = json.loads(holdfast("link", "diary", CASE, amy, "--days", "1", "--json"))
    token = told["link"].rpartition("/")[2]
    with installation.engine.begin() as connection, pytest.raises(LinkGoneError):
        visit.begin(connection, token, LinkKind.DIARY, now=parsed(told["expires_at"]) + timedelta(seconds=1))
