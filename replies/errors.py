"""Every error this room raises, on one page.

ArchiveError (archive.errors)
└── RefusedError                    a rule said no: tell the person, never retry
    ├── WordingRefusedError
    ├── UnsendableError
    ├── CarrierMisconfiguredError
    └── NotHerWordsError
"""

from __future__ import annotations

from archive.errors import RefusedError


class WordingRefusedError(RefusedError):
    """These words may not be sent as an answer."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return f"these words cannot be used as an answer: {self.because}"


class UnsendableError(RefusedError):
    """An answer cannot be put into the form its carrier needs."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"the {self.what} holds characters that no mail header may hold"


class CarrierMisconfiguredError(RefusedError):
    """The settings of a carrier contradict themselves or safety."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return self.because


class NotHerWordsError(RefusedError):
    """These words cannot be put beside this item."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return f"these words cannot be attached: {self.because}"
