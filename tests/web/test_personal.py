"""Personal pages as a browser without script sees them: the exchange, the PIN, and the one page for what does not work."""

from __future__ import annotations

import re

import pytest
import structlog
from argon2 import PasswordHasher
from flask import Blueprint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import update

from archive.link import LinkKind, revoke
from archive.tables import contributor
from archive.visit import resume, use_up
from tests.web.links import hold
from web import pins
from web.personal import personal

NONCE = re.compile(r'nonce="[^"]+"')
KINDS = pytest.mark.parametrize("kind", list(LinkKind))


@pytest.fixture(scope="module")
def pin_hash():
    # As cheap as argon2 goes: verifying takes its cost from the hash.
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("493817")


@pytest.fixture
def amy(site):
    return site.casework.enrol(site.casework.case(), phone="+447700900001")


@pytest.fixture
def holder(site, amy):
    return hold(site, amy)


def shown(answer):
    """Everything of an answer that whoever asked can see, but the number that is new in each."""
    headers = {name: value for name, value in answer.headers if name not in {"Content-Security-Policy", "Date"}}
    return answer.status_code, headers, NONCE.sub("", answer.get_data(as_text=True))


@KINDS
def test_a_link_is_exchanged_at_once_for_a_visit_without_a_cookie(site, amy, kind):
    holder = hold(site, amy, kind)
    answer = holder.client.get(holder.address)
    assert answer.status_code == 303
    assert re.fullmatch(rf"/{kind}/s/[\w-]{{43}}", answer.headers["Location"])
    assert holder.token not in answer.headers["Location"] + answer.get_data(as_text=True)
    assert "Set-Cookie" not in answer.headers
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    (entry,) = site.entries("link.opened")
    assert (entry["actor"], entry["facts"]["link_id"]) == (f"link:{holder.link.id}", str(holder.link.id))


def test_previews_and_every_opening_are_visits_of_their_own_and_use_nothing_up(site, amy):
    holder = hold(site, amy, one_time=True)
    opened = {holder.open() for _ in range(3)}
    assert holder.client.head(holder.address).status_code == 303
    assert len(opened) == 3
    assert len(site.entries("link.opened")) == 4
    assert holder.client.post(f"{opened.pop()}/close").status_code == 200


def everything_that_does_not_work(site, amy):
    """Addresses, by why they do not work; none of them may be told from another."""
    casework = site.casework
    engine = casework.archive.engine
    expired, revoked, used_up, idle, other = (hold(site, amy, days=days, one_time=True) for days in (1, 9, 9, 9, 9))
    visits = {name: holder.open() for name, holder in (("expired", expired), ("revoked", revoked), ("idle", idle))}
    loser, winner = used_up.open(), used_up.open()
    with engine.begin() as connection:
        revoke(connection, revoked.link.id, case_id=revoked.link.case_id, at=casework.at, actor="cli:tests")
        use_up(
            connection,
            resume(connection, winner.rpartition("/")[2], LinkKind.DIARY, now=casework.at),
            now=casework.at,
        )
    casework.later(days=2)
    closed = other.open()
    other.client.post(f"{closed}/close")
    return {
        "an unknown token": "/diary/" + "A" * 43,
        "an expired token": expired.address,
        "a revoked token": revoked.address,
        "a used up token": used_up.address,
        "a token of the other kind": f"/upload/{other.token}",
        "an unknown visit": "/diary/s/" + "A" * 43,
        "a visit of the other kind": closed.replace("/diary/", "/upload/"),
        "a visit of an expired link": visits["expired"],
        "a visit of a revoked link": visits["revoked"],
        "an idle visit": visits["idle"],
        "a closed visit": closed,
        "a visit that lost": loser,
        "hostile": "/diary/..%2f..%2fetc%00",
        "slashes": "/diary/a/b/c",
        "very long": "/upload/" + "x" * 4000,
    }


