"""Every error of the pages' own, on one page.

RefusedError (archive.errors)
├── UnknownAccountError
├── AccountExistsError
├── NotAnAddressError
├── UnknownRoleError
└── WeakPasswordError
"""

from __future__ import annotations

from archive.errors import RefusedError


class UnknownAccountError(RefusedError):
    """No account has this e-mail address."""

    def __init__(self, email: str) -> None:
        super().__init__(email)
        self.email = email

    def __str__(self) -> str:
        return f"no account has the address {self.email}; add it first with `holdfast user add`"


class AccountExistsError(RefusedError):
    """An account has this e-mail address already."""

    def __init__(self, email: str) -> None:
        super().__init__(email)
        self.email = email

    def __str__(self) -> str:
        return f"{self.email} has an account already"


class NotAnAddressError(RefusedError):
    """What was given is no e-mail address."""

    def __init__(self, written: str) -> None:
        super().__init__(written)
        self.written = written

    def __str__(self) -> str:
        return f"{self.written!r} is no e-mail address"


class UnknownRoleError(RefusedError):
    """There is no such role."""

    def __init__(self, role: str, known: str) -> None:
        super().__init__(role, known)
        self.role, self.known = role, known

    def __str__(self) -> str:
        return f"{self.role!r} is no role: choose one of {self.known}"


class WeakPasswordError(RefusedError):
    """The password can be guessed; the text says what is asked of it."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return self.because
