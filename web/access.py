"""Who may do what: rights, the roles that have them, and the only way pages load a case.

Each officer's route declares one right; a route without one answers nobody. Unknown and forbidden look the same (404),
so that nobody learns by asking which cases exist.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar

from flask import abort, g
from sqlalchemy import Connection, select

from archive.case import Case, case_of, cases_of, is_member
from archive.errors import UnknownCaseError
from archive.retention import is_disposed
from archive.tables import case
from web.accounts import Account, Role

View = TypeVar("View", bound=Callable[..., Any])
_DECLARED: Final = "holdfast_right"
_IN_CASE: Final = "holdfast_in_case"


class Right(StrEnum):
    """What a route asks of whoever calls it."""

    ANYONE = "anyone"
    SIGNED_IN = "be signed in"
    OPEN_CASE = "open a case"
    SEE_CASE = "see a case"
    WORK_ON_CASE = "enrol and assign on a case"
    EXPORT_CASE = "have packages built"
    SETTLE = "settle what is in quarantine or parked"
    DECIDE_DISPOSAL = "agree to a disposal another person asked for"


_EVERYONE: Final = frozenset(Role)
ROLES_WITH: Final = {
    Right.ANYONE: _EVERYONE,
    Right.SIGNED_IN: _EVERYONE,
    Right.OPEN_CASE: frozenset({Role.OFFICER, Role.SUPERVISOR}),
    Right.SEE_CASE: frozenset({Role.OFFICER, Role.SUPERVISOR, Role.DISCLOSURE, Role.AUDITOR}),
    Right.WORK_ON_CASE: frozenset({Role.OFFICER, Role.SUPERVISOR}),
    Right.EXPORT_CASE: frozenset({Role.OFFICER, Role.SUPERVISOR, Role.DISCLOSURE}),
    Right.SETTLE: frozenset({Role.OFFICER, Role.SUPERVISOR}),
    Right.DECIDE_DISPOSAL: frozenset({Role.SUPERVISOR}),
}
SEE_EVERY_CASE: Final = frozenset({Role.SUPERVISOR, Role.AUDITOR})
"""Roles that need no membership. An administrator looks after accounts and sees no evidence at all."""


def requires(right: Right, *, in_case: bool = False) -> Callable[[View], View]:
    """Declare what a view asks; with `in_case` it takes a case's slug and must load it by `case_or_404`."""

    def declare(view: View) -> View:
        setattr(view, _DECLARED, right)
        setattr(view, _IN_CASE, in_case)
        return view

    return declare


def right_of(view: Callable[..., Any]) -> Right | None:
    """The right a view declares, or None where it declares none."""
    declared: Right | None = getattr(view, _DECLARED, None)
    return declared


def is_in_case(view: Callable[..., Any]) -> bool:
    """Whether the view is about one case."""
    return bool(getattr(view, _IN_CASE, False))


def may(account: Account | None, right: Right) -> bool:
    """Whether the account's role has this right, in some case or in general."""
    if right is Right.ANYONE:
        return True
    return account is not None and account.role in ROLES_WITH[right]


def case_or_404(connection: Connection, slug: str, right: Right, *, even_disposed: bool = False) -> Case:
    """The case, where the person signed in has this right on it; else the answer is 404, whatever the reason.

    A case that was disposed of is 410 for who might see it; only its retention page is left (`even_disposed`).
    """
    account = signed_in()
    try:
        found = case_of(connection, slug)
    except UnknownCaseError:
        abort(404)
    if found.slug != slug or not may(account, right):
        abort(404)
    if account.role not in SEE_EVERY_CASE and not is_member(connection, found.id, account.id):
        abort(404)
    if not even_disposed and is_disposed(connection, found.id):
        abort(410)
    return found


def cases_for(connection: Connection, account: Account, right: Right = Right.SEE_CASE) -> list[Case]:
    """The cases on which this person has this right, newest first."""
    if not may(account, right):
        return []
    if account.role in SEE_EVERY_CASE:
        return all_cases(connection)
    return cases_of(connection, account.id)


def all_cases(connection: Connection) -> list[Case]:
    """Every case, newest first."""
    columns = (case.c.id, case.c.reference, case.c.slug, case.c.title, case.c.officer_in_case)
    query = select(*columns, case.c.opened_at, case.c.closed_at).order_by(case.c.opened_at.desc())
    return [Case(*row) for row in connection.execute(query)]


def signed_in() -> Account:
    """The person signed in; 404 where the guard let nobody in (it always has, before a view runs)."""
    account: Account | None = g.get("account")
    if account is None:
        abort(404)
    return account
