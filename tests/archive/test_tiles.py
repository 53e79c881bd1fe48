"""The ledger's tiles and bundles are as c2sp.org/tlog-tiles has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import ProofError
from archive.tiles import WIDTH, Tile, bundle, hashes_of, leaves_of, tiles_between


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067, 256), "tile/0/x001/x234/067"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(1, 1, 17), "tile/1/001.p/17"),
        (Tile(2, 0, 1), "tile/2/000.p/1"),
        (Tile(None, 1000, 256), "tile/entries/x001/000"),
    ],
)
def test_paths_are_the_specifications_own(tile, path):
    assert tile.path == path


def test_a_log_of_seventy_thousand_leaves_has_the_tiles_of_the_specifications_example():
    """256 full tiles and more at level 0, one full and one partial at level 1, a partial one at level 2."""
    tiles = list(tiles_between(0, 70000))
    assert {tile.path for tile in tiles if tile.width < WIDTH} == {
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
        "tile/entries/273.p/112",
    }
    assert sum(tile.level == 0 for tile in tiles) == 274
    assert sum(tile.level == 1 for tile in tiles) == 2


@given(st.lists(st.integers(0, 70000), min_size=1, max_size=6).map(sorted))
def test_growing_by_any_steps_leaves_every_full_tile_and_the_newest_partials(sizes):
    written = {tile for old, new in zip([0, *sizes], sizes, strict=False) for tile in tiles_between(old, new)}
    assert set(tiles_between(0, sizes[-1])) <= written


@given(st.lists(st.binary(max_size=70), min_size=1, max_size=256))
def test_a_bundle_gives_back_its_leaves(leaves):
    assert leaves_of(bundle(leaves)) == leaves


@given(st.binary(max_size=300))
def test_what_is_not_a_bundle_is_refused_and_never_misread(raw):
    try:
        leaves = leaves_of(raw)
    except ProofError:
        return
    assert bundle(leaves) == raw


@given(st.binary(max_size=200))
def test_what_is_not_a_tile_is_refused(raw):
    if raw and len(raw) % 32 == 0:
        assert b"".join(hashes_of(raw)) == raw
    else:
        with pytest.raises(ProofError):
            hashes_of(raw)


def test_a_leaf_too_long_for_the_format_is_refused():
    with pytest.raises(ProofError, match="longer"):
        bundle([bytes(65536)])
