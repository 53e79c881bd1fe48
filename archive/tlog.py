"""The ledger's Merkle tree: hashing, node arithmetic and proofs, with no storage and no clock.

Promise: every function is pure. A tree is never held in memory: it is a set of *perfect-subtree nodes*
`(level, index)`, where level 0 holds leaf hashes and node `(l, i)` covers leaves `i << l` to `((i + 1) << l) - 1`.
Nodes are immutable, so any proof for any past size can be read from them, and appending reads at most log2(size).

Sources: RFC 9162 sections 2.1.1 (hashing), 2.1.3 (inclusion), 2.1.4 (consistency). The same rules are written a second
time in `archive/verify.py`, on purpose: the verifier must not inherit a mistake made here.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TypeAlias

from archive.errors import ProofError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Node: TypeAlias = tuple[int, int]
AddedNode: TypeAlias = tuple[int, int, bytes]
Span: TypeAlias = tuple[int, int]
ReadNode: TypeAlias = Callable[[int, int], bytes]
ReadNodes: TypeAlias = Callable[[Iterable[Node]], Mapping[Node, bytes]]


def leaf_hash(leaf: bytes) -> bytes:
    """Hash a leaf's bytes. The prefix keeps a leaf from ever passing as an inner node (RFC 9162 2.1.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children into their parent (RFC 9162 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


# --- growing --------------------------------------------------------------------------------------------------------


