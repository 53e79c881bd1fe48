"""Who signed a webhook: the account's token, the one it is being changed to, or a shared key.

Twilio signs the public address it called followed by every field of the form, names and values sorted
(https://www.twilio.com/docs/usage/security). With the account's token that is HMAC-SHA1. With a shared key it is the
algorithm that the header `X-Twilio-Webhooks-Signature-Settings` names, beside the key's id. Computed over bytes as they
came: a value that is no UTF-8 has a signature like any other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes, urlsplit

from intake.errors import SignatureRefusedError

SIGNATURE: Final = "X-Twilio-Signature"
SIGNATURE_SETTINGS: Final = "X-Twilio-Webhooks-Signature-Settings"
ALGORITHMS: Final = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}
USUAL: Final = "HMAC_SHA1"
MOST_FIELDS: Final = 1000
_PORTS: Final = {"http": 80, "https": 443}
_PORT: Final = re.compile(r":[0-9]*\Z")

Fields: TypeAlias = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Signed:
    """Which key made a good signature: `token 1` is the account's, `token 2` the other one, else `key <id>`."""

    by: str
    algorithm: str


@dataclass(frozen=True, slots=True)
class Signatures:
    """Knows good signatures.

    Attributes:
        tokens: The account's auth token; while it is being changed, the other one too.
        shared_keys: Secrets of shared keys, by id.
    """

    tokens: tuple[str, ...] = field(repr=False)
    shared_keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    def check(self, url: str, fields: Fields, signature: str, settings: str = "") -> Signed:
        """Find the key that signed a form posted to this address.

        Args:
            url: The public address, with the query as it came.
            fields: The form, as `form_fields` read it.
            signature: The header `X-Twilio-Signature`.
            settings: The header `X-Twilio-Webhooks-Signature-Settings`, where there is one.

        Raises:
            SignatureRefusedError: It has none, or no key of ours made it.
        """
        given = signature.strip().encode("latin-1", "replace")
        if not given:
            raise SignatureRefusedError("unsigned")
        said = _settings(settings)
        algorithm = said.get("algorithm", USUAL).upper()
        if algorithm not in ALGORITHMS:
            raise SignatureRefusedError("unknown_algorithm")
        signed = _sorted(fields)
        for name, secret in self._candidates(said.get("key", "")):
            for form in _forms(url):
                made = hmac.new(secret.encode(), form.encode("latin-1", "replace") + signed, ALGORITHMS[algorithm])
                if hmac.compare_digest(base64.b64encode(made.digest()), given):
                    return Signed(name, algorithm)
        raise SignatureRefusedError("bad_signature")

    def _candidates(self, key_id: str) -> Iterator[tuple[str, str]]:
        if key_id in self.shared_keys:
            yield f"key {key_id}", self.shared_keys[key_id]
            return
        for number, token in enumerate(self.tokens, start=1):
            yield f"token {number}", token


def form_fields(raw: bytes) -> Fields:
    """The fields of an URL-encoded form, in order, percent-decoded and nothing more.

    Raises:
        SignatureRefusedError: There are more than Twilio ever sends.
    """
    pieces = [piece for piece in raw.split(b"&", MOST_FIELDS) if piece]
    if len(pieces) > MOST_FIELDS:
        raise SignatureRefusedError("unreadable")
    pairs = (piece.replace(b"+", b" ").partition(b"=") for piece in pieces)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]


def _sorted(fields: Fields) -> bytes:
    """Each different value of each name once, in order: how Twilio signs a parameter that it sends twice."""
    return b"".join(name + value for name, value in sorted(set(fields)))


def _settings(header: str) -> dict[str, str]:
    """`key=<id>,algorithm=<name>` as a mapping; what is not of that form says nothing."""
    parts = (part.partition("=") for part in header.split(","))
    return {name.strip(): value.strip() for name, _, value in parts if value.strip()}


def _forms(url: str) -> list[str]:
    """The address as it is set, with its port and without: Twilio does not always sign the same of the three."""
    parts = urlsplit(url)
    bare = _PORT.sub("", parts.netloc)
    port = parts.port or _PORTS.get(parts.scheme)
    return list(dict.fromkeys(url.replace(parts.netloc, each, 1) for each in (parts.netloc, bare, f"{bare}:{port}")))
