"""Personal links and their visits, on a real database: what ends them, what they keep, and that nothing can be tried out."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from archive import visit
from archive.database import engine, migrate
from archive.errors import LinkGoneError, PinNeededError
from archive.link import LinkKind, Terms, issue, link_of_token, links_of, revoke
from archive.tables import alert, contributor, custody_entry, link, link_session, metadata
from archive.visit import IDLE, LONGEST, PIN_TRIES, PinLocked, PinTry
from tests.timeline.casework import Casework

DIARY, UPLOAD = LinkKind.DIARY, LinkKind.UPLOAD
hostile = st.text(max_size=200) | st.sampled_from(
    ["", "/", "..", "s", "\x00", "\ud800", "é" * 5000, "' OR 1=1 --", "%2e%2e", "A" * 100_000, "\u202e", "null"]
)


@pytest.fixture
def casework(installation):
    return Casework(installation.archive, installation.sequencer)


@pytest.fixture
def amy(casework):
    return casework.enrol(casework.case(), phone="+447700900001")


@pytest.fixture
def run(casework):
    """Runs one act in a transaction of its own."""

    def act(function, *given_, **more):
        with casework.archive.engine.begin() as connection:
            return function(connection, *given_, **more)

    return act


@pytest.fixture
def issued(run, casework, amy):
    def made(kind=DIARY, days=7, **terms):
        agreed = Terms(kind, casework.at + timedelta(days=days), **terms)
        return run(issue, amy, agreed, at=casework.at, actor="cli:tests")

    return made


def test_a_token_opens_its_link_and_a_visit_goes_on_by_its_key(run, casework, issued):
    made, token = issued(shows_earlier=True)
    opened = run(visit.begin, token, DIARY, now=casework.at)
    assert opened.link == made
    assert opened.path == f"/diary/s/{opened.key}"
    assert run(visit.resume, opened.key, DIARY, now=casework.at) == opened
    assert run(links_of, made.case_id) == [made]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(hostile)
def test_nothing_but_the_token_opens_anything(run, casework, issued, written):
    issued()
    with pytest.raises(LinkGoneError):
        run(link_of_token, written, DIARY, now=casework.at)
    with pytest.raises(LinkGoneError):
        run(visit.resume, written, DIARY, now=casework.at)
    with pytest.raises(LinkGoneError):
        run(visit.take_try, written, DIARY, now=casework.at)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.integers(0, 42), st.characters(codec="ascii", categories=["L", "N"]))
def test_a_token_with_one_letter_changed_opens_nothing(run, casework, issued, place, letter):
    _, token = issued()
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(LinkGoneError):
            run(visit.begin, changed, DIARY, now=casework.at)


def ends_by_date(run, casework, made, _amy):
    casework.later(days=7)


def ends_by_an_officer(run, casework, made, _amy):
    assert run(revoke, made.id, case_id=made.case_id, at=casework.at, actor="cli:tests")


def ends_as_she_leaves(run, casework, made, amy):
    run(lambda connection: connection.execute(update(contributor).values(left_at=casework.at)))


@pytest.mark.parametrize("ending", [ends_by_date, ends_by_an_officer, ends_as_she_leaves])
def test_an_ended_link_opens_nothing_and_ends_its_visits_at_once(run, casework, issued, amy, ending):
    made, token = issued()
    opened = run(visit.begin, token, DIARY, now=casework.at)
    ending(run, casework, made, amy)
    for act, written in ((visit.begin, token), (visit.resume, opened.key), (visit.take_try, opened.key)):
        with pytest.raises(LinkGoneError):
            run(act, written, DIARY, now=casework.at)


def test_a_link_of_one_kind_opens_nothing_of_the_other(run, casework, issued):
    _, token = issued(UPLOAD)
    with pytest.raises(LinkGoneError):
        run(visit.begin, token, DIARY, now=casework.at)
    opened = run(visit.begin, token, UPLOAD, now=casework.at)
    with pytest.raises(LinkGoneError):
        run(visit.resume, opened.key, DIARY, now=casework.at)


def test_a_visit_dies_of_an_idle_hour_and_lives_by_use_for_half_a_day(run, casework, issued):
    _, token = issued()
    began = casework.at
    idle, used = (run(visit.begin, token, DIARY, now=began) for _ in range(2))
    while casework.at + IDLE < began + LONGEST:
        casework.at += IDLE
        run(visit.resume, used.key, DIARY, now=casework.at)
        assert not run(visit.has_ended, used.session_sha256, now=casework.at)
    casework.at = began + IDLE + timedelta(seconds=1)
    with pytest.raises(LinkGoneError):
        run(visit.resume, idle.key, DIARY, now=casework.at)
    assert run(visit.has_ended, idle.session_sha256, now=casework.at)
    casework.at = began + LONGEST
    with pytest.raises(LinkGoneError):
        run(visit.resume, used.key, DIARY, now=casework.at)
    assert run(visit.has_ended, used.session_sha256, now=casework.at)


def test_a_closed_visit_is_over_and_the_link_can_be_opened_again(run, casework, issued):
    _, token = issued()
    opened = run(visit.begin, token, DIARY, now=casework.at)
    run(visit.end, opened, now=casework.at)
    assert run(visit.has_ended, opened.session_sha256, now=casework.at)
    with pytest.raises(LinkGoneError):
        run(visit.resume, opened.key, DIARY, now=casework.at)
    assert run(visit.begin, token, DIARY, now=casework.at).link == opened.link


def test_opening_uses_nothing_up_and_the_first_completed_use_does(run, casework, issued):
    _, token = issued(one_time=True)
    first, second, previews = (run(visit.begin, token, DIARY, now=casework.at) for _ in range(3))
    run(visit.use_up, second, now=casework.at)
    for gone in (first, previews):
        with pytest.raises(LinkGoneError):
            run(visit.resume, gone.key, DIARY, now=casework.at)
        with pytest.raises(LinkGoneError):
            run(visit.use_up, gone, now=casework.at)
    with pytest.raises(LinkGoneError):
        run(visit.begin, token, DIARY, now=casework.at)
    assert run(visit.resume, second.key, DIARY, now=casework.at).used_up_here
    with pytest.raises(LinkGoneError):
        run(visit.use_up, second, now=casework.at)


def test_a_link_that_works_again_and_again_is_not_used_up(run, casework, issued):
    _, token = issued()
    opened = run(visit.begin, token, DIARY, now=casework.at)
    for _ in range(3):
        run(visit.use_up, opened, now=casework.at)
    assert not run(visit.resume, opened.key, DIARY, now=casework.at).used_up_here


def test_a_link_revoked_while_something_is_being_saved_lets_nothing_in(run, casework, issued):
    made, token = issued()
    opened = run(visit.begin, token, DIARY, now=casework.at)
    run(revoke, made.id, case_id=made.case_id, at=casework.at, actor="cli:tests")
    with pytest.raises(LinkGoneError):
        run(visit.use_up, opened, now=casework.at)


def test_of_many_that_use_a_link_at_once_one_does(run, casework, issued):
    _, token = issued(one_time=True)
    visits = [run(visit.begin, token, DIARY, now=casework.at) for _ in range(4)]
    through = []

    def use(opened):
        try:
            run(visit.use_up, opened, now=casework.at)
        except LinkGoneError:
            return
        through.append(opened)

    threads = [threading.Thread(target=use, args=(opened,)) for opened in visits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(through) == 1


def test_what_is_not_completed_uses_nothing_up(casework, run, issued):
    _, token = issued(one_time=True)
    opened = run(visit.begin, token, DIARY, now=casework.at)
    with pytest.raises(RuntimeError), casework.archive.engine.begin() as connection:
        visit.use_up(connection, opened, now=casework.at)
        raise RuntimeError
    run(visit.use_up, opened, now=casework.at)


def test_a_visit_without_its_pin_goes_nowhere(run, casework, issued):
    _, token = issued(pin_hash="a hash")
    opened = run(visit.begin, token, DIARY, now=casework.at)
    with pytest.raises(PinNeededError):
        run(visit.resume, opened.key, DIARY, now=casework.at)
    tried = run(visit.take_try, opened.key, DIARY, now=casework.at)
    assert (tried.pin_hash, tried.number, tried.left) == ("a hash", 1, PIN_TRIES - 1)
    run(visit.accept_pin, opened.key, DIARY, now=casework.at)
    assert run(visit.resume, opened.key, DIARY, now=casework.at) == opened
    other = run(visit.begin, token, DIARY, now=casework.at)
    with pytest.raises(PinNeededError):
        run(visit.resume, other.key, DIARY, now=casework.at)


def test_a_link_without_a_pin_takes_none_and_is_never_locked(run, casework, issued):
    _, token = issued()
    opened = run(visit.begin, token, DIARY, now=casework.at)
    for _ in range(PIN_TRIES + 1):
        with pytest.raises(LinkGoneError):
            run(visit.take_try, opened.key, DIARY, now=casework.at)
    assert run(visit.resume, opened.key, DIARY, now=casework.at) == opened


def wrong(run, casework, opened):
    tried = run(visit.take_try, opened.key, DIARY, now=casework.at)
    return tried if isinstance(tried, PinLocked) else run(visit.refuse_pin, tried, now=casework.at)


def test_wrong_pins_lock_the_link_for_longer_and_longer_but_never_for_more_than_a_day(run, casework, issued):
    _, token = issued(days=3000, pin_hash="a hash")
    waited = []
    for _ in range(12):
        opened = run(visit.begin, token, DIARY, now=casework.at)
        locks = [wrong(run, casework, opened) for _ in range(PIN_TRIES)]
        assert locks[:-1] == [None] * (PIN_TRIES - 1)
        lock = locks[-1]
        assert wrong(run, casework, opened) == lock
        waited.append((lock.until - casework.at).total_seconds() / 60)
        casework.at = lock.until
    assert waited == [15, 30, 60, 120, 240, 480, 960, 1440, 1440, 1440, 1440, 1440]


def test_the_lock_belongs_to_the_link_and_a_right_pin_lifts_it_before_it_began(run, casework, issued):
    _, token = issued(pin_hash="a hash")
    _, other_token = issued(pin_hash="another")
    opened, other = (run(visit.begin, each, DIARY, now=casework.at) for each in (token, other_token))
    for _ in range(PIN_TRIES - 1):
        wrong(run, casework, opened)
    last = run(visit.take_try, opened.key, DIARY, now=casework.at)
    assert last.left == 0
    # Until the fifth is judged the link is locked: many at once are not more tries.
    assert isinstance(run(visit.take_try, opened.key, DIARY, now=casework.at), PinLocked)
    run(visit.accept_pin, opened.key, DIARY, now=casework.at)
    assert run(visit.take_try, opened.key, DIARY, now=casework.at).number == 1
    assert isinstance(run(visit.take_try, other.key, DIARY, now=casework.at), PinTry)


def test_of_many_pins_tried_at_once_no_more_are_checked_than_one_after_another(run, casework, issued):
    _, token = issued(pin_hash="a hash")
    opened = run(visit.begin, token, DIARY, now=casework.at)
    taken = []
    threads = [
        threading.Thread(target=lambda: taken.append(run(visit.take_try, opened.key, DIARY, now=casework.at)))
        for _ in range(PIN_TRIES * 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tried.number for tried in taken if isinstance(tried, PinTry)) == [1, 2, 3, 4, 5]


def test_a_lock_is_in_the_ledger_and_tells_the_officer_without_the_pin(run, casework, issued, installation):
    made, token = issued(pin_hash="a hash")
    opened = run(visit.begin, token, DIARY, now=casework.at)
    for _ in range(PIN_TRIES + 3):
        wrong(run, casework, opened)
    with installation.engine.connect() as connection:
        (found,) = connection.execute(select(alert.c.kind, alert.c.case_id)).all()
    assert (found.kind, found.case_id) == ("link_locked", made.case_id)


def test_a_link_is_revoked_once_and_only_by_its_own_case(run, casework, issued):
    made, _ = issued()
    elsewhere = casework.case("42/9/26")
    assert not run(revoke, made.id, case_id=elsewhere.id, at=casework.at, actor="cli:tests")
    assert run(revoke, made.id, case_id=made.case_id, at=casework.at, actor="cli:tests", reason="lost")
    assert not run(revoke, made.id, case_id=made.case_id, at=casework.at, actor="cli:tests")


def test_failing_to_open_writes_nothing(run, casework, issued, installation):
    made, token = issued()
    run(revoke, made.id, case_id=made.case_id, at=casework.at, actor="cli:tests")

    def rows():
        with installation.engine.connect() as connection:
            return [connection.execute(select(table)).all() for table in (link, link_session, custody_entry)]

    before = rows()
    for written in (token, "unknown"):
        with pytest.raises(LinkGoneError):
            run(visit.begin, written, DIARY, now=casework.at)
    assert rows() == before


def test_no_token_and_no_key_of_a_visit_is_kept_anywhere(run, casework, issued, installation):
    _, token = issued(one_time=True)
    opened = run(visit.begin, token, DIARY, now=casework.at)
    run(visit.use_up, opened, now=casework.at)
    casework.seal()
    owner = engine(installation.settings.database_owner_url, pool_size=1)
    searched = 0
    with owner.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(text(f'SELECT "{table.name}"::text AS whole FROM "{table.name}"')):
                searched += 1
                for secret in (token, opened.key):
                    assert secret not in row.whole, table.name
                    assert secret.encode().hex() not in row.whole, table.name
    owner.dispose()
    assert searched > 10


def test_nobody_enrolled_before_there_were_links_has_agreed_to_be_sent_one(stack):
    owner = engine(stack.fresh_database().owner, pool_size=1)
    migrate(owner, to="0001")
    person = "00000000-0000-0000-0000-000000000001"
    with owner.begin() as connection:
        for statement in (
            "INSERT INTO account VALUES (:id, 'o@force.example', 'officer', 'x', false, true, now())",
            "INSERT INTO \"case\" (id, reference, slug, officer_in_case, opened_at) VALUES (:id, '1', '1', :id, now())",
            (
                "INSERT INTO contributor (id, case_id, name, initials, reply_style, timezone, enrolled_at) "
                "VALUES (:id, :id, 'Amy', 'A', 'discreet', 'Europe/London', now())"
            ),
        ):
            connection.execute(text(statement), {"id": person})
    migrate(owner, to="0002")
    with owner.connect() as connection:
        assert connection.execute(text("SELECT name, links_allowed FROM contributor")).all() == [("Amy", False)]
    owner.dispose()