def frontier_indexes(size: int) -> list[Node]:
    """Name the perfect subtrees that together cover `size` leaves, largest first: all that appending must read."""
    return [(level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1]


def append_nodes(size: int, frontier: Sequence[bytes], leaf_hashes: Iterable[bytes]) -> list[AddedNode]:
    """Work out the nodes that appending adds, as `(level, index, hash)`: about two for each leaf.

    Args:
        size: Leaves in the tree before appending.
        frontier: Hashes of `frontier_indexes(size)`, in that order.
        leaf_hashes: Hashes of the new leaves, in order.

    Raises:
        ProofError: `frontier` does not fit `size`.
    """
    open_subtrees = _checked_frontier(size, frontier)
    added = []
    for index, leaf in enumerate(leaf_hashes, start=size):
        level, digest = 0, leaf
        added.append((0, index, digest))
        while index >> level & 1:
            digest = node_hash(open_subtrees.pop(), digest)
            level += 1
            added.append((level, index >> level, digest))
        open_subtrees.append(digest)
    return added


def frontier_after(
    size: int, frontier: Sequence[bytes], added: Sequence[tuple[int, int, bytes]]
) -> tuple[int, list[bytes]]:
    """Give the size and frontier of the tree once `added` (from `append_nodes`) is in it."""
    known = dict(zip(frontier_indexes(size), frontier, strict=True))
    known.update({(level, index): digest for level, index, digest in added})
    new_size = size + sum(1 for level, _, _ in added if level == 0)
    return new_size, [known[node] for node in frontier_indexes(new_size)]


def root(size: int, frontier: Sequence[bytes]) -> bytes:
    """Fold a frontier (hashes of `frontier_indexes(size)`) into the tree's root hash.

    Raises:
        ProofError: `frontier` does not fit `size`.
    """
    return _fold(_checked_frontier(size, frontier)) if size else EMPTY_ROOT


def _checked_frontier(size: int, frontier: Sequence[bytes]) -> list[bytes]:
    if size < 0 or len(frontier) != size.bit_count():
        raise ProofError("frontier", f"{len(frontier)} hashes do not make a tree of {size} leaves")
    return list(frontier)


def _fold(subtrees: Sequence[bytes]) -> bytes:
    """Join neighbouring perfect subtrees, largest first, into the hash over all of their leaves."""
    digest = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        digest = node_hash(left, digest)
    return digest


# --- proving --------------------------------------------------------------------------------------------------------


def inclusion_node_indexes(leaf: int, size: int) -> list[Node]:
    """Name every node that the inclusion path of one leaf is made of. Raises ProofError if the tree lacks the leaf."""
    return [node for span in _inclusion_spans(leaf, size) for node in _covering(span)]


def inclusion_path(leaf: int, size: int, read_node: ReadNode) -> list[bytes]:
    """Prove that leaf number `leaf` is in the tree of `size` leaves (RFC 9162 2.1.3.1).

    Raises:
        ProofError: The tree of that size has no such leaf.
    """
    return [_span_hash(span, read_node) for span in _inclusion_spans(leaf, size)]


def inclusion_paths(leaves: Iterable[int], size: int, read_nodes: ReadNodes) -> dict[int, list[bytes]]:
    """Prove many leaves at once; spans that paths share are read and hashed once.

    Args:
        leaves: Leaf numbers, each below `size`.
        size: The tree to prove them in.
        read_nodes: Called once, for every node that is needed.
    """
    walks = {leaf: _inclusion_spans(leaf, size) for leaf in leaves}
    spans = {span: _covering(span) for span in set(chain.from_iterable(walks.values()))}
    nodes = read_nodes(set(chain.from_iterable(spans.values())))
    hashed = {span: _fold([nodes[node] for node in covering]) for span, covering in spans.items()}
    return {leaf: [hashed[span] for span in walk] for leaf, walk in walks.items()}


def consistency_node_indexes(old: int, new: int) -> list[Node]:
    """Name every node that the consistency path between two sizes is made of."""
    return [node for span in _consistency_spans(old, new) for node in _covering(span)]


def consistency_path(old: int, new: int, read_node: ReadNode) -> list[bytes]:
    """Prove that the tree of `old` leaves is the beginning of the tree of `new` leaves (RFC 9162 2.1.4.1).

    An empty old tree, and equal sizes, need no proof: the path is empty.

    Raises:
        ProofError: `old` is larger than `new`, or negative.
    """
    return [_span_hash(span, read_node) for span in _consistency_spans(old, new)]


def _inclusion_spans(leaf: int, size: int) -> list[Span]:
    """Leaf ranges whose hashes make up the path, nearest sibling first."""
    if not 0 <= leaf < size:
        raise ProofError("inclusion", f"a tree of {size} leaves has no leaf {leaf}")
    start, end = 0, size
    siblings = []
    while end - start > 1:
        middle = _split(start, end)
        if leaf < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((start, middle))
            start = middle
    return siblings[::-1]


def _consistency_spans(old: int, new: int) -> list[Span]:
    """Leaf ranges of RFC 9162 SUBPROOF, in the order of the proof."""
    if not 0 <= old <= new:
        raise ProofError("consistency", f"no tree of {new} leaves begins with {old}")
    if old == 0:
        return []
    start, end = 0, new
    spans = []
    while old != end:
        middle = _split(start, end)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if start:
        # The old root itself is known to the verifier only when the walk never turned right.
        spans.append((start, end))
    return spans[::-1]


def _split(start: int, end: int) -> int:
    """End of the left child: the largest power of two smaller than the range."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _covering(span: Span) -> list[Node]:
    """Perfect subtrees that cover one span of the walk (its start is always aligned to its largest subtree)."""
    start, end = span
    return [(level, index + (start >> level)) for level, index in frontier_indexes(end - start)]


def _span_hash(span: Span, read_node: ReadNode) -> bytes:
    return _fold([read_node(level, index) for level, index in _covering(span)])


# --- checking -------------------------------------------------------------------------------------------------------


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes) -> None:
    """Return only if the leaf with hash `leaf` is number `index` of the tree (RFC 9162 2.1.3.2).

    Raises:
        ProofError: It is not proved, for whatever reason.
    """
    if not 0 <= index < size:
        raise ProofError("inclusion", f"a tree of {size} leaves has no leaf {index}")
    digest, position, last = leaf, index, size - 1
    for sibling in _hashes("inclusion", path):
        if last == 0:
            raise ProofError("inclusion", f"the path of leaf {index} is too long")
        if position & 1 or position == last:
            digest = node_hash(sibling, digest)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("inclusion", f"the path of leaf {index} is too short")
    if digest != expected_root:
        raise ProofError("inclusion", f"the path of leaf {index} does not lead to the root of size {size}")


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Return only if the old tree is the beginning of the new one (RFC 9162 2.1.4.2).

    Raises:
        ProofError: It is not proved, for whatever reason.
    """
    if not 0 <= old <= new:
        raise ProofError("consistency", f"no tree of {new} leaves begins with {old}")
    if old in (0, new):
        _verify_trivial_consistency(old, path, old_root, EMPTY_ROOT if old == 0 else new_root)
        return
    hashes = _hashes("consistency", path)
    if old.bit_count() == 1:
        # A perfect old tree is itself the first node of the walk, so the proof leaves it out.
        hashes = [old_root, *hashes]
    if not hashes or _roots_along(old, new, hashes) != (old_root, new_root):
        raise ProofError("consistency", f"the path does not lead from the root of size {old} to that of size {new}")


def _roots_along(old: int, new: int, hashes: list[bytes]) -> tuple[bytes, bytes]:
    """Climb from the last node that both trees share, hashing up the old and the new root side by side."""
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_digest = new_digest = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofError("consistency", f"the path from {old} to {new} is too long")
        if position & 1 or position == last:
            old_digest, new_digest = node_hash(sibling, old_digest), node_hash(sibling, new_digest)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_digest = node_hash(new_digest, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("consistency", f"the path from {old} to {new} is too short")
    return old_digest, new_digest


def _verify_trivial_consistency(old: int, path: Sequence[bytes], old_root: bytes, expected: bytes) -> None:
    if path:
        raise ProofError("consistency", f"a path from size {old} that needs none")
    if old_root != expected:
        raise ProofError("consistency", f"another root for the same size {old}")


def _hashes(kind: str, path: Sequence[bytes]) -> list[bytes]:
    if any(len(digest) != HASH_BYTES for digest in path):
        raise ProofError(kind, "a hash in the path is not 32 bytes long")
    return list(path)
