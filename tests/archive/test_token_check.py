"""A token is believed only where two judges agree, and no fault of a token goes by."""

import hashlib
import subprocess
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response

from archive.errors import TokenRejectedError
from archive.token_check import DEMONSTRATION_POLICY, Roots, check_token
from services.tokens import POLICY
from tests.archive.authority import NOTE, NOW, STAMPS, YEAR, authority, certificate_of, respond


@pytest.fixture(scope="module")
def made():
    return authority()


@pytest.fixture(scope="module")
def long():
    return authority("Tests long", between=True)


def request_for(stamped=NOTE):
    builder = TimestampRequestBuilder().data(stamped).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=True).cert_request(cert_request=True).build()


def roots_of(*holders):
    return Roots.parse(b"".join(each.pem for each in holders))


def checked(made, roots=None, **wish):
    request = request_for()
    response = respond(request.as_bytes(), made, **wish)
    return check_token(response, NOTE, roots or roots_of(made.root), nonce=request.nonce)


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({}, id="ESSCertIDv2"),
        pytest.param({"named": ("v1",)}, id="ESSCertID"),
        pytest.param({"named": ("v1", "v2")}, id="both"),
        pytest.param({"at": NOW + timedelta(milliseconds=250)}, id="with a fraction of a second"),
    ],
)
def test_a_good_token_says_its_time_and_its_signer(made, wish):
    token = checked(made, **wish)
    assert (token.gen_time, token.accuracy) == (wish.get("at", NOW), timedelta(seconds=1.5))
    assert (token.signer, token.serial, token.demonstration) == ("Tests timestamps, Tests", 7, False)


def test_a_chain_may_be_sent_or_lie_beside_the_roots_but_never_be_missing(long):
    (between,) = long.between
    assert checked(long).gen_time == NOW
    assert checked(long, roots_of(long.root, between), certificates=(long.signer,)).gen_time == NOW
    with pytest.raises(TokenRejectedError, match="no chain"):
        checked(long, certificates=(long.signer,))


def test_a_certificate_between_is_nobody_to_trust_by_itself(long):
    with pytest.raises(ValueError, match="no root"):
        roots_of(*long.between)
    with pytest.raises(TokenRejectedError, match="no chain"):
        checked(long, roots_of(authority().root, *long.between))


def test_the_demonstration_authority_is_known_by_its_policy(made):
    assert DEMONSTRATION_POLICY == POLICY
    assert checked(made, policy=POLICY).demonstration