def test_every_link_that_does_not_work_gets_one_and_the_same_page(site, amy):
    client = site.app.test_client()
    answers = {why: shown(client.get(address)) for why, address in everything_that_does_not_work(site, amy).items()}
    status, _, page = answers["an unknown token"]
    assert status == 404
    assert "This link does not work any more" in page
    assert {why for why, answer in answers.items() if answer != answers["an unknown token"]} == set()
    # Nor do the ways to send something in tell them apart.
    for path in ("close", "pin"):
        posted = [
            shown(client.post(f"{address}/{path}", data={"pin": "493817"}))
            for why, address in everything_that_does_not_work(site, amy).items()
            if "visit" in why
        ]
        assert all(answer == posted[0] for answer in posted)
        assert posted[0] == answers["an unknown token"]


def test_who_left_the_case_and_a_stranger_see_the_same(site, holder):
    opened = holder.open()
    with site.casework.archive.engine.begin() as connection:
        connection.execute(update(contributor).values(left_at=site.casework.at))
    unknown = shown(holder.client.get("/diary/unknown"))
    assert shown(holder.client.get(holder.address)) == shown(holder.client.get(opened)) == unknown


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="?#"), min_size=1, max_size=80), st.sampled_from(LinkKind)
)
def test_whatever_is_written_in_place_of_a_token_gets_that_page_or_none(site, written, kind):
    answer = site.app.test_client().get(f"/{kind}/{written}")
    assert answer.status_code in {404, 308, 405}
    assert "Set-Cookie" not in answer.headers
    if written.strip("/.") and "/" not in written:
        assert "This link does not work any more" in answer.get_data(as_text=True)


def test_the_fifth_wrong_pin_locks_the_link_and_tells_the_officer(site, amy, pin_hash):
    holder = hold(site, amy, pin_hash=pin_hash)
    opened = holder.open()
    for left in ("4 more times", "3 more times", "2 more times", "one more time"):
        answer = holder.client.post(f"{opened}/pin", data={"pin": "000000"})
        assert answer.status_code == 403
        assert left in answer.get_data(as_text=True)
        assert "Error: PIN" in answer.get_data(as_text=True)
    locked = holder.client.post(f"{opened}/pin", data={"pin": "000000"})
    assert locked.status_code == 429
    assert "try again at 12:15" in locked.get_data(as_text=True)
    # Neither the right one nor another browser helps: the lock is the link's, not an address's.
    again = hold_again(site, holder)
    assert again.client.post(f"{again.open()}/pin", data={"pin": "493817"}).status_code == 429
    (entry,) = site.entries("link.locked")
    assert entry["facts"] == {
        "link_id": str(holder.link.id),
        "tries": 5,
        "locked_until": "2026-11-23T12:15:00.000Z",
    }
    officer = site.person("supervisor")
    assert "Wrong PINs were tried" in site.browser(officer).text("/cases/42-1234-26")
    site.casework.later(minutes=15)
    right = holder.client.post(f"{opened}/pin", data={"pin": " 493 817 "})
    assert (right.status_code, right.headers["Location"]) == (303, opened)


def hold_again(site, holder):
    return type(holder)(holder.person, holder.link, holder.token, site.app.test_client())


def test_pins_tried_from_one_address_on_one_link_lock_no_other(site, amy, pin_hash):
    hers, another = hold(site, amy, pin_hash=pin_hash), hold(site, amy, pin_hash=pin_hash)
    opened = hers.open()
    for _ in range(20):
        hers.client.post(f"{opened}/pin", data={"pin": "000000"})
    assert another.client.post(f"{another.open()}/pin", data={"pin": "493817"}).status_code == 303


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.text(max_size=100) | st.sampled_from(["\x00", "９" * 6, "493817" * 100, "-493817", "٤٩٣٨١٧"]))
def test_no_other_pin_is_the_pin(pin_hash, written):
    assert pins.is_pin(pin_hash, written) == ("".join(written.split()) == "493817")


def test_pins_are_six_digits_and_what_is_kept_of_one_is_not_the_pin():
    made = {pins.new_pin() for _ in range(50)}
    assert len(made) > 40
    assert all(re.fullmatch(r"\d{6}", pin) for pin in made)
    kept = pins.hash_pin("493817")
    assert kept.startswith("$argon2id$")
    assert "493817" not in kept
    assert pins.is_pin(kept, "493817")
    assert not pins.is_pin("not a hash", "493817")


