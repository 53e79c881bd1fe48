"""Taking numbers and addresses out of words: for what leaves the house to somebody who must not learn them.

Errs on the side of taking out: a run of digits that ends like the number is the number, however it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

MARK = "[withheld]"
# A number is told apart by its last digits; what stands before them is country code, trunk prefix and their brackets.
TELLING_DIGITS = 9
FEWEST_DIGITS = 5
_BETWEEN = r"(?:[\s().\-/\u00a0\u2010-\u2015\u2212]|%20|&nbsp;){0,3}"
_AT = r"(?:@|%40|&#64;|&commat;|=40|\s?[(\[{]\s?at\s?[)\]}]\s?)"
_TAG = r"(?:(?:\+|%2B|=2B|&#43;)[\w.\-]{0,64})?"
_DOT = r"(?:\.|%2e|&#46;|\s?[(\[{]\s?dot\s?[)\]}]\s?)"


@dataclass(frozen=True, slots=True)
class Redactor:
    """Knows what must not be said, and takes it out of words."""

    pattern: re.Pattern[str] | None

    @classmethod
    def of(cls, values: Iterable[str], words: Iterable[str] = ()) -> Self:
        """A redactor of numbers (E.164 or as people write them) and addresses, and of words as they stand.

        Empty ones are passed over.
        """
        found = {part for value in values if (part := _pattern_of(value.strip()))}
        found |= {re.escape(word) for word in words if word}
        parts = sorted(found, key=len, reverse=True)
        return cls(re.compile("|".join(parts), re.IGNORECASE) if parts else None)

    def holds(self, text: str) -> bool:
        """Whether any of it stands in the text."""
        return self.pattern is not None and self.pattern.search(text) is not None

    def clean(self, text: str) -> str:
        """The text without it."""
        return self.pattern.sub(MARK, text) if self.pattern else text

    def cleaned(self, document: Any) -> Any:
        """A JSON document without it, in keys and values."""
        if isinstance(document, str):
            return self.clean(document)
        if isinstance(document, dict):
            return {self.clean(key): self.cleaned(value) for key, value in document.items()}
        if isinstance(document, list | tuple):
            return [self.cleaned(each) for each in document]
        return document


def _pattern_of(value: str) -> str | None:
    if "@" in value:
        local, *rest = (_DOT.join(re.escape(label) for label in part.split(".")) for part in value.split("@"))
        # With a tag it is the same mailbox, and a tag may be a secret of its own.
        return _AT.join([local + _TAG, *rest])
    digits = re.sub(r"\D", "", value)
    if len(digits) < FEWEST_DIGITS:
        return None
    telling = _BETWEEN.join(digits[-TELLING_DIGITS:])
    return rf"(?<!\d)(?:\+|%2B)?(?:\d{_BETWEEN}){{0,8}}{_BETWEEN}{telling}(?!\d)"
