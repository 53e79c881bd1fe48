"""A second hand at sealing (RFC 8617), so that what judges seals is not held to itself."""

from __future__ import annotations

import base64
import hashlib
import re

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests.authenticity.signers import rsa_key


def relaxed(name: bytes, value: bytes) -> bytes:
    unfolded = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip()
    return name.lower() + b":" + unfolded + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def sealed(
    mail: bytes, domain: bytes, *, selector: bytes = b"s1", says: bytes = b"spf=pass", cv: bytes | None = None
) -> bytes:
    """The mail with one more set of seals on top."""
    head, _, body = mail.partition(b"\r\n\r\n")
    fields = [line.split(b":", 1) for line in re.sub(rb"\r\n(?=[ \t])", b"\0", head).split(b"\r\n")]
    fields = [(name, value.replace(b"\0", b"\r\n")) for name, value in fields]
    before = [(name, value) for name, value in fields if name.lower().startswith(b"arc-")]
    instance = len(before) // 3 + 1
    cv = cv or (b"none" if instance == 1 else b"pass")
    results = (b"ARC-Authentication-Results", b" i=%d; mx.%b; %b" % (instance, domain, says))
    names = [b"from", b"to", b"subject", b"date"]
    covered = b"".join(relaxed(name, value) for name, value in _picked(fields, names))
    digest = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())
    unsigned = b" i=%d; a=rsa-sha256; c=relaxed/relaxed; d=%b; s=%b; h=%b; bh=%b; b=" % (
        *(instance, domain, selector, b":".join(names), digest),
    )
    signature = (
        b"ARC-Message-Signature",
        unsigned + _signed(covered + relaxed(b"ARC-Message-Signature", unsigned)[:-2]),
    )
    seal = b" i=%d; a=rsa-sha256; cv=%b; d=%b; s=%b; b=" % (instance, cv, domain, selector)
    order = [*_sets(before), results, signature]
    chain = b"".join(relaxed(name, value) for name, value in order) + relaxed(b"ARC-Seal", seal)[:-2]
    top = [(b"ARC-Seal", seal + _signed(chain)), signature, results]
    return b"".join(name + b":" + value + b"\r\n" for name, value in top) + mail


def _sets(before):
    """Oldest first, of each the results, the signature, the seal; fields were put on top."""
    return before[::-1]


def _picked(fields, names):
    return [next((name, value) for name, value in reversed(fields) if name.lower() == wanted) for wanted in names]


def _signed(data: bytes) -> bytes:
    return base64.b64encode(rsa_key(2048).sign(data, PKCS1v15(), SHA256()))
