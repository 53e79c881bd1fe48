"""Text of others, made safe to look at: characters that act without being seen are shown as what they are.

A right-to-left override (U+202E) makes `file[U+202E]fdp.exe` read "fileexe.pdf". On pages each such character
stands as a token; the bytes in the vault keep it.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINERS: Final = "\u200c\u200d"
_BREAKS: Final = "\n\t"
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_NEVER_ALONE: Final = frozenset({"Lo", "Mn", "Mc", "So", "Sk"})


def visible(text: str | None) -> str:
    """The text with each control and formatting character as `[U+XXXX]`; line breaks and tabs stay.

    Joiners stay where they do their work: between letters of scripts that need them, and within emoji.
    """
    if not text:
        return ""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(_shown(plain, place) for place in range(len(plain)))


def visible_line(text: str | None) -> str:
    """The same for titles and names: one line, white space folded."""
    return " ".join(visible(text).split())


def _shown(text: str, place: int) -> str:
    character = text[place]
    if character in _BREAKS or unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    if character in _JOINERS and 0 < place < len(text) - 1 and _joins(text[place - 1], text[place + 1]):
        return character
    return f"[U+{ord(character):04X}]"


def _joins(before: str, after: str) -> bool:
    return {unicodedata.category(before), unicodedata.category(after)} <= _NEVER_ALONE
