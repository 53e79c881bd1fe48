"""What may be looked up for one exhibit, and what was: each name once, every answer kept for the record."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from intake.authenticity.domains import LookedUp
from intake.authenticity.model import DnsAnswer

NAMES: Final = 12
"""Names looked up for one exhibit."""
ALL_SECONDS: Final = 15.0
OFF = "DNS look-ups are switched off here."
NOT_LISTED = (
    "{domain} was not looked up: whoever runs it could see the look-up and learn that its message was reported. "
    "An officer can ask for it."
)
TOO_MANY = f"More than {NAMES} keys would have to be looked up."
LATE = "The other keys took too long to look up."


@dataclass(slots=True)
class Lookups:
    """Looks names up within the rules.

    Attributes:
        ask: Asks DNS; None: nothing is asked.
        listed: Domains that may be looked up unasked.
        everything: An officer had every domain looked up.
        answers: What came, in the order asked.
    """

    ask: Callable[[str], DnsAnswer] | None
    listed: LookedUp
    everything: bool = False
    answers: dict[str, DnsAnswer] = field(default_factory=dict)
    _give_up_at: float = field(default_factory=lambda: time.monotonic() + ALL_SECONDS)

    def __call__(self, name: str, domain: str) -> DnsAnswer:
        """The answer for a name of a domain, or why it was not asked."""
        if name in self.answers:
            return self.answers[name]
        because = self._forbids(domain)
        if self.ask is None or because:
            return DnsAnswer(name, "not_asked", because=because)
        is_late = time.monotonic() > self._give_up_at
        found = DnsAnswer(name, "timeout", because=LATE) if is_late else self.ask(name)
        self.answers[name] = found
        return found

    def _forbids(self, domain: str) -> str | None:
        if not (self.everything or self.listed.holds(domain)):
            return NOT_LISTED.format(domain=domain)
        if self.ask is None:
            return OFF
        return TOO_MANY if len(self.answers) >= NAMES else None


def kept(answers: Mapping[str, DnsAnswer]) -> Callable[[str, str], DnsAnswer]:
    """A look-up in answers that were kept: nothing is asked of anybody."""

    def look(name: str, _domain: str) -> DnsAnswer:
        return answers.get(name) or DnsAnswer(name, "not_asked", because="No answer was kept for it.")

    return look
