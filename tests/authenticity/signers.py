"""Domains that sign, and the DNS they publish their keys in: made anew for a run, nothing of anybody's."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from intake.authenticity.model import DnsAnswer

RECEIVED = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MAIL = (
    b"From: Dan Frost <dan@example.org>\r\n"
    b"To: amy@example.net\r\n"
    b"Subject: You know what this is about\r\n"
    b"Date: Sun, 22 Nov 2026 23:14:05 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"\r\n"
    b"I saw you today.\r\n\r\nAnswer me.\r\n"
)
HEADERS = [b"from", b"to", b"subject", b"date", b"message-id"]


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ed25519_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def private_pem(bits: int) -> bytes:
    return rsa_key(bits).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def record(bits: int = 2048, *, tags: str = "v=DKIM1; k=rsa; ") -> str:
    public = rsa_key(bits).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"{tags}p={base64.b64encode(public).decode()}"


def ed25519_record() -> str:
    public = ed25519_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"


def signed(
    mail: bytes = MAIL,
    *,
    domain: bytes = b"example.org",
    selector: bytes = b"s1",
    bits: int = 2048,
    algorithm: bytes = b"rsa-sha256",
    headers: list[bytes] | None = None,
    canonicalize: tuple[bytes, bytes] = (b"relaxed", b"relaxed"),
    length: bool = False,
    identity: bytes | None = None,
    tags: bytes = b"",
) -> bytes:
    """A mail with a signature on top. `tags` are further ones, as `t=1; x=2; `."""
    # An hour before it is received, unless said otherwise: dkimpy would say now.
    signer = _Signer(mail, tags if b"t=" in tags else b"t=%d; %b" % (RECEIVED.timestamp() - 3600, tags))
    key = private_pem(bits)
    if algorithm == b"ed25519-sha256":
        key = base64.b64encode(ed25519_key().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    signer.should_not_sign = set()
    field = signer.sign(
        selector,
        domain,
        key,
        signature_algorithm=algorithm,
        identity=identity,
        canonicalize=canonicalize,
        include_headers=headers or HEADERS,
        length=length,
    )
    return field + mail


class _Signer(dkim.DKIM):
    """Signs with further tags, and without From if asked to: what an honest signer never does."""

    def __init__(self, mail: bytes, tags: bytes) -> None:
        super().__init__(mail)
        self._tags = [part.strip().split(b"=", 1) for part in tags.split(b";") if part.strip()]

    def gen_header(self, fields, *args, **options):
        given = dict(self._tags)
        fields = [(name, value) for name, value in fields if name not in given]
        extra = [(name, value) for name, value in self._tags if value]
        return super().gen_header([*fields[:-1], *extra, fields[-1]], *args, **options)


@dataclass
class Zone:
    """DNS that lies in memory; remembers what was asked."""

    records: Mapping[str, str | list[str]] = field(default_factory=dict)
    outcome: str = "absent"
    asked: list[str] = field(default_factory=list)

    def ask(self, name: str) -> DnsAnswer:
        self.asked.append(name)
        found = self.records.get(name)
        if found is None:
            return DnsAnswer(name, self.outcome, resolver="127.0.0.1:53", asked_at="2026-11-23T12:00:00.000Z")
        texts = tuple([found] if isinstance(found, str) else found)
        return DnsAnswer(name, "found", texts, "127.0.0.1:53", "2026-11-23T12:00:00.000Z", 300)

    def lookup(self, name: str, _domain: str) -> DnsAnswer:
        return self.ask(name)


NAME = "s1._domainkey.example.org."


def zone(**records: str) -> Zone:
    """The zone of example.org, with its usual key."""
    return Zone({NAME: record()} | records)
