"""The keys of the demonstration timestamp authority: a root, and the certificate that signs tokens.

Made once per home. The root's key is not kept: it signed one certificate and has nothing more to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.certificates import certificate_builder
from services.home import write_private

# Shown wherever a token of it is shown: nobody shall take it for evidence.
ORGANISATION = "Holdfast demonstration authority"
ROOTS = "tsa-roots.pem"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What signs tokens."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure_authority(folder: Path) -> None:
    """Make `tsa-roots.pem`, `tsa.pem` and `tsa.key` in `folder`, unless they are there."""
    if (folder / "tsa.pem").exists():
        return
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _root(root_key)
    certificate = _signer(root, root_key, key)
    write_private(folder / ROOTS, root.public_bytes(Encoding.PEM).decode())
    write_private(folder / "tsa.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    # Last: its presence says that all three are there.
    write_private(folder / "tsa.pem", certificate.public_bytes(Encoding.PEM).decode())


def load_signing_key(folder: Path) -> SigningKey:
    """Read what `ensure_authority` made."""
    key = load_pem_private_key((folder / "tsa.key").read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(folder / "tsa.key")
    return SigningKey(x509.load_pem_x509_certificate((folder / "tsa.pem").read_bytes()), key)


def _root(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("Holdfast demonstration root")
    return (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _signer(
    root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    return (
        _builder(_name("Holdfast demonstration timestamps"), root.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(authority, critical=False)
        # RFC 3161 section 2.3: this one purpose, and critical.
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(root_key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ])  # fmt: skip


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    return certificate_builder(subject, issuer, key).add_extension(identifier, critical=False)
