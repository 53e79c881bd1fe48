"""What can go wrong with samples, on one page.

ServiceError
└── SampleRefusedError    a door, or what stands in for the world before it, did not take a sample
"""

from __future__ import annotations

from services.errors import ServiceError


class SampleRefusedError(ServiceError):
    """A sample could not be delivered."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(where, why)
        self.where, self.why = where, why

    def __str__(self) -> str:
        return f"{self.where} did not take a sample: {self.why}"
