"""Whom a command is about: a contributor of a case, by name or by id."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from archive.case import Case
from archive.contributor import Contributor, contributors_of
from cli.options import ToldError


def contributor_in(connection: Connection, case: Case, wanted: str) -> Contributor:
    """The one contributor of this case with that name, in any case of letters, or that id.

    Raises:
        ToldError: Nobody, or more than one; the sentence says who is enrolled.
    """
    people = contributors_of(connection, case.id)
    found = [person for person in people if wanted.strip().lower() in {person.name.lower(), str(person.id)}]
    if not found:
        raise ToldError(f"{wanted!r} is not one of {case.reference}'s contributors: {_names(people)}")
    if len(found) > 1:
        raise ToldError(f"more than one contributor of {case.reference} is called {wanted!r}: {_names(found)}")
    return found[0]


def _names(people: Sequence[Contributor]) -> str:
    return ", ".join(f"{person.name} ({person.id})" for person in people) or "nobody is enrolled yet"
