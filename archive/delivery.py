"""What the provider says became of each text of ours: reports kept as they were told, one of each kind.

Reports come in any order, more than once, and before our own side knows the text by its id. Nothing is overwritten: the
state of a text is the furthest of what was told (`deliveries`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from archive.tables import delivery_report

# Twilio's message statuses in the order in which a text passes through them. `delivered` outranks `undelivered`: a
# network may take back that it failed, and never that it delivered.
RANKS: Final = {
    "accepted": 0, "scheduled": 0, "queued": 1, "sending": 2, "sent": 3,
    "canceled": 4, "failed": 5, "undelivered": 5, "partially_delivered": 6, "delivered": 7, "read": 8,
}  # fmt: skip
NOT_DELIVERED: Final = frozenset({"failed", "undelivered", "canceled"})
_STATUS: Final = re.compile(r"[a-z][a-z_-]{0,29}", re.ASCII)
_CODE: Final = re.compile(r"[1-9][0-9]{3,5}", re.ASCII)

# Twilio's numbers for why a text did not arrive (https://www.twilio.com/docs/api/errors), with what a person can do.
MEANS: Final[dict[int, str]] = {
    21610: "the number opted out with a word like STOP, perhaps one that was forwarded as evidence: only a text with "
    "START from it opts in again; ask her by a safe way first, and switch Twilio's own STOP handling off",
    30001: "Twilio's queue was full: nothing to do but to wait",
    30002: "the Twilio account is suspended: ring Twilio",
    30003: "the phone is off, out of reach or no mobile: ask her by another safe way whether the number still stands",
    30004: "the phone or its network blocks our texts: ask her by another safe way; she may have done so herself",
    30005: "the number does not exist or not any more: check it, and who has it now, before anything else is sent",
    30006: "a landline, or a network that cannot be reached: use a mobile number or mail",
    30007: "the network took the text for spam: use plainer words without links, and register the sender with Twilio",
    30008: "the network gave no reason: if it happens again, ask Twilio with the message's id",
    30034: "the sender is not registered for that network: register it with Twilio",
    63038: "the Twilio account has reached its daily limit",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far one text of ours has come.

    Attributes:
        status: Twilio's word for it.
        error_code: Twilio's number for why not, where it told one.
        at: When that was told.
    """

    status: str
    error_code: int | None
    at: datetime

    @property
    def failed(self) -> bool:
        """Whether nobody got it."""
        return self.status in NOT_DELIVERED

    @property
    def advice(self) -> str | None:
        """What it means and what to do; None where it is on its way or arrived."""
        if not self.failed:
            return None
        if self.error_code is None:
            return f"it was not delivered ({self.status}), and Twilio told no reason"
        known = MEANS.get(self.error_code, "it was not delivered: look the number up at Twilio")
        return f"{known} (Twilio error {self.error_code})"


@dataclass(frozen=True, slots=True)
class Report:
    """One report as the provider's callback told it."""

    message_sid: str
    status: str
    error_code: int | None

    @classmethod
    def of(cls, message_sid: str, status: str, error_code: str) -> Report | None:
        """Read a callback's fields; None where there is no status in them. An error code of another form is no code."""
        word = status.strip().lower()
        if not _STATUS.fullmatch(word):
            return None
        return cls(message_sid, word, int(error_code) if _CODE.fullmatch(error_code.strip()) else None)


def note_report(connection: Connection, report: Report, *, at: datetime) -> bool:
    """Keep one report.

    Returns:
        Whether it is news: this status of this text was not told before.
    """
    row = insert(delivery_report).values(
        message_sid=report.message_sid, status=report.status, error_code=report.error_code, told_at=at
    )
    return bool(connection.execute(row.on_conflict_do_nothing().returning(delivery_report.c.status)).first())


def deliveries(connection: Connection, message_sids: Sequence[str]) -> dict[str, Delivery]:
    """How far each of these texts has come, by MessageSid (`reply.provider_id`); those never told of are left out."""
    found: dict[str, Delivery] = {}
    query = (
        select(delivery_report)
        .where(delivery_report.c.message_sid == func.any(list(message_sids)))
        .order_by(delivery_report.c.told_at, delivery_report.c.status)
    )
    for row in connection.execute(query):
        before = found.get(row.message_sid)
        # A word Twilio made up since says where it was told last, and no more.
        if before is None or RANKS.get(row.status, 0) >= RANKS.get(before.status, 0):
            found[row.message_sid] = Delivery(row.status, row.error_code, row.told_at)
    return found
