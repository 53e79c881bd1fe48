"""Whether a timestamp response proves that some bytes existed at its time.

Two judges. rfc3161-client checks the signature, the message digest, nonce and imprint, and the chain. It accepts a
token without ESSCertID, or with that of another certificate, and a certificate that may serve other purposes too: we
check those, and the chain a second time, ourselves. The time is always the token's own `gen_time`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from archive.errors import TokenRejectedError
from archive.token_form import SHA1, SHA256, TokenForm, in_set_order, read_response

# The policy of the demonstration authority (docs/services.md). Whoever stamps under it is not to be believed.
DEMONSTRATION_POLICY: Final = "2.25.244815932877284530618307364019561852303"
SHA384, SHA512 = "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"
DIGESTS: Final = {SHA256: hashlib.sha256, SHA384: hashlib.sha384, SHA512: hashlib.sha512}
_RSA, _ECDSA = "1.2.840.113549.1.1", "1.2.840.10045.4.3"
# Signature algorithm to the digests it may be over: RSA by itself leaves that open; Ed25519 by RFC 8419.
SIGNATURES: Final = {
    f"{_RSA}.1": (SHA256, SHA384, SHA512),
    f"{_RSA}.11": (SHA256,),
    f"{_RSA}.12": (SHA384,),
    f"{_RSA}.13": (SHA512,),
    f"{_ECDSA}.2": (SHA256,),
    f"{_ECDSA}.3": (SHA384,),
    f"{_ECDSA}.4": (SHA512,),
    "1.3.101.112": (SHA512,),
}
LONGEST_CHAIN: Final = 6
Kind = TypeVar("Kind", bound=x509.ExtensionType)
WEAK: Final = (hashes.SHA1, hashes.MD5)


@dataclass(frozen=True, slots=True)
class Roots:
    """Whom the installation trusts with time.

    Attributes:
        anchors: Self-signed certificates: a chain must end in one of them.
        intermediates: Certificates offered for chains whose authority does not send them; trusted by nobody alone.
    """

    anchors: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]

    @classmethod
    def parse(cls, pem: bytes) -> Roots:
        """Read a PEM file of roots, and intermediates among them.

        Raises:
            ValueError: It holds no certificate, or no root.
        """
        found = dict.fromkeys(x509.load_pem_x509_certificates(pem))
        anchors = tuple(each for each in found if _issued(each, each))
        if not anchors:
            raise ValueError("no root: a root is a certificate that signed itself")
        return cls(anchors, tuple(each for each in found if each not in anchors))


@dataclass(frozen=True, slots=True)
class CheckedToken:
    """What a token that holds says.

    Attributes:
        gen_time: When the bytes existed at the latest, give or take `accuracy`.
        signer: Subject of the certificate that signed: common name and organisation.
        serial: The token's own number at its authority.
        demonstration: Whether the demonstration authority made it.
    """

    gen_time: datetime
    accuracy: timedelta
    signer: str
    serial: int
    demonstration: bool


def check_token(response: bytes, stamped: bytes, roots: Roots, *, nonce: int | None = None) -> CheckedToken:
    """Make sure that a response is a good token over these bytes.

    Args:
        response: The whole TimeStampResp.
        stamped: The bytes it shall be over (`archive.timestamps.stamped_bytes`).
        roots: Whom to trust.
        nonce: Of the request, on receipt; None when a stored token is looked at again.

    Raises:
        TokenRejectedError: It is not; the text says why.
    """
    try:
        return _checked(response, stamped, roots, nonce)
    except TokenRejectedError:
        raise
    except Exception as error:  # fail closed: readers of certificates fail on foreign bytes in many ways
        reason = f"it is malformed in a way that no check foresaw ({type(error).__name__})"
        raise TokenRejectedError(reason) from error


def _checked(response: bytes, stamped: bytes, roots: Roots, nonce: int | None) -> CheckedToken:
    form = read_response(response)
    _check_stamp(form, stamped, nonce)
    signer = _check_signer(form)
    _check_chain(form, signer, roots)
    _ask_the_library(response, form, stamped, roots, nonce)
    return CheckedToken(
        gen_time=form.gen_time,
        accuracy=form.accuracy,
        signer=_name(signer.subject),
        serial=form.serial,
        demonstration=form.policy == DEMONSTRATION_POLICY,
    )


def _check_stamp(form: TokenForm, stamped: bytes, nonce: int | None) -> None:
    if form.imprint_algorithm != SHA256:
        raise TokenRejectedError(f"its imprint is not SHA-256 but {form.imprint_algorithm}")
    if form.imprint != hashlib.sha256(stamped).digest():
        raise TokenRejectedError("it is over other bytes than these")
    if nonce is not None and form.nonce != nonce:
        raise TokenRejectedError("its nonce is not that of the request")
    if form.digest_algorithm not in SIGNATURES.get(form.signature_algorithm, ()):
        raise TokenRejectedError(f"it is signed with {form.signature_algorithm} over {form.digest_algorithm}")


def _check_signer(form: TokenForm) -> x509.Certificate:
    """The one certificate that signed, if it may stamp and the token names it."""
    sent = [(each, _certificate(each)) for each in form.certificates]
    signers = [
        (encoded, found)
        for encoded, found in sent
        if found.serial_number == form.signer_serial and found.issuer.public_bytes() == form.signer_issuer
    ]
    if len(signers) != 1:
        raise TokenRejectedError(f"{len(signers)} of its certificates are the signer's")
    encoded, signer = signers[0]
    _check_named(form, encoded, signer)
    _check_purpose(signer)
    return signer


def _certificate(encoded: bytes) -> x509.Certificate:
    try:
        found = x509.load_der_x509_certificate(encoded)
        # Reading them finds what is malformed, or there twice.
        _ = found.extensions, found.issuer, found.subject
    except ValueError as error:
        raise TokenRejectedError("one of its certificates cannot be read") from error
    return found


def _check_named(form: TokenForm, encoded: bytes, signer: x509.Certificate) -> None:
    if not form.cert_ids:
        raise TokenRejectedError("it does not name its signer's certificate (ESSCertID)")
    for each in form.cert_ids:
        # SHA-1 is what the older attribute has by definition; a second certificate of the same digest is out of reach.
        digest = hashlib.sha1 if each.algorithm == SHA1 else DIGESTS.get(each.algorithm)
        if digest is None or digest(encoded).digest() != each.digest:
            raise TokenRejectedError("it names another certificate than its signer's (ESSCertID)")
        if each.serial not in {None, signer.serial_number}:
            raise TokenRejectedError("it names another certificate's number than its signer's (ESSCertID)")


def _check_purpose(signer: x509.Certificate) -> None:
    """RFC 3161 section 2.3: one purpose, and critical."""
    try:
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        raise TokenRejectedError("its signer's certificate states no purpose (EKU)") from None
    if not usage.critical:
        raise TokenRejectedError("the purpose of its signer's certificate (EKU) is not critical")
    if list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise TokenRejectedError("its signer's certificate is not for timestamps alone (EKU)")
    if _is_authority(signer):
        raise TokenRejectedError("its signer's certificate is that of a certificate authority")
    keys = _extension(signer, x509.KeyUsage)
    if keys and not (keys.digital_signature or keys.content_commitment):
        raise TokenRejectedError("the key of its signer's certificate may not sign")


def _check_chain(form: TokenForm, signer: x509.Certificate, roots: Roots) -> None:
    """A chain from the signer to a pinned root, every link of it valid at the token's own time."""
    sent = [_certificate(each) for each in form.certificates]
    pool = [*roots.anchors, *roots.intermediates, *sent]
    if not _is_valid(signer, form.gen_time):
        raise TokenRejectedError(f"its signer's certificate was not valid at {form.gen_time:%Y-%m-%d %H:%M:%S}")
    if not _reaches(signer, roots.anchors, pool, form.gen_time, LONGEST_CHAIN):
        raise TokenRejectedError("no chain of certificates valid at its time leads to a root that is pinned here")


