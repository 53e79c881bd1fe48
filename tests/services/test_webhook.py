"""Segments and connection overrides, without a network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhook import Overrides, segments


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("🙂" * 35, 1),
        ("🙂" * 36, 2),
    ],
)
def test_segments_are_counted_as_networks_count_them(body, expected):
    assert segments(body) == expected


@given(st.text())
def test_every_body_fits_its_segments(body):
    units = len(body.encode("utf-16-be", "surrogatepass")) // 2
    assert 1 <= segments(body.encode("utf-8", "replace").decode()) <= max(1, -(-units * 2 // 67))


@given(st.text())
def test_any_fragment_gives_usable_overrides(fragment):
    overrides = Overrides.of(f"https://example.org/sms#{fragment}")
    assert 0 <= overrides.retries <= 5
    assert overrides.connect_seconds >= 0


def test_overrides_are_read_from_the_fragment():
    overrides = Overrides.of("https://example.org/sms#rc=2&rp=rt,5xx&ct=2000&rt=1500")
    assert (overrides.retries, overrides.connect_seconds, overrides.read_seconds) == (2, 2.0, 1.5)
    assert [overrides.covers(failure) for failure in ("ct", "rt", "4xx", "5xx")] == [False, True, False, True]
