"""A certificate authority of the home's own, for the connections between SeaweedFS's parts.

Made once with `cryptography`, P-256, ten years; the authority's key is thrown away after it signed the one certificate.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.home import write_private

LIFETIME = timedelta(days=3650)
# Clocks that run a little behind ours should not refuse it.
BACKDATED = timedelta(hours=1)


def ensure_mutual_tls(folder: Path) -> None:
    """Make `ca.pem`, `peer.pem` and `peer.key` in `folder`, unless they are there: one certificate for both ends."""
    if (folder / "peer.pem").exists():
        return
    authority_key, peer_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name, peer_name = _name("Holdfast embedded parts"), _name("weed")
    authority = (
        certificate_builder(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    peer = (
        certificate_builder(peer_name, authority_name, peer_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    write_private(folder / "ca.pem", authority.public_bytes(Encoding.PEM).decode())
    key = peer_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(folder / "peer.key", key.decode())
    # Last: its presence says that all three are there.
    write_private(folder / "peer.pem", peer.public_bytes(Encoding.PEM).decode())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate_builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    """What every certificate of this machine's own has; its use is added by who makes it."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
    )
