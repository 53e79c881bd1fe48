"""DER has one form for one thing; every other is refused, so that two readers cannot see two things."""

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from archive import der
from archive.der import DerError, Fields


@given(st.integers(-(2**200), 2**200))
def test_whole_numbers_are_read_as_another_reader_writes_them(number):
    assert der.integer(der.read(core.Integer(number).dump())) == number


@given(st.lists(st.integers(0, 2**40), max_size=8), st.sampled_from([(0, 39), (1, 39), (2, 2**20)]), st.data())
def test_object_identifiers_are_read_as_another_reader_writes_them(rest, first, data):
    dotted = ".".join(map(str, [first[0], data.draw(st.integers(0, first[1])), *rest]))
    assert der.oid(der.read(core.ObjectIdentifier(dotted).dump())) == dotted


@given(st.binary(max_size=70_000))
def test_any_length_is_read(content):
    element = der.read(core.OctetString(content).dump())
    assert (element.tag, element.content) == (der.OCTET_STRING, content)


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param("", id="nothing"),
        pytest.param("04", id="a tag alone"),
        pytest.param("0402aa", id="shorter than it says"),
        pytest.param("0401aabb", id="something left over"),
        pytest.param("04800000", id="indefinite length"),
        pytest.param("048101aa", id="a length in the long form that fits the short"),
        pytest.param("04820001aa", id="a padded length"),
        pytest.param("0485000000000101", id="a length of five octets"),
        pytest.param("0484ffffffff", id="a length beyond the bytes"),
        pytest.param("1f8100", id="a tag of several octets"),
    ],
)
def test_what_is_not_one_der_element_is_refused(encoded):
    with pytest.raises(DerError):
        der.read(bytes.fromhex(encoded))


@pytest.mark.parametrize("content", ["", "0001", "007f", "ff80", "ffff"])
def test_padded_whole_numbers_are_refused(content):
    raw = bytes.fromhex(content)
    with pytest.raises(DerError):
        der.integer(der.read(bytes([der.INTEGER, len(raw)]) + raw))


@pytest.mark.parametrize("content", ["", "81", "8001", "2a8001"])
def test_object_identifiers_cut_off_or_padded_are_refused(content):
    raw = bytes.fromhex(content)
    with pytest.raises(DerError):
        der.oid(der.read(bytes([der.OID, len(raw)]) + raw))


def test_fields_that_are_missing_of_another_kind_or_too_many_are_refused():
    sequence = der.read(bytes.fromhex("3006020101020102"))
    fields = Fields(sequence)
    assert fields.take_if(der.OID) is None
    assert der.integer(fields.take(der.INTEGER)) == 1
    with pytest.raises(DerError, match="too many"):
        fields.end()
    with pytest.raises(DerError, match="where"):
        fields.take(der.OID)
    with pytest.raises(DerError):
        sequence.only()
    with pytest.raises(DerError, match="nothing"):
        Fields(der.read(bytes.fromhex("3000"))).take(der.INTEGER)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_in_another_way(noise):
    def walk(element):
        if element.tag & 0x20:
            for child in element.children():
                walk(child)

    try:
        walk(der.read(noise))
    except DerError:
        return
    assert len(noise) >= 2
