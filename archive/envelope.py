"""Envelopes: rows that leave the database for the vault, as JSON lines only this installation's secret opens.

Form: a magic line, a 16-byte salt, then chunks, each its length (4 bytes, big-endian) and its AES-256-GCM ciphertext.
The key is of this object alone: HMAC-SHA256 of the secret over salt and name. A chunk's nonce is its number and whether
it is the last: nothing can be cut off, moved, or passed off under another name.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from archive.errors import EnvelopeError

MAGIC = b"holdfast envelope 1\n"
SALT_BYTES = 16
LENGTH_BYTES = 4
NONCE_BYTES = 12
TAG_BYTES = 16
CHUNK_BYTES = 256 * 1024
# A line may hold one attachment of a received item; nothing larger was ever written.
MOST_CHUNK_BYTES = 512 * 1024 * 1024


def salt_for(secret: bytes, name: str, lines: Iterable[bytes]) -> bytes:
    """A salt that follows from the content: the same rows under the same name make the same bytes, safely repeated."""
    running = hmac.new(secret, b"holdfast envelope salt\n" + name.encode() + b"\n", hashlib.sha256)
    for line in lines:
        running.update(line)
    return running.digest()[:SALT_BYTES]


def line_of(row: Any) -> bytes:
    """One row as a line."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def closed(secret: bytes, name: str, salt: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Encrypt lines under an object's name, piece by piece; memory stays at one chunk and the longest line.

    Args:
        secret: 32 bytes of this installation's, for this purpose.
        name: The object's name; the envelope opens under no other.
        salt: 16 bytes, never used for other lines under this name (`salt_for`, or random).
        lines: Each ending in a line feed.
    """
    key = AESGCM(_key(secret, name, salt))
    yield MAGIC + salt
    number, gathered = 0, bytearray()
    for line in lines:
        gathered += line
        if len(gathered) >= CHUNK_BYTES:
            yield _chunk(key, number, bytes(gathered), last=False)
            number, gathered = number + 1, bytearray()
    yield _chunk(key, number, bytes(gathered), last=True)


def opened(secret: bytes, name: str, file: BinaryIO) -> Iterator[Any]:
    """The rows of an envelope, each only after its chunk has proved genuine; memory stays at one chunk.

    Raises:
        EnvelopeError: It is not one, is of another name or secret, was changed or cut short.
    """
    head = file.read(len(MAGIC) + SALT_BYTES)
    if not head.startswith(MAGIC) or len(head) != len(MAGIC) + SALT_BYTES:
        raise EnvelopeError(name, "it is not an envelope")
    key = AESGCM(_key(secret, name, head[len(MAGIC) :]))
    number, last = 0, False
    while not last:
        plain, last = _plain(key, name, number, file)
        number += 1
        yield from (json.loads(line) for line in plain.splitlines())
    if file.read(1):
        raise EnvelopeError(name, "there is more behind its last chunk")


def _plain(key: AESGCM, name: str, number: int, file: BinaryIO) -> tuple[bytes, bool]:
    length = int.from_bytes(file.read(LENGTH_BYTES))
    if not TAG_BYTES <= length <= MOST_CHUNK_BYTES:
        raise EnvelopeError(name, f"it ends, or breaks, before chunk {number}")
    sealed = file.read(length)
    if len(sealed) != length:
        raise EnvelopeError(name, f"it ends within chunk {number}")
    for last in (False, True):
        try:
            return key.decrypt(_nonce(number, last=last), sealed, None), last
        except InvalidTag:
            continue
    raise EnvelopeError(name, f"chunk {number} was not written under this name with this secret")


def _chunk(key: AESGCM, number: int, plain: bytes, *, last: bool) -> bytes:
    sealed = key.encrypt(_nonce(number, last=last), plain, None)
    return len(sealed).to_bytes(LENGTH_BYTES) + sealed


def _nonce(number: int, *, last: bool) -> bytes:
    return (number << 1 | last).to_bytes(NONCE_BYTES)


def _key(secret: bytes, name: str, salt: bytes) -> bytes:
    return hmac.new(secret, b"holdfast envelope key\n" + salt + name.encode(), hashlib.sha256).digest()
