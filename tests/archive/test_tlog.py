"""The Merkle tree against the reference vectors of Certificate Transparency, and against itself under every bit flip."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import tlog
from archive.errors import ProofError

# Inputs and roots of sizes 1 to 8 from the Certificate Transparency reference implementation (merkle_tree_test).
REFERENCE_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
REFERENCE_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(min_value=1, max_value=300)


class Forest:
    """All nodes of a tree of `size` made-up leaves, as a database would hold them."""

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        self.leaves = list(leaf_hashes)
        self.nodes = {(level, index): digest for level, index, digest in tlog.append_nodes(0, [], leaf_hashes)}

    def read(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def root(self, size: int) -> bytes:
        return tlog.root(size, [self.nodes[node] for node in tlog.frontier_indexes(size)])


GREAT_TREE = Forest([tlog.leaf_hash(str(number).encode()) for number in range(300)])


def naive_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """RFC 9162 2.1.1 as it is written, recursion and all."""
    if len(leaf_hashes) == 1:
        return leaf_hashes[0]
    split = 1 << (len(leaf_hashes) - 1).bit_length() - 1
    return tlog.node_hash(naive_root(leaf_hashes[:split]), naive_root(leaf_hashes[split:]))


def test_the_empty_tree_has_the_root_of_no_bytes() -> None:
    assert tlog.root(0, []).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_the_reference_roots_come_out(size: int) -> None:
    tree = Forest([tlog.leaf_hash(leaf) for leaf in REFERENCE_LEAVES[:size]])
    assert tree.root(size).hex() == REFERENCE_ROOTS[size - 1]


@given(SIZES)
def test_any_size_has_the_root_that_the_recursive_rule_gives(size: int) -> None:
    assert GREAT_TREE.root(size) == naive_root(GREAT_TREE.leaves[:size])


@given(st.lists(st.integers(0, 9), max_size=12))
def test_appending_in_batches_builds_the_same_tree_as_at_once(batches: list[int]) -> None:
    size = 0
    frontier: list[bytes] = []
    collected = {}
    for batch in batches:
        added = tlog.append_nodes(size, frontier, GREAT_TREE.leaves[size : size + batch])
        size, frontier = tlog.frontier_after(size, frontier, added)
        collected.update({(level, index): digest for level, index, digest in added})
    assert tlog.root(size, frontier) == GREAT_TREE.root(size)
    assert all(GREAT_TREE.nodes[node] == digest for node, digest in collected.items())


def test_a_frontier_of_another_size_is_refused() -> None:
    with pytest.raises(ProofError):
        tlog.append_nodes(3, [bytes(32)], [])
    with pytest.raises(ProofError):
        tlog.root(2, [])


@given(st.data(), SIZES)
def test_every_inclusion_proof_verifies_and_no_altered_one_does(data: st.DataObject, size: int) -> None:
    leaf = data.draw(st.integers(0, size - 1))
    path = tlog.inclusion_path(leaf, size, GREAT_TREE.read)
    root = GREAT_TREE.root(size)
    tlog.verify_inclusion(GREAT_TREE.leaves[leaf], leaf, size, path, root)

    flipped = data.draw(st.integers(0, 256 * (len(path) + 2) - 1))
    hashes = flip([GREAT_TREE.leaves[leaf], root, *path], flipped)
    with pytest.raises(ProofError):
        tlog.verify_inclusion(hashes[0], leaf, size, hashes[2:], hashes[1])


@given(st.data(), SIZES)
def test_an_inclusion_proof_holds_for_no_other_leaf_or_length(data: st.DataObject, size: int) -> None:
    leaf = data.draw(st.integers(0, size - 1))
    path = tlog.inclusion_path(leaf, size, GREAT_TREE.read)
    root = GREAT_TREE.root(size)
    other = data.draw(st.integers(-3, size + 3).filter(lambda number: number != leaf))
    with pytest.raises(ProofError):
        tlog.verify_inclusion(GREAT_TREE.leaves[leaf], other, size, path, root)
    with pytest.raises(ProofError):
        tlog.verify_inclusion(GREAT_TREE.leaves[leaf], leaf, size, [*path, bytes(32)], root)
    if path:
        with pytest.raises(ProofError):
            tlog.verify_inclusion(GREAT_TREE.leaves[leaf], leaf, size, path[:-1], root)


@given(st.data(), SIZES)
def test_proofs_made_together_equal_proofs_made_one_by_one(data: st.DataObject, size: int) -> None:
    leaves = data.draw(st.sets(st.integers(0, size - 1), max_size=20))
    asked: list[tlog.Node] = []

    def read_nodes(wanted: Iterable[tlog.Node]) -> dict[tlog.Node, bytes]:
        asked.extend(wanted)
        return {node: GREAT_TREE.nodes[node] for node in asked}

    paths = tlog.inclusion_paths(leaves, size, read_nodes)
    assert len(asked) == len({*asked})
    assert paths == {leaf: tlog.inclusion_path(leaf, size, GREAT_TREE.read) for leaf in leaves}


@given(st.data(), SIZES)
def test_every_consistency_proof_verifies_and_no_altered_one_does(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    path = tlog.consistency_path(old, new, GREAT_TREE.read)
    assert path == [] or len(path) == len({*path})
    tlog.verify_consistency(old, new, path, GREAT_TREE.root(old), GREAT_TREE.root(new))

    flipped = data.draw(st.integers(0, 256 * (len(path) + 2) - 1))
    hashes = flip([GREAT_TREE.root(old), GREAT_TREE.root(new), *path], flipped)
    with pytest.raises(ProofError):
        tlog.verify_consistency(old, new, hashes[2:], hashes[0], hashes[1])


@given(st.data(), st.integers(2, 300))
def test_a_consistency_proof_holds_for_no_other_sizes_or_length(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new - 1))
    path = tlog.consistency_path(old, new, GREAT_TREE.read)
    roots = GREAT_TREE.root(old), GREAT_TREE.root(new)
    with pytest.raises(ProofError):
        tlog.verify_consistency(new, old, path, *roots)
    with pytest.raises(ProofError):
        tlog.verify_consistency(old, new, [*path, bytes(32)], *roots)
    with pytest.raises(ProofError):
        tlog.verify_consistency(old, new, path[:-1], *roots)
    with pytest.raises(ProofError):
        tlog.verify_consistency(new, new, [], *roots)


def test_an_empty_tree_is_the_beginning_of_any_tree_but_only_with_its_own_root() -> None:
    tlog.verify_consistency(0, 5, [], tlog.EMPTY_ROOT, GREAT_TREE.root(5))
    with pytest.raises(ProofError):
        tlog.verify_consistency(0, 5, [], bytes(32), GREAT_TREE.root(5))


@pytest.mark.parametrize("leaf", [-1, 5, 6])
def test_no_path_is_made_for_a_leaf_the_tree_lacks(leaf: int) -> None:
    with pytest.raises(ProofError):
        tlog.inclusion_path(leaf, 5, GREAT_TREE.read)


def test_no_path_is_made_from_a_larger_tree_to_a_smaller() -> None:
    with pytest.raises(ProofError):
        tlog.consistency_path(6, 5, GREAT_TREE.read)


def test_a_proof_reads_a_logarithmic_number_of_nodes() -> None:
    million = 1_000_000
    assert len(tlog.inclusion_node_indexes(123_456, million)) <= 2 * million.bit_length()
    assert len(tlog.consistency_node_indexes(123_456, million)) <= 2 * million.bit_length()


def flip(hashes: list[bytes], bit: int) -> list[bytes]:
    """Flip one bit somewhere in a list of 32-byte hashes."""
    joined = bytearray(b"".join(hashes))
    joined[bit // 8] ^= 1 << bit % 8
    return [bytes(joined[at : at + 32]) for at in range(0, len(joined), 32)]
