"""A timestamp response taken apart (RFC 3161, RFC 5652, RFC 5816): what it says, before anything is believed.

Only forms that this module knows are read; whatever else stands in a token is a fault, so nothing in it goes unread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from archive import der
from archive.der import DerError, Element, Fields
from archive.errors import TokenRejectedError

MAX_RESPONSE_BYTES: Final = 64 * 1024
GRANTED: Final = 0
# RFC 5652 5.1 and 5.3 for content that is not plain data, signed by issuer and serial number; RFC 3161 2.4.2.
SIGNED_DATA_VERSION, SIGNER_VERSION, TST_INFO_VERSION = 3, 1, 1
SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
SHA1, SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1"
_GENERALIZED_TIME = re.compile(r"(\d{14})(?:\.(\d*[1-9]))?Z")


@dataclass(frozen=True, slots=True)
class CertId:
    """An ESSCertID: names a certificate by digest.

    Attributes:
        algorithm: Of the digest, as an object identifier.
        digest: Of the whole certificate.
        serial: The certificate's serial number, where it is named too.
    """

    algorithm: str
    digest: bytes
    serial: int | None


@dataclass(frozen=True, slots=True)
class TokenForm:
    """What a granted response says.

    Attributes:
        policy: Under which the authority stamped.
        imprint_algorithm: Of the digest that was stamped; `imprint` is the digest.
        serial: The token's own number.
        gen_time: When it was made, by the authority's clock; aware, UTC.
        accuracy: How far off the authority allows itself to be.
        nonce: Echoed from the request.
        certificates: Those sent along, DER.
        signer_issuer: Issuer of the signer's certificate, DER of the name; `signer_serial` its number.
        digest_algorithm: Of the signature; `signature_algorithm` likewise.
        cert_ids: The first ESSCertID of each kind of attribute: what must name the signer.
        certificate_span: Where the certificates lie in the response, for `in_set_order`.
    """

    policy: str
    imprint_algorithm: str
    imprint: bytes
    serial: int
    gen_time: datetime
    accuracy: timedelta
    nonce: int | None
    certificates: tuple[bytes, ...] = field(repr=False)
    signer_issuer: bytes = field(repr=False)
    signer_serial: int
    digest_algorithm: str
    signature_algorithm: str
    cert_ids: tuple[CertId, ...]
    certificate_span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Signer:
    issuer: bytes
    serial: int
    digest_algorithm: str
    signature_algorithm: str
    cert_ids: tuple[CertId, ...]


@dataclass(frozen=True, slots=True)
class _Stamp:
    policy: str
    imprint_algorithm: str
    imprint: bytes
    serial: int
    gen_time: datetime
    accuracy: timedelta
    nonce: int | None


def read_response(response: bytes) -> TokenForm:
    """Take a granted response apart.

    Raises:
        TokenRejectedError: It grants no token, or is not in the one form a token has.
    """
    if len(response) > MAX_RESPONSE_BYTES:
        raise TokenRejectedError(f"the response is longer than {MAX_RESPONSE_BYTES} bytes")
    try:
        return _token(_granted(response))
    except (DerError, UnicodeDecodeError) as error:
        raise TokenRejectedError(f"not a timestamp response: {error}") from error


def in_set_order(response: bytes, form: TokenForm) -> bytes:
    """The same response with the certificates in the order that DER gives a set.

    OpenSSL writes them in the order of the chain, and rfc3161-client reads only DER. They are not under the signature,
    and their lengths stay: bytes change places and nothing else.
    """
    start, end = form.certificate_span
    return response[:start] + b"".join(sorted(form.certificates)) + response[end:]


def _granted(response: bytes) -> Element:
    """The token of a response."""
    fields = Fields(der.read(response))
    status = Fields(fields.take(der.SEQUENCE))
    number = der.integer(status.take(der.INTEGER))
    said = status.take_if(der.SEQUENCE)
    if number != GRANTED:
        words = " ".join(each.content.decode(errors="replace") for each in said.children()) if said else ""
        raise TokenRejectedError(f"the authority did not grant it (status {number}){': ' if words else ''}{words}")
    token = fields.take(der.SEQUENCE)
    fields.end()
    return token


def _token(token: Element) -> TokenForm:
    outer = Fields(token)
    _expect(outer.take(der.OID), SIGNED_DATA, "the token's content")
    signed = Fields(outer.take(der.tagged(0)).only())
    outer.end()
    _expect_version(signed, SIGNED_DATA_VERSION)
    signed.take(der.SET)
    stamp = _stamp(_encapsulated(signed.take(der.SEQUENCE)))
    sent = signed.take_if(der.tagged(0))
    signed.take_if(der.tagged(1))
    signer = _signer(signed.take(der.SET).only())
    signed.end()
    return _form(stamp, signer, sent)


def _form(stamp: _Stamp, signer: _Signer, sent: Element | None) -> TokenForm:
    if sent is None:
        raise TokenRejectedError("it brings no certificate, though certificates were asked for")
    return TokenForm(
        policy=stamp.policy,
        imprint_algorithm=stamp.imprint_algorithm,
        imprint=stamp.imprint,
        serial=stamp.serial,
        gen_time=stamp.gen_time,
        accuracy=stamp.accuracy,
        nonce=stamp.nonce,
        certificates=tuple(each.need(der.SEQUENCE).encoded for each in sent.children()),
        signer_issuer=signer.issuer,
        signer_serial=signer.serial,
        digest_algorithm=signer.digest_algorithm,
        signature_algorithm=signer.signature_algorithm,
        cert_ids=signer.cert_ids,
        certificate_span=(sent.body, sent.end),
    )


def _encapsulated(element: Element) -> bytes:
    fields = Fields(element)
    _expect(fields.take(der.OID), TST_INFO, "what was signed")
    content = fields.take(der.tagged(0)).only().need(der.OCTET_STRING).content
    fields.end()
    return content


def _stamp(content: bytes) -> _Stamp:
    fields = Fields(der.read(content))
    _expect_version(fields, TST_INFO_VERSION)
    policy = der.oid(fields.take(der.OID))
    algorithm, imprint = _imprint(fields.take(der.SEQUENCE))
    serial = der.integer(fields.take(der.INTEGER))
    gen_time = _moment(fields.take(der.GENERALIZED_TIME))
    accuracy = _accuracy(fields.take_if(der.SEQUENCE))
    fields.take_if(der.BOOLEAN)
    nonce = fields.take_if(der.INTEGER)
    fields.take_if(der.tagged(0))
    if fields.take_if(der.tagged(1)):
        raise TokenRejectedError("it has extensions, and none was asked for")
    fields.end()
    return _Stamp(policy, algorithm, imprint, serial, gen_time, accuracy, der.integer(nonce) if nonce else None)


def _imprint(element: Element) -> tuple[str, bytes]:
    fields = Fields(element)
    algorithm = _algorithm(fields.take(der.SEQUENCE))
    digest = fields.take(der.OCTET_STRING).content
    fields.end()
    return algorithm, digest


def _algorithm(element: Element) -> str:
    return der.oid(Fields(element).take(der.OID))


def _moment(element: Element) -> datetime:
    found = _GENERALIZED_TIME.fullmatch(element.content.decode("ascii"))
    if not found:
        raise DerError("a time that is not in UTC, or not in its one form")
    try:
        whole = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise DerError("a time that no calendar has") from error
    return whole + timedelta(microseconds=int((found[2] or "0")[:6].ljust(6, "0")))


def _accuracy(element: Element | None) -> timedelta:
    if element is None:
        return timedelta()
    fields = Fields(element)
    found = [
        fields.take_if(tag) for tag in (der.INTEGER, der.tagged(0, constructed=False), der.tagged(1, constructed=False))
    ]
    fields.end()
    seconds, millis, micros = (der.integer(each) if each else 0 for each in found)
    if min(seconds, millis, micros) < 0 or seconds > timedelta(days=1).total_seconds():
        raise DerError("an accuracy of no use")
    return timedelta(seconds=seconds, milliseconds=millis, microseconds=micros)


def _signer(element: Element) -> _Signer:
    fields = Fields(element)
    _expect_version(fields, SIGNER_VERSION)
    named = Fields(fields.take(der.SEQUENCE))
    issuer, serial = named.take(der.SEQUENCE).encoded, der.integer(named.take(der.INTEGER))
    named.end()
    digest_algorithm = _algorithm(fields.take(der.SEQUENCE))
    cert_ids = _cert_ids(fields.take(der.tagged(0)))
    signature_algorithm = _algorithm(fields.take(der.SEQUENCE))
    fields.take(der.OCTET_STRING)
    fields.take_if(der.tagged(1))
    fields.end()
    return _Signer(issuer, serial, digest_algorithm, signature_algorithm, cert_ids)


def _cert_ids(attributes: Element) -> tuple[CertId, ...]:
    """The first certificate that each signing-certificate attribute names: the signer's, by RFC 5035."""
    found = _single_values(attributes.children())
    _expect(found.get(CONTENT_TYPE), TST_INFO, "the signed content type")
    ids = []
    for kind, default in ((SIGNING_CERTIFICATE, SHA1), (SIGNING_CERTIFICATE_V2, SHA256)):
        if value := found.get(kind):
            named = Fields(Fields(value).take(der.SEQUENCE)).take(der.SEQUENCE)
            ids.append(_cert_id(Fields(named), default, names_algorithm=kind == SIGNING_CERTIFICATE_V2))
    return tuple(ids)


