"""The keys a ledger was ever signed with: announced in the ledger under the one before, and retired in it.

While two are live, both sign: whoever knows either can check every checkpoint of that time. A key that was replaced
stays in the published policy, so that packages made under it still verify; one that was stolen does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection, insert, select, update

from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import KeyRefusedError
from archive.ledger import record
from archive.signed_note import ED25519, VerifierKey
from archive.tables import log_key
from archive.witnessing import KnownWitness

Because: TypeAlias = Literal["replaced", "stolen"]


@dataclass(frozen=True, slots=True)
class LogKey:
    """One key of the ledger.

    Attributes:
        key: The public key.
        announced_at: When it began.
        retired_at: When it ended; None while it signs.
        retired_because: `replaced` or `stolen`.
    """

    key: VerifierKey
    announced_at: datetime
    retired_at: datetime | None
    retired_because: Because | None


def log_keys(connection: Connection) -> list[LogKey]:
    """Every key, the first one first."""
    rows = connection.execute(select(log_key).order_by(log_key.c.announced_at, log_key.c.verifier_key))
    return [
        LogKey(VerifierKey.parse(row.verifier_key), row.announced_at, row.retired_at, row.retired_because)
        for row in rows
    ]


def begin_log(connection: Connection, key: VerifierKey, *, at: datetime, actor: str) -> None:
    """Say in the ledger which key signs it from its first entry on."""
    connection.execute(insert(log_key).values(verifier_key=key.encode(), announced_at=at))
    facts = {"origin": key.name, "verifier_key": key.encode()}
    record(connection, CustodyEntry(SYSTEM, Action.LEDGER_STARTED, actor, at, facts))


def announce(connection: Connection, key: VerifierKey, *, at: datetime, actor: str, reason: str) -> None:
    """Say in the ledger, under the keys that sign now, that another will sign beside them.

    Raises:
        KeyRefusedError: It is not of this ledger, is known already, or no ledger has begun.
    """
    known = log_keys(connection)
    if not known:
        raise KeyRefusedError(key.encode(), "no sequencer has begun this ledger yet: its first key needs no announcing")
    if key.kind != ED25519 or key.name != known[0].key.name:
        raise KeyRefusedError(key.encode(), f"it is not a key of the ledger {known[0].key.name}")
    if any(each.key.public == key.public for each in known):
        raise KeyRefusedError(key.encode(), "it is a key of this ledger already, or was one")
    under = [each.key.encode() for each in known if each.retired_at is None]
    connection.execute(insert(log_key).values(verifier_key=key.encode(), announced_at=at))
    facts = {"origin": key.name, "verifier_key": key.encode(), "under": under}
    record(connection, CustodyEntry(SYSTEM, Action.KEY_ANNOUNCED, actor, at, facts, reason))


def retire(
    connection: Connection, key: VerifierKey, *, because: Because, at: datetime, actor: str, reason: str
) -> None:
    """Say in the ledger that a key signs nothing from here on. The sequencer obeys at its next checkpoint.

    Raises:
        KeyRefusedError: It is not live, or it is the only one that is.
    """
    # Held until the end: of two keys retired at the same moment, the second is the only one.
    held = select(log_key.c.verifier_key).where(log_key.c.retired_at.is_(None)).with_for_update()
    live = set(connection.execute(held).scalars())
    if key.encode() not in live:
        raise KeyRefusedError(key.encode(), "it is no key that signs this ledger now")
    if len(live) == 1:
        raise KeyRefusedError(key.encode(), "it is the only key that signs: announce another first, and let both sign")
    connection.execute(
        update(log_key).where(log_key.c.verifier_key == key.encode()).values(retired_at=at, retired_because=because)
    )
    facts = {"origin": key.name, "verifier_key": key.encode(), "because": because}
    record(connection, CustodyEntry(SYSTEM, Action.KEY_RETIRED, actor, at, facts, reason))


def policy_text(keys: Sequence[LogKey], witnesses: Sequence[KnownWitness], quorum: int) -> str:
    """The trust policy of an installation (c2sp.org/tlog-policy): its keys, its witnesses, how many must cosign.

    Args:
        keys: From `log_keys`.
        witnesses: Whom the installation asks.
        quorum: How many of them must have cosigned.
    """
    lines = []
    for each in keys:
        if each.retired_because == "stolen":
            lines.append(f"# stolen, no longer trusted since {each.retired_at:%Y-%m-%d}: {each.key.encode()}")
            continue
        if each.retired_at is not None:
            lines.append(f"# the next key was replaced on {each.retired_at:%Y-%m-%d}; packages made before need it")
        lines.append(f"log {each.key.encode()}")
    if not witnesses:
        lines += ["# UNWITNESSED: nobody outside has cosigned. Keep checkpoints that you were given.", "quorum none"]
        return "\n".join(lines) + "\n"
    lines += [f"witness {each.name} {each.key.encode()} {each.url}" for each in witnesses]
    lines += [f"group witnesses {quorum} {' '.join(each.name for each in witnesses)}", "quorum witnesses"]
    return "\n".join(lines) + "\n"
