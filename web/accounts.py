"""Local accounts: who may sign in, with which password, in which role.

Passwords are kept as argon2id (RFC 9106) and checked outside any transaction. Whether an address has an account cannot
be told from an answer nor from how long it takes: an unknown one is checked against a hash that no password opens.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, insert, select, update

from archive.custody import SYSTEM, Action, CustodyEntry
from archive.ledger import record
from archive.marks import count
from archive.tables import account
from intake.addresses import normal_email
from web.errors import AccountExistsError, NotAnAddressError, UnknownAccountError, UnknownRoleError, WeakPasswordError

LEAST_PASSWORD_CHARACTERS: Final = 12
MOST_PASSWORD_CHARACTERS: Final = 256
FEWEST_DIFFERENT_CHARACTERS: Final = 5
# Of the same cost as a real one; the password behind it was thrown away.
NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$ZxomJwRoKOyQSYKtKXviPA$KEd9yaXXN/1Iwi4KllnQ07qGS6HKF6EEJn8I0nORSJU"
)
_ONE_TIME_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_ONE_TIME_GROUPS, _ONE_TIME_GROUP = 5, 4


class Role(StrEnum):
    """What an account is for; `web.access` says what each may do."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    DISCLOSURE = "disclosure"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Account:
    """One person who may sign in."""

    id: UUID
    email: str
    role: Role
    must_change_password: bool

    @property
    def name(self) -> str:
        """How pages call the person."""
        return self.email

    @property
    def actor(self) -> str:
        """How custody entries call the person."""
        return f"account:{self.id}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in is checked against; without an account for an address that has none."""

    account: Account | None
    password_hash: str


def add_account(connection: Connection, email: str, role: str, *, at: datetime, actor: str) -> str:
    """Add an account.

    Returns:
        A one-time password, known to nobody else and shown this once; it must be changed at first sign-in.

    Raises:
        NotAnAddressError, UnknownRoleError, AccountExistsError: Nothing was added.
    """
    address = normal_email(email)
    if address is None:
        raise NotAnAddressError(email)
    if role not in set(Role):
        raise UnknownRoleError(role, ", ".join(Role))
    if connection.execute(select(account.c.id).where(account.c.email == address)).first():
        raise AccountExistsError(address)
    made, password = uuid4(), one_time_password()
    connection.execute(
        insert(account).values(
            id=made,
            email=address,
            role=role,
            password_hash=PasswordHasher().hash(password),
            must_change_password=True,
            active=True,
            created_at=at,
        )
    )
    facts = {"account_id": str(made), "email": address, "role": role}
    record(connection, CustodyEntry(SYSTEM, Action.ACCOUNT_ADDED, actor, at, facts))
    return password


def one_time_password() -> str:
    """Twenty letters and digits in groups of four, none of which look alike: about 99 bits."""
    letters = [secrets.choice(_ONE_TIME_LETTERS) for _ in range(_ONE_TIME_GROUPS * _ONE_TIME_GROUP)]
    groups = [letters[start : start + _ONE_TIME_GROUP] for start in range(0, len(letters), _ONE_TIME_GROUP)]
    return "-".join("".join(group) for group in groups)


def account_by_email(connection: Connection, email: str) -> Account:
    """The active account with this address.

    Raises:
        UnknownAccountError: There is none.
    """
    row = _row_by_email(connection, email)
    if row is None:
        raise UnknownAccountError(email)
    return _account(row)


def account_of(connection: Connection, account_id: UUID) -> Account | None:
    """The active account with this id, if there is one."""
    query = select(account).where(account.c.id == account_id, account.c.active)
    row = connection.execute(query).first()
    return _account(row) if row else None


def emails_of(connection: Connection) -> dict[str, str]:
    """Every account's address by the name that custody entries have for it, inactive ones too."""
    rows = connection.execute(select(account.c.id, account.c.email))
    return {f"account:{row.id}": row.email for row in rows}


def credentials_of(connection: Connection, email: str) -> Credentials:
    """What to check a password for this address against; never says whether there is an account."""
    row = _row_by_email(connection, email)
    return Credentials(_account(row), row.password_hash) if row else Credentials(None, NOBODYS_HASH)


def check_password(credentials: Credentials, password: str) -> Account | None:
    """The account, where the password is its own. Takes as long for an address that has none."""
    try:
        # A password beyond the limit cannot be anybody's; it is cut so that it costs no more than others.
        PasswordHasher().verify(credentials.password_hash, password[: MOST_PASSWORD_CHARACTERS + 1])
    except (VerificationError, InvalidHashError):
        return None
    return credentials.account


def record_sign_in(
    connection: Connection, credentials: Credentials, signed_in: Account | None, *, address: str, at: datetime
) -> None:
    """Put an attempt into the ledger; one on an address without account is only counted, or anyone could fill it."""
    if credentials.account is None:
        count(connection, "sign_in_unknown")
        return
    action = Action.SIGNED_IN if signed_in else Action.SIGN_IN_REFUSED
    record(connection, CustodyEntry(SYSTEM, action, credentials.account.actor, at, {"address": address}))


def change_password(connection: Connection, person: Account, password: str, *, at: datetime) -> None:
    """Give an account a password of its owner's choice.

    Raises:
        WeakPasswordError: It is short, common in form, or the one it has; the text says so.
    """
    _require_strong(person, password)
    stored = connection.execute(select(account.c.password_hash).where(account.c.id == person.id)).scalar_one()
    if check_password(Credentials(person, stored), password):
        raise WeakPasswordError("Choose a password that is not the one you have now")
    connection.execute(
        update(account)
        .where(account.c.id == person.id)
        .values(password_hash=PasswordHasher().hash(password), must_change_password=False)
    )
    record(connection, CustodyEntry(SYSTEM, Action.PASSWORD_CHANGED, person.actor, at))


def _require_strong(person: Account, password: str) -> None:
    """Length before composition rules (NCSC, Password policy: updating your approach)."""
    if len(password) < LEAST_PASSWORD_CHARACTERS:
        raise WeakPasswordError(
            f"Choose a password of at least {LEAST_PASSWORD_CHARACTERS} characters, three random words for example"
        )
    if len(password) > MOST_PASSWORD_CHARACTERS:
        raise WeakPasswordError(f"Choose a password of at most {MOST_PASSWORD_CHARACTERS} characters")
    if len(set(password)) < FEWEST_DIFFERENT_CHARACTERS:
        raise WeakPasswordError("Choose a password with more different characters")
    if person.email.partition("@")[0] in password.lower():
        raise WeakPasswordError("Choose a password without your name in it")


def _row_by_email(connection: Connection, email: str) -> Row[Any] | None:
    address = normal_email(email)
    if address is None or "\x00" in address:
        return None
    return connection.execute(select(account).where(account.c.email == address, account.c.active)).first()


def _account(row: Row[Any]) -> Account:
    return Account(row.id, row.email, Role(row.role), row.must_change_password)
