"""A timestamp authority for tests: its own root, any time one likes, and every mistake an authority can make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from archive.package import Seal
from archive.timestamps import stamped_bytes
from services.authority_keys import SigningKey
from services.tokens import Response, answer

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FROM, UNTIL = datetime(2025, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: str,
    public: Any,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool,
    purposes: tuple[Any, ...] = (),
    critical: bool = True,
    until: datetime = UNTIL,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(name_of(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(FROM)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=critical)
    return builder.sign(key, hashes.SHA256())


@dataclass(frozen=True)
class Authority:
    """One authority: a root, perhaps an intermediate, and the key that signs tokens."""

    root: x509.Certificate
    key: SigningKey
    between: tuple[x509.Certificate, ...] = ()

    @classmethod
    def make(
        cls,
        name: str = "good",
        *,
        purposes: tuple[Any, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,),
        critical: bool = True,
        until: datetime = UNTIL,
        intermediate: bool = False,
    ) -> Authority:
        root_key, between_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        root = certificate(f"{name} root", root_key.public_key(), f"{name} root", root_key, is_ca=True)
        between = ()
        issuer, issuer_key = f"{name} root", root_key
        if intermediate:
            between = (certificate(f"{name} ca", between_key.public_key(), issuer, root_key, is_ca=True),)
            issuer, issuer_key = f"{name} ca", between_key
        signer = certificate(
            f"{name} signer", key.public_key(), issuer, issuer_key,
            is_ca=False, purposes=purposes, critical=critical, until=until,
        )  # fmt: skip
        return cls(root, SigningKey(signer, key), between)

    @property
    def roots(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)

    @property
    def with_intermediates(self) -> bytes:
        return self.roots + b"".join(each.public_bytes(Encoding.PEM) for each in self.between)

    @property
    def root_sha256(self) -> str:
        return hashlib.sha256(self.root.public_bytes(Encoding.DER)).hexdigest()

    def policy_lines(self, name: str, *, required: int = 1) -> str:
        """What a policy says to demand this authority."""
        return f"#holdfast tsa-root {name} {self.root_sha256}\n#holdfast timestamps {required}\n"

    def stamp(self, note: bytes, at: datetime = NOON) -> bytes:
        """A token over a checkpoint's note, as the archive asks for it."""
        return self.stamp_data(stamped_bytes(note), at)

    def stamp_data(self, data: bytes, at: datetime = NOON, algorithm: str = "sha256") -> bytes:
        imprint = {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": hashlib.new(algorithm, data).digest()}
        request = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "cert_req": True})
        return answer(request.dump(), at, self.key)

    def forged(self, note: bytes, change: Callable[[cms.SignedData], None], at: datetime = NOON) -> bytes:
        """A token that the authority's own key signs after `change`: every hash and signature fits again."""
        response = Response.load(self.stamp(note, at))
        signed = response["time_stamp_token"]["content"]
        signer = signed["signer_infos"][0]
        change(signed)
        content = signed["encap_content_info"]["content"].parsed.dump()
        attributes = [each for each in signer["signed_attrs"] if each["type"].native != "message_digest"]
        digest = cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(content).digest()]})
        signer["signed_attrs"] = cms.CMSAttributes([*attributes, digest])
        signer["signature"] = self.key.key.sign(
            signer["signed_attrs"].untag().dump(force=True), ec.ECDSA(hashes.SHA256())
        )
        again = cms.ContentInfo({"content_type": "signed_data", "content": signed.copy()})
        return bytes(Response({"status": {"status": "granted"}, "time_stamp_token": again}).dump(force=True))


def without_certificate_id(signed: cms.SignedData) -> None:
    """RFC 5816 asks for the attribute that names the signer's certificate."""
    signer = signed["signer_infos"][0]
    kept = [each for each in signer["signed_attrs"] if each["type"].native != "signing_certificate_v2"]
    signer["signed_attrs"] = cms.CMSAttributes(kept)


def naming(other: x509.Certificate) -> Callable[[cms.SignedData], None]:
    """The attribute names another certificate than the signer's."""

    def change(signed: cms.SignedData) -> None:
        without_certificate_id(signed)
        digest = hashlib.sha256(other.public_bytes(Encoding.DER)).digest()
        named = tsp.ESSCertIDv2({"hash_algorithm": {"algorithm": "sha256"}, "cert_hash": digest})
        attribute = cms.CMSAttribute(
            {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [named]})]}
        )
        signer = signed["signer_infos"][0]
        signer["signed_attrs"] = cms.CMSAttributes([*signer["signed_attrs"], attribute])

    return change


def with_certificates(*others: x509.Certificate) -> Callable[[cms.SignedData], None]:
    """Certificates of a chain in the token, as many authorities send them."""

    def change(signed: cms.SignedData) -> None:
        more = [asn1_x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in others]
        signed["certificates"] = [*(each.chosen for each in signed["certificates"]), *more]

    return change


def stating(change: Callable[[tsp.TSTInfo], None]) -> Callable[[cms.SignedData], None]:
    """Another content, signed all the same."""

    def apply(signed: cms.SignedData) -> None:
        info = signed["encap_content_info"]["content"].parsed
        change(info)
        signed["encap_content_info"]["content"] = core.ParsableOctetString(info.dump(force=True))

    return apply


def sealing(authorities: Mapping[str, Authority], at: datetime = NOON) -> Callable[[bytes], Seal]:
    """For `Ground.export(seal=…)`: every checkpoint is stamped by each authority."""
    return lambda note: Seal(note, {name: each.stamp(note, at) for name, each in authorities.items()})


LATER = NOON + timedelta(days=400)