OTHER = b"another note"
FAULTS = [
    pytest.param({"imprint": hashlib.sha256(OTHER).digest()}, "over other bytes", id="wrong imprint"),
    pytest.param({"imprint": hashlib.sha1(NOTE).digest(), "imprint_algorithm": "sha1"}, "not SHA-256", id="SHA-1 imprint"),
    pytest.param({"imprint": hashlib.sha512(NOTE).digest(), "imprint_algorithm": "sha512"}, "not SHA-256", id="SHA-512 imprint"),
    pytest.param({"nonce": 1}, "nonce", id="wrong nonce"),
    pytest.param({"without_nonce": True}, "nonce", id="no nonce"),
    pytest.param({"named": ()}, "does not name its signer", id="no ESSCertID"),
    pytest.param({"digest": "sha1"}, "signed with", id="SHA-1 signature"),
    pytest.param({"status": "rejection"}, "not today", id="negative"),
    pytest.param({"status": "waiting"}, "status 3", id="waiting"),
    pytest.param({"certificates": ()}, "no certificate", id="no certificates"),
    pytest.param({"version": 2}, "version", id="version 2"),
    pytest.param({"names_serial": 4}, "number", id="ESSCertIDv2 with another serial number"),
    pytest.param(
        {"extensions": ({"extn_id": "1.2.3.4", "critical": True, "extn_value": b"x"},)}, "extensions", id="extension"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wish", "because"), FAULTS)
def test_a_token_with_a_fault_is_refused_with_its_reason(made, wish, because):
    with pytest.raises(TokenRejectedError, match=because):
        checked(made, **wish)


CERTIFICATES = [
    pytest.param({"eku": (ExtendedKeyUsageOID.CODE_SIGNING,)}, "not for timestamps alone", id="wrong EKU"),
    pytest.param({"eku": (STAMPS, ExtendedKeyUsageOID.CODE_SIGNING)}, "not for timestamps alone", id="extra EKU"),
    pytest.param({"critical": False}, "not critical", id="EKU not critical"),
    pytest.param({"eku": None}, "no purpose", id="no EKU"),
    pytest.param({"until": NOW - timedelta(days=1)}, "not valid at", id="expired"),
    pytest.param({"since": NOW + timedelta(days=1)}, "not valid at", id="not valid yet"),
]


@pytest.mark.parametrize(("signer", "because"), CERTIFICATES)
def test_a_signer_with_a_fault_is_refused_with_its_reason(signer, because):
    with pytest.raises(TokenRejectedError, match=because):
        checked(authority(**signer))


@pytest.mark.parametrize("named", [("v1",), ("v2",), ("v1", "v2")])
def test_a_token_that_names_another_certificate_is_refused(made, named):
    other = certificate_of("Tests timestamps", made.root)
    with pytest.raises(TokenRejectedError, match="names another certificate"):
        checked(made, names=other, named=named, certificates=(made.signer, other))


def test_a_foreign_root_is_refused_even_with_the_same_name_and_brought_along(made):
    foreign = authority()
    with pytest.raises(TokenRejectedError, match="no chain"):
        checked(foreign, roots_of(made.root), certificates=(foreign.signer, foreign.root))


def test_an_expired_certificate_does_not_harm_a_token_of_its_time():
    old = authority(since=NOW - 4 * YEAR, until=NOW - 2 * YEAR)
    aged = certificate_of("aged root", ca=True, since=NOW - 5 * YEAR, until=NOW + YEAR)
    signer = certificate_of("aged", aged, since=NOW - 4 * YEAR, until=NOW - 2 * YEAR)
    made = type(old)(aged, signer)
    assert checked(made, at=NOW - 3 * YEAR).gen_time == NOW - 3 * YEAR
    with pytest.raises(TokenRejectedError, match="not valid at"):
        checked(made, at=NOW)


def test_a_chain_through_somebody_who_is_no_authority_is_refused(made):
    forged = certificate_of("Tests forged", made.signer)
    with pytest.raises(TokenRejectedError, match="no chain"):
        checked(type(made)(made.root, forged, (made.signer,)))


def test_a_token_without_essc_cert_id_passes_the_library_alone_and_not_us(made):
    """Why there is a second judge; the day this fails, the library has learnt it."""
    from rfc3161_client import VerifierBuilder

    request = request_for()
    response = decode_timestamp_response(respond(request.as_bytes(), made, named=()))
    assert VerifierBuilder(roots=[made.root.certificate]).build().verify_message(response, NOTE)


@given(place=st.integers(0, 100_000), flip=st.integers(1, 255))
def test_any_flipped_byte_is_refused_or_leaves_the_same_meaning(made, place, flip):
    request = request_for()
    response = bytearray(respond(request.as_bytes(), made))
    response[place % len(response)] ^= flip
    try:
        token = check_token(bytes(response), NOTE, roots_of(made.root), nonce=request.nonce)
    except TokenRejectedError:
        return
    assert (token.gen_time, token.signer, token.serial) == (NOW, "Tests timestamps, Tests", 7)


@given(noise=st.binary(max_size=300), place=st.integers(0, 2000))
def test_no_bytes_make_the_check_fail_in_another_way(made, noise, place):
    response = respond(request_for().as_bytes(), made)
    for damaged in (noise, response[:place] + noise, response + noise, response[:place] + noise + response[place:]):
        if damaged != response:
            with pytest.raises(TokenRejectedError):
                check_token(damaged, NOTE, roots_of(made.root), nonce=1)


CONFIGURATION = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/signer.pem
certs = {folder}/chain.pem
signer_key = {folder}/signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = {chain}
ess_cert_id_alg = {algorithm}
"""


@pytest.mark.parametrize(
    ("chain", "algorithm"), [("no", "sha256"), ("yes", "sha256"), ("no", "sha1"), ("yes", "sha512")]
)
def test_openssls_own_authority_is_believed_in_whatever_order_it_sends_its_chain(tmp_path, chain, algorithm):
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    span = {"since": now - timedelta(days=1), "until": now + YEAR}
    root = certificate_of("openssl root", ca=True, **span)
    between = [certificate_of(f"openssl between {n}", root, ca=True, **span) for n in range(4)]
    signer = certificate_of("openssl", between[0], **span)
    key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files = {"signer.pem": signer.pem, "signer.key": key, "serial": b"01\n"}
    files["chain.pem"] = b"".join(each.pem for each in between)
    files["openssl.cnf"] = CONFIGURATION.format(folder=tmp_path, chain=chain, algorithm=algorithm).encode()
    request = request_for()
    files["q.tsq"] = request.as_bytes()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "ts", "-reply", "-config", "openssl.cnf", "-queryfile", "q.tsq", "-out", "r.tsr"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    response = (tmp_path / "r.tsr").read_bytes()
    assert check_token(response, NOTE, roots_of(root), nonce=request.nonce).signer == "openssl, Tests"


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_roots_is_refused(pem):
    with pytest.raises(ValueError):
        Roots.parse(pem)


def test_a_root_that_stands_twice_is_one(made):
    assert roots_of(made.root, made.root).anchors == (x509.load_pem_x509_certificate(made.root.pem),)
