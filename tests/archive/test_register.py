"""A register is a mapping as dict is one, but for where it lies."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.register import Register

ACTS = st.lists(st.tuples(st.sampled_from(["set", "forget"]), st.text(max_size=3), st.text(max_size=3)))


@given(ACTS)
def test_it_holds_what_a_dict_would_hold_in_the_same_order(acts: list[tuple[str, str, str]]) -> None:
    kept, plain = Register[str, str](), dict[str, str]()
    for act, key, value in acts:
        if act == "set":
            kept[key] = plain[key] = value
        else:
            assert kept.pop(key, None) == plain.pop(key, None)
    assert list(kept.items()) == list(plain.items())
    assert list(kept.in_order()) == sorted(plain.items())
    assert len(kept) == len(plain)
    assert all(kept.get(key) == plain.get(key) for _, key, _ in acts)


@given(st.dictionaries(st.integers(0, 2**63 - 1), st.text()))
def test_numbers_are_in_order_as_numbers(plain: dict[int, str]) -> None:
    kept = Register[int, str]()
    kept.update(plain)
    assert list(kept.in_order()) == sorted(plain.items())


def test_what_is_not_there_is_a_key_error() -> None:
    kept = Register[str, int]()
    with pytest.raises(KeyError, match="nothing"):
        kept["nothing"]
    with pytest.raises(KeyError, match="nothing"):
        del kept["nothing"]
    assert "nothing" not in kept


def test_memory_does_not_grow_with_it() -> None:
    tracemalloc.start()
    kept = Register[int, str]()
    for number in range(20_000):
        kept[number] = f"a reason of its own for number {number}"
    assert sum(1 for _ in kept.in_order()) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 256 * 1024
