"""Identifiers: found with their place, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.reading.identifiers import find_identifiers, url_as_ascii


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("call 07700 900123 now", [("phone", "+447700900123")]),
        ("call (+44) no, +44 (0)7700-900123", [("phone", "+447700900123")]),
        ("+33 6 12 34 56 78", [("phone", "+33612345678")]),
        ("dan.frost+x@example.co.uk, again", [("email", "dan.frost+x@example.co.uk")]),
        (
            "see https://xn--pple-43d.example/a?b=(c) or www.example.org.",
            [("url", "https://xn--pple-43d.example/a?b=(c)"), ("url", "www.example.org")],
        ),
        ("(https://example.org/a)", [("url", "https://example.org/a")]),
        ("white van AB12 CDE or A123 BCD", [("plate", "AB12 CDE"), ("plate", "A123 BCD")]),
        ("reg: ab12cde", [("plate", "ab12cde")]),
        ("he is @dan_frost.99 there", [("handle", "@dan_frost.99")]),
        (
            "log in at https://sam@\u0430pple.com/a, soon",
            [("url", "https://sam@xn--pple-43d.com/a")],
        ),
        ("https://bücher.example:8443/x?y", [("url", "https://xn--bcher-kva.example:8443/x?y")]),
        ("https://\u0430..com/a", [("url", "https://xn--80a..com/a")]),
        ("see bit.ly/3xYz and t.me/dan, and/or e.g/x, Mr.Smith/Jones", [("url", "bit.ly/3xYz"), ("url", "t.me/dan")]),
        ("MEET ME ON THE M25 NOW, BUS 12A, APT 12B", []),
        ("BLUE FORD M25 NOX AND ABC 123D", [("plate", "M25 NOX"), ("plate", "ABC 123D")]),
        ("order 12345678901234, 999, 12:30-14:00, 3.14159, 2026-11-21", []),
        ("on 01.02.2026 at 10, 21/11/2026, case 12345678", []),
        ("user@localhost, a@b", []),
        ("http://a@example.org/07700900123", [("url", "http://a@example.org/07700900123")]),
    ],
)
def test_what_a_text_holds_is_found_once_and_nothing_else(text, found):
    assert [(each.kind, each.value) for each in find_identifiers(text)] == found


@given(st.text(alphabet="07+ @.-_aAhtp:/B1é\n", max_size=200))
def test_every_span_points_at_what_was_found(text):
    for each in find_identifiers(text):
        assert each.start is not None
        assert each.end is not None
        if each.kind == "url":
            assert url_as_ascii(text[each.start : each.end]) == each.value
        elif each.kind != "phone":
            assert text[each.start : each.end] == each.value
