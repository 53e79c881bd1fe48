"""The audit: rows against objects against ledger, each way, as a run that can be stopped and gone on with.

Promise: memory stays at a page whatever the archive holds. Every fault is kept with its kind and place as it is found;
a run that was stopped goes on behind the last page it finished. The run itself is a custody entry, and faults raise an
alert.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from archive.acquisition import rendered
from archive.alerts import raise_alert
from archive.audit_copies import copies
from archive.audit_cosignatures import cosignatures
from archive.audit_ledger import checkpoints, entries, tokens
from archive.audit_promises import promises
from archive.audit_scope import Fault, Ground, Page, Scope, Step
from archive.audit_times import times
from archive.audit_vault import listing, objects
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import AuditRunningError
from archive.ledger import record
from archive.tables import audit_fault, audit_run

STEPS: Final[Mapping[str, Step]] = {
    "entries": entries,
    "checkpoints": checkpoints,
    "cosignatures": cosignatures,
    "tokens": tokens,
    "times": times,
    "copies": copies,
    "promises": promises,
    "objects": objects,
    "listing": listing,
}
# A sample looks at what is young, and at one object in sixteen.
SAMPLE_SINCE: Final = timedelta(days=2)
NAMED_IN_ALERT: Final = 5
# Any constant of ours: two audits must agree on it.
ADVISORY_LOCK: Final = 0x61756469
Progress = Callable[[str, int], None]

log = structlog.get_logger()


def unwatched(step: str, looked_at: int) -> None:
    """Nobody is told how far an audit is."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What one whole run found.

    Attributes:
        run_id: Its row.
        kind: `whole`, `sample` or `since`.
        started_at: When it began, before any stop.
        looked_at: How many things each step looked at.
        faults: What is not as recorded, by kind and place.
    """

    run_id: UUID
    kind: str
    started_at: datetime
    looked_at: Mapping[str, int]
    faults: Sequence[Fault]

    def as_json(self) -> dict[str, Any]:
        """As the command prints it."""
        return {
            "run": str(self.run_id),
            "kind": self.kind,
            "started_at": rendered(self.started_at),
            "looked_at": dict(self.looked_at),
            "faults": [{"kind": each.kind, "place": each.place, "says": each.says} for each in self.faults],
        }


@dataclass(frozen=True, slots=True)
class Auditor:
    """Runs audits.

    Attributes:
        ground: What they work with.
        progress: Told which step, and how many things it has looked at.
    """

    ground: Ground
    progress: Progress

    def run(self, kind: str, *, actor: str, since: datetime | None = None) -> Audited:
        """Run one audit to its end; one of this kind that was stopped is gone on with.

        Args:
            kind: `whole`, `sample` (what is young, and a sixteenth of all objects) or `since`.
            actor: Who runs it.
            since: Of `since`, from when on.

        Raises:
            AuditRunningError: Another is running.
            VaultUnavailableError: The vault is away; run it again, and it goes on.
        """
        with self.ground.engine.begin() as guard:
            if not guard.execute(select(func.pg_try_advisory_xact_lock(ADVISORY_LOCK))).scalar_one():
                raise AuditRunningError(kind)
            row = self._begin(kind, actor, since)
            looked_at = Counter(dict.fromkeys(STEPS, 0) | row.looked_at)
            for step in list(STEPS)[list(STEPS).index(row.step) :]:
                cursor = row.cursor if step == row.step else ""
                for page in STEPS[step](self.ground, Scope(row.since, row.part), cursor):
                    looked_at[step] += page.looked_at
                    self._keep(row.id, step, page, looked_at)
                    self.progress(step, looked_at[step])
            return self._finish(row, looked_at, actor)

    def _begin(self, kind: str, actor: str, since: datetime | None) -> Row[Any]:
        now = self.ground.now()
        with self.ground.engine.begin() as connection:
            stopped = audit_run.c.finished_at.is_(None) & (audit_run.c.kind == kind)
            if kind == "since":
                stopped &= audit_run.c.since == since
            found = connection.execute(select(audit_run).where(stopped).order_by(audit_run.c.started_at)).first()
            if found:
                return found
            values = {
                "id": uuid4(),
                "kind": kind,
                "since": now - SAMPLE_SINCE if kind == "sample" else since,
                "part": secrets.token_hex(1)[0] if kind == "sample" else None,
                "actor": actor,
                "started_at": now,
                "went_on_at": now,
                "step": next(iter(STEPS)),
                "cursor": "",
                "looked_at": {},
            }
            return connection.execute(insert(audit_run).values(values).returning(audit_run)).one()

    def _keep(self, run_id: UUID, step: str, page: Page, looked_at: Mapping[str, int]) -> None:
        """Keep what a page found and how far we are, together: a stop in between repeats the page."""
        now = self.ground.now()
        with self.ground.engine.begin() as connection:
            if page.faults:
                rows = [
                    {"run_id": run_id, "kind": one.kind, "place": one.place, "says": one.says, "found_at": now}
                    for one in page.faults
                ]
                connection.execute(insert(audit_fault).on_conflict_do_nothing(), rows)
            values = {"step": step, "cursor": page.cursor, "looked_at": dict(looked_at), "went_on_at": now}
            connection.execute(update(audit_run).where(audit_run.c.id == run_id).values(values))

    def _finish(self, row: Row[Any], looked_at: Mapping[str, int], actor: str) -> Audited:
        now = self.ground.now()
        with self.ground.engine.begin() as connection:
            faults = _faults_of(connection, row.id)
            values = {"finished_at": now, "looked_at": dict(looked_at)}
            connection.execute(update(audit_run).where(audit_run.c.id == row.id).values(values))
            facts = {
                "run": str(row.id),
                "kind": row.kind,
                "since": rendered(row.since) if row.since else None,
                "part": row.part,
                "looked_at": dict(looked_at),
                "faults": dict(Counter(each.kind for each in faults)),
            }
            record(connection, CustodyEntry(SYSTEM, Action.AUDIT_RUN, actor, now, facts))
            if faults:
                raise_alert(connection, "audit", at=now, text=_sentence(faults))
        log.info("audit.ended", kind=row.kind, faults=len(faults))
        return Audited(row.id, row.kind, row.started_at, dict(looked_at), faults)


def _faults_of(connection: Connection, run_id: UUID) -> list[Fault]:
    query = (
        select(audit_fault)
        .where(audit_fault.c.run_id == run_id)
        .order_by(audit_fault.c.found_at, audit_fault.c.kind, audit_fault.c.place)
    )
    return [Fault(row.kind, row.place, row.says) for row in connection.execute(query)]


def _sentence(faults: Sequence[Fault]) -> str:
    named = "; ".join(f"{each.place}: {each.says}" for each in faults[:NAMED_IN_ALERT])
    more = f"; and {len(faults) - NAMED_IN_ALERT} more" if len(faults) > NAMED_IN_ALERT else ""
    return f"An audit found {len(faults)} faults: {named}{more}."
