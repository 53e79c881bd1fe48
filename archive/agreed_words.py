"""Words that a contributor and her officer agreed in private: one says she is under duress, one ends answers.

The word itself is kept nowhere, on no page and in no entry: only a mark, by which it is recognised when it comes. A
mark is keyed with a secret of the installation, so that a copy of the database does not give a short word away.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
MOST_WORDS: Final = 6
FEWEST_LETTERS: Final = 4
MOST_LOOKED_AT: Final = 20_000
_SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Signals:
    """Makes marks of agreed words, and recognises the words by them."""

    secret: bytes = field(repr=False)

    def mark(self, words: str) -> str:
        """The mark of a word or short phrase; case, accents' form and punctuation make no difference.

        Raises:
            ValueError: It has no letters, too few, or too many words to be told apart from the rest of a message.
        """
        found = _words(words)
        if not 1 <= len(found) <= MOST_WORDS or sum(map(len, found)) < FEWEST_LETTERS:
            raise ValueError(f"agree on 1 to {MOST_WORDS} words with at least {FEWEST_LETTERS} letters in all")
        salt = secrets.token_bytes(_SALT_BYTES)
        return f"{len(found)}:{salt.hex()}:{self._digest(salt, found)}"

    def is_within(self, mark: str | None, text: str) -> bool:
        """Whether the agreed words stand anywhere in a text, one after the other."""
        return any(self._matches(mark, run) for run in _runs(mark, _words(text[:MOST_LOOKED_AT])))

    def is_whole(self, mark: str | None, text: str) -> bool:
        """Whether a text is the agreed words and nothing else."""
        return mark is not None and len(text) <= MOST_LOOKED_AT and self._matches(mark, _words(text))

    def _matches(self, mark: str | None, words: list[str]) -> bool:
        if mark is None:
            return False
        count, salt, digest = mark.split(":")
        return len(words) == int(count) and hmac.compare_digest(self._digest(bytes.fromhex(salt), words), digest)

    def _digest(self, salt: bytes, words: list[str]) -> str:
        return hmac.new(self.secret, b"holdfast signal\n" + salt + " ".join(words).encode(), hashlib.sha256).hexdigest()


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _runs(mark: str | None, words: list[str]) -> Iterator[list[str]]:
    count = int(mark.partition(":")[0]) if mark else 0
    for start in range(len(words) - count + 1 if count else 0):
        yield words[start : start + count]
