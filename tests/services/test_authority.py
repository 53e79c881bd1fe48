"""Tokens of the demonstration authority, judged by two programs that are not ours."""

import hashlib
import subprocess
from datetime import UTC, datetime

import pytest
import requests
from asn1crypto import tsp
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from services.authority_keys import ensure_authority, load_signing_key
from services.tokens import POLICY, Response, answer

NOTE = b"holdfast.example/log\n7\nAAAA\n"
AT = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
QUERY = {"Content-Type": "application/timestamp-query"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    ensure_authority(folder)
    return folder


@pytest.fixture(scope="module")
def signing_key(folder):
    return load_signing_key(folder)


def request_for(note, algorithm=HashAlgorithm.SHA256, *, certificates=True):
    builder = TimestampRequestBuilder().data(note).hash_algorithm(algorithm)
    return builder.nonce(nonce=True).cert_request(cert_request=certificates).build()


def verifier(roots_file, request):
    builder = VerifierBuilder.from_request(request)
    for certificate in x509.load_pem_x509_certificates(roots_file.read_bytes()):
        builder = builder.add_root_certificate(certificate)
    return builder.build()


@pytest.mark.parametrize("algorithm", [HashAlgorithm.SHA256, HashAlgorithm.SHA512])
def test_a_token_from_the_running_authority_verifies(stack, algorithm):
    request = request_for(NOTE, algorithm)
    reply = requests.post(stack.environment()["HOLDFAST_TSA_URLS"], data=request.as_bytes(), headers=QUERY, timeout=5)
    assert reply.headers["Content-Type"] == "application/timestamp-reply"
    response = decode_timestamp_response(reply.content)
    assert verifier(stack.parts.authority.roots_file, request).verify_message(response, NOTE)
    assert abs((datetime.now(UTC) - response.tst_info.gen_time).total_seconds()) < 10


def test_openssl_accepts_the_token_and_no_other_note(folder, signing_key, tmp_path):
    """A second opinion: it also checks ESSCertIDv2, which rfc3161-client does not."""
    query = tmp_path / "q.tsq"
    query.write_bytes(request_for(NOTE).as_bytes())
    (tmp_path / "r.tsr").write_bytes(answer(query.read_bytes(), datetime.now(UTC), signing_key))
    (tmp_path / "note").write_bytes(NOTE)
    (tmp_path / "other").write_bytes(NOTE + b"x")

    def verdict(*against):
        command = ["openssl", "ts", "-verify", "-in", str(tmp_path / "r.tsr"), *against]
        return subprocess.run(
            [*command, "-CAfile", str(folder / "tsa-roots.pem")], check=False, capture_output=True, text=True
        )

    by_note = verdict("-data", str(tmp_path / "note"))
    assert "Verification: OK" in by_note.stdout + by_note.stderr
    by_query = verdict("-queryfile", str(query))
    assert "Verification: OK" in by_query.stdout + by_query.stderr
    assert verdict("-data", str(tmp_path / "other")).returncode != 0


def test_a_token_does_not_fit_another_note_or_another_root(folder, signing_key, tmp_path):
    request = request_for(NOTE)
    response = decode_timestamp_response(answer(request.as_bytes(), datetime.now(UTC), signing_key))
    with pytest.raises(VerificationError):
        verifier(folder / "tsa-roots.pem", request).verify_message(response, NOTE + b"x")
    ensure_authority(tmp_path)
    with pytest.raises(VerificationError):
        verifier(tmp_path / "tsa-roots.pem", request).verify_message(response, NOTE)


def test_only_the_signers_certificate_is_sent_and_only_when_asked_for(signing_key):
    for asked in (True, False):
        response = Response.load(answer(request_for(NOTE, certificates=asked).as_bytes(), AT, signing_key))
        sent = response["time_stamp_token"]["content"]["certificates"].native or []
        assert len(sent) == (1 if asked else 0)


def request_with(**changes):
    fields = {
        "version": "v1",
        "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(NOTE).digest()},
        "cert_req": True,
    }
    return tsp.TimeStampReq(fields | changes).dump()


def test_a_request_that_names_our_policy_is_granted(signing_key):
    response = Response.load(answer(request_with(req_policy=POLICY), AT, signing_key))
    info = response["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
    assert (response["status"]["status"].native, info["policy"].native, info["gen_time"].native) == (
        "granted",
        POLICY,
        AT,
    )


@pytest.mark.parametrize(
    ("request_bytes", "failure"),
    [
        pytest.param(b"", "bad_data_format", id="nothing"),
        pytest.param(b"\x30\x03\x02\x01", "bad_data_format", id="cut off"),
        pytest.param(
            request_with(message_imprint={"hash_algorithm": {"algorithm": "sha1"}, "hashed_message": b"x" * 20}),
            "bad_alg", id="SHA-1",
        ),
        pytest.param(
            request_with(message_imprint={"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": b"x" * 31}),
            "bad_data_format", id="short imprint",
        ),
        pytest.param(request_with(req_policy="1.2.3.4"), "unaccepted_policy", id="other policy"),
        pytest.param(
            request_with(extensions=[{"extn_id": "1.2.3.4", "critical": False, "extn_value": b"x"}]),
            "unaccepted_extensions", id="extension",
        ),
    ],
)  # fmt: skip
def test_a_bad_request_is_rejected_with_its_reason(signing_key, request_bytes, failure):
    status = Response.load(answer(request_bytes, AT, signing_key))["status"]
    assert (status["status"].native, status["fail_info"].native) == ("rejection", {failure})


@given(noise=st.binary(max_size=200), place=st.integers(0, 60))
def test_no_bytes_make_the_authority_fail(noise, place, signing_key):
    good = request_with()
    for damaged in (noise, good[:place] + noise + good[place + len(noise) :]):
        status = Response.load(answer(damaged, AT, signing_key))["status"]["status"].native
        assert status in {"granted", "rejection"}


def test_other_content_is_not_stamped(stack):
    url = stack.environment()["HOLDFAST_TSA_URLS"]
    assert requests.post(url, data=b"x", headers={"Content-Type": "text/plain"}, timeout=5).status_code == 415
    assert requests.post(url, data=b"x" * 5000, headers=QUERY, timeout=5).status_code == 413
