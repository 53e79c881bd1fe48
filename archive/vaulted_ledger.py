"""The ledger as the vault holds it, read without a database.

Nothing found here is believed for where it lies: keys can be written over by whoever holds the bucket's credentials, so
of each key the oldest locked version is taken, which nobody can remove, and the signed root decides about all of it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from archive.dump import FOLDER as DUMPS
from archive.envelope import opened
from archive.errors import LockMissingError, NoteRejectedError, ProofError, RebuildError
from archive.publishing import key_of, prefix_of
from archive.signed_note import Checkpoint, Note, VerifierKey
from archive.tiles import Tile, hashes_of, leaves_of, tiles_between
from archive.tlog import leaf_hash
from archive.vault import StoredObject, Vault, Version

AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Found:
    """One published object, read back.

    Attributes:
        name: Its path under the log's prefix.
        stored: Version, lock and metadata.
        body: Its bytes.
    """

    name: str
    stored: StoredObject
    body: bytes

    @property
    def sha256(self) -> str:
        """Digest of what was read."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class VaultedLedger:
    """Reads one log's objects.

    Attributes:
        vault: Where from.
        origin: The log's name.
        secret: Opens the register and dumps.
        keys: The log's verifier keys, from outside the vault.
        threads: For reading ahead.
    """

    vault: Vault
    origin: str
    secret: bytes
    keys: Sequence[VerifierKey]
    threads: Executor

    def newest_checkpoint(self) -> Checkpoint:
        """The largest signed checkpoint.

        Raises:
            RebuildError: There is none that one of the keys signed.
        """
        for each in sorted(self._names("checkpoint/"), reverse=True):
            for found in self._versions_of(each):
                try:
                    note = Note.parse(found.body)
                    note.signers(self.keys)
                    checkpoint = Checkpoint.parse(note.text)
                except NoteRejectedError:
                    continue
                if checkpoint.origin == self.origin:
                    return checkpoint
        raise RebuildError(f"the vault holds no checkpoint of {self.origin} that its key signed")

    def leaves(self, size: int) -> Iterator[list[bytes]]:
        """The leaves of the tree, a bundle at a time, each agreeing with its tile.

        Raises:
            RebuildError: A bundle or tile is not there, or they contradict each other.
        """
        bundles = [tile for tile in tiles_between(0, size) if tile.level is None]
        for start in range(0, len(bundles), AT_ONCE):
            yield from self.threads.map(self._bundle, bundles[start : start + AT_ONCE])

    def _bundle(self, tile: Tile) -> list[bytes]:
        hashes = self._right_one(Tile(0, tile.index, tile.width).path, lambda body: len(hashes_of(body)) == tile.width)
        wanted = hashes_of(hashes.body)
        bundle = self._right_one(tile.path, lambda body: [leaf_hash(leaf) for leaf in leaves_of(body)] == wanted)
        return leaves_of(bundle.body)

    def _right_one(self, name: str, fits: Callable[[bytes], bool]) -> Found:
        """The oldest version under a name that is what it should be: a later one over it changes nothing."""
        for found in self._versions_of(name):
            try:
                if fits(found.body):
                    return found
            except ProofError:
                continue
        raise RebuildError(f"{key_of(self.origin, name)} is not in the vault, or not as the ledger has it")

    def register(self) -> Iterator[dict[str, Any]]:
        """What the register says of each leaf, in order. Raises EnvelopeError where it was changed."""
        for found in self.objects("register/"):
            yield from opened(self.secret, found.name, io.BytesIO(found.body))

    def dump(self) -> tuple[str, Iterator[dict[str, Any]]] | None:
        """The newest dump, and its rows."""
        names = sorted(self._names(f"{DUMPS}/"))
        if not names:
            return None
        found = self._right_one(names[-1], lambda _: True)
        return names[-1], opened(self.secret, found.name, io.BytesIO(found.body))

    def objects(self, folder: str) -> Iterator[Found]:
        """The oldest locked version of every name in a folder, in order of names; read ahead, a few at a time."""
        listed = sorted(self._names(folder).items())
        for start in range(0, len(listed), AT_ONCE):
            some = listed[start : start + AT_ONCE]
            yield from self.threads.map(lambda one: self._first(*one), some)

    def everything(self) -> Iterator[tuple[str, list[Version]]]:
        """Every name of the log with its versions, oldest first."""
        for name, versions in self._names("").items():
            yield name, sorted(versions, key=lambda one: one.modified_at)

    def first_locked(self, name: str, versions: Sequence[Version]) -> StoredObject:
        """The first locked one of some versions: what was written over it in the same second is not.

        Raises:
            RebuildError: None is locked.
        """
        for one in versions:
            try:
                return self.vault.look(one.key, one.version)
            except LockMissingError:
                continue
        raise RebuildError(f"{key_of(self.origin, name)} has no locked version")

    def _first(self, name: str, versions: Sequence[Version]) -> Found:
        for found in self._fetched(name, versions):
            return found
        raise RebuildError(f"{key_of(self.origin, name)} has no locked version")

    def _names(self, folder: str) -> dict[str, list[Version]]:
        """Every name in a folder with its versions."""
        prefix, names = prefix_of(self.origin), defaultdict(list)
        for page in self.vault.versions(prefix + folder):
            for one in page:
                if not one.is_marker:
                    names[one.key.removeprefix(prefix)].append(one)
        return names

    def _versions_of(self, name: str) -> Iterator[Found]:
        key = key_of(self.origin, name)
        listed = [one for page in self.vault.versions(key) for one in page if one.key == key and not one.is_marker]
        yield from self._fetched(name, listed)

    def _fetched(self, name: str, versions: Sequence[Version]) -> Iterator[Found]:
        """The locked ones of some versions, oldest first."""
        for one in sorted(versions, key=lambda each: each.modified_at):
            try:
                stored, pieces = self.vault.fetch(one.key, one.version)
            except LockMissingError:
                continue
            yield Found(name, stored, b"".join(pieces))


def checkpoints_of(found: Found) -> list[dict[str, Any]]:
    """The rows in a book of checkpoints."""
    return [json.loads(line) for line in found.body.splitlines()]
