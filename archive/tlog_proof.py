"""One entry's proof that anyone can check without a package: c2sp.org/tlog-proof@v1.

The record that is proved is the entry's leaf; its bytes travel as the extra data, which a reader must hash for itself
(RFC 9162 2.1.1) and compare with the proof: the specification says that extra data is not to be trusted.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from sqlalchemy import Connection, select

from archive import tlog
from archive.errors import NoteRejectedError, NotSequencedYetError, ProofError
from archive.ledger import checkpoint_size, cosigned_note, nodes
from archive.signed_note import Checkpoint, Note
from archive.tables import custody_leaf
from archive.tlog import Node

HEADER = "c2sp.org/tlog-proof@v1"
HASH_LINE = re.compile("[A-Za-z0-9+/]{43}=")
INDEX = re.compile("0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A leaf's place in the log, as one text file.

    Attributes:
        index: Of the leaf, from 0.
        path: Inclusion path, from the leaf's sibling up.
        note: The signed checkpoint, with its cosignatures.
        extra: Opaque bytes; here the leaf. Not authenticated by themselves.
    """

    index: int
    path: Sequence[bytes]
    note: bytes = field(repr=False)
    extra: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """The file."""
        lines = [HEADER]
        lines += [f"extra {_encoded(self.extra)}"] if self.extra is not None else []
        lines += [f"index {self.index}", *(_encoded(digest) for digest in self.path)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.note

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Take the file apart. Says nothing of its signatures.

        Raises:
            ProofError: It is not one.
        """
        head, blank, note = raw.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise ProofError("proof", "its head is not plain text") from error
        extra = None
        if len(lines) > 1 and lines[1].startswith("extra "):
            extra = _decoded(lines.pop(1).removeprefix("extra "))
        index = lines[1].removeprefix("index ") if len(lines) > 1 and lines[1].startswith("index ") else ""
        if not blank or lines[0] != HEADER or not INDEX.fullmatch(index):
            raise ProofError("proof", f"it does not begin with {HEADER} and an index")
        if not all(HASH_LINE.fullmatch(line) for line in lines[2:]):
            raise ProofError("proof", "a line of its path is not base64 of a SHA-256")
        return cls(int(index), tuple(_decoded(line) for line in lines[2:]), note, extra)

    def verify(self, leaf_hash: bytes) -> Checkpoint:
        """Return the checkpoint under which this leaf is proved; whose signature it bears is for a policy to say.

        Raises:
            ProofError: It is not proved.
        """
        try:
            checkpoint = Checkpoint.parse(Note.parse(self.note).text)
        except NoteRejectedError as error:
            raise ProofError("proof", str(error)) from error
        tlog.verify_inclusion(leaf_hash, self.index, checkpoint.size, self.path, checkpoint.root)
        return checkpoint


def proof_of(connection: Connection, index: int) -> TlogProof:
    """The proof of one entry of the ledger, under the newest checkpoint.

    Raises:
        NotSequencedYetError: No checkpoint covers an entry of that index yet.
    """
    size = checkpoint_size(connection)
    leaf = connection.execute(select(custody_leaf.c.leaf).where(custody_leaf.c.leaf_index == index)).scalar()
    if leaf is None or index >= size:
        raise NotSequencedYetError(f"entry {index}")
    found = nodes(connection, tlog.inclusion_node_indexes(index, size))
    path = tlog.inclusion_path(index, size, partial(_node, found))
    return TlogProof(index, path, cosigned_note(connection, size), bytes(leaf))


def _node(found: dict[Node, bytes], level: int, index: int) -> bytes:
    return found[level, index]


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ProofError("proof", "a line is not base64") from error
    if _encoded(raw) != text:
        raise ProofError("proof", "a line is base64 in another form than the canonical one")
    return raw
