"""Whom a mail's own header fields name. Nobody where a field leaves doubt; plain fields without the header factory."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from intake.reading import limits
from intake.reading.addresses import read_people
from intake.reading.fields import Block, decode_words, through_factory
from intake.reading.model import Reported, displayable
from intake.reading.transfer import decode_text

# `Dan Frost <dan@example.com>`, the name in quotes, or the address alone: nearly every mail, and the header factory
# takes 200 µs for it. Nothing that could be an encoded word, an escape or a second person fits.
_PLAIN_PERSON: Final = re.compile(
    rb"(?:([A-Za-z](?:[A-Za-z0-9 .'_-]{0,98}[A-Za-z0-9.])?|\"[ !#-<>-\[\]-~]{1,99}\")[ ]{0,9})?"
    rb"<([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)>"
    rb"|([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
)
_LONGEST_PLAIN: Final = 1_000


def person_of(block: Block, name: str, note: Callable[[str], None]) -> Reported:
    """The one person in a header; nobody where the header comes twice or names several."""
    if len(block.every(name)) > 1:
        note(f"more than one {name.title()} header")
        return Reported()
    people = people_of(block, name)
    if len(people) > 1:
        note(f"several people in {name.title()}")
    return people[0] if len(people) == 1 else Reported()


def people_of(block: Block, name: str) -> tuple[Reported, ...]:
    """Everyone in every header of that name, in order."""
    return tuple(person for value in block.every(name) for person in _people(name, value))


@lru_cache(maxsize=64)
def _people(name: str, value: bytes) -> tuple[Reported, ...]:
    """Everyone in one header. Remembered: a mail's From and To are asked for several times, and take a third of it."""
    if plain := _plain_people(value):
        return plain
    header = through_factory(name, value)
    addresses = getattr(header, "addresses", ())
    if addresses and not getattr(header, "defects", ("unknown",)) and all("@" in each.addr_spec for each in addresses):
        return tuple(_reported(each.display_name, each.addr_spec) for each in addresses)
    # Split first, decode after: an encoded word must not be able to bring an address of its own.
    text, _ = decode_text(value[: limits.HEADER_CHARACTERS], None)
    return tuple(_reported(decode_words(each.name or ""), each.address) for each in read_people(text))


def _plain_people(value: bytes) -> tuple[Reported, ...]:
    """Everyone in a header that is written in the plainest way; nobody where any of it is not."""
    if len(value) > _LONGEST_PLAIN:
        return ()
    pieces = [value] if b'"' in value else value.split(b",")
    plain = [_PLAIN_PERSON.fullmatch(piece.strip(b" \t")) for piece in pieces]
    found = [each for each in plain if each is not None]
    if len(found) < len(plain):
        return ()
    return tuple(_reported((each[1] or b"").decode().strip('"'), (each[2] or each[3]).decode()) for each in found)


def _reported(name: str, address: str | None) -> Reported:
    shown = displayable(" ".join(name.split()))[: limits.DOOR_CHARACTERS]
    return Reported(shown if shown and shown != address else None, None if address is None else displayable(address))
