"""What the doctor, the worker and a package make of witnesses, over real HTTP."""

import json
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import requests
from click.testing import CliRunner

from archive.errors import WitnessUnreachableError
from archive.signed_note import SigningKey
from archive.witness import Witness, parse_logs
from archive.witness_records import Records
from cli.composition import now
from cli.main import main
from cli.own_witness import NAME, own_witness, witness_environment
from tests.archive.test_restored_backup import grow
from web.witness import make_witness_app
from workers.witnesses import MOST_BYTES, submit


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(installation, tmp_path):
    """A witness of this installation's ledger, and the settings that name it."""
    installation.sequencer.announce()
    key = SigningKey.generate("witness.example/w1")
    logs = parse_logs(f"log {installation.sequencer.key.verifier.encode()}\n")
    app = make_witness_app(Witness(key, logs, Records(tmp_path / "records"), now))
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever).start()
        yield {"HOLDFAST_WITNESS_URLS": f"{key.witness.encode()} http://127.0.0.1:{server.server_port}"}
        server.shutdown()


def findings(installation, **environ):
    result = CliRunner().invoke(main, ["doctor", "--json"], env=installation.environ | environ)
    found = json.loads(result.stdout)["findings"]
    return {each["what"]: each for each in found}


def test_the_doctor_has_the_newest_checkpoint_cosigned_and_says_so(installation, served):
    size = grow(installation, entries=3)
    found = findings(installation, **served)
    assert found["witness witness.example/w1"] == {
        "what": "witness witness.example/w1",
        "fault": False,
        "says": "cosigns",
    }
    assert found["quorum"]["says"] == f"{size} of {size} signed entries are cosigned by 1 of 1"
    policy = CliRunner().invoke(main, ["key", "policy"], env=installation.environ | served).stdout
    assert "quorum witnesses" in policy
    assert served["HOLDFAST_WITNESS_URLS"].split()[0] in policy


def test_the_doctor_says_unwitnessed_and_names_a_witness_that_is_away(installation):
    installation.sequencer.announce()
    grow(installation)
    assert findings(installation)["witnesses"]["says"].startswith("UNWITNESSED")
    key = SigningKey.generate("witness.example/w1").witness.encode()
    away = findings(installation, HOLDFAST_WITNESS_URLS=f"{key} http://127.0.0.1:1")
    assert away["witness witness.example/w1"]["fault"]
    assert away["quorum"]["fault"]


@pytest.mark.parametrize(("urls", "quorum"), [("x", "1"), ("{key} ftp://w", "1"), ("{key} https://w", "2")])
def test_a_setting_that_cannot_be_meant_is_named(installation, urls, quorum):
    installation.sequencer.announce()
    urls = urls.format(key=SigningKey.generate("w.example/1").witness.encode())
    environ = installation.environ | {"HOLDFAST_WITNESS_URLS": urls, "HOLDFAST_WITNESS_QUORUM": quorum}
    result = CliRunner().invoke(main, ["key", "policy"], env=environ)
    assert result.exit_code == 1
    assert "set HOLDFAST_WITNESS_" in result.output


def test_the_witness_of_one_machine_is_told_no_secret_and_named_for_what_it_is(installation, tmp_path):
    told = own_witness(tmp_path / "witness", 12345, installation.environ)
    assert told == own_witness(tmp_path / "witness", 12345, installation.environ)
    assert told["HOLDFAST_WITNESS_URLS"].startswith(f"{NAME}+")
    assert "same-machine" in NAME
    assert set(witness_environment(installation.environ | told)) <= {
        "PATH", "LC_ALL", "HOLDFAST_WITNESS_FOLDER", "HOLDFAST_WITNESS_BIND",
    }  # fmt: skip
    assert own_witness(tmp_path / "other", 1, {"HOLDFAST_WITNESS_URLS": "set"}) == {}
    assert witness_environment(installation.environ) is None


def answering(status, headers, pieces):
    def app(_environ, start_response):
        start_response(status, headers)
        return pieces

    return app


@pytest.mark.parametrize(
    ("status", "headers", "pieces"),
    [
        pytest.param("200 OK", [], [b"x" * 1024] * (MOST_BYTES // 1024 + 2), id="too much"),
        pytest.param("200 OK", [("Content-Length", "100")], [b"x"], id="cut off"),
    ],
)
def test_an_answer_without_bounds_or_end_is_none(status, headers, pieces):
    with make_server("127.0.0.1", 0, answering(status, headers, pieces), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(WitnessUnreachableError):
            submit(f"http://127.0.0.1:{server.server_port}/add-checkpoint", b"x")
        thread.join()


def test_a_witness_that_sends_us_elsewhere_is_not_followed():
    app = answering("302 Found", [("Location", "http://127.0.0.1:1/")], [])
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        reply = submit(f"http://127.0.0.1:{server.server_port}/add-checkpoint", b"x")
        thread.join()
    assert reply.status == requests.codes.found
