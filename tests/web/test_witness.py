"""The witness's doors: what HTTP adds to its answers, and that it tells loudly and says nothing of anybody."""

import io
import json
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
import structlog

from archive.witness import MAX_BODY_BYTES
from archive.witness_records import name_of
from tests.archive.test_witness import FORKED, HONEST, ORIGIN, OWN, made
from web.witness import make_witness_app


@pytest.fixture
def witness(tmp_path):
    return made(tmp_path)


def call(witness, method, path, body=b"", **more):
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "wsgi.input": io.BytesIO(body),
    }
    setup_testing_defaults(environ)
    environ |= {"CONTENT_LENGTH": str(len(body)), **more}
    said = {}

    def start_response(status, headers, *_):
        said.update(status=int(status.split()[0]), headers=dict(headers))
        return lambda _: None

    pieces = validator(make_witness_app(witness))(environ, start_response)
    try:
        return said["status"], said["headers"], b"".join(pieces)
    finally:
        pieces.close()


def test_a_checkpoint_is_posted_and_its_cosignature_comes_back(witness):
    status, headers, body = call(witness, "POST", "/add-checkpoint", HONEST.asks(0, 5))
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert body.decode().startswith(f"— {OWN.name} ")


def test_a_conflict_has_the_media_type_of_the_specification(witness):
    call(witness, "POST", "/add-checkpoint", HONEST.asks(0, 5))
    status, headers, body = call(witness, "POST", "/add-checkpoint", HONEST.asks(0, 9))
    assert (status, headers["Content-Type"], body) == (409, "text/x.tlog.size", b"5\n")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/add-checkpoint", 405),
        ("DELETE", "/", 405),
        ("GET", "/add-checkpoints", 404),
        ("GET", "/../key", 404),
        ("GET", f"/{'0' * 64}/checkpoint", 404),
        ("GET", f"/{name_of(ORIGIN)}/checkpoint", 404),
    ],
)
def test_other_doors_are_shut(witness, method, path, status):
    assert call(witness, method, path)[0] == status


def test_a_body_that_is_too_long_is_not_read(witness):
    class Unread(io.BytesIO):
        def read(self, *_):
            pytest.fail("read")

    status, _, _ = call(
        witness, "POST", "/add-checkpoint", CONTENT_LENGTH=str(MAX_BODY_BYTES + 1), **{"wsgi.input": Unread()}
    )
    assert status == 413
    # Without a length it is read to the limit and no further.
    long = io.BytesIO(b"x" * (MAX_BODY_BYTES + 1000))
    assert call(witness, "POST", "/add-checkpoint", CONTENT_LENGTH="", **{"wsgi.input": long})[0] == 413
    assert long.tell() == MAX_BODY_BYTES + 1


def test_the_last_cosigned_checkpoint_is_public(witness):
    call(witness, "POST", "/add-checkpoint", HONEST.asks(0, 5))
    status, _, body = call(witness, "GET", f"/{name_of(ORIGIN)}/checkpoint")
    assert status == 200
    assert body.decode().startswith(HONEST.checkpoint(5).text)
    assert OWN.witness.encode().encode() in call(witness, "GET", "/")[2]


def test_a_contradiction_is_told_by_health_until_a_person_has_moved_it(witness):
    assert call(witness, "GET", "/health")[0] == 200
    call(witness, "POST", "/add-checkpoint", HONEST.asks(0, 5))
    with structlog.testing.capture_logs() as events:
        assert call(witness, "POST", "/add-checkpoint", FORKED.asks(5, 9))[0] == 422
    assert [(event["log_level"], event["event"]) for event in events] == [("critical", "witness.contradiction_kept")]
    status, _, body = call(witness, "GET", "/health")
    assert (status, b"1 contradiction" in body) == (500, True)
    (place,) = witness.records.contradictions()
    place.rename(place.parent.parent / "moved away")
    assert call(witness, "GET", "/health")[0] == 200


def test_records_that_cannot_be_used_are_a_fault_of_ours(witness):
    call(witness, "POST", "/add-checkpoint", HONEST.asks(0, 5))
    (witness.records.folder / name_of(ORIGIN) / "checkpoint").write_bytes(b"damaged")
    with structlog.testing.capture_logs() as events:
        assert call(witness, "POST", "/add-checkpoint", HONEST.asks(5, 9))[0] == 500
    assert events[-1]["event"] == "witness.record_damaged"


def test_no_key_and_no_address_reaches_a_log(witness):
    with structlog.testing.capture_logs() as events:
        call(witness, "POST", "/add-checkpoint", HONEST.asks(0, 5), REMOTE_ADDR="192.0.2.77")
        call(witness, "POST", "/add-checkpoint", b"PRIVATE+KEY+x", REMOTE_ADDR="192.0.2.77")
    written = json.dumps(events, default=str)
    # A refusal is told at every level; whether a signature is, other tests of the process may have set.
    assert "witness.refused" in {event["event"] for event in events}
    assert "192.0.2.77" not in written
    assert OWN.encode().rpartition("+")[2] not in written
    assert "PRIVATE" not in written
