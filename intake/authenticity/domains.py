"""Domains: which may be looked up unasked, and which two belong together.

Whoever runs a domain's name servers can see a query for one of its names, and so learns when a message was looked at.
Only domains of large providers are looked up unasked; nobody who stalks somebody reads their name servers' logs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, Self

from publicsuffixlist import PublicSuffixList

from intake.authenticity.model import Alignment
from intake.authenticity.tags import domain_name

# Every customer has names below these, though the public suffix list does not say so.
_SHARED: Final = frozenset({"onmicrosoft.com", "gappssmtp.com"})


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The domains that may be looked up unasked."""

    exact: frozenset[str]
    below: tuple[str, ...]

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """From the setting's entries.

        Raises:
            ValueError: One is no domain.
        """
        exact, below = set(), []
        for entry in entries:
            name = domain_name(entry.removeprefix("."))
            if name is None or "." not in name:
                raise ValueError(f"{entry} is no domain")
            if entry.startswith("."):
                below.append(f".{name}")
            else:
                exact.add(name)
        return cls(frozenset(exact), tuple(below))

    def holds(self, domain: str) -> bool:
        """Whether a domain (A-labels) may be looked up. A name below an entry counts only if the entry has its dot."""
        return domain in self.exact or any(domain.endswith(each) for each in self.below)


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()  # from the file in the wheel: nothing is fetched


def organisation_of(domain: str) -> str:
    """The organisational domain (RFC 7489 3.2), by the public suffix list; the domain itself where it has none.

    >>> organisation_of("mail.example.co.uk")
    'example.co.uk'
    """
    for shared in _SHARED:
        if domain.endswith(f".{shared}"):
            return ".".join(domain.split(".")[-(shared.count(".") + 2) :])
    return _suffixes().privatesuffix(domain) or domain


def alignment_of(signer: str, author: str | None) -> Alignment:
    """How the domain that signed belongs to the one in From; both in A-labels."""
    if author is None:
        return "no"
    if signer == author:
        return "strict"
    return "relaxed" if organisation_of(signer) == organisation_of(author) else "no"
