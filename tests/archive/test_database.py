"""A pool gives out no connection whose server end is gone, and asks the server only where there is something to hear."""

import pytest
from sqlalchemy import event, text

from archive.database import engine


@pytest.fixture
def pool(environment):
    made = engine(environment["HOLDFAST_DATABASE_URL"], pool_size=2)
    yield made
    made.dispose()


def backend(connection):
    return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


def test_a_connection_that_the_server_ended_is_replaced_before_anybody_uses_it(pool):
    with pool.connect() as first, pool.connect() as second:
        ended = {backend(first), backend(second)}
    with pool.connect() as one, pool.connect() as other:
        for pid in ended - {backend(one)}:
            one.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        assert other.connection.is_valid
    for _ in range(4):
        with pool.begin() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_living_connection_is_given_out_again_without_a_question(pool):
    asked = []
    with pool.connect() as connection:
        kept = backend(connection)
    event.listen(pool, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with pool.connect() as connection:
        assert backend(connection) == kept
    assert asked == ["SELECT pg_backend_pid()"]
    with pool.connect() as connection:
        assert connection.connection.driver_connection.info.transaction_status.name == "IDLE"


def test_what_the_server_says_in_between_ends_no_connection(pool):
    with pool.connect() as listening, pool.connect() as speaking:
        kept = backend(listening)
        listening.execute(text("LISTEN here"))
        listening.commit()
        speaker = backend(speaking)
    with pool.connect() as one, pool.connect() as other:
        speaking = one if backend(one) == speaker else other
        speaking.execute(text("NOTIFY here"))
        speaking.commit()
        listening = other if speaking is one else one
        assert backend(listening) == kept
    with pool.connect() as one, pool.connect() as other:
        assert {backend(one), backend(other)} == {kept, speaker}
