"""Aliases: an address of a contributor's own, by which mail finds its case on any server.

Its secret part is random and tells nobody anything. Whoever writes to it *claims* a case and no more: only a sender
enrolled on that case files there; everybody else waits in that case's quarantine, unanswered. An alias that ended still
says which case was claimed, because who goes on using it knew it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, false, func, insert, select, update

from archive.contributor import Contributor
from archive.custody import Action, CustodyEntry, case_stream
from archive.ledger import record
from archive.tables import acquisition, mail_alias

# 100 bits, in letters and digits that survive folding of case, being read out, and every mail server's idea of a name.
TAG_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
TAG_LENGTH: Final = 20
PLACE: Final = "*"


@dataclass(frozen=True, slots=True)
class Alias:
    """One alias.

    Attributes:
        id: Ours.
        case_id: The case that mail to it claims.
        contributor_id: Whose it is.
        tag: Its secret part; None after a rebuild from the ledger alone, which has its digest: mail still finds it.
        given_at: When it was given.
        ended_at: When it ended, if it did.
    """

    id: UUID
    case_id: UUID
    contributor_id: UUID
    tag: str | None = field(repr=False)
    given_at: datetime
    ended_at: datetime | None

    def address(self, pattern: str) -> str | None:
        """The address, with the secret part in the pattern's place; None where it is not known any more."""
        return pattern.replace(PLACE, self.tag) if self.tag else None


def tag_digest(tag: str) -> str:
    """What the database finds an alias by, and the ledger names it by."""
    return hashlib.sha256(tag.encode()).hexdigest()


def give_alias(connection: Connection, person: Contributor, *, at: datetime, actor: str) -> Alias:
    """Give a contributor an alias; the one she had ends."""
    end_alias(connection, person, at=at, actor=actor)
    tag = "".join(secrets.choice(TAG_LETTERS) for _ in range(TAG_LENGTH))
    given = Alias(uuid4(), person.case_id, person.id, tag, at, None)
    values = {"id": given.id, "case_id": person.case_id, "contributor_id": person.id, "given_at": at}
    connection.execute(insert(mail_alias).values(**values, tag=tag, tag_sha256=tag_digest(tag)))
    # Not the tag itself: entries leave the house in packages.
    facts = {"alias_id": str(given.id), "contributor_id": str(person.id), "tag_sha256": tag_digest(tag)}
    record(connection, CustodyEntry(case_stream(person.case_id), Action.ALIAS_GIVEN, actor, at, facts))
    return given


def end_alias(connection: Connection, person: Contributor, *, at: datetime, actor: str) -> bool:
    """End the alias a contributor has.

    Returns:
        False where she has none.
    """
    live = (mail_alias.c.contributor_id == person.id) & mail_alias.c.ended_at.is_(None)
    ended = connection.execute(update(mail_alias).where(live).values(ended_at=at).returning(mail_alias.c.id)).scalar()
    if ended is None:
        return False
    facts = {"alias_id": str(ended), "contributor_id": str(person.id)}
    record(connection, CustodyEntry(case_stream(person.case_id), Action.ALIAS_ENDED, actor, at, facts))
    return True


def live_aliases(connection: Connection, case_id: UUID) -> dict[UUID, Alias]:
    """The aliases of a case that have not ended, by contributor."""
    query = select(mail_alias).where(mail_alias.c.case_id == case_id, mail_alias.c.ended_at.is_(None))
    return {row.contributor_id: _alias(row) for row in connection.execute(query)}


def aliases_tagged(connection: Connection, tags: Collection[str]) -> dict[str, Alias]:
    """Which of these are secret parts of aliases, ended ones too."""
    if not tags:
        return {}
    by_digest = {tag_digest(tag): tag for tag in tags}
    query = select(mail_alias).where(mail_alias.c.tag_sha256 == func.any(list(by_digest)))
    return {by_digest[row.tag_sha256]: _alias(row) for row in connection.execute(query)}


def aliases_by_id(connection: Connection, ids: Collection[UUID]) -> dict[UUID | None, Alias]:
    """Aliases by id."""
    if not ids:
        return {}
    query = select(mail_alias).where(mail_alias.c.id == func.any(list(ids)))
    return {row.id: _alias(row) for row in connection.execute(query)}


def claims_another(case_id: UUID) -> ColumnElement[bool]:
    """Of an acquisition: it was sent to an alias of another case than this."""
    others = select(mail_alias.c.id).where(mail_alias.c.case_id != case_id)
    return func.coalesce(acquisition.c.alias_id.in_(others), false())


def claimed_case() -> ScalarSelect[Any]:
    """Of an acquisition: the case that its alias claims; NULL where it came by none."""
    return select(mail_alias.c.case_id).where(mail_alias.c.id == acquisition.c.alias_id).scalar_subquery()


def _alias(row: Row[Any]) -> Alias:
    return Alias(row.id, row.case_id, row.contributor_id, row.tag, row.given_at, row.ended_at)