def _reaches(
    certificate: x509.Certificate,
    anchors: Sequence[x509.Certificate],
    pool: Iterable[x509.Certificate],
    at: datetime,
    steps: int,
) -> bool:
    if certificate in anchors:
        return True
    if not steps or isinstance(certificate.signature_hash_algorithm, WEAK):
        return False
    issuers = [
        each
        for each in pool
        if each != certificate and _is_authority(each) and _is_valid(each, at) and _issued(each, certificate)
    ]
    return any(_reaches(each, anchors, pool, at, steps - 1) for each in issuers)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_valid(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    return bool(constraints and constraints.ca) and (usage is None or usage.key_cert_sign)


def _extension(certificate: x509.Certificate, kind: type[Kind]) -> Kind | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _ask_the_library(response: bytes, form: TokenForm, stamped: bytes, roots: Roots, nonce: int | None) -> None:
    # Built fresh each time: its builder changes lists that it shares with its copies.
    verifier = VerifierBuilder(roots=list(roots.anchors), intermediates=list(roots.intermediates), nonce=nonce).build()
    try:
        decoded = decode_timestamp_response(in_set_order(response, form))
        gen_time = decoded.tst_info.gen_time
        verifier.verify_message(decoded, stamped)
    except (VerificationError, ValueError) as error:
        raise TokenRejectedError(f"rfc3161-client refuses it: {error}") from error
    if gen_time.replace(microsecond=0) != form.gen_time.replace(microsecond=0):
        raise TokenRejectedError("its time reads differently in two readers")


def _name(subject: x509.Name) -> str:
    found = [
        str(attribute.value)
        for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        for attribute in subject.get_attributes_for_oid(kind)[:1]
    ]
    return ", ".join(found) or subject.rfc4514_string()
