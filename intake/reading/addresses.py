"""People as headers and quoted headers name them: `Name <address>`, in the forms that mail programs write.

Wrong is worse than none: where a value could mean two people, nobody is named.
"""

from __future__ import annotations

import re
from typing import Final

from intake.reading import limits
from intake.reading.model import Reported, displayable

_ADDRESS: Final = re.compile(r"[^\s<>\"(),;:@\[\]\\]{1,64}@[^\s<>\"(),;:@\[\]\\/]{1,255}")
_LOOSE: Final = re.compile(r"(?<![^\s<>\"(),;:\[\]])[^\s<>\"(),;:@\[\]\\]{1,64}@[^\s<>\"(),;:@\[\]\\/]{1,255}")
_MAILTO: Final = re.compile(r"[<\[]mailto:([^<>\[\]]{0,320})[>\]]", re.IGNORECASE)
_ANGLES: Final = re.compile(r"<([^<>]{0,400})>")
# "X on behalf of Y": X is who pressed send. The words as Outlook writes them, in its languages.
_ON_BEHALF: Final = re.compile(
    r" (?:on behalf of|im auftrag von|de la part de|en nombre de|em nome de|per conto di|namens|på vegne af|på vegne av"
    r"|för räkning|för|puolesta|w imieniu|jménem|v mene|nevében|în numele|от имени|ad\u0131na|u ime) ",
    re.IGNORECASE,
)
_QUOTES: Final = " \t\r\n\"'«»“”„\u201a\u2018\u2019*\u200e\u200f\u202a\u202c\ufeff\xa0"
_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ().\-]{5,20}")
_FEWEST_DIGITS: Final = 7


def read_people(value: str) -> tuple[Reported, ...]:
    """Everyone named in a list of people. Empty entries are left out."""
    people = (read_person(piece) for piece in _split_list(value[: limits.HEADER_CHARACTERS]))
    return tuple(person for person in people if not person.is_empty)


def read_person(value: str) -> Reported:
    """The one person that `value` names; an empty `Reported` where it names none, or more than one address."""
    value = _ON_BEHALF.split(value[: limits.HEADER_CHARACTERS].strip(), maxsplit=1)[0]
    mailto = [each.strip() for each in _MAILTO.findall(value)]
    value = _MAILTO.sub(" ", value)
    angled = [inside.strip() for inside in _ANGLES.findall(value)]
    addresses = [each for each in angled if _ADDRESS.fullmatch(each)]
    name = _ANGLES.split(value, maxsplit=1)[0] if angled else value
    if not angled:
        addresses = _LOOSE.findall(value)
        name = _LOOSE.sub(" ", value)
    if not addresses:
        addresses = [each for each in mailto if _ADDRESS.fullmatch(each)]
    if len({each.casefold() for each in addresses}) > 1:
        return Reported()
    return _reported(name, addresses[0] if addresses else None)


def _reported(name: str, address: str | None) -> Reported:
    shown = clean_name(name)
    if address is None and shown is not None and is_number(shown):
        return Reported(number=shown)
    if shown is not None and address is not None and shown.casefold() == address.casefold():
        shown = None
    return Reported(shown, None if address is None else displayable(address))


def clean_name(name: str) -> str | None:
    """A display name without its quotes and brackets; None for an empty one."""
    name = re.sub(r"\\([\"\\])", r"\1", name).strip(_QUOTES)
    name = name.removesuffix("(").removesuffix("()").strip(_QUOTES)
    return displayable(re.sub(r"\s+", " ", name)[: limits.DOOR_CHARACTERS]) or None


def is_number(text: str) -> bool:
    """Whether all of `text` is a telephone number."""
    return _NUMBER.fullmatch(text) is not None and sum(map(str.isdigit, text)) >= _FEWEST_DIGITS


def _split_list(value: str) -> list[str]:
    """Split at semicolons and commas outside quotes; at a comma only after an address ("Doe, John <j@x>" is one)."""
    pieces: list[str] = []
    current: list[str] = []
    quoted = has_address = False
    depth = 0
    for character in value:
        if character == '"':
            quoted = not quoted
        depth += (character == "<") - (character == ">" and depth > 0)
        has_address = has_address or (character == "@" and not quoted)
        if not quoted and depth == 0 and (character == ";" or (character == "," and has_address)):
            pieces.append("".join(current))
            current, has_address = [], False
        else:
            current.append(character)
    pieces.append("".join(current))
    return [piece for piece in pieces if piece.strip()]
