"""Tag lists of signatures, seals and key records (RFC 6376 3.2), read strictly and bounded."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from intake.errors import UnusableError

LONGEST: Final = 16 * 1024
"""Of a field. Real ones have some hundred bytes; what is longer is no signature."""
LONGEST_BLANK: Final = 200
"""dkimpy looks for `b=` by an expression whose time grows with the square of a run of blanks."""
_BLANK_RUN: Final = re.compile(rb"[\s]{%d}" % (LONGEST_BLANK + 1))
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")
_NUMBER: Final = re.compile(r"[0-9]{1,12}")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_NAME: Final = 253


class BadTagsError(UnusableError):
    """Not a tag list, or not one that can be used; why, in words for people."""


@dataclass(frozen=True, slots=True)
class Tags:
    """A tag list: values without blanks around them, by name."""

    values: Mapping[str, str]

    def need(self, name: str) -> str:
        """A value that must be there.

        Raises:
            BadTagsError: It is missing or empty.
        """
        if not self.values.get(name):
            raise BadTagsError(f"It has no {name}= tag.")
        return self.values[name]

    def get(self, name: str) -> str | None:
        """A value, or None."""
        return self.values.get(name)

    def number(self, name: str) -> int | None:
        """A whole number, or None where the tag is missing.

        Raises:
            BadTagsError: It is none, or has more than twelve digits.
        """
        value = self.values.get(name)
        if value is None:
            return None
        if not _NUMBER.fullmatch(value):
            raise BadTagsError(f"Its {name}= tag is not a number.")
        return int(value)

    def names(self, name: str) -> tuple[str, ...]:
        """A colon-separated list that must be there, lower case.

        Raises:
            BadTagsError: It is missing.
        """
        return tuple(each.strip().lower() for each in self.need(name).split(":"))

    def octets(self, name: str) -> bytes:
        """Base64 that must be there.

        Raises:
            BadTagsError: It is missing, or is no base64.
        """
        try:
            return base64.b64decode("".join(self.need(name).split()), validate=True)
        except (binascii.Error, ValueError):
            raise BadTagsError(f"Its {name}= tag is not base64.") from None


def read_tags(raw: bytes) -> Tags:
    """A tag list.

    Raises:
        BadTagsError: It is none.
    """
    if len(raw) > LONGEST:
        raise BadTagsError(f"It is longer than is judged ({LONGEST} bytes).")
    if _BLANK_RUN.search(raw):
        raise BadTagsError("It holds a longer run of blanks than is judged.")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadTagsError("It has bytes that are no text.") from None
    found: dict[str, str] = {}
    parts = text.strip().removesuffix(";").split(";")
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name):
            raise BadTagsError("It is not a list of tags.")
        if name in found:
            raise BadTagsError(f"It has more than one {name}= tag.")
        found[name] = value.strip()
    return Tags(found)


def domain_name(text: str) -> str | None:
    """A domain name in A-labels, lower case, without a final dot; None where it is none.

    >>> domain_name("Example.ORG.")
    'example.org'
    >>> domain_name("bücher.example")
    'xn--bcher-kva.example'
    """
    wanted = text.strip().removesuffix(".")
    if not wanted or len(wanted) > _LONGEST_NAME:
        return None
    if not wanted.isascii():
        try:
            wanted = wanted.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    wanted = wanted.lower()
    labels = wanted.split(".")
    return wanted if len(wanted) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, labels)) else None
