"""Reading DER (ITU-T X.690): just enough to take a timestamp token apart, and strict about the rest.

Reads bytes, makes nothing. What DER does not allow (indefinite or padded lengths, bytes left over) is refused, so that
two readers cannot see two different things in one token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

BOOLEAN, INTEGER, OCTET_STRING, OID = 0x01, 0x02, 0x04, 0x06
SEQUENCE, SET, GENERALIZED_TIME = 0x30, 0x31, 0x18
LONG_FORM, HIGH_TAG = 0x80, 0x1F
MOST_LENGTH_BYTES = 4
MORE = 0x80


def tagged(number: int, *, constructed: bool = True) -> int:
    """The identifier octet of a context-specific tag `[number]`."""
    return 0x80 | (0x20 if constructed else 0) | number


class DerError(ValueError):
    """The bytes are not DER, or not the structure that was asked for."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element and where it lies.

    Attributes:
        tag: The identifier octet.
        start: Where the element begins in `whole`; `body` where its content begins; `end` where it ends.
        whole: The bytes all offsets are in.
    """

    tag: int
    start: int
    body: int
    end: int
    whole: bytes = field(repr=False)

    @property
    def encoded(self) -> bytes:
        """The element with tag and length."""
        return self.whole[self.start : self.end]

    @property
    def content(self) -> bytes:
        """What the element holds."""
        return self.whole[self.body : self.end]

    def children(self) -> list[Element]:
        """The elements inside a constructed one."""
        return list(_elements(self.whole, self.body, self.end))

    def only(self) -> Element:
        """The one element inside, as in an EXPLICIT tag.

        Raises:
            DerError: There is none, or more than one.
        """
        inside = self.children()
        if len(inside) != 1:
            raise DerError(f"{len(inside)} elements where one belongs")
        return inside[0]

    def need(self, tag: int) -> Element:
        """This element, if it has that tag.

        Raises:
            DerError: It has another.
        """
        if self.tag != tag:
            raise DerError(f"tag {self.tag:#04x} where {tag:#04x} belongs")
        return self


class Fields:
    """The elements of a SEQUENCE, taken from the front; what nobody takes is a fault."""

    def __init__(self, sequence: Element, tag: int = SEQUENCE) -> None:
        self._left = sequence.need(tag).children()

    def take(self, tag: int) -> Element:
        """The next element, which must have this tag.

        Raises:
            DerError: It has another, or there is none.
        """
        if not self._left:
            raise DerError(f"nothing where {tag:#04x} belongs")
        return self._left.pop(0).need(tag)

    def take_if(self, tag: int) -> Element | None:
        """The next element if it has this tag: an OPTIONAL one."""
        return self._left.pop(0) if self._left and self._left[0].tag == tag else None

    def end(self) -> None:
        """Make sure that all were taken.

        Raises:
            DerError: Something is left that the structure does not have.
        """
        if self._left:
            raise DerError(f"{len(self._left)} elements too many")


def read(whole: bytes) -> Element:
    """The one element these bytes are.

    Raises:
        DerError: They are not exactly one DER element.
    """
    found = list(_elements(whole, 0, len(whole)))
    if len(found) != 1:
        raise DerError(f"{len(found)} elements where one belongs")
    return found[0]


def integer(element: Element) -> int:
    """A whole number, in its one shortest form.

    Raises:
        DerError: It is none.
    """
    content = element.content
    if not content or (len(content) > 1 and content[:1] in {b"\x00", b"\xff"} and _is_padded(content)):
        raise DerError("an INTEGER that is empty or padded")
    return int.from_bytes(content, signed=True)


def oid(element: Element) -> str:
    """An object identifier in dots.

    Raises:
        DerError: It is none.
    """
    numbers = list(_arcs(element.need(OID).content))
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def _is_padded(content: bytes) -> bool:
    return (content[0] == 0) == (content[1] < MORE)


def _arcs(content: bytes) -> Iterator[int]:
    if not content or content[-1] & MORE:
        raise DerError("an OBJECT IDENTIFIER that is cut off")
    number, at_start = 0, True
    for octet in content:
        if at_start and octet == MORE:
            raise DerError("an OBJECT IDENTIFIER with a padded arc")
        number, at_start = (number << 7) | (octet & 0x7F), not octet & MORE
        if at_start:
            yield number
            number = 0


def _elements(whole: bytes, at: int, end: int) -> Iterator[Element]:
    while at < end:
        element = _element(whole, at, end)
        yield element
        at = element.end


def _element(whole: bytes, start: int, end: int) -> Element:
    if end - start < 2:  # noqa: PLR2004 - a tag and a length
        raise DerError("an element that is cut off")
    tag, length, body = whole[start], whole[start + 1], start + 2
    if tag & HIGH_TAG == HIGH_TAG:
        raise DerError("a tag of several octets")
    if length >= LONG_FORM:
        length, body = _long_length(whole, start + 1, end)
    if body + length > end:
        raise DerError("an element longer than what holds it")
    return Element(tag, start, body, body + length, whole)


def _long_length(whole: bytes, at: int, end: int) -> tuple[int, int]:
    count = whole[at] - LONG_FORM
    octets = whole[at + 1 : min(at + 1 + count, end)]
    length = int.from_bytes(octets)
    if not 0 < count <= MOST_LENGTH_BYTES or len(octets) != count or not octets[0] or length < LONG_FORM:
        raise DerError("a length that is not DER")
    return length, at + 1 + count
