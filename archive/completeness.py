"""Completeness: what a source says it gave us, against what the archive holds, stated in the ledger.

A statement says of one source and one span: so many seen there, so many archived, and each that is not, by name. It is
an entry of the system's stream, so it is signed with the next checkpoint and stamped and witnessed with it; whoever
changes a statement afterwards changes the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from archive.acquisition import rendered
from archive.alerts import raise_alert
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.ledger import checkpoint_size, record
from archive.tables import alert, completeness, custody_leaf

ALERT: Final = "completeness_gap"
# An entry of the ledger stays readable: what is more is counted, and named by the command's own answer.
MOST_NAMED: Final = 200


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that the source has and the archive has not.

    Attributes:
        source_id: Its source id, as the archive would have it.
        because: Why it is not here.
        explained: Whether that is the source's own last word on it, so that asking again changes nothing. What we do
            not know the cause of, and what may come later, is unexplained.
    """

    source_id: str
    because: str
    explained: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """One source held against the archive.

    Attributes:
        source: `texts:<account>` or `mailbox:<account>/<folder>`.
        since: From when on; None: everything it has.
        until: Until when: the moment at which it was asked.
        seen: How many the source has for us. They are archived, waiting, parked or a gap.
        archived: How many of them are in the vault and in the ledger.
        taken: How many of them only this comparison took in.
        waiting: How many are on their way: received and not in the vault yet, or so young that their door is at them.
        parked: How many are received and set aside for a person.
        gaps: Each that is not here at all.
        beside: Other counts, by name: what was seen and is not for us, what was found of our own sending.
    """

    source: str
    since: datetime | None
    until: datetime
    seen: int
    archived: int
    taken: int = 0
    waiting: int = 0
    parked: int = 0
    gaps: tuple[Gap, ...] = ()
    beside: Mapping[str, int] = field(default_factory=dict)

    @property
    def unexplained(self) -> tuple[Gap, ...]:
        """The gaps nobody can account for."""
        return tuple(gap for gap in self.gaps if not gap.explained)

    def facts(self) -> dict[str, Any]:
        """As the ledger has it."""
        named = [*self.unexplained, *(gap for gap in self.gaps if gap.explained)][:MOST_NAMED]
        return {
            "source": self.source,
            "since": rendered(self.since) if self.since else None,
            "until": rendered(self.until),
            "seen": self.seen,
            "archived": self.archived,
            "taken": self.taken,
            "waiting": self.waiting,
            "parked": self.parked,
            "explained": len(self.gaps) - len(self.unexplained),
            "unexplained": len(self.unexplained),
            "gaps": [{"id": each.source_id, "because": each.because, "explained": each.explained} for each in named],
            "beside": dict(self.beside),
        }


def state(connection: Connection, compared: Compared, *, at: datetime, actor: str) -> int:
    """Put one statement into the ledger, and leave an alert where something is unexplained.

    Returns:
        The entry's id.
    """
    facts = compared.facts()
    entry_id = record(connection, CustodyEntry(SYSTEM, Action.COMPLETENESS_STATED, actor, at, facts))
    row = {"entry_id": entry_id, "source": compared.source, "stated_at": at, "facts": facts}
    connection.execute(insert(completeness).values(row))
    if compared.unexplained:
        _warn(connection, compared, at)
    return entry_id


def _warn(connection: Connection, compared: Compared, at: datetime) -> None:
    """One alert until somebody has looked: it names the first, the statement names all."""
    unseen = select(alert.c.id).where(alert.c.kind == ALERT, alert.c.seen_at.is_(None))
    if connection.execute(unseen.limit(1)).first() is None:
        first, count = compared.unexplained[0], len(compared.unexplained)
        text = f"{compared.source}: {count} not in the archive and not explained, first {first.source_id}: "
        raise_alert(connection, ALERT, at=at, text=f"{text}{first.because}"[:1000])


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement as it stands.

    Attributes:
        facts: What it says (`Compared.facts`).
        at: When it was made.
        entry: Its leaf index; None until the sequencer placed it.
        signed: Whether a signed checkpoint covers it.
    """

    facts: Mapping[str, Any]
    at: datetime
    entry: int | None
    signed: bool

    @property
    def kind(self) -> str:
        """`texts` or `mailbox`: what may be told without telling whose."""
        return str(self.facts["source"]).partition(":")[0]


def statements(connection: Connection, *, since: datetime | None = None, most: int = 1000) -> list[Stated]:
    """Statements, newest first."""
    query = (
        select(completeness.c.facts, completeness.c.stated_at, custody_leaf.c.leaf_index)
        .outerjoin(custody_leaf, custody_leaf.c.entry_id == completeness.c.entry_id)
        .order_by(completeness.c.stated_at.desc(), completeness.c.entry_id.desc())
        .limit(most)
    )
    rows = connection.execute(query.where(completeness.c.stated_at >= since) if since else query)
    size = checkpoint_size(connection)
    return [
        Stated(row.facts, row.stated_at, row.leaf_index, row.leaf_index is not None and row.leaf_index < size)
        for row in rows
    ]


def newest(connection: Connection) -> list[Stated]:
    """The newest statement of each source, by source."""
    each = select(func.max(completeness.c.entry_id)).group_by(completeness.c.source)
    query = (
        select(completeness.c.facts, completeness.c.stated_at, custody_leaf.c.leaf_index)
        .outerjoin(custody_leaf, custody_leaf.c.entry_id == completeness.c.entry_id)
        .where(completeness.c.entry_id.in_(each))
        .order_by(completeness.c.source)
    )
    size = checkpoint_size(connection)
    return [
        Stated(row.facts, row.stated_at, row.leaf_index, row.leaf_index is not None and row.leaf_index < size)
        for row in connection.execute(query)
    ]


def told_without_names(connection: Connection, since: datetime) -> list[dict[str, Any]]:
    """Statements of a span for a package: counts and the entry each is, and no address, number or id of a message.

    Sources are numbered as they are named: a package tells that there were two mailboxes, not which.
    """
    found = statements(connection, since=since)
    numbers = {name: number for number, name in enumerate(sorted({each.facts["source"] for each in found}), start=1)}
    counted = ("since", "until", "seen", "archived", "taken", "waiting", "parked", "explained", "unexplained")
    return [
        {
            "source": f"{each.kind} {numbers[each.facts['source']]}",
            "stated_at": rendered(each.at),
            "ledger_entry": each.entry,
            "under_a_signed_checkpoint": each.signed,
            **{name: each.facts[name] for name in counted},
        }
        for each in reversed(found)
    ]