def with_a_room(site):
    """The application with one view of a visit, as the diary and uploads have many."""
    room = Blueprint("room", __name__)

    @room.get("/diary/s/<key>/room/<int:number>")
    @personal(site.web, LinkKind.DIARY)
    def show(visit, number):
        return f"{visit.link.id} {number}"

    site.app.register_blueprint(room)


def test_a_view_gets_its_visit_in_place_of_the_key(site, holder):
    with_a_room(site)
    opened = holder.open()
    assert holder.client.get(f"{opened}/room/7").get_data(as_text=True) == f"{holder.link.id} 7"
    unknown = holder.client.get("/diary/s/" + "A" * 43 + "/room/7")
    assert unknown.status_code == 404
    assert "does not work any more" in unknown.get_data(as_text=True)


def test_a_view_of_a_visit_without_its_pin_asks_for_it(site, amy, pin_hash):
    with_a_room(site)
    holder = hold(site, amy, pin_hash=pin_hash)
    opened = holder.open()
    page = holder.client.get(f"{opened}/room/7").get_data(as_text=True)
    assert str(holder.link.id) not in page
    assert f'action="{opened}/pin"' in page
    assert holder.client.post(f"{opened}/pin", data={"pin": "493817"}).status_code == 303
    assert str(holder.link.id) in holder.client.get(f"{opened}/room/7").get_data(as_text=True)


@pytest.fixture
def dead(site):
    """The database stops answering."""
    engine = site.casework.archive.engine
    with engine.connect():
        pass

    def away(_connection, cursor, *_):
        cursor.execute("SELECT 1/0")

    def die():
        sqlalchemy_event.listen(engine, "before_cursor_execute", away)

    yield die
    if sqlalchemy_event.contains(engine, "before_cursor_execute", away):
        sqlalchemy_event.remove(engine, "before_cursor_execute", away)


def test_with_a_dead_database_nothing_is_promised(site, amy, dead, pin_hash):
    holder = hold(site, amy, pin_hash=pin_hash)
    opened = holder.open()
    dead()
    answers = [
        holder.client.get(holder.address),
        holder.client.get("/upload/unknown"),
        holder.client.post(f"{opened}/pin", data={"pin": "493817"}),
        holder.client.post(f"{opened}/close"),
    ]
    for answer in answers:
        page = answer.get_data(as_text=True)
        assert answer.status_code == 503
        assert "<strong>not saved</strong>" in page
        assert "does not work any more" not in page
        assert "Call" in page


def test_logs_hold_neither_token_nor_key(site, amy, pin_hash, dead, caplog, capfd):
    holder = hold(site, amy, pin_hash=pin_hash)
    with structlog.testing.capture_logs() as logged:
        opened = holder.open()
        holder.client.post(f"{opened}/pin", data={"pin": "493817"})
        holder.client.post(f"{opened}/close")
        dead()
        holder.client.get(holder.address)
        holder.client.get(opened)
    written = str(logged) + caplog.text + "".join(capfd.readouterr())
    assert "page.database_away" in written
    for secret in (holder.token, opened.rpartition("/")[2], "493817"):
        assert secret not in written


def test_a_personal_page_is_listed_by_no_search_engine_and_neutral_in_the_tab(site, amy, pin_hash):
    holder = hold(site, amy, pin_hash=pin_hash)
    with_a_room(site)
    opened = holder.open()
    for page in (
        holder.client.get("/diary/unknown").get_data(as_text=True),
        holder.client.get(f"{opened}/room/1").get_data(as_text=True),
    ):
        assert '<meta name="robots" content="noindex, nofollow">' in page
        title = re.search(r"<title[^>]*>(.*?)</title>", page, re.DOTALL)[1].lower()
        for telling in ("diary", "police", "stalk", "evidence", "upload", "case"):
            assert telling not in title
        assert "Exit this page" in page
