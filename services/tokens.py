"""RFC 3161 requests in, responses out: pure, no clock, no network.

SHA-256 and SHA-512 imprints; one signer, ECDSA with SHA-256; ESSCertIDv2 (RFC 5816) names the signer; the signer's
certificate alone is sent, and only when asked for: readers exist that refuse a chain in the order OpenSSL writes it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from services.authority_keys import SigningKey

# ITU-T X.667: an arc that needs no registration, from a UUID made for this purpose.
POLICY = "2.25.244815932877284530618307364019561852303"
DIGEST_SIZES = {"sha256": 32, "sha512": 64}
SERIAL_BITS = 127
ACCURACY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is answered without a token: RFC 3161's PKIFailureInfo, and a sentence."""

    failure: str
    why: str


class Response(core.Sequence):  # type: ignore[misc]
    """A TimeStampResp. asn1crypto's own does not know that the token is optional (RFC 3161 section 2.4.2)."""

    _fields = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]  # noqa: RUF012


def answer(request: bytes, at: datetime, signing_key: SigningKey) -> bytes:
    """The response to a request, DER in and out; one that cannot be granted is answered with a rejection.

    Args:
        request: A TimeStampReq.
        at: The time to state, aware; fractions of a second are dropped.
        signing_key: What signs.
    """
    parsed = _parse(request)
    if isinstance(parsed, Refusal):
        return _rejection(parsed)
    token = _token(parsed, at, signing_key)
    response = Response({"status": {"status": "granted"}, "time_stamp_token": token})
    return bytes(response.dump())


def _parse(request: bytes) -> tsp.TimeStampReq | Refusal:
    try:
        parsed = tsp.TimeStampReq.load(request, strict=True)
        fields = parsed.native
    except Exception:  # noqa: BLE001 - asn1crypto fails on foreign bytes in many ways, AttributeError among them
        return Refusal("bad_data_format", "not a TimeStampReq")
    return _refusal(fields) or parsed


def _refusal(fields: dict[str, Any]) -> Refusal | None:
    """The first reason against granting a request, in the order RFC 3161 lists them."""
    imprint = fields["message_imprint"]
    size = DIGEST_SIZES.get(imprint["hash_algorithm"]["algorithm"])
    reasons = (
        (size is None, Refusal("bad_alg", "only SHA-256 and SHA-512 imprints are stamped")),
        (fields["version"] != "v1", Refusal("bad_request", "only version 1 is known")),
        (
            len(imprint["hashed_message"]) != size,
            Refusal("bad_data_format", "the imprint has not its algorithm's length"),
        ),
        (fields["req_policy"] not in {None, POLICY}, Refusal("unaccepted_policy", f"the only policy is {POLICY}")),
        (bool(fields["extensions"]), Refusal("unaccepted_extensions", "no extension is known")),
    )
    return next((refusal for applies, refusal in reasons if applies), None)


def _rejection(refusal: Refusal) -> bytes:
    status = {"status": "rejection", "status_string": [refusal.why], "fail_info": {refusal.failure}}
    return bytes(Response({"status": status}).dump())


def _token(request: tsp.TimeStampReq, at: datetime, signing_key: SigningKey) -> cms.ContentInfo:
    content = _tst_info(request, at).dump()
    certificate = asn1_x509.Certificate.load(signing_key.certificate.public_bytes(Encoding.DER))
    attributes = _signed_attributes(content, certificate, at)
    # RFC 5652 section 5.4: what is signed is the SET OF, not the implicitly tagged field.
    signature = signing_key.key.sign(attributes.untag().dump(), ec.ECDSA(hashes.SHA256()))
    signer = {
        "version": "v1",
        "sid": cms.SignerIdentifier({"issuer_and_serial_number": cms.IssuerAndSerialNumber({
            "issuer": certificate.issuer, "serial_number": certificate.serial_number})}),
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
        "signature": signature,
    }  # fmt: skip
    signed: dict[str, Any] = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
        "signer_infos": [signer],
    }
    if request["cert_req"].native:
        signed["certificates"] = [certificate]
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})


def _tst_info(request: tsp.TimeStampReq, at: datetime) -> tsp.TSTInfo:
    fields: dict[str, Any] = {
        "version": "v1",
        "policy": POLICY,
        "message_imprint": request["message_imprint"],
        "serial_number": secrets.randbits(SERIAL_BITS),
        "gen_time": at.replace(microsecond=0),
        "accuracy": {"seconds": ACCURACY_SECONDS},
        "ordering": False,
    }
    if request["nonce"].native is not None:
        fields["nonce"] = request["nonce"].native
    return tsp.TSTInfo(fields)


def _signed_attributes(content: bytes, certificate: asn1_x509.Certificate, at: datetime) -> cms.CMSAttributes:
    named = tsp.ESSCertIDv2({
        "hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
        "cert_hash": hashlib.sha256(certificate.dump()).digest(),
    })  # fmt: skip
    signing_time = cms.Time({"utc_time": at.replace(microsecond=0)})
    return cms.CMSAttributes([
        cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
        cms.CMSAttribute({"type": "signing_time", "values": [signing_time]}),
        cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(content).digest()]}),
        cms.CMSAttribute({"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [named]})]}),
    ])  # fmt: skip
