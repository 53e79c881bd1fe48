"""Personal links: an address that lets whoever holds it write for one contributor of one case, and read nothing else.

The token in it is random, shown once and kept as its SHA-256 alone. A link ends by its date, by being revoked, or,
where it works once, by its first completed use; opening it uses nothing up, because phones open links by themselves to
show a preview. Why a link does not work is never said. Visits: `archive.visit`.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, insert, select, update

from archive.acquisition import rendered
from archive.contributor import Contributor
from archive.custody import Action, CustodyEntry, case_stream
from archive.errors import LinkGoneError
from archive.ledger import record
from archive.tables import contributor, link

TOKEN_BYTES: Final = 32


class LinkKind(StrEnum):
    """What a link is for; also the first part of its address."""

    DIARY = "diary"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a link is issued for.

    Attributes:
        kind: What it is for.
        expires_at: From this moment on it does not work.
        one_time: Its first completed use ends it.
        shows_earlier: She chose that it may show what she saved with it before.
        pin_hash: Argon2 hash of the PIN, where it asks for one (`web.pins`).
    """

    kind: LinkKind
    expires_at: datetime
    one_time: bool = False
    shows_earlier: bool = False
    pin_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One personal link, without its token, which nobody has but whom it was given to.

    Attributes:
        id: Ours; the name of the link in custody entries and source ids.
        kind: What it is for.
        case_id: The case.
        contributor_id: Whose words come in by it.
        token_sha256: Lower-case hex digest of the token.
        one_time: Its first completed use ends it.
        shows_earlier: She chose that it may show what she saved with it before.
        has_pin: It asks for a PIN.
        created_at: When it was issued; `created_by` is the actor who did.
        expires_at: From this moment on it does not work.
        revoked_at: When it was revoked, if it was.
        used_up_at: When its one use was completed, if it was.
    """

    id: UUID
    kind: LinkKind
    case_id: UUID
    contributor_id: UUID
    token_sha256: str
    one_time: bool
    shows_earlier: bool
    has_pin: bool
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None = None
    used_up_at: datetime | None = None

    @property
    def actor(self) -> str:
        """Who acts by it, as custody entries say: whoever holds it."""
        return f"link:{self.id}"

    def has_ended(self, now: datetime) -> bool:
        """Whether it is revoked or expired. A link that was used up may still show its last page to that visit."""
        return self.revoked_at is not None or now >= self.expires_at


def issue(connection: Connection, person: Contributor, terms: Terms, *, at: datetime, actor: str) -> tuple[Link, str]:
    """Make a link for a contributor.

    Returns:
        The link, and its token: to be shown once, and kept nowhere.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    made = Link(
        id=uuid4(),
        kind=terms.kind,
        case_id=person.case_id,
        contributor_id=person.id,
        token_sha256=token_digest(token),
        one_time=terms.one_time,
        shows_earlier=terms.shows_earlier,
        has_pin=terms.pin_hash is not None,
        created_at=at,
        created_by=actor,
        expires_at=terms.expires_at,
    )
    connection.execute(
        insert(link).values(
            id=made.id,
            token_sha256=made.token_sha256,
            kind=made.kind.value,
            case_id=made.case_id,
            contributor_id=made.contributor_id,
            one_time=made.one_time,
            shows_earlier=made.shows_earlier,
            pin_hash=terms.pin_hash,
            created_at=at,
            created_by=actor,
            expires_at=made.expires_at,
        )
    )
    record(connection, CustodyEntry(case_stream(made.case_id), Action.LINK_ISSUED, actor, at, _facts(made)))
    return made, token


def link_of_token(connection: Connection, token: str, kind: LinkKind, *, now: datetime) -> Link:
    """The link that this token opens now.

    Raises:
        LinkGoneError: There is none: unknown, of another kind, expired, revoked, used up, or she left the case.
    """
    query = _select().where(link.c.token_sha256 == token_digest(token))
    row = connection.execute(query).first()
    if row is None:
        raise LinkGoneError
    found = link_of_row(row)
    if found.kind is not kind or found.has_ended(now) or found.used_up_at is not None or row.left_at is not None:
        raise LinkGoneError
    return found


def links_of(connection: Connection, case_id: UUID) -> list[Link]:
    """The links of a case, newest first."""
    query = _select().where(link.c.case_id == case_id).order_by(link.c.created_at.desc(), link.c.id)
    return [link_of_row(row) for row in connection.execute(query)]


def revoke(
    connection: Connection, link_id: UUID, *, case_id: UUID, at: datetime, actor: str, reason: str | None = None
) -> bool:
    """End a link of a case, and every visit of it, at once.

    Returns:
        False where the case has no such link, or it was revoked before.
    """
    mine = (link.c.id == link_id) & (link.c.case_id == case_id) & link.c.revoked_at.is_(None)
    if connection.execute(update(link).where(mine).values(revoked_at=at)).rowcount == 0:
        return False
    facts = {"link_id": str(link_id)}
    record(connection, CustodyEntry(case_stream(case_id), Action.LINK_REVOKED, actor, at, facts, reason))
    return True


def token_digest(token: str) -> str:
    """SHA-256 of a token, lower-case hex, of whatever somebody wrote in its place too."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def link_of_row(row: Row[Any]) -> Link:
    """The link in a row that has the columns of `link`."""
    return Link(
        id=row.id,
        kind=LinkKind(row.kind),
        case_id=row.case_id,
        contributor_id=row.contributor_id,
        token_sha256=row.token_sha256,
        one_time=row.one_time,
        shows_earlier=row.shows_earlier,
        has_pin=row.pin_hash is not None,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_up_at=row.used_up_at,
    )


def _select() -> Any:
    return select(link, contributor.c.left_at).join(contributor, contributor.c.id == link.c.contributor_id)


def _facts(made: Link) -> dict[str, Any]:
    return {
        "link_id": str(made.id),
        "kind": made.kind.value,
        "contributor_id": str(made.contributor_id),
        "token_sha256": made.token_sha256,
        "one_time": made.one_time,
        "shows_earlier": made.shows_earlier,
        "pin": made.has_pin,
        "expires_at": rendered(made.expires_at),
    }