def _single_values(attributes: Sequence[Element]) -> dict[str, Element]:
    found: dict[str, Element] = {}
    for attribute in attributes:
        fields = Fields(attribute)
        kind, value = der.oid(fields.take(der.OID)), fields.take(der.SET)
        fields.end()
        if kind in found:
            raise DerError(f"the signed attribute {kind} twice")
        if kind in {CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2}:
            found[kind] = value.only()
    return found


def _cert_id(fields: Fields, default: str, *, names_algorithm: bool) -> CertId:
    stated = fields.take_if(der.SEQUENCE) if names_algorithm else None
    digest = fields.take(der.OCTET_STRING).content
    issuer_serial = fields.take_if(der.SEQUENCE)
    fields.end()
    serial = None
    if issuer_serial:
        named = Fields(issuer_serial)
        named.take(der.SEQUENCE)
        serial = der.integer(named.take(der.INTEGER))
        named.end()
    return CertId(_algorithm(stated) if stated else default, digest, serial)


def _expect_version(fields: Fields, wanted: int) -> None:
    if der.integer(fields.take(der.INTEGER)) != wanted:
        raise DerError(f"a structure that is not of version {wanted}")


def _expect(element: Element | None, wanted: str, what: str) -> None:
    if element is None or der.oid(element) != wanted:
        raise DerError(f"{what} is not {wanted}")
