"""Key records of DNS (RFC 6376 3.6.1, RFC 8301, RFC 8463), read strictly, and the one call into dkimpy's arithmetic."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import dkim

from intake.authenticity.model import DnsAnswer
from intake.authenticity.tags import BadTagsError, Tags, read_tags
from intake.errors import UnusableError

FEWEST_BITS: Final = 1024
"""RFC 8301 3.2: shorter keys are no signature at all."""
STRONG_BITS: Final = 2048
"""RFC 8301 3.2: what signers should use at least."""
MOST_BITS: Final = 8192
MOST_EXPONENT: Final = 1 << 32
LONGEST_KEY: Final = 2_000
"""Of `p=`, characters: a key of MOST_BITS has some 1,500. The arithmetic grows with the cube of it."""

_SILENT: Final = logging.getLogger("holdfast.silent")
# dkimpy logs keys, domains and signatures, which have no place in a log.
_SILENT.disabled = True


class BadKeyError(UnusableError):
    """A key that cannot be used; why, in words for people."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as a domain published it.

    Attributes:
        record: The record's bytes.
        kind: `rsa` or `ed25519`.
        bits: Length of an RSA key's modulus; 256 of Ed25519.
        testing: The domain says that it only tries signing out (`t=y`).
        same_domain: Identities must be of the very domain (`t=s`).
    """

    record: bytes = field(repr=False)
    kind: str
    bits: int
    testing: bool
    same_domain: bool


def key_in(answer: DnsAnswer, algorithm: str) -> Key:
    """The key that a DNS answer holds for signatures of that algorithm.

    Raises:
        BadKeyError: There is not just one, or it cannot be used.
    """
    records = [each.encode("latin-1") for each in answer.records]
    keys = [each for each in records if b"p=" in each]
    if len(keys) != 1:
        raise BadKeyError("No key lies under the name." if not keys else "Several keys lie under the name.")
    try:
        tags = read_tags(keys[0])
    except BadTagsError as error:
        raise BadKeyError(f"The key's record cannot be read. {error}") from error
    _require_usable(tags, algorithm)
    kind = tags.get("k") or "rsa"
    flags = [each.strip() for each in (tags.get("t") or "").split(":")]
    return Key(keys[0], kind, _bits(keys[0], kind), "y" in flags, "s" in flags)


def _require_usable(tags: Tags, algorithm: str) -> None:
    if tags.get("v") not in {None, "DKIM1"}:
        raise BadKeyError("The key's record is of another version.")
    public = tags.get("p")
    if not public:
        raise BadKeyError("The key was revoked.")
    if len(public) > LONGEST_KEY:
        raise BadKeyError("The key is longer than is judged.")
    wanted, _, digest = algorithm.partition("-")
    if (tags.get("k") or "rsa") != wanted:
        raise BadKeyError("The key is of another kind than the signature.")
    digests = tags.get("h")
    if digests is not None and digest not in [each.strip() for each in digests.split(":")]:
        raise BadKeyError("The key is not for signatures of this kind.")
    services = tags.get("s")
    if services is not None and not {"*", "email"} & {each.strip() for each in services.split(":")}:
        raise BadKeyError("The key is not for mail.")


def _bits(record: bytes, kind: str) -> int:
    try:
        public, bits, _, _ = dkim.evaluate_pk("the key", record)
    except Exception as error:
        # Whatever dkimpy's reader makes of hostile bytes: it raises many kinds.
        raise BadKeyError("The key cannot be read.") from error
    if kind != "rsa":
        return int(bits)
    modulus, exponent = public["modulus"], public["publicExponent"]
    if not (1 < modulus.bit_length() <= MOST_BITS and modulus % 2 and 1 < exponent < MOST_EXPONENT):
        raise BadKeyError("The key is none that mail is signed with.")
    return int(modulus.bit_length())


def verifies(
    key: Key,
    tags: Tags,
    field_of: tuple[bytes, bytes],
    *,
    fields: Sequence[tuple[bytes, bytes]],
    include: Sequence[bytes],
    body: bytes,
) -> bool:
    """Whether a signature over these fields and this body is right, by dkimpy.

    Args:
        key: The signer's.
        tags: Of the signature, checked: `a`, `b`, and `bh` where it signs a body.
        field_of: Name and value of the field that holds the signature.
        fields: Header fields, from the top.
        include: Lower-case names of the fields that are signed, in order.
        body: Prepared (`Message.relaxed_body`, or the body itself where the signature is simple).
    """
    signer = dkim.DomainSigner(logger=_SILENT, minkey=0)
    signer.headers, signer.body = list(fields), body
    try:
        signer.pk, signer.keysize, signer.ktag, _ = dkim.evaluate_pk("the key", key.record)
        return bool(signer.verify_sig_process(_for_dkimpy(tags), list(include), field_of, None))
    except Exception:  # noqa: BLE001 - the edge: it raises for signatures that are wrong, of many kinds
        return False


def _for_dkimpy(tags: Tags) -> Mapping[bytes, Any]:
    return {name.encode(): value.encode() for name, value in tags.values.items()}
